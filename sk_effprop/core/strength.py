"""Strength of the L2 penalty from out-of-sample errors, before any training.

With squared error and a prior as wide as the initial weights, the best penalty of one
connection and one example is the variance of the noise (MacKay, 1992), which the error
of examples that are left out bounds from above::

    found = out_of_sample(inputs, targets)    # see core/left_out.py
    strength(found)                           # 0.04

Where no kernel predicts better than the mean, the targets are noise, or follow a rule
that rows do not tell about each other.  There are two reasons to believe in a rule.
Few rows cannot show that they are noise.  And if left-out rows are predicted wrongly
far more often than by chance, as in a table of parity, then the targets are no noise.
"""

from functools import cache

import numpy as np

from sk_effprop.core.activations import AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.left_out import TINY, OutOfSample
from sk_effprop.core.losses import LogLink, LogLoss, Loss
from sk_effprop.core.network import Network

# The strength of one connection and one example is CURVED * e, where e is the error.
# A function that a linear model explains as well needs no large weights, so a stronger
# penalty, LINEAR * e**LINEAR_POWER, costs nothing.  In between it is a geometric mean.
# The numbers were chosen on generated tables, see docs/benchmarks/accuracy-log.md.
CURVED, LINEAR, LINEAR_POWER = 0.2, 0.4, 0.5
# The penalty of a linear function's first layer is so many times as strong, and that of
# its last layer as many times weaker.  Small weights keep the units near the middle of
# their sigmoids, and large ones behind them make up for it.
TILT = 100.0
# Linear functions of so many inputs for each row, with this share of noise, get at
# least the strength of ridge regression.  It may leave constant outputs, and so does a
# noise level of more than so many times 1 + n / p.
WIDE, MOSTLY_NOISE, RIDGE_LIMIT = 0.2, 0.8, 2.0
# Mean squared slope of tanh and relu on normal inputs, about, and nodes that find it.
USUAL_SLOPE_POWER, SLOPE_NODES = 0.4, 40
# With more rows than this, CURVED grows with their root, up to a factor, and so does
# LINEAR for classes: a linear rule with noisy labels was predicted worse than by a
# constant without that, and values have TILT.
MANY_ROWS, LARGEST_GROWTH = 150, 2.0
# Stochastic solvers stop before they fit the noise, and want less.
STOCHASTIC_SHARE = 0.5
# Few rows tell little about the noise, and too strong a penalty costs more than too
# weak a one, as it flattens the outputs.  So many standard errors, of 1 / sqrt(n) each,
# are taken off, but no more than leaves this share.
CAUTION, LEAST_SHARE = 3.5, 0.1
# The noise level with which smooth functions predict best is such a penalty as well: it
# tells a rough rule without noise from a noisy one.  It is trusted up to this.
LARGEST_MEASURED_NOISE = 0.1
# Exact targets get the weakest strength, except that log loss wants this much, as the
# outputs for separable classes would grow beyond bounds.
EXACT_CLASSES = 0.003
# The weakest strength with so many rows, and more.  With a weaker one L-BFGS may not
# find the way down.  It falls with the third power of n: few rows are fitted exactly.
WEAKEST, WEAKEST_FROM = 0.01, 400
# Targets that no kernel predicts are taken for noise, and this strength leaves constant
# outputs, or so many times the one from which a linear function of noise costs more
# than it explains, which is larger in wide tables,
NOISE_STRENGTH, NOISE_MARGIN = 1.0, 2.0
# unless the rows are so few (all tables of truth with three inputs are fitted by this),
# for which an error above FEW_ROWS_UNDECIDED is not decisive
FEW_ROWS, FEW_ROWS_STRENGTH, FEW_ROWS_UNDECIDED = 12, 0.003, 0.8
# or follow a rule that is opposed to smoothness (parity of seven bits needs this)
OPPOSED, OPPOSED_STRENGTH = -4.0, 1e-4


def strength(
    found: OutOfSample,
    *,
    is_stochastic: bool = False,
    has_classes: bool = False,
    is_cautious: bool = True,
    powers: Array | None = None,
) -> float:
    """L2 strength for one connection and one example, with targets of variance 1.

    Caution leaves less of it with few rows.  ``powers`` are those by which each layer
    multiplies the strength, for solvers that go all the way to a minimum.
    """
    if found.is_undecided:
        if found.opposition < OPPOSED:
            return OPPOSED_STRENGTH
        if found.n_rows <= FEW_ROWS:
            return FEW_ROWS_STRENGTH
        return max(NOISE_STRENGTH, NOISE_MARGIN * _flattening(found, powers))
    weakest = WEAKEST * min(found.n_rows / WEAKEST_FROM, 1.0) ** 3
    if found.is_exact:
        return max(weakest, EXACT_CLASSES) if has_classes else weakest
    growth = 1.0
    if not is_stochastic:
        growth = float(np.clip((found.n_rows / MANY_ROWS) ** 0.5, 1.0, LARGEST_GROWTH))
    curved = CURVED * (STOCHASTIC_SHARE if is_stochastic else growth) * found.error
    linear = LINEAR * (growth if has_classes else 1.0) * found.error**LINEAR_POWER
    linear = max(linear, _as_ridge(found, powers))
    curved = min(curved, linear)
    between = curved ** (1.0 - found.linearity) * linear**found.linearity
    caution = CAUTION if is_cautious else 0.0
    share = max(1.0 - caution / found.n_rows**0.5, LEAST_SHARE)
    noise = min(found.smooth_noise, LARGEST_MEASURED_NOISE)
    result = float(max(share * between, weakest, noise))
    # few rows are fitted rather than flattened
    is_fitted = found.n_rows <= FEW_ROWS and found.error > FEW_ROWS_UNDECIDED
    return min(result, FEW_ROWS_STRENGTH) if is_fitted else result


