"""Every kind of target: shapes of predictions, probabilities, decisions."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.estimators.problems import (
    LBFGS,
    SMALL,
    both_solvers,
    fitted,
    inputs,
    problem,
)


def test_the_most_probable_class_is_the_predicted_one():
    """Also where several outputs are beyond the targets."""
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(
        **SMALL, loss="squared_error", target_values=(-0.1, 0.1), max_iter=20
    ).fit(X, y)
    p = model.predict_proba(X)
    assert ((p < 1e-6).sum(axis=1) > 1).any()
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    np.testing.assert_array_equal(
        np.argsort(p, axis=1), np.argsort(model.decision_function(X), axis=1)
    )


@both_solvers
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_labels_may_be_strings(loss, settings):
    X, y = problem(EffPropClassifier)
    names = np.array(["mouse", "cat", "dog"])
    numbered = EffPropClassifier(loss=loss, **settings).fit(X, 2 - y)
    named = EffPropClassifier(loss=loss, **settings).fit(X, np.sort(names)[2 - y])
    assert list(named.classes_) == ["cat", "dog", "mouse"]
    np.testing.assert_array_equal(named.theta_, numbered.theta_)
    np.testing.assert_array_equal(named.predict(X), np.sort(names)[numbered.predict(X)])


def multilabel_targets(X):
    """Three independent questions about every row."""
    centred = X - np.median(X, axis=0)
    return (centred[:, :3] > 0).astype(int)


# kind -> (y, number of outputs, shapes of decision and probabilities)
KINDS = {
    "one_class": (lambda X: np.full(60, 7), 1, (60,), (60, 1)),
    "binary": (lambda X: (X[:, 0] > 0).astype(int), 1, (60,), (60, 2)),
    "bool": (lambda X: X[:, 0] > 0, 1, (60,), (60, 2)),
    "multiclass": (lambda X: problem(EffPropClassifier)[1], 3, (60, 3), (60, 3)),
    "multilabel": (multilabel_targets, 3, (60, 3), (60, 3)),
}


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("kind", KINDS)
def test_decisions_and_probabilities_of_every_kind_of_target(kind, loss):
    """Shapes, sums, order and agreement with the predicted class."""
    make_y, n_outputs, decision_shape, proba_shape = KINDS[kind]
    X = inputs()
    y = make_y(X)
    model = EffPropClassifier(**LBFGS, loss=loss).fit(X, y)
    decision, proba = model.decision_function(X), model.predict_proba(X)
    predicted = model.predict(X)
    assert model.n_outputs_ == n_outputs
    assert decision.shape == decision_shape
    assert proba.shape == proba_shape
    assert proba.dtype == np.float64
    assert (proba >= 0).all()
    assert (proba <= 1).all()
    assert predicted.shape == y.shape
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba))
    assert model.score(X, y) > (0.4 if kind == "multilabel" else 0.8)
    if kind == "multilabel":
        np.testing.assert_array_equal(predicted, decision > 0)
        np.testing.assert_array_equal(predicted, proba > 0.5)
        for column in range(3):
            order = np.argsort(decision[:, column])
            assert (np.diff(proba[order, column]) >= 0).all()
        return
    np.testing.assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(predicted, model.classes_[np.argmax(proba, axis=1)])
    if kind in ("binary", "bool"):
        np.testing.assert_array_equal(predicted, model.classes_[(decision > 0) * 1])
        assert (np.diff(proba[np.argsort(decision), 1]) >= 0).all()
        assert len(np.unique(proba[:, 1])) > 30
    if kind == "multiclass":
        np.testing.assert_array_equal(np.argmax(decision, axis=1), predicted)


@pytest.mark.parametrize(
    "settings",
    [
        {"output_activation": "logistic"},
        {"output_activation": "identity"},
        {"output_activation": "softplus"},
        {"target_values": (-0.3, 0.9)},
        {"target_values": "asymptote", "activation": "logistic"},
    ],
    ids=str,
)
def test_a_positive_decision_means_the_second_class_for_any_target_values(settings):
    """The offset puts zero half way between the targets."""
    X, y = problem(EffPropClassifier, n_classes=2)
    model = EffPropClassifier(
        **{**LBFGS, "loss": "squared_error", "max_iter": 30, **settings}
    ).fit(X, y)
    decision, second = model.decision_function(X), model.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(decision > 0, second > 0.5)
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("shape", [(60,), (60, 1), (60, 2)])
def test_predicted_values_have_the_shape_of_y(shape):
    X, y = problem(EffPropRegressor)
    Y = np.column_stack([y, X[:, 0]])[:, : shape[-1] if len(shape) == 2 else 1]
    model = EffPropRegressor(**LBFGS).fit(X, Y.reshape(shape))
    assert model.predict(X).shape == shape
    assert model.n_outputs_ == (2 if shape == (60, 2) else 1)
    assert model.score(X, Y.reshape(shape)) > 0.7


def test_standard_deviations_need_a_solver_that_knows_them():
    model, X, _ = fitted(EffPropRegressor)
    with pytest.raises(ValueError, match=r"return_std=True needs .*solver='lm'.*'sgd'"):
        model.predict(X, return_std=True)
