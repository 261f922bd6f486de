"""The fitted attributes theta_, coefs_ and intercepts_: the weights, and their layers.

All three can be assigned.  What is assigned is checked at once, as a wrong value would
only show in predictions that make no sense, or in the middle of a product.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from sk_effprop.core.arrays import Array
from sk_effprop.core.network import Network
from sk_effprop.estimators._masks import check_masks


class LayerAttributes:
    """``theta_``, and views of it, cut by ``network_``."""

    network_: Network

    @property
    def theta_(self) -> Array:
        """All weights, flat: layer after layer, (n_in + 1, n_out), biases last.

        Other weights can be assigned; they are copied, and keep the fitted precision.
        """
        # A property takes precedence over the entry, in which training stores the
        # weights without the checks.
        if "theta_" not in self.__dict__:
            raise AttributeError("theta_ is not available before fit.")
        return np.asarray(self.__dict__["theta_"])

    @theta_.setter
    def theta_(self, values: ArrayLike) -> None:
        if not hasattr(self, "network_"):
            raise AttributeError(
                "theta_ cannot be assigned before fit. Pass the weights that training "
                "should start from as init."
            )
        theta = _as_weights("theta_", values, self._weights_dtype)
        n_weights = self.network_.n_weights
        if theta.shape != (n_weights,):
            raise ValueError(
                f"theta_ must have the shape ({n_weights},) of the fitted network, got "
                f"{theta.shape}."
            )
        self.__dict__["theta_"] = theta

    @property
    def coefs_(self) -> list[Array]:
        """Weights of each layer, (n_in, n_out), for normalised inputs.

        The arrays are read-only; the list, or an array in it, can be replaced.
        """
        return self._weights("coefs_", np.s_[:-1])

    @coefs_.setter
    def coefs_(self, matrices: Sequence[ArrayLike]) -> None:
        self._replace_weights("coefs_", np.s_[:-1], matrices)

    @property
    def intercepts_(self) -> list[Array]:
        """Biases of each layer, (n_out,); they can be replaced as ``coefs_`` can."""
        return self._weights("intercepts_", np.s_[-1])

    @intercepts_.setter
    def intercepts_(self, vectors: Sequence[ArrayLike]) -> None:
        self._replace_weights("intercepts_", np.s_[-1], vectors)

    def _weights(self, name: str, rows: Any) -> list[Array]:
        if not hasattr(self, "theta_"):
            raise AttributeError(f"{name} is not available before fit.")
        views = [_read_only(W[rows]) for W in self.network_.layers(self.theta_)]

        def replace(layer: Any, array: Any) -> Any:
            now = list(getattr(self, name))
            now[layer] = array
            setattr(self, name, now)
            return getattr(self, name)[layer]

        return LayerList(views, replace)

    def _replace_weights(
        self, name: str, rows: Any, values: Sequence[ArrayLike]
    ) -> None:
        """Write new values into a copy of theta_, as others may have the old one."""
        wanted = [view.shape for view in self._weights(name, rows)]
        dtype = self._weights_dtype
        if not isinstance(values, Iterable):
            raise ValueError(f"{name} must be a list of arrays, got {values!r}.")
        arrays = [_as_weights(name, value, dtype) for value in values]
        if [array.shape for array in arrays] != wanted:
            raise ValueError(
                f"{name} must have the shapes {wanted} of the fitted network, got "
                f"{[array.shape for array in arrays]}."
            )
        theta = self.theta_.copy()
        for W, array in zip(self.network_.layers(theta), arrays, strict=True):
            W[rows] = array
        self.__dict__["theta_"] = theta

    @property
    def _weights_dtype(self) -> Any:
        """Precision of the fitted weights."""
        return self.__dict__.get("theta_", np.empty(0)).dtype


class LayerList(list[Array]):
    """One array per layer; replacing an item calls ``replace(layer, array)``."""

    def __init__(self, arrays: list[Array], replace: Callable[[Any, Any], Any]) -> None:
        super().__init__(arrays)
        self._replace = replace

    def __setitem__(self, layer: SupportsIndex | slice, array: Any) -> None:
        super().__setitem__(layer, self._replace(layer, array))

    def __reduce__(self) -> Any:
        return list, (list(self),)


def check_weights(theta: Array) -> None:
    """Raise a ValueError for weights that were made useless in place."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.dot(theta, theta)):
            return
    n_bad = int(np.sum(~np.isfinite(theta)))
    if n_bad:
        raise ValueError(
            f"theta_ must hold finite numbers, but {n_bad} of {theta.size} are nan or "
            "infinite, which were written into the array. Assign finite weights to "
            "theta_, or fit again."
        )


def _as_weights(name: str, values: Any, dtype: Any) -> Array:
    """Copy of given weights in this precision; a ValueError if they are none."""
    check_masks(**{name: values})
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} must be made of arrays of numbers: {error}") from None
    if given.dtype.kind not in "biuf":
        raise ValueError(f"{name} must hold real numbers, got dtype {given.dtype}.")
    with np.errstate(over="ignore"):
        weights = given.astype(dtype)
    if not np.isfinite(weights).all():
        raise ValueError(
            f"{name} must hold finite numbers, but {np.sum(~np.isfinite(weights))} of "
            f"{weights.size} are nan, infinite, or too large for {weights.dtype}."
        )
    return weights


def _read_only(view: Array) -> Array:
    view = view.view()
    view.flags.writeable = False
    return view
