"""Two-minute tour: from plain backpropagation to all tricks of the paper, and back.

``python -m sk_effprop`` trains on scikit-learn's digits: with plain backpropagation as
of 1986, with one trick after the other added, with all of them, and without each.
``--data FILE.csv --target COLUMN`` uses your own table.
``python -m sk_effprop diagnose --data FILE.csv --target COLUMN`` trains on your table
and writes a diagnosis of the fit as a page of HTML.
``python -m sk_effprop compile`` compiles the training loops ahead of time.
"""

import argparse
import sys
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold, StratifiedKFold

from sk_effprop.core.compiled import why_not_compiled
from sk_effprop.model_selection.ablation import (
    AblationResult,
    AblationRow,
    ablate_tricks,
    row_cells,
)
from sk_effprop.tour.diagnosis import diagnose_table
from sk_effprop.tour.errors import Refusal
from sk_effprop.tour.reading import TASKS, read_table
from sk_effprop.tour.recipe import (
    code_for_digits,
    code_for_table,
    make_model,
    make_network,
)

# Rows of the table, for the progress bar; what changes nothing is left out.
N_ROWS = 22
# Columns of the table that are aligned to the left.
N_TEXT = 2
READING = """
{score}: mean ± standard deviation over the folds. "difference" is what a step adds to
the row above; for all other rows, it is the difference to the full recipe. A small p
says that it is hardly chance. docs/tricks.md explains every trick."""


