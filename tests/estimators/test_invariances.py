"""What must not matter: batch size, order, repeats, processes, threads, failures."""

import pickle
from itertools import count

import joblib
import numpy as np
import pytest
from joblib import Parallel, delayed
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.training.monitor import Monitor

BOTH = [EffPropClassifier, EffPropRegressor]
SMALL = {"hidden_layer_sizes": (5,), "tol": 0.0, "random_state": 0}
SETTINGS = {
    "sgd": {**SMALL, "solver": "sgd", "max_iter": 4},
    "momentum": {**SMALL, "solver": "sgd", "max_iter": 4, "momentum": 0.5},
    "emphasis": {**SMALL, "solver": "sgd", "max_iter": 4, "emphasis": 0.5},
    "adam": {**SMALL, "solver": "adam", "max_iter": 4},
    "lbfgs": {**SMALL, "solver": "lbfgs", "max_iter": 60},
}
STOCHASTIC = [name for name in SETTINGS if name != "lbfgs"]

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])
every_solver = pytest.mark.parametrize("solver", SETTINGS)


def problem(cls, n=60, seed=0):
    """Inputs of different scales, and noisy classes or values."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 100.0, 0.0, -3.0]
    score = X[:, 0] + 0.1 * (X[:, 1] - 100.0) + 0.5 * rng.normal(size=n)
    if cls is EffPropRegressor:
        return X, 5.0 + 3.0 * score
    return X, np.digitize(score, [-0.7, 0.7])


def learnt(model):
    """Everything that fitting has set, as one hash; generators and state included."""
    parameters = model.get_params()
    return joblib.hash({k: v for k, v in vars(model).items() if k not in parameters})


# ------------------------------------------------------------- the way to the minimum


@pytest.mark.parametrize("alpha", ["auto", 0.0])
def test_the_size_of_outputs_and_targets_does_not_matter(alpha):
    """The loss goes with its square, and alpha="auto" does, too."""
    X, y = problem(EffPropClassifier)
    results = []
    for size in (1.0, 0.1):
        output = ACTIVATIONS["lecun_tanh"]._replace(amplitude=1.7159 * size)
        model = EffPropClassifier(
            **SETTINGS["sgd"], alpha=alpha, learning_rate_init=1e-300,
            loss="squared_error",
            output_activation=output,
        ).fit(X, y)  # fmt: skip
        loss, gradient = model.loss_and_gradient(X, y)
        results.append((model.theta_, loss / size**2, gradient / size**2))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


@both
@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("batch_size", [1, 8, "full"])
@pytest.mark.parametrize("schedule", ["annealing", "cosine"])
def test_one_minimum_for_every_solver_and_batch_size(
    cls, schedule, batch_size, weighted
):
    """The linear model with a penalty has just one."""
    X, y = problem(cls)
    weight = np.random.default_rng(1).uniform(0.2, 2, 60) if weighted else None
    settings = {
        "hidden_layer_sizes": (), "alpha": 0.1, "tol": 0.0, "random_state": 0,
    }  # fmt: skip
    if cls is EffPropClassifier:
        settings["loss"] = "log_loss"
    exact = cls(**settings, solver="lbfgs", max_iter=100).fit(X, y, weight)
    assert exact.convergence_.gradient_norm < 1e-6
    walked = cls(
        **settings,
        solver="sgd",
        batch_size=batch_size,
        learning_rate=schedule,
        max_iter=150,
    ).fit(X, y, weight)
    assert walked.loss_ == pytest.approx(exact.loss_, rel=1e-3)
    assert walked.loss_ >= exact.loss_ * (1 - 1e-12)
    np.testing.assert_allclose(walked.theta_, exact.theta_, atol=0.03)


@both
def test_adam_reaches_the_same_minimum(cls):
    X, y = problem(cls)
    settings = {"hidden_layer_sizes": (), "alpha": 0.1, "tol": 0.0, "random_state": 0}
    exact = cls(**settings, solver="lbfgs", max_iter=100).fit(X, y)
    adam = cls(**settings, solver="adam", learning_rate_init=0.01, max_iter=1000)
    assert adam.fit(X, y).loss_ == pytest.approx(exact.loss_, rel=1e-6)


# --------------------------------------------------------------- the data as a set

more_settings = pytest.mark.parametrize(
    "more",
    [
        {},
        {"normalize": "whiten", "input_clip": None},
        {"normalize": "robust"},
        {"input_clip": 2.0},
    ],
    ids=str,
)


@both
@more_settings
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_weight_is_a_number_of_repeats(cls, more, kind):
    """Bit for bit with lbfgs: weight 2 is an example twice, weight 0 none."""
    X, y = problem(cls)
    times = np.random.default_rng(1).integers(0, 4, size=60)
    rows = np.random.default_rng(2).permutation(np.repeat(np.arange(60), times))
    as_kind = np.asarray if kind == "dense" else sparse.csr_array
    model = cls(**SETTINGS["lbfgs"], **more)
    weighted = clone(model).fit(as_kind(X), y, sample_weight=times.astype(float))
    repeated = clone(model).fit(as_kind(X[rows]), y[rows])
    np.testing.assert_array_equal(weighted.theta_, repeated.theta_)
    assert weighted.loss_curve_ == repeated.loss_curve_
    even = clone(model).fit(as_kind(X), y)
    assert not np.allclose(even.theta_, repeated.theta_)


def test_balanced_classes_count_repeats_and_weights_alike():
    X, y = problem(EffPropClassifier)
    times = np.random.default_rng(1).integers(0, 4, size=60)
    model = EffPropClassifier(**SETTINGS["lbfgs"], class_weight="balanced")
    weighted = clone(model).fit(X, y, sample_weight=times)
    repeated = clone(model).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_array_equal(weighted.theta_, repeated.theta_)


@both
@every_solver
def test_an_example_without_weight_is_absent(cls, solver):
    """Bit for bit with every solver, whatever it holds."""
    X, y = problem(cls)
    y_odd, X_odd = y.copy(), X.copy()
    y_odd[::7], X_odd[::7] = y[::7][::-1], 1e6
    weight = np.random.default_rng(1).uniform(0.2, 2.0, size=60)
    weight[::7] = 0.0
    kept = weight > 0
    model = cls(**SETTINGS[solver])
    zero = clone(model).fit(X_odd, y_odd, sample_weight=weight)
    absent = clone(model).fit(X[kept], y[kept], sample_weight=weight[kept])
    np.testing.assert_array_equal(zero.theta_, absent.theta_)
    assert zero.loss_curve_ == absent.loss_curve_
    assert zero.t_ == absent.t_


@both
@every_solver
def test_only_proportions_of_weights_count(cls, solver):
    """With a given alpha: alpha='auto' takes the sum for the number of examples."""
    X, y = problem(cls)
    weight = np.random.default_rng(1).integers(1, 5, size=60) / 2.0
    model = cls(**SETTINGS[solver], alpha=0.01)
    one, other = (clone(model).fit(X, y, sample_weight=c * weight) for c in (1.0, 4.0))
    np.testing.assert_allclose(one.theta_, other.theta_, rtol=1e-9)
    equal = clone(model).fit(X, y, sample_weight=np.full(60, 4.0))
    np.testing.assert_allclose(
        equal.theta_, clone(model).fit(X, y).theta_, rtol=1e-9, atol=1e-12
    )


@both
@more_settings
def test_the_order_of_the_rows_does_not_matter_to_lbfgs(cls, more):
    X, y = problem(cls)
    weight = np.random.default_rng(1).uniform(0.2, 2.0, size=60)
    rows = np.random.default_rng(2).permutation(60)
    model = cls(**SETTINGS["lbfgs"], **more)
    one = clone(model).fit(X, y, sample_weight=weight)
    other = clone(model).fit(X[rows], y[rows], sample_weight=weight[rows])
    np.testing.assert_array_equal(one.theta_, other.theta_)


@both
def test_the_order_of_the_rows_does_not_matter_to_batch_descent(cls):
    """To rounding: sgd is not sorted."""
    X, y = problem(cls)
    rows = np.random.default_rng(2).permutation(60)
    model = cls(**SETTINGS["sgd"], batch_size="full")
    one, other = clone(model).fit(X, y), clone(model).fit(X[rows], y[rows])
    np.testing.assert_allclose(one.theta_, other.theta_, rtol=1e-8, atol=1e-10)
    assert not np.allclose(
        one.theta_, clone(model).set_params(max_iter=3).fit(X, y).theta_
    )


@both
def test_the_layout_of_the_inputs_in_memory_does_not_matter_to_lbfgs(cls):
    """A data frame is stored by columns."""
    X, y = problem(cls)
    model = cls(**SETTINGS["lbfgs"])
    by_rows = clone(model).fit(np.ascontiguousarray(X), y)
    by_columns = clone(model).fit(np.asfortranarray(X), y)
    np.testing.assert_array_equal(by_rows.theta_, by_columns.theta_)


# ---------------------------------------------------------------------- repeatability


@both
@every_solver
def test_a_seed_repeats_a_fit_bit_for_bit(cls, solver):
    X, y = problem(cls)
    model = cls(**SETTINGS[solver])
    first, second = clone(model).fit(X, y), clone(model).fit(X, y)
    assert learnt(first) == learnt(second)
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert not np.allclose(first.theta_, other.theta_)


@both
@every_solver
def test_fitting_twice_is_fitting_once(cls, solver):
    X, y = problem(cls)
    model = cls(**SETTINGS[solver]).fit(X, y)
    once = learnt(model)
    assert learnt(model.fit(X[:, :3], y)) != once
    assert learnt(model.fit(X, y)) == once


def test_a_random_state_is_used_up_and_no_seed_is_random():
    X, y = problem(EffPropClassifier)
    state = np.random.RandomState(0)
    settings = SETTINGS["sgd"] | {"random_state": state}
    first, second = (EffPropClassifier(**settings).fit(X, y) for _ in range(2))
    assert not np.allclose(first.theta_, second.theta_)
    settings["random_state"] = np.random.RandomState(0)
    again = EffPropClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(first.theta_, again.theta_)
    settings["random_state"] = None
    first, second = (EffPropClassifier(**settings).fit(X, y) for _ in range(2))
    assert not np.allclose(first.theta_, second.theta_)


def test_fitting_leaves_the_global_generator_alone():
    X, y = problem(EffPropClassifier)
    before = joblib.hash(np.random.get_state())  # noqa: NPY002 - just that one
    for settings in SETTINGS.values():
        EffPropClassifier(**settings).fit(X, y)
    assert joblib.hash(np.random.get_state()) == before  # noqa: NPY002


def test_workers_get_what_the_main_process_gets():
    models, results = [], []
    for cls in BOTH:
        X, y = problem(cls)
        for settings in SETTINGS.values():
            models.append((cls(**settings), X, y))
            results.append(cls(**settings).fit(X, y).theta_)
    fits = (delayed(model.fit)(X, y) for model, X, y in models)
    for worker, theta in zip(Parallel(n_jobs=2)(fits), results, strict=True):
        np.testing.assert_array_equal(worker.theta_, theta)


@both
@every_solver
def test_the_number_of_blas_threads_does_not_matter(cls, solver):
    """Wide enough that BLAS would share the work, were it allowed to."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 200))
    y = X[:, 0] if cls is EffPropRegressor else (X[:, 0] > 0).astype(int)
    settings = SETTINGS[solver] | {
        "max_iter": 2, "hidden_layer_sizes": (200,), "batch_size": "full",
    }  # fmt: skip
    fits = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            fits.append(cls(**settings).fit(X, y))
            outside = {
                p["num_threads"] for p in threadpool_info() if "blas" in p["user_api"]
            }
        assert outside == {threads}
    np.testing.assert_array_equal(fits[0].theta_, fits[1].theta_)
    assert fits[0].loss_curve_ == fits[1].loss_curve_


