"""The estimator of the tour, and the same in a few lines of Python."""

from typing import Any

from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.tour.amounts import AMOUNT, THOUSANDS
from sk_effprop.tour.reading import Table

CODE_FOR_TABLE = """\
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import {splitter}, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sk_effprop import {estimator}

table = pd.read_csv({arguments}){amounts}.dropna(subset=[{target!r}]){dates}
numbers = {numbers!r}
categories = {categories!r}
columns = make_column_transformer(
    (SimpleImputer(strategy="median", add_indicator=True), numbers),
    (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
)
network = {estimator}(solver="sgd", max_iter={epochs}, tol=0, random_state=0)
model = make_pipeline(columns, network)
cv = {splitter}({folds}, shuffle=True, random_state=0)
print(cross_val_score(model, table, table[{target!r}], cv=cv).mean())
"""
CODE_FOR_DIGITS = """\
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sk_effprop import EffPropClassifier

X, y = load_digits(return_X_y=True)
network = EffPropClassifier(solver="sgd", max_iter={epochs}, tol=0, random_state=0)
cv = StratifiedKFold({folds}, shuffle=True, random_state=0)
print(cross_val_score(network, X, y, cv=cv).mean())
"""
AMOUNTS = """
for name in {names!r}:
    text = table[name].str.replace(r"{thousands}", "", regex=True)
    text = text.str.replace(",", ".")
    text = text.str.replace(r"{pattern}", r"{value}", regex=True)
    table[name] = pd.to_numeric(text, errors="coerce")
table = table"""
DATES = """
for name, dayfirst in {dates!r}.items():
    dates = pd.to_datetime(
        table[name], errors="coerce", format="mixed", utc=True, dayfirst=dayfirst
    )
    table[name] = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)"""


def make_network(*, is_classification: bool, epochs: int) -> Any:
    """Network with the full recipe; tol=0 gives every setting the same epochs."""
    cls: Any = EffPropClassifier if is_classification else EffPropRegressor
    return cls(solver="sgd", max_iter=epochs, tol=0, random_state=0)


def make_model(table: Table, epochs: int) -> Any:
    """Pipeline that fills in missing values and encodes categories."""
    network = make_network(is_classification=table.is_classification, epochs=epochs)
    return make_pipeline(make_columns(table), network)


def make_columns(table: Table) -> Any:
    """Transformer that fills in missing values and encodes categories."""
    return make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True), table.numbers),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            table.categories,
        ),
        verbose_feature_names_out=False,
    )


def code_for_table(table: Table, path: str, *, epochs: int, folds: int) -> str:
    """Program that scores the full recipe on a table as the tour does."""
    options = [f"{name}={value!r}" for name, value in table.options.items()]
    is_class = table.is_classification
    return CODE_FOR_TABLE.format(
        splitter="StratifiedKFold" if is_class else "KFold",
        estimator="EffPropClassifier" if is_class else "EffPropRegressor",
        arguments=", ".join([repr(path), *options]),
        target=table.target,
        amounts=_code_for_amounts(table) if table.amounts else "",
        dates=DATES.format(dates=table.dates) if table.dates else "",
        numbers=table.numbers,
        categories=table.categories,
        epochs=epochs,
        folds=folds,
    )


def _code_for_amounts(table: Table) -> str:
    """Lines that read numbers with separators, currencies and units."""
    thousands = THOUSANDS[table.options.get("decimal", ".")]
    pattern, value = AMOUNT
    return AMOUNTS.format(
        names=table.amounts, thousands=thousands, pattern=pattern, value=value
    )


def code_for_digits(*, epochs: int, folds: int) -> str:
    """Program that scores the full recipe on the digits as the tour does."""
    return CODE_FOR_DIGITS.format(epochs=epochs, folds=folds)
