"""Leave-one-out errors of kernel models, estimated before any training.

A wide network with a Gaussian prior on its weights is a Gaussian process, and to train
it is to regress with its neural tangent kernel (Jacot, Gabriel and Hongler, 2018).  Of
such a regression the error of every row when it is left out is known in closed form for
all noise levels at once, from one eigendecomposition.  Three kernels are compared:

- a linear one,
- one of smooth functions, that of two hidden layers with small weights in the first,
- one of rough functions, with larger weights in the first layer.

The smallest mean squared error, as a share of the variance of the targets, tells how
much of the targets no model will explain::

    found = out_of_sample(inputs, targets)    # e.g. OutOfSample(error=0.25, ...)

:mod:`sk_effprop.core.strength` makes a penalty of it.
"""

from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.inputs import gram

# Rows that are looked at.  An eigendecomposition of so many takes 3 ms.
MAX_ROWS = 200
# Standard deviation of the first layer's weights times sqrt(fan_in), for smooth and for
# rough functions.  The factor between them covers lengths from twice the deviation of
# the inputs to a tenth of it, and with three kernels the chosen strengths were as good
# as with four.
SMOOTH, ROUGH = 0.5, 2.0
N_HIDDEN_LAYERS = 2
# of the kernels that are compared
SMOOTH_KERNEL = 1
# share of a layer's variance that comes from its biases
BIAS_SHARE = 0.1
# noise levels, in units of the kernels, whose diagonals are about 1
NOISES = 10.0 ** np.arange(-6.0, 2.0, 0.5)
# deviations of less than this share of the mean are rounding errors
CONSTANT = 1e-12
TINY = 1e-300
# the variance of erf(z) for z of variance 1 to 2 is 0.5 to 0.6
UNIT_GAIN = 1.3
# ratio of the errors from which a function begins to count as linear
ALMOST_LINEAR = 0.75
# errors far below this are as good as none
PRECISE = 1e-3
# Smooth functions predict about as well as the best if their error is so many times as
# large at most.
ALMOST_BEST = 1.1
# Where the best kernel predicts well, and best with next to no noise, targets are
# exact.
EXACT_FROM, EXACT_BELOW, EXACT_NOISE = 30, 0.6, 3.2e-4
# A kernel with few functions, or one that takes all rows for far apart, predicts about
# as well with any noise level up to this, so the error must be so many times smaller.
MODERATE_NOISE, EXACT_GAIN = 0.1, 1.7
# how many doublings of the sample its errors are extrapolated by at most
MAX_DOUBLINGS = 4.0
# errors above this say that no kernel predicts better than the mean
UNDECIDED = 0.97
# Noise level at which opposition is tested.  With it, of 600 tables of noise the most
# opposed one has a score of -3.3, and four bits of parity have -4.9.
OPPOSITION_NOISE = 0.1


class OutOfSample(NamedTuple):
    """Errors of rows that were left out, as shares of the variance of the targets.

    Attributes
    ----------
    error : float
        Of the best kernel; at most 1.
    linear_error : float
        Of the linear kernel; at most 1.
    is_exact : bool
        Whether a kernel predicts well, and the better the closer it fits.
    smooth_noise : float
        Noise level with which the kernel of smooth functions predicts best, or a linear
        one where there is no other; 0 if others predict much better.
    opposition : float
        Standard score of the agreement of targets with the predictions of their
        neighbours, far below 0 if these are wrong more often than by chance; 0 where
        the error is decisive.
    n_rows : float
        Effective number of rows.
    linear_noise : float
        Noise level with which the linear kernel predicts best.
    n_inputs : float
        Effective number of inputs: that of independent ones whose rows are as similar
        to each other.
    """

    error: float
    linear_error: float
    is_exact: bool
    smooth_noise: float
    opposition: float
    n_rows: float
    linear_noise: float = 0.0
    n_inputs: float = 1.0

    @property
    def is_undecided(self) -> bool:
        """True if no kernel predicts better than the mean."""
        return self.error > UNDECIDED

    @property
    def nonlinearity(self) -> float:
        """Error of a linear model relative to that of the best kernel; at least 1."""
        ratio = (self.linear_error + PRECISE) / (self.error + PRECISE)
        return 1.0 if self.is_undecided else ratio

    @property
    def linearity(self) -> float:
        """Closeness to a linear function, from 0 (no linear model helps) to 1."""
        share = (1.0 / self.nonlinearity - ALMOST_LINEAR) / (1.0 - ALMOST_LINEAR)
        return 0.0 if self.is_undecided else max(share, 0.0)