# -------------------------------------------------------------------- copies in between


@both
@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("start", ["fit", "partial_fit"])
def test_a_pickled_model_goes_on_as_the_model_would(cls, solver, start):
    X, y = problem(cls)
    more_X, more_y = problem(cls, seed=1)
    model = getattr(cls(**SETTINGS[solver]), start)(X, y)
    back = pickle.loads(pickle.dumps(model))
    model.partial_fit(more_X, more_y)
    back.partial_fit(more_X, more_y)
    np.testing.assert_array_equal(back.theta_, model.theta_)
    assert learnt(back) == learnt(model)


@both
@every_solver
def test_a_pickled_model_warms_up_as_the_model_would(cls, solver):
    X, y = problem(cls)
    model = cls(**SETTINGS[solver], warm_start=True).fit(X, y)
    back = pickle.loads(pickle.dumps(model))
    assert learnt(back.fit(X, y)) == learnt(model.fit(X, y))


# ---------------------------------------------------------------------------- failures


def spoilt(y):
    """Targets with something that is no number and no class."""
    y = y.astype(float)
    y[3] = np.nan
    return y


# what is called, with which parameters changed
FAILURES = {
    "nan_in_y": lambda m, X, y: m.fit(X, spoilt(y)),
    "inf_in_X": lambda m, X, y: m.fit(X + np.inf, y),
    "short_y": lambda m, X, y: m.fit(X, y[:-1]),
    "negative_weight": lambda m, X, y: m.fit(X, y, -np.ones(len(y))),
    "X_val_of_other_width": lambda m, X, y: m.fit(X, y, X_val=X[:, :2], y_val=y),
    "bad_parameter": lambda m, X, y: m.set_params(twist=-1.0).fit(X, y),
    "nothing_left_to_train_on": lambda m, X, y: m.set_params(
        early_stopping=True, validation_fraction=0.99
    ).fit(X, y),
    "other_network": lambda m, X, y: m.set_params(
        warm_start=True, hidden_layer_sizes=(6,)
    ).fit(X, y),
    "other_network_after_a_split": lambda m, X, y: m.set_params(
        warm_start=True, hidden_layer_sizes=(6,), early_stopping=True
    ).fit(X, y),
    "other_width_in_a_warm_start": lambda m, X, y: m.set_params(warm_start=True).fit(
        X[:, :3], y
    ),
    "init_of_another_shape": lambda m, X, y: m.set_params(init=np.zeros(3)).fit(X, y),
    "stream_with_nan_in_y": lambda m, X, y: m.partial_fit(X, spoilt(y)),
    "stream_of_other_width": lambda m, X, y: m.partial_fit(X[:, :3], y),
    "stream_of_other_targets": lambda m, X, y: m.partial_fit(
        X, np.column_stack([y, y]) > 1
    ),
    "stream_for_another_network": lambda m, X, y: m.set_params(
        hidden_layer_sizes=(6,)
    ).partial_fit(X + 1.0, y),
}


