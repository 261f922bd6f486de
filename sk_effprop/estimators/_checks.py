"""Checks of hyperparameters, alone and in combination."""

import sys
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, NoReturn

import numpy as np

from sk_effprop._sklearn import InvalidParameterError, validate_parameter_constraints
from sk_effprop.core.activations import ACTIVATIONS, COMPILED_SHAPES, Activation
from sk_effprop.core.custom import CustomActivation
from sk_effprop.core.losses import OWN_OUTPUTS
from sk_effprop.estimators._activations import is_per_layer
from sk_effprop.estimators._parameters import defaults, hidden_sizes

LARGEST = sys.float_info.max


def raise_invalid(estimator: Any, name: str, rule: str, way_out: str) -> NoReturn:
    """Raise scikit-learn's InvalidParameterError, with a way out."""
    raise InvalidParameterError(
        f"The {name!r} parameter of {type(estimator).__name__} must be {rule}. "
        f"Got {getattr(estimator, name)!r} instead. {way_out}"
    )


def check_changed_parameters(estimator: Any) -> None:
    """Validate the parameters that differ from their defaults.

    Most of the fifty do not, and validating them all takes longer than a short fit.
    """
    changed = {
        name: getattr(estimator, name)
        for name, default in defaults(estimator).items()
        if getattr(estimator, name) is not default
    }
    _check_ranges(estimator, changed)
    _check_functions(estimator, changed)
    constraints = estimator._parameter_constraints
    validate_parameter_constraints(
        {name: constraints[name] for name in changed if name in constraints},
        changed,
        caller_name=type(estimator).__name__,
    )


def _check_ranges(estimator: Any, changed: dict[str, Any]) -> None:
    """Raise for ints that no float can stand for."""
    for name, value in changed.items():
        if isinstance(value, Integral) and not -LARGEST <= value <= LARGEST:
            rule = f"at most {LARGEST:.3g} in size"
            raise_invalid(estimator, name, rule, "Use a smaller number.")


def _check_functions(estimator: Any, changed: dict[str, Any]) -> None:
    """Raise for a function that comes without its derivatives."""
    for name in ("activation", "output_activation"):
        if callable(changed.get(name)):
            rule = "a name, an Activation or a tuple of three functions (f, f', f'')"
            raise_invalid(
                estimator, name, rule, "A function needs its two derivatives."
            )


def fixed_parameters(estimator: Any) -> dict[str, Any]:
    """Hyperparameters that a warm start must keep, with their values."""
    registry = estimator._registry
    return {
        name: getattr(estimator, name) for name in registry if registry[name].is_fixed
    }


def is_same(one: Any, other: Any) -> bool:
    """True if two values of a hyperparameter are equal; they may be arrays."""
    return one is other or bool(np.array_equal(one, other))


def check_fixed(estimator: Any, fixed: dict[str, Any]) -> None:
    """Raise a ValueError if such a hyperparameter changed since the first call."""
    for name, value in fixed.items():
        if not is_same(getattr(estimator, name), value):
            raise ValueError(
                f"{name} was {value!r} and would become {getattr(estimator, name)!r}, "
                "but training cannot continue from the old weights then. Use "
                "a new estimator, or fit with warm_start=False."
            )


def check_network(old: Any, new: Any) -> None:
    """Raise a ValueError if sizes or activations changed since the first call."""
    if new != old:
        raise ValueError(
            f"The network was {old.sizes} and would become {new.sizes} or change its "
            "activations, but training cannot continue from the old weights then. Use "
            "a new estimator, or fit with warm_start=False."
        )


def check_init(estimator: Any, n_weights: int, dtype: Any) -> None:
    """Raise if ``init`` is an array that cannot become ``theta_``."""
    init = estimator.init
    if not isinstance(init, np.ndarray):
        return
    if init.shape != (n_weights,):
        rule = f"a name, a number, or an array of shape ({n_weights},)"
        raise_invalid(estimator, "init", rule, "Its layout is that of theta_.")
    is_real = init.dtype.kind in "biuf"
    with np.errstate(over="ignore"):
        is_usable = is_real and np.isfinite(init.astype(dtype)).all()
    if not is_usable:
        rule = f"an array of real, finite numbers within the range of {dtype}"
        raise_invalid(estimator, "init", rule, "Use a name, or other numbers.")


def check_hyperparameters(estimator: Any) -> None:
    """Raise for errors that scikit-learn's constraints cannot express."""
    _check_sizes(estimator)
    _check_activations(estimator)
    _check_loss(estimator)
    _check_evidence(estimator)
    _check_members(estimator)
    _check_radial(estimator)
    _check_numbers(estimator, "flow_rates", 3, lambda v: v[0] > 0 and 0 < v[2] < 1)
    if not isinstance(getattr(estimator, "target_values", ""), str):
        _check_numbers(estimator, "target_values", 2, lambda v: v[0] < v[1])


def is_value(given: Any, value: Any) -> bool:
    """True if a hyperparameter equals a scalar value; an array never does."""
    return not isinstance(given, np.ndarray) and bool(given == value)


def _check_sizes(estimator: Any) -> None:
    sizes: Any = estimator.hidden_layer_sizes
    sizes = [sizes] if np.ndim(sizes) == 0 else sizes
    if not all(isinstance(size, Integral) and int(size) >= 1 for size in sizes):
        rule = "a positive int or a sequence of positive ints"
        raise_invalid(estimator, "hidden_layer_sizes", rule, "() is the linear model.")


