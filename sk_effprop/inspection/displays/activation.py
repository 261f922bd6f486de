"""An activation with its derivatives and targets, as in Fig. 4 of the paper."""

from typing import Any, Self

import numpy as np

from sk_effprop._containers import fitted_network
from sk_effprop.core.activations import ACTIVATIONS, AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.targets import preactivation_at
from sk_effprop.inspection.displays._base import (
    BLUE,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    Display,
)

# The horizontal axis reaches this many times as far as the peak of |f''|.
REACH, USUAL_REACH, N_POINTS = 4.0, 4.0, 801


class ActivationDisplay(Display):
    """The activation f, its slope f', the curvature ``|f''|``, and the target values.

    Targets belong where ``|f''|`` is largest: at the asymptotes, they drive the weights
    to infinity and the gradient to zero (section 4.5).

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    activation : Activation or CustomActivation
        f with its derivatives.
    targets : tuple of float, default=()
        Target values of the outputs that are off and on, if this is the output.
    name : str, default=""
        Title of the axes.

    Attributes
    ----------
    activation, targets, name
        As given.
    z : ndarray of shape (n_points,)
        Arguments of f.
    value, slope, curvature : ndarray of shape (n_points,)
        f, f' and ``|f''|`` there.
    target_points : list of (float, float)
        Arguments at which f has the target values, with these; none for asymptotes,
        which f never reaches.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import ActivationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = EffPropClassifier(5, loss="squared_error", random_state=0).fit(X, y)
    >>> display = ActivationDisplay.from_estimator(net)
    >>> [round(value, 1) for _, value in display.target_points]
    [-1.0, 1.0]
    """

    def __init__(
        self,
        activation: AnyActivation,
        *,
        targets: tuple[float, ...] = (),
        name: str = "",
    ) -> None:
        self.activation, self.targets, self.name = activation, targets, name
        self.z = np.linspace(-1.0, 1.0, N_POINTS) * _reach(activation)
        self.value, self.slope = activation.f(self.z), activation.df(self.z)
        self.curvature = np.abs(activation.d2f(self.z))
        bottom, top = activation.limits
        self.target_points = [
            (preactivation_at(value, activation), value)
            for value in targets
            if bottom < value < top
        ]

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, layer: int | None = None, ax: Any = None
    ) -> Self:
        """Draw an activation of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted EffPropClassifier or EffPropRegressor, or a pipeline, search or other
            container of one.
        layer : int or None, default=None
            Index of the layer of units, from 0 for the first hidden layer; -1 is the
            output.  None takes the output if targets are placed on its activation, and
            the last hidden layer otherwise.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        ActivationDisplay

        Raises
        ------
        NotFittedError, TypeError
            If ``estimator`` is not fitted, or contains no estimator of this package.
        ValueError
            If there is no such layer.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        network = fitted_network(estimator)
        activations = network.network_.activations
        index = _layer_index(network, layer)
        is_output = index == len(activations) - 1
        targets = network.coding_.target_range or ()
        display = cls(
            activations[index],
            targets=targets if is_output else (),
            name=_name(activations[index], index, is_output=is_output),
        )
        return display.plot(ax)

    def _draw(self, ax: Any) -> None:
        for limit in self.activation.limits:
            if np.isfinite(limit):
                ax.axhline(limit, color=GREY, linewidth=0.8, linestyle=(0, (1, 3)))
        ax.plot(self.z, self.value, color=BLUE, linewidth=2, label="f(z)")
        ax.plot(self.z, self.slope, "--", color=VERMILION, label="f'(z)")
        ax.plot(self.z, self.curvature, "-.", color=PURPLE, label="|f''(z)|")
        self._draw_targets(ax)
        low, high = _range_of(self.value, self.slope, self.curvature)
        ax.set_ylim(low, high)
        ax.set_xlabel("z, weighted sum of the inputs of a unit")
        ax.set_ylabel("activation and its derivatives")
        ax.set_title(self.name, fontsize="medium")
        ax.grid(color=GREY, alpha=0.2)
        ax.legend()

    def _draw_targets(self, ax: Any) -> None:
        label = "target values"
        for z, value in self.target_points:
            height = float(np.abs(self.activation.d2f(z)))
            ax.plot([z, z], [height, value], ":", color=ORANGE)
            ax.plot(z, value, "o", color=ORANGE, markersize=9, label=label)
            label = "_nolegend_"
        reached = [value for _, value in self.target_points]
        for value in set(self.targets) - set(reached):
            ax.axhline(value, color=ORANGE, label=label)
            label = "_nolegend_"


def _reach(activation: AnyActivation) -> float:
    peak = activation.curvature_peak
    return REACH * peak if peak else USUAL_REACH


def _range_of(*curves: Array) -> tuple[float, float]:
    """Limits of an axis on which no curve is more than a few units long."""
    values = np.concatenate(curves)
    low, high = max(np.min(values), -USUAL_REACH), min(np.max(values), USUAL_REACH)
    margin = 0.08 * (high - low)
    return low - margin, high + margin


def _layer_index(network: Any, layer: int | None) -> int:
    activations = network.network_.activations
    n_layers = len(activations)
    if layer is None:
        has_targets = not activations[-1].is_identity or n_layers == 1
        return n_layers - 1 if has_targets else n_layers - 2
    if not -n_layers <= layer < n_layers:
        raise ValueError(
            f"layer must lie between {-n_layers} and {n_layers - 1}, got {layer!r}."
        )
    return layer % n_layers


def _name(activation: AnyActivation, index: int, *, is_output: bool) -> str:
    names = [name for name, known in ACTIVATIONS.items() if known == activation]
    layer = "the output" if is_output else f"hidden layer {index + 1}"
    return f"Activation of {layer}: {names[0] if names else _formula(activation)}"


def _formula(activation: AnyActivation) -> str:
    """Name of an activation that is none of the usual ones."""
    for name, known in ACTIVATIONS.items():
        if activation.twist and known.twisted(activation.twist) == activation:
            return f"{name} + {activation.twist:g} z"
    return "user-defined"
