"""Types of the arguments of the estimators.

Names of activations, solvers and so on are plain ``str``: the registries define which
names there are, and validation reports the others.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from numpy.random import RandomState
from numpy.typing import ArrayLike

from sk_effprop.core.activations import Activation
from sk_effprop.core.arrays import Array

# An array, a nested sequence, a data frame, or a sparse matrix, for which SciPy has no
# types.
MatrixLike: TypeAlias = ArrayLike | Any
# An array, a sequence, or a column of a data frame, of numbers or labels.
VectorLike: TypeAlias = ArrayLike | Any

HiddenLayerSizes: TypeAlias = int | Sequence[int] | Array
RandomStateLike: TypeAlias = int | RandomState | None

# (f, f', f''): each maps an array of preactivations to an array of the same shape.
UserActivation: TypeAlias = tuple[
    Callable[[Array], Array], Callable[[Array], Array], Callable[[Array], Array]
]
ActivationLike: TypeAlias = str | Activation | UserActivation

# Names, indices, or a mask of columns, or a name of a rule.
ColumnChoice: TypeAlias = str | ArrayLike | None

# The name of one of scikit-learn's scorers, or scorer(estimator, X, y).
ScoringLike: TypeAlias = str | Callable[..., float]


class UserLoss(Protocol):
    """User-defined loss, see docs/extending.md."""

    def value(self, outputs: Any, targets: Any, /) -> Any:
        """Loss of every example, (n_samples,)."""

    def gradient(self, outputs: Any, targets: Any, /) -> Any:
        """Derivatives with respect to the outputs, (n_samples, n_outputs)."""

    def hessian(self, outputs: Any, targets: Any, /) -> Any:
        """Second derivatives, (n_samples, n_outputs) or with a matrix per example."""
