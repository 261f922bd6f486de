"""The estimator under examination, with its data, at its start and at its end."""

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sk_effprop._columns import CATEGORY, Labels, Table
from sk_effprop.core.arrays import Array, dense
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._parameters import defaults, hyperparameters_of
from sk_effprop.estimators._plan import Plan
from sk_effprop.estimators._rules import Case
from sk_effprop.estimators._run import Run
from sk_effprop.estimators._tables import encode_table

# Rows that the instruments look at.
EXAMINED_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Subject:
    """A fitted estimator and its training data.

    Attributes
    ----------
    estimator : EffPropClassifier or EffPropRegressor
    examples : Examples
        The validated data.
    run : Run
        Its plan and its objective.
    start : ndarray of shape (n_weights,)
        Weights that ``init`` and ``bias_init`` give.
    weight : ndarray of shape (n_samples,) or None
        The given weights of the examples, without those of their classes.
    table : Table or array
        The validated inputs before categories and dates are encoded.
    """

    estimator: Any
    examples: Examples
    run: Run
    start: Array
    weight: Array | None = None
    table: Any = None

    @classmethod
    def of(cls, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> "Subject":
        """Prepare the fit of a fitted network once more."""
        read = estimator._read_examples(X, y, sample_weight)
        examples = encode_table(estimator, read)
        start = estimator._start(None, 0.0, is_stream=False)
        # other data would have another noise
        settled = copy(estimator)
        settled.solver = estimator.solver_
        run = settled._make_run(examples, estimator.solver_, start)
        theta = build.initial_theta(
            run.plan.given, run.objective, start.rng, is_stream=False
        )
        weight = None if sample_weight is None else _own(read, sample_weight)
        return cls(estimator, examples, run, theta, weight, read.X)

    @property
    def is_classification(self) -> bool:
        """True if the targets are classes."""
        return bool(is_classifier(self.estimator))

    @cached_property
    def given(self) -> dict[str, Any]:
        """The hyperparameters as given."""
        return dict(vars(hyperparameters_of(self.estimator)))

    @cached_property
    def changed(self) -> dict[str, Any]:
        """The hyperparameters that are not the defaults, with their defaults."""
        return {
            name: default
            for name, default in defaults(self.estimator).items()
            if not _equal(self.given[name], default)
        }

    @cached_property
    def rows(self) -> Array:
        """Rows that the instruments look at, in their order of presentation."""
        n = len(self.examples)
        if n <= EXAMINED_ROWS:
            return np.arange(n)
        rng = np.random.default_rng(0)
        return np.sort(rng.choice(n, EXAMINED_ROWS, replace=False))

    @cached_property
    def raw(self) -> Array:
        """Raw inputs of these rows, missing values as nan."""
        return np.asarray(dense(self.examples.X[self.rows]), dtype=np.float64)

    @cached_property
    def is_constant(self) -> Array:
        """True for each column that has one value in all rows."""
        X = self.examples.X
        spread = X.max(axis=0) - X.min(axis=0)
        return np.asarray(dense(spread)).reshape(-1) == 0.0

    @cached_property
    def at_start(self) -> Case:
        """The case at the initial weights."""
        return self._case(self.start)

    @cached_property
    def at_end(self) -> Case:
        """The case at the fitted weights."""
        return self._case(self.estimator.theta_)

    def automatic(self, name: str) -> Plan:
        """The plan of the same estimator with one parameter on "auto"."""
        other = copy(self.estimator)
        other.solver = self.estimator.solver_
        if name != "alpha":
            # what "auto" would become there takes a while to find
            other.alpha = 0.0
        setattr(other, name, "auto")
        start = other._start(None, 0.0, is_stream=False)
        return other._make_run(self.examples, self.estimator.solver_, start).plan

    def names_of(self, inputs: Array) -> list[str]:
        """Names of the user's columns that these inputs are, their numbers without.

        An input that is not all that is made of a column has a name of its own.
        """
        estimator, encoder = self.estimator, self.estimator.table_encoder_
        names = getattr(estimator, "feature_names_in_", range(estimator.n_features_in_))
        if encoder is None:
            return [str(names[i]) for i in inputs]
        own, source = encoder.get_feature_names_out(), encoder.source_
        is_whole = ~np.isin(source, np.delete(source, inputs))
        shown = [names[source[i]] if is_whole[i] else own[i] for i in inputs]
        return list(dict.fromkeys(map(str, shown)))

    @cached_property
    def categories(self) -> dict[int, Labels]:
        """The user's columns that are categories, by their position."""
        if not isinstance(self.table, Table):
            return {}
        places = [j for j, kind in enumerate(self.table.kinds) if kind == CATEGORY]
        return dict(zip(places, self.table.labels, strict=True))

    @cached_property
    def sources(self) -> Array:
        """Position of the user's column from which each input is made."""
        encoder = self.estimator.table_encoder_
        if encoder is None:
            return np.arange(self.examples.X.shape[1])
        return np.asarray(encoder.source_)

    def inputs_of(self, column: int) -> Array:
        """Inputs that are made of one of the user's columns."""
        return np.flatnonzero(self.sources == column)

    def column_label(self, column: int) -> Any:
        """Name of a column if there are names, else its position."""
        names = getattr(self.estimator, "feature_names_in_", None)
        return column if names is None else str(names[column])

    def column_name(self, column: int) -> str:
        """Name of a column as text."""
        return str(self.column_label(column))

    def _case(self, theta: Array) -> Case:
        objective = self.run.objective
        some = objective.subset(self.rows).as_float64()
        theta = theta.astype(np.float64)
        return Case(self.run.plan, objective, some, theta, self.run.left.strength)


def _own(examples: Examples, sample_weight: Any) -> Array:
    """Weights of the examples that were made of the user's rows."""
    weight = np.asarray(sample_weight, dtype=np.float64)
    places = examples.places
    return weight if places is None else weight[np.asarray(places) >= 0]


def _equal(given: Any, default: Any) -> bool:
    if given is default:
        return True
    is_array = isinstance(given, np.ndarray)
    return not is_array and type(given) is not bool and _plain(given) == default


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
