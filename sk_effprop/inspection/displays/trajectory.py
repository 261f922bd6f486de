"""The error surface with the path of the weights, as in Figs. 9 to 14 of the paper."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sk_effprop.core.arrays import Array
from sk_effprop.core.objective import Objective
from sk_effprop.inspection._runs import PreparedFit, prepare
from sk_effprop.inspection.displays._base import (
    ORANGE,
    VERMILION,
    Display,
)
from sk_effprop.inspection.displays._planes import Plane, choose_plane
from sk_effprop.solvers import STOCHASTIC

STEPS = ("iteration", "update")
# Points of the path that are drawn, and rows that the surface is computed from.
MAX_POINTS, MAX_ROWS = 2000, 1000
# The picture shows the points of the path whose loss is at most so many times that of
# its start, with a margin, and its sides differ by at most this factor.
HIGHEST, MARGIN, LONGEST_SIDE = 2.0, 0.2, 5.0
N_LEVELS = 20


class TrajectoryDisplay(Display):
    """Contours of the error surface, and the path of the weights during training.

    Networks with two weights and any biases are drawn over these weights.  For larger
    networks, the path is projected onto a plane through the final weights.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    path : array-like of shape (n_points, 2)
        Coordinates of the weights after each step, the initial ones first.
    grid : (ndarray of shape (n,), ndarray of shape (n,))
        Coordinates at which the surface is known.
    surface : array-like of shape (n, n)
        Objective; rows belong to the second coordinate.
    end : array-like of shape (2,)
        Coordinates of the weights that were kept.
    labels : (str, str)
        Names of the coordinates.
    share : float, default=1.0
        Share of the squared length of the steps that lies in the plane.

    Attributes
    ----------
    path, grid, surface, end, labels, share
        As given.
    thetas : ndarray of shape (n_points, n_weights)
        The weights after each step; only by :meth:`from_estimator`.
    plane : Plane
        Origin and directions of the plane; only by :meth:`from_estimator`.
    ax_ : matplotlib.axes.Axes
        Axes of the last drawing.
    figure_ : matplotlib.figure.Figure
        Figure of these axes.

    Examples
    --------
    A linear unit has as many weights as inputs:

    >>> import numpy as np
    >>> from sk_effprop import EffPropRegressor
    >>> from sk_effprop.inspection import TrajectoryDisplay
    >>> X = np.random.default_rng(0).normal(size=(50, 2)) * [1.0, 3.0]
    >>> unit = EffPropRegressor(
    ...     (), solver="sgd", batch_size="full", normalize=None, max_iter=20, tol=0
    ... )
    >>> display = TrajectoryDisplay.from_estimator(unit, X, X @ [1.0, 1.0])
    >>> display.path.shape
    (21, 2)
    """

    thetas: Array
    plane: Plane

    def __init__(
        self,
        path: ArrayLike,
        grid: tuple[Array, Array],
        surface: ArrayLike,
        *,
        end: ArrayLike,
        labels: tuple[str, str],
        share: float = 1.0,
    ) -> None:
        self.path, self.end = np.asarray(path), np.asarray(end)
        self.grid, self.surface = grid, np.asarray(surface)
        self.labels, self.share = labels, share

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        plane: str | tuple[int, int] = "auto",
        steps: str = "iteration",
        resolution: int = 41,
        sample_weight: ArrayLike | None = None,
        ax: Any = None,
    ) -> Self:
        """Train a copy of the estimator, and draw the path of its weights.

        The copy is trained as ``fit`` would train it.  It takes the same path as the
        estimator if ``random_state`` is an int.

        Parameters
        ----------
        estimator : estimator
            EffPropClassifier or EffPropRegressor, or a pipeline, a search or another
            estimator that contains one.  It need not be fitted, and is not changed.
        X, y, sample_weight
            As for ``fit``.
        plane : {"auto", "eigenvectors", "path"} or (int, int), default="auto"
            The plane through the final weights that is drawn:

            - "eigenvectors" takes the two leading eigenvectors of the Hessian there,
              the directions in which the surface is steepest.
            - "path" takes the two leading principal components of the path, which show
              most of the way.
            - A pair of numbers takes two entries of ``theta_``.
            - "auto" takes the weights of a network that has two besides its biases, and
              "eigenvectors" for larger ones.
        steps : {"iteration", "update"}, default="iteration"
            Whether the path has a point for every epoch or iteration, or for every
            update of a stochastic solver.
        resolution : int, default=41
            Points of the surface in each direction.  It is computed from at most 1,000
            random examples.
        ax : matplotlib.axes.Axes, default=None
            Axes to draw on.  By default a new figure is created.

        Returns
        -------
        TrajectoryDisplay

        Raises
        ------
        TypeError
            If ``estimator`` is no estimator of this package, nor contains one.
        ValueError
            For an unknown ``plane`` or ``steps``, an estimator with fewer than two
            weights, or if ``fit`` would refuse the data.
        ImportError
            If matplotlib, the extra "plot", is not installed.
        """
        if steps not in STEPS:
            raise ValueError(f"steps must be one of {STEPS}, got {steps!r}.")
        prepared = prepare(estimator, X, y, sample_weight)
        thetas, end = _train(prepared, steps)
        part = prepared.objective.as_float64().sample(
            MAX_ROWS, np.random.default_rng(0)
        )
        chosen = choose_plane(plane, part, thetas, end)
        path = chosen.coordinates(thetas)
        grid = _grid(path, _is_shown(part, thetas), resolution)
        display = cls(
            path,
            grid,
            _surface(part, chosen, grid),
            end=chosen.coordinates(end),
            labels=chosen.labels,
            share=_share_in_plane(thetas, path),
        )
        display.thetas, display.plane = thetas, chosen
        return display.plot(ax)

    def _draw(self, ax: Any) -> None:
        finite = self.surface[np.isfinite(self.surface)]
        levels = _levels(finite) if len(finite) else None
        surface = np.where(np.isfinite(self.surface), self.surface, np.nan)
        image = ax.contourf(*self.grid, surface, levels, cmap="cividis", extend="both")
        ax.contour(image, colors="white", linewidths=0.3)
        bar = ax.figure.colorbar(image, ax=ax, label="loss E", format="%.3g")
        bar.ax.tick_params(labelsize="small")
        self._draw_path(ax)
        ax.set_xlim(self.grid[0][[0, -1]])
        ax.set_ylim(self.grid[1][[0, -1]])
        ax.set_xlabel(self.labels[0])
        ax.set_ylabel(self.labels[1])
        ax.set_title(self._title(), fontsize="medium")
        ax.legend(fontsize="small")

    def _draw_path(self, ax: Any) -> None:
        every = max(1, len(self.path) // MAX_POINTS)
        path = self.path[::every]
        ax.plot(
            *path.T, "o-", color=VERMILION, markersize=2.5, linewidth=1, label="path"
        )
        ax.plot(
            *self.path[0], "s", color="white", markeredgecolor="black", label="start"
        )
        ax.plot(
            *self.end, "*", color=ORANGE, markeredgecolor="black", markersize=13,
            label="weights that were kept",
        )  # fmt: skip

    def _title(self) -> str:
        title = f"Error surface, and {len(self.path) - 1} steps"
        if self.share > 1.0 - 1e-9:
            return title
        return f"{title}; the plane holds {self.share:.0%} of their squared length"


def _train(prepared: PreparedFit, steps: str) -> tuple[Array, Array]:
    """Weights after each step, the initial ones first, and those that were kept."""
    thetas = [prepared.theta.copy()]
    monitor = prepared.monitor()
    if steps == "update" and prepared.run.plan.solver in STOCHASTIC:
        prepared.train(monitor, observe_updates=lambda th: thetas.append(th.copy()))
    else:
        monitor.watchers.append(lambda m: thetas.append(m.theta.copy()))
        prepared.train(monitor)
    path = np.array(thetas, dtype=np.float64)
    is_finite = np.isfinite(path).all(axis=1)
    return path[is_finite], monitor.best_theta.astype(np.float64)


def _is_shown(objective: Objective, thetas: Array) -> Array:
    """Mask of the points of the path whose loss is not far above that of its start."""
    every = max(1, len(thetas) // MAX_POINTS)
    with np.errstate(over="ignore", invalid="ignore"):
        losses = np.array([objective.value(theta) for theta in thetas[::every]])
    highest = HIGHEST * max(losses[0], objective.null_value())
    is_shown = np.repeat(losses <= highest, every)[: len(thetas)]
    is_shown = np.pad(is_shown, (0, len(thetas) - len(is_shown)), mode="edge")
    is_shown[0] = True
    return np.asarray(is_shown)


def _grid(path: Array, is_shown: Array, resolution: int) -> tuple[Array, Array]:
    """Coordinates around the points that are shown."""
    if not isinstance(resolution, int | np.integer) or resolution < 2:
        raise ValueError(
            f"resolution must be an int of at least 2, got {resolution!r}."
        )
    shown = path[is_shown]
    low, high = shown.min(axis=0), shown.max(axis=0)
    sides = high - low
    sides = np.maximum(sides, max(np.max(sides), 1e-6) / LONGEST_SIDE)
    middle, half = (low + high) / 2.0, (0.5 + MARGIN) * sides
    x, y = (
        np.linspace(m - h, m + h, resolution) for m, h in zip(middle, half, strict=True)
    )
    return x, y


def _surface(objective: Objective, plane: Plane, grid: tuple[Array, Array]) -> Array:
    x, y = np.meshgrid(*grid)
    points = plane.points(np.column_stack([x.ravel(), y.ravel()]))
    with np.errstate(over="ignore", invalid="ignore"):
        values = [objective.value(theta) for theta in points]
    return np.reshape(values, x.shape)


def _levels(values: Array) -> Array:
    """Levels of the contours, closer to each other near the minimum."""
    low, high = np.min(values), np.max(values)
    return low + (high - low) * np.linspace(0.0, 1.0, N_LEVELS) ** 2


def _share_in_plane(thetas: Array, path: Array) -> float:
    """Share of the squared length of all steps that the plane holds."""
    whole = np.sum(np.diff(thetas, axis=0) ** 2)
    return float(np.sum(np.diff(path, axis=0) ** 2) / whole) if whole > 0.0 else 1.0
