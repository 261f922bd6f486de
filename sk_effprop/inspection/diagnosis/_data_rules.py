"""Causes that lie in the data, or in how they are presented.

Each rule yields suspicions, see :mod:`sk_effprop.inspection.diagnosis._suspicions`.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy import sparse

from sk_effprop.estimators import _imbalances as imbalances
from sk_effprop.estimators import _rules as rules
from sk_effprop.estimators._watch import SORTED_PRESENTATION
from sk_effprop.inspection.diagnosis._data_instruments import (
    codes_of_missing,
    columns_of_classes,
    contradictions,
    copied_columns,
    outlying,
    repeated_rows,
    single_column_errors,
)
from sk_effprop.inspection.diagnosis._evidence import (
    Evidence,
    Suspicion,
    from_fault,
    named,
    verbs,
    without_columns,
)
from sk_effprop.inspection.diagnosis._measures import as_columns
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._trials import Change

# A single column that leaves less than this of a constant's loss repeats the target.
# If it leaves more than the second number, all columns together must not do much
# better.  No refit is needed if each other column leaves more than the last number.
LEAK, CLOSE_LEAK, NOT_BETTER, FAR_FROM_LEAK = 0.03, 0.01, 0.3, 0.3
# Copies of rows are no accident from this share of the rows.
MANY_COPIES = 0.2
# Rows that contradict each other are no accident from this share of the rows.
# They are looked for in tables of up to so many numbers.
MANY_CONTRADICTIONS, MOST_NUMBERS = 0.05, 1_000_000
# A constant column that is this far from zero, after normalisation, is not centred.
OFF_CENTRE = 1e-3
# Rows with outliers may be left out up to this share.
MANY_OUTLIERS = 0.05


def leaked_target(evidence: Evidence) -> Iterator[Suspicion]:
    """A column that alone tells the target, which no other columns do."""
    subject = evidence.subject
    X = np.nan_to_num(subject.raw)
    if X.shape[1] < 2:
        return
    truth = as_columns(subject, subject.examples.y)[subject.rows]
    errors = single_column_errors(X, truth, is_classification=subject.is_classification)
    held_out = evidence.numbers["loss"]["held_out"]
    all_columns = errors.min() if held_out is None else held_out
    is_leak = (errors < CLOSE_LEAK) | (all_columns > NOT_BETTER * errors)
    leaks = np.flatnonzero(is_leak & (errors < LEAK))
    others = np.delete(errors, leaks)
    if not len(leaks) or not len(others):
        return
    yield without_columns(
        subject,
        leaks,
        "target leaked into a column",
        "{names} alone tells the target (a small tree leaves "
        f"{100 * errors[leaks].min():.2g} % of a constant's loss), the next best "
        f"column leaves {100 * others.min():.0f} %",
        is_fact=errors[leaks].min() < CLOSE_LEAK and others.min() > FAR_FROM_LEAK,
        expects_loss=True,
    )


def leaked_classes(evidence: Evidence) -> Iterator[Suspicion]:
    """Columns that together tell the class, each of them one class."""
    subject = evidence.subject
    n_classes = len(evidence.numbers["targets"].get("class_shares", []))
    if n_classes < 3 or subject.examples.y.ndim > 1:
        return
    truth = as_columns(subject, subject.examples.y)[subject.rows]
    leaks = np.array(columns_of_classes(np.nan_to_num(subject.raw), truth), dtype=int)
    if not 1 < len(leaks) < subject.raw.shape[1]:
        return
    yield without_columns(
        subject,
        leaks,
        "target leaked into a column",
        "{names} tell one class each without errors",
        expects_loss=True,
    )


def copies_of_rows(evidence: Evidence) -> Iterator[Suspicion]:
    """Rows that come several times, so that held-out rows are no new ones."""
    trials = evidence.trials
    if trials is None or sparse.issparse(trials.X) or not len(trials.X):
        return
    copies = repeated_rows(np.nan_to_num(trials.X), trials.truth)
    if len(copies) < MANY_COPIES * trials.n_used:
        return
    share = 100.0 * len(copies) / trials.n_used
    yield Suspicion(
        "repeated rows",
        f"{share:.0f} % of the rows repeat another one with its target, so that rows "
        "that are held out are not new",
        (
            Change(
                "X",
                "without the rows that repeat another",
                dropped_rows=copies,
                ignores_dropped=True,
            ),
        ),
        is_fact=True,
        expects_loss=True,
    )


def contradictory_rows(evidence: Evidence) -> Iterator[Suspicion]:
    """Rows that come again with another target."""
    subject, trials = evidence.subject, evidence.trials
    X = subject.examples.X
    if trials is None or sparse.issparse(X) or X.size > MOST_NUMBERS:
        return
    y = as_columns(subject, subject.examples.y)
    rows = contradictions(np.nan_to_num(X), y)
    if len(rows) < MANY_CONTRADICTIONS * len(X):
        return
    share = 100.0 * len(rows) / len(X)
    yield Suspicion(
        "contradictory rows",
        f"{share:.0f} % of the rows have the inputs of another row, and a target that "
        "is far from its target",
        (
            Change(
                "y",
                "without the rows that contradict each other",
                dropped_rows=np.flatnonzero(np.isin(trials.rows, rows)),
                ignores_dropped=True,
            ),
        ),
        is_fact=True,
    )


def coded_missing_values(evidence: Evidence) -> Iterator[Suspicion]:
    """Numbers that stand for missing values."""
    subject = evidence.subject
    if sparse.issparse(subject.examples.X):
        return
    found = codes_of_missing(np.nan_to_num(subject.raw))
    for is_certain in (True, False):
        codes = [code[:2] for code in found if code.is_certain == is_certain]
        if codes:
            yield _coded(subject, codes, is_certain=is_certain)


def _coded(
    subject: Subject, codes: list[tuple[int, float]], *, is_certain: bool
) -> Suspicion:
    names = named(subject, np.array([column for column, _ in codes]))
    numbers = ", ".join(f"{code:.6g}" for code in sorted({code for _, code in codes}))
    how = "unlike all others and look like" if is_certain else "frequent, and may be"
    return Suspicion(
        "missing values coded as numbers",
        f"{names} {verbs(names)['has']} values of {numbers}, which are {how} "
        "codes for missing values",
        (Change("X", f"with nan in place of {numbers} in {names}", codes=codes),),
        is_fact=is_certain,
        least_gain=0.1 if is_certain else 0.15,
        least_score=2.0 if is_certain else 3.0,
    )


def copied_inputs(evidence: Evidence) -> Iterator[Suspicion]:
    """Columns that repeat another, which then counts several times."""
    subject = evidence.subject
    copies = np.array(copied_columns(np.nan_to_num(subject.raw)), dtype=int)
    if not len(copies):
        return
    n_constant = evidence.numbers["inputs"]["n_constant"]
    constant = ", and 1 column is constant" if n_constant == 1 else ""
    if n_constant > 1:
        constant = f", and {n_constant} columns are constant"
    yield without_columns(
        subject,
        copies,
        "duplicated columns",
        f"{{names}} {{repeats}} other columns{constant}",
        is_fact=True,
    )


def constant_inputs(evidence: Evidence) -> Iterator[Suspicion]:
    """Constant columns that are not centred, and so act as large second biases."""
    subject = evidence.subject
    raw, seen = np.nan_to_num(subject.raw), subject.at_start.inputs
    if raw.shape != seen.shape:
        return
    constant = np.flatnonzero(subject.is_constant & (np.abs(seen[0]) > OFF_CENTRE))
    if not len(constant):
        return
    suspicion = without_columns(
        subject,
        constant,
        "constant columns",
        "{names} {is} constant and not centred "
        f"(normalize={subject.given['normalize']!r})",
        is_fact=True,
    )
    remedies = (Change("normalize", "robust"), *suspicion.remedies)
    yield replace(suspicion, remedies=remedies)


def outlying_inputs(evidence: Evidence) -> Iterator[Suspicion]:
    """Outliers of the inputs that neither a robust scale nor a clip bounds."""
    numbers, given = evidence.numbers["inputs"], evidence.given
    if not numbers["outliers"] or given["input_clip"] is not None:
        return
    remedies = [Change("input_clip", 8.0)]
    if given["normalize"] in ("standardize", "decorrelate", "whiten"):
        remedies.append(Change("normalize", "robust"))
        remedies.append(Change("normalize", "robust", also={"input_clip": 8.0}))
    if given["normalize"] in ("decorrelate", "whiten"):
        remedies.pop(0)
    remedies += _without_outliers(evidence)
    yield Suspicion(
        "outliers in the inputs",
        f"{100 * numbers['outliers']:.2g} % of the rows have inputs more than 20 "
        "robust standard deviations away, and input_clip=None",
        tuple(remedies),
        is_fact=True,
    )


def uneven_weights(evidence: Evidence) -> Iterator[Suspicion]:
    """Weights with which one class, or few examples, count for all."""
    fault = imbalances.uneven_weights(evidence.subject.at_start)
    if fault is None:
        return
    remedies: tuple[Change, ...] = (Change("sample_weight", "without sample_weight"),)
    if fault.parameter == "class_weight":
        remedies = (Change("class_weight", None), Change("class_weight", "balanced"))
    yield Suspicion(fault.cause, fault.sentence.rstrip("."), remedies, is_fact=True)


def _without_outliers(evidence: Evidence) -> list[Change]:
    """Leave out the rows whose inputs are far out, if these are few."""
    trials = evidence.trials
    if trials is None or sparse.issparse(trials.X):
        return []
    rows = np.flatnonzero(outlying(np.nan_to_num(trials.X)).any(axis=1))
    if not 0 < len(rows) < MANY_OUTLIERS * trials.n_used:
        return []
    shown = ", ".join(str(row) for row in trials.rows[rows[:5]])
    text = f"row {shown}" if len(rows) == 1 else f"{len(rows):,} rows, as {shown}"
    return [Change("X", f"without {text}", dropped_rows=rows, ignores_dropped=True)]


def presentation(evidence: Evidence) -> Iterator[Suspicion]:
    """Examples in sorted order, in a fit or in a stream."""
    fault = rules.sorted_presentation(evidence.subject.at_start)
    watch = evidence.subject.estimator._resume.watch
    if watch is not None and watch.finding is not None:
        is_sorted = watch.finding.cause == SORTED_PRESENTATION
        fault = watch.finding if is_sorted else fault
    if fault is not None:
        yield from_fault(fault, is_fact=True)


def scales(evidence: Evidence) -> Iterator[Suspicion]:
    """Scales of targets and inputs, and the place of the targets of classes."""
    case = evidence.subject.at_start
    for rule in (rules.target_scale, rules.raw_inputs, rules.targets_off_range):
        fault = rule(case)
        if fault is not None:
            yield from_fault(fault, is_fact=True)


def unreachable_targets(evidence: Evidence) -> Iterator[Suspicion]:
    """Targets beyond the limits of the output units."""
    numbers = evidence.numbers["targets"]
    if not numbers["outside_output_range"]:
        return
    low, high = numbers["output_range"]
    yield Suspicion(
        "targets out of range",
        f"{100 * numbers['outside_output_range']:.2g} % of the coded targets are "
        f"outside the range ({low:.3g}, {high:.3g}) of the output units",
        (Change("output_activation", "auto"),),
        is_fact=True,
    )
