"""Networks as scikit-learn's own MLP."""

import pickle
from copy import copy

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_friedman1
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.core.activations import RELU, TANH, Activation
from sk_effprop.estimators._parameters import REGRESSOR
from sk_effprop.export import to_sklearn
from sk_effprop.export._mlp import MLPClassifierWithoutProbabilities
from sk_effprop.preprocessing import METHODS
from tests.export.problems import (
    ARCTAN,
    CLASSIFICATIONS,
    MEANS,
    LogCosh,
    X,
    Y_labels,
    Y_values,
    classifier,
    float32_table,
    regressor,
    y_binary,
    y_classes,
    y_value,
)

each_classification = pytest.mark.parametrize(
    "y", CLASSIFICATIONS.values(), ids=list(CLASSIFICATIONS)
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


# --------------------------------------------------------------- as if it had fitted it

# what scikit-learn's solvers leave behind, and begin with anew
OF_SOLVERS = {"_optimizer", "_random_state", "_best_coefs", "_best_intercepts"}


def learnt(model):
    """Names of what fit sets."""
    return set(vars(model)) - set(model.get_params()) - OF_SOLVERS


@pytest.mark.parametrize("with_names", [False, True])
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(MLPRegressor, EffPropRegressor), (MLPClassifier, EffPropClassifier)],
)
def test_every_attribute_of_a_fit_is_there(theirs, ours, with_names):
    table, y = load_diabetes(return_X_y=True, as_frame=with_names)
    if theirs is MLPClassifier:
        y = y > 140
    real = theirs(hidden_layer_sizes=(5,), max_iter=1)
    with pytest.warns(ConvergenceWarning):
        real.fit(table, y)
    plain = ours((5,), input_clip=None, max_iter=3, tol=0).fit(table, y).to_sklearn()
    assert learnt(plain) == learnt(real)
    for name in learnt(real):
        assert isinstance(getattr(real, name), type(getattr(plain, name))), name
    assert ("feature_names_in_" in learnt(plain)) == with_names


@pytest.mark.parametrize("early_stopping", [False, True])
def test_curves_are_those_of_the_estimator(early_stopping):
    est = regressor(early_stopping=early_stopping)
    plain = to_sklearn(est)
    assert plain.loss_ == est.loss_
    assert plain.loss_curve_ == est.loss_curve_
    assert plain.validation_scores_ == est.validation_scores_


def percent(est, table, y):
    """A score that no R2 exceeds."""
    return 100.0 * est.score(table, y)


# what early stopping looks at: nothing, the loss, a score in other units than R2
STOPPING = {
    "off": {},
    "loss": {"early_stopping": True},
    "percent": {"early_stopping": True, "scoring": percent},
}
each_stopping = pytest.mark.parametrize(
    "stopping", STOPPING.values(), ids=list(STOPPING)
)


def going_on(**stopping):
    """A network that is to go on as it was stopped, with its table."""
    table, y = load_diabetes(return_X_y=True)
    table *= 20.0
    est = EffPropRegressor(
        (5,), input_clip=None, max_iter=10, tol=0, random_state=0, **stopping
    )
    plain = to_sklearn(est.fit(table, y))
    plain.set_params(
        warm_start=True,
        early_stopping="early_stopping" in stopping,
        max_iter=300,
        learning_rate_init=0.01,
        random_state=0,
    )
    return plain, table, y


