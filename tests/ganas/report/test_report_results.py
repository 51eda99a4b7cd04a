import numpy as np
import pandas as pd
import pytest

from ganas.report.best import find_best
from ganas.report.results import checkpoints, read_panels
from ganas.report.tables import pair_tables, queries_table, rank_table, regret_table, summary_table, supported_best
from ganas.spaces.errors import InvalidSetting


def only_panel(benchmark, runs, make, **keywords):
    studies, evaluations = make.frames(benchmark, runs, **keywords)
    (panel,) = read_panels(studies, evaluations, {benchmark.name: benchmark})
    return panel


def test_panel_by_hand(make):
    benchmark = make.Benchmark(values={10: 60.0, 20: 70.0, 30: 80.0})
    runs = [
        make.Run("a", 1, [10, 11, 30, 12]),  # 60, 50, 80, 50
        make.Run("a", 0, [12, 20, 10, 11]),  # 50, 70, 60, 50
        make.Run("b", 0, [30, 10, 11, 12]),
        make.Run("b", 1, [11, 12, 13, 14]),
    ]
    panel = only_panel(benchmark, runs, make)
    assert (panel.reference, panel.reference_name, panel.regret_unit) == (80.0, "optimum", "percentage points")
    first, second = panel.results
    assert first.seeds.tolist() == [0, 1]
    assert first.best.tolist() == [[50.0, 70.0, 70.0, 70.0], [60.0, 60.0, 80.0, 80.0]]
    assert first.regret.tolist() == [[30.0, 10.0, 10.0, 10.0], [20.0, 20.0, 0.0, 0.0]]
    assert first.reached.tolist() == [np.inf, 3.0]
    assert first.hours_to_best.tolist() == [2.0, 3.0]
    assert first.regret_at(4)[0] == 5.0
    assert first.reached_by(4) == 0.5
    assert first.reached_by(2) == 0.0
    assert second.reached.tolist() == [1.0, np.inf]
    assert panel.tests[0].p_value is None


def test_direction_of_a_minimised_metric(make):
    benchmark = make.Benchmark(values={1: 40.0, 2: 30.0, 3: 45.0}, higher=False, unit="seconds")
    panel = only_panel(benchmark, [make.Run("a", 0, [1, 3, 2]), make.Run("b", 0, [3, 1, 5])], make)
    assert panel.reference == 30.0
    assert panel.regret_unit == "seconds"
    assert panel.results[0].best.tolist() == [[40.0, 40.0, 30.0]]
    assert panel.results[0].regret.tolist() == [[10.0, 10.0, 0.0]]
    assert panel.tests[0].advantage == 10.0, "the first strategy is better, although its value is smaller"


def test_minimised_metric_supports_the_lower_value(make):
    benchmark = make.Benchmark(values={1: 40.0, 2: 30.0}, higher=False, unit="seconds")
    runs = [make.Run(name, seed, [key]) for name, key in (("bad", 1), ("good", 2)) for seed in range(8)]
    panel = only_panel(benchmark, runs, make)
    assert supported_best(panel) == "good"
    row = summary_table([panel]).rows[1]
    assert row[3].text == "30.00"
    assert row[3].strong


def test_short_studies_carry_their_best_forward(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0})
    runs = [make.Run("a", 0, [1, 2], stop="exhausted"), make.Run("a", 1, [1, 3, 4, 5])]
    panel = only_panel(benchmark, runs, make, budget=10)
    assert panel.results[0].best[:, -1].tolist() == [70.0, 60.0]
    assert panel.results[0].regret_at(10)[0] == 5.0


def test_failed_evaluations_have_no_value_but_count_as_queries(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0})
    panel = only_panel(benchmark, [make.Run("a", 0, [-1, 1, -3, 2]), make.Run("a", 1, [-1, -2, -3, -4])], make)
    (result,) = panel.results
    assert result.failures == 6
    assert result.reached.tolist() == [4.0, np.inf]
    assert np.isnan(result.best[0, 0])
    assert np.isnan(result.best[1]).all()
    assert result.rows[1] == -1
    assert result.regret_at(4)[0] == 0.0, "the mean is over the seeds that have a value"


