"""Schedules (section 4.7): how the global learning rate changes during training."""

from collections.abc import Callable
from math import cos, pi
from typing import NamedTuple


class Progress(NamedTuple):
    """Progress of training, from which a schedule computes the rate.

    Attributes
    ----------
    epoch : int
        Epochs completed.
    n_presented : int
        Examples presented so far, repetitions included.
    n_stalls : int
        Number of times that training stopped making progress.
    start : int
        The epoch at which the schedule of this call started; a stall moves it back.
    n_start : int
        Examples presented before that.
    """

    epoch: int = 0
    n_presented: int = 0
    n_stalls: int = 0
    start: int = 0
    n_start: int = 0


class ScheduleSettings(NamedTuple):
    """Hyperparameters of the schedules.

    Attributes
    ----------
    power_t : float
        Exponent of "invscaling".
    annealing_tau : float
        Epochs after which "annealing" has halved the rate.
    max_iter : int
        Epochs over which "cosine" falls to zero.
    """

    power_t: float
    annealing_tau: float
    max_iter: int


class Schedule(NamedTuple):
    """One schedule.

    Attributes
    ----------
    factor : callable
        ``(progress, settings) -> float``, the factor of the initial rate.
    max_stalls : int
        Number of times that training continues at a lower rate after a stall.
    has_an_end : bool
        Whether the rate falls to zero over ``max_iter`` epochs.
    """

    factor: Callable[[Progress, ScheduleSettings], float]
    max_stalls: int = 0
    has_an_end: bool = False


def constant(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0."""
    return 1.0


def invscaling(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0 / t^power_t, where t counts examples since the schedule started."""
    n_presented = progress.n_presented - progress.n_start
    return float((n_presented + 1) ** -settings.power_t)


def adaptive(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0 / 5^k after k stalls."""
    return float(5.0**-progress.n_stalls)


def annealing(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0 / (1 + t / tau), where t counts epochs: search, then converge, eq. (12)."""
    epoch = progress.epoch - progress.start
    return 1.0 / (1.0 + epoch / settings.annealing_tau)


def cosine(progress: Progress, settings: ScheduleSettings) -> float:
    """eta_0 for half of ``max_iter`` epochs, then half a cosine down to almost 0."""
    epoch = min(progress.epoch - progress.start, settings.max_iter - 1)
    fallen = max(2.0 * epoch / settings.max_iter - 1.0, 0.0)
    return 0.5 * (1.0 + cos(pi * fallen))


# max_stalls: 0.2^9 < 1e-6 of eta_0; a cosine skips once, to its last quarter
SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(constant),
    "annealing": Schedule(annealing),
    "cosine": Schedule(cosine, max_stalls=1, has_an_end=True),
    "adaptive": Schedule(adaptive, max_stalls=9),
    "invscaling": Schedule(invscaling),
    # Flow changes the rate at every update, and nothing changes it between epochs.
    "flow": Schedule(constant),
}
LAST_PART = 0.75


def after_stall(
    schedule: Schedule, progress: Progress, settings: ScheduleSettings
) -> Progress | None:
    """Progress from which to continue after a stall; None if training should end."""
    if progress.n_stalls >= schedule.max_stalls:
        return None
    progress = progress._replace(n_stalls=progress.n_stalls + 1)
    if schedule.has_an_end:
        n_before = int(LAST_PART * settings.max_iter)
        if progress.epoch - progress.start >= n_before:
            return None
        # The epochs themselves are not skipped, as the batch size depends on them.
        progress = progress._replace(start=progress.epoch - n_before)
    return progress
