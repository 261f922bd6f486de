"""Every hyperparameter once: its section of the paper, its values, the trick undone.

Validation, the tour, the README's table and the tests read this registry; only the
defaults live elsewhere, in the signatures of the estimators.
"""

from collections.abc import Callable
from functools import cache
from inspect import signature
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.metrics import get_scorer_names

from sk_effprop._sklearn import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sk_effprop.core.activations import (
    ACTIVATIONS,
    SHAPES,
    Activation,
)
from sk_effprop.core.custom import CustomActivation
from sk_effprop.core.initializers import INITIALIZERS
from sk_effprop.core.losses import (
    CLASSIFICATION_LOSSES,
    OWN_OUTPUTS,
    REGRESSION_LOSSES,
)
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
        Of the paper; "" where it does not speak of it.
    constraints : list
        As scikit-learn's ``_parameter_constraints`` has them.
    alternatives : tuple
        Values other than the default, one for each way it can be set: what the tests
        switch to, one at a time.
    is_trick : bool
        Whether the default follows the paper and ``without`` undoes that.
    without : object
        The value that undoes the trick, for the tour and for ablations.
    """

    section: str
    constraints: list[Any]
    alternatives: tuple[Any, ...] = ()
    is_trick: bool = False
    without: Any = None


POSITIVE = Interval(Real, 0, None, closed="neither")
NON_NEGATIVE = Interval(Real, 0, None, closed="left")
PROPER_FRACTION = Interval(Real, 0, 1, closed="left")
COUNT = Interval(Integral, 1, None, closed="left")
WRITTEN_LOSS = HasMethods(["value", "gradient", "hessian"])


def names(registry: Any, *more: str) -> StrOptions:
    """The names of a registry as a constraint."""
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
        "4.4", [names(ACTIVATIONS, "auto"), Activation, tuple], ("tanh", "identity")
    ),
    "init": Hyperparameter(
        "4.6",
        [names(INITIALIZERS), NON_NEGATIVE, np.ndarray],
        tuple(name for name in INITIALIZERS if name != "lecun_uniform") + (0.3,),
        is_trick=True,
        without=1.0,
    ),
    "bias_init": Hyperparameter(
        "4.6",
        [StrOptions({"zero", "data"}), Real],
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
    ),
    "input_clip": Hyperparameter("4.3", [POSITIVE, None], (4.0, None)),
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
    "max_iter": Hyperparameter("", [COUNT, StrOptions({"auto"})], (5,)),
    "max_fun": Hyperparameter("", [COUNT], (20,)),
    "tol": Hyperparameter("", [NON_NEGATIVE], (0.0,)),
    "n_iter_no_change": Hyperparameter(
        "", [COUNT, Options(Real, {np.inf})], (3, np.inf)
    ),
    "goal": Hyperparameter("", [Real, None], (0.2,)),
    "max_time": Hyperparameter("", [POSITIVE, None], (60.0,)),
    "early_stopping": Hyperparameter(
        "", ["boolean", StrOptions({"auto"})], (True, False)
    ),
    "validation_fraction": Hyperparameter(
        "", [Interval(Real, 0, 1, closed="neither")], (0.3,)
    ),
    "scoring": Hyperparameter("", [names(get_scorer_names(), "loss"), callable]),
    "checkpoint": Hyperparameter("", [str, "array-like", None, object]),
    "checkpoint_interval": Hyperparameter("", [POSITIVE]),
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
    ),
    "loss": Hyperparameter(
        "3", [names(CLASSIFICATION_LOSSES), WRITTEN_LOSS], ("squared_error",)
    ),
    "class_weight": Hyperparameter(
        "4.2", [dict, StrOptions({"balanced"}), None], ({1: 2.0},)
    ),
}

REGRESSOR: dict[str, Hyperparameter] = SHARED | {
    "scoring": SHARED["scoring"]._replace(alternatives=("neg_median_absolute_error",)),
    "normalize_target": Hyperparameter(
        "4.3", ["boolean"], (False,), is_trick=True, without=False
    ),
    "loss": Hyperparameter(
        "3",
        [names(REGRESSION_LOSSES), WRITTEN_LOSS],
        tuple(name for name in REGRESSION_LOSSES if name != "squared_error"),
    ),
    "quantile": Hyperparameter("", [Interval(Real, 0, 1, closed="neither")], (0.4,)),
    "huber_delta": Hyperparameter("", [POSITIVE], (0.7,)),
}

# Parameters that only planned features read: their default is all they accept.
NEUTRAL_ONLY: dict[str, Any] = {
    "checkpoint": None,
    "checkpoint_interval": 30.0,
    "resume": False,
}


def constraints(registry: dict[str, Hyperparameter]) -> dict[str, list[Any]]:
    """As scikit-learn's validation wants them."""
    return {name: entry.constraints for name, entry in registry.items()}


def refuse(estimator: Any, name: str, rule: str, way_out: str) -> None:
    """Raise in the words of scikit-learn, with a way out."""
    raise InvalidParameterError(
        f"The {name!r} parameter of {type(estimator).__name__} must be {rule}. "
        f"Got {getattr(estimator, name)!r} instead. {way_out}"
    )


def check_changed_parameters(estimator: Any) -> None:
    """Hold the constraints against all parameters that are not as the signature has.

    Most of the fifty are, and a short fit takes less time than checking all of them.
    """
    changed = {
        name: getattr(estimator, name)
        for name, default in _defaults(type(estimator)).items()
        if getattr(estimator, name) is not default
    }
    constraints = estimator._parameter_constraints
    validate_parameter_constraints(
        {name: constraints[name] for name in changed if name in constraints},
        changed,
        caller_name=type(estimator).__name__,
    )


