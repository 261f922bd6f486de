"""What batch solvers leave to the next call."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_friedman1

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network
from sk_effprop.core.objective import Objective
from sk_effprop.solvers import LBFGS, ConjugateGradient
from tests.cases import initial_theta, ridge_problem
from tests.estimators.problems import may_not_converge
from tests.solvers.running import run


def quadratic(n_inputs=20, seed=0):
    """A linear model of many inputs of very different scales."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, n_inputs)) * np.logspace(0, -2, n_inputs)
    inputs = np.hstack([X, np.ones((200, 1))])
    targets = inputs @ rng.normal(size=(n_inputs + 1, 1))
    network = Network((n_inputs, 1), (IDENTITY,))
    no_penalty = np.zeros(n_inputs + 1)
    return Objective(network, SquaredError(), inputs, targets, None, no_penalty)


def test_conjugate_directions_go_on_beyond_the_number_of_weights():
    """A restart just before the end would throw away what they have learnt."""
    objective = quadratic()
    theta = np.zeros(objective.network.n_weights)
    _, monitor = run(ConjugateGradient(1e-13), objective, theta, 60)
    assert monitor.best_value < 1e-16


@may_not_converge
@pytest.mark.parametrize("solver", ["cg", "scg", "lbfgs", "lm"])
def test_one_iteration_at_a_time_goes_as_far_as_all_at_once(solver):
    X, y = make_friedman1(100, random_state=0)
    settings = {"solver": solver, "alpha": 1e-6, "tol": 0, "random_state": 0}
    whole = EffPropRegressor((6,), **settings, max_iter=80).fit(X, y)
    parts = EffPropRegressor((6,), **settings, max_iter=1, warm_start=True)
    for _ in range(80):
        parts.fit(X, y)
    assert 1.0 - parts.score(X, y) < 1.5 * (1.0 - whole.score(X, y))
    if solver != "lbfgs":
        assert parts.loss_ == pytest.approx(whole.loss_, rel=1e-6)


@pytest.mark.parametrize("remembers", [False, True])
def test_lbfgs_keeps_no_memory_unless_it_is_asked(remembers):
    objective = ridge_problem()
    solver = LBFGS(100, 1e-10, remembers=remembers)
    solution, _ = run(solver, objective, initial_theta(objective), 3)
    assert (solution.state is not None) == remembers


def test_lbfgs_has_not_converged_where_the_gradient_is_far_from_zero():
    """SciPy's status is the same for an objective that falls no more."""
    objective = ridge_problem()
    solver = LBFGS(10**4, 1e-300)
    solution, _ = run(solver, objective, initial_theta(objective), 10**4)
    assert solution.message == "precision"


@may_not_converge
def test_tied_scores_are_told_apart_by_the_loss():
    X, y = load_iris(return_X_y=True)
    X, y = X[:100], y[:100]
    model = EffPropClassifier(
        (4,), solver="sgd", early_stopping=True, scoring="roc_auc", random_state=0
    )
    assert model.fit(X, y).score(X, y) > 0.97