@each_stopping
def test_a_warm_start_goes_on_as_an_mlp_with_these_weights(stopping):
    """Losses and scores of the estimator, in other units, are no marks to beat."""
    plain, table, y = going_on(**stopping)
    theirs = clone(plain).set_params(max_iter=1)
    with pytest.warns(ConvergenceWarning):
        theirs.fit(table, y)
    theirs.coefs_ = [W.copy() for W in plain.coefs_]
    theirs.intercepts_ = [b.copy() for b in plain.intercepts_]
    theirs.set_params(max_iter=300)
    for model in plain, theirs:
        model.fit(table, y)
    assert plain.n_iter_ == theirs.n_iter_
    assert plain.best_loss_ == theirs.best_loss_ or "early_stopping" in stopping
    assert plain.best_validation_score_ == theirs.best_validation_score_
    for ours, real in zip(plain.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_array_equal(ours, real)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_early_stopping_that_diverges_goes_back_to_these_weights():
    plain, table, y = going_on(early_stopping=True)
    before = plain.predict(table)
    plain.set_params(solver="sgd", learning_rate_init=1e200, max_iter=2)
    with pytest.warns(ConvergenceWarning):
        plain.fit(table, y)
    np.testing.assert_array_equal(plain.predict(table), before)


@each_stopping
def test_partial_fit_goes_on_however_training_was_stopped(stopping):
    plain, table, y = going_on(**stopping)
    plain.set_params(early_stopping=False)
    plain.partial_fit(table, y)
    assert plain.best_loss_ == plain.loss_ == plain.loss_curve_[-1]


# of scikit-learn 1.6 with a newer SciPy
@pytest.mark.filterwarnings("ignore:.*`disp` and `iprint` options:DeprecationWarning")
@each_classification
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_classifiers_go_on_as_scikit_learns_do(y, loss):
    plain = to_sklearn(classifier(y, loss=loss))
    before = [W.copy() for W in plain.coefs_]
    plain.partial_fit(X, y).partial_fit(X, y)
    assert plain.n_iter_ == 1
    assert not np.array_equal(plain.coefs_[0], before[0])
    assert plain.predict(X).shape == y.shape
    plain.set_params(warm_start=True, max_iter=300, solver="lbfgs", tol=1e-1)
    plain.fit(X, y)
    assert plain.predict(X).shape == y.shape


def test_going_on_does_not_touch_the_estimator():
    est = regressor()
    theta = est.theta_.copy()
    plain = to_sklearn(est)
    plain.partial_fit(X, y_value).partial_fit(X.astype(np.float32), y_value)
    np.testing.assert_array_equal(est.theta_, theta)
    assert len(plain.loss_curve_) == len(est.loss_curve_) + 2


def test_unknown_classes_are_refused_as_scikit_learn_does():
    plain = to_sklearn(classifier(y_binary))
    with pytest.raises(ValueError, match=r"not in `self.classes_`"):
        plain.partial_fit(X, np.where(y_binary == "no", "no", "perhaps"))


def test_names_of_features_are_checked():
    table, y = load_diabetes(return_X_y=True, as_frame=True)
    plain = (
        EffPropRegressor((3,), input_clip=None, max_iter=3, tol=0)
        .fit(table, y)
        .to_sklearn()
    )
    with pytest.raises(ValueError, match="feature names should match"):
        plain.predict(table[table.columns[::-1]])


def test_it_can_be_pickled_and_cloned():
    for est in regressor(), classifier(y_classes, loss="log_loss"):
        plain = to_sklearn(est)
        copy = pickle.loads(pickle.dumps(plain))
        np.testing.assert_array_equal(copy.predict(X), plain.predict(X))
        assert clone(plain).get_params() == plain.get_params()


def test_sparse_tables_are_accepted():
    est = regressor()
    np.testing.assert_allclose(
        to_sklearn(est).predict(sparse.csr_array(X)), est.predict(X)
    )


# ------------------------------------------------------------------ approximated clips


def test_a_clip_that_is_hardly_active_is_approximated():
    table, y = load_diabetes(return_X_y=True, scaled=False)
    given = {"max_iter": 30, "tol": 0, "random_state": 0}
    differences = []
    for clip in 4.0, 16.0, 1e6:
        est = EffPropRegressor((6,), input_clip=clip, **given).fit(table, y)
        plain = est.to_sklearn(approximate_clip=True, X=table)
        assert type(plain) is MLPRegressor
        error = np.abs(plain.predict(table) - est.predict(table)).max()
        assert plain.largest_difference_ == error
        differences.append(error / np.std(y))
    assert 0.5 > differences[0] > differences[1] > differences[2]
    assert differences[1] < 0.05
    assert differences[2] < 1e-9


@pytest.mark.parametrize("method", ["standardize", "whiten"])
def test_the_approximation_is_better_than_no_clip(method):
    table, y = make_friedman1(200, random_state=0)
    given = {"max_iter": 30, "tol": 0, "random_state": 0, "normalize": method}
    est = EffPropRegressor((6,), input_clip=4.0, **given).fit(table, y)
    plain = est.to_sklearn(approximate_clip=True, X=table)
    without = copy(est)
    without.normalizer_ = InputNormalizer(method).fit(table)
    error = np.abs(without.predict(table) - est.predict(table)).max()
    assert plain.largest_difference_ < 0.7 * error


def test_probabilities_and_labels_are_compared():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcde"))
    for y in y_classes, y_binary, Y_labels:
        est = classifier(y, loss="log_loss", input_clip=8.0)
        plain = est.to_sklearn(approximate_clip=True, X=table)
        ours = est.predict_proba(X)
        theirs = plain.predict_proba(X)
        assert plain.largest_difference_ == np.abs(ours - theirs).max()
    est = classifier(y_classes, input_clip=8.0)
    plain = est.to_sklearn(approximate_clip=True, X=table)
    assert plain.largest_difference_ == np.mean(plain.predict(X) != est.predict(X))


def test_a_network_without_a_clip_is_still_exact():
    est = regressor()
    plain = est.to_sklearn(approximate_clip=True, X=X)
    assert plain.largest_difference_ < 1e-8
    np.testing.assert_array_equal(plain.coefs_[0], est.to_sklearn().coefs_[0])


def test_an_approximation_needs_data():
    est = regressor(input_clip=8.0)
    with pytest.raises(ValueError, match="approximate_clip=True needs X"):
        est.to_sklearn(approximate_clip=True)
    with pytest.raises(ValueError, match=r"X has 2 columns, but .* fitted on 5"):
        est.to_sklearn(approximate_clip=True, X=X[:, :2])


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