def out_of_sample(
    inputs: Any,
    targets: Array,
    sample_weight: Array | None = None,
    *,
    has_hidden_layers: bool = True,
) -> OutOfSample:
    """Leave-one-out errors of regression with the kernels of wide networks.

    Parameters
    ----------
    inputs : ndarray or FoldedSparse of shape (n_samples, n_in + 1)
        Normalised, ending in a column of ones.
    targets : ndarray of shape (n_samples, n_outputs)
    sample_weight : ndarray of shape (n_samples,), optional
        Known up to a factor.
    has_hidden_layers : bool
        Without hidden layers there is only the linear kernel.

    Returns
    -------
    OutOfSample
        Means over the outputs that vary. Of more than MAX_ROWS rows a random sample is
        looked at, so that their order decides nothing, and the error is extrapolated
        from how it falls between half of that sample and all of it.
    """
    weight = np.ones(len(targets)) if sample_weight is None else sample_weight
    weight = weight.astype(np.float64) / np.mean(weight, dtype=np.float64)
    n_effective = kish_size(weight)
    rows = _sample(len(targets))
    weight = weight[rows]
    Y = _standardized(targets[rows].astype(np.float64), weight)
    # overflow is answered by "nothing can be learnt"
    with np.errstate(over="ignore", invalid="ignore"):
        products = gram(inputs[rows].astype(np.float64)) / max(inputs.shape[1] - 1, 1)
        if not Y.size or not np.isfinite(products).all():
            return OutOfSample(1.0, 1.0, False, 0.0, 0.0, n_effective)
    kernels = _kernels(products, has_hidden_layers=has_hidden_layers)
    pairs = [_left_out(kernel, Y, weight) for kernel in kernels]
    errors = [pair.error for pair in pairs]
    best = int(np.argmin(errors))
    smooth = pairs[min(SMOOTH_KERNEL, len(pairs) - 1)]
    is_smooth = smooth.error <= ALMOST_BEST * errors[best]
    gained = 1.0
    if len(targets) > MAX_ROWS:
        half = slice(None, None, 2)
        part = kernels[best][half, half]
        of_half = _left_out(part, Y[half], weight[half]).error
        doublings = min(np.log2(len(targets) / MAX_ROWS), MAX_DOUBLINGS)
        gained = min(errors[best] / max(of_half, TINY), 1.0) ** doublings
    error, linear = gained * errors[best], gained * errors[0]
    is_rough = has_hidden_layers and error > UNDECIDED
    opposition = _agreement(kernels[-1], Y) if is_rough else 0.0
    return OutOfSample(
        error=float(error),
        linear_error=float(linear),
        is_exact=n_effective >= EXACT_FROM and pairs[best].is_exact,
        smooth_noise=smooth.noise if is_smooth else 0.0,
        opposition=opposition,
        n_rows=n_effective,
        linear_noise=pairs[0].noise,
        n_inputs=_participation(products),
    )


def _participation(gram: Array) -> float:
    """Number of independent inputs with as large products of different rows."""
    n, squares = len(gram), np.diagonal(gram) ** 2
    between = float(np.sum(gram**2) - squares.sum()) / max(n * (n - 1), 1)
    return max(float(np.mean(squares)) / max(between, TINY), 1.0) if n > 1 else 1.0


def _kernels(gram: Array, *, has_hidden_layers: bool) -> list[Array]:
    """The linear kernel, and those of wide networks, the roughest last."""
    if not has_hidden_layers:
        return [gram]
    return [gram, tangent_kernel(gram, SMOOTH), tangent_kernel(gram, ROUGH)]


def tangent_kernel(gram: Array, deviation: float) -> Array:
    """Neural tangent kernel of infinitely wide layers.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
        Inner products of the inputs, divided by their number.
    deviation : float
        Standard deviation of the first layer's weights times sqrt(fan_in), and of its
        biases.

    Notes
    -----
    For the error function in place of a hyperbolic tangent, the covariance of a layer's
    outputs and of their derivatives is known (Williams, 1997)::

        E f f'   = 2/pi asin(2 S12 / sqrt((1 + 2 S11) (1 + 2 S22)))
        E f' f'' = 4/pi / sqrt((1 + 2 S11) (1 + 2 S22) - 4 S12^2)

    with S the covariance of the inputs of the units, and the tangent kernel adds up the
    layers: T <- S + E[derivatives] T.
    """
    covariance = deviation**2 * (gram + 1.0)
    tangent = covariance
    for _ in range(N_HIDDEN_LAYERS):
        size = np.sqrt(1.0 + 2.0 * np.diagonal(covariance))
        sizes = np.outer(size, size)
        cosine = np.clip(2.0 * covariance / sizes, -1.0, 1.0)
        slopes = 4.0 / np.pi / (sizes * np.sqrt(np.maximum(1.0 - cosine**2, TINY)))
        # times a factor that keeps the variance of a unit near 1, as lecun_tanh does
        covariance = UNIT_GAIN * 2.0 / np.pi * np.arcsin(cosine) + BIAS_SHARE
        tangent = covariance + UNIT_GAIN * slopes * tangent
    return np.asarray(tangent)


