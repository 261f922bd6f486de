"""Access to the networks of this package inside pipelines and other meta-estimators."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sk_effprop.estimators._base import BaseEffProp


def fitted_network(estimator: Any) -> Any:
    """Return the only fitted network in an estimator, which may be a meta-estimator.

    Raises
    ------
    NotFittedError
        Before ``fit``.
    TypeError
        If there is no network of this package, or more than one.
    """
    if isinstance(estimator, BaseEffProp):
        check_is_fitted(estimator)
        return estimator
    networks = list(fitted_networks(estimator))
    if not networks:
        prefix_of(estimator)
        check_is_fitted(estimator)
    return _only(networks, estimator)


def fitted_networks(estimator: Any) -> Iterator[Any]:
    """Return all fitted networks in a fitted estimator."""
    return (net for net in _fitted(estimator, BaseEffProp) if hasattr(net, "theta_"))


def _fitted(estimator: Any, kind: type) -> Iterator[Any]:
    """Yield all instances of a class among the fitted attributes, recursively."""
    if isinstance(estimator, kind):
        yield estimator
    elif isinstance(estimator, list | tuple):
        for part in estimator:
            yield from _fitted(part, kind)
    elif isinstance(estimator, BaseEstimator):
        for name, value in vars(estimator).items():
            # the parts of a pipeline are fitted in place
            if name == "steps" or (name.endswith("_") and not name.endswith("__")):
                yield from _fitted(value, kind)


def fitted_problem(estimator: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return the fitted network in an estimator, and X and y as its input.

    Raises
    ------
    NotFittedError
        Before ``fit``.
    TypeError
        If there is no network of this package, or more than one, or it is in something
        else than a pipeline, a search or a TransformedTargetRegressor.
    """
    network = fitted_network(estimator)
    while estimator is not network:
        estimator, X, y = _one_step_inside(estimator, X, y)
    return network, X, y


def _one_step_inside(container: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    if isinstance(container, Pipeline):
        before = container[:-1]
        return container[-1], before.transform(X) if len(before) else X, y
    if isinstance(container, TransformedTargetRegressor):
        columns = np.reshape(y, (len(y), -1))
        changed = container.transformer_.transform(columns)
        return container.regressor_, X, np.reshape(changed, np.shape(y))
    if hasattr(container, "best_estimator_"):
        return container.best_estimator_, X, y
    raise TypeError(
        "estimator must be an EffPropClassifier or EffPropRegressor, or a pipeline, a "
        "search or a TransformedTargetRegressor with one of them, got "
        f"{type(container).__name__}. Pass the network in it, and the X and y that "
        "reach this network."
    )


def inner_problem(estimator: Any, X: Any, y: Any) -> tuple[Any, Any, Any]:
    """Return the network in an estimator, and the X and y that reach it in ``fit``.

    Raises
    ------
    TypeError
        If there is no network of this package, or more than one, or if the estimator
        predicts within ``fit``.
    """
    network = network_of(estimator)
    if network is estimator:
        return network, X, y
    whole = with_replacement(estimator, Capture()).fit(X, y)
    captured = _only(list(_fitted(whole, Capture)), estimator)
    return network, captured.X_, captured.y_


class Capture(BaseEstimator):
    """Estimator whose ``fit`` stores X and y and does nothing else."""

    def fit(self, X: Any, y: Any) -> "Capture":
        """Store X and y as ``X_`` and ``y_``."""
        self.X_, self.y_ = X, y
        return self

    def predict(self, X: Any) -> Any:
        """Raise a TypeError; TransformedTargetRegressor requires that it exists."""
        raise TypeError(
            "The data that reach the network are only known where fit does not "
            "predict. Pass the network itself, with the data of its own fit."
        )


def prefix_of(estimator: Any) -> str:
    """Return the prefix of the parameters of the only network in an estimator.

    It is "" for a network itself, and "regressor__" in a TransformedTargetRegressor,
    for example.

    Raises
    ------
    TypeError
        If there is no network of this package, or more than one.
    """
    if isinstance(estimator, BaseEffProp):
        return ""
    parameters = estimator.get_params() if isinstance(estimator, BaseEstimator) else {}
    prefixes = [
        f"{name}__"
        for name, value in parameters.items()
        if isinstance(value, BaseEffProp)
    ]
    return str(_only(prefixes, estimator))


def network_of(estimator: Any) -> Any:
    """Return the only network in an unfitted estimator; see :func:`prefix_of`."""
    prefix = prefix_of(estimator)
    return estimator.get_params()[prefix[:-2]] if prefix else estimator


def with_replacement(estimator: Any, replacement: Any) -> Any:
    """Return a copy of an estimator in which another estimator replaces the network.

    A search over hyperparameters of the network gives way to the estimator that it
    searches for.
    """
    prefix = prefix_of(estimator)
    if not prefix:
        return replacement
    copy = clone(estimator)
    for path in _paths(prefix):
        if path in searches_in(estimator):
            inner = copy.get_params()[_join(path, "estimator")]
            if not path:
                return with_replacement(inner, replacement)
            copy.set_params(**{path: with_replacement(inner, replacement)})
            return copy
    return copy.set_params(**{prefix[:-2]: replacement})


def searches_in(estimator: Any) -> dict[str, set[str]]:
    """Return the searches around the network, and the hyperparameters that each varies.

    The keys are the names under which ``get_params`` has them, "" for the whole.
    """
    prefix, found = prefix_of(estimator), {}
    parameters = {"": estimator, **estimator.get_params()}
    for path in _paths(prefix):
        grid = _grid(parameters[path])
        if grid is not None:
            inside = prefix.removeprefix(_join(path, "estimator__"))
            found[path] = {
                name.removeprefix(inside) for name in grid if name.startswith(inside)
            }
    return found


def _paths(prefix: str) -> list[str]:
    """Return the parameter names of all enclosing estimators, the outermost first."""
    parts = prefix.split("__")[:-1]
    return ["__".join(parts[:i]) for i in range(len(parts))]


def _grid(estimator: Any) -> set[str] | None:
    """Return the parameter names that a search varies; None for other estimators."""
    for name in ("param_grid", "param_distributions"):
        grids = getattr(estimator, name, None)
        if grids is not None:
            grids = [grids] if isinstance(grids, dict) else grids
            return {name for grid in grids for name in grid}
    return None


def _join(path: str, name: str) -> str:
    return f"{path}__{name}" if path else name


def _only(found: list[Any], estimator: Any) -> Any:
    if len(found) != 1:
        number = "none" if not found else str(len(found))
        raise TypeError(
            "estimator must be an EffPropClassifier or EffPropRegressor, or contain "
            f"one of them, but {type(estimator).__name__} contains {number}."
        )
    return found[0]