@both
@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("start", ["fit", "partial_fit"])
def test_a_call_that_fails_leaves_a_fitted_model_as_it_was(cls, failure, start):
    X, y = problem(cls)
    model = getattr(cls(**SETTINGS["momentum"]), start)(X, y)
    before, predictions = learnt(model), model.predict(X)
    parameters = model.get_params()
    with pytest.raises(ValueError, match=r"."):
        FAILURES[failure](model, X, y)
    model.set_params(**parameters)
    assert learnt(model) == before
    np.testing.assert_array_equal(model.predict(X), predictions)


def test_classes_that_were_not_announced_leave_a_fitted_model_as_it_was():
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SETTINGS["sgd"]).partial_fit(X, y)
    before = learnt(model)
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(X, y + 1)
    assert learnt(model) == before


@both
def test_a_first_fit_that_fails_leaves_nothing_behind(cls):
    X, y = problem(cls)
    for call in ("fit", "partial_fit"):
        model = cls(**SETTINGS["sgd"], init=np.zeros(3))
        with pytest.raises(ValueError, match="'init' parameter"):
            getattr(model, call)(X, y)
        assert vars(model).keys() == model.get_params().keys()


def interrupt_after(monkeypatch, n_calls):
    """Let someone press Ctrl-C while training goes on."""
    watch, calls = Monitor.__call__, count(1)

    def interrupted(self, *args, **kwargs):
        stop = watch(self, *args, **kwargs)
        if next(calls) == n_calls:
            raise KeyboardInterrupt
        return stop

    monkeypatch.setattr(Monitor, "__call__", interrupted)


