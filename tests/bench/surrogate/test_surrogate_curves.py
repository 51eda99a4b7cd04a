"""Learning curves from architectures and from beginnings, on curves that are known because they are made."""

import numpy as np
import pytest

import ganas
from ganas.bench.surrogate.curves import CurveSurrogate
from ganas.spaces.encodings import live_operation_counts
from ganas.spaces.errors import DataError, InvalidSetting

SPACE = ganas.load_space("nasbench201")
EPOCHS = list(range(1, 41))
SEEN = 10


def made_curves(cells, rng):
    """Saturating curves: their end follows the live convolutions, their speed the live skips; all are noisy."""
    columns = [SPACE.operations.index(name) for name in ("nor_conv_3x3", "skip_connect")]
    counts = live_operation_counts(SPACE, cells)[:, columns]
    end = 60 + 5 * counts[:, :1] + rng.normal(0, 2, (len(cells), 1))
    speed = 0.05 + 0.03 * counts[:, 1:] + rng.uniform(0, 0.02, (len(cells), 1))
    curve = end * (1 - np.exp(-speed * np.array(EPOCHS)))
    return curve + rng.normal(0, 0.2, curve.shape)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    cells = SPACE.sample(160, rng=rng)
    curves = made_curves(cells, rng)
    surrogate = CurveSurrogate(SPACE, EPOCHS).fit(cells[:120], curves[:120])
    return surrogate, cells[120:], curves[120:]


def test_whole_curves_from_architectures(fitted):
    surrogate, cells, curves = fitted
    said = surrogate.predict(cells)
    assert said.mean.shape == said.standard_deviation.shape == curves.shape and said.epochs.tolist() == EPOCHS
    of_the_mean = np.abs(curves - curves.mean(axis=0)).mean()
    assert np.abs(curves - said.mean).mean() < 0.5 * of_the_mean
    inside = np.abs(curves - said.mean) < 1.645 * said.standard_deviation
    assert 0.75 < inside.mean() < 0.99


def test_the_end_from_the_beginning(fitted):
    surrogate, cells, curves = fitted
    alone, told = surrogate.predict(cells), surrogate.predict(cells, curves[:, :SEEN])
    assert np.array_equal(told.mean[:, :SEEN], curves[:, :SEEN])
    assert not told.standard_deviation[:, :SEEN].any()
    before, after = np.abs(curves[:, -1] - alone.mean[:, -1]), np.abs(curves[:, -1] - told.mean[:, -1])
    assert after.mean() < 0.8 * before.mean(), "a quarter of the curve says more than the architecture alone"
    assert (told.standard_deviation[:, -1] < alone.standard_deviation[:, -1]).all()
    more = surrogate.predict(cells, curves[:, : 2 * SEEN])
    assert np.abs(curves[:, -1] - more.mean[:, -1]).mean() < after.mean()
    assert np.array_equal(surrogate.predict(cells, curves).mean, curves), "and all of it says all"


def test_nothing_known_is_a_beginning_of_no_epochs(fitted):
    surrogate, cells, curves = fitted
    assert np.array_equal(surrogate.predict(cells).mean, surrogate.predict(cells, curves[:, :0]).mean)


def test_a_saved_surrogate_says_the_same(fitted):
    surrogate, cells, curves = fitted
    again = CurveSurrogate(SPACE, EPOCHS)
    again.load_state(surrogate.state())
    assert np.array_equal(again.predict(cells, curves[:, :3]).mean, surrogate.predict(cells, curves[:, :3]).mean)


def test_curves_of_a_converted_table():
    """What ``curve`` of a benchmark gives is what the surrogate takes."""
    rng = np.random.default_rng(3)
    cells = sorted(set(SPACE.sample(40, rng=rng)), key=SPACE.identity_key)
    curves = made_curves(cells, rng)
    bench = ganas.TabularBenchmark(
        name="curves",
        space=SPACE,
        identities=[SPACE.identity_key(cell) for cell in cells],
        metrics=[ganas.Metric("acc", "percent", "valid", epochs=tuple(EPOCHS))],
        values={"acc": curves[:, :, None]},
        architectures=cells,
    )
    given = np.array([bench.curve(cell).values for cell in cells])
    assert np.array_equal(given, curves)
    surrogate = CurveSurrogate(SPACE, bench.metric().epochs).fit(cells, given)
    assert surrogate.predict(cells).mean.shape == curves.shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cells, curves: (cells[:5], curves[:5]), "at least 10 architectures, and 5 were given"),
        (lambda cells, curves: (cells, curves[:, :-1]), "want an array of that shape"),
        (lambda cells, curves: (cells, np.where(curves > curves.max() - 1e-9, np.nan, curves)), "has nan at epoch"),
        (lambda cells, curves: (cells, np.where(curves > curves.max() - 1e-9, np.inf, curves)), "has inf at epoch"),
        (lambda cells, curves: (cells, np.ones_like(curves)), "all curves are the same"),
    ],
)
def test_curves_that_cannot_be_learnt(change, message):
    rng = np.random.default_rng(1)
    cells = SPACE.sample(20, rng=rng)
    with pytest.raises(DataError, match=message):
        CurveSurrogate(SPACE, EPOCHS).fit(*change(cells, made_curves(cells, rng)))


def test_questions_that_have_no_answer(fitted):
    surrogate, cells, curves = fitted
    with pytest.raises(InvalidSetting, match="not fitted yet"):
        CurveSurrogate(SPACE, EPOCHS).predict(cells)
    with pytest.raises(InvalidSetting, match="two epochs or more"):
        CurveSurrogate(SPACE, [1])
    with pytest.raises(InvalidSetting, match="increasing"):
        CurveSurrogate(SPACE, [2, 1])
    with pytest.raises(DataError, match="beginnings must be"):
        surrogate.predict(cells, curves[:3])
    with pytest.raises(DataError, match="beginnings must be"):
        surrogate.predict(cells, np.full((len(cells), 2), np.nan))
