"""Levenberg-Marquardt on regressions of more than 520 rows, against the defaults.

Errors (1 - R2, three folds) and processor seconds of a fit, as ratios to StandardScaler
and MLP with a scaled target, on the regressions of :mod:`benchmarks._tasks`.  Geometric
means are over the tasks of a half, of (error + 0.002) as in ``benchmarks accuracy``.
"""

from benchmarks._accuracy_models import INFORMED, informed, measure, ours, warm_up
from benchmarks._accuracy_tables import ratios
from benchmarks._race import header, table
from benchmarks._scores import Cache, geometric_mean
from benchmarks._tasks import HALVES, tasks

FEWEST_ROWS = 520
TINY = {"hidden_layer_sizes": (20,), "solver": "lm"}
SETTINGS = {
    "default": {},
    "lm, 20 units": TINY | {"max_iter": 50},
    "lm, 20 units, batches of 256": TINY | {"batch_size": 256},
    "lm, 32-16 units, batches of 256": {"solver": "lm", "batch_size": 256},
}


def models():
    """Factories of the settings by name; the baseline comes first."""
    changed = {name: ours((), settings) for name, settings in SETTINGS.items()}
    return {INFORMED: informed} | changed


def chosen():
    """Regressions with enough rows."""
    return [t for t in tasks(kind="regression") if len(t.y) > FEWEST_ROWS]


def main() -> None:
    """Print the tables."""
    warm_up()
    some = chosen()
    scores = measure(models(), some, 1, Cache())
    found = {
        what: {
            name: ratios(scores[name], scores[INFORMED], some, what)
            for name in SETTINGS
        }
        for what in ("error", "seconds")
    }
    header("Levenberg-Marquardt on regressions")
    rows = []
    for half in HALVES:
        names = [t.name for t in some if t.half == half]
        for setting in SETTINGS:
            error, seconds = (
                geometric_mean(found[what][setting][name] for name in names)
                for what in ("error", "seconds")
            )
            rows.append((half, setting, f"{error:.3f}", f"{seconds:.2f}"))
    table(("half", "setting", "error", "time"), rows)
    table(
        ("task", *SETTINGS),
        [
            (t.name, *(f"{found['error'][name][t.name]:.2f}" for name in SETTINGS))
            for t in some
        ],
    )
