"""Forward and backward pass through the layers, for one example or for eight.

Both are the same code: the type of the pointers decides, see ``pointers.py``.
"""

from typing import Any

from sk_effprop.core.compiled._jit import compiled, inlined
from sk_effprop.core.compiled.arrays import (
    ACTIVATION,
    CURVATURES,
    DELTAS,
    DERIVATIVES,
    FIRST_UNIT,
    N_ACTIVATION,
    N_COLUMNS,
    N_IN,
    N_LAYOUT,
    N_OUT,
    START,
    VALUES,
    Layer,
    Z,
)
from sk_effprop.core.compiled.functions import call_activation, call_loss
from sk_effprop.core.compiled.lanes import add_scaled, add_term, product, zero_of
from sk_effprop.core.compiled.pointers import (
    as_numbers,
    at,
    load,
    n_lanes,
    number,
    store,
)


@inlined
def layer_of(net: Any, l: int) -> Layer:
    """Return the sizes of layer l."""
    layout = at(net.layout, l * N_LAYOUT)
    before = 0
    if l > 0:
        before = net.layout[(l - 1) * N_LAYOUT + FIRST_UNIT]
    return Layer(
        layout[START], layout[N_IN], layout[N_OUT], layout[N_COLUMNS],
        layout[FIRST_UNIT], before,
    )  # fmt: skip


@inlined
def kind_at(net: Any, units: Any, kind: int, unit: int) -> Any:
    """Return a pointer to what is kept of one kind, from a unit on."""
    return at(units, kind * net.n_units + unit)


@inlined
def n_computed(layer: Layer, units: Any) -> int:
    """Return how many units of a layer to compute.

    For one example these include the zeros behind the last unit, with which they fill
    whole registers.
    """
    return layer.n_columns if n_lanes(units) == 1 else layer.n_out


@compiled
def affine(W: Any, layer: Layer, x: Any, z: Any) -> None:
    """Write the inputs of the units of a layer; x ends in a 1 that meets the biases."""
    n_out, width = n_computed(layer, z), layer.n_columns
    n_rows = layer.n_in + 1
    for j in range(n_out):
        store(z, j, zero_of(z))
    # four inputs at a time: z is read and written a quarter as often
    whole = n_rows - n_rows % 4
    for i in range(0, whole, 4):
        w0, w1 = at(W, i * width), at(W, (i + 1) * width)
        w2, w3 = at(W, (i + 2) * width), at(W, (i + 3) * width)
        x0, x1, x2, x3 = load(x, i), load(x, i + 1), load(x, i + 2), load(x, i + 3)
        for j in range(n_out):
            s = add_scaled(load(z, j), w0[j], x0)
            s = add_scaled(s, w1[j], x1)
            s = add_scaled(s, w2[j], x2)
            store(z, j, add_scaled(s, w3[j], x3))
    for i in range(whole, n_rows):
        w0, x0 = at(W, i * width), load(x, i)
        for j in range(n_out):
            store(z, j, add_scaled(load(z, j), w0[j], x0))


@compiled
def forward(net: Any, units: Any, x: Any, is_begun: bool) -> None:
    """Write the preactivations and values of all layers, eqs. (2)-(3), into ``units``.

    With ``is_begun``, the preactivations of the first layer have been computed before.
    """
    width, below = n_lanes(units), x
    for l in range(net.n_layers):
        layer = layer_of(net, l)
        z = kind_at(net, units, Z, layer.unit)
        values = kind_at(net, units, VALUES, layer.unit)
        if l > 0 or not is_begun:
            affine(at(net.theta, layer.start), layer, below, z)
        call_activation(
            net.layout[l * N_LAYOUT + ACTIVATION],
            at(net.activations, l * N_ACTIVATION), as_numbers(z), as_numbers(values),
            as_numbers(kind_at(net, units, DERIVATIVES, layer.unit)),
            layer.n_out * width,
        )  # fmt: skip
        # behind the values of a layer stands the 1 that meets the biases of the next
        below = values


