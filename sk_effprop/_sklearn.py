"""Imports of private names of scikit-learn, all in this one place."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils.metaestimators import available_if as _available_if
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:
        """Stand-in for scikit-learn before 1.9, which has no callbacks."""


# Where the diagrams of estimators link to.
DOCUMENTATION = "https://github.com/sk-effprop/sk_effprop/blob/main/docs/tricks.md"


class LinksToDocumentation:
    """Mixin for estimators, whose HTML diagrams then link to the documentation."""

    _doc_link_module = "sk_effprop"
    _doc_link_template = DOCUMENTATION


Function = TypeVar("Function", bound=Callable[..., Any])


# scikit-learn has no types: these two keep the signature of what they decorate.
def fit_context(
    *, prefer_skip_nested_validation: bool
) -> Callable[[Function], Function]:
    """Validate the hyperparameters before the decorated method runs."""
    decorate: Callable[[Function], Function] = _fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return decorate


def available_if(check: Callable[[Any], bool]) -> Callable[[Function], Function]:
    """Hide the decorated method from instances that fail the check."""
    decorate: Callable[[Function], Function] = _available_if(check)
    return decorate


def callback_context(estimator: Any, task_name: str, max_iter: int | None) -> Any:
    """Context of a call if the estimator has callbacks, else None.  Call it once."""
    if not getattr(estimator, "_skl_callbacks", None):
        return None
    return estimator._init_callback_context(task_name, max_subtasks=max_iter)


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "LinksToDocumentation",
    "Options",
    "StrOptions",
    "available_if",
    "callback_context",
    "check_feature_names_in",
    "check_sample_weight",
    "fit_context",
    "safe_indexing",
    "validate_parameter_constraints",
]
