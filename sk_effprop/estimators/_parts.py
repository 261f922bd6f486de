"""A fit on data in parts: on a cluster, or larger than memory.

It goes the way of ``fit``: read, plan, train.  One pass surveys all parts; the plan and
the initial weights follow from the survey and its sample of rows, and training asks an
objective that sums over the parts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic
from typing import Any

import numpy as np

from sk_effprop._sklearn import fit_context
from sk_effprop._tables import TableEncoder
from sk_effprop.core.losses import Loss
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.core.partitions import PartitionedObjective
from sk_effprop.core.parts import Parts
from sk_effprop.estimators import _build as build
from sk_effprop.estimators import _reading as reading
from sk_effprop.estimators._checks import check_fixed, check_hyperparameters
from sk_effprop.estimators._class_weights import balancing_factors
from sk_effprop.estimators._coding import Coding
from sk_effprop.estimators._data import Counts, Examples
from sk_effprop.estimators._parameters import Hyperparameters, hyperparameters_of
from sk_effprop.estimators._part_order import told_of_order
from sk_effprop.estimators._part_reader import RawPart, Reader, Split
from sk_effprop.estimators._run import Resume, Run, Start, make_run
from sk_effprop.estimators._survey import (
    Survey,
    Weights,
    added_totals,
    class_totals,
    merged,
    merged_statistics,
    survey_of,
    table_statistics,
)
from sk_effprop.estimators._tables import encode_table
from sk_effprop.estimators._validation import HeldOut
from sk_effprop.preprocessing import InputNormalizer
from sk_effprop.solvers import BATCH
from sk_effprop.solvers.base import Reason

# The sample of rows is the same for all values of random_state, as statistics are.
SAMPLE_SEED = 0


@dataclass(frozen=True, eq=False)
class Source:
    """Data in parts, and the functions that train on them.

    Attributes
    ----------
    parts : Parts
        Each is a :class:`RawPart`.
    X, y, sample_weight : object
        As the user gave them, for callbacks.
    validation : tuple (X_val, y_val, sample_weight_val) or Parts
        Validation data in memory, each None if there are none; or in parts.
    automatic_solver : str
        Solver that ``solver="auto"`` selects.
    is_sequential : bool
        See ``PartitionedObjective``.
    part_name : str
        Name of a part in error messages.
    is_mixed : bool
        Whether stochastic solvers get batches of rows from all parts.
    """

    parts: Parts
    X: Any
    y: Any
    sample_weight: Any
    validation: Any
    automatic_solver: str
    is_sequential: bool
    part_name: str
    is_mixed: bool = False


def check_estimator(estimator: Any, caller: str) -> None:
    """Raise a TypeError for what is not an estimator of this package."""
    if hasattr(estimator, "_is_classifier") and hasattr(estimator, "early_stopping"):
        return
    raise TypeError(
        f"{caller} takes an EffPropClassifier or EffPropRegressor, got "
        f"{type(estimator).__name__}. Of a Pipeline, fit the transformers before, and "
        "pass the network and transformed data."
    )


@fit_context(prefer_skip_nested_validation=True)
def fit_parts(estimator: Any, source: Source) -> Any:
    """Fit an estimator on data in parts, and return it."""
    check_hyperparameters(estimator)
    if estimator.checkpoint is not None or estimator.resume:
        raise ValueError(
            f"checkpoint={estimator.checkpoint!r} and resume={estimator.resume!r} are "
            "not available for data in parts. Use checkpoint=None, and warm_start=True "
            "to continue a fit."
        )
    if estimator.n_estimators > 1:
        raise ValueError(
            f"n_estimators={estimator.n_estimators} is not available for data in "
            "parts. Use n_estimators=1."
        )
    time, max_iter = monotonic(), estimator.max_iter
    given = source.X, source.y, source.sample_weight
    with estimator._call("fit", max_iter, *given) as task:
        earlier = estimator._earlier if estimator.warm_start else None
        start = estimator._start(earlier, time, is_stream=False)
        reader, survey = _survey(_make_reader(estimator, source, start), source.parts)
        _learn(estimator, reader, survey, earlier)
        run, encode = _make_run(estimator, survey, source, start)
        # a run does not know that its examples lie in parts
        objective: Any = encode(source.parts, reader, survey.weights)
        objective = replace(
            objective, count=survey.counts.n_effective, penalty=run.objective.penalty
        )
        held_out = _held_out(estimator, source, reader, encode)
        run = replace(run, objective=objective)
        estimator._train(run, task, survey.examples, held_out)
    is_ordered = not source.is_mixed and run.plan.solver not in BATCH
    has_diverged = estimator.convergence_.reason == Reason.DIVERGED
    if is_ordered and survey.is_sorted and not has_diverged:
        estimator.convergence_ = told_of_order(
            estimator.convergence_, source.part_name, run.plan.solver
        )
    estimator._warn(run, stacklevel=5)
    return estimator


def _make_reader(estimator: Any, source: Source, start: Start) -> Reader:
    """Reader of the training data, which knows the weights of the classes."""
    has_validation = not isinstance(source.validation, tuple) or any(
        given is not None for given in source.validation
    )
    split = None
    if not has_validation and estimator.early_stopping not in ("auto", False):
        seed = int(start.rng.integers(2**63))
        split = Split(estimator.validation_fraction, seed)
    reader = replace(Reader.of(estimator, source.part_name), split=split)
    if start.earlier is not None:
        reader = reader.with_encoder(estimator.table_encoder_)
    if estimator._is_classifier and estimator.class_weight == "balanced":
        totals = source.parts.reduce(partial(class_totals, reader), added_totals)
        classes, weights = np.array([*totals]), np.array([*totals.values()])
        estimator._balance = balancing_factors(classes, weights)
        reader.estimator._balance = estimator._balance
    return reader


def _survey(reader: Reader, parts: Parts) -> tuple[Reader, Survey]:
    """Survey of all parts, and a reader that turns their tables into numbers."""
    survey = parts.reduce(partial(_survey_with_seed, reader), merged)
    if survey.needs_encoder:
        reader = reader.with_encoder(_learned_encoder(reader, survey, parts))
        survey = parts.reduce(partial(_survey_with_seed, reader), merged)
    if survey.weights is None:
        raise ValueError(
            "X, y and sample_weight must have a row with a positive weight, but all "
            "parts of the data are empty or have weights of 0, so there is nothing to "
            "train on."
        )
    return reader, survey


def _learned_encoder(reader: Reader, survey: Survey, parts: Parts) -> TableEncoder:
    """Encoder of the tables of all parts, from a pass of its own."""
    encoder = TableEncoder(reader.estimator.categorical_features)
    vars(encoder).update(survey.features)
    encoder.kinds_ = tuple(column.kind for column in survey.kinds)
    knows_kinds = reader.with_encoder(encoder)
    statistics = parts.reduce(
        partial(_statistics_with_seed, knows_kinds), merged_statistics
    )
    if statistics is None:
        # the survey has found no row of positive weight, either
        return encoder
    taught: TableEncoder = statistics.teach(encoder)
    return taught


def _statistics_with_seed(reader: Reader, part: RawPart) -> Any:
    return table_statistics(reader, part, SAMPLE_SEED)


def _survey_with_seed(reader: Reader, part: RawPart) -> Survey:
    return survey_of(reader, part, SAMPLE_SEED)


def _learn(
    estimator: Any, reader: Reader, survey: Survey, earlier: Resume | None
) -> None:
    """Derive coding and normalisation, or check that they fit."""
    if earlier is not None:
        check_fixed(estimator, earlier.fixed)
        estimator.coding_.check_warm_start(survey.examples.all_y)
        return
    for name in ("n_features_in_", "feature_names_in_"):
        vars(estimator).pop(name, None)
    vars(estimator).update(survey.features, table_encoder_=reader.encoder)
    coding = estimator._make_coding(survey.examples, None)
    coding = coding.with_statistics(survey.targets)
    vars(estimator).update(coding.fitted_attributes)
    assert survey.columns is not None
    estimator.normalizer_ = reading.normalizer_of(
        estimator, survey.columns.with_quartiles(), is_sparse=survey.is_sparse
    )


@dataclass(frozen=True, eq=False)
class Encoder:
    """Turns a part into the objective of its examples, without a penalty.

    Attributes
    ----------
    normalizer : InputNormalizer or None
    coding : ClassCoding or ValueCoding
    network : Network
    loss : Loss
    dtype : dtype
    engine : str
    """

    normalizer: InputNormalizer | None
    coding: Coding
    network: Network
    loss: Loss
    dtype: Any
    engine: str

    def __call__(
        self, part: RawPart, reader: Reader, mean_weight: float | None
    ) -> Objective:
        examples = reader.examples(part)
        if len(examples) == 0:
            return self._empty()
        # the examples of all parts have been counted
        count = Counts(len(examples), len(examples), 0.0)
        examples = replace(examples, known_counts=count)
        data = reading.encode(
            examples, self.normalizer, self.coding, self.dtype, mean_weight
        )
        no_penalty = np.zeros(len(self.network.sizes) - 1)
        objective = build.make_objective(self.network, self.loss, data, no_penalty)
        return build.on_engine(objective, self.engine)

    def _empty(self) -> Objective:
        n_in, n_out = self.network.sizes[0] + 1, self.network.sizes[-1]
        inputs, targets = (np.empty((0, n), dtype=self.dtype) for n in (n_in, n_out))
        penalty = np.zeros(self.network.n_weights)
        return Objective(self.network, self.loss, inputs, targets, None, penalty)


# (raw parts, reader, weights) -> the objective of these parts, without a penalty
Encode = Callable[[Parts, Reader, Weights | None], PartitionedObjective]


def _make_run(
    estimator: Any, survey: Survey, source: Source, start: Start
) -> tuple[Run, Encode]:
    """Run on the sample of the survey, and the function that encodes all parts."""
    examples = survey.examples
    assert survey.weights is not None
    dtype = survey.dtype if start.earlier is None else estimator.theta_.dtype
    normalizer, coding = estimator.normalizer_, estimator.coding_
    mean_weight = survey.weights.mean_of_unequal
    data = reading.encode(examples, normalizer, coding, dtype, mean_weight)
    solver = _choose_solver(estimator, source, examples)
    given = hyperparameters_of(estimator)
    if solver in BATCH:
        # parts may be able to train by this one alone
        given = Hyperparameters(**vars(given) | {"solver": solver})
    run = make_run(given, coding, data, solver, start)
    network = run.objective.network
    encoder = Encoder(normalizer, coding, network, coding.loss, dtype, run.plan.engine)

    def encode(
        raw: Parts, reader: Reader, weights: Weights | None
    ) -> PartitionedObjective:
        mean = None if weights is None else weights.mean_of_unequal
        return PartitionedObjective(
            raw.map(encoder, reader, mean),
            0 if weights is None else weights.n_rows,
            run.objective,
            np.zeros_like(run.objective.penalty),
            0.0,
            source.is_sequential,
        )

    return run, encode


def _choose_solver(estimator: Any, source: Source, examples: Examples) -> str:
    solver = str(estimator._choose_solver(examples))
    is_automatic = estimator.solver == "auto" and solver not in BATCH
    wants_batches = not isinstance(estimator.batch_size, str)
    return source.automatic_solver if is_automatic and not wants_batches else solver


def _held_out(
    estimator: Any, source: Source, reader: Reader, encode: Encode
) -> HeldOut | None:
    """Validation data: in memory, in parts of their own, or split off every part."""
    parts, kept = source.validation, None
    if reader.split is not None:
        parts, kept = source.parts, reader.split._replace(is_held_out=True)
    elif isinstance(parts, tuple):
        examples: Examples | None = estimator._read_validation(*parts)
        return None if examples is None else encode_table(estimator, examples)
    reader = replace(reader, split=kept)
    weights = parts.reduce(partial(_weights_of, reader), _merged_weights)
    if weights is None:
        raise ValueError(
            "Validation data X_val, y_val: no row has a positive weight, so there is "
            "nothing to validate on."
        )
    return encode(parts, reader, weights)


def _weights_of(reader: Reader, part: RawPart) -> Weights | None:
    weight = reader.examples(part).weight
    return Weights.of(weight) if len(weight) else None


def _merged_weights(one: Weights | None, other: Weights | None) -> Weights | None:
    if one is None or other is None:
        return one or other
    return one.merge(other)
