"""Weights as 16-bit integers, and a bound on the error that their rounding causes."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier

from sk_effprop.core.activations import LINEAR, SHAPES, Activation
from sk_effprop.core.arrays import Array
from sk_effprop.core.targets import PROBABILITY_FLOOR
from sk_effprop.export._fitted import clip_of, has_several_columns, layers_of

LARGEST = 32767
# Normalised inputs that are not clipped are taken to be no larger.
USUAL_BOUND = 8.0
# Roundings of a product, its sum and an activation, per term, in units of half an ulp.
ROUNDINGS = 4


class Integers(NamedTuple):
    """Weights as ``values * units``.

    Attributes
    ----------
    values : ndarray of int64 of shape (n_in, n_out)
    units : ndarray of shape (n_out,)
        In the precision of the program.
    """

    values: Array
    units: Array

    @classmethod
    def of(cls, weights: Array, dtype: str) -> "Integers":
        """Round weights to multiples of a unit for each column."""
        largest = np.abs(weights).max(axis=0)
        units = np.where(largest > 0.0, largest / LARGEST, 1.0)
        units = units.astype(dtype).astype(np.float64)
        values = np.clip(np.rint(weights / units), -LARGEST, LARGEST)
        return cls(values.astype(np.int64), units)

    @property
    def weights(self) -> Array:
        """The rounded weights as floats, ``values * units``."""
        return self.values * self.units


class Range(NamedTuple):
    """Largest absolute value of each unit, and largest error of it."""

    size: Array
    error: Array


def error_bound(est: Any, dtype: str) -> float:
    """Largest error of an output that rounding of the weights can cause.

    Errors go through the layers as absolute values: a unit has at most the errors of
    its inputs times the weights that are used, plus the errors of the weights times the
    inputs, and an activation multiplies it by its steepest slope at most.  The
    arithmetic of the program is included.
    """
    layers = layers_of(est)
    bound = clip_of(est) or USUAL_BOUND
    rounding = ROUNDINGS * float(np.finfo(dtype).eps)
    inputs = np.full(len(layers[0]) - 1, bound)
    units = Range(inputs, rounding * inputs)
    for W, f in zip(layers, est.network_.activations, strict=True):
        units = _through_activation(f, _through_weights(W, units, dtype), rounding)
    return _through_decoding(est, units, rounding)


def _through_weights(W: Array, units: Range, dtype: str) -> Range:
    used = Integers.of(W[:-1], dtype).weights
    size = units.size @ np.abs(W[:-1]) + np.abs(W[-1])
    error = units.error @ np.abs(used) + units.size @ np.abs(used - W[:-1])
    rounding = (len(W) + ROUNDINGS) * float(np.finfo(dtype).eps)
    return Range(size, error + rounding * (size + error))


def _through_activation(f: Activation, z: Range, rounding: float) -> Range:
    steepest = abs(f.twist)
    size = abs(f.twist) * z.size + abs(f.offset)
    if f.kind != LINEAR:
        # no shape is steeper than 1, and each is monotone
        steepest += abs(f.amplitude * f.slope)
        ends = np.abs([_shape(f, -z.size), _shape(f, z.size)])
        size = size + abs(f.amplitude) * ends.max(axis=0)
    return Range(size, steepest * z.error + rounding * size)


def _shape(f: Activation, z: Array) -> Array:
    value = np.empty_like(z)
    SHAPES[f.kind].value(f.slope * z, value)
    return value


def _through_decoding(est: Any, outputs: Range, rounding: float) -> float:
    """Largest error of values or probabilities."""
    coding = est.coding_
    if not is_classifier(est):
        if est.out_activation_ == "exp":
            return float(np.expm1(outputs.error.max())) + rounding
        sizes = coding.scale * outputs.size + np.abs(coding.mean)
        return float((coding.scale * outputs.error + rounding * sizes).max())
    if not has_several_columns(est):
        return min(_of_probabilities(coding, outputs.error) + rounding, 1.0)
    errors = np.split(outputs.error, coding.bounds)
    bounds = map(_of_probabilities, coding.parts, errors)
    return min(max(bounds) + rounding, 1.0)


def _of_probabilities(coding: Any, errors: Array) -> float:
    """Largest error of a probability for these errors of the outputs."""
    error = float(errors.max())
    if coding.has_logits:
        # of p (1 - p) times the difference of two logits, or times one
        return error * (0.5 if coding.is_exclusive else 0.25)
    bound = error / (coding.high - coding.low)
    if coding.is_exclusive:
        # divided by a sum that is only known to be above K times the floor
        n_classes = len(coding.classes)
        bound *= (1.0 + n_classes) / (n_classes * PROBABILITY_FLOOR)
    return float(bound)
