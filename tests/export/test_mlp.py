"""Networks as scikit-learn's own MLP: predictions and probabilities."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import RELU, TANH, Activation
from sk_effprop.estimators._parameters import REGRESSOR
from sk_effprop.export import to_sklearn
from sk_effprop.export._mlp import MLPClassifierWithoutProbabilities
from sk_effprop.preprocessing import METHODS
from tests.export.problems import (
    ARCTAN,
    MEANS,
    LogCosh,
    X,
    Y_labels,
    Y_values,
    classifier,
    each_classification,
    float32_table,
    regressor,
    y_binary,
    y_classes,
    y_value,
)


def assert_same_values(model, est, table=X):
    """Predictions are equal but for rounding, which a mean of 2^17 makes visible."""
    expected = est.predict(table)
    atol = 1e-9 * np.abs(expected).max()
    np.testing.assert_allclose(model.predict(table), expected, rtol=0, atol=atol)


# ------------------------------------------------------------------- same predictions

FOLDABLE = {
    "lecun_tanh": "tanh",
    "tanh": "tanh",
    "logistic": "logistic",
    "relu": "relu",
    "identity": "identity",
}


@pytest.mark.parametrize(("activation", "plain_name"), FOLDABLE.items())
@pytest.mark.parametrize("sizes", [(), (5,), (5, 4, 3)], ids=len)
def test_activations_fold(activation, plain_name, sizes):
    est = regressor(Y_values, activation=activation, hidden_layer_sizes=sizes)
    plain = to_sklearn(est)
    assert type(plain) is MLPRegressor
    assert plain.activation == (plain_name if sizes else "identity")
    assert plain.hidden_layer_sizes == sizes
    assert_same_values(plain, est)


@pytest.mark.parametrize("normalize", [*METHODS, None])
@pytest.mark.filterwarnings("ignore:Predictions")
def test_normalisation_folds_whatever_the_method(normalize):
    table = X if normalize else X / np.abs(X).max(axis=0)
    est = EffPropRegressor(
        (6,), input_clip=None, normalize=normalize, max_iter=8, tol=0, random_state=0
    )
    est.fit(table, y_value)
    assert_same_values(to_sklearn(est), est, table)


def test_numbers_of_any_activation_fold():
    """Layers of different amplitude, slope and offset are of one kind."""
    custom = Activation(TANH, amplitude=1.3, slope=0.7, offset=-0.2)
    est = regressor(
        activation=["logistic", custom, "lecun_tanh"], hidden_layer_sizes=(4, 5, 3)
    )
    plain = to_sklearn(est)
    assert plain.activation == "tanh"
    assert_same_values(plain, est)


def test_a_turned_relu_folds():
    turned = Activation(RELU, amplitude=-2.0, slope=0.5, offset=1.0)
    est = regressor(activation=turned)
    assert_same_values(to_sklearn(est), est)


def test_a_twisted_identity_is_still_linear():
    est = regressor(activation="identity", twist=0.5)
    assert_same_values(to_sklearn(est), est)


@pytest.mark.parametrize(
    "loss", ["squared_error", *REGRESSOR["loss"].alternatives, LogCosh()]
)
@pytest.mark.parametrize("normalize_target", [True, False])
def test_losses_fold(loss, normalize_target):
    """Logarithms of the mean make an MLPRegressor with exponential outputs."""
    y = np.column_stack([y_value, 0.1 * y_value])
    est = regressor(y, loss=loss, normalize_target=normalize_target, solver="adam")
    if est.out_activation_ == "exp" and "loss" not in MLPRegressor().get_params():
        with pytest.raises(ValueError, match=f"loss='{loss}'.*scikit-learn.*since 1.7"):
            to_sklearn(est)
        return
    plain = to_sklearn(est)
    assert plain.out_activation_ == est.out_activation_
    assert_same_values(plain, est)
    plain.partial_fit(X, y)
    assert plain.out_activation_ == est.out_activation_


@pytest.mark.parametrize("normalize_target", [True, False])
@pytest.mark.parametrize("sizes", [(), (4,)], ids=len)
def test_output_activations_of_regressors_become_a_hidden_layer(
    normalize_target, sizes
):
    Y = Y_values - Y_values.min()
    est = regressor(
        Y / Y.max(), output_activation="logistic", hidden_layer_sizes=sizes,
        normalize_target=normalize_target,
    )  # fmt: skip
    plain = to_sklearn(est)
    assert plain.hidden_layer_sizes == (*sizes, 3)
    assert_same_values(plain, est)


@each_classification
@pytest.mark.parametrize("sizes", [(), (6,)], ids=len)
def test_classifiers_with_log_loss_keep_everything(y, sizes):
    est = classifier(y, loss="log_loss", hidden_layer_sizes=sizes)
    plain = est.to_sklearn()
    assert type(plain) is MLPClassifier
    np.testing.assert_array_equal(plain.predict(X), est.predict(X))
    assert plain.score(X, y) == est.score(X, y)
    expected = est.predict_proba(X)
    # scikit-learn has two columns for a single class
    np.testing.assert_allclose(
        plain.predict_proba(X)[:, : expected.shape[1]],
        expected,
        atol=1e-6 if len(est.classes_) > 1 else 1e-1,
    )


SQUARED_ERRORS = {
    "default": {},
    "logistic": {"activation": "logistic"},
    "relu": {"activation": "relu"},
    "asymptote": {"target_values": "asymptote"},
    "lopsided": {"target_values": (-1.2, 0.3)},
    "identity": {"output_activation": "identity"},
    "own_loss": {"loss": LogCosh()},
    "own_activation": {"output_activation": ARCTAN},
    "softplus": {"output_activation": "softplus", "target_values": (0.1, 2.0)},
}


@each_classification
@pytest.mark.parametrize("params", SQUARED_ERRORS.values(), ids=list(SQUARED_ERRORS))
def test_classifiers_with_squared_error_keep_predict(y, params):
    est = classifier(y, **params)
    expected = est.predict(X)
    for plain in to_sklearn(est), to_sklearn(est, allow_inexact_proba=True):
        np.testing.assert_array_equal(plain.predict(X), expected)
        assert plain.score(X, y) == est.score(X, y)


def test_the_threshold_folds_where_labels_are_uncertain():
    """On a line through both classes the label changes in the same place."""
    est = classifier(y_binary, target_values=(-1.2, 0.3))
    a, b = X[y_binary == "no"][0], X[y_binary == "yes"][0]
    line = a + np.linspace(0, 1, 100_001)[:, None] * (b - a)
    expected = est.predict(line)
    assert set(expected) == {"no", "yes"}
    np.testing.assert_array_equal(to_sklearn(est).predict(line), expected)


def test_digits_and_diabetes():
    images, digits = load_digits(return_X_y=True)
    est = EffPropClassifier(
        (20,), input_clip=None, loss="log_loss", max_iter=5, tol=0, random_state=0
    )
    plain = est.fit(images, digits).to_sklearn()
    np.testing.assert_allclose(
        plain.predict_proba(images), est.predict_proba(images), atol=1e-12
    )
    table, y = load_diabetes(return_X_y=True, scaled=False)
    est = EffPropRegressor(
        (20,), input_clip=None, max_iter=20, tol=0, random_state=0
    ).fit(table, y)
    assert_same_values(est.to_sklearn(), est, table)


def test_float32_folds_in_double_precision():
    """Biases that hold a large mean do not spoil what is left of its column."""
    table = X.astype(np.float32)
    est = EffPropRegressor(
        (6,), input_clip=None, max_iter=8, tol=0, random_state=0
    ).fit(table, y_value)
    assert est.theta_.dtype == np.float32
    plain = to_sklearn(est)
    assert {W.dtype for W in plain.coefs_} == {np.dtype(np.float64)}
    np.testing.assert_allclose(plain.predict(table), est.predict(table), rtol=5e-7)


@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("normalize", METHODS)
@pytest.mark.filterwarnings("ignore:Predictions")
def test_float32_folds_the_mean_that_training_saw(normalize, mean):
    """Predictions are those of the estimator to some units in the last place."""
    table, y = float32_table(mean)
    given = {"input_clip": None, "normalize": normalize, "random_state": 0}
    est = EffPropRegressor((5,), max_iter=8, tol=0, **given).fit(table, y)
    np.testing.assert_allclose(
        to_sklearn(est).predict(table), est.predict(table), rtol=0, atol=2e-6
    )
    est = EffPropClassifier((5,), max_iter=8, tol=0, **given).fit(table, y > 0)
    np.testing.assert_allclose(
        to_sklearn(est).predict_proba(table),
        est.predict_proba(table),
        rtol=0,
        atol=2e-6,
    )


# ------------------------------------------------------------------------ probabilities


def test_squared_error_does_not_pretend_about_probabilities():
    plain = to_sklearn(classifier(y_classes))
    assert isinstance(plain, MLPClassifier)
    assert not hasattr(plain, "predict_proba")
    for method in "predict_proba", "predict_log_proba":
        with pytest.raises(AttributeError, match="allow_inexact_proba=True"):
            getattr(plain, method)


@each_classification
def test_allowed_probabilities_are_half_where_the_estimators_are(y):
    """And as steep there, but for the normalisation of several classes."""
    est = classifier(y, target_values=(-1.2, 0.3))
    plain = to_sklearn(est, allow_inexact_proba=True)
    assert type(plain) is MLPClassifier
    p = plain._forward_pass_fast(X)
    assert p.shape == (len(X), est.n_outputs_)
    if est.coding_.is_exclusive:
        logits = np.log(p)
        logits -= logits.mean(axis=1, keepdims=True)
        decision = est.decision_function(X)
        decision = decision - decision.mean(axis=1, keepdims=True)
    else:
        logits = np.log(p / (1.0 - p))
        decision = est.decision_function(X).reshape(p.shape)
    step = 1e-5
    f, z = est.network_.activations[-1].f, est.coding_.decision_offset
    slope = (f(z + step) - f(z - step)) / (2.0 * step) / 1.5
    # expit(4 slope z) = 1/2 + slope z + O(z^3)
    np.testing.assert_allclose(logits, 4.0 * slope * decision, rtol=1e-5, atol=1e-6)


def test_targets_at_the_asymptotes_of_a_sigmoid_are_logistic_anyhow():
    """(1 + tanh(u)) / 2 is the logistic function of 2u."""
    est = classifier(Y_labels, target_values="asymptote")
    plain = to_sklearn(est, allow_inexact_proba=True)
    np.testing.assert_allclose(plain.predict_proba(X), est.predict_proba(X), atol=1e-6)


def test_a_clone_has_honest_probabilities():
    plain = to_sklearn(classifier(y_binary))
    assert type(plain) is MLPClassifierWithoutProbabilities
    fresh = clone(plain)
    assert type(fresh) is MLPClassifier
    assert fresh.get_params() == plain.get_params()
    assert not hasattr(fresh, "coefs_")


# ----------------------------------------------------------------------------- refusals


REFUSED = {
    "input_clip=3.0": {"input_clip": 3.0},
    "twist=0.1": {"twist": 0.1},
    "activation='rational_tanh'": {"activation": "rational_tanh"},
    "activation='softplus'": {"activation": "softplus"},
    f"activation={ARCTAN}": {"activation": ARCTAN},
    "activation=['tanh', 'relu']": {
        "activation": ["tanh", "relu"], "hidden_layer_sizes": (3, 3),
    },
    "activation='tanh' and output_activation='relu'": {
        "activation": "tanh", "output_activation": "relu",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("named", "params"),
    REFUSED.items(),
    # names of functions have addresses in them, which differ between processes
    ids=[str(number) for number in range(len(REFUSED))],
)
def test_what_does_not_fold_is_refused_by_name(named, params):
    est = regressor(**params)
    with pytest.raises(ValueError, match=r"to_onnx\(\), or train with") as error:
        est.to_sklearn()
    assert str(error.value).startswith(named)


def test_what_is_not_a_fitted_network_is_refused():
    with pytest.raises(NotFittedError):
        to_sklearn(EffPropRegressor())
    with pytest.raises(TypeError, match="got LinearRegression"):
        to_sklearn(LinearRegression().fit(X, y_value))
