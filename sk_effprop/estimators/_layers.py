"""coefs_ and intercepts_: the weights layer by layer, as MLP has them."""

import numpy as np


class LayerAttributes:
    """Views of ``theta_``, cut by ``network_``; what replaces one changes a copy."""

    @property
    def coefs_(self):
        """Weights of each layer, (n_in, n_out), on normalised inputs.

        The views are read-only; the list, or an array in it, may be replaced.
        """
        return self._weights("coefs_", np.s_[:-1])

    @coefs_.setter
    def coefs_(self, matrices):
        self._replace_weights("coefs_", np.s_[:-1], matrices)

    @property
    def intercepts_(self):
        """Biases of each layer, (n_out,); to be replaced as ``coefs_``."""
        return self._weights("intercepts_", np.s_[-1])

    @intercepts_.setter
    def intercepts_(self, vectors):
        self._replace_weights("intercepts_", np.s_[-1], vectors)

    def _weights(self, name, rows):
        if not hasattr(self, "theta_"):
            raise AttributeError(f"{name} is there after fit.")
        views = [_read_only(W[rows]) for W in self.network_.layers(self.theta_)]

        def replace(layer, array):
            now = list(getattr(self, name))
            now[layer] = array
            setattr(self, name, now)
            return getattr(self, name)[layer]

        return LayerList(views, replace)

    def _replace_weights(self, name, rows, values):
        """Write new values into a copy of theta_; what was taken from it stays."""
        wanted = [view.shape for view in self._weights(name, rows)]
        values = [np.asarray(value) for value in values]
        if [value.shape for value in values] != wanted:
            raise ValueError(
                f"{name} must have the shapes {wanted} of the fitted network, got "
                f"{[value.shape for value in values]}."
            )
        theta = self.theta_.copy()
        for W, value in zip(self.network_.layers(theta), values, strict=True):
            W[rows] = value
        self.theta_ = theta


class LayerList(list):
    """One array for each layer; what replaces one goes to whom they belong."""

    def __init__(self, arrays, replace):
        super().__init__(arrays)
        self._replace = replace

    def __setitem__(self, layer, array):
        super().__setitem__(layer, self._replace(layer, array))

    def __reduce__(self):
        return list, (list(self),)


def _read_only(view):
    view = view.view()
    view.flags.writeable = False
    return view
