"""Registry of all hyperparameters: section of the paper, constraints, trick undone.

Validation, the tour, the README's table and the tests read this registry; only the
defaults live elsewhere, in the signatures of the estimators::

    SHARED["batch_size"].section    # "4.1"
    SHARED["batch_size"].without    # "full": batch learning undoes the trick
"""

from functools import cache
from inspect import signature
from numbers import Integral, Real
from os import PathLike
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import get_scorer_names

from sk_effprop._sklearn import HasMethods, Interval, Options, StrOptions
from sk_effprop._tables import CHOICE
from sk_effprop.core.activations import ACTIVATIONS, Activation
from sk_effprop.core.initializers import INITIALIZERS
from sk_effprop.core.losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES
from sk_effprop.core.presentation import ORDERS
from sk_effprop.core.rates import SCALINGS
from sk_effprop.core.schedules import SCHEDULES
from sk_effprop.preprocessing import METHODS
from sk_effprop.solvers import SOLVERS


class Hyperparameter(NamedTuple):
    """One entry of the registry.

    Attributes
    ----------
    section : str
        Section of the paper; "" if the paper does not treat it.
    constraints : list
        Constraints in the format of scikit-learn's ``_parameter_constraints``.
    alternatives : tuple
        Values other than the default, one for each kind of value.  Tests switch to
        them one at a time.
    is_trick : bool
        Whether the default follows the paper and ``without`` undoes that.
    without : object
        The value that undoes the trick, for the tour and for ablations.
    is_fixed : bool
        Whether a warm start must keep it, because the weights depend on it.
    """

    section: str
    constraints: list[Any]
    alternatives: tuple[Any, ...] = ()
    is_trick: bool = False
    without: Any = None
    is_fixed: bool = False


class Hyperparameters(SimpleNamespace):
    """The hyperparameters of an estimator as attributes, with the values given."""


POSITIVE = Interval(Real, 0, None, closed="neither")
FINITE = Interval(Real, None, None, closed="neither")
NON_NEGATIVE = Interval(Real, 0, None, closed="left")
PROPER_FRACTION = Interval(Real, 0, 1, closed="left")
COUNT = Interval(Integral, 1, None, closed="left")
CUSTOM_LOSS = HasMethods(["value", "gradient", "hessian"])


def names(registry: Any, *more: str) -> StrOptions:
    """Constraint that allows the names of a registry, and some more."""
    return StrOptions({name for name in registry if isinstance(name, str)} | set(more))


