"""Values of parameters and their effect on training."""

import numpy as np
import pytest
from sklearn.base import clone

from sk_effprop import EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS, TANH, Activation
from tests.estimators.problems import (
    SGD,
    both,
    both_solvers,
    fitted,
    may_not_converge,
    problem,
)


@both
def test_activations_per_layer_may_be_a_tuple(cls):
    model, X, y = fitted(cls, activation=["tanh"])
    as_tuple = clone(model).set_params(activation=("tanh",)).fit(X, y)
    np.testing.assert_array_equal(as_tuple.theta_, model.theta_)


@may_not_converge
@both
@pytest.mark.parametrize(
    ("hidden", "schedule", "share"),
    [((5,), "constant", 0.4), ((5,), "cosine", 0.64), ((), "cosine", 0.4)],
)
def test_momentum_has_its_share_of_the_automatic_rate(cls, hidden, schedule, share):
    """Its steps add up; it is stable up to 1 + m times the rate of plain descent."""
    settings = {"hidden_layer_sizes": hidden, "learning_rate": schedule}
    for max_iter, expected in (2, share), (1, 0.4):
        found = [
            fitted(cls, momentum=m, max_iter=max_iter, **settings)[0]
            for m in (0.0, 0.6)
        ]
        ratio = found[1].learning_rate_ / found[0].learning_rate_
        # a single epoch is no time to fall
        assert ratio == pytest.approx(expected, rel=1e-9)


@both
@both_solvers
def test_training_starts_from_an_array_of_weights(cls, settings):
    model, X, y = fitted(cls)
    further = cls(**{**settings, "max_iter": 5}, init=model.theta_).fit(X, y)
    again = cls(**{**SGD, "learning_rate_init": 1e-300}, init=model.theta_).fit(X, y)
    np.testing.assert_array_equal(again.theta_, model.theta_)
    assert further.loss_ < model.loss_
    assert not np.shares_memory(further.theta_, model.theta_)


def test_activations_may_be_chosen_layer_by_layer():
    twisted = Activation(TANH, amplitude=1.2, slope=0.8, twist=0.1)
    model, X, _ = fitted(
        EffPropRegressor, hidden_layer_sizes=(5, 3), activation=["relu", twisted]
    )
    first, second, _ = model.network_.activations
    assert (first, second) == (ACTIVATIONS["relu"], twisted)
    assert (model.hidden_activations(X, 0) >= 0).all()
    assert model.hidden_activations(X, 1).min() < 0


@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_heavy_examples_do_not_make_training_diverge(solver):
    """The automatic rate knows that their steps are longer."""
    X, y = problem(EffPropRegressor, n=300)
    weight = np.where(np.arange(300) % 50 == 0, 100.0, 1.0)
    model = EffPropRegressor(6, solver=solver, max_iter=20, tol=0, random_state=0)
    model.fit(X, y, weight)
    assert model.convergence_.n_recoveries == 0
