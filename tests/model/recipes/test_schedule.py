import pytest

from model.recipes.schedule import OneCycle, TimeDecay


def test_one_cycle_rises_to_the_peak_and_falls_to_its_floor() -> None:
    schedule = OneCycle(peak=0.4, total_steps=100, warm_up_fraction=0.25, final_fraction=0.05)
    rates = [schedule.learning_rate(step / 100, steps_made=0) for step in range(100)]
    assert rates.index(max(rates)) == 25
    assert max(rates) == pytest.approx(0.4)
    assert rates[:26] == sorted(rates[:26])
    assert rates[25:] == sorted(rates[25:], reverse=True)
    assert 0.4 * 0.05 < rates[-1] < 0.4 * 0.07
    assert rates[0] > 0


def test_a_continued_training_re_warms_to_the_rate_of_one_longer_training() -> None:
    longer = OneCycle(peak=0.4, total_steps=200, warm_up_fraction=0.25, final_fraction=0.05)
    continued = OneCycle(
        peak=0.4, total_steps=200, warm_up_fraction=0.25, final_fraction=0.05, continued_at=0.5
    )
    rates = [continued.learning_rate(step / 200, steps_made=0) for step in range(100, 200)]
    assert 0 < rates[0] < 0.1 * longer.learning_rate(0.5, 0)
    assert rates.index(max(rates)) == 10
    assert rates[10:] == [longer.learning_rate(step / 200, 0) for step in range(110, 200)]


@pytest.mark.parametrize("total_steps", [1, 2, 3])
def test_one_cycle_has_a_rate_above_0_in_the_shortest_trainings(total_steps: int) -> None:
    schedule = OneCycle(peak=1.0, total_steps=total_steps, warm_up_fraction=0.2, final_fraction=0.0)
    assert all(0 < schedule.learning_rate(step / total_steps, step) <= 1 for step in range(total_steps))


def test_time_decay_equals_that_of_keras() -> None:
    schedule = TimeDecay(initial=0.01, decay=1e-5)
    assert schedule.learning_rate(0.0, steps_made=0) == 0.01
    assert schedule.learning_rate(1.0, steps_made=100_000) == pytest.approx(0.005)


def test_time_decay_counts_steps_made_and_not_those_that_a_time_budget_might_allow() -> None:
    schedule = TimeDecay(initial=0.01, decay=1e-5)
    assert schedule.learning_rate(0.99, steps_made=1_000) == pytest.approx(0.01 / 1.01)