SHARED: dict[str, Hyperparameter] = {
    "hidden_layer_sizes": Hyperparameter(
        "3", ["array-like", Interval(Integral, 1, None, closed="left")], ((7, 5), ())
    ),
    "activation": Hyperparameter(
        "4.4",
        [names(ACTIVATIONS), Activation, tuple, list],
        tuple(name for name in ACTIVATIONS if name != "lecun_tanh"),
        is_trick=True,
        without="logistic",
    ),
    "twist": Hyperparameter("4.4", [NON_NEGATIVE], (0.05,)),
    "output_activation": Hyperparameter(
        "4.4",
        [names(ACTIVATIONS, "auto"), Activation, tuple],
        ("tanh", "identity"),
        is_fixed=True,
    ),
    "rbf_units": Hyperparameter("4.8", [COUNT, None], (6,)),
    "init": Hyperparameter(
        "4.6",
        [names(INITIALIZERS), NON_NEGATIVE, np.ndarray],
        tuple(name for name in INITIALIZERS if name != "lecun_uniform") + (0.3,),
        is_trick=True,
        without=1.0,
    ),
    "bias_init": Hyperparameter(
        "4.6",
        [StrOptions({"zero", "data"}), FINITE],
        ("zero", 0.1),
        is_trick=True,
        without="zero",
    ),
    "normalize": Hyperparameter(
        "4.3",
        [names(METHODS), None],
        tuple(name for name in reversed(METHODS) if name != "robust") + (None,),
        is_trick=True,
        without=None,
        is_fixed=True,
    ),
    "input_clip": Hyperparameter(
        "4.3",
        [POSITIVE, None],
        (4.0, None),
        is_fixed=True,
    ),
    "input_gains": Hyperparameter("4.3, 4.7", ["boolean"], (True,)),
    "solver": Hyperparameter(
        "4.1, 6, 9",
        [names(SOLVERS, "auto")],
        SOLVERS,
    ),
    "batch_size": Hyperparameter(
        "4.1",
        [COUNT, StrOptions({"auto", "full"})],
        (1, 16, "full"),
        is_trick=True,
        without="full",
    ),
    "n_estimators": Hyperparameter("", [COUNT], (3,), is_fixed=True),
    "batch_growth": Hyperparameter(
        "4.1", [Interval(Real, 1, None, closed="left")], (1.5,)
    ),
    "shuffle": Hyperparameter(
        "4.2",
        ["boolean", names(ORDERS, "auto")],
        (True, "interleave", False),
        is_trick=True,
        without=False,
    ),
    "emphasis": Hyperparameter("4.2", [Interval(Real, 0, 1, closed="both")], (0.5,)),
    "learning_rate_init": Hyperparameter(
        "4.7, 9.2",
        [POSITIVE, StrOptions({"auto"})],
        (0.005,),
        is_trick=True,
        without=0.001,
    ),
    "learning_rate": Hyperparameter(
        "4.1, 4.7",
        [names(SCHEDULES)],
        tuple(name for name in SCHEDULES if name != "cosine"),
        is_trick=True,
        without="constant",
    ),
    "power_t": Hyperparameter("4.1", [NON_NEGATIVE], (0.25,)),
    "annealing_tau": Hyperparameter("4.1", [POSITIVE], (3.0,)),
    "flow_rates": Hyperparameter("4.7", [tuple, list], ((0.05, 0.5, 0.05),)),
    "learning_rate_scaling": Hyperparameter(
        "4.7",
        [names(SCALINGS, "auto")],
        tuple(SCALINGS),
    ),
    "momentum": Hyperparameter("4.7", [PROPER_FRACTION], (0.0, 0.5)),
    "nesterovs_momentum": Hyperparameter("4.7", ["boolean"], (True,)),
    "averaging": Hyperparameter("", ["boolean"], (True,)),
    "beta_1": Hyperparameter("", [PROPER_FRACTION], (0.8,)),
    "beta_2": Hyperparameter("", [PROPER_FRACTION], (0.99,)),
    "epsilon": Hyperparameter("", [POSITIVE], (1e-4,)),
    "damping": Hyperparameter("6.4", [StrOptions({"auto"}), POSITIVE], (0.1,)),
    "curvature_decay": Hyperparameter("9.1", [PROPER_FRACTION], (0.01,)),
    "curvature_samples": Hyperparameter("9.1", [COUNT], (50,)),
    "curvature_period": Hyperparameter(
        "4.7, 9.1",
        [COUNT, Options(Real, {np.inf}), StrOptions({"auto"})],
        (1, np.inf),
    ),
    "alpha": Hyperparameter(
        "",
        [NON_NEGATIVE, StrOptions({"auto", "evidence"})],
        (0.0, 0.01),
    ),
    "categorical_features": Hyperparameter("4.3", CHOICE, (None, (0,)), is_fixed=True),
    "max_iter": Hyperparameter("", [COUNT, StrOptions({"auto"})], (5,)),
    "max_fun": Hyperparameter("", [COUNT], (20,)),
    "tol": Hyperparameter("", [NON_NEGATIVE], (0.0,)),
    "n_iter_no_change": Hyperparameter(
        "", [COUNT, Options(Real, {np.inf})], (3, np.inf)
    ),
    "goal": Hyperparameter("", [FINITE, None], (0.2,)),
    "max_time": Hyperparameter("", [POSITIVE, None], (60.0,)),
    "early_stopping": Hyperparameter(
        "", ["boolean", StrOptions({"auto"})], (True, False)
    ),
    "validation_fraction": Hyperparameter(
        "", [Interval(Real, 0, 1, closed="neither")], (0.3,)
    ),
    "scoring": Hyperparameter("", [names(get_scorer_names(), "loss"), callable]),
    "checkpoint": Hyperparameter("", [str, PathLike, None]),
    "checkpoint_interval": Hyperparameter("", [NON_NEGATIVE]),
    "resume": Hyperparameter("", ["boolean"]),
    "engine": Hyperparameter(
        "", [StrOptions({"auto", "numpy", "numba"})], ("numpy", "numba")
    ),
    "random_state": Hyperparameter("", ["random_state"], (1,)),
    "warm_start": Hyperparameter("", ["boolean"], (True,)),
    "verbose": Hyperparameter("", ["verbose"]),
}

