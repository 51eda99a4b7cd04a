"""The gradient through one training step, against autograd on a toy whose second derivatives torch can compute."""

import pytest
import torch

from ganas.strategies.one_shot.bilevel import clip_coefficient, gradients, unrolled_gradients


class Toy:
    """Two weights and two architecture parameters in losses that are smooth and not quadratic."""

    def __init__(self):
        generator = torch.Generator().manual_seed(5)

        def draw(*shape):
            return torch.nn.Parameter(torch.randn(*shape, generator=generator, dtype=torch.float64))

        self.weights = [draw(3, 2), draw(3)]
        self.architecture = [draw(2), draw(3)]
        self.inputs, self.held = torch.randn(2, 7, 3, generator=generator, dtype=torch.float64)

    def loss(self, inputs, weights):
        matrix, vector = weights
        mixture, gate = self.architecture
        hidden = torch.tanh(inputs @ matrix) * mixture.softmax(dim=0)
        return (hidden.sum(dim=1) - torch.sin(inputs @ (vector * gate.sigmoid()))).square().mean()

    def exact(self, rate, decay, clip):
        """Autograd through the step; the coefficient of clipping is a constant, as in the code of DARTS."""
        descent = torch.autograd.grad(self.loss(self.inputs, self.weights), self.weights, create_graph=True)
        shrunk = clip_coefficient([part.detach() for part in descent], clip)
        stepped = [w - rate * (shrunk * g + decay * w) for w, g in zip(self.weights, descent, strict=True)]
        return torch.autograd.grad(self.loss(self.held, stepped), self.architecture)

    def unrolled(self, rate, decay, clip):
        return unrolled_gradients(
            lambda: self.loss(self.inputs, self.weights),
            lambda: (self.loss(self.held, self.weights), "carried"),
            self.weights,
            self.architecture,
            rate=rate,
            weight_decay=decay,
            clip=clip,
        )


@pytest.fixture
def toy():
    return Toy()


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_unrolled_gradient_is_that_of_autograd(toy, decay):
    found, _, carried = toy.unrolled(0.4, decay, 1e9)
    for ours, exact in zip(found, toy.exact(0.4, decay, 1e9), strict=True):
        torch.testing.assert_close(ours, exact, rtol=2e-4, atol=1e-6)
    assert carried == "carried"
    first = gradients(toy.loss(toy.held, toy.weights), toy.architecture)
    assert max(float((a - b).abs().max()) for a, b in zip(found, first, strict=True)) > 1e-2


def test_the_step_is_clipped_as_the_training_clips_it(toy):
    norm = torch.cat([part.flatten() for part in gradients(toy.loss(toy.inputs, toy.weights), toy.weights)]).norm()
    clip = float(norm) / 2
    descent = gradients(toy.loss(toy.inputs, toy.weights), toy.weights)
    assert clip_coefficient(descent, clip) == pytest.approx(0.5, rel=1e-4)
    assert clip_coefficient(descent, 3 * float(norm)) == 1
    # Only the step on the weight half is clipped here: the vector of the finite difference is short enough.
    toy.held *= 0.1
    held = torch.cat([part.flatten() for part in gradients(toy.loss(toy.held, toy.weights), toy.weights)]).norm()
    assert float(held) < clip / 2
    for ours, exact in zip(toy.unrolled(0.1, 0.0, clip)[0], toy.exact(0.1, 0.0, clip), strict=True):
        torch.testing.assert_close(ours, exact, rtol=2e-4, atol=1e-6)


def test_weights_are_the_same_afterwards_and_the_loss_is_that_after_the_step(toy):
    before = [weight.detach().clone() for weight in toy.weights]
    _, loss, _ = toy.unrolled(0.1, 0.0, 1e9)
    for weight, kept in zip(toy.weights, before, strict=True):
        assert torch.equal(weight, kept)
    descent = gradients(toy.loss(toy.inputs, toy.weights), toy.weights)
    stepped = [w - 0.1 * g for w, g in zip(toy.weights, descent, strict=True)]
    torch.testing.assert_close(loss, toy.loss(toy.held, stepped).detach())


def test_a_parameter_that_the_loss_does_not_depend_on_has_a_gradient_of_zeros(toy):
    other = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    found = gradients(toy.loss(toy.inputs, toy.weights), [*toy.weights, other])
    assert torch.equal(found[-1], torch.zeros_like(other))
