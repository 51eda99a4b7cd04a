"""The operators of text networks: the plain implementation, gradients, padding, dropout."""

import importlib.util
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="networks need torch")

from torch.func import functional_call  # noqa: E402

from ganas.spaces.errors import InvalidSetting, NotSupported, UnknownName  # noqa: E402
from ganas.spaces.textnas.attention import HEADS, Attention  # noqa: E402
from ganas.spaces.textnas.genotype import OPERATORS  # noqa: E402
from ganas.spaces.textnas.masking import Words, dropout, dropout_mask  # noqa: E402
from ganas.spaces.textnas.normalisation import MaskedBatchNorm  # noqa: E402
from ganas.spaces.textnas.operators import Dropouts, make_operator  # noqa: E402

NO_DROPOUT = Dropouts(0, 0, 0, 0, 0)


@pytest.fixture(scope="module")
def plain():
    """The plain implementation that the operators are measured beside."""
    path = Path(__file__).resolve().parents[3] / "perf" / "text.py"
    specification = importlib.util.spec_from_file_location("perf_text_operators", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["perf_text_operators"] = module
    specification.loader.exec_module(module)
    return module


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def texts(lengths=(5, 1, 3), *, padding=0, channels=8, seed=1):
    """Random texts that are zero at padding, and their mask; a text is the same with any padding."""
    time = max(lengths) + padding
    values = torch.zeros(len(lengths), time, channels, dtype=torch.float64)
    mask = torch.arange(time) < torch.tensor(lengths)[:, None]
    for text, length in zip(values, lengths, strict=True):
        text[:length] = torch.randn(length, channels, generator=seeded(seed + length), dtype=torch.float64)
    return values, mask


def operator(name, *, channels=8, dropouts=NO_DROPOUT):
    """One with weights and batch statistics that are not those of the beginning."""
    torch.manual_seed(3)
    made = make_operator(name, channels, dropouts).double()
    for module in made.modules():
        if isinstance(module, MaskedBatchNorm):
            for values in (*module.parameters(), *module.buffers()):
                values.data.uniform_(0.5, 1.5)
    return made


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_equals_the_plain_one_on_padded_texts(plain, name, training):
    values, mask = texts(padding=2)
    ours = operator(name).train(training)
    theirs = plain.plain_operator(name, ours).double().train(training)
    mine, other = values.clone().requires_grad_(), values.clone().requires_grad_()
    found, expected = ours(mine, Words(mask, mine)), theirs(other.transpose(1, 2), mask).transpose(1, 2)
    assert torch.allclose(found, expected, atol=1e-12, rtol=1e-9)
    assert found.abs().max() > 0.1
    weights = torch.randn(found.shape, generator=seeded(9), dtype=torch.float64)
    for output, where in ((found, mine), (expected, other)):
        (output * weights).sum().backward()
        where.grad *= mask.unsqueeze(2)  # what comes before hands no gradients on from padding
    assert torch.allclose(mine.grad, other.grad, atol=1e-12, rtol=1e-9)
    assert mine.grad.abs().max() > 0.01


@pytest.mark.parametrize("name", ["conv_1", "conv_3", "gru", "attention"])
def test_batch_statistics_and_gradients_of_weights_equal_the_plain_ones(plain, name):
    values, mask = texts(padding=1)
    ours = operator(name).train()
    theirs = plain.plain_operator(name, ours).double().train()
    ours(values, Words(mask, values)).pow(2).sum().backward()
    theirs(values.transpose(1, 2), mask).pow(2).sum().backward()
    norms = [module for module in ours.modules() if isinstance(module, MaskedBatchNorm)]
    others = [module for module in theirs.modules() if isinstance(module, torch.nn.BatchNorm1d)]
    for mine, other in zip(norms, others, strict=True):
        assert torch.allclose(mine.running_mean, other.running_mean, atol=1e-12, rtol=1e-9)
        assert torch.allclose(mine.running_var, other.running_var, atol=1e-12, rtol=1e-9)
    # Stacked in one way or another, they have the same sums of squares.
    squares = [sum(p.grad.pow(2).sum().item() for p in module.parameters()) for module in (ours, theirs)]
    assert squares[0] == pytest.approx(squares[1], rel=1e-10)
    assert squares[0] > 1e-3


@pytest.mark.parametrize("name", OPERATORS)
def test_gradients_equal_differences(name):
    values, mask = texts((3, 2), padding=1, channels=4)
    made, words = operator(name, channels=4).train(), Words(mask, values)
    assert torch.autograd.gradcheck(lambda given: made(given, words), values.clone().requires_grad_())
    names, weights = zip(*made.named_parameters(), strict=True) if list(made.parameters()) else ((), ())
    if weights:
        free = tuple(weight.detach().clone().requires_grad_() for weight in weights)
        assert torch.autograd.gradcheck(
            lambda *given: functional_call(made, dict(zip(names, given, strict=True)), (values, words)), free
        )


@pytest.mark.parametrize("name", OPERATORS)
def test_padding_changes_no_word_and_stays_zero(name):
    made = operator(name).eval()
    values, mask = texts((5, 1, 3))
    reference = made(values, Words(mask, values))
    for padding in (1, 2, 9):
        padded, longer = texts((5, 1, 3), padding=padding)
        found = made(padded, Words(longer, padded))
        assert torch.allclose(found[:, :5], reference, atol=1e-13, rtol=1e-11)
        assert found[~longer].count_nonzero() == 0
    for length, expected in zip((5, 1, 3), reference, strict=True):
        alone, whole = texts((length,))
        assert torch.allclose(made(alone, Words(whole, alone))[0], expected[:length], atol=1e-13, rtol=1e-11)


def test_a_zero_stands_behind_the_last_word_for_the_maximum_and_nothing_before_the_first():
    values = torch.tensor([[-3.0, -2.0, -5.0, -4.0]]).unsqueeze(2)
    made = make_operator("max_pool", 1, NO_DROPOUT)
    found = made(values, Words(torch.ones(1, 4, dtype=torch.bool), values))
    assert found.flatten().tolist() == [-2, -2, -2, 0]
    padded = torch.nn.functional.pad(values.transpose(1, 2), (0, 3))
    official = torch.nn.functional.max_pool1d(padded, 3, 1, 1)[0, 0, :4]
    assert found.flatten().tolist() == official.tolist()


def test_of_equal_values_the_first_gets_the_gradient_of_a_maximum():
    values = torch.tensor([[2.0, 2.0, 2.0, 1.0]]).unsqueeze(2).requires_grad_()
    make_operator("max_pool", 1, NO_DROPOUT)(values, Words(torch.ones(1, 4, dtype=torch.bool), values)).sum().backward()
    official = values.detach().transpose(1, 2).clone().requires_grad_()
    torch.nn.functional.max_pool1d(official, 3, 1, 1).sum().backward()
    assert values.grad.flatten().tolist() == official.grad.flatten().tolist() == [2, 1, 1, 0]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", OPERATORS)
def test_a_text_without_words_stays_zero_and_harms_no_other(name, training):
    values, mask = texts((4, 2), padding=1)
    values[1], mask[1] = 0, False
    made = operator(name).train(training)
    values.requires_grad_()
    found = made(values, Words(mask, values))
    found.pow(2).sum().backward()
    assert found[1].count_nonzero() == 0
    assert found.isfinite().all() and values.grad.isfinite().all()


@pytest.mark.parametrize("name", OPERATORS)
def test_dropout_comes_from_the_global_generator_and_in_training_alone(name):
    values, mask = texts((9, 4))
    words = Words(mask, values)
    made, without = operator(name, dropouts=Dropouts(*[0.5] * 5)).train(), operator(name).train()
    torch.manual_seed(5)
    first, second = made(values, words), made(values, words)
    torch.manual_seed(5)
    assert torch.equal(made(values, words), first)
    assert torch.equal(first, second) == (name in ("average_pool", "max_pool"))
    assert torch.equal(first, without(values, words)) == (name in ("average_pool", "max_pool"))
    made.eval(), without.eval()
    made.load_state_dict(without.state_dict())
    assert torch.allclose(made(values, words), without(values, words), atol=1e-14)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.75])
