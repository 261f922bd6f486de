"""Attributes of a fitted network: read, assigned, used."""

import pickle
from itertools import pairwise

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.core.network import Network
from tests.estimators.problems import (
    SGD,
    both,
    both_solvers,
    fitted,
    problem,
)


@pytest.mark.parametrize("layer", [0, 1, -1, -2])
def test_hidden_activations_are_what_a_hidden_layer_computes(layer):
    model, X, _ = fitted(EffPropRegressor, hidden_layer_sizes=(5, 3))
    hidden = model.normalizer_.transform(X)
    wanted = []
    for W, b in list(zip(model.coefs_, model.intercepts_, strict=True))[:-1]:
        hidden = 1.7159 * np.tanh(2.0 / 3.0 * (hidden @ W + b))
        wanted.append(hidden)
    got = model.hidden_activations(X, layer)
    np.testing.assert_allclose(got, wanted[layer], rtol=1e-4)


def test_hidden_activations_of_a_layer_that_is_not_there():
    model, X, _ = fitted(EffPropRegressor)
    with pytest.raises(ValueError, match=r"layer must be in \[-1, 1\).*got 1"):
        model.hidden_activations(X, 1)
    linear, X, _ = fitted(
        EffPropRegressor, hidden_layer_sizes=(), learning_rate_init=0.001
    )
    with pytest.raises(ValueError, match="no hidden layers"):
        linear.hidden_activations(X)
    with pytest.raises(TypeError, match="float"):
        model.hidden_activations(X, 0.0)


@both
@both_solvers
@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
def test_loss_and_gradient_is_the_objective_at_the_fitted_weights(
    cls, settings, weighted
):
    X, y = problem(cls)
    weight = np.random.default_rng(2).uniform(0.5, 2, size=60) if weighted else None
    more = {"class_weight": {0: 2.0}} if cls is EffPropClassifier else {}
    model = cls(**settings, alpha=0.05, **more).fit(X, y, sample_weight=weight)
    loss, gradient = model.loss_and_gradient(X, y, weight)
    assert loss == pytest.approx(model.loss_, rel=1e-9)
    assert model.convergence_.gradient_norm == pytest.approx(
        np.linalg.norm(gradient), rel=1e-6
    )
    theta, numeric = model.theta_.copy(), np.empty_like(gradient)
    for j in range(len(theta)):
        ends = []
        for step in (1e-5, -1e-5):
            model.theta_ = theta.copy()
            model.theta_[j] += step
            ends.append(model.loss_and_gradient(X, y, weight)[0])
        numeric[j] = (ends[0] - ends[1]) / 2e-5
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-7)


@both
@both_solvers
def test_fitted_attributes_have_the_types_and_shapes_of_the_contract(cls, settings):
    model, _, y = fitted(cls, **{**settings, "hidden_layer_sizes": (5, 3)})
    k = 3 if cls is EffPropClassifier else 1
    sizes = (4, 5, 3, k)
    stochastic = settings is SGD
    shapes = list(pairwise(sizes))
    assert [W.shape for W in model.coefs_] == shapes
    assert [b.shape for b in model.intercepts_] == [(5,), (3,), (k,)]
    assert isinstance(model.network_, Network)
    assert model.network_.sizes == sizes
    assert model.theta_.shape == (model.network_.n_weights,)
    assert (model.n_layers_, model.n_outputs_) == (4, k)
    assert model.out_activation_ == ("softmax" if k == 3 else "identity")
    assert (model.n_features_in_, model.solver_) == (4, settings["solver"])
    assert model.engine_ == "numpy"
    assert isinstance(model.normalizer_, InputNormalizer)
    assert model.n_iter_ == len(model.loss_curve_) == settings["max_iter"]
    assert model.t_ == model.n_iter_ * 60
    assert type(model.loss_) is float
    assert model.best_loss_ == model.loss_
    assert all(type(loss) is float for loss in model.loss_curve_)
    assert not hasattr(model, "feature_names_in_")
    convergence = model.convergence_
    assert (convergence.reason, convergence.n_recoveries) == ("max_iter", 0)
    assert convergence.n_iter == model.n_iter_
    assert isinstance(convergence.advice, str)
    if stochastic:
        assert model.learning_rate_ > 0
        assert model.lambda_max_ > 0
        assert model.learning_rate_curve_[0] == model.learning_rate_
        assert len(model.learning_rate_curve_) == model.n_iter_
    else:
        assert model.learning_rate_ is None
        assert model.lambda_max_ is None
        assert model.loss_curve_[-1] == pytest.approx(model.loss_, rel=1e-12)
        assert (np.diff(model.loss_curve_) <= 0).all()
    if k == 3:
        np.testing.assert_array_equal(model.classes_, np.unique(y))
    else:
        assert model.target_mean_ == pytest.approx(y.mean())
        assert model.target_scale_ == pytest.approx(y.std())


@both
def test_coefs_are_read_only_views_of_theta(cls):
    model, _, _ = fitted(cls)
    flat = np.concatenate(
        [
            np.vstack([W, b]).ravel()
            for W, b in zip(model.coefs_, model.intercepts_, strict=True)
        ]
    )
    np.testing.assert_array_equal(flat, model.theta_)
    for view in (model.coefs_[0], model.intercepts_[0]):
        assert np.shares_memory(view, model.theta_)
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0.0
    assert model.theta_.flags.writeable
    unfitted = cls()
    for name in ("coefs_", "intercepts_"):
        assert not hasattr(unfitted, name)


@both
def test_assigned_weights_are_used_and_trained_on(cls):
    """As with MLP, where they are plain lists: to prune, to average, to go on."""
    model, X, y = fitted(cls, momentum=0.0, warm_start=True)
    other, *_ = fitted(cls, random_state=1)
    kept = model.theta_
    before = kept.copy()
    model.coefs_, model.intercepts_ = other.coefs_, other.intercepts_
    np.testing.assert_array_equal(model.theta_, other.theta_)
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    np.testing.assert_array_equal(kept, before)
    model.set_params(learning_rate_init=1e-300).fit(X, y)
    np.testing.assert_array_equal(model.theta_, other.theta_)


@both
def test_a_matrix_in_the_list_can_be_replaced(cls):
    """As with MLP, where this prunes; the views that were handed out stay."""
    model, X, _ = fitted(cls)
    coefs, intercepts = model.coefs_, model.intercepts_
    coefs[0] = np.zeros_like(coefs[0])
    intercepts[-1] = np.ones_like(intercepts[-1])
    assert isinstance(coefs, list)
    assert not model.coefs_[0].any()
    assert (model.intercepts_[-1] == 1.0).all()
    assert not np.ptp(model.predict(X), axis=0).any()
    with pytest.raises(ValueError, match="coefs_ must have the shapes"):
        coefs[0] = np.zeros((1, 1))
    assert type(pickle.loads(pickle.dumps(coefs))) is list
    # an older list does not bring back what has been replaced since
    older = model.coefs_
    model.coefs_[0] = np.ones_like(older[0])
    older[1] = np.zeros_like(older[1])
    assert (model.coefs_[0] == 1.0).all()
    assert older[1] is not model.theta_
    with pytest.raises(ValueError, match="read-only"):
        older[1][...] = 1.0
