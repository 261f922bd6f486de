"""All loops compiled at once, for those who do not want to wait later."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.activations import ACTIVATIONS, COMPILED_SHAPES, IDENTITY
from sk_effprop.core.compiled.cache import cache_folder, driver
from sk_effprop.core.compiled.engine import NumbaEngine
from sk_effprop.core.compiled.pointers import LANES
from sk_effprop.core.compiled.sweeps import sweep
from sk_effprop.core.flow import Flow
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import (
    AbsoluteError,
    Gamma,
    Huber,
    LogLoss,
    Loss,
    Poisson,
    SquaredError,
)
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Rates
from sk_effprop.core.steps import Momentum, Update

PRECISIONS = np.float64, np.float32
# one of each function in losses.py
LOSSES: tuple[Loss, ...] = (
    LogLoss(exclusive=True), LogLoss(exclusive=False), SquaredError(), Huber(),
    AbsoluteError(), Poisson(), Gamma(),
)  # fmt: skip


class Compilation(NamedTuple):
    """The result of :func:`compile_ahead`."""

    seconds: float
    # None if there is no place to keep the code, which is lost with the process then
    folder: Path | None


def is_cached(dtype: Any) -> bool:
    """Tell whether the loops of ordinary training are on disk, without compiling.

    These are the loops for a batch size above 1, with or without momentum.
    """
    return driver(sweep, np.dtype(dtype), LANES).is_kept


def compile_ahead(precisions: tuple[Any, ...] = PRECISIONS) -> Compilation:
    """Compile all loops, activation functions and losses, and keep them on disk.

    Parameters
    ----------
    precisions : tuple of dtype

    Returns
    -------
    Compilation
    """
    start = perf_counter()
    for dtype in precisions:
        for objective in _objectives(dtype):
            theta = np.zeros(objective.network.n_weights, dtype)
            NumbaEngine(objective).sample_losses(theta)
        for batch_size in (1, LANES):
            for update in _updates(theta):
                order = np.arange(objective.n_samples)
                NumbaEngine(objective).descend(theta, order, batch_size, update)
    return Compilation(perf_counter() - start, cache_folder())


def _objectives(dtype: Any) -> Iterator[Objective]:
    """Yield small objectives, which together use every activation function and loss."""
    X = with_ones(np.ones((2, 1), dtype))
    objective = Objective(
        Network((1, 1), (IDENTITY,)), LOSSES[0], X, np.ones((2, 1), dtype), None,
        np.zeros(2),
    )  # fmt: skip
    for loss in LOSSES:
        yield replace(objective, loss=loss)
    for kind in COMPILED_SHAPES:
        f = ACTIVATIONS["tanh"]._replace(kind=kind)
        yield replace(objective, network=Network((1, 1), (f,)))


def _updates(theta: Any) -> Iterator[Update]:
    """Yield updates, which together use every driver."""
    rates, plain = Rates(0.1, np.ones(len(theta))), Momentum()
    yield Update(plain, rates, plain.start(theta))
    momentum = Momentum(0.5)
    yield Update(momentum, rates, momentum.start(theta))
    flow = Flow(0.1, (0.02, 0.2, 0.02))
    yield Update(plain, rates, plain.start(theta), flow=flow)