@cache
def _defaults(cls: type) -> dict[str, Any]:
    parameters = signature(cls).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def check_hyperparameters(estimator: Any) -> None:
    """Raise for what scikit-learn's constraints cannot tell."""
    _check_planned(estimator)
    _check_combinations(estimator)


def _check_planned(estimator: Any) -> None:
    """Refuse what the contract promises and this version does not have."""
    for name, neutral in NEUTRAL_ONLY.items():
        if not is_value(getattr(estimator, name), neutral):
            refuse(
                estimator,
                name,
                f"{neutral!r} in this version",
                "What uses other values is planned and not available yet.",
            )


def is_value(given: Any, value: Any) -> bool:
    """Whether a hyperparameter, which may be an array, has a value that is none."""
    return not isinstance(given, np.ndarray) and bool(given == value)


def _check_combinations(estimator: Any) -> None:
    """Rules that no single parameter can tell."""
    sizes = hidden_sizes(estimator)
    activation = estimator.activation
    per_layer = is_per_layer(activation)
    if per_layer and len(activation) != len(sizes):
        refuse(
            estimator,
            "activation",
            f"a single activation or a list of {len(sizes)}, one per hidden layer",
            f"hidden_layer_sizes is {estimator.hidden_layer_sizes!r}.",
        )
    for one in activation if per_layer else [activation]:
        _check_activation(estimator, "activation", one)
    if estimator.output_activation != "auto":
        output = estimator.output_activation
        _check_activation(estimator, "output_activation", output, rising=True)
    _check_loss(estimator)
    for_evidence = (estimator.solver, estimator.loss) == ("lm", "squared_error")
    if is_evidence(estimator) and not for_evidence:
        refuse(
            estimator,
            "alpha",
            "'auto' or a number unless solver='lm' and loss='squared_error'",
            "Set these two for alpha='evidence'.",
        )
    _check_numbers(estimator, "flow_rates", 3, lambda v: v[0] > 0 and 0 < v[2] < 1)
    if not isinstance(getattr(estimator, "target_values", ""), str):
        _check_numbers(estimator, "target_values", 2, lambda v: v[0] < v[1])


def is_evidence(estimator: Any) -> bool:
    """Whether the penalty is found in training; alpha may also be a number."""
    return isinstance(estimator.alpha, str) and estimator.alpha == "evidence"


def _check_loss(estimator: Any) -> None:
    loss = estimator.loss
    if isinstance(loss, type):
        way_out = f"Write loss={loss.__name__}() for an object of this class."
        refuse(estimator, "loss", "a name or an object, not a class", way_out)
    owned = OWN_OUTPUTS.get(loss) if isinstance(loss, str) else None
    if owned and estimator.output_activation not in ("auto", "identity"):
        refuse(
            estimator,
            "output_activation",
            f"'auto' or 'identity' with loss={loss!r}, which owns the {owned}",
            "Use 'auto', or loss='squared_error'.",
        )


def is_per_layer(activation: Any) -> bool:
    """Whether it is several activations; an Activation and three functions are one."""
    if isinstance(activation, Activation):
        return False
    is_one = isinstance(activation, tuple) and any(map(callable, activation))
    return isinstance(activation, list | tuple) and not is_one


def _check_activation(
    estimator: Any, name: str, one: Any, *, rising: bool = False
) -> None:
    if isinstance(one, str) and one in ACTIVATIONS:
        return
    if isinstance(one, Activation):
        known, numbers = one.kind in list(SHAPES), np.isfinite(one).all()
        if not (known and numbers and one.slope > 0):
            rule = "an Activation with a known kind, finite numbers and slope > 0"
            refuse(estimator, name, rule, "A negative amplitude turns it around.")
    elif isinstance(one, tuple) and len(one) == 3 and all(map(callable, one)):
        one = CustomActivation(one)
        if complaint := one.error_message():
            rule = "(f, f', f''), a function and its first and second derivatives"
            refuse(estimator, name, rule, complaint)
    else:
        rule = (
            f"made of names out of {sorted(ACTIVATIONS)}, Activations, or tuples of "
            "three functions (f, f', f'')"
        )
        refuse(estimator, name, rule, f"{one!r} is none of these.")
    if rising and not one.rises:
        rule = "an activation that does not fall"
        refuse(estimator, name, rule, "Else larger outputs would mean less.")


def _check_numbers(
    estimator: Any, name: str, length: int, rule: Callable[[Any], bool]
) -> None:
    values = getattr(estimator, name)
    numeric = len(values) == length and all(isinstance(v, Real) for v in values)
    if not (numeric and rule(values)):
        wording = {
            "flow_rates": "three numbers (alpha > 0, beta, 0 < delta < 1)",
            "target_values": "a name or two numbers (low, high) with low < high",
        }
        refuse(estimator, name, wording[name], "See the docstring for their meaning.")


def hidden_sizes(estimator: Any) -> tuple[int, ...]:
    """hidden_layer_sizes as a tuple."""
    sizes = estimator.hidden_layer_sizes
    sizes = (sizes,) if isinstance(sizes, Integral) else tuple(sizes)
    if not all(isinstance(size, Integral) and size >= 1 for size in sizes):
        refuse(
            estimator,
            "hidden_layer_sizes",
            "a positive int or a sequence of positive ints",
            "() is the linear model.",
        )
    return tuple(int(size) for size in sizes)
