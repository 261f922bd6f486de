"""Causes that lie in what a column stands for.

Each rule yields suspicions, see :mod:`sk_effprop.inspection.diagnosis._suspicions`.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from sk_effprop._columns import Table
from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis import _column_instruments as columns
from sk_effprop.inspection.diagnosis._data_instruments import outlying
from sk_effprop.inspection.diagnosis._evidence import (
    Evidence,
    Suspicion,
    in_words,
    verbs,
    without_columns,
)
from sk_effprop.inspection.diagnosis._measures import as_columns
from sk_effprop.inspection.diagnosis._trials import Change

# Fewer rows do not tell an identifier from a measurement.
FEWEST_ROWS = 50
# A category has levels that hardly repeat if this share of its rows is in rare ones, or
# if there are fewer rows than this for each level.
MOSTLY_RARE, FEW_PER_LEVEL = 0.8, 6.0
# Numbers are no categories if this share of the rows is in rare levels.
OFTEN_RARE = 0.3
# Columns are searched for useless ones if there are so many, and if so much of a
# constant's loss is left.
MANY_COLUMNS, MUCH_LEFT = 20, 0.05
# Values in another unit are in a larger share of the rows than the first number, and in
# a smaller one than the second.
FEW_IN_UNIT, MANY_IN_UNIT = 0.03, 0.4


def identifiers(evidence: Evidence) -> Iterator[Suspicion]:
    """Numbers of rows, and other numbers or text that are different in each row."""
    subject = evidence.subject
    if len(subject.examples) < FEWEST_ROWS or not isinstance(subject.raw, np.ndarray):
        return
    found = columns.numbers_of_rows(subject.examples.X, subject.raw)
    truth = as_columns(subject, subject.examples.y)[subject.rows]
    found = np.array(
        [j for j in found if not columns.orders(subject.raw[:, j], truth)], dtype=int
    )
    if len(found) and subject.raw.shape[1] > 1:
        yield without_columns(
            subject,
            found,
            "identifiers",
            "{names} {has} a different whole number in each row, as numbers of rows "
            "and other identifiers have",
            # a time would tell something about the targets
            is_fact=evidence.trials is not None,
            must_not_harm=True,
        )
    for j, labels in subject.categories.items():
        if columns.parsed(labels) is not None:
            continue
        per_level = len(subject.examples) / max(len(labels.values), 1)
        is_rare = columns.share_of_rare_levels(labels) > MOSTLY_RARE
        if not is_rare and per_level > FEW_PER_LEVEL:
            continue
        yield without_columns(
            subject,
            subject.inputs_of(j),
            "identifiers",
            f"{in_words([subject.column_name(j)])} has {len(labels.values):,} levels "
            f"in {len(subject.examples):,} rows, so that they hardly ever repeat",
            is_fact=is_rare,
            must_not_harm=True,
        )


def numbers_as_text(evidence: Evidence) -> Iterator[Suspicion]:
    """Numbers and dates that are text, or that are taken for categories."""
    subject = evidence.subject
    read: dict[int, Array] = {}
    for j, labels in subject.categories.items():
        values = columns.parsed(labels[evidence.rows])
        if values is not None:
            read[j] = values
    if not read:
        return
    names = in_words([subject.column_name(j) for j in read])
    is_text = any(subject.categories[j].is_text for j in read)
    inputs = _encoded(
        evidence, columns.with_numbers(subject.table[evidence.rows], read)
    )
    kept = [subject.column_name(j) for j in subject.categories if j not in read]
    own = None if is_text else (kept or None)
    parameter = "X" if is_text else "categorical_features"
    rare = [columns.share_of_rare_levels(subject.categories[j]) for j in read]
    yield Suspicion(
        "numbers as text" if is_text else "numbers as categories",
        f"{names} {verbs(names)['has']} numbers or dates, which are taken for "
        "categories",
        (
            Change(
                parameter,
                f"with numbers in {names}" if is_text else own,
                replaced_inputs=inputs,
            ),
        ),
        is_fact=max(rare) > OFTEN_RARE,
    )


def categories_as_numbers(evidence: Evidence) -> Iterator[Suspicion]:
    """Codes of categories that are taken for numbers."""
    subject = evidence.subject
    if sparse.issparse(subject.examples.X):
        return
    table = subject.table[evidence.rows]
    table = table if isinstance(table, Table) else Table.of_numbers(table)
    codes = columns.columns_of_codes(table)
    if not codes:
        return
    encoded = _encoded(evidence, columns.with_labels(table, codes))
    chosen = sorted({*codes, *subject.categories})
    value: list[Any] = [subject.column_label(j) for j in chosen]
    names = in_words([subject.column_name(j) for j in codes])
    yield Suspicion(
        "categories as numbers",
        f"{names} {verbs(names)['has']} few whole numbers, which may be codes of "
        "categories",
        (Change("categorical_features", value, replaced_inputs=encoded),),
        least_gain=0.3,
        least_score=3.0,
    )


def mixed_units(evidence: Evidence) -> Iterator[Suspicion]:
    """Columns of which a part of the rows has another unit, a power of ten larger."""
    subject = evidence.subject
    X = subject.examples.X[evidence.rows]
    if sparse.issparse(X) or len(X) < FEWEST_ROWS:
        return
    converted, found = np.array(X, dtype=np.float64), []
    for j in range(X.shape[1]):
        x = converted[:, j]
        is_far = outlying(x[:, None])[:, 0]
        power = columns.power_of_ten(x, is_far)
        if FEW_IN_UNIT < np.mean(is_far) < MANY_IN_UNIT and power:
            converted[is_far, j] /= 10.0**power
            found.append(j)
    if not found:
        return
    names = in_words(subject.names_of(np.array(found)))
    yield Suspicion(
        "mixed units",
        f"some rows of {names} are about a power of ten larger than the others",
        (
            Change(
                "X",
                f"with one unit in all rows of {names}",
                replaced_inputs=converted,
            ),
        ),
        least_gain=0.2,
    )


def useless_columns(evidence: Evidence) -> Iterator[Suspicion]:
    """Many columns that tell nothing about the targets."""
    subject, loss, trials = evidence.subject, evidence.numbers["loss"], evidence.trials
    if trials is None or sparse.issparse(trials.X):
        return
    n_columns = trials.X.shape[1]
    is_good = loss["held_out"] < MUCH_LEFT
    if n_columns < MANY_COLUMNS or is_good or len(trials.X) < FEWEST_ROWS:
        return
    choose = partial(columns.telling_columns, groups=subject.sources)
    kept = choose(trials.X, trials.truth)
    dropped = np.setdiff1d(np.arange(n_columns), kept)
    if 2 * len(dropped) < n_columns:
        return
    names = in_words(subject.names_of(dropped))
    yield Suspicion(
        "useless columns",
        f"{len(dropped):,} of {n_columns:,} inputs tell a forest no more about the "
        "targets than a random order of their values does",
        (Change("X", f"without {names}", choose=choose),),
        least_gain=0.15,
        least_score=3.0,
    )


def _encoded(evidence: Evidence, table: Table) -> Array:
    """Inputs that another table of the same rows gives."""
    return columns.encoded(table, evidence.subject.examples.weight[evidence.rows])
