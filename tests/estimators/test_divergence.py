"""Rates and inputs with which training diverges or learns nothing."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._testing import ignore_warnings

from sk_effprop import EffPropClassifier
from tests.estimators.rejections import (
    SGD,
    both,
    problem,
)


@both
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("activation", ["relu", "softplus", "lecun_tanh"])
@pytest.mark.parametrize("rate", [1e3, 1e30, 1e300])
def test_an_absurd_learning_rate_ends_with_finite_weights_and_a_warning(
    cls, solver, activation, rate
):
    X, y = problem(cls)
    settings = {**SGD, "solver": solver, "learning_rate": "constant", "max_iter": 20}
    with ignore_warnings(category=ConvergenceWarning):
        calm = cls(**settings, activation=activation, learning_rate_init=1e-300)
        calm.fit(X, y)
    model = cls(**settings, activation=activation, learning_rate_init=rate)
    with pytest.warns(ConvergenceWarning, match=r"diverged.*best weights.*'auto'"):
        model.fit(X, y)
    assert np.isfinite(model.theta_).all()
    # never worse than where training started
    assert model.loss_ <= calm.loss_
    assert np.isfinite(model.loss_and_gradient(X, y)[1]).all()
    assert np.isfinite(model.hidden_activations(X)).all()
    assert model.predict(X).shape == y.shape


@both
def test_a_rate_that_is_too_large_is_halved_until_training_works(cls):
    """Where errors can grow without end; saturated outputs may just stay there."""
    X, y = problem(cls)
    settings = {**SGD, "activation": "relu", "learning_rate": "constant"}
    with ignore_warnings(category=ConvergenceWarning):
        calm = cls(**settings, learning_rate_init=1e-300).fit(X, y)
    model = cls(**{**settings, "max_iter": 60}, learning_rate_init=1e3)
    with pytest.warns(ConvergenceWarning, match=r"rate halved \d+ times") as caught:
        model.fit(X, y)
    n = model.convergence_.n_recoveries
    assert f"halved {n} times" in str(caught[0].message)
    assert model.learning_rate_curve_[-1] == pytest.approx(1e3 / 2**n)
    assert model.loss_ < 0.95 * calm.loss_


@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("normalize", ["standardize", "whiten", None])
@pytest.mark.parametrize("rows", [slice(None), slice(1)], ids=["all_rows", "one_row"])
def test_inputs_near_the_largest_float_do_no_silent_harm(cls, solver, normalize, rows):
    """Either refused, or trained to a finite loss, or said to have diverged."""
    X, y = problem(cls)
    X[rows] *= 1e300
    model = cls(**{**SGD, "solver": solver}, normalize=normalize)
    output = "decision_function" if cls is EffPropClassifier else "predict"
    refusal = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            outputs = getattr(model.fit(X, y), output)(X)
        except ValueError as error:
            refusal = error
    if refusal is not None:
        # which is a ValueError, too, but tells a user nothing
        assert not isinstance(refusal, np.linalg.LinAlgError)
        return
    assert np.isfinite(model.theta_).all()
    if not any("diverged" in str(w.message) for w in caught):
        assert np.isfinite(model.loss_)
        assert np.isfinite(outputs).all()


def test_a_stream_goes_on_learning_with_default_rates():
    """After more batches than max_iter, and with labels that have changed."""
    rng = np.random.default_rng(0)
    model = EffPropClassifier((5,), max_iter=20, random_state=0)
    for batch in range(120):
        X = rng.normal(size=(20, 2))
        y = (X[:, 0] > 0) ^ (batch >= 60)
        model.partial_fit(X, y, classes=[False, True])
    X = rng.normal(size=(200, 2))
    assert model.score(X, X[:, 0] <= 0) > 0.8


@pytest.mark.parametrize("rate", [50.0, 1e-12])
def test_training_that_learns_nothing_says_so(rate):
    """Saturated outputs bound the error, so it need not grow for a rate to be wrong."""
    X, y = load_digits(n_class=10, return_X_y=True)
    settings = {"learning_rate_init": rate, "learning_rate": "constant"}
    model = EffPropClassifier((10,), solver="sgd", random_state=0, **settings)
    with pytest.warns(ConvergenceWarning, match="too (small|large)|saturated"):
        model.fit(X[:600], y[:600])
    assert np.isfinite(model.theta_).all()
