"""Coding of real targets (section 4.3): normalised for training, and the way back."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sk_effprop.core.activations import IDENTITY, AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.losses import OWN_OUTPUTS, LogLink, Loss
from sk_effprop.core.targets import check_reachable, place_values
from sk_effprop.estimators._activations import resolve_activation
from sk_effprop.estimators._data import CodedTargets
from sk_effprop.estimators._target_statistics import StreamedTargets, TargetStatistics

# A standard deviation below this share of the mean consists of rounding errors.
ROUNDING = 1e-12
# Targets of a stream are coded anew if their root mean square in units of the scale is
# larger than this, or a whole window of them has a smaller deviation than this.
LARGEST_SIZE, SMALLEST_SIZE = 3.0, 0.1
# A scale that two kinds of targets have set is replaced if it is off by this factor.
FAR = 1.5
# Predictions may be further out than one standard deviation by the inverse of this.
MARGIN = 1e-3


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
    streamed : StreamedTargets or None
        Targets of a stream after those that have set the scale.
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
    streamed: StreamedTargets | None = None
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
        return self.with_statistics(
            self.statistics.merge(TargetStatistics.of(y, weight))
        )

    def with_statistics(self, statistics: TargetStatistics) -> "ValueCoding":
        """Coding for targets with these statistics."""
        if not self.is_normalized:
            low, high = (
                statistics.low * statistics.unit,
                statistics.high * statistics.unit,
            )
            check_reachable(float(low.min()), float(high.max()), self.activation)
        mean, scale = _mean_and_scale(
            statistics, self.loss, self.activation, self.is_normalized
        )
        return replace(self, statistics=statistics, mean=mean, scale=scale)

    def following(self, y: Array, weight: Array, n_seen: int) -> "ValueCoding":
        """Coding for a stream: another one if the scale is far from what y needs.

        Parameters
        ----------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        weight : ndarray of shape (n_samples,)
        n_seen : int
            Examples before these.
        """
        self.check(y)
        known = self.streamed or StreamedTargets.start(self.statistics, n_seen)
        streamed = known.including(TargetStatistics.of(y, weight), len(y))
        if not self.is_normalized:
            return replace(self, streamed=streamed)
        size, _ = self._sizes_of(streamed.seen)
        if (size > LARGEST_SIZE).any():
            return self._rescaled(size > LARGEST_SIZE, streamed.grown())
        for window, is_wrong in (
            (streamed.new_kind, self._is_mixed),
            (streamed.later_examples, self._is_too_large),
        ):
            if window is not None:
                if (wrong := is_wrong(window)).any():
                    return self._rescaled(wrong, streamed.begin_anew())
                if streamed.is_settling:
                    streamed = replace(streamed, is_settling=False)
        return replace(self, streamed=streamed)

    def _is_mixed(self, window: TargetStatistics) -> Array:
        """True if the window's spread or offset is far from the scale, yet not tiny."""
        size, deviation = self._sizes_of(window)
        is_near = (size < FAR) & (deviation > 1.0 / FAR)
        return np.asarray((deviation >= SMALLEST_SIZE) & ~is_near)

    def _is_too_large(self, window: TargetStatistics) -> Array:
        """True if the spread of the window is tiny compared with the scale."""
        _, deviation = self._sizes_of(window)
        return np.asarray((deviation > 0.0) & (deviation < SMALLEST_SIZE))

    def _sizes_of(self, statistics: TargetStatistics) -> tuple[Array, Array]:
        """Root mean square and deviation of targets, in units of the scale."""
        unit, (total, mean, deviations), *_ = statistics
        offset = (mean * unit - self.mean) / self.scale
        if isinstance(self.loss, LogLink):
            return offset, offset
        deviation = np.sqrt(deviations / total) * unit / self.scale
        return np.hypot(offset, deviation), deviation

    def _rescaled(self, is_wrong: Array, streamed: StreamedTargets) -> "ValueCoding":
        """Coding with another mean and scale of some outputs."""
        mean, scale = _mean_and_scale(
            streamed.seen, self.loss, self.activation, self.is_normalized
        )
        return replace(
            self,
            statistics=streamed.seen,
            mean=np.where(is_wrong, mean, self.mean),
            scale=np.where(is_wrong, scale, self.scale),
            streamed=streamed,
        )

    def compensate(self, W: Array, before: Any) -> None:
        """Change the output layer in place so that predictions are those of before.

        That is exact for linear outputs and for log links.  Outputs with limits could
        not reach the new targets if they stayed the same; they take the new scale.  So
        does a network that has only seen constant targets, whose output weights would
        vanish, or one whose errors are as large as targets that nobody has seen since,
        whose output weights would grow so much that training becomes slow.  Means of
        another magnitude than before are too far for a deviance.
        """
        is_similar = self.scale >= SMALLEST_SIZE * before.scale
        if isinstance(self.loss, LogLink):
            # the curvature of a deviance is, or is divided by, the predicted mean
            is_similar &= self.scale <= before.scale / SMALLEST_SIZE
        is_kept = is_similar & ~_is_constant(before.statistics)
        share = np.where(is_kept, before.scale / self.scale, 1.0)
        if isinstance(self.loss, LogLink):
            W[-1] += np.log(share)
        elif self.activation == IDENTITY:
            W *= share
            W[-1] += np.where(is_kept, (before.mean - self.mean) / self.scale, 0.0)

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
        targets = ((Y - self.mean) / self.scale).astype(dtype)
        if isinstance(self.loss, LogLink) and not self.loss.accepts(targets):
            raise ValueError(
                f"loss={self.loss_name!r} requires {self.loss.rule}, but "
                f"{np.min(y)} is 0 in {targets.dtype}. Pass X as float64, or y in "
                "larger units."
            )
        return CodedTargets(targets, None)

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

    def predictions(self, outputs: Array, preactivations: Array) -> Array:
        """Values, which is what a regressor predicts."""
        return self.decode(outputs)

    def decode_variance(self, variance: Array, dtype: Any) -> Array:
        """Standard deviations in the units of y, from variances of the outputs."""
        with np.errstate(over="ignore"):
            deviations = np.sqrt(variance) * self.scale
        return self._shaped(deviations.astype(self._precision(dtype)))

    def _precision(self, dtype: Any) -> Any:
        """Floating-point type of the predictions for outputs of this type."""
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
    least = np.finfo(np.float64).tiny
    if isinstance(loss, LogLink) and 0.0 < np.max(y) < least:
        raise ValueError(
            f"y is too small: max(y) is {np.max(y):.3g}, and with loss={name!r} "
            f"predictions are at least {least:.3g}. Multiply y by a large number."
        )


def _is_constant(statistics: TargetStatistics) -> Array:
    """True for each column of constant targets, up to rounding."""
    _, (total, mean, deviations), *_ = statistics
    deviation = np.sqrt(deviations / total)
    return np.asarray((deviation <= ROUNDING * np.abs(mean)) | (deviation == 0))


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
    is_constant = _is_constant(statistics)
    scale = np.where(is_constant, 1.0, np.sqrt(deviations / total))
    shift, scale = place_values(low, high, mean, scale, activation)
    return shift * unit, scale * unit