def main(arguments: list[str] | None = None) -> int:
    """Run the tour or another command; return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["compile"]:
        return _compile()
    try:
        if arguments[:1] == ["diagnose"]:
            return diagnose_table(arguments[1:])
        options = _parse(arguments)
        if options.plot:
            _require_matplotlib()
        model, X, y, name, code = _load(options)
        result = _run(model, X, y, name, options)
        if options.plot:
            _draw(result, options.plot)
    except Refusal as refusal:
        print(f"sk_effprop: {refusal}", file=sys.stderr)
        return 2
    print(READING.format(score=result.score_name))
    print(f"The full recipe in Python:\n\n{code}")
    return 0


def _compile() -> int:
    """Compile all training loops and keep them on disk, for containers and CI."""
    if reason := why_not_compiled():
        print(
            "sk_effprop: the training loops need numba, the extra 'fast': pip install "
            f"'sk_effprop[fast]'. ({reason})",
            file=sys.stderr,
        )
        return 2
    from sk_effprop.core.compiled.ahead import compile_ahead

    seconds, folder = compile_ahead()
    if folder is None:
        print(
            "sk_effprop: the loops were compiled, but there is no folder to keep them "
            "in. Set NUMBA_CACHE_DIR to a folder that can be written.",
            file=sys.stderr,
        )
        return 1
    print(f"Compiled all training loops in {seconds:.1f} s, and kept them in {folder}.")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m sk_effprop", description=__doc__)
    parser.add_argument(
        "--data", metavar="FILE.csv", help="CSV file with a header line"
    )
    parser.add_argument("--target", metavar="COLUMN", help="column to predict")
    parser.add_argument(
        "--task", choices=TASKS, help="whether numbers of the target are classes"
    )
    parser.add_argument(
        "--plot", metavar="FILE.png", help="also save a plot of the result"
    )
    parser.add_argument(
        "--folds", type=int, default=5, help="folds of the cross-validation"
    )
    parser.add_argument("--epochs", type=int, default=20, help="epochs of every fit")
    parser.add_argument(
        "--jobs", type=int, default=-1, help="parallel processes; -1 uses all cores"
    )
    options = parser.parse_args(arguments)
    if bool(options.data) != bool(options.target):
        parser.error("--data and --target go together")
    if options.folds < 2 or options.epochs < 1:
        parser.error("--folds must be at least 2 and --epochs at least 1")
    if options.jobs == 0:
        parser.error("--jobs must be a number of processes or -1, got 0")
    return options


def _load(options: argparse.Namespace) -> tuple[Any, Any, Any, str, str]:
    """Load the data; return model, X, y, name of the data and equivalent program."""
    length = {"epochs": options.epochs, "folds": options.folds}
    if not options.data:
        X, y = load_digits(return_X_y=True)
        network = make_network(is_classification=True, epochs=options.epochs)
        return network, X, y, "the digits of scikit-learn", code_for_digits(**length)
    table = read_table(options.data, options.target, options.task)
    for note in table.notes:
        print(note)
    model = make_model(table, options.epochs)
    code = code_for_table(table, options.data, **length)
    return model, table.X, table.y, options.data, code


def _run(
    model: Any, X: Any, y: Any, name: str, options: argparse.Namespace
) -> AblationResult:
    is_class = is_classifier(model)
    _check_folds(options.folds, y, is_class=is_class)
    splitter = StratifiedKFold if is_class else KFold
    cv = splitter(options.folds, shuffle=True, random_state=0)
    kind = "classification" if is_class else "regression"
    print(
        f"{kind.capitalize()} on {name}: {len(X)} rows, {X.shape[1]} columns, "
        f"{options.folds} folds, {options.epochs} epochs, solver='sgd'\n"
    )
    print(_line("section", "setting", "accuracy" if is_class else "R2", "difference",
                "p", "seconds"))  # fmt: skip
    with _progress_bar(N_ROWS) as advance:
        return ablate_tricks(
            model, X, y, cv=cv, direction="both", n_jobs=options.jobs,
            on_row=lambda row: advance(_format(row)),
        )  # fmt: skip


def _check_folds(n_folds: int, y: Any, *, is_class: bool) -> None:
    """Raise a Refusal if there are more folds than rows, or than rows of a class."""
    if not is_class:
        if n_folds > len(y):
            raise Refusal(f"--folds {n_folds} needs as many rows; there are {len(y)}.")
        return
    classes, counts = np.unique(y, return_counts=True)
    if n_folds > counts.min():
        rarest = classes.tolist()[counts.argmin()]
        raise Refusal(
            f"--folds {n_folds} needs as many rows of every class; there are "
            f"{counts.min()} of the class {rarest!r}."
        )


def _format(row: AblationRow) -> str:
    section, trick, setting, score, difference, p, _, seconds = row_cells(row)
    name = f"{trick} = {setting}" if setting else trick
    return _line(section, name, score, difference.split(" ")[0], p, seconds)


def _line(*cells: str) -> str:
    widths = (8, 29, 15, 10, 6, 7)
    padded = [
        cell.ljust(width) if i < N_TEXT else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return " ".join(padded)


class _progress_bar:
    """Print rows as they arrive, above a progress bar if rich is installed."""

    def __init__(self, total: int) -> None:
        self.total = total
        try:
            from rich.progress import Progress
        except ImportError:
            self.progress = None
        else:
            self.progress = Progress(transient=True)

    def __enter__(self) -> Any:
        if self.progress is None:
            return lambda text: print(text, flush=True)
        self.progress.start()
        progress = self.progress
        task = progress.add_task("training", total=self.total)

        def advance(text: str) -> None:
            progress.console.print(text, markup=False, highlight=False)
            progress.advance(task)

        return advance

    def __exit__(self, *error: object) -> None:
        if self.progress is not None:
            self.progress.stop()


def _require_matplotlib() -> None:
    """Raise a Refusal if --plot is given and matplotlib is not installed."""
    try:
        import matplotlib.figure  # noqa: F401 - only whether it is there
    except ImportError:
        raise Refusal("--plot needs matplotlib: pip install sk_effprop[plot]") from None


def _draw(result: Any, path: str) -> None:
    from matplotlib.figure import Figure

    height = 0.36 * len(result.results_) + 1.4
    figure = Figure(figsize=(7.5, height), layout="constrained")
    result.plot(figure.subplots())
    figure.savefig(path, dpi=150)
    print(f"\nPlot saved to {path}")


if __name__ == "__main__":
    sys.exit(main())
