"""Error, log loss and time of several networks, relative to a single one.

``python -m benchmarks committees`` cross-validates ``n_estimators`` of 1, 4 and 8 with
default parameters on every fifth table of the accuracy benchmark.
"""

import argparse
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

from benchmarks._accuracy_models import ours, score
from benchmarks._accuracy_tables import SLACK
from benchmarks._race import header
from benchmarks._scores import geometric_mean, markdown
from benchmarks._tasks import all_tasks

SIZES = (4, 8)
# What committees do without: a name of the package, and what it is replaced by.
MEMBERS = "sk_effprop.estimators._members"
TEMPERATURE = f"{MEMBERS}.joint_temperature", lambda *arguments: 1.0
SHARED_RATES = f"{MEMBERS}.Member.after", lambda member, trained: member
MODELS = (
    {f"{size}": (size, None) for size in (1, *SIZES)}
    | {f"{size}, no temperature": (size, TEMPERATURE) for size in SIZES}
    | {"8, rates of each": (8, SHARED_RATES)}
)
# Columns: what is compared, and on which tables.
COLUMNS = {
    "classification error": ("error", True),
    "log loss": ("log_loss", True),
    "regression error": ("error", False),
    "time": ("seconds", None),
}


def scores_of(task):
    """Scores of all models on one table; the temperature matters for classes alone."""
    found = {}
    for name, (size, ablation) in MODELS.items():
        if ablation is TEMPERATURE and not task.is_classification:
            continue
        changes = {"n_estimators": size}
        with nullcontext() if ablation is None else patch(*ablation):
            found[name] = score(ours(changes, changes), task, 0)
    return found


def ratios(all_found, name, what, is_classification):
    """Ratios to a single network, of the tables that have this score."""
    for found in all_found.values():
        is_class = found["1"].log_loss is not None
        if name in found and is_classification in (None, is_class):
            mine, single = (getattr(found[one], what) for one in (name, "1"))
            yield (mine + SLACK[what]) / (single + SLACK[what])


def summary(all_found):
    """Geometric means of the ratios, a row for each model."""
    rows = []
    for name in list(MODELS)[1:]:
        means = [
            geometric_mean(ratios(all_found, name, *column))
            for column in COLUMNS.values()
        ]
        shown = ["" if mean != mean else f"{mean:.3f}" for mean in means]
        rows.append([name, *shown])
    return markdown(["networks", *COLUMNS], rows)


def details(all_found):
    """Error and log loss of each table."""
    rows = []
    for task, found in all_found.items():
        cells = [task]
        for name in MODELS:
            values = found[name][:2] if name in found else ()
            shown = [f"{value:.3f}" for value in values if value is not None]
            cells.append(" / ".join(shown))
        rows.append(cells)
    return markdown(["table", *MODELS], rows)


INTRODUCTION = """\
`python -m benchmarks committees` prints this page. `EffPropClassifier` and
`EffPropRegressor` with default parameters and `n_estimators` of 1, 4 and 8 are
cross-validated on every fifth table of [the accuracy benchmark](accuracy.md), with its
folds, errors (1 - accuracy and 1 - R2) and constants.

The first table contains geometric means of ratios to a single network. "No temperature"
are the classifications without the temperature that is fitted out of fold. With "rates
of each", every network measures its own learning rates.
"""


def report(all_found):
    """Format the page in Markdown."""
    return "\n\n".join(
        [
            INTRODUCTION.rstrip(),
            summary(all_found),
            "## Each table: error / log loss",
            details(all_found),
        ]
    )


def main(arguments=()):
    """Measure all tables, print the page, and write it if a folder is given."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks committees", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--write", help="folder for committees.md")
    options = parser.parse_args(arguments)
    header("Several networks", "scikit-learn", "numba")
    all_found = {}
    for task in all_tasks()[::5]:
        all_found[task.name] = scores_of(task)
        print(task.name, flush=True)
    text = report(all_found)
    print(text)
    if options.write:
        page = Path(options.write) / "committees.md"
        page.write_text(f"# Several networks\n\n{text}\n")
