"""What the estimators are made for, one use at a time."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.class_weight import compute_sample_weight

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop.core.activations import ACTIVATIONS, TANH, Activation
from sk_effprop.core.network import Network
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR
from sk_effprop.preprocessing import METHODS, ROTATIONS

BOTH = [EffPropClassifier, EffPropRegressor]
REGISTRY = {EffPropClassifier: CLASSIFIER, EffPropRegressor: REGRESSOR}
ALL_METHODS = [*METHODS, None]
# a few epochs of a small network, without warnings
SMALL = {
    "hidden_layer_sizes": (5,), "input_clip": None, "tol": 0.0, "random_state": 0
}  # fmt: skip
SGD = {**SMALL, "solver": "sgd", "max_iter": 4}
LBFGS = {**SMALL, "solver": "lbfgs", "max_iter": 8}

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])
both_solvers = pytest.mark.parametrize("settings", [SGD, LBFGS], ids=["sgd", "lbfgs"])
may_not_converge = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning"
)


def inputs(n=60, seed=0):
    """Four columns of all scales, one of them heavy-tailed."""
    X = np.random.default_rng(seed).normal(size=(n, 4))
    X[0, 3] = 50.0
    return X * [1.0, 10.0, 0.1, 1.0] + [0.0, 100.0, 0.0, -3.0]


def problem(cls, n=60, seed=0, n_classes=3):
    """Inputs, and classes or values that have to do with them."""
    X = inputs(n, seed)
    score = X[:, 0] + 0.1 * (X[:, 1] - 100.0)
    if cls is EffPropRegressor:
        return X, 5.0 + 3.0 * np.tanh(score)
    return X, np.argsort(np.argsort(score)) * n_classes // n


def fitted(cls, n_classes=3, **settings):
    """Return the small network after a few epochs, with its training data."""
    X, y = problem(cls, n_classes=n_classes)
    return cls(**{**SGD, **settings}).fit(X, y), X, y


# ----------------------------------------------------------- the tools of scikit-learn

# What must be set as well so that a parameter is read, or has the time to matter.
READ_BY = {
    "solver": {"solver": "auto"},
    "power_t": {"learning_rate": "invscaling"},
    "annealing_tau": {"learning_rate": "annealing"},
    "flow_rates": {"learning_rate": "flow"},
    "nesterovs_momentum": {"momentum": 0.5},
    "beta_1": {"solver": "adam"},
    "damping": {"solver": "lm"},
    "curvature_decay": {"solver": "sdlm"},
    "curvature_samples": {"solver": "sdlm"},
    "curvature_period": {"solver": "sdlm", "max_iter": 8, "loss": "squared_error"},
    "output_activation": {"loss": "squared_error"},
    "target_values": {"loss": "squared_error"},
    "input_clip": {"input_clip": 8.0},
    "beta_2": {"solver": "adam"},
    "epsilon": {"solver": "adam"},
    "max_iter": {"max_iter": 8},
    "max_fun": {"solver": "lbfgs", "max_iter": 100},
    "tol": {"solver": "lbfgs", "max_iter": 300, "tol": 1e-4},
    "n_iter_no_change": {"tol": 1.0, "max_iter": 20},
    "goal": {"solver": "lbfgs", "max_iter": 60, "alpha": 0.0},
    "validation_fraction": {"early_stopping": True},
    "scoring": {
        "early_stopping": True,
        "solver": "lbfgs",
        "max_iter": 200,
        "alpha": 0.0,
    },
    "quantile": {"loss": "quantile"},
    "huber_delta": {"loss": "huber"},
}
# Values that change nothing here, and why.
NO_OPS = {
    ("solver", "lbfgs"): "what 'auto' becomes for 60 examples",
    ("max_time", 60.0): "a limit that is not reached",
    ("early_stopping", False): "what 'auto' becomes without X_val",
    ("engine", "numpy"): "what 'auto' becomes",
    ("learning_rate_scaling", "inv_fan_in"): "what 'auto' becomes",
    ("warm_start", True): "a first fit has nothing to go on from",
}
NO_OPS_OF_CLASSIFIER = {("shuffle", "interleave"): "what 'auto' becomes with classes"}
NO_OPS_OF_REGRESSOR = {
    ("shuffle", True): "what 'auto' becomes without classes",
    ("shuffle", "interleave"): "random where there are no classes",
    ("output_activation", "identity"): "what 'auto' becomes",
}
NO_OPS_OF = {
    EffPropClassifier: NO_OPS | NO_OPS_OF_CLASSIFIER,
    EffPropRegressor: NO_OPS | NO_OPS_OF_REGRESSOR,
}


@may_not_converge
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        pytest.param(cls, name, id=f"{cls.__name__[7:]}-{name}")
        for cls in BOTH
        for name, entry in REGISTRY[cls].items()
        if entry.alternatives
    ],
)
def test_every_value_of_every_parameter_in_a_grid_search_changes_the_fit(cls, name):
    X, y = problem(cls)
    estimator = cls(**{**SGD, **READ_BY.get(name, {})})
    alternatives = REGISTRY[cls][name].alternatives
    grid = {name: [getattr(estimator, name), *alternatives]}
    seen = []

    def note(model, X, y):
        seen.append((model.theta_, model.n_iter_))
        return model.score(X, y)

    everything = np.arange(len(X))
    search = GridSearchCV(
        estimator, grid, cv=[(everything, everything)], scoring=note, refit=False
    )
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    (theta, n_iter), *others = seen
    for value, (other_theta, other_n_iter) in zip(alternatives, others, strict=True):
        same = np.array_equal(theta, other_theta) and n_iter == other_n_iter
        is_no_op = any(name == n and value is v for n, v in NO_OPS_OF[cls])
        is_no_op |= isinstance(value, str | float) and (name, value) in NO_OPS_OF[cls]
        assert same == is_no_op, f"{name}={value!r}"


@both
def test_no_op_values_are_alternatives(cls):
    """The table above speaks of nothing that is not tried."""
    for name, value in NO_OPS_OF[cls]:
        assert value in REGISTRY[cls][name].alternatives


@both
def test_in_a_pipeline(cls):
    X, y = problem(cls)
    piped = make_pipeline(InputNormalizer("center"), cls(**SGD)).fit(X, y)
    assert piped.predict(X).shape == y.shape
    assert piped.score(X, y) == piped[-1].score(piped[0].transform(X), y)
    piped.set_params(**{f"{cls.__name__.lower()}__max_iter": 1}).fit(X, y)
    assert piped[-1].n_iter_ == 1


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


@both
def test_activations_per_layer_may_be_a_tuple(cls):
    model, X, y = fitted(cls, activation=["tanh"])
    as_tuple = clone(model).set_params(activation=("tanh",)).fit(X, y)
    np.testing.assert_array_equal(as_tuple.theta_, model.theta_)


@both
def test_a_clone_has_the_parameters_and_nothing_else(cls):
    model, X, y = fitted(cls, twist=0.02, activation=["tanh"])
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "theta_")
    np.testing.assert_array_equal(copied.fit(X, y).theta_, model.theta_)


@both
@both_solvers
def test_pickle_brings_back_the_same_model(cls, settings):
    model, X, y = fitted(cls, **settings)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    np.testing.assert_array_equal(back.coefs_[0], model.coefs_[0])
    assert back.loss_and_gradient(X, y)[0] == model.loss_and_gradient(X, y)[0]


@both
def test_names_of_the_columns_of_a_data_frame(cls):
    pd = pytest.importorskip("pandas")
    X, y = problem(cls)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = cls(**SGD).fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == list("abcd")
    assert list(model.normalizer_.get_feature_names_out()) == list("abcd")
    np.testing.assert_allclose(model.theta_, cls(**SGD).fit(X, y).theta_, rtol=1e-9)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


# ------------------------------------------------------------------- kinds of targets


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


@both
@both_solvers
@pytest.mark.parametrize("normalize", ["standardize", "whiten", None])
def test_float32_stays_float32(cls, settings, normalize):
    X, y = problem(cls)
    single = cls(**settings, normalize=normalize).fit(X.astype(np.float32), y)
    double = cls(**settings, normalize=normalize).fit(X, y)
    assert single.theta_.dtype == np.float32
    assert single.hidden_activations(X.astype(np.float32)).dtype == np.float32
    output = single.predict if cls is EffPropRegressor else single.decision_function
    assert output(X.astype(np.float32)).dtype == np.float32
    assert single.loss_ == pytest.approx(double.loss_, rel=0.05)


# --------------------------------------------------------------------------- weights


@both_solvers
def test_balanced_classes_are_the_weights_that_scikit_learn_computes(settings):
    X, y = problem(EffPropClassifier)
    X, y = X[y < 2], y[y < 2]
    X, y = X[5:], y[5:]
    weight = np.random.default_rng(1).integers(1, 3, size=len(y)).astype(float)
    balanced = EffPropClassifier(class_weight="balanced", **settings).fit(X, y)
    by_hand = EffPropClassifier(**settings)
    by_hand.fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    np.testing.assert_allclose(balanced.theta_, by_hand.theta_, rtol=1e-7)
    weighted = clone(balanced).fit(X, y, sample_weight=weight)
    assert not np.allclose(weighted.theta_, balanced.theta_)


@both_solvers
def test_class_weights_in_a_dict_multiply_sample_weights(settings):
    X, y = problem(EffPropClassifier)
    labels = np.array(["a", "b", "c"])[y]
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=len(y))
    in_dict = EffPropClassifier(class_weight={"b": 3.0}, **settings)
    in_dict.fit(X, labels, sample_weight=weight)
    by_hand = EffPropClassifier(**settings)
    by_hand.fit(X, labels, sample_weight=weight * np.where(y == 1, 3.0, 1.0))
    np.testing.assert_array_equal(in_dict.theta_, by_hand.theta_)
    plain = EffPropClassifier(**settings).fit(X, labels, sample_weight=weight)
    assert not np.allclose(plain.theta_, by_hand.theta_)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_a_class_weight_of_an_absent_class_waits_for_it(loss):
    """As in a fold without the rare class; and 0 leaves a class out."""
    X, y = problem(EffPropClassifier)
    settings = {**SGD, "loss": loss}
    weights = {0: 1.0, 1: 2.0, 2: 5.0}
    absent = EffPropClassifier(**settings, class_weight=weights)
    absent.fit(X[y < 2], y[y < 2])
    left_out = EffPropClassifier(**settings, class_weight=weights | {2: 0.0})
    left_out.fit(X, y)
    np.testing.assert_array_equal(left_out.classes_, [0, 1])
    np.testing.assert_array_equal(left_out.theta_, absent.theta_)


def test_balanced_labels_count_weights_as_repeated_rows():
    X, Y = make_multilabel_classification(40, n_classes=3, random_state=0)
    times = np.random.default_rng(0).integers(0, 3, size=40)
    model = EffPropClassifier(**LBFGS, class_weight="balanced")
    weighted = clone(model).fit(X, Y, sample_weight=times.astype(float))
    rows = np.repeat(np.arange(40), times)
    repeated = clone(model).fit(X[rows], Y[rows])
    np.testing.assert_allclose(weighted.theta_, repeated.theta_, rtol=1e-9)
    by_hand = clone(model).set_params(class_weight=None)
    by_hand.fit(X, Y, sample_weight=compute_sample_weight("balanced", Y))
    model.fit(X, Y)
    np.testing.assert_allclose(model.theta_, by_hand.theta_, rtol=1e-7)


def test_a_stream_has_no_balanced_classes():
    X, y = problem(EffPropClassifier)
    with pytest.raises(ValueError, match=r"class_weight='balanced'.*stream"):
        EffPropClassifier(class_weight="balanced", **SGD).partial_fit(X, y)


# ------------------------------------------------------------------ early stopping


@both
@both_solvers
@pytest.mark.parametrize("own_split", [True, False], ids=["own_split", "X_val"])
def test_early_stopping_keeps_the_weights_that_validate_best(cls, settings, own_split):
    X, y = problem(cls)
    y = np.random.default_rng(0).permutation(y)  # nothing to learn, all to overfit
    X_val, y_val = problem(cls, n=30, seed=1)
    settings = {**settings, "tol": 1e-4, "n_iter_no_change": 5, "max_iter": 200}
    model = cls(**settings, alpha=0.0, early_stopping=True, learning_rate="constant")
    held_out = {} if own_split else {"X_val": X_val, "y_val": y_val}
    model.fit(X, y, **held_out)
    curve = model.validation_loss_curve_
    assert model.convergence_.reason == "stalled"
    assert model.n_iter_ < 200
    assert len(curve) == len(model.validation_scores_) == model.n_iter_
    assert model.validation_scores_ == [-loss for loss in curve]
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    assert np.argmin(curve) < len(curve) - 1
    if not own_split:
        loss, _ = model.loss_and_gradient(X_val, y_val)
        assert loss == pytest.approx(min(curve), rel=1e-9)


@both
def test_validation_data_switch_automatic_early_stopping_on(cls):
    model, X, y = fitted(cls)
    assert model.validation_scores_ is None
    assert model.validation_loss_curve_ is None
    assert model.best_validation_score_ is None
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert len(model.validation_scores_) == 4
    with pytest.raises(ValueError, match="early_stopping=False makes no use of X_val"):
        cls(**SGD, early_stopping=False).fit(X, y, X_val=X, y_val=y)


@both
def test_validation_data_may_be_weighted(cls):
    _, X, y = fitted(cls)
    weight = np.repeat([1.0, 0.0], 10)
    held_out = {"X_val": X[40:], "y_val": y[40:], "sample_weight_val": weight}
    weighted = cls(**SGD).fit(X[:40], y[:40], **held_out)
    half = cls(**SGD).fit(X[:40], y[:40], X_val=X[40:50], y_val=y[40:50])
    assert weighted.validation_scores_ == half.validation_scores_


def test_validation_data_are_not_penalised():
    _, X, y = fitted(EffPropRegressor)
    model = EffPropRegressor(**SGD, alpha=0.1).fit(X, y, X_val=X, y_val=y)
    penalty = 0.05 * sum(np.sum(W**2) for W in model.coefs_)
    loss, _ = model.loss_and_gradient(X, y)
    best = min(model.validation_loss_curve_)
    assert penalty > 0.01
    assert best == pytest.approx(loss - penalty, rel=1e-9)


@both
def test_a_boolean_of_numpy_is_a_boolean(cls):
    """As it comes from a grid in an array."""
    model, X, y = fitted(cls, early_stopping=True)
    numpy_model = cls(**{**SGD, "early_stopping": np.True_}).fit(X, y)
    assert numpy_model.validation_scores_ == model.validation_scores_
    with pytest.raises(ValueError, match="early_stopping=False"):
        cls(**SGD, early_stopping=np.False_).fit(X, y, X_val=X, y_val=y)


# ----------------------------------------------------------- going on: warm and stream


@both
@pytest.mark.parametrize(
    "extra",
    [{}, {"momentum": 0.5}, {"batch_growth": 1.5}, {"shuffle": False}],
    ids=str,
)
def test_two_warm_fits_of_three_epochs_are_one_of_six(cls, extra):
    X, y = problem(cls)
    settings = {
        **SGD,
        "learning_rate": "constant",
        # small enough that the last weights are the best ones, where a fit goes on
        "learning_rate_init": 0.002,
        **extra,
    }
    warm = cls(**{**settings, "max_iter": 3}, warm_start=True).fit(X, y)
    normalizer, theta = warm.normalizer_, warm.theta_
    warm.fit(X, y)
    whole = cls(**{**settings, "max_iter": 6}).fit(X, y)
    assert not np.array_equal(theta, whole.theta_)
    np.testing.assert_array_equal(warm.theta_, whole.theta_)
    assert warm.normalizer_ is normalizer
    assert warm.t_ == whole.t_ == 6 * 60


# inputs that have moved away from the statistics are too large for the old rate
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@both
def test_a_warm_fit_keeps_the_statistics_of_the_inputs(cls):
    model, X, y = fitted(cls, warm_start=True)
    normalizer = model.normalizer_
    model.fit(X + 5.0, y)
    assert model.normalizer_ is normalizer
    model.set_params(warm_start=False).fit(X + 5.0, y)
    np.testing.assert_allclose(model.normalizer_.mean_, normalizer.mean_ + 5.0)


@both
def test_a_warm_fit_may_change_the_solver(cls):
    model, X, y = fitted(cls, warm_start=True)
    before = model.loss_
    model.set_params(solver="lbfgs", max_iter=5).fit(X, y)
    assert model.loss_ < before
    np.testing.assert_allclose(model.loss_curve_[-1], model.loss_)


@both
@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam"])
def test_one_partial_fit_is_one_epoch_of_fit(cls, solver):
    X, y = problem(cls)
    settings = {**SMALL, "solver": solver, "max_iter": 1}
    streamed, whole = cls(**settings).partial_fit(X, y), cls(**settings).fit(X, y)
    np.testing.assert_array_equal(streamed.theta_, whole.theta_)
    assert streamed.loss_curve_ == whole.loss_curve_
    assert streamed.n_iter_ == 1


@both
def test_partial_fit_goes_on_from_fit_as_from_itself(cls):
    """With alpha='auto', whose strength falls with the examples seen."""
    X, y = problem(cls)
    settings = {**SMALL, "solver": "sgd", "max_iter": 1}
    streamed = cls(**settings).partial_fit(X[:50], y[:50])
    started = cls(**settings).fit(X[:50], y[:50])
    for model in (streamed, started):
        model.partial_fit(X[50:], y[50:])
    np.testing.assert_array_equal(started.theta_, streamed.theta_)


@both
def test_a_stream_is_learnt_batch_by_batch(cls):
    """Also with solver='auto', which is then sgd."""
    X, y = problem(cls)
    model = cls(**SMALL)
    classes = {} if cls is EffPropRegressor else {"classes": [0, 1, 2]}
    for epoch in range(15):
        for rows in np.split(np.arange(60), 3):
            model.partial_fit(X[rows], y[rows], **(classes if epoch == 0 else {}))
    assert model.solver_ == "sgd"
    assert model.n_iter_ == len(model.loss_curve_) == 45
    assert model.t_ == 45 * 20
    assert model.normalizer_.n_samples_seen_ == 45 * 20
    assert model.score(X, y) > 0.6


def test_partial_fit_is_not_there_for_batch_solvers():
    for cls in BOTH:
        assert hasattr(cls(), "partial_fit")
        assert hasattr(cls(solver="adam"), "partial_fit")
        assert not hasattr(cls(solver="lbfgs"), "partial_fit")


def test_the_first_batch_of_a_stream_names_the_classes():
    X, y = problem(EffPropClassifier)
    first = y < 2
    model = EffPropClassifier(**SGD).partial_fit(X[first], y[first], classes=[0, 1, 2])
    assert list(model.classes_) == [0, 1, 2]
    assert model.predict_proba(X).shape == (60, 3)
    model.partial_fit(X, y)
    unnamed = EffPropClassifier(**SGD).partial_fit(X[first], y[first])
    assert list(unnamed.classes_) == [0, 1]
    with pytest.raises(ValueError, match=r"classes \[2\].*partial_fit\(X, y, classes"):
        unnamed.partial_fit(X, y)


@both
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_predictions_do_not_jump_when_the_normalizer_learns(cls, normalize):
    """A rate of 1e-300 leaves only what normalisation changes: nothing."""
    X, y = problem(cls)
    new_X, new_y = problem(cls, seed=1)
    new_X = 3.0 * new_X + 20.0
    model = cls(
        **SGD, normalize=normalize, learning_rate_init=1e-300, learning_rate="constant"
    )
    model.partial_fit(X, y)
    mean = None if normalize is None else model.normalizer_.mean_
    output = model.predict if cls is EffPropRegressor else model.decision_function
    before = output(X)
    model.partial_fit(new_X, new_y)
    if normalize is not None:
        assert np.abs(model.normalizer_.mean_ - mean).min() > 1.0
    assert np.ptp(before) > 0.1
    np.testing.assert_allclose(output(X), before, rtol=1e-9, atol=1e-9)


# ------------------------------------------------------------------ reading the network


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
    with pytest.raises(ValueError, match="there are 0 hidden layers"):
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
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-9)


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


@both
@both_solvers
def test_curves_of_a_warm_start_go_on(cls, settings):
    """As those of MLP; iterations are counted anew."""
    X, y = problem(cls)
    model = cls(**settings, warm_start=True, early_stopping=True)
    first = clone(model).fit(X, y)
    for _ in range(3):
        model.fit(X, y)
    n = first.n_iter_
    assert model.loss_curve_[:n] == first.loss_curve_
    assert model.validation_loss_curve_[:n] == first.validation_loss_curve_
    assert model.validation_scores_[:n] == first.validation_scores_
    assert model.learning_rate_curve_[:n] == first.learning_rate_curve_
    assert len(model.loss_curve_) == len(model.validation_scores_) > n
    assert model.n_iter_ <= settings["max_iter"]
    assert len(model.loss_curve_) >= model.n_iter_ + n


# -------------------------------------------------------------------------- stopping


@both
@both_solvers
def test_training_stops_at_the_goal(cls, settings):
    X, y = problem(cls)
    without = cls(**{**settings, "max_iter": 30}, alpha=0.0).fit(X, y)
    goal = (without.loss_curve_[0] + without.loss_) / 2.0
    model = clone(without).set_params(goal=goal).fit(X, y)
    assert model.convergence_.reason == "goal"
    assert without.loss_ < model.loss_ <= goal
    assert model.n_iter_ < 30


@both
@both_solvers
def test_training_stops_when_time_is_up(cls, settings):
    X, y = problem(cls)
    model = cls(**{**settings, "max_iter": 200}, max_time=1e-9).fit(X, y)
    assert (model.convergence_.reason, model.n_iter_) == ("max_time", 1)


@both
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("learning_rate", ["constant", "adaptive", "flow"])
def test_tol_0_means_exactly_max_iter_epochs_and_no_warning(cls, solver, learning_rate):
    X, y = problem(cls)
    settings = {"solver": solver, "learning_rate": learning_rate, "max_iter": 30}
    model = cls(**SMALL, **settings, n_iter_no_change=1).fit(X, y)
    assert (model.n_iter_, model.convergence_.reason) == (30, "max_iter")


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_limit_that_comes_too_early_gives_a_warning(cls, solver):
    X, y = problem(cls)
    settings = {**SMALL, "solver": solver, "tol": 1e-6, "max_iter": 2}
    with pytest.warns(ConvergenceWarning, match=r"\(max_iter\) reached.*Increase"):
        cls(**settings).fit(X, y)


@both
def test_max_fun_warns_even_with_tol_0(cls):
    X, y = problem(cls)
    model = cls(**{**LBFGS, "max_iter": 200}, max_fun=5)
    with pytest.warns(ConvergenceWarning, match=r"max_fun.*Increase max_fun"):
        model.fit(X, y)
    assert model.convergence_.reason == "max_fun"
    assert model.n_iter_ <= 5


@both
def test_the_warning_points_to_the_line_that_called_fit(cls):
    X, y = problem(cls)
    with pytest.warns(ConvergenceWarning) as caught:
        cls(**{**LBFGS, "max_iter": 200}, max_fun=5).fit(X, y)
    assert caught[0].filename == __file__


@both
@both_solvers
def test_verbose_prints_a_line_for_every_iteration(capsys, cls, settings):
    X, y = problem(cls)
    cls(**settings).fit(X, y)
    assert capsys.readouterr().out == ""
    model = cls(**settings, verbose=True).fit(X, y, X_val=X, y_val=y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_
    assert lines[-1].startswith(f"Iteration {model.n_iter_}, loss = ")
    assert f"validation score = {model.validation_scores_[-1]:.6f}" in lines[-1]


# ------------------------------------------------------------------- kinds of inputs


def sparse_problem(cls):
    """Counts, a third of them stored, with a column that is always zero."""
    rng = np.random.default_rng(5)
    X = rng.poisson(0.4, size=(60, 6)) * np.array([1.0, 10.0, 0.1, 2.0, 0.0, 1.0])
    X[0, 5] = 50.0
    score = X[:, 0] - 0.1 * X[:, 1] + rng.normal(size=60)
    return X, score if cls is EffPropRegressor else (score > 0.4).astype(int)


@both
@both_solvers
@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_sparse_data_give_what_dense_data_give(
    monkeypatch, cls, settings, kind, clip, normalize
):
    """To rounding, and without ever being filled whole."""
    if clip and normalize in ROTATIONS:
        pytest.skip("refused, see test_bad_input")
    # fewer numbers than X has, as blocks of rows may be filled
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 70)
    X, y = sparse_problem(cls)
    settings = {**settings, "normalize": normalize, "input_clip": clip, "alpha": 0.01}
    dense = cls(**{**settings, "max_iter": 1 if settings is SGD else 4}).fit(X, y)
    sizes = record_filled_sizes(monkeypatch)
    S = sparse.csr_array(X).asformat(kind)
    thin = clone(dense).fit(S, y)
    output = "predict" if cls is EffPropRegressor else "decision_function"
    got = getattr(thin, output)(S)
    hidden = thin.hidden_activations(S)
    assert max(sizes, default=0) < X.size / 2
    np.testing.assert_allclose(got, getattr(dense, output)(X), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        hidden, dense.hidden_activations(X), rtol=1e-6, atol=1e-8
    )
    np.testing.assert_allclose(thin.theta_, dense.theta_, rtol=1e-6, atol=1e-8)
    assert thin.loss_ == pytest.approx(dense.loss_, rel=1e-8)


def record_filled_sizes(monkeypatch):
    """Size of every sparse array that is made dense from now on."""
    sizes = []
    for kind in ("csr", "csc", "coo"):
        for suffix in ("array", "matrix"):
            cls = getattr(sparse, f"{kind}_{suffix}")
            for name in ("toarray", "todense"):
                monkeypatch.setattr(cls, name, _recorded(getattr(cls, name), sizes))
    return sizes


def _recorded(fill, sizes):
    def recorded(self, *args, **kwargs):
        sizes.append(np.prod(self.shape))
        return fill(self, *args, **kwargs)

    return recorded


def test_filled_sparse_arrays_are_noticed(monkeypatch):
    """The record above does record."""
    sizes = record_filled_sizes(monkeypatch)
    sparse.csr_array((3, 4)).toarray()
    sparse.csc_matrix((2, 2)).todense()
    assert sizes[0] == 12
    assert 4 in sizes


@both
def test_sparse_streams_are_learnt_like_dense_ones(cls):
    X, y = sparse_problem(cls)
    for normalize in ALL_METHODS:
        dense, thin = (cls(**SGD, normalize=normalize) for _ in range(2))
        for rows in np.split(np.arange(60), 2):
            dense.partial_fit(X[rows], y[rows])
            thin.partial_fit(sparse.csr_array(X[rows]), y[rows])
        np.testing.assert_allclose(
            thin.hidden_activations(X), dense.hidden_activations(X), atol=1e-7
        )


@both
@both_solvers
@pytest.mark.parametrize("kind", ["dense", "csr", "csc"])
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_data_are_left_as_they_are_and_may_be_read_only(cls, settings, kind, normalize):
    X, y = sparse_problem(cls)
    weight = np.linspace(0.0, 2.0, 60)
    X = X if kind == "dense" else sparse.csr_array(X).asformat(kind)
    before = X.copy()
    parts = [X] if kind == "dense" else [X.data, X.indices, X.indptr]
    for array in (*parts, y, weight):
        array.flags.writeable = False
    model = cls(**{**settings, "max_iter": 1}, normalize=normalize)
    model.fit(X, y, sample_weight=weight, X_val=X, y_val=y).predict(X)
    model.loss_and_gradient(X, y, weight)
    if settings is SGD:
        model.partial_fit(X, y, sample_weight=weight)
    assert abs(X - before).sum() == 0.0


@both
@both_solvers
@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_the_normalizer_in_a_pipeline_does_what_the_parameter_does(
    cls, settings, normalize, clip
):
    X, y = problem(cls)
    inside = cls(**{**settings, "normalize": normalize, "input_clip": clip}).fit(X, y)
    outside = make_pipeline(
        InputNormalizer(normalize, clip=clip), cls(**settings, normalize=None)
    ).fit(X, y)
    np.testing.assert_allclose(inside.theta_, outside[-1].theta_, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(
        inside.hidden_activations(X),
        outside[-1].hidden_activations(outside[0].transform(X)),
        rtol=1e-6,
        atol=1e-8,
    )


# ---------------------------------------------------------------- values of parameters


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


PLANNED = [
    ("checkpoint", "x"), ("checkpoint", np.zeros(2)), ("checkpoint_interval", 1.0),
    ("resume", True),
]  # fmt: skip


@both
@pytest.mark.parametrize(("name", "value"), PLANNED)
def test_planned_values_are_refused_in_a_sentence(cls, name, value):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="planned and not available yet") as error:
        cls(**{**SGD, name: value}).fit(X, y)
    assert f"'{name}' parameter of {cls.__name__}" in str(error.value)
    assert f"Got {value!r}" in str(error.value)


@may_not_converge
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_a_warm_start_takes_up_new_settings(solver, engine):
    """Momentum, schedule and rate may change between calls."""
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(
        4, solver=solver, engine=engine, warm_start=True, max_iter=5, tol=0,
        learning_rate="flow", momentum=0.0, random_state=0,
    ).fit(X, y)  # fmt: skip
    before, rate = model.loss_, model.learning_rate_
    model.set_params(momentum=0.9, learning_rate="constant").fit(X, y)
    assert model.loss_ <= before
    assert model.learning_rate_ < 0.3 * rate
    model.set_params(momentum=0.0, learning_rate_init=1e-5).fit(X, y)
    assert model.learning_rate_ == 1e-5
    assert model.learning_rate_curve_[-5:] == [1e-5] * 5
    assert model.lambda_max_ is None


@may_not_converge
@pytest.mark.parametrize("schedule", ["adaptive", "cosine"])
def test_the_schedule_of_a_warm_start_begins_anew(schedule):
    """Also after training that had no more progress."""
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(
        4, solver="sgd", learning_rate=schedule, warm_start=True, max_iter=60,
        tol=1e-2, n_iter_no_change=2, curvature_period=np.inf, random_state=0,
    ).fit(X, y)  # fmt: skip
    n, first = model.n_iter_, model.learning_rate_curve_[0]
    assert model.learning_rate_curve_[-1] < 0.9 * first
    model.fit(X, y)
    second = model.learning_rate_curve_[n:]
    assert second[0] == first
    assert second[-1] < 0.9 * first


NEW_RATES = [
    {"learning_rate_init": 0.01},
    {"learning_rate_scaling": "inv_sqrt_fan_in"},
    {"learning_rate_init": "auto"},
    {"learning_rate_scaling": "auto"},
    {"damping": 3.0},
]


@may_not_converge
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_the_rates_of_a_warm_start_follow_the_rule_of_now(solver):
    """In each layer as a fresh fit has them, whatever the rule was before."""
    X, y = problem(EffPropRegressor)
    settings = {
        "solver": solver, "max_iter": 1, "tol": 0, "curvature_period": np.inf,
        "random_state": 0,
    }  # fmt: skip
    model = EffPropRegressor(4, **settings, warm_start=True).fit(X, y)
    for change in NEW_RATES:
        settings |= change
        model.set_params(**settings).fit(X, y)
        fresh = EffPropRegressor(4, **settings).fit(X, y)
        warm, cold = model._left_behind[1].rates, fresh._left_behind[1].rates
        np.testing.assert_array_equal(warm.scaling, cold.scaling)
        assert model.learning_rate_ == warm.eta
        assert (warm.leading is None) == (cold.leading is None)
        # measured elsewhere, but by the same rule
        assert warm.eta == pytest.approx(cold.eta, rel=0.8)
        if solver == "sdlm" and "damping" in settings:
            assert warm.curvature.mu == 3.0


@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_heavy_examples_do_not_make_training_diverge(solver):
    """The automatic rate knows that their steps are longer."""
    X, y = problem(EffPropRegressor, n=300)
    weight = np.where(np.arange(300) % 50 == 0, 100.0, 1.0)
    model = EffPropRegressor(6, solver=solver, max_iter=20, tol=0, random_state=0)
    model.fit(X, y, weight)
    assert model.convergence_.n_recoveries == 0
