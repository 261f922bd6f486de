"""Settings that an ablation compares: baselines, steps of a climb, tricks undone."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.multiclass import type_of_target

from sk_effprop._containers import (
    network_of,
    prefix_of,
    searches_in,
    with_replacement,
)
from sk_effprop._tables import TableEncoder
from sk_effprop.estimators._checks import is_value
from sk_effprop.solvers import BATCH

RECIPE, PLAIN = "full recipe", "plain backpropagation"
# Kinds of rows.
BASELINE, CLIMB, WHOLE, OFF = "baseline", "step", "recipe", "off"
# Tricks that batch solvers do not use.
STOCHASTIC_ONLY = {"batch_size", "shuffle", "learning_rate_init", "learning_rate"}
# The rate that many programs have suggested since 1986, with momentum as in the recipe.
FIXED_RATE = 0.01


class Candidate(NamedTuple):
    """A setting to be cross-validated.

    Attributes
    ----------
    kind : {"baseline", "step", "recipe", "off"}
    trick : str
        Name of the row.
    section : str
        Section of the paper.
    setting : object
        Value of the hyperparameter; for a step, a dict of what it changes.
    estimator : estimator
    """

    kind: str
    trick: str
    section: str
    setting: Any
    estimator: Any


class Step(NamedTuple):
    """A step from plain backpropagation to the recipe.

    Attributes
    ----------
    name, section : str
    parameters : tuple of str
        Hyperparameters that take the value of the recipe from here on.
    """

    name: str
    section: str
    parameters: tuple[str, ...]


# In the order of the paper's sections.
STEPS = (
    Step("+ mini-batches", "4.1", ("batch_size", "batch_growth")),
    Step("+ shuffled examples", "4.2", ("shuffle", "emphasis")),
    Step(
        "+ normalised inputs", "4.3",
        ("normalize", "input_clip", "input_gains", "normalize_target"),
    ),
    Step(
        "+ symmetric sigmoid", "4.4", ("activation", "twist", "output_activation"),
    ),
    Step("+ targets within reach", "4.5", ("target_values",)),
    Step("+ suitable initial weights", "4.6", ("init", "bias_init")),
    Step(
        "+ rates from the curvature", "4.7, 9.2",
        ("learning_rate_init", "learning_rate_scaling", "curvature_period"),
    ),
    Step("+ falling rate", "4.7", ("learning_rate",)),
)  # fmt: skip


def plain_backpropagation(network: Any) -> dict[str, Any]:
    """Settings of 1986: logistic units, 0 and 1 as targets, full batches, no tricks."""
    registry = network._registry
    is_class = is_classifier(network)
    plain = {name: entry.without for name, entry in registry.items() if entry.is_trick}
    plain |= {
        "solver": "sgd",
        "loss": "squared_error",
        "output_activation": "logistic" if is_class else "identity",
        "input_clip": None,
        "input_gains": False,
        "batch_growth": 1.0,
        "emphasis": 0.0,
        "twist": 0.0,
        "learning_rate_init": FIXED_RATE,
        "learning_rate_scaling": "none",
        "curvature_period": float("inf"),
    }
    return {name: value for name, value in plain.items() if name in registry}


def default_tricks(estimator: Any) -> dict[str, Any]:
    """For each trick that the estimator uses, the value with which it is off."""
    network = network_of(estimator)
    # log loss does not use target_values
    ignored = {"target_values"} if network.loss == "log_loss" else set()
    if network.solver in BATCH:
        ignored |= STOCHASTIC_ONLY
    ignored |= searched(estimator)
    return {
        name: entry.without
        for name, entry in network._registry.items()
        if entry.is_trick and not is_value(getattr(network, name), entry.without)
        if name not in ignored
    }


def searched(estimator: Any) -> set[str]:
    """Hyperparameters of the network that a search around it varies."""
    return set().union(*searches_in(estimator).values())


def recipe(estimator: Any) -> Candidate:
    """Candidate with the estimator unchanged."""
    return Candidate(WHOLE, RECIPE, "", "", clone(estimator))


def without_tricks(estimator: Any, tricks: dict[str, Any]) -> Iterator[Candidate]:
    """Candidates that each switch one trick of the estimator off.

    Raises
    ------
    ValueError
        For an unknown hyperparameter, or one that a search would change again.
    """
    registry, prefix = network_of(estimator)._registry, prefix_of(estimator)
    for name, value in tricks.items():
        if name not in registry:
            raise ValueError(
                f"tricks must name hyperparameters of the network, got {name!r}. They "
                f"are {', '.join(registry)}."
            )
        if name in searched(estimator):
            raise ValueError(
                f"tricks must not contain {name!r}, which the search around the "
                "network varies. Remove it from one of them."
            )
        changed = clone(estimator).set_params(**{f"{prefix}{name}": value})
        yield Candidate(OFF, name, registry[name].section, value, changed)


def climb(estimator: Any) -> Iterator[Candidate]:
    """Plain backpropagation, and steps from there that end just below the recipe."""
    network, prefix = network_of(estimator), prefix_of(estimator)
    left = {
        name: value
        for name, value in plain_backpropagation(network).items()
        if name not in searched(estimator)
        and not is_value(getattr(network, name), value)
    }

    def candidate(name: str, section: str, changes: Any) -> Candidate:
        settings = {f"{prefix}{key}": value for key, value in left.items()}
        changed = clone(estimator).set_params(**settings)
        return Candidate(CLIMB, name, section, changes, changed)

    yield candidate(PLAIN, "", dict(left))
    for step in STEPS:
        released = [name for name in step.parameters if name in left]
        left = {name: value for name, value in left.items() if name not in released}
        if released and left:
            changes = {name: getattr(network, name) for name in released}
            yield candidate(step.name, step.section, changes)


def baselines(estimator: Any, X: Any, y: Any) -> Iterator[Candidate]:
    """A constant, a linear model and scikit-learn's MLP in the place of the network."""
    make = _classifiers if is_classifier(estimator) else _regressors
    for name, model in make(_columns(X, network_of(estimator)), y):
        whole = with_replacement(estimator, model)
        yield Candidate(BASELINE, name, "", type(_last(model)).__name__, whole)


def _classifiers(columns: Any, y: Any) -> Iterator[tuple[str, Any]]:
    linear: Any = LogisticRegression(max_iter=1000)
    if type_of_target(y) == "multilabel-indicator":
        linear = MultiOutputClassifier(linear)
    yield "constant", DummyClassifier(strategy="prior")
    yield "linear", make_pipeline(columns, linear)
    yield "scaled MLP", make_pipeline(columns, MLPClassifier(random_state=0))


def _regressors(columns: Any, y: Any) -> Iterator[tuple[str, Any]]:
    mlp = make_pipeline(columns, MLPRegressor(random_state=0))
    yield "constant", DummyRegressor()
    yield "linear", make_pipeline(columns, Ridge())
    yield "scaled MLP", TransformedTargetRegressor(mlp, transformer=StandardScaler())


def _columns(X: Any, network: Any) -> Any:
    """Make the steps that encode tables as the network does, and scale the columns."""
    encoder = TableEncoder(network.categorical_features)
    return make_pipeline(encoder, StandardScaler(with_mean=not sparse.issparse(X)))


def _last(model: Any) -> Any:
    """Return the estimator inside a TransformedTargetRegressor or a pipeline."""
    model = getattr(model, "regressor", model)
    return model[-1] if hasattr(model, "steps") else model
