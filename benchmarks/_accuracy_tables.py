"""Ratios of scores to those of a baseline, their tables and their picture."""

from statistics import fmean, stdev

from benchmarks._accuracy_models import INFORMED, Score
from benchmarks._scores import geometric_mean, markdown
from benchmarks._tasks import HALVES, tasks

# constants that are added before ratios are computed
SLACK = {"error": 0.002, "log_loss": 0.005, "seconds": 0.0}
# tasks whose error exceeds the baseline by these factors are counted
WORSE, MUCH_WORSE = 1.25, 1.6


def mean_of(scores, what):
    """Mean of a score over the seeds; None if the task does not have it."""
    values = [getattr(one, what) for one in scores]
    return None if values[0] is None else fmean(values)


def ratios(scores, reference, some, what):
    """Ratios of a model's scores to the reference, by task."""
    found = {}
    for task in some:
        mine, theirs = (mean_of(s[task.name], what) for s in (scores, reference))
        if mine is not None:
            found[task.name] = (mine + SLACK[what]) / (theirs + SLACK[what])
    return found


def spread(scores, some):
    """Standard deviation between seeds relative to the error, averaged over tasks."""
    shares = []
    for task in some:
        errors = [one.error + SLACK["error"] for one in scores[task.name]]
        if len(errors) > 1:
            shares.append(stdev(errors) / fmean(errors))
    return fmean(shares) if shares else float("nan")


COLUMNS = (
    "model", "classification error", "log loss", "regression error", "error", "time",
    f"> {WORSE}x", f"> {MUCH_WORSE}x", "spread",
)  # fmt: skip


def summary(name, scores, reference, some):
    """Table cells that summarise a model on a half of the tasks."""
    by_kind = [
        [t for t in some if t.is_classification is kind] for kind in (True, False)
    ]
    errors = ratios(scores, reference, some, "error")
    means = [
        *(
            geometric_mean(ratios(scores, reference, group, what).values())
            for group, what in zip(
                [by_kind[0], by_kind[0], by_kind[1]],
                ["error", "log_loss", "error"],
                strict=True,
            )
        ),
        geometric_mean(errors.values()),
        geometric_mean(ratios(scores, reference, some, "seconds").values()),
    ]
    counts = [sum(r > limit for r in errors.values()) for limit in (WORSE, MUCH_WORSE)]
    return [name, *(f"{m:.3f}" for m in means), *map(str, counts),
            f"{spread(scores, some):.3f}"]  # fmt: skip


def summaries(scores, some):
    """Summary table of a half of the tasks."""
    reference = scores[INFORMED]
    return markdown(
        COLUMNS, [summary(n, mine, reference, some) for n, mine in scores.items()]
    )


def details(scores, some):
    """Table of error, log loss and seconds of each model on each task."""
    rows = []
    for task in some:
        cells = [f"{task.name} ({task.X.shape[0]} x {task.X.shape[1]})"]
        for mine in scores.values():
            numbers = [mean_of(mine[task.name], what) for what in Score._fields]
            shown = [f"{v:.3f}" for v in numbers[:2] if v is not None]
            cells.append(f"{' / '.join(shown)}, {numbers[2]:.2g} s")
        rows.append(cells)
    return markdown(["task", *scores], rows)


def plot(scores, some, path):
    """Plot the error against the time, both relative to the baseline."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    for name, mine in scores.items():
        time, error = (
            ratios(mine, scores[INFORMED], some, what) for what in ("seconds", "error")
        )
        points = axes.loglog(time.values(), error.values(), ".", alpha=0.35)
        centre = geometric_mean(time.values()), geometric_mean(error.values())
        color = points[0].get_color()
        axes.loglog(*centre, "o", color=color, markersize=11, label=name)
    axes.axhline(1.0, color="0.7", linewidth=0.8)
    axes.axvline(1.0, color="0.7", linewidth=0.8)
    axes.set(
        xlabel=f"time of a fit, relative to {INFORMED}",
        ylabel=f"error, relative to {INFORMED}",
        title='Tasks of the half "report" (small) and geometric means (large)',
    )
    axes.legend()
    figure.savefig(path, dpi=110)


def report(scores):
    """Format all tables in Markdown."""
    parts = []
    for half in HALVES:
        some = tasks(half)
        parts += [f'## The half "{half}": {len(some)} tasks', summaries(scores, some)]
    for half in HALVES:
        parts += [f'## "{half}", each task: error / log loss, time of a fit',
                  details(scores, tasks(half))]  # fmt: skip
    return "\n\n".join(parts)
