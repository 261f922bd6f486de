"""Fits on Dask collections: in this process, and on two workers."""

import os
import pickle
import signal

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.distributed import fit_dask

da = pytest.importorskip("dask.array")
pd = pytest.importorskip("pandas")
dd = pytest.importorskip("dask.dataframe")

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # of Dask itself, when a worker is lost or ends
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SMALL = {"hidden_layer_sizes": (6,), "random_state": 0, "tol": 0}


def problem(n=900, dtype=np.float64):
    """Rows, values and weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5)) * [1.0, 10.0, 0.1, 1.0, 5.0]
    y = np.sin(X[:, 0]) + X[:, 2] * X[:, 3] + 0.05 * rng.normal(size=n)
    return X.astype(dtype), y, rng.uniform(0.1, 2.0, size=n)


def collections(*arrays, chunk=200):
    """Dask arrays with chunks of rows."""
    return [da.from_array(a, chunks=(chunk, *a.shape[1:])) for a in arrays]


def fitted(cls, client, *, data=None, dtype=np.float64, **settings):
    """A fit on five partitions."""
    X, y, weight = problem(dtype=dtype)
    if cls is EffPropClassifier:
        y = np.digitize(y, [-0.3, 0.3])
    X, y, weight = data or collections(X, y, weight)
    est = cls(**{**SMALL, "max_iter": 5, **settings})
    return fit_dask(est, X, y, client=client, sample_weight=weight)


# ------------------------------------------------------------------------- same bits


@pytest.mark.parametrize("solver", ["lbfgs", "lm", "cg", "scg", "sgd", "sdlm", "adam"])
def test_two_workers_give_the_bits_of_one_process(client, solver):
    cls = EffPropClassifier if solver in ("cg", "sdlm") else EffPropRegressor
    alone, together = (
        fitted(cls, who, solver=solver, engine="numpy") for who in (None, client)
    )
    np.testing.assert_array_equal(together.theta_, alone.theta_)
    assert together.loss_curve_ == alone.loss_curve_
    assert together.loss_ == alone.loss_


def test_a_lost_worker_costs_nothing_but_time(client):
    """It is killed between two iterations, and its partitions are computed anew."""
    X, y, _ = problem(60)
    alone = fitted(EffPropRegressor, None, solver="lbfgs", max_iter=8)
    n_calls = 0

    def scoring(estimator, X, y):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 4:
            victim = next(iter(client.run(os.getpid).values()))
            os.kill(victim, signal.SIGKILL)
        return n_calls

    X_all, y_all, weight = collections(*problem())
    est = EffPropRegressor(**SMALL, max_iter=8, solver="lbfgs", scoring=scoring)
    fit_dask(est, X_all, y_all, client=client, sample_weight=weight, X_val=X, y_val=y)
    assert n_calls == 8
    np.testing.assert_array_equal(est.theta_, alone.theta_)


# --------------------------------------------------------------------- same as fit


@pytest.mark.parametrize("cls", [EffPropRegressor, EffPropClassifier])
@pytest.mark.parametrize("solver", ["lbfgs", "lm", "cg", "scg"])
def test_the_minimum_is_that_of_fit(cls, solver):
    """The same penalty and normalisation, and as good a minimum."""
    X, y, weight = problem()
    y = y if cls is EffPropRegressor else np.digitize(y, [-0.3, 0.3])
    settings = {**SMALL, "max_iter": 200, "alpha": 1e-3, "normalize": "standardize"}
    local = cls(**settings, solver=solver).fit(X, y, weight)
    far = fitted(cls, None, **{**settings, "solver": solver})
    np.testing.assert_allclose(far.normalizer_.mean_, local.normalizer_.mean_)
    np.testing.assert_allclose(far.normalizer_.scale_, local.normalizer_.scale_)
    np.testing.assert_array_equal(far.alpha_, local.alpha_)
    assert far.loss_ < 1.3 * local.loss_
    loss, _ = far.loss_and_gradient(X, y, weight)
    assert loss == pytest.approx(far.loss_, rel=1e-10)
    assert far.score(X, y) > local.score(X, y) - 0.05


def test_rounds_of_sgd_are_about_as_good_as_sgd():
    X, y, _ = problem(4000)
    data = (*collections(X, y, chunk=1000), None)
    est = EffPropRegressor(**{**SMALL, "hidden_layer_sizes": (16,)}, solver="sgd")
    local = EffPropRegressor(**est.get_params()).fit(X, y)
    far = fit_dask(est, *data[:2])
    assert local.score(X, y) > 0.9
    assert far.score(X, y) > 0.85


def test_the_automatic_solver_is_a_batch_solver_unless_batches_are_wanted():
    assert fitted(EffPropRegressor, None).solver_ == "lbfgs"
    assert fitted(EffPropRegressor, None, batch_size=10).solver_ == "sgd"


def test_single_precision_stays():
    est = fitted(EffPropRegressor, None, dtype=np.float32, solver="lm")
    assert est.theta_.dtype == np.float32
    assert est.predict(problem(dtype=np.float32)[0]).dtype == np.float32


def test_statistics_of_lm_work():
    est = fitted(EffPropRegressor, None, solver="lm", alpha="evidence", max_iter=30)
    assert est.n_effective_parameters_ > 0
    _, deviation = est.predict(problem()[0], return_std=True)
    assert (deviation > 0).all()


def test_the_fitted_estimator_is_an_ordinary_one(client):
    est = fitted(EffPropRegressor, client, solver="lbfgs")
    copy = pickle.loads(pickle.dumps(est))
    X = problem()[0]
    np.testing.assert_array_equal(copy.predict(X), est.predict(X))
    assert b"distributed" not in pickle.dumps(est)


# ------------------------------------------------------------------ what fit has, too


def test_early_stopping_splits_every_partition(client):
    settings = {"early_stopping": True, "solver": "lbfgs", "max_iter": 20}
    alone, together = (
        fitted(EffPropClassifier, who, **settings) for who in (None, client)
    )
    np.testing.assert_array_equal(together.theta_, alone.theta_)
    assert len(together.validation_loss_curve_) == together.n_iter_


def test_validation_data_may_be_partitions_or_arrays():
    X, y, _ = problem()
    X_val, y_val, _ = problem(120)
    curves = []
    for val in (X_val, y_val), collections(X_val, y_val, chunk=50):
        est = EffPropRegressor(**SMALL, max_iter=5, solver="lbfgs")
        fit_dask(est, *collections(X, y), X_val=val[0], y_val=val[1])
        curves.append(est.validation_loss_curve_)
    np.testing.assert_allclose(*curves, rtol=1e-10)


def test_other_scores_need_validation_data_in_memory():
    with pytest.raises(ValueError, match="needs the validation data in one place"):
        fitted(EffPropRegressor, None, early_stopping=True, scoring="r2")


def test_weights_of_classes_are_balanced_over_all_partitions():
    X, y, _ = problem()
    labels = np.array(["a", "b"])[(y > 0.8).astype(int)]
    est = EffPropClassifier(
        **SMALL, max_iter=5, solver="lbfgs", class_weight="balanced"
    )
    local = EffPropClassifier(**est.get_params()).fit(X, labels)
    far = fit_dask(est, *collections(X, labels))
    assert far.classes_.tolist() == ["a", "b"]
    for mine, expected in zip(far._balance[0].items(), local._balance[0].items(),
                              strict=True):  # fmt: skip
        assert mine[0] == expected[0]
        assert mine[1] == pytest.approx(expected[1])


def test_weights_stand_for_repeated_rows():
    X, y, _ = problem(300)
    weight = np.random.default_rng(0).integers(1, 4, size=300)
    repeated = np.repeat(np.arange(300), weight)
    settings = {**SMALL, "alpha": 0.01, "normalize": "standardize", "max_iter": 300}
    ests = [EffPropRegressor(**settings, solver="lbfgs") for _ in range(2)]
    data = [da.from_array(a, chunks=(100, *a.shape[1:])) for a in (X, y, weight * 1.0)]
    fit_dask(ests[0], *data[:2], sample_weight=data[2])
    fit_dask(ests[1], *collections(X[repeated], y[repeated], chunk=150))
    losses = [est.loss_and_gradient(X, y, weight)[0] for est in ests]
    assert losses[0] == pytest.approx(losses[1], rel=0.2)


def test_a_warm_start_goes_on():
    est = fitted(EffPropRegressor, None, solver="lbfgs", warm_start=True)
    before, mean = est.loss_, est.target_mean_
    X, y, weight = collections(*problem())
    fit_dask(est, X, y, sample_weight=weight)
    assert est.loss_ < before
    assert est.target_mean_ is mean


def test_progress_is_shown(capsys):
    fitted(EffPropRegressor, None, solver="lbfgs", verbose=2)
    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("\n") >= 5


def test_callbacks_follow_a_fit(client):
    pytest.importorskip("sklearn.callback", reason="came with scikit-learn 1.9")
    from tests.estimators.test_callbacks import Recorder, tasks

    X, y, _ = problem()
    X_far, y_far = collections(X, y)
    for who in None, client:
        recorder = Recorder()
        est = EffPropRegressor(**SMALL, max_iter=5, solver="lbfgs")
        est.set_callbacks(recorder)
        fit_dask(est, X_far, y_far, client=who)
        assert recorder.events == tasks(5)
        scores = [model.score(X, y) for model, *_ in recorder.models]
        assert scores[-1] > scores[0]
        assert recorder.models[0][1] is X_far


# ------------------------------------------------------------------- data of all kinds


def test_data_frames_with_unknown_sizes_and_empty_partitions():
    X, y, weight = problem()
    frame = pd.DataFrame(X, columns=list("abcde"))
    frame = frame.assign(y=y, w=weight, row=np.arange(900))
    frame = dd.from_pandas(frame, npartitions=5)
    frame = frame[frame["row"] > 200]
    data = frame[list("abcde")], frame["y"], frame["w"]
    est = fitted(EffPropRegressor, None, data=data, solver="lbfgs")
    assert est.feature_names_in_.tolist() == list("abcde")
    arrays = collections(X[201:], y[201:], weight[201:])
    arrays = [a.rechunk({0: (159, 180, 180, 180)}) for a in arrays]
    same = fitted(EffPropRegressor, None, data=arrays, solver="lbfgs")
    np.testing.assert_allclose(est.theta_, same.theta_, rtol=1e-6, atol=1e-9)


def test_columns_and_targets_that_are_cut_otherwise_are_cut_like_the_rows():
    X, y, weight = problem()
    data = (
        da.from_array(X, chunks=(200, 2)),
        da.from_array(y, chunks=90),
        da.from_array(weight, chunks=900),
    )
    est = fitted(EffPropRegressor, None, data=data, solver="lbfgs")
    same = fitted(EffPropRegressor, None, solver="lbfgs")
    np.testing.assert_array_equal(est.theta_, same.theta_)


def test_several_outputs_and_labels():
    X, y, _ = problem()
    Y = np.column_stack([y, X[:, 0]])
    est = fit_dask(
        EffPropRegressor(**SMALL, max_iter=5, solver="lbfgs"), *collections(X, Y)
    )
    assert est.predict(X).shape == (900, 2)
    labels = (Y > 0).astype(int)
    est = fit_dask(
        EffPropClassifier(**SMALL, max_iter=5, solver="lbfgs"), *collections(X, labels)
    )
    assert est.predict(X).shape == (900, 2)


# ------------------------------------------------------------------------------- errors


def test_data_in_memory_are_refused():
    X, y, _ = problem()
    with pytest.raises(TypeError, match="X must be a Dask array or data frame, got nd"):
        fit_dask(EffPropRegressor(), X, y)


def test_partitions_must_fit_together():
    X, y, _ = problem()
    frame = dd.from_pandas(pd.DataFrame(X), npartitions=3)
    with pytest.raises(ValueError, match="same partitions, got"):
        fit_dask(EffPropRegressor(), frame, *collections(y))
    with pytest.raises(ValueError, match="X has 900 rows, but y"):
        fit_dask(EffPropRegressor(), *collections(X, y[:-1]))


def test_there_must_be_something_to_train_on():
    X, y, weight = problem()
    with pytest.raises(ValueError, match="nothing to train on"):
        fitted(EffPropRegressor, None, data=collections(X, y, 0.0 * weight))


@pytest.mark.parametrize(
    "settings", [{"emphasis": 0.5}, {"learning_rate": "flow"}, {"input_gains": True}]
)
def test_what_rounds_cannot_do_is_refused(settings):
    (name,) = settings
    with pytest.raises(ValueError, match=f"{name}=.* is not available"):
        fitted(EffPropRegressor, None, solver="sgd", **settings)


def test_a_failed_fit_leaves_the_estimator_as_it_was(client):
    X, y, _ = problem()
    X[700, 0] = np.inf
    est = EffPropRegressor(**SMALL)
    before = dict(vars(est))
    for who in None, client:
        with pytest.raises(ValueError, match="Partition 3: Input X contains infinity"):
            fit_dask(est, *collections(X, y), client=who)
        assert vars(est) == before


def test_tables_are_encoded_the_same_way_everywhere(client):
    import dask.dataframe as dd
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=600), "b": rng.choice(["x", "y"], 600)})
    frame.loc[450, "a"] = np.nan
    frame["y"] = frame.a.fillna(0.0) + (frame.b == "x")
    whole = EffPropRegressor(**SMALL, max_iter=30).fit(frame[["a", "b"]], frame.y)
    parts = dd.from_pandas(frame, npartitions=4)
    ests = [
        fit_dask(
            EffPropRegressor(**SMALL, max_iter=30),
            parts[["a", "b"]],
            parts.y,
            client=who,
        )
        for who in (None, client)
    ]
    np.testing.assert_array_equal(ests[0].theta_, ests[1].theta_)
    found = ests[0].table_encoder_.transform(frame[["a", "b"]])
    expected = whole.table_encoder_.transform(frame[["a", "b"]])
    np.testing.assert_array_equal(found, expected)
    assert ests[0].score(frame[["a", "b"]], frame.y) > 0.9


def test_balanced_weights_of_labels_are_refused():
    X, y, _ = problem()
    est = EffPropClassifier(class_weight="balanced")
    labels = np.column_stack([y > 0, y > 1]).astype(int)
    with pytest.raises(ValueError, match="multilabel data in one place"):
        fit_dask(est, *collections(X, labels))


# ------------------------------------------------------------------------------- joblib


def test_a_grid_search_runs_on_the_cluster(client):
    import joblib
    from sklearn.model_selection import GridSearchCV

    X, y, _ = problem(200)
    est = EffPropRegressor(**SMALL, max_iter=5, solver="lbfgs")
    grid = {"hidden_layer_sizes": [(3,), (6,)]}
    here = GridSearchCV(est, grid, cv=2).fit(X, y)
    with client.as_current(), joblib.parallel_config(backend="dask"):
        there = GridSearchCV(est, grid, cv=2, n_jobs=2).fit(X, y)
    assert here.best_params_ == there.best_params_
    np.testing.assert_array_equal(
        here.best_estimator_.theta_, there.best_estimator_.theta_
    )
