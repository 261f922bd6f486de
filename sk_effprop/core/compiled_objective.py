"""The engine on compiled loops: the same numbers up to rounding, in less time.

Importing this module imports numba.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.compiled import (
    N_KINDS,
    VALUES,
    Eight,
    Net,
    Shown,
    Step,
    constants_of,
    descend_and_adapt,
    descend_in_batches,
    descend_one_by_one,
    descend_plainly,
    pass_up,
    pass_up_and_down,
)
from sk_effprop.core.descent import descend
from sk_effprop.core.gains import gain_factor
from sk_effprop.core.lanes import LANES
from sk_effprop.core.losses import COMPILED_LOSSES
from sk_effprop.core.objective import Objective
from sk_effprop.core.steps import Momentum, Update

# bytes
CACHE_LINE = 64


class NumbaEngine:
    """Losses, gradients and descent on compiled loops.

    It needs an objective that :attr:`Objective.is_compilable`.

    Parameters
    ----------
    objective : Objective
    """

    name: ClassVar[str] = "numba"

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self._room = Room(objective)

    def sample_losses(self, theta: Array, gradient: Array | None = None) -> Array:
        room, weight = self._room, self.objective.sample_weight
        net, shown = room.net_at(theta), room.shown
        if gradient is None:
            pass_up(net, shown, room.eight)
        else:
            summed = room.array("gradient")
            pass_up_and_down(net, shown, room.eight, summed)
            for view, own in room.pairs("gradient", gradient):
                own += view
        return shown.losses.copy() if weight is None else shown.losses * weight

    def descend(
        self, theta: Array, order: Array, batch_size: int, update: Update
    ) -> Array:
        if not isinstance(update.rule, Momentum):
            return descend(self.objective, theta, order, batch_size, update)
        rule, rates, flow, gains = update.rule, update.rates, update.flow, update.gains
        velocity = None if rule.is_plain else update.memory[0]
        room, network = self._room, self.objective.network
        curvature = update.running_curvature
        in_batches, is_running = batch_size > 1, curvature is not None
        adapts = flow is not None or gains is not None or (in_batches and is_running)
        collects = in_batches or adapts
        # a factor for every weight, where it is not the same in all of a layer
        has_factors = rates.curvature is not None or adapts
        has_factors = has_factors or not (in_batches or velocity is None)
        moved = {
            "theta": theta,
            "velocity": velocity,
            "h": None if curvature is None else curvature.h,
            "mean": None if flow is None else flow.start(theta),
            "behind_gains": None if gains is None else gains.V.ravel(),
        }
        array_of = {name: room.filled(name, vector) for name, vector in moved.items()}
        net, shown, number = room.net_at(theta), room.shown_in(order), room.number
        step = Step(
            batch_size=batch_size,
            rate=number(rates.eta),
            scaling=room.of_layers(rates.scaling),
            penalty=room.of_layers(self.objective.penalty),
            factors=room.filled("factors", rates.factors if has_factors else None),
            momentum=number(rule.momentum),
            nesterov=rule.nesterov,
            velocity=array_of["velocity"],
            h=array_of["h"],
            mu=number(1.0 if curvature is None else curvature.mu),
            decay=update.curvature_decay,
            flow=np.empty(0) if flow is None else flow.numbers,
            mean=array_of["mean"],
            gradient=room.array("gradient", needed=collects),
            bends=room.array("bends", needed=collects and is_running),
            gains=room.nothing if gains is None else gains.s,
            behind_gains=array_of["behind_gains"],
            gain_factor=number(
                0.0 if gains is None else gain_factor(network.layers(rates.factors)[0])
            ),
        )
        if adapts:
            descend_and_adapt(net, shown, step, room.eight, room.units)
        elif in_batches:
            descend_in_batches(net, shown, step, room.eight)
        elif has_factors:
            descend_one_by_one(net, shown, step, room.units)
        else:
            descend_plainly(net, shown, step, room.units)
        for name, vector in moved.items():
            room.write_back(name, vector)
        return shown.losses


class Room:
    """Arrays for the loops, made once for an objective.

    The rows of a layer's matrix fill whole eights there, with zeros behind the units,
    and start on a cache line: what lies across two lines takes twice as long.

    Attributes
    ----------
    net : Net
        Its theta is the array of that name.
    shown : Shown
        All examples in their own order.
    units : ndarray
        What the loops compute of one example.
    eight : Eight
        What they compute of eight.
    nothing : ndarray
    """

    def __init__(self, objective: Objective) -> None:
        network, inputs = objective.network, objective.inputs
        self.dtype = dtype = inputs.dtype
        self.number = dtype.type
        self.network = network
        self.shapes = [
            (rows, _next_multiple(LANES, columns)) for rows, columns in network.shapes
        ]
        self._arrays: dict[str, tuple[Array, list[Array]]] = {}
        self.nothing = np.empty(0, dtype=dtype)
        line = CACHE_LINE // dtype.itemsize
        room_of_units = [_next_multiple(line, n + 1) for n in network.sizes[1:]]
        unit_starts = np.cumsum([0, *room_of_units])
        self.net = Net(
            theta=self.array("theta"),
            sizes=np.array(network.sizes),
            columns=np.array([columns for _, columns in self.shapes]),
            starts=np.cumsum([0, *(rows * columns for rows, columns in self.shapes)]),
            unit_starts=unit_starts,
            activations=np.array(network.activations, dtype=dtype),
            loss=COMPILED_LOSSES.index(type(objective.loss)),
            loss_numbers=np.array(list(vars(objective.loss).values()), dtype=dtype),
            constants=constants_of(dtype),
        )
        self.units = _aligned_zeros((N_KINDS, unit_starts[-1]), dtype)
        widest = max(network.sizes) + 1
        self.eight = Eight(
            inputs=_aligned_zeros((network.sizes[0] + 1, LANES), dtype),
            units=_aligned_zeros((N_KINDS, unit_starts[-1], LANES), dtype),
            turned=_aligned_zeros((max(self.net.columns), LANES), dtype),
            squares=_aligned_zeros((widest, LANES), dtype),
            outputs=_aligned_zeros((3, network.sizes[-1]), dtype),
        )
        # behind the values of a layer stands the one that meets the biases above
        self.units[VALUES] = 1.0
        self.eight.units[VALUES] = 1.0
        weights = objective.sample_weight
        if weights is None:
            weights = np.ones(len(inputs), dtype=dtype)
        order = np.arange(len(inputs))
        losses = np.empty(len(inputs), dtype=dtype)
        # the loops count numbers flat
        inputs, targets = map(np.ascontiguousarray, (inputs, objective.targets))
        self.shown = Shown(inputs, targets, weights, order, losses)

    def net_at(self, theta: Array) -> Net:
        """The network with these weights."""
        self.filled("theta", theta)
        return self.net

    def shown_in(self, order: Array) -> Shown:
        """Examples in another order."""
        losses = np.empty(len(order), dtype=self.dtype)
        return self.shown._replace(order=order, losses=losses)

    def array(self, name: str, *, needed: bool = True) -> Array:
        """The array of that name, or nothing."""
        return self._array_and_views(name)[0] if needed else self.nothing

    def filled(self, name: str, vector: Array | None) -> Array:
        """The array of that name, with a vector of theta's layout copied into it."""
        if vector is None:
            return self.nothing
        for view, own in self.pairs(name, vector):
            view[...] = own
        return self.array(name)

    def write_back(self, name: str, vector: Array | None) -> None:
        """Copy the array of that name into a vector of theta's layout."""
        if vector is not None:
            for view, own in self.pairs(name, vector):
                own[...] = view

    def pairs(self, name: str, vector: Array) -> Iterator[tuple[Array, Array]]:
        """What belongs together in the array and in the vector, layer by layer.

        The vector may be that of the first layers alone.
        """
        start = 0
        for view in self._array_and_views(name)[1]:
            if start == vector.size:
                return
            stop = start + view.size
            yield view, vector[start:stop].reshape(view.shape)
            start = stop

    def of_layers(self, vector: Array) -> Array:
        """The number that each layer's weights have in common."""
        views = self.network.layers(vector)
        return np.array([view[0, 0] for view in views], dtype=self.dtype)

    def _array_and_views(self, name: str) -> tuple[Array, list[Array]]:
        if name not in self._arrays:
            total = sum(rows * columns for rows, columns in self.shapes)
            array = _aligned_zeros((total,), self.dtype)
            views, start = [], 0
            for (rows, columns), n_out in zip(
                self.shapes, self.network.sizes[1:], strict=True
            ):
                stop = start + rows * columns
                views.append(array[start:stop].reshape(rows, columns)[:, :n_out])
                start = stop
            self._arrays[name] = array, views
        return self._arrays[name]


def _next_multiple(unit: int, n: int) -> int:
    return unit * -(-n // unit)


def _aligned_zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """On a cache line's boundary."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + CACHE_LINE, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + n_bytes].view(dtype).reshape(shape)
