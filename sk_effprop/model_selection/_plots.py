"""Pictures of ablations and races."""

from typing import Any

import numpy as np

from sk_effprop.inspection.displays._base import (
    BLUE,
    DASHES,
    GREY,
    MARKERS,
    ORANGE,
    PALETTE,
    VERMILION,
    scale_losses,
)
from sk_effprop.model_selection import _settings as settings

# A row of each kind: colour and marker.
STYLES = {
    settings.BASELINE: (GREY, "s"),
    settings.CLIMB: (ORANGE, "o"),
    settings.WHOLE: (BLUE, "D"),
    settings.OFF: (VERMILION, "v"),
}
NAMES = {
    settings.BASELINE: "baseline",
    settings.CLIMB: "step from plain backpropagation",
    settings.WHOLE: "full recipe",
    settings.OFF: "one trick off",
}
# Scores further below the worst baseline than the best is above it lie off the axis.
OFF_AXIS = 1.0


def draw_ablation(ax: Any, rows: Any, score_name: str) -> None:
    """Draw a point with an error bar for each row, from top to bottom."""
    low = _lower_end(rows)
    placed = [(-float(i), row) for i, row in enumerate(rows)]
    _connect_steps(ax, placed, low)
    for kind in dict.fromkeys(row.kind for row in rows):
        _draw_kind(ax, kind, [(y, row) for y, row in placed if row.kind == kind], low)
    whole = next(row for row in rows if row.kind == settings.WHOLE)
    ax.axvline(whole.score, color=BLUE, linewidth=0.8, linestyle=":")
    ax.set_yticks([y for y, _ in placed], [_label(row) for row in rows])
    ax.set_xlabel(f"{score_name}, cross-validated")
    ax.set_title(_title(rows), fontsize="medium")
    ax.grid(axis="x", color=GREY, alpha=0.2)
    ax.legend(fontsize="small")


def _draw_kind(ax: Any, kind: str, placed: list[tuple[float, Any]], low: float) -> None:
    """Draw the rows of a kind; what is far below stands as a number at the edge."""
    color, marker = STYLES[kind]
    inside = [(y, row) for y, row in placed if row.score >= low]
    ax.errorbar(
        [row.score for _, row in inside], [y for y, _ in inside],
        xerr=[row.score_std for _, row in inside], fmt=marker, color=color,
        ecolor=color, elinewidth=1, capsize=2, label=NAMES[kind], zorder=3,
    )  # fmt: skip
    for y, row in placed:
        if not row.score >= low:
            text = "  failed" if np.isnan(row.score) else f"  {row.score:.3g}"
            ax.plot(low, y, "<", color=color)
            ax.text(low, y, text, va="center", fontsize="small", color=color)


def _connect_steps(ax: Any, placed: list[tuple[float, Any]], low: float) -> None:
    """Draw a line through the steps, which ends at the recipe."""
    kinds = (settings.CLIMB, settings.WHOLE)
    way = [(max(row.score, low), y) for y, row in placed if row.kind in kinds]
    if len(way) > 1:
        ax.plot(*zip(*way, strict=True), color=ORANGE, linewidth=1)


def _lower_end(rows: Any) -> float:
    """Scores below are written as numbers: an R2 may be far below zero."""
    scores = [row.score for row in rows if np.isfinite(row.score)]
    worst = [row.score for row in rows if row.kind == settings.BASELINE]
    level = np.nanmin(worst) if np.isfinite(worst).any() else min(scores)
    return float(max(min(scores), level - OFF_AXIS * (max(scores) - level)))


def _label(row: Any) -> str:
    if row.kind != settings.OFF:
        return str(row.trick)
    return f"{row.trick} = {row.setting!r}"


def _title(rows: Any) -> str:
    kinds = {row.kind for row in rows}
    if settings.CLIMB not in kinds:
        return "Full recipe, and each trick switched off"
    if settings.OFF not in kinds:
        return "From plain backpropagation to the full recipe"
    return "Tricks added one by one, and each switched off"


def draw_race(ax: Any, curves: Any, goal: float, x: str) -> None:
    """Draw the loss of every run; the first that reaches the goal has a marker."""
    for k, (name, runs) in enumerate(curves.items()):
        style = {
            "color": PALETTE[k % len(PALETTE)],
            "linestyle": DASHES[k % len(DASHES)],
        }
        for i, run in enumerate(runs):
            label = name if i == 0 else None
            _draw_run(ax, run, goal, x, label, MARKERS[k % len(MARKERS)], style)
    ax.axhline(goal, color=GREY, linewidth=1, linestyle=":", label="goal")
    lines = [line.get_ydata() for line in ax.get_lines()]
    if all(np.nanmin(values, initial=np.inf) > 0.0 for values in lines):
        scale_losses(ax)
    ax.set_xscale("log")
    ax.set_xlabel("seconds" if x == "seconds" else "epochs or iterations")
    ax.set_ylabel("loss E, with penalty")
    ax.set_title(f"Race to a loss of {goal:.4g}", fontsize="medium")
    ax.grid(color=GREY, alpha=0.2)
    ax.legend(fontsize="small")


def _draw_run(
    ax: Any, run: Any, goal: float, x: str, label: str | None, marker: str, style: Any
) -> None:
    places = run.seconds if x == "seconds" else np.arange(len(run.losses))
    losses = np.where(np.isfinite(run.losses), run.losses, np.nan)
    # the start has no place on a logarithmic axis
    ax.plot(places[1:], losses[1:], linewidth=1, label=label, **style)
    end = run.first_below(goal)
    if end:
        ax.plot(places[end], losses[end], marker, color=style["color"], markersize=6)