CLASSIFIER: dict[str, Hyperparameter] = SHARED | {
    "scoring": SHARED["scoring"]._replace(alternatives=("accuracy",)),
    "target_values": Hyperparameter(
        "4.5",
        [StrOptions({"max_curvature", "asymptote"}), tuple, list],
        ("asymptote", (-0.5, 0.5)),
        is_trick=True,
        without="asymptote",
        is_fixed=True,
    ),
    "loss": Hyperparameter(
        "3",
        [names(CLASSIFICATION_LOSSES), CUSTOM_LOSS],
        ("squared_error",),
        is_fixed=True,
    ),
    "class_weight": Hyperparameter(
        "4.2", [dict, StrOptions({"balanced"}), None], ({1: 2.0},)
    ),
}

REGRESSOR: dict[str, Hyperparameter] = SHARED | {
    "scoring": SHARED["scoring"]._replace(alternatives=("neg_median_absolute_error",)),
    "normalize_target": Hyperparameter(
        "4.3",
        ["boolean"],
        (False,),
        is_trick=True,
        without=False,
        is_fixed=True,
    ),
    "loss": Hyperparameter(
        "3",
        [names(REGRESSION_LOSSES), CUSTOM_LOSS],
        tuple(name for name in REGRESSION_LOSSES if name != "squared_error"),
        is_fixed=True,
    ),
    "quantile": Hyperparameter(
        "",
        [Interval(Real, 0, 1, closed="neither")],
        (0.4,),
        is_fixed=True,
    ),
    "huber_delta": Hyperparameter(
        "",
        [POSITIVE],
        (0.7,),
        is_fixed=True,
    ),
}


def constraints(registry: dict[str, Hyperparameter]) -> dict[str, list[Any]]:
    """Constraints in the format of scikit-learn's validation."""
    return {name: entry.constraints for name, entry in registry.items()}


def defaults(estimator: Any) -> dict[str, Any]:
    """Hyperparameters and their defaults, from the signature of the class."""
    cls: Any = type(estimator)
    return _defaults(cls)


@cache
def _defaults(cls: Any) -> dict[str, Any]:
    parameters = signature(cls).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def hyperparameters_of(estimator: Any) -> Hyperparameters:
    """Copy the hyperparameters of an estimator, as given.

    Scalars of NumPy become those of Python, which do not overflow.
    """
    values = {name: getattr(estimator, name) for name in defaults(estimator)}
    return Hyperparameters(**{name: as_plain(value) for name, value in values.items()})


def as_plain(value: Any) -> Any:
    """Convert a NumPy number to a Python number; return anything else unchanged."""
    if isinstance(value, np.floating):
        return float(value)
    return value.item() if isinstance(value, np.generic) else value


def all_hidden_sizes(given: Any) -> tuple[int, ...]:
    """Sizes of the hidden layers, with that of the radial basis functions."""
    rbf_units = () if given.rbf_units is None else (int(given.rbf_units),)
    return (*hidden_sizes(given.hidden_layer_sizes), *rbf_units)


def hidden_sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """``hidden_layer_sizes`` as a tuple."""
    if isinstance(hidden_layer_sizes, Integral):
        return (int(hidden_layer_sizes),)
    return tuple(int(size) for size in hidden_layer_sizes)
