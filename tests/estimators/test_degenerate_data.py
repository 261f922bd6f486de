"""Data that determine nothing, or not enough: every solver ends, and says how."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.solvers import SOLVERS
from sk_effprop.training.convergence import ADVICE

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))

DATA = {
    "duplicated columns": np.hstack([X, X]),
    "rank deficient": X @ RNG.normal(size=(3, 8)),
    "constant column": np.hstack([X, np.ones((30, 1))]),
    "nothing but constants": np.full((30, 3), 7.0),
    "one example": X[:1],
    "the same example": np.tile(X[:1], (30, 1)),
    "fewer examples than weights": X[:4],
    "huge and tiny columns": X * [1e150, 1.0, 1e-150],
}
TARGETS = {
    "constant": lambda n: np.full(n, 3.0),
    "values": lambda n: np.linspace(-1.0, 1.0, n),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("alpha", ["auto", 0.0])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("solver", [*SOLVERS, "auto"])
@pytest.mark.parametrize("cls", [EffPropRegressor, EffPropClassifier])
def test_it_ends_with_finite_weights_and_a_reason(cls, solver, name, target, alpha):
    inputs = DATA[name]
    y = TARGETS[target](len(inputs))
    if cls is EffPropClassifier:
        y = (y > 0).astype(int)
    model = cls((6,), solver=solver, alpha=alpha, max_iter=25, random_state=0)
    model.fit(inputs, y)
    assert np.isfinite(model.theta_).all()
    assert np.isfinite(model.predict(inputs)).all()
    assert np.isfinite(model.loss_)
    reason = model.convergence_.reason
    assert reason in ADVICE
    # no worse than at the start, and true: a gradient that vanished, or epochs used up
    if reason == "max_iter":
        assert model.n_iter_ == 25
    if reason == "converged":
        _, gradient = model.loss_and_gradient(inputs, y)
        assert np.abs(gradient).max() <= 1e-4


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_constant_target_is_learnt_without_a_warning(solver):
    # warnings are errors in these tests
    model = EffPropRegressor((4,), solver=solver, max_iter=3000, random_state=0)
    model.fit(X, np.full(30, 5.0))
    assert np.mean(np.abs(model.predict(X) - 5.0)) < 0.25
