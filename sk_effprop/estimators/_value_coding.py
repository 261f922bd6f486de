"""Coding of real targets (section 4.3): normalised for training, and the way back."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sk_effprop._moments import Moments, dense_moments, unit_of
from sk_effprop.core.activations import IDENTITY, AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import OWN_OUTPUTS, LogLink, Loss
from sk_effprop.core.targets import check_reachable, place_values
from sk_effprop.estimators._activations import resolve_activation
from sk_effprop.estimators._data import CodedTargets

# A standard deviation below this share of the mean consists of rounding errors.
ROUNDING = 1e-12
# Predictions may be further out than one standard deviation by the inverse of this.
MARGIN = 1e-3


class TargetStatistics(NamedTuple):
    """Moments and range of y, per output, in units in which squares can be formed."""

    unit: Array
    moments: Moments
    low: Array
    high: Array

    @classmethod
    def of(cls, y: Array, weight: Array) -> "TargetStatistics":
        """Statistics of y of shape (n_samples,) or (n_samples, n_outputs)."""
        Y = y.reshape(len(y), -1).astype(np.float64, copy=False)
        low, high = Y.min(axis=0), Y.max(axis=0)
        unit = unit_of(np.maximum(np.abs(low), np.abs(high)))
        moments = dense_moments(Y / unit, weight, cross=False)
        return cls(unit, moments, low / unit, high / unit)

    def merge(self, other: "TargetStatistics") -> "TargetStatistics":
        """Statistics of both sets of targets together."""
        unit = np.maximum(self.unit, other.unit)
        first, second = self._in_units(unit), other._in_units(unit)
        return TargetStatistics(
            unit,
            first.moments.merge(second.moments),
            np.minimum(first.low, second.low),
            np.maximum(first.high, second.high),
        )

    def _in_units(self, unit: Array) -> "TargetStatistics":
        share, (total, mean, deviations) = self.unit / unit, self.moments
        moments = Moments(total, mean * share, deviations * share**2)
        return TargetStatistics(unit, moments, self.low * share, self.high * share)


@dataclass(frozen=True, eq=False)
class ValueCoding:
    """Coding of real targets: ``(y - mean) / scale``, per output (section 4.3).

    Attributes
    ----------
    statistics : TargetStatistics
        Of the y that ``mean`` and ``scale`` are derived from.
    mean, scale : ndarray of shape (n_outputs,)
        Mean and standard deviation of y, or what puts y within the range of the
        output activation, see :func:`~sk_effprop.core.targets.place_values`.
    is_normalized : bool
        Whether ``mean`` and ``scale`` follow the statistics; otherwise they are 0 and
        1.
    is_vector : bool
        Whether y, and so the predictions, have one dimension.
    loss : Loss
        On coded targets.
    loss_name : str or object
        The hyperparameter ``loss``, for messages.
    activation : Activation or CustomActivation
        Of the output units; the identity if the loss owns the output function.
    activation_name : str, Activation or tuple
        The public ``out_activation_``.
    """

    statistics: TargetStatistics
    mean: Array
    scale: Array
    is_normalized: bool
    is_vector: bool
    loss: Loss
    loss_name: Any
    activation: AnyActivation
    activation_name: Any
    # values have no targets that mean off and on
    target_range: ClassVar[None] = None

    @classmethod
    def of(
        cls,
        y: Array,
        weight: Array,
        *,
        loss: Loss,
        loss_name: Any,
        output: Any,
        normalize: bool,
    ) -> "ValueCoding":
        """Derive the coding from data and hyperparameters.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        weight : ndarray of shape (n_samples,)
        loss : Loss
        loss_name : str or object
        output : str, Activation or tuple
            Output activation; ignored if the loss owns it, as Poisson and gamma do.
        normalize : bool

        Raises
        ------
        ValueError
            If the loss is not defined for y, or the output activation cannot reach y
            and ``normalize`` is False.
        """
        activation: AnyActivation = IDENTITY
        if isinstance(loss, LogLink):
            output = OWN_OUTPUTS[loss_name]
        elif output == "auto":
            output = "identity"
        else:
            activation = resolve_activation(output)
        _check_range(y, loss, loss_name)
        if not normalize:
            check_reachable(float(y.min()), float(y.max()), activation)
        statistics = TargetStatistics.of(y, weight)
        mean, scale = _mean_and_scale(statistics, loss, activation, normalize)
        return cls(
            statistics, mean, scale, normalize, y.ndim == 1,
            loss, loss_name, activation, output,
        )  # fmt: skip

    def including(self, y: Array, weight: Array) -> "ValueCoding":
        """Coding that also takes these examples into account."""
        self.check(y)
        statistics = self.statistics.merge(TargetStatistics.of(y, weight))
        mean, scale = _mean_and_scale(
            statistics, self.loss, self.activation, self.is_normalized
        )
        return replace(self, statistics=statistics, mean=mean, scale=scale)

    @property
    def fitted_attributes(self) -> dict[str, Any]:
        """Attributes of the fitted estimator."""
        return {
            "coding_": self,
            "target_mean_": self.mean,
            "target_scale_": self.scale,
        }

    # --------------------------------------------------------------------------- coding

    def code(self, y: Array, dtype: Any) -> CodedTargets:
        """Targets for values; a ValueError if the number of outputs differs."""
        self.check(y)
        Y = y.reshape(len(y), -1)
        return CodedTargets(((Y - self.mean) / self.scale).astype(dtype), None)

    def check(self, y: Array) -> None:
        """Raise a ValueError for another number of outputs or a wrong range."""
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if n_outputs != len(self.mean):
            raise ValueError(
                f"y has {n_outputs} outputs, but y of the first call had "
                f"{len(self.mean)}."
            )
        _check_range(y, self.loss, self.loss_name)

    def check_warm_start(self, y: Array) -> None:
        """Accept any y: a warm start keeps the first mean and scale."""

    # ------------------------------------------------------------------------- decoding

    def decode(self, outputs: Array) -> Array:
        """Predictions in the units of y, in float64 where float32 cannot hold those."""
        outputs = outputs.astype(self._precision(outputs.dtype), copy=False)
        mean, scale = (v.astype(outputs.dtype) for v in (self.mean, self.scale))
        # a prediction may be too large for any precision
        with np.errstate(over="ignore"):
            if isinstance(self.loss, LogLink):
                return self._shaped(self.loss.mean(outputs + np.log(scale)))
            return self._shaped(outputs * scale + mean)

    def decode_variance(self, variance: Array, dtype: Any) -> Array:
        """Standard deviations in the units of y, from variances of the outputs."""
        with np.errstate(over="ignore"):
            deviations = np.sqrt(variance) * self.scale
        return self._shaped(deviations.astype(self._precision(dtype)))

    def _precision(self, dtype: Any) -> Any:
        """Precision of predictions for outputs of this one."""
        limits = np.finfo(dtype)
        largest = np.max(np.maximum(np.abs(self.mean), self.scale), initial=0.0)
        smallest = np.min(self.scale, initial=1.0)
        fits = largest < MARGIN * limits.max and smallest > limits.tiny / MARGIN
        return dtype if fits else np.float64

    def _shaped(self, values: Array) -> Array:
        return values[:, 0] if self.is_vector else values


def _check_range(y: Array, loss: Loss, name: Any) -> None:
    if isinstance(loss, LogLink) and not loss.accepts(y):
        raise ValueError(
            f"loss={name!r} requires {loss.rule}, but min(y) is {np.min(y)}. "
            "Use another loss, such as 'squared_error'."
        )


def _mean_and_scale(
    statistics: TargetStatistics,
    loss: Loss,
    activation: AnyActivation,
    normalize: bool,
) -> tuple[Array, Array]:
    unit, (total, mean, deviations), low, high = statistics
    zero, one = np.zeros(len(mean)), np.ones(len(mean))
    if not normalize:
        return zero, one
    if isinstance(loss, LogLink):
        # a logarithm has no use for a shift
        return zero, np.where(mean == 0, 1.0, mean * unit)
    scale = np.sqrt(deviations / total)
    # a constant target leaves rounding errors, which are not worth learning
    is_constant = (scale <= ROUNDING * np.abs(mean)) | (scale == 0)
    scale = np.where(is_constant, 1.0, scale)
    shift, scale = place_values(low, high, mean, scale, activation)
    return shift * unit, scale * unit