def _flattening(found: OutOfSample, powers: Array | None) -> float:
    """Strength from which a linear function of pure noise costs more than it explains.

    Of n values of noise, p inputs explain ``g^2 / (1 + r) / 2`` by a function with
    weights of length ``s = g / (1 + r)``, where ``r = p / n = g^2``.  In L layers of
    equal shares their penalty is ``L a s^(2/L) / 2``, with a that of one of them.
    """
    if powers is None or len(powers) == 1:
        return 0.0
    r, n_layers = found.n_inputs / found.n_rows, len(powers)
    length = r**0.5 / (1.0 + r)
    cost = n_layers * length ** (2.0 / n_layers)
    return r / (1.0 + r) / cost * found.n_rows / _mean_power(found, powers)


def _as_ridge(found: OutOfSample, powers: Array | None) -> float:
    """Strength that shrinks a linear function as much as the best ridge regression.

    The noise level v of the linear kernel is a penalty of ``v r s^2 / 2``, whose slope
    ``v r s`` is that of ``L a s^(2/L) / 2`` at the length s of the weights.
    """
    if powers is None:
        return 0.0
    r, n_layers = found.n_inputs / found.n_rows, len(powers)
    if found.error < MOSTLY_NOISE or powers[0] < WIDE * found.n_rows:
        return 0.0
    noise = min(found.linear_noise, RIDGE_LIMIT * (1.0 + 1.0 / r))
    length = (1.0 / (1.0 + noise) + r) ** 0.5 / (1.0 + r + noise * r)
    slope = noise * found.n_inputs * length ** (2.0 - 2.0 / n_layers)
    return slope / _mean_power(found, powers)


def _mean_power(found: OutOfSample, powers: Array) -> float:
    """Geometric mean over the layers; inputs that say the same count once."""
    product = found.n_inputs * float(np.prod(powers[1:]))
    return float(product ** (1.0 / len(powers)))


def tilt(found: OutOfSample, n_layers: int) -> Array:
    """Factors of the strength in each layer of weights, with a geometric mean of 1."""
    powers = np.linspace(1.0, -1.0, n_layers) if n_layers > 1 else np.zeros(1)
    return np.asarray(TILT ** (found.linearity * powers))


def slope_powers(network: Network) -> tuple[float, ...]:
    """Mean squared slope of each hidden layer, relative to the usual one, at most 1.

    Units of small slopes need weights that are larger by as much, for which the usual
    penalty leaves no room: that of logistic units is a tenth.
    """
    return tuple(
        1.0 if kind == "radial" else _slope_power(activation)
        for kind, activation in zip(
            network.kinds[:-1], network.activations[:-1], strict=True
        )
    )


@cache
def _normal_nodes() -> tuple[Array, Array]:
    """Nodes and weights of the Gauss-Hermite quadrature for a normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(SLOPE_NODES)
    return nodes, weights


def _slope_power(activation: AnyActivation) -> float:
    """Mean squared slope for normal inputs, relative to the usual one, at most 1."""
    nodes, weights = _normal_nodes()
    squares = np.square(np.asarray(activation.df(nodes)))
    mean = float(weights @ squares / weights.sum())
    return min(1.0, mean / USUAL_SLOPE_POWER) if mean > 0.0 else 1.0


def loss_scale(
    loss: Loss,
    targets: Array,
    sample_weight: Array | None = None,
    *,
    error: float = 1.0,
) -> float:
    """Factor of the strength for another loss than squared error on variance 1.

    Parameters
    ----------
    loss : Loss
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), optional
    error : float
        Share of the variance that residuals will have.

    Notes
    -----
    A minimiser of ``mean loss(output, target)`` has the variance ``E g^2 / (n h^2)``
    with g the first and h the mean second derivative, so that a penalty against it is
    in units of ``E g^2 / h``.  For squared error this is the variance of the residuals,
    for a deviance the dispersion, for absolute errors proportional to the deviation,
    and for log loss 1.  It is taken at the best constant output, as if residuals
    were targets closer together.

    Outputs with a larger deviation than 1 need output weights that are larger in
    proportion, so that the factor is divided by the variance.
    """
    if isinstance(loss, LogLoss):
        return 1.0
    weight = np.ones(len(targets)) if sample_weight is None else sample_weight
    Y = targets.astype(np.float64)
    center = np.average(Y, axis=0, weights=weight)
    unit = np.sqrt(np.average((Y - center) ** 2, axis=0, weights=weight))
    variance = max(float(np.mean(unit**2)), 1.0)
    if isinstance(loss, LogLink):
        variance = 1.0
        center, unit = np.log(np.maximum(center, TINY)), np.ones_like(center)
        error = 1.0

    def value(outputs: Array) -> float:
        return float(np.average(loss.value(_rows(outputs, Y), Y), weights=weight))

    grid = np.linspace(-3.0, 3.0, 25)
    center = center + unit * min(grid, key=lambda step: value(center + step * unit))
    if error < 1.0:
        unit = unit * error**0.5
        Y = center + error**0.5 * (Y - center)
    # over a whole deviation, as the curvature of absolute errors is a density
    bend = value(center - unit) - 2.0 * value(center) + value(center + unit)
    gradient = np.empty_like(Y)
    loss.gradient(_rows(center, Y), Y, gradient)
    square = np.average(np.sum((gradient * unit) ** 2, axis=1), weights=weight)
    scale = float(square) / bend / error / variance if bend > 0.0 else 1.0
    return scale if np.isfinite(scale) and scale > 0.0 else 1.0


def _rows(outputs: Array, like: Array) -> Array:
    """Broadcast an output vector to several rows."""
    return np.broadcast_to(outputs, like.shape).copy()
