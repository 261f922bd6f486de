"""The hyperparameters: signature, registry and docstring say the same."""

import inspect
import re

import numpy as np
import pytest
from sklearn.base import clone

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop._sklearn import validate_parameter_constraints
from sk_effprop.core.activations import ACTIVATIONS, TANH, Activation
from sk_effprop.estimators._checkpoint import WITHOUT_INFLUENCE
from sk_effprop.estimators._checks import check_hyperparameters
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR, SHARED

BOTH = [EffPropClassifier, EffPropRegressor]
REGISTRY = {EffPropClassifier: CLASSIFIER, EffPropRegressor: REGRESSOR}

# their texts differ between classification and regression
ABOUT_THE_TASK = {"output_activation", "solver", "loss", "hidden_layer_sizes"}

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])


def signature(cls):
    """The parameters of __init__ without self."""
    return dict(list(inspect.signature(cls.__init__).parameters.items())[1:])


def documented(cls):
    """Parameter -> (its line, its paragraph), from the class docstring."""
    text = inspect.getdoc(cls)
    section = re.search(r"\nParameters\n-+\n(.*?)\n\n\w+\n---", text, re.DOTALL)[1]
    entries = re.split(r"\n(?=\S)", section)
    described = {}
    for entry in entries:
        head, _, paragraph = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        for name in names.split(", "):
            described[name] = (kind, inspect.cleandoc(paragraph))
    return described


@both
def test_the_signature_is_that_of_the_contract(cls):
    parameters = signature(cls)
    assert parameters.keys() == REGISTRY[cls].keys()
    positional = [
        name
        for name, parameter in parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    assert positional == ["hidden_layer_sizes", "activation"]
    assert all(p.default is not p.empty for p in parameters.values())


def test_shared_parameters_have_the_same_order_default_and_text():
    ours, theirs = map(signature, BOTH)
    shared = [name for name in ours if name in theirs]
    assert shared == [name for name in theirs if name in ours]
    # the order of the paper's sections, which the registry has as well
    assert [name for name in shared if name != "loss"] == list(SHARED)
    texts, other_texts = map(documented, BOTH)
    for name in shared:
        assert type(ours[name].default) is type(theirs[name].default), name
        if name not in {"loss", "hidden_layer_sizes"}:
            assert ours[name].default == theirs[name].default, name
        if name not in ABOUT_THE_TASK:
            assert texts[name] == other_texts[name], name


@both
def test_registry_signature_and_docstring_have_the_same_parameters(cls):
    names = set(signature(cls))
    assert names == set(REGISTRY[cls]) == set(documented(cls))
    assert list(documented(cls)) == list(signature(cls))


@both
def test_every_parameter_has_a_paragraph_and_its_default(cls):
    kinds = {name: entry[0] for name, entry in documented(cls).items()}
    for name, (kind, paragraph) in documented(cls).items():
        assert re.match(r"\S.*\.$", paragraph, re.DOTALL), name
        assert "default=" in kind, name
    for name, parameter in signature(cls).items():
        default = parameter.default
        shown = f'"{default}"' if isinstance(default, str) else repr(default)
        shown = {"1e-08": "1e-8", "0.0001": "1e-4"}.get(shown, shown)
        assert shown in kinds[name].partition("default=")[2], name


@both
def test_defaults_pass_validation(cls):
    estimator = cls()
    validate_parameter_constraints(
        cls._parameter_constraints, estimator.get_params(), cls.__name__
    )
    check_hyperparameters(estimator)


@both
def test_alternatives_pass_validation_and_differ_from_the_default(cls):
    for name, entry in REGISTRY[cls].items():
        for value in entry.alternatives:
            estimator = cls(**{"loss": "squared_error", name: value})
            validate_parameter_constraints(
                cls._parameter_constraints, estimator.get_params(), cls.__name__
            )
            check_hyperparameters(estimator)
            default = signature(cls)[name].default
            assert not (type(value) is type(default) and value == default), name


@both
def test_registry_entries_are_consistent(cls):
    """A parameter is tried, or has nothing to do with what is learnt."""
    assert REGISTRY[cls].keys() == cls._parameter_constraints.keys()
    for name, entry in REGISTRY[cls].items():
        assert re.fullmatch(r"(\d+(\.\d+)?(, )?)*", entry.section), name
        tried = bool(entry.alternatives)
        assert tried or name in WITHOUT_INFLUENCE, name
        if entry.is_trick:
            assert entry.section, name
            estimator = cls(**{name: entry.without})
            validate_parameter_constraints(
                cls._parameter_constraints, estimator.get_params(), cls.__name__
            )
            check_hyperparameters(estimator)


# values that are neither the default nor in the registry, and that every part must keep
CHANGES = {
    "hidden_layer_sizes": np.array([3, 2]),
    "activation": ["relu", Activation(TANH, 1.1, 0.9, 0.0, 0.0)],
    "output_activation": ACTIVATIONS["identity"],
    "flow_rates": [0.2, 2.0, 0.02],
    "random_state": np.random.RandomState(0),
}


@both
def test_get_params_gives_back_what_was_set(cls):
    """The very objects, untouched."""
    estimator = cls(**CHANGES)
    for name, value in CHANGES.items():
        assert getattr(estimator, name) is value
        assert estimator.get_params()[name] is value
    assert vars(estimator).keys() == estimator.get_params().keys()
    assert list(estimator.get_params()) == sorted(REGISTRY[cls])


@both
def test_set_params_changes_one_parameter_and_nothing_else(cls):
    for name, entry in REGISTRY[cls].items():
        for value in entry.alternatives:
            estimator = cls()
            assert estimator.set_params(**{name: value}) is estimator
            changed = estimator.get_params()
            assert changed == cls(**{name: value}).get_params()
            assert changed == clone(estimator).get_params()
            defaults = cls().get_params()
            assert [n for n in changed if changed[n] is not defaults[n]] == [name]
    with pytest.raises(ValueError, match="Invalid parameter 'learning_rat'"):
        cls().set_params(learning_rat="constant")


@both
def test_fitting_changes_no_parameter(cls):
    X = np.random.default_rng(0).normal(size=(20, 2))
    y = (X[:, 0] > 0).astype(int)
    init = np.full(3 * 4 + 5 * 1, 0.1)
    sizes = [4]
    estimator = cls(sizes, init=init, max_iter=3, tol=0, solver="sgd", random_state=0)
    before = {k: repr(v) for k, v in estimator.get_params().items()}
    estimator.fit(X, y).partial_fit(X, y)
    assert {k: repr(v) for k, v in estimator.get_params().items()} == before
    assert estimator.init is init
    assert (init == 0.1).all()


@both
def test_the_printed_estimator_shows_what_was_changed(cls):
    assert repr(cls()) == f"{cls.__name__}()"
    assert repr(cls((5,), twist=0.1)) == (
        f"{cls.__name__}(hidden_layer_sizes=(5,), twist=0.1)"
    )
