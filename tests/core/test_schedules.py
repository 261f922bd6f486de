import pytest

from sk_effprop.core.schedules import (
    SCHEDULES,
    Progress,
    ScheduleSettings,
    after_stall,
)

SETTINGS = ScheduleSettings(power_t=0.4, annealing_tau=7.0, max_iter=48)

# where the rate is a simple share of the first: epoch, examples presented, stalls
LANDMARKS = [
    ("constant", Progress(47, 1410, 9), 1.0),
    # 32 ** 0.4 = 4
    ("invscaling", Progress(1, 31, 0), 1 / 4),
    ("invscaling", Progress(20, 1023, 0), 1 / 16),
    ("adaptive", Progress(20, 600, 1), 1 / 5),
    ("adaptive", Progress(20, 600, 3), 1 / 125),
    # halved after tau epochs
    ("annealing", Progress(7), 1 / 2),
    ("annealing", Progress(21), 1 / 4),
    # the first half of all epochs, then cosines of 0, 60, 90 and 120 degrees
    ("cosine", Progress(24), 1.0),
    ("cosine", Progress(32), 3 / 4),
    ("cosine", Progress(36), 1 / 2),
    ("cosine", Progress(40), 1 / 4),
    ("flow", Progress(47, 1410, 9), 1.0),
]


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_start_at_one(name):
    assert SCHEDULES[name].factor(Progress(), SETTINGS) == 1.0


@pytest.mark.parametrize(("name", "progress", "share"), LANDMARKS)
def test_schedules_pass_their_landmarks(name, progress, share):
    factor = SCHEDULES[name].factor(progress, SETTINGS)
    assert factor == pytest.approx(share, rel=1e-12)


def test_every_schedule_has_a_landmark():
    assert {name for name, *_ in LANDMARKS} == {*SCHEDULES}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_count_from_their_start(name):
    schedule = SCHEDULES[name].factor
    for _, progress, _ in LANDMARKS:
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
        SCHEDULES["cosine"].factor(Progress(e), SETTINGS) for e in (47, 48 + 1000)
    )
    assert 0.0 < beyond == last < 1e-2
