"""The drivers: loops over examples and batches, which the engine calls.

Each is called with arrays, see ``arrays.py``, and turns them into pointers at once.
Those of the buffers decide whether one example is taken at a time or eight.
"""

from typing import Any

from sk_effprop.core.compiled._jit import compiled
from sk_effprop.core.compiled.adaptation import (
    add_curvatures,
    flow_rate,
    step_all_by_sums,
    track_all,
)
from sk_effprop.core.compiled.arrays import FORWARD, N_IN, UPDATE
from sk_effprop.core.compiled.layers import (
    backward,
    backward_curvature,
    evaluate,
    forward,
)
from sk_effprop.core.compiled.plain import step_above_first, step_first
from sk_effprop.core.compiled.pointers import as_numbers, at, n_lanes, number, pointers
from sk_effprop.core.compiled.update import add_gradients, step_all


@compiled
def input_row(net: Any, examples: Any, t: int) -> Any:
    """Return a pointer to the inputs of the t-th example that is presented."""
    n_inputs = net.layout[N_IN] + 1
    return at(examples.inputs, examples.order[t] * n_inputs)


@compiled
def gather(net: Any, examples: Any, inputs: Any, first: int, n_rows: int) -> None:
    """Put the inputs of some examples side by side; missing ones are zero."""
    width, n_inputs, x = n_lanes(inputs), net.layout[N_IN] + 1, as_numbers(inputs)
    for e in range(n_rows):
        row = input_row(net, examples, first + e)
        for i in range(n_inputs):
            x[i * width + e] = row[i]
    for e in range(n_rows, width):
        for i in range(n_inputs):
            x[i * width + e] = number(x, 0.0)


def sweep(net: Any, examples: Any, update: Any, buffers: Any) -> None:
    """Go through the examples in batches, as far as the goal of the update says."""
    net, examples, update = pointers(net), pointers(examples), pointers(update)
    buffers = pointers(buffers)
    width, n = n_lanes(buffers.inputs), examples.n_presented
    for start in range(0, n, update.batch_size):
        stop = min(start + update.batch_size, n)
        for first in range(start, stop, width):
            n_rows, is_first = min(width, stop - first), first == start
            gather(net, examples, buffers.inputs, first, n_rows)
            forward(net, buffers.units, buffers.inputs, False)
            evaluate(net, examples, buffers.units, first, n_rows)
            if update.goal == FORWARD:
                continue
            backward(net, buffers.units)
            if first + width < stop or update.goal < UPDATE:
                add_gradients(net, buffers, update.gradient, is_first)
            else:
                step_all(net, buffers, update, update.rate, stop - start, is_first)


def descend_plainly(net: Any, examples: Any, update: Any, buffers: Any) -> None:
    """Descend with batches of one, without momentum, factors or adaptation.

    The first layer, mostly the largest one, is fed the next example while it moves.
    """
    net, examples, update = pointers(net), pointers(examples), pointers(update)
    units, n = pointers(buffers).units, examples.n_presented
    for t in range(n):
        x = input_row(net, examples, t)
        # the last example is fed to the network once more, which does no harm
        next_x = input_row(net, examples, min(t + 1, n - 1))
        forward(net, units, x, t > 0)
        evaluate(net, examples, units, t, 1)
        backward(net, units)
        step_above_first(net, units, update)
        step_first(net, units, update, x, next_x)


def descend_and_adapt(
    net: Any, examples: Any, update: Any, adaptation: Any, buffers: Any
) -> None:
    """Descend while curvature, rate or input gains follow every batch."""
    net, examples, update = pointers(net), pointers(examples), pointers(update)
    adaptation, buffers = pointers(adaptation), pointers(buffers)
    width, n, rate = n_lanes(buffers.inputs), examples.n_presented, update.rate
    by_sums = adaptation.has_flow or adaptation.has_gains
    for start in range(0, n, update.batch_size):
        stop = min(start + update.batch_size, n)
        n_batch, has_sums = stop - start, stop - start > width
        for first in range(start, stop, width):
            is_first, is_last = first == start, first + width >= stop
            n_rows = min(width, stop - first)
            gather(net, examples, buffers.inputs, first, n_rows)
            forward(net, buffers.units, buffers.inputs, False)
            evaluate(net, examples, buffers.units, first, n_rows)
            backward(net, buffers.units)
            if adaptation.has_curvature:
                backward_curvature(net, buffers.units)
            if adaptation.has_curvature and not is_last:
                add_curvatures(net, buffers, adaptation, is_first)
            if by_sums or not is_last:
                add_gradients(net, buffers, update.gradient, is_first)
        if adaptation.has_curvature:
            track_all(net, buffers, update, adaptation, n_batch, has_sums)
        if adaptation.has_flow:
            rate = flow_rate(net, update, adaptation, n_batch)
        if by_sums:
            step_all_by_sums(net, update, adaptation, rate, n_batch)
        else:
            step_all(net, buffers, update, rate, n_batch, not has_sums)
