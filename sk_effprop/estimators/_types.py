"""Types of what users pass to the estimators."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from numpy.random import RandomState
from numpy.typing import ArrayLike

from sk_effprop.core.activations import Activation
from sk_effprop.core.arrays import Array

# scipy has no types: arrays, lists, data frames and sparse matrices are all accepted
MatrixLike: TypeAlias = ArrayLike | Any
VectorLike: TypeAlias = ArrayLike | Any

RandomStateLike: TypeAlias = int | RandomState | None

# (f, f', f''), each from an array of preactivations to an array of the same shape
UserActivation: TypeAlias = tuple[
    Callable[[Array], Array], Callable[[Array], Array], Callable[[Array], Array]
]
ActivationName: TypeAlias = Literal[
    "lecun_tanh", "rational_tanh", "tanh", "logistic", "relu", "softplus", "identity"
]
ActivationLike: TypeAlias = ActivationName | Activation | UserActivation


class UserLoss(Protocol):
    """User-defined loss, see docs/extending.md."""

    def value(self, outputs: Array, targets: Array, /) -> Array:
        """Loss of every example, (n_samples,)."""

    def gradient(self, outputs: Array, targets: Array, /) -> Array:
        """Derivatives with respect to the outputs, (n_samples, n_outputs)."""

    def hessian(self, outputs: Array, targets: Array, /) -> Array:
        """Second derivatives, (n_samples, n_outputs[, n_outputs])."""


# (estimator, X, y) -> score, or the name of a scorer of scikit-learn's
ScoringLike: TypeAlias = str | Callable[..., float]
HiddenLayerSizes: TypeAlias = int | Sequence[int] | Array
