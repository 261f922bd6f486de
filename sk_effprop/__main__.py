"""Two-minute tour: train with all tricks of the paper, then without each of them.

``python -m sk_effprop`` trains on scikit-learn's digits with the full recipe, then with
each trick switched off; ``--data FILE.csv --target COLUMN`` uses your own table.
``python -m sk_effprop diagnose --data FILE.csv --target COLUMN`` trains on your table
and writes a diagnosis of the fit as a page of HTML.
``python -m sk_effprop compile`` compiles the training loops ahead of time.
"""

import argparse
import sys
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop._diagnose_command import diagnose_table
from sk_effprop._tables import Refusal, has_classes, read_table
from sk_effprop.core.compiled import why_not_compiled
from sk_effprop.model_selection.ablation import (
    AblationRow,
    ablate_tricks,
    default_tricks,
)


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
        X, y, name = _load(options)
        result, is_classification = _run(X, y, name, options)
        if options.plot:
            _draw(result, options.plot)
    except Refusal as refusal:
        print(f"sk_effprop: {refusal}", file=sys.stderr)
        return 2
    print(_reading(is_classification))
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


def _load(options: argparse.Namespace) -> tuple[Any, Any, str]:
    if not options.data:
        X, y = load_digits(return_X_y=True)
        return X, y, "the digits of scikit-learn"
    X, y = read_table(options.data, options.target)
    return X, y, options.data


def _run(X: Any, y: Any, name: str, options: argparse.Namespace) -> tuple[Any, bool]:
    is_classification = has_classes(y)
    estimator_class = EffPropClassifier if is_classification else EffPropRegressor
    # tol=0 gives every setting the same number of epochs
    recipe = estimator_class(
        solver="sgd", max_iter=options.epochs, tol=0, random_state=0
    )
    smallest = (
        np.unique(y, return_counts=True)[1].min() if is_classification else len(y)
    )
    if options.folds > smallest:
        raise Refusal(
            f"--folds {options.folds} needs as many rows"
            f"{' of every class' if is_classification else ''}; there are {smallest}."
        )
    splitter = StratifiedKFold if is_classification else KFold
    cv = splitter(options.folds, shuffle=True, random_state=0)
    tricks = default_tricks(recipe)
    print(
        f"{estimator_class.__name__} on {name}: {len(X)} rows, {X.shape[1]} inputs, "
        f"{options.folds} folds, {options.epochs} epochs, solver='sgd'\n"
    )
    print(_line("section", "trick", "set to", _score_name(is_classification),
                "epochs", "seconds"))  # fmt: skip
    with _progress_bar(1 + len(tricks)) as advance, catch_warnings():
        # fits without a trick often do not converge
        simplefilter("ignore", ConvergenceWarning)

        def on_row(row: AblationRow) -> None:
            advance(_format(row))

        result = ablate_tricks(
            recipe, X, y, cv=cv, tricks=tricks, n_jobs=options.jobs, on_row=on_row
        )
    return result, is_classification


def _score_name(is_classification: bool) -> str:
    return "accuracy" if is_classification else "R2"


def _format(row: AblationRow) -> str:
    setting = "" if row.trick == "full recipe" else repr(row.setting)
    score = f"{row.score:.3f} ± {row.score_std:.3f}"
    epochs, seconds = f"{row.epochs:.0f}", f"{row.seconds:.2f}"
    return _line(row.section, row.trick, setting, score, epochs, seconds)


def _line(*cells: str) -> str:
    widths = (9, 20, 13, 15, 6, 7)
    left, right = cells[:3], cells[3:]
    padded = [cell.ljust(width) for cell, width in zip(left, widths[:3], strict=True)]
    padded += [cell.rjust(width) for cell, width in zip(right, widths[3:], strict=True)]
    return " ".join(padded)


class _progress_bar:
    """Context that prints rows as they come, above a progress bar if rich is there."""

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
        task = self.progress.add_task("training", total=self.total)

        def advance(text: str) -> None:
            self.progress.console.print(text, markup=False, highlight=False)
            self.progress.advance(task)

        return advance

    def __exit__(self, *error: object) -> None:
        if self.progress is not None:
            self.progress.stop()


def _require_matplotlib() -> None:
    """Refuse --plot before the tour begins, not after it."""
    try:
        import matplotlib.figure  # noqa: F401 - only whether it is there
    except ImportError:
        raise Refusal("--plot needs matplotlib: pip install sk_effprop[plot]") from None


def _draw(result: Any, path: str) -> None:
    from matplotlib.figure import Figure

    height = 0.4 * len(result.results_) + 1.2
    figure = Figure(figsize=(7, height), layout="constrained")
    result.plot(figure.subplots())
    figure.savefig(path, dpi=150)
    print(f"\nPlot saved to {path}")


def _reading(is_classification: bool) -> str:
    measure = "accuracy" if is_classification else "R2"
    return (
        f"\n{measure}: mean ± standard deviation over the folds. If a row is no worse "
        "than the first,\nits trick does not matter for these data. "
        "docs/tricks.md explains every one."
    )


if __name__ == "__main__":
    sys.exit(main())
