"""Effect of each default on the tasks of :mod:`benchmarks.accuracy`.

One default at a time is replaced by an alternative, and some tricks that are off by
default are switched on.  The numbers are geometric means, over the tasks of a half, of
ratios to the defaults.  Above 1, the change does harm.  There are two seeds and three
folds, with the compiled engine.

    python -m benchmarks ablation
"""

from benchmarks._accuracy_models import engines, ours, score, warm_up
from benchmarks._accuracy_tables import ratios
from benchmarks._race import header
from benchmarks._scores import geometric_mean, markdown
from benchmarks._tasks import HALVES, tasks

N_SEEDS = 2
DEFAULTS = "defaults"
# for both kinds of tasks, for classification only, and for regression only
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
CLASSIFICATION = {'loss="squared_error"': {"loss": "squared_error"}}
REGRESSION = {"normalize_target=False": {"normalize_target": False}}


def candidates():
    """Factories of estimators, by the parameter that is changed."""
    fast = {"engine": "numba"}
    made = {DEFAULTS: ours(fast, fast)}
    for name, change in {**BOTH, **CLASSIFICATION, **REGRESSION}.items():
        classifier = fast | ({} if name in REGRESSION else change)
        regressor = fast | ({} if name in CLASSIFICATION else change)
        made[name] = ours(classifier, regressor)
    return made


def row(name, scores, of_defaults, some):
    """Table cells: classification error, log loss, regression error, and time."""
    cells = [name]
    for kind, what in ((True, "error"), (True, "log_loss"), (False, "error")):
        group = [task for task in some if task.is_classification is kind]
        untouched = REGRESSION if kind else CLASSIFICATION
        mean = geometric_mean(ratios(scores, of_defaults, group, what).values())
        cells.append("" if name in untouched else f"{mean:.2f}")
    seconds = ratios(scores, of_defaults, some, "seconds")
    return [*cells, f"{geometric_mean(seconds.values()):.2f}"]


def main():
    """Print a table for each half of the tasks."""
    header("ablation: ratios to the defaults", "scikit-learn", "numba")
    assert "sk_effprop (numba)" in engines(), (
        "This benchmark needs numba, the extra 'fast'."
    )
    warm_up()
    columns = [
        "changed",
        "classification error",
        "log loss",
        "regression error",
        "time",
    ]
    for half in HALVES:
        some = tasks(half)
        scores = {
            name: {t.name: [score(make, t, s) for s in range(N_SEEDS)] for t in some}
            for name, make in candidates().items()
        }
        of_defaults = scores.pop(DEFAULTS)
        rows = [row(name, mine, of_defaults, some) for name, mine in scores.items()]
        print(f'\n## The half "{half}"\n\n{markdown(columns, rows)}', flush=True)
