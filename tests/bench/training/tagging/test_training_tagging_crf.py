"""The conditional random field against going through all sequences one by one."""

import itertools

import pytest

from ganas.data.corpora.tag_schemes import SCHEMES, all_tags, first_break

torch = pytest.importorskip("torch")

from ganas.bench.training.tagging.crf import ConditionalRandomField, allowed_transitions  # noqa: E402

LENGTHS = (5, 1, 3, 4, 2)


def drawn(num_tags=3, *, allowed=None, seed=0, scale=2.0):
    """A field with weights, and emissions, tags and mask of sentences of different lengths."""
    generator = torch.Generator().manual_seed(seed)
    field = ConditionalRandomField(num_tags, allowed).double()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    shape = (len(LENGTHS), max(LENGTHS), num_tags)
    emissions = scale * torch.randn(shape, generator=generator, dtype=torch.float64)
    tags = torch.randint(num_tags, shape[:2], generator=generator)
    mask = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    return field, emissions, tags, mask


def score_by_hand(field, emissions, tags):
    score = field.start[tags[0]] + field.end[tags[-1]]
    for place, tag in enumerate(tags):
        score = score + emissions[place, tag]
        if place:
            score = score + field.transitions[tags[place - 1], tag]
    return score.item()


def all_scores(field, emissions, length, num_tags, keep=lambda tags: True):
    """Score of every sequence of tags of a sentence, by hand."""
    return {
        tags: score_by_hand(field, emissions, tags)
        for tags in itertools.product(range(num_tags), repeat=length)
        if keep(tags)
    }


def test_scores_sums_and_best_sequences_are_those_of_brute_force():
    field, emissions, tags, mask = drawn()
    partition, score = field.log_partition(emissions, mask).detach(), field.score(emissions, tags, mask).detach()
    best, best_score = field.decode(emissions, mask)
    for row, length in enumerate(LENGTHS):
        scores = all_scores(field, emissions[row], length, 3)
        summed = torch.logsumexp(torch.tensor(list(scores.values()), dtype=torch.float64), 0)
        assert float(partition[row]) == pytest.approx(float(summed), abs=1e-10)
        assert float(score[row]) == pytest.approx(scores[tuple(tags[row, :length].tolist())], abs=1e-10)
        first = max(scores, key=scores.get)
        assert tuple(best[row, :length].tolist()) == first
        assert float(best_score[row]) == pytest.approx(scores[first], abs=1e-10)
        assert not best[row, length:].any()


def test_probabilities_of_all_sequences_add_up_to_one():
    field, emissions, _, _ = drawn(num_tags=4)
    sequences = torch.tensor(list(itertools.product(range(4), repeat=3)))
    repeated = emissions[:1, :3].expand(len(sequences), -1, -1)
    loss = field(repeated, sequences, torch.ones(sequences.shape, dtype=torch.bool))
    assert torch.exp(-loss).sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_breaks_the_scheme_has_no_weight(scheme):
    names = all_tags(["a"], scheme)
    field, emissions, _, mask = drawn(len(names), allowed=allowed_transitions(names, scheme))

    def keeps(tags):
        return first_break([names[tag] for tag in tags], scheme) is None

    partition = field.log_partition(emissions, mask).detach()
    best, _ = field.decode(emissions, mask)
    for row, length in enumerate(LENGTHS):
        scores = all_scores(field, emissions[row], length, len(names), keeps)
        summed = torch.logsumexp(torch.tensor(list(scores.values()), dtype=torch.float64), 0)
        assert float(partition[row]) == pytest.approx(float(summed), abs=1e-10)
        assert tuple(best[row, :length].tolist()) == max(scores, key=scores.get)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pairs_that_are_allowed_are_those_of_unbroken_sequences(scheme):
    names = all_tags(["a", "b"], scheme)
    start, steps, end = allowed_transitions(names, scheme)
    for length in (1, 2, 3):
        for tags in itertools.product(range(len(names)), repeat=length):
            pairs = all(steps[before, after] for before, after in itertools.pairwise(tags))
            allowed = bool(start[tags[0]] and pairs and end[tags[-1]])
            assert allowed == (first_break([names[tag] for tag in tags], scheme) is None)


def test_gradients_are_those_of_small_differences():
    names = all_tags(["a"], "IOBES")
    field, emissions, _, mask = drawn(len(names), allowed=allowed_transitions(names, "IOBES"), scale=0.5)
    tags = torch.tensor([[0, 1, 2, 3, 0], [0, 0, 0, 0, 0], [4, 0, 4, 0, 0], [1, 3, 1, 3, 0], [0, 4, 0, 0, 0]])
    names_of_weights = [name for name, _ in field.named_parameters()]

    def loss(emissions, *weights):
        return torch.func.functional_call(
            field, dict(zip(names_of_weights, weights, strict=True)), (emissions, tags, mask)
        )

    weights = [parameter.detach().clone().requires_grad_() for parameter in field.parameters()]
    assert torch.autograd.gradcheck(loss, (emissions.requires_grad_(), *weights))


def test_gradients_of_what_is_not_allowed_and_of_padding_are_zero():
    names = all_tags(["a"], "IOB2")
    field, emissions, _, mask = drawn(len(names), allowed=allowed_transitions(names, "IOB2"))
    field.log_partition(emissions.requires_grad_(), mask).sum().backward()
    assert not emissions.grad[~mask].any()
    assert torch.isfinite(emissions.grad).all() and emissions.grad[mask].any()
    assert float(field.transitions.grad[0, 2]) == 0.0 and float(field.start.grad[2]) == 0.0
    # The marginal probabilities of a word's tags add up to one.
    assert torch.allclose(emissions.grad[mask].sum(1), torch.ones((), dtype=torch.float64))


def test_padding_changes_nothing():
    field, emissions, tags, mask = drawn()
    alone = field(emissions[2:3, :3], tags[2:3, :3], mask[2:3, :3])
    padded = field(emissions, tags, mask)[2:3]
    assert torch.equal(alone, padded)
    emissions[~mask] = 1e6
    tags[~mask] = 2
    assert torch.equal(field(emissions, tags, mask)[2:3], alone)
    assert torch.equal(field.decode(emissions, mask)[0][2, :3], field.decode(emissions[2:3, :3], mask[2:3, :3])[0][0])


def test_large_scores_stay_finite():
    field, emissions, tags, mask = drawn(scale=300.0)
    loss = field(emissions.requires_grad_(), tags, mask)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and (loss >= 0).all() and torch.isfinite(emissions.grad).all()


def test_half_precision_is_summed_in_single():
    field, emissions, tags, mask = drawn()
    field.float()
    half = emissions.bfloat16()
    assert torch.equal(field(half, tags, mask), field(half.float(), tags, mask))


def test_masks_are_not_saved():
    names = all_tags(["a"], "IOB2")
    field = ConditionalRandomField(len(names), allowed_transitions(names, "IOB2"))
    assert set(field.state_dict()) == {"start", "transitions", "end"}
