"""The arrays of the compiled loops, bundled in named tuples.

Drivers are called with arrays in these tuples, and turn them into pointers at once, see
``pointers.py``.  A field that is not used holds an empty array, and a flag beside it
says so.
"""

from typing import Any, NamedTuple

from sk_effprop.core.arrays import Array

# rows of the arrays of units: what is computed for every unit
VALUES, DERIVATIVES, Z, DELTAS, CURVATURES = range(5)
N_KINDS = 5
# columns of NetworkArrays.layout: the sizes of each layer and where its numbers start
# are, and the address of its activation function
START, N_IN, N_OUT, N_COLUMNS, FIRST_UNIT, ACTIVATION = range(6)
N_LAYOUT = 6
# columns of NetworkArrays.activations
AMPLITUDE, SLOPE, TWIST, OFFSET = range(4)
N_ACTIVATION = 4
# how far a driver goes with each batch
FORWARD, GRADIENT, UPDATE = range(3)


class NetworkArrays(NamedTuple):
    """The network, its weights and its loss."""

    theta: Array
    layout: Array
    n_layers: int
    n_units: int
    activations: Array
    loss: int
    loss_constants: Array


class ExampleArrays(NamedTuple):
    """The examples, the order of presentation, and a loss for each presented one."""

    inputs: Array
    targets: Array
    weights: Array
    order: Array
    losses: Array
    n_presented: int


class Buffers(NamedTuple):
    """Memory for what is computed of one example, or of eight side by side."""

    # of n_in + 1 elements, the last of which is 1 and meets the biases
    inputs: Array
    squares: Array
    # N_KINDS rows of elements
    units: Array
    # lanes, in which the errors of an example are neighbours
    turned: Array


class UpdateArrays(NamedTuple):
    """Arrays and settings of the weight update."""

    goal: int
    batch_size: int
    rate: Any
    momentum: Any
    nesterov: bool
    # one number for each layer
    scaling: Array
    penalty: Array
    # one number for each weight
    gradient: Array
    factors: Array
    has_factors: bool
    velocity: Array
    has_velocity: bool


class AdaptationArrays(NamedTuple):
    """Arrays and settings of what else changes with every batch."""

    # the running curvature of eq. (62)
    h: Array
    curvatures: Array
    mu: Any
    decay: float
    has_curvature: bool
    # the rate of eqs. (17)-(19)
    flow: Array
    mean: Array
    has_flow: bool
    # the input gains
    gains: Array
    behind_gains: Array
    gain_factor: Any
    has_gains: bool


class Layer(NamedTuple):
    """Sizes of a layer inside the loops, and where its numbers are."""

    # of its weights
    start: int
    n_in: int
    n_out: int
    # of a row of weights, a multiple of the lanes with zeros behind the units
    n_columns: int
    # of its units and of those of the layer before it
    unit: int
    unit_before: int
