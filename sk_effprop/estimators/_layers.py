"""The fitted attributes coefs_ and intercepts_: the weights layer by layer."""

from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from sk_effprop.core.arrays import Array
from sk_effprop.core.network import Network


class LayerAttributes:
    """Views of ``theta_``, cut by ``network_``; assignments replace ``theta_``."""

    network_: Network
    theta_: Array

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
        arrays = [np.asarray(value) for value in values]
        if [array.shape for array in arrays] != wanted:
            raise ValueError(
                f"{name} must have the shapes {wanted} of the fitted network, got "
                f"{[array.shape for array in arrays]}."
            )
        theta = self.theta_.copy()
        for W, array in zip(self.network_.layers(theta), arrays, strict=True):
            W[rows] = array
        self.theta_ = theta


class LayerList(list[Array]):
    """One array per layer; replacing an item calls ``replace(layer, array)``."""

    def __init__(self, arrays: list[Array], replace: Callable[[Any, Any], Any]) -> None:
        super().__init__(arrays)
        self._replace = replace

    def __setitem__(self, layer: SupportsIndex | slice, array: Any) -> None:
        super().__setitem__(layer, self._replace(layer, array))

    def __reduce__(self) -> Any:
        return list, (list(self),)


def _read_only(view: Array) -> Array:
    view = view.view()
    view.flags.writeable = False
    return view