def kish_size(weight: Array) -> float:
    """Kish's number of rows of equal weight, (sum w)^2 / sum w^2."""
    return float(np.sum(weight) ** 2 / np.sum(weight**2))


def _sample(n_samples: int) -> Any:
    """Random rows, the same for each number of them; all if they are not too many."""
    if n_samples <= MAX_ROWS:
        return slice(None)
    rows = np.random.default_rng(0).choice(n_samples, size=MAX_ROWS, replace=False)
    return np.sort(rows)


def _standardized(Y: Array, weight: Array) -> Array:
    """Outputs of mean 0 and variance 1; those that do not vary are left out."""
    mean = np.average(Y, axis=0, weights=weight)
    deviation = np.sqrt(np.average((Y - mean) ** 2, axis=0, weights=weight))
    varies = deviation > CONSTANT * np.abs(mean)
    return np.asarray((Y - mean)[:, varies] / deviation[varies])


class _LeftOut(NamedTuple):
    """Smallest error of one kernel, its noise level, and the error at a usual level."""

    error: float
    noise: float
    moderate_error: float

    @property
    def is_exact(self) -> bool:
        is_clear = self.error < EXACT_BELOW and self.noise <= EXACT_NOISE
        return is_clear and self.moderate_error > EXACT_GAIN * self.error


def _left_out(kernel: Array, Y: Array, weight: Array) -> _LeftOut:
    """Smallest mean squared error of left-out rows, at most 1, over the noise levels.

    With A = W^1/2 K W^1/2 + noise I, a weight of 2 being half the noise, and a constant
    c that costs nothing, the residual of a row that is left out is (P y)_i / P_ii,
    where P = A^-1 - A^-1 c c' A^-1 / c'A^-1 c.  With the mean alone it is n / (n - 1)
    times the deviation of the row, by which the error is divided.
    """
    root = np.sqrt(weight)[:, None]
    values, vectors = np.linalg.eigh(root * kernel * root.T)
    aims, constant = vectors.T @ (root * Y), vectors.T @ root
    # a column for each noise level
    inverses = 1.0 / (np.maximum(values, 0.0)[:, None] + NOISES)
    along = inverses * constant
    sizes = np.sum(constant * along, axis=0)
    diagonals = vectors**2 @ inverses - (vectors @ along) ** 2 / sizes
    # a row with all the weight decides on the constant alone
    diagonals = np.maximum(diagonals, TINY)
    errors = np.zeros(len(NOISES))
    for aim in aims.T:
        centred = aim[:, None] - constant * (aim @ along / sizes)
        residuals = (vectors @ (inverses * centred)) / diagonals
        # weights enter as sqrt(w) e, whose square is w e^2
        errors += np.mean(residuals**2, axis=0) / len(aims.T)
    best = int(np.argmin(errors))
    moderate = errors[int(np.argmin(np.abs(np.log(NOISES / MODERATE_NOISE))))]
    of_mean = (1.0 - 1.0 / kish_size(weight)) ** 2
    return _LeftOut(
        min(errors[best] * of_mean, 1.0), float(NOISES[best]), moderate * of_mean
    )


def _agreement(kernel: Array, Y: Array) -> float:
    """Standard score of y'By under permutations; B y are leave-one-out predictions.

    B = I - diag(A^-1)^-1 A^-1 has no diagonal.  For a centred y of variance 1 in random
    order, E y'By = n / (n - 1) tr C and var y'By is about
    2 (|C|^2 - (tr C)^2 / (n - 1)), with C the symmetric part of B between vectors
    without a mean.
    """
    n = len(Y)
    # rounding would make a kernel of large numbers singular
    rounding = n * np.finfo(float).eps * float(np.max(np.abs(kernel)))
    inverse = np.linalg.inv(kernel + max(OPPOSITION_NOISE, rounding) * np.eye(n))
    B = -inverse / np.diagonal(inverse)[:, None]
    B[np.diag_indices(n)] = 0.0
    C = (B + B.T) / 2.0
    C = C - C.mean(axis=0) - C.mean(axis=1)[:, None] + C.mean()
    trace = float(np.trace(C))
    if n < 3:
        return 0.0
    variance = 2.0 * (float(np.sum(C**2)) - trace**2 / (n - 1))
    agreement = np.einsum("nk,nm,mk->k", Y, C, Y) - n / (n - 1) * trace
    return float(np.mean(agreement)) / max(variance, TINY) ** 0.5