def test_unfinished_studies_are_counted_and_left_out(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0})
    runs = [make.Run("a", 0, [1, 3]), make.Run("a", 1, [2], state="running"), make.Run("b", 0, [2], state="running")]
    panel = only_panel(benchmark, runs, make, budget=2)
    assert panel.unfinished == {"a": 1, "b": 1}
    assert [result.variant for result in panel.results] == ["a"]
    assert panel.results[0].seeds.tolist() == [0]


def test_random_signal_is_judged_by_the_mean_of_the_choice(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 61.0})
    # Told 61 (60 + 1) and then 60 (61 - 1): the strategy keeps the first, whose mean is the lower one.
    panel = only_panel(benchmark, [make.Run("a", 0, [1, 2], trials=[1, 0])], make)
    assert panel.results[0].best.tolist() == [[60.0, 60.0]]
    assert panel.results[0].reached.tolist() == [np.inf]
    assert any("means over trials" in note for note in panel.notes)


def test_without_the_benchmark_regret_is_against_the_best_seen(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0, 3: 99.0})
    studies, evaluations = make.frames(benchmark, [make.Run("a", 0, [1, 2]), make.Run("b", 0, [1, 4])])
    (panel,) = read_panels(studies, evaluations, {})
    assert (panel.reference, panel.reference_name) == (70.0, "best value seen")
    assert panel.results[1].regret_at(2)[0] == 10.0
    assert any("could not be loaded" in note for note in panel.notes)
    (panel,) = read_panels(studies.assign(unit="percent", higher_is_better=False), evaluations, {})
    assert (panel.reference, panel.unit) == (50.0, "percent")


def test_benchmark_without_a_known_optimum(make):
    benchmark = make.Benchmark(values={1: 60.0, 3: 99.0}, has_optimum=False)
    panel = only_panel(benchmark, [make.Run("a", 0, [1, 2])], make)
    assert (panel.reference, panel.reference_name) == (60.0, "best value seen")
    assert any("No optimum" in note for note in panel.notes)


def test_fractions_are_shown_in_percent(make):
    benchmark = make.Benchmark(values=dict.fromkeys(range(100), 0.9) | {7: 0.95}, unit="fraction")
    benchmark.values[100:] = 0.1
    panel = only_panel(benchmark, [make.Run("a", 0, [1, 7]), make.Run("b", 0, [1, 2])], make)
    assert panel.unit == "percent"
    assert panel.reference == pytest.approx(95.0)
    assert panel.results[1].regret_at(2)[0] == pytest.approx(5.0)


def test_test_values_are_those_of_the_final_choice(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0}, test=True)
    panel = only_panel(benchmark, [make.Run("a", 0, [1, 2, 3]), make.Run("a", 1, [1, 4, 5])], make)
    assert panel.test_metric == "test_accuracy"
    assert panel.results[0].test_values.tolist() == [69.75, 59.75]
    assert "test value of the choice, mean" in [column.heading for column in summary_table([panel]).columns]


def test_same_seed_twice_is_refused(make):
    runs = [make.Run("a", 0, [1]), make.Run("a", 0, [2])]
    with pytest.raises(InvalidSetting, match="same seed"):
        only_panel(make.Benchmark(), runs, make)


def test_missing_columns_and_empty_experiments_are_refused(make):
    studies, evaluations = make.frames(make.Benchmark(), [make.Run("a", 0, [1])])
    with pytest.raises(InvalidSetting, match="lacks signal"):
        read_panels(studies.drop(columns="signal"), evaluations, {})
    with pytest.raises(InvalidSetting, match="no study"):
        read_panels(studies.iloc[:0], evaluations, {})


def test_order_of_rows_does_not_matter(toy, make):
    studies, evaluations = make.frames(toy, make.searches(toy, seeds=4, budget=12))
    shuffled = evaluations.sample(frac=1.0, random_state=0).reset_index(drop=True)
    first = read_panels(studies, evaluations, {"toy": toy})[0]
    second = read_panels(studies, shuffled, {"toy": toy})[0]
    for one, other in zip(first.results, second.results, strict=True):
        np.testing.assert_array_equal(one.regret, other.regret)
        np.testing.assert_array_equal(one.curve.low, other.curve.low)


