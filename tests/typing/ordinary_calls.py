"""Ordinary calls of the public API, to be accepted by pyright and ``mypy --strict``.

``tests/typing/test_ordinary_calls.py`` runs them as well.
"""

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.core.activations import TANH, Activation
from sk_effprop.export import to_sklearn
from sk_effprop.inspection import (
    LossCurveDisplay,
    RegressionDisplay,
    diagonal_curvature,
    hessian_spectrum,
)
from sk_effprop.model_selection import (
    AblationResult,
    RaceResult,
    ablate_tricks,
    compare_solvers,
)

Floats = NDArray[np.float64]


class PseudoHuber:
    """User-defined loss."""

    def value(self, outputs: Floats, targets: Floats) -> Floats:
        e = outputs - targets
        losses: Floats = np.sum(np.sqrt(1.0 + e**2) - 1.0, axis=1)
        return losses

    def gradient(self, outputs: Floats, targets: Floats) -> Floats:
        e = outputs - targets
        return e / np.sqrt(1.0 + e**2)

    def hessian(self, outputs: Floats, targets: Floats) -> Floats:
        return (1.0 + (outputs - targets) ** 2) ** -1.5


def arctan(z: Floats) -> Floats:
    return np.arctan(z)


def arctan_slope(z: Floats) -> Floats:
    return 1.0 / (1.0 + z**2)


def arctan_bend(z: Floats) -> Floats:
    return -2.0 * z / (1.0 + z**2) ** 2


def constructors() -> list[EffPropClassifier | EffPropRegressor]:
    """Values of every type that hyperparameters accept."""
    state = np.random.RandomState(0)
    return [
        EffPropClassifier(),
        EffPropClassifier((50,), "tanh", max_iter=10, random_state=0),
        EffPropClassifier(hidden_layer_sizes=[8, 4], normalize=None, batch_size=32),
        EffPropClassifier(8, alpha=1e-4, learning_rate_init=0.01, verbose=True),
        EffPropClassifier(np.array([8, 4]), early_stopping=True, scoring="accuracy"),
        EffPropClassifier((), solver="sdlm", curvature_period=np.inf, damping=0.1),
        EffPropClassifier((4,), loss="squared_error", target_values=(-0.5, 0.5)),
        EffPropClassifier((4,), class_weight={0: 1.0, 1: 2.0}, random_state=state),
        EffPropClassifier((4,), class_weight="balanced", batch_size="full"),
        EffPropClassifier((4, 3), ["relu", Activation(TANH, amplitude=2.0)]),
        EffPropClassifier((4,), (arctan, arctan_slope, arctan_bend)),
        EffPropRegressor((4,), init=0.1, bias_init=0.0, input_clip=None, tol=0),
        EffPropRegressor((4,), init=np.zeros(4), n_iter_no_change=np.inf, goal=0.1),
        EffPropRegressor((4,), loss=PseudoHuber(), max_time=1, shuffle=False),
        EffPropRegressor((4,), loss="quantile", quantile=0.9, flow_rates=(0.1, 1, 0.1)),
        EffPropRegressor((4,), solver="lm", alpha="evidence", engine="numpy"),
        EffPropRegressor((4,), scoring=lambda estimator, X, y: 0.0, momentum=0),
    ]


def table() -> tuple[Floats, Floats]:
    """Inputs and values; scikit-learn's generators have no types."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    return X, X[:, 0] + 0.1 * rng.normal(size=60)


def classification() -> EffPropClassifier:
    """Fit, predict, continue and export a classifier; return it."""
    X, values = table()
    y = (values > 0).astype(int)
    classifier = EffPropClassifier((5,), input_clip=None, max_iter=10, random_state=0)
    fitted = classifier.fit(X, y, sample_weight=np.ones(60))
    assert_type(fitted, EffPropClassifier)
    labels, p = classifier.predict(X), classifier.predict_proba(X)
    assert (labels == classifier.classes_[np.argmax(p, axis=1)]).all()
    classifier.predict_log_proba(X.tolist())
    classifier.decision_function(sparse.csr_array(X))
    assert 0.0 <= classifier.score(X, y) <= 1.0
    classifier.fit(X, y.tolist(), X_val=X[:9], y_val=y[:9], sample_weight_val=[1.0] * 9)
    stream = EffPropClassifier(5).partial_fit(X, y, classes=[0, 1])
    assert_type(stream.partial_fit(X[:8], y[:8]), EffPropClassifier)
    loss, gradient = classifier.loss_and_gradient(X, y)
    assert gradient.shape == classifier.theta_.shape
    assert_type(loss, float)
    assert classifier.hidden_activations(X, layer=0).shape == (60, 5)
    plain = classifier.to_sklearn()
    assert isinstance(plain, MLPClassifier | MLPRegressor)
    matrices, biases = classifier.coefs_, classifier.intercepts_
    assert matrices[0].shape[1] == biases[0].shape[0] == 5
    batch_size: int = classifier.batch_size_
    alpha: NDArray[Any] = classifier.alpha_
    rate: float | None = classifier.learning_rate_
    curve: list[float] = classifier.loss_curve_
    assert (len(alpha), batch_size, rate) == (2, 60, None)
    assert len(curve) == classifier.n_iter_
    return classifier


def regression() -> tuple[EffPropRegressor, EffPropRegressor]:
    """Fit and predict a regressor of two outputs, and a committee; return both."""
    X, y = table()
    regressor = EffPropRegressor((3,), solver="lm", max_iter=10, random_state=0)
    regressor.set_params(alpha=0.01).fit(X, np.column_stack([y, -y]))
    values = regressor.predict(X)
    several = EffPropRegressor((3,), n_estimators=3, max_iter=10, random_state=0)
    mean, bounds = several.fit(X, y).predict(X, interval=0.8)
    assert bounds.shape == (60, 2)
    mean, std = regressor.predict(X, return_std=True)
    assert values.shape == mean.shape == std.shape == (60, 2)
    scale: NDArray[Any] = regressor.target_scale_
    assert scale.shape == (2,)
    return regressor, several


def tools() -> tuple[Floats, Floats, AblationResult, RaceResult]:
    """Use the estimators with tools; return spectrum, diagonal, ablation and race."""
    X, values = table()
    y = (values > 0).astype(int)
    classifier = EffPropClassifier((3,), max_iter=2, random_state=0, tol=0)
    grid = GridSearchCV(classifier, {"alpha": [1e-4, 1e-2]}, cv=2).fit(X, y)
    assert grid.best_params_["alpha"] in (1e-4, 1e-2)
    Pipeline([("scale", StandardScaler()), ("network", classifier)]).fit(X, y)
    make_pipeline(InputNormalizer("whiten"), clone(classifier)).fit(X, y).predict(X)
    copy = clone(classifier)
    # clone also copies collections, as far as type checkers can tell
    assert isinstance(copy, EffPropClassifier)
    copy.set_params(input_clip=None).fit(X, y)
    eigenvalues = hessian_spectrum(copy, X, y, k=2).eigenvalues
    diagonal = diagonal_curvature(copy, X, y)
    to_sklearn(copy)
    ablation = ablate_tricks(
        classifier, X, y, cv=2, tricks={"init": 1.0}, baselines=False
    )
    race = compare_solvers(classifier, X, y, solvers=["lbfgs"], goal=0.1, n_runs=1)
    loss = LossCurveDisplay(copy.loss_curve_, name="copy").loss
    assert_type(loss, NDArray[Any])
    RegressionDisplay(values, values)
    return eigenvalues, diagonal, ablation, race