def test_dropout_drops_as_often_as_it_says_and_keeps_the_mean(rate):
    torch.manual_seed(0)
    values = torch.ones(1001, 333)
    found = dropout(values, rate, training=True)
    kept = 1 / (1 - round(rate * 2**16) / 2**16)
    assert sorted(set(found.flatten().tolist())) == pytest.approx([0, kept])
    deviation = (rate * (1 - rate) / values.numel()) ** 0.5
    assert abs((found == 0).double().mean().item() - rate) < 5 * deviation
    # Neighbours share their random bits, and must not depend on each other.
    lost = (found == 0).flatten()[: values.numel() // 4 * 4].view(-1, 4).double()
    assert (torch.corrcoef(lost.t()) - torch.eye(4)).abs().max() < 0.02
    assert dropout(values, rate, training=False) is values
    assert dropout(values, 0.0, training=True) is values


def test_attention_drops_weights_after_the_softmax():
    values, mask = texts((6, 3), padding=1)
    made, words = operator("attention", dropouts=Dropouts(attention=0.4)), Words(mask, values)
    batch, time, channels = values.shape
    torch.manual_seed(8)
    found = made(values, words)
    torch.manual_seed(8)
    kept = dropout_mask(values, (batch * HEADS, time, time), 0.4).view(batch, HEADS, time, time)
    projected = made.projection(values).relu().view(batch, time, 3, HEADS, channels // HEADS)
    query, key, value = projected.permute(2, 0, 3, 1, 4)
    scores = query @ key.transpose(2, 3) / (channels // HEADS) ** 0.5
    weights = scores.masked_fill(~mask[:, None, None], -torch.inf).softmax(-1) * kept
    joined = (weights @ value).transpose(1, 2).reshape(batch, time, channels)
    assert torch.allclose(found, made.normalisation(joined, words), atol=1e-12, rtol=1e-9)


def test_gradients_of_attention_with_dropout_equal_differences():
    values, mask = texts((3, 2), padding=1, channels=4)
    made, words = operator("attention", channels=4, dropouts=Dropouts(attention=0.4)), Words(mask, values)

    def run(given):
        torch.manual_seed(4)
        return made(given, words)

    assert torch.autograd.gradcheck(run, values.clone().requires_grad_())


@pytest.mark.parametrize("name", OPERATORS)
def test_gradients_of_gradients_are_refused(name):
    values, mask = texts((3,))
    values.requires_grad_()
    output = operator(name, dropouts=Dropouts()).train()(values, Words(mask, values)).sum()
    with pytest.raises(NotSupported, match="create_graph"):
        torch.autograd.grad(output, values, create_graph=True)


def test_bad_settings():
    with pytest.raises(UnknownName, match="conv_3"):
        make_operator("conv_4", 8, NO_DROPOUT)
    with pytest.raises(InvalidSetting, match="multiple of 4, not 6"):
        Attention(6, 0.1)
    with pytest.raises(InvalidSetting, match=r"from 0 to below 1, not 1\.0"):
        Dropouts(convolution=1.0)
    for mask in (torch.ones(2, 3), torch.ones(2, dtype=torch.bool), torch.ones(2, 0, dtype=torch.bool)):
        with pytest.raises(InvalidSetting, match="a mask must be boolean"):
            Words(mask, torch.zeros(1))