def test_panels_of_one_benchmark_are_told_apart_by_what_differs(toy, make):
    runs = make.searches(toy, seeds=2, budget=10)
    short = make.frames(toy, runs, budget=10)
    long = make.frames(toy, runs, budget=20, first_study=100)
    studies, evaluations = (pd.concat(pair, ignore_index=True) for pair in zip(short, long, strict=True))
    assert [panel.label for panel in read_panels(studies, evaluations, {"toy": toy})] == [
        "toy (10 queries)",
        "toy (20 queries)",
    ]


def test_checkpoints_end_at_the_budget():
    assert checkpoints(30) == (30,)
    assert checkpoints(100) == (50, 100)
    assert checkpoints(400) == (50, 100, 150, 300, 400)


def test_best_architecture(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0}, test=True)
    studies, evaluations = make.frames(
        benchmark, [make.Run("a", 0, [1, 2]), make.Run("a", 1, [1, 3]), make.Run("b", 0, [2, 4])]
    )
    (panel,) = read_panels(studies, evaluations, {"toy": benchmark})
    best = find_best(panel, evaluations, {"toy": benchmark})
    assert best.architecture == make.architecture(2)
    assert best.notation == make.space.format(make.architecture(2))
    assert (best.told, best.mean, best.trials, best.parameters, best.test) == (70.0, 70.0, 2, 1002.0, 69.75)
    assert best.found_by == {"a": (1, 2), "b": (1, 1)}
    assert find_best(panel, evaluations, {}).architecture is None


def test_support_needs_every_pair(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0, 3: 80.0})
    keys = {"low": 1, "middle": 2, "high": 3}
    clear = only_panel(benchmark, [make.Run(n, s, [k]) for n, k in keys.items() for s in range(9)], make)
    assert supported_best(clear) == "high"
    few = only_panel(benchmark, [make.Run(n, s, [k]) for n, k in keys.items() for s in range(3)], make)
    assert supported_best(few) is None
    tied = only_panel(benchmark, [make.Run(n, s, [3 if s < 8 else k]) for n, k in keys.items() for s in range(9)], make)
    assert supported_best(tied) is None


def pair_tables_say_what_was_not_reached(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0})
    runs = [make.Run("a", seed, [3, 2] if seed < 4 else [3, 1]) for seed in range(10)]
    panel = only_panel(benchmark, runs, make, budget=120)
    (row,) = queries_table([panel]).rows
    assert [cell.text for cell in row] == ["toy", "a", "2", "> 120", "> 120", "> 120", "40 %", "40 %"]
    (row,) = regret_table([panel]).rows
    assert [cell.text for cell in row[2:]] == ["6.000"] * 3
    assert pair_tables([panel]) == []
    assert rank_table([panel]) is None


def test_test_matrix_is_antisymmetric(make):
    benchmark = make.Benchmark(values={1: 60.0, 2: 70.0})
    panel = only_panel(benchmark, [make.Run(n, s, [k]) for n, k in (("a", 1), ("b", 2)) for s in range(8)], make)
    (table,) = pair_tables([panel])
    assert table.rows[0][2].text == "\N{MINUS SIGN}10.000"
    assert table.rows[1][1].text == "+10.000"
    assert table.rows[0][2].detail == table.rows[1][1].detail == "p = 0.008"
    assert table.rows[0][1].text == ""
    few = only_panel(benchmark, [make.Run(n, 0, [k]) for n, k in (("a", 1), ("b", 2))], make)
    assert pair_tables([few])[0].rows[0][2].detail == "under 6 seeds"


def test_ranks_over_benchmarks(make):
    first = make.Benchmark("one", values={1: 60.0, 2: 70.0})
    second = make.Benchmark("two", values={1: 60.0, 2: 70.0}, higher=False)
    runs = [make.Run(n, s, [k]) for n, k in (("a", 1), ("b", 2)) for s in range(4)]
    frames = make.frames(first, runs), make.frames(second, runs, first_study=50)
    studies, evaluations = (pd.concat(pair, ignore_index=True) for pair in zip(*frames, strict=True))
    table = rank_table(read_panels(studies, evaluations, {"one": first, "two": second}))
    assert {row[0].text: [cell.text for cell in row[1:4]] for row in table.rows} == {
        "a": ["2.00", "1.00", "1.50"],
        "b": ["1.00", "2.00", "1.50"],
    }
