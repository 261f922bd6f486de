"""Activation objects for the parameters ``activation`` and ``output_activation``."""

from typing import Any

from sk_effprop.core.activations import ACTIVATIONS, Activation, AnyActivation
from sk_effprop.core.custom import CustomActivation


def is_per_layer(activation: Any) -> bool:
    """True if it lists one activation per layer.

    An Activation is a tuple of numbers and a user-defined activation a tuple of three
    functions: both are one activation.
    """
    if isinstance(activation, Activation):
        return False
    is_one = isinstance(activation, tuple) and any(map(callable, activation))
    return isinstance(activation, list | tuple) and not is_one


def resolve_activation(activation: Any) -> AnyActivation:
    """Look up a name, or wrap three user-defined functions."""
    if isinstance(activation, str):
        return ACTIVATIONS[activation]
    is_known = isinstance(activation, Activation)
    return activation if is_known else CustomActivation(activation)


def hidden_activations(
    activation: Any, n_layers: int, twist: float
) -> tuple[AnyActivation, ...]:
    """One activation per hidden layer, with the twisting term of section 4.4."""
    per_layer = activation if is_per_layer(activation) else [activation] * n_layers
    return tuple(resolve_activation(one).twisted(twist) for one in per_layer)


def class_output(output_activation: Any, activation: Any) -> Any:
    """Name or definition of a classifier's output activation with squared error.

    "auto" is the activation of the last hidden layer if that is a sigmoid, as only a
    sigmoid has the two flat ends that targets are placed at (section 4.5).
    """
    if not (isinstance(output_activation, str) and output_activation == "auto"):
        return output_activation
    per_layer = activation if is_per_layer(activation) else [activation]
    last = per_layer[-1] if per_layer else "lecun_tanh"
    return last if resolve_activation(last).is_sigmoid else "lecun_tanh"
