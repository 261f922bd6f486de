"""Compare default parameters with other models on :mod:`benchmarks._tasks`.

All models have default parameters, the same three folds and one thread.  The numbers of
a model on a task are means over folds and seeds: error (1 - accuracy or 1 - R2), log
loss of classifiers, and processor seconds of a fit.

Ratios compare a model with the baseline, StandardScaler and MLP, with a scaled target
in regression.  They are ratios of (error + 0.002) and (log loss + 0.005), so that an
error of zero does not dominate the mean.  Geometric means are over the tasks of a half.

    python -m benchmarks accuracy --cache peers.json --seeds 3 --write docs/benchmarks

adds missing models to the cache, runs those of this package, and writes accuracy.md and
accuracy.png.  ``--only peers`` fills the cache and stops.  In Python, you can compare
candidates for new defaults on the half "choose"::

    from benchmarks.accuracy import try_candidates
    try_candidates({"wider": ({"hidden_layer_sizes": (200,)}, {})}, cache="peers.json")
"""

import argparse
from pathlib import Path

from benchmarks._accuracy_models import (
    INFORMED,
    engines,
    informed,
    measure,
    ours,
    peers,
    score,
    warm_up,
)
from benchmarks._accuracy_tables import COLUMNS, plot, ratios, report, summary
from benchmarks._race import header
from benchmarks._scores import Cache
from benchmarks._tasks import all_tasks, tasks


def try_candidates(
    candidates, *, cache, half="choose", kind=None, n_seeds=1, some=None
):
    """Print how candidates compare with the baseline.

    Parameters
    ----------
    candidates : dict
        Keys are names. Values are a pair of dicts, the parameters of the classifier
        and of the regressor, or a factory ``(is_classification, seed) -> estimator``.
    cache : str
        File with the scores of the other models.
    half : {"choose", "report"}
    kind : {"classification", "regression"}, optional
    n_seeds : int
    some : list of Task, optional
        Tasks to use instead of a half.

    Returns
    -------
    dict
        Scores by candidate and task.
    """
    some = tasks(half, kind) if some is None else some
    warm_up()
    reference = measure({INFORMED: informed}, some, n_seeds, Cache(cache))[INFORMED]
    found = {}
    print(f"| {' | '.join(COLUMNS)} | worst |")
    for name, candidate in candidates.items():
        make = candidate if callable(candidate) else ours(*candidate)
        scores = {t.name: [score(make, t, s) for s in range(n_seeds)] for t in some}
        found[name] = scores
        cells = summary(name, found[name], reference, some)
        errors = ratios(found[name], reference, some, "error")
        bad = sorted(errors, key=errors.get)[-4:]
        shown = ", ".join(f"{task} {errors[task]:.2f}" for task in reversed(bad))
        print(f"| {' | '.join(cells)} | {shown} |", flush=True)
    return found


INTRODUCTION = """\
`python -m benchmarks accuracy --seeds {seeds}` prints this page. All models have
default parameters, raw inputs, the same three folds and one thread. The baseline is
StandardScaler and MLP, with a scaled target in regression.

The first two tables summarise the tasks. The columns of errors, log loss and time are
geometric means of ratios to the baseline: of error + 0.002, log loss + 0.005, and
processor seconds of a fit. The errors are 1 - accuracy and 1 - R2. The next two columns
count the tasks whose error exceeds that of the baseline by more than 1.25 and 1.6
times. The last column is the standard deviation between seeds, relative to the error.
It is nan for models with one seed.

The defaults were chosen on the half "choose", see
[accuracy-log.md](accuracy-log.md). The half "report" shows how well they generalise.

![error against time](accuracy.png)
"""


def main(arguments=()):
    """Run all models, print the tables, and write the files."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks accuracy", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--cache", help="JSON file with the scores of the other models")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", choices=["peers"], help="fill the cache and stop")
    parser.add_argument("--write", help="folder for accuracy.md and accuracy.png")
    options = parser.parse_args(arguments)
    header("Default parameters on raw tables", "scikit-learn", "numba", "pytabkit")
    cache = Cache(options.cache)
    scores = measure(peers(), all_tasks(), options.seeds, cache)
    if options.only:
        return
    warm_up()
    scores = measure(engines(), all_tasks(), options.seeds, Cache()) | scores
    text = report(scores)
    print(text)
    if options.write:
        folder = Path(options.write)
        (folder / "accuracy.md").write_text(
            "# Default parameters\n\n"
            f"{INTRODUCTION.format(seeds=options.seeds)}\n{text}\n"
        )
        plot(scores, tasks("report"), folder / "accuracy.png")
