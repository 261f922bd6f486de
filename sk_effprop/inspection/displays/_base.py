"""Base class of all displays: axes, colours, and the import of matplotlib."""

from abc import ABCMeta, abstractmethod
from typing import Any, ClassVar, Self

# The palette of Okabe and Ito, which people with any colour vision tell apart.
BLUE, VERMILION, GREEN = "#0072B2", "#D55E00", "#009E73"
ORANGE, SKY, PURPLE, BLACK = "#E69F00", "#56B4E9", "#CC79A7", "#000000"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# Lines and markers differ as well, for prints without colours.
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#666666"


class Display(metaclass=ABCMeta):
    """Base class of displays, which hold their data and can be plotted repeatedly.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.
    """

    _size: ClassVar[tuple[float, float]] = (6.4, 4.8)
    ax_: Any
    figure_: Any

    def plot(self, ax: Any = None) -> Self:
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        self
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        self.ax_ = new_axes(self._size) if ax is None else ax
        self.figure_ = self.ax_.figure
        self._draw(self.ax_)
        return self

    @abstractmethod
    def _draw(self, ax: Any) -> None:
        """Draw on these axes."""


def new_axes(size: tuple[float, float]) -> Any:
    """Axes of a new figure; an ImportError names the extra if matplotlib is missing."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Plotting needs matplotlib, the extra 'plot': pip install "
            "'sk_effprop[plot]'"
        ) from error
    _, ax = plt.subplots(figsize=size, layout="constrained")
    return ax


def scale_losses(ax: Any) -> None:
    """Make the axis of losses logarithmic, with labels also between powers of ten."""
    from matplotlib.ticker import (
        LogLocator,
        MaxNLocator,
        NullFormatter,
        ScalarFormatter,
    )

    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high >= 100.0 * low:
        return
    is_narrow = high < 10.0 * low
    locator = MaxNLocator(6) if is_narrow else LogLocator(subs=(1.0, 2.0, 5.0))
    ax.yaxis.set_major_locator(locator)
    ax.yaxis.set_major_formatter(ScalarFormatter())
    ax.yaxis.set_minor_formatter(NullFormatter())
