"""What is called added: the difference of two paths' percentiles, and how sure it is."""

from __future__ import annotations

from bench.overhead import difference


def test_a_path_that_is_slower_by_a_constant_adds_that_constant_at_every_percentile() -> None:
    base = [50.0 + number / 100 for number in range(200)]

    for share in (0.5, 0.99):
        assert difference(base, [ms + 2.0 for ms in base], share, "p")["p"] == 2.0


def test_the_interval_holds_the_difference_and_widens_where_samples_are_few() -> None:
    base = [50.0 + (number * 37 % 100) / 10 for number in range(1000)]
    mine = [ms + 1.0 for ms in base]

    many, few = difference(base, mine, 0.99, "p"), difference(base[:30], mine[:30], 0.99, "p")

    assert many["p_low_95"] <= many["p"] <= many["p_high_95"]
    assert few["p_high_95"] - few["p_low_95"] > many["p_high_95"] - many["p_low_95"]


def test_the_interval_of_equal_samples_is_the_same_in_every_run() -> None:
    base = [1.0, 2.0, 3.0, 50.0]

    assert difference(base, base, 0.5, "p") == difference(base, base, 0.5, "p")
