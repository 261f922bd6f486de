"""``python -m sk_effprop diagnose``: a diagnosis of a fit on a table, as HTML."""

import argparse
from pathlib import Path
from warnings import catch_warnings, simplefilter

from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import diagnose
from sk_effprop.tour.errors import Refusal
from sk_effprop.tour.reading import TASKS, read_table
from sk_effprop.tour.recipe import make_columns


def diagnose_table(arguments: list[str]) -> int:
    """Train on a table, print the diagnosis, and write it as a page of HTML.

    Raises
    ------
    Refusal
        If the table cannot be read, or the page cannot be written.
    """
    options = _parse(arguments)
    table = read_table(options.data, options.target, options.task)
    for note in table.notes:
        print(note)
    # the names of the columns appear in the findings
    columns = make_columns(table).set_output(transform="pandas")
    X, y = columns.fit_transform(table.X), table.y
    kind = EffPropClassifier if table.is_classification else EffPropRegressor
    with catch_warnings():
        # the diagnosis says more than the warning does
        simplefilter("ignore", ConvergenceWarning)
        model = kind(random_state=0).fit(X, y)
    diagnosis = diagnose(model, X, y)
    print(diagnosis)
    _write(options.output, diagnosis.to_html())
    print(f"\nDiagnosis saved to {options.output}")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m sk_effprop diagnose", description=__doc__
    )
    parser.add_argument(
        "--data", metavar="FILE.csv", required=True, help="CSV file with a header line"
    )
    parser.add_argument(
        "--target", metavar="COLUMN", required=True, help="column to predict"
    )
    parser.add_argument(
        "--task", choices=TASKS, help="whether numbers of the target are classes"
    )
    parser.add_argument(
        "--output", metavar="FILE.html", default="diagnosis.html", help="page to write"
    )
    return parser.parse_args(arguments)


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error}") from None