@compiled
def evaluate(net: Any, examples: Any, units: Any, first: int, n_rows: int) -> None:
    """Write the losses of some examples, and the derivatives for z of the outputs.

    The examples are those from ``first`` on in the order of presentation.
    """
    width, layer = n_lanes(units), layer_of(net, net.n_layers - 1)
    values = as_numbers(kind_at(net, units, VALUES, layer.unit))
    derivatives = as_numbers(kind_at(net, units, DERIVATIVES, layer.unit))
    deltas = as_numbers(kind_at(net, units, DELTAS, layer.unit))
    curvatures = as_numbers(kind_at(net, units, CURVATURES, layer.unit))
    for e in range(n_rows):
        p = examples.order[first + e]
        weight, n_out = examples.weights[p], layer.n_out
        outputs = (
            at(values, e), at(examples.targets, p * n_out), at(deltas, e),
            at(curvatures, e), n_out, width,
        )  # fmt: skip
        examples.losses[first + e] = call_loss(net.loss, net.loss_constants, outputs)
        for k in range(e, n_out * width, width):
            derivative = derivatives[k]
            deltas[k] *= weight * derivative
            curvatures[k] *= weight * derivative * derivative
    # lanes without an example contribute nothing
    for e in range(n_rows, width):
        for k in range(e, layer.n_out * width, width):
            deltas[k] = number(deltas, 0.0)
            curvatures[k] = number(curvatures, 0.0)


@compiled
def errors_below(W: Any, layer: Layer, deltas: Any, derivatives: Any, out: Any) -> None:
    """Write dE/dz of the layer below, eqs. (4)-(9)."""
    n_in, n_out, width = layer.n_in, n_computed(layer, deltas), layer.n_columns
    whole = n_in - n_in % 4
    for i in range(0, whole, 4):
        w0, w1 = at(W, i * width), at(W, (i + 1) * width)
        w2, w3 = at(W, (i + 2) * width), at(W, (i + 3) * width)
        s0, s1, s2, s3 = zero_of(out), zero_of(out), zero_of(out), zero_of(out)
        for j in range(n_out):
            delta = load(deltas, j)
            s0 = add_term(s0, w0[j], delta)
            s1 = add_term(s1, w1[j], delta)
            s2 = add_term(s2, w2[j], delta)
            s3 = add_term(s3, w3[j], delta)
        store(out, i, product(s0, load(derivatives, i)))
        store(out, i + 1, product(s1, load(derivatives, i + 1)))
        store(out, i + 2, product(s2, load(derivatives, i + 2)))
        store(out, i + 3, product(s3, load(derivatives, i + 3)))
    for i in range(whole, n_in):
        w0, s0 = at(W, i * width), zero_of(out)
        for j in range(n_out):
            s0 = add_term(s0, w0[j], load(deltas, j))
        store(out, i, product(s0, load(derivatives, i)))


@compiled
def backward(net: Any, units: Any) -> None:
    """Write dE/dz of all hidden layers, given those of the outputs."""
    for l in range(net.n_layers - 1, 0, -1):
        layer = layer_of(net, l)
        errors_below(
            at(net.theta, layer.start), layer,
            kind_at(net, units, DELTAS, layer.unit),
            kind_at(net, units, DERIVATIVES, layer.unit_before),
            kind_at(net, units, DELTAS, layer.unit_before),
        )  # fmt: skip


@compiled
def curvature_below(
    W: Any, layer: Layer, curvatures: Any, derivatives: Any, out: Any
) -> None:
    """Write the second derivatives for z of the layer below, eqs. (54)-(56)."""
    n_out, width = n_computed(layer, curvatures), layer.n_columns
    for i in range(layer.n_in):
        w, s = at(W, i * width), zero_of(out)
        for j in range(n_out):
            s = add_term(s, w[j] * w[j], load(curvatures, j))
        derivative = load(derivatives, i)
        store(out, i, product(s, product(derivative, derivative)))


@compiled
def backward_curvature(net: Any, units: Any) -> None:
    """Write the second derivatives for z of all hidden layers."""
    for l in range(net.n_layers - 1, 0, -1):
        layer = layer_of(net, l)
        curvature_below(
            at(net.theta, layer.start), layer,
            kind_at(net, units, CURVATURES, layer.unit),
            kind_at(net, units, DERIVATIVES, layer.unit_before),
            kind_at(net, units, CURVATURES, layer.unit_before),
        )  # fmt: skip
