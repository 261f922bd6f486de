from math import cos, pi

import pytest

from sk_effprop.core.schedules import (
    SCHEDULES,
    Progress,
    ScheduleSettings,
    after_stall,
)

SETTINGS = ScheduleSettings(power_t=0.4, annealing_tau=7.0, max_iter=50)
PROGRESS = [Progress(), Progress(1, 30, 1), Progress(20, 600, 3), Progress(49, 1470, 9)]

FORMULAS = {
    "constant": lambda p: 1.0,
    "invscaling": lambda p: 1.0 / (p.n_presented + 1) ** 0.4,
    "adaptive": lambda p: 0.2**p.n_stalls,
    "annealing": lambda p: 7.0 / (7.0 + p.epoch),
    "cosine": lambda p: (1.0 + cos(pi * max(p.epoch - 25, 0) / 25)) / 2.0,
    "flow": lambda p: 1.0,
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_follow_their_formula_and_start_at_one(name):
    schedule = SCHEDULES[name].factor
    assert schedule(Progress(), SETTINGS) == 1.0
    for progress in PROGRESS:
        expected = FORMULAS[name](progress)
        assert schedule(progress, SETTINGS) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_count_from_their_start(name):
    schedule = SCHEDULES[name].factor
    for progress in PROGRESS:
        later = progress._replace(
            epoch=progress.epoch + 5, n_presented=progress.n_presented + 90,
            start=5, n_start=90,
        )  # fmt: skip
        assert schedule(later, SETTINGS) == schedule(progress, SETTINGS)


def test_a_stall_leaves_the_epoch_and_so_the_batch_size():
    schedule, progress = SCHEDULES["cosine"], Progress(epoch=5, n_presented=500)
    settings = SETTINGS._replace(max_iter=40)
    later = after_stall(schedule, progress, settings)
    assert later.epoch == 5
    expected = schedule.factor(Progress(epoch=30), settings)
    assert schedule.factor(later, settings) == pytest.approx(expected)
    # the rest of the fall takes as many epochs as ever
    assert schedule.factor(later._replace(epoch=14), settings) < 0.01
    assert after_stall(schedule, later._replace(n_stalls=0), settings) is None


def test_cosine_stays_positive_to_the_last_epoch_and_beyond():
    last, beyond = (
        SCHEDULES["cosine"].factor(Progress(e), SETTINGS) for e in (49, 50 + 1000)
    )
    assert 0.0 < beyond == last < 1e-2