def _check_activations(estimator: Any) -> None:
    n_layers = len(hidden_sizes(estimator.hidden_layer_sizes))
    activation = estimator.activation
    per_layer = is_per_layer(activation)
    if per_layer and len(activation) != n_layers:
        raise_invalid(
            estimator,
            "activation",
            f"a single activation or a list of {n_layers}, one per hidden layer",
            f"hidden_layer_sizes is {estimator.hidden_layer_sizes!r}.",
        )
    for one in activation if per_layer else [activation]:
        _check_activation(estimator, "activation", one)
    output = estimator.output_activation
    if output != "auto":
        _check_activation(estimator, "output_activation", output, rising=True)


def _check_activation(
    estimator: Any, name: str, one: Any, *, rising: bool = False
) -> None:
    if isinstance(one, str) and one in ACTIVATIONS:
        return
    if isinstance(one, Activation):
        known, numbers = one.kind in COMPILED_SHAPES, np.isfinite(one).all()
        if not (known and numbers and one.slope > 0):
            rule = "an Activation with a known kind, finite numbers and slope > 0"
            way_out = "A negative amplitude mirrors it."
            raise_invalid(estimator, name, rule, way_out)
    elif isinstance(one, tuple) and len(one) == 3 and all(map(callable, one)):
        one = CustomActivation(one)
        if message := one.error_message():
            rule = "(f, f', f''), a function and its first and second derivatives"
            raise_invalid(estimator, name, rule, message)
    else:
        rule = (
            f"made of names out of {sorted(ACTIVATIONS)}, Activations, or tuples of "
            "three functions (f, f', f'')"
        )
        raise_invalid(estimator, name, rule, f"{one!r} is none of these.")
    if rising and not one.rises:
        rule = "an activation that does not fall"
        way_out = "With one that falls, larger outputs would stand for lower values."
        raise_invalid(estimator, name, rule, way_out)


def _check_loss(estimator: Any) -> None:
    loss = estimator.loss
    if isinstance(loss, type):
        way_out = f"Write loss={loss.__name__}() for an object of this class."
        raise_invalid(estimator, "loss", "a name or an object, not a class", way_out)
    owned = OWN_OUTPUTS.get(loss) if isinstance(loss, str) else None
    if owned and estimator.output_activation not in ("auto", "identity"):
        raise_invalid(
            estimator,
            "output_activation",
            f"'auto' or 'identity' with loss={loss!r}, which includes the {owned}",
            "Use 'auto', or loss='squared_error'.",
        )


def _check_evidence(estimator: Any) -> None:
    is_evidence = is_value(estimator.alpha, "evidence")
    is_possible = (estimator.solver, estimator.loss) == ("lm", "squared_error")
    if is_evidence and not is_possible:
        raise_invalid(
            estimator,
            "alpha",
            "'auto' or a number unless solver='lm' and loss='squared_error'",
            "Set these two for alpha='evidence'.",
        )


def _check_members(estimator: Any) -> None:
    if estimator.n_estimators == 1:
        return
    for name, value in (("warm_start", True), ("alpha", "evidence")):
        if is_value(getattr(estimator, name), value):
            rule = f"1 with {name}={value!r}, which needs a single network"
            raise_invalid(estimator, "n_estimators", rule, f"Or change {name}.")


def _check_radial(estimator: Any) -> None:
    if estimator.rbf_units is None:
        return
    is_lowest = not hidden_sizes(estimator.hidden_layer_sizes)
    if is_lowest and estimator.input_gains:
        raise_invalid(
            estimator,
            "rbf_units",
            "None with hidden_layer_sizes=() and input_gains=True, as gains scale the "
            "weights of inputs, and centres are none",
            "Use hidden layers, or input_gains=False.",
        )
    if estimator.n_estimators > 1 and not is_lowest:
        raise_invalid(
            estimator,
            "rbf_units",
            "None with n_estimators > 1, as several networks are joined into one, in "
            "which distances would be those of all members together",
            "Use n_estimators=1, or hidden_layer_sizes=().",
        )


def check_stream(estimator: Any) -> None:
    """Raise for a network that cannot follow running statistics of its inputs."""
    is_radial = estimator.rbf_units is not None
    is_lowest = not hidden_sizes(estimator.hidden_layer_sizes)
    if is_radial and is_lowest and estimator.normalize is not None:
        raise_invalid(
            estimator,
            "rbf_units",
            "None for partial_fit with hidden_layer_sizes=(), as radial basis "
            "functions of the inputs cannot follow a change of their scales",
            "Use hidden layers, or normalize=None.",
        )


def _check_numbers(
    estimator: Any, name: str, length: int, rule: Callable[[Any], bool]
) -> None:
    values = getattr(estimator, name)
    is_numeric = len(values) == length and all(isinstance(v, Real) for v in values)
    if not (is_numeric and np.isfinite(values).all() and rule(values)):
        wording = {
            "flow_rates": "three numbers (alpha > 0, beta, 0 < delta < 1)",
            "target_values": "a name or two numbers (low, high) with low < high",
        }
        raise_invalid(
            estimator, name, wording[name], "See the docstring for their meaning."
        )


def check_validation_data(
    estimator: Any, X_val: Any, y_val: Any, sample_weight_val: Any
) -> None:
    """Raise a ValueError if validation data are incomplete or would not be used."""
    if X_val is None and y_val is None:
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val needs X_val and y_val.")
        return
    if X_val is None or y_val is None:
        raise ValueError("X_val and y_val must be given together, or neither.")
    if not estimator.early_stopping:
        raise ValueError(
            "early_stopping=False makes no use of X_val and y_val. Use "
            "early_stopping='auto' or True, or leave them out."
        )
