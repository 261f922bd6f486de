"""Memory for the compiled loops, and the way from vectors of theta's layout into it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.compiled.activations import ACTIVATIONS
from sk_effprop.core.compiled.arrays import (
    N_KINDS,
    VALUES,
    Buffers,
    ExampleArrays,
    NetworkArrays,
)
from sk_effprop.core.compiled.cache import address_of_activation, address_of_loss
from sk_effprop.core.compiled.losses import LOSSES
from sk_effprop.core.compiled.pointers import LANES
from sk_effprop.core.objective import Objective

# bytes
CACHE_LINE = 64


class AlignedBuffers:
    """The arrays that the loops need for an objective, made once.

    The rows of a layer's matrix fill whole lanes in them, with zeros behind the units,
    and start on a cache line: what lies across two lines takes twice as long.

    Attributes
    ----------
    dtype : dtype
    network : NetworkArrays
        Its theta is the array of that name.
    examples : ExampleArrays
        All examples in their own order.
    nothing : ndarray of shape (0,)
        Stands for an array that is not used.
    """

    def __init__(self, objective: Objective) -> None:
        network = objective.network
        self.dtype = objective.inputs.dtype
        self.nothing = np.empty(0, dtype=self.dtype)
        self._network = network
        self._shapes = [
            (rows, _next_multiple(LANES, columns)) for rows, columns in network.shapes
        ]
        line = CACHE_LINE // self.dtype.itemsize
        sizes = [_next_multiple(line, n + 1) for n in network.sizes[1:]]
        self._first_units = np.cumsum([0, *sizes])
        self._arrays: dict[str, tuple[Array, list[Array]]] = {}
        self._of_width: dict[int, Buffers] = {}
        self.network = self._network_arrays(objective)
        self.examples = self._example_arrays(objective)

    def number(self, value: float) -> Any:
        """Convert a number to the precision of the data."""
        return self.dtype.type(value)

    def of_width(self, width: int) -> Buffers:
        """Return the memory for so many examples side by side."""
        if width not in self._of_width:
            self._of_width[width] = self._make(width)
        return self._of_width[width]

    def presented(self, order: Array) -> ExampleArrays:
        """Return the examples in another order, with new losses."""
        return self.examples._replace(
            order=np.ascontiguousarray(order, dtype=np.intp),
            losses=np.empty(len(order), dtype=self.dtype),
            n_presented=len(order),
        )

    def array(self, name: str, *, is_used: bool = True) -> Array:
        """Return the array of that name, which has a padded layout of the weights."""
        return self._array_and_views(name)[0] if is_used else self.nothing

    def fill(self, name: str, vector: Array | None) -> None:
        """Copy a vector of theta's layout into the array of that name."""
        for view, own in self._pairs(name, vector):
            view[...] = own

    def write_back(self, name: str, vector: Array | None) -> None:
        """Copy the array of that name into a vector of theta's layout."""
        for view, own in self._pairs(name, vector):
            own[...] = view

    def add_to(self, name: str, vector: Array) -> None:
        """Add the array of that name to a vector of theta's layout."""
        for view, own in self._pairs(name, vector):
            own += view

    def of_layers(self, vector: Array) -> Array:
        """Return the number that each layer's weights have in common."""
        views = self._network.layers(vector)
        return np.array([view[0, 0] for view in views], dtype=self.dtype)

    def _pairs(self, name: str, vector: Array | None) -> Iterator[tuple[Array, Array]]:
        """Yield what belongs together in the array and in the vector, layer by layer.

        The vector may be that of the first layers alone.
        """
        start = 0
        if vector is None:
            return
        for view in self._array_and_views(name)[1]:
            if start == vector.size:
                return
            stop = start + view.size
            yield view, vector[start:stop].reshape(view.shape)
            start = stop

    def _array_and_views(self, name: str) -> tuple[Array, list[Array]]:
        if name not in self._arrays:
            total = sum(rows * columns for rows, columns in self._shapes)
            array = aligned_zeros((total,), self.dtype)
            views, start = [], 0
            for (rows, columns), n_out in zip(
                self._shapes, self._network.sizes[1:], strict=True
            ):
                stop = start + rows * columns
                views.append(array[start:stop].reshape(rows, columns)[:, :n_out])
                start = stop
            self._arrays[name] = array, views
        return self._arrays[name]

    def _network_arrays(self, objective: Objective) -> NetworkArrays:
        network, dtype = objective.network, self.dtype
        # no user-defined ones: the objective is compilable
        activations: Any = network.activations
        functions = [ACTIVATIONS[f.kind] for f in activations]
        loss, constants = LOSSES[type(objective.loss)](objective.loss)
        starts = np.cumsum([0, *(rows * columns for rows, columns in self._shapes)])
        # in the order of the columns of NetworkArrays.layout
        layout = [
            starts[:-1],
            network.sizes[:-1],
            network.sizes[1:],
            [columns for _, columns in self._shapes],
            self._first_units[:-1],
            [address_of_activation(f, dtype) for f in functions],
        ]
        numbers = [(f.amplitude, f.slope, f.twist, f.offset) for f in activations]
        return NetworkArrays(
            theta=self.array("theta"),
            layout=np.array(layout, dtype=np.intp).T.ravel(),
            n_layers=len(functions),
            n_units=int(self._first_units[-1]),
            activations=np.array(numbers, dtype=dtype).ravel(),
            loss=address_of_loss(loss, dtype),
            loss_constants=np.array(constants, dtype=dtype),
        )

    def _example_arrays(self, objective: Objective) -> ExampleArrays:
        weights, n = objective.sample_weight, objective.n_samples
        if weights is None:
            weights = np.ones(n, dtype=self.dtype)
        return ExampleArrays(
            inputs=self._flat(objective.inputs),
            targets=self._flat(objective.targets),
            weights=self._flat(weights),
            order=np.arange(n),
            losses=np.empty(n, dtype=self.dtype),
            n_presented=n,
        )

    def _flat(self, array: Array) -> Array:
        """Return contiguous numbers that may be written to, as numba has them typed."""
        return np.require(array, self.dtype, ["C", "W"]).ravel()

    def _make(self, width: int) -> Buffers:
        def zeros(n: int) -> Array:
            return aligned_zeros((n,) if width == 1 else (n, width), self.dtype)

        n_units, widest = int(self._first_units[-1]), max(self._network.sizes) + 1
        units = zeros(N_KINDS * n_units)
        # behind the values of a layer stands the one that meets the biases above
        units[VALUES * n_units : (VALUES + 1) * n_units] = 1.0
        columns = max(columns for _, columns in self._shapes)
        return Buffers(
            inputs=zeros(self._network.sizes[0] + 1),
            squares=zeros(widest),
            units=units,
            turned=zeros(columns),
        )


def _next_multiple(unit: int, n: int) -> int:
    return unit * -(-n // unit)


def aligned_zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array of zeros that starts on a cache line."""
    n_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(n_bytes + CACHE_LINE, dtype=np.uint8)
    start = -memory.ctypes.data % CACHE_LINE
    return memory[start : start + n_bytes].view(dtype).reshape(shape)
