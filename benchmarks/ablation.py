"""What each default contributes on the tasks of :mod:`benchmarks.accuracy`.

One default at a time is changed to what one would do without it, and some tricks that
are off are switched on.  Numbers are geometric means of ratios to the defaults, over
the tasks of a half: above 1 the change does harm.  Two seeds, three folds, compiled.

    python -m benchmarks ablation
"""

from benchmarks._race import header
from benchmarks._tasks import HALVES, tasks
from benchmarks.accuracy import (
    engines,
    geometric_mean,
    markdown,
    ours,
    ratios,
    score,
    warm_up,
)

N_SEEDS = 2
DEFAULTS = "defaults"
# for both kinds of tasks, for classes alone, and for values alone
BOTH = {
    "hidden_layer_sizes=(100,)": {"hidden_layer_sizes": (100,)},
    'activation="tanh"': {"activation": "tanh"},
    'activation="relu"': {"activation": "relu"},
    "twist=0.05": {"twist": 0.05},
    'init="glorot_uniform"': {"init": "glorot_uniform"},
    'bias_init="zero"': {"bias_init": "zero"},
    "input_clip=None": {"input_clip": None},
    'normalize="standardize", no clip': {
        "normalize": "standardize",
        "input_clip": None,
    },
    'normalize="whiten", no clip': {"normalize": "whiten", "input_clip": None},
    "normalize=None, no clip": {"normalize": None, "input_clip": None},
    "input_gains=True": {"input_gains": True},
    'solver="sgd"': {"solver": "sgd"},
    'solver="sdlm"': {"solver": "sdlm"},
    'solver="lbfgs"': {"solver": "lbfgs"},
    'solver="adam"': {"solver": "adam"},
    "batch_size=1": {"batch_size": 1},
    "batch_size=32": {"batch_size": 32},
    "shuffle=True": {"shuffle": True},
    "shuffle=False": {"shuffle": False},
    'learning_rate="constant"': {"learning_rate": "constant"},
    'learning_rate="annealing"': {"learning_rate": "annealing"},
    'learning_rate_scaling="none"': {"learning_rate_scaling": "none"},
    "momentum=0": {"momentum": 0.0},
    "averaging=True": {"averaging": True},
    "alpha=0": {"alpha": 0.0},
    "alpha=0.0001": {"alpha": 1e-4},
    "max_iter=20": {"max_iter": 20},
    "early_stopping=True": {"early_stopping": True},
}
CLASSES = {'loss="squared_error"': {"loss": "squared_error"}}
VALUES = {"normalize_target=False": {"normalize_target": False}}


def candidates():
    """Factories of estimators, by what was changed."""
    fast = {"engine": "numba"}
    made = {DEFAULTS: ours(fast, fast)}
    for name, change in {**BOTH, **CLASSES, **VALUES}.items():
        of_classes = fast | ({} if name in VALUES else change)
        of_values = fast | ({} if name in CLASSES else change)
        made[name] = ours(of_classes, of_values)
    return made


def row(name, scores, of_defaults, some):
    """Cells of a change: errors of classes, log loss, error of values, time."""
    cells = [name]
    for kind, what in ((True, "error"), (True, "log_loss"), (False, "error")):
        group = [task for task in some if task.is_classification is kind]
        untouched = VALUES if kind else CLASSES
        mean = geometric_mean(ratios(scores, of_defaults, group, what).values())
        cells.append("" if name in untouched else f"{mean:.2f}")
    seconds = ratios(scores, of_defaults, some, "seconds")
    return [*cells, f"{geometric_mean(seconds.values()):.2f}"]


def main():
    """Print a table for each half."""
    header("ablation: ratios to the defaults", "scikit-learn", "numba")
    assert "sk_effprop (numba)" in engines(), "needs numba, the extra 'fast'"
    warm_up()
    columns = ["changed", "error, classes", "log loss", "error, values", "time"]
    for half in HALVES:
        some = tasks(half)
        scores = {
            name: {t.name: [score(make, t, s) for s in range(N_SEEDS)] for t in some}
            for name, make in candidates().items()
        }
        of_defaults = scores.pop(DEFAULTS)
        rows = [row(name, mine, of_defaults, some) for name, mine in scores.items()]
        print(f'\n## The half "{half}"\n\n{markdown(columns, rows)}', flush=True)