@both
@every_solver
def test_ctrl_c_keeps_the_best_weights_so_far(monkeypatch, cls, solver):
    X, y = problem(cls)
    settings = SETTINGS[solver] | {"max_iter": 10, "learning_rate": "constant"}
    whole = cls(**settings | {"max_iter": 3}).fit(X, y)
    interrupt_after(monkeypatch, 3)
    model = cls(**settings, warm_start=True)
    with pytest.warns(ConvergenceWarning, match=r"interrupted; the best.*warm_start"):
        model.fit(X, y)
    assert (model.convergence_.reason, model.n_iter_) == ("interrupted", 3)
    np.testing.assert_array_equal(model.theta_, whole.theta_)
    assert model.loss_ == whole.loss_
    assert model.predict(X).shape == y.shape
    # and one can go on from there
    assert model.fit(X, y).loss_ <= whole.loss_


@both
def test_ctrl_c_during_the_first_epoch_leaves_the_initial_weights(monkeypatch, cls):
    X, y = problem(cls)
    model = cls(**SETTINGS["sgd"])
    initial = clone(model).set_params(learning_rate_init=1e-300, max_iter=1).fit(X, y)

    def press(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sk_effprop.core.descent.sweep", press)
    with pytest.warns(ConvergenceWarning, match="interrupted"):
        model.fit(X, y)
    np.testing.assert_array_equal(model.theta_, initial.theta_)
    assert (model.n_iter_, model.loss_curve_) == (0, [])


def test_ctrl_c_while_reading_data_leaves_a_fitted_model_as_it_was(monkeypatch):
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SETTINGS["sgd"]).fit(X, y)
    before = learnt(model)

    def press(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("sk_effprop.core.objective.Objective.null_value", press)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X + 1.0, y)
    assert learnt(model) == before
