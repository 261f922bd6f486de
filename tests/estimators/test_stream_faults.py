"""Streams that are not learnt say so, and an unusual beginning does not spoil them."""

import pickle
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, make_classification, make_friedman1

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import diagnose

N = 800


def problem(cls, seed=0, n=N):
    if cls is EffPropRegressor:
        return make_friedman1(n, n_features=6, noise=0.5, random_state=seed)
    return make_classification(
        n, 8, n_informative=6, n_classes=3, class_sep=1.5, random_state=seed
    )


def stream(model, X, y, size, **settings):
    """Train on batches; return what was said on the way."""
    if isinstance(model, EffPropClassifier):
        settings["classes"] = np.unique(y)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for a in range(0, len(y), size):
            model.partial_fit(X[a : a + size], y[a : a + size], **settings)
    return [str(warning.message) for warning in said]


both = pytest.mark.parametrize("cls", [EffPropRegressor, EffPropClassifier])


# -------------------------------------------------------------- unusual first inputs

BEGINNINGS = {
    "another unit": lambda X: X * 1e6,
    "an offset": lambda X: X + 1e6,
    "codes of missing values": lambda X: np.full_like(X, -9999.0),
    "tiny": lambda X: X * 1e-6,
}


@both
@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize(("size", "first"), [(1, 1), (20, 5)])
def test_the_first_rows_do_not_decide_the_scale_of_inputs(cls, beginning, size, first):
    X, y = problem(cls)
    model = cls((20,), random_state=0)
    stream(model, X, y, size)
    usual = model.score(X, y)
    X_odd = X.copy()
    X_odd[:first] = BEGINNINGS[beginning](X[:first])
    model = cls((20,), random_state=0)
    stream(model, X_odd, y, size)
    assert model.score(X, y) > usual - 0.3
    assert 0.3 < np.median(model.normalizer_.scale_ / X.std(axis=0)) < 3.0


@pytest.mark.parametrize("normalize", ["standardize", "whiten"])
def test_every_normalization_forgets_them(normalize):
    X, y = problem(EffPropRegressor)
    X[:3] += 1e6
    model = EffPropRegressor((20,), normalize=normalize, random_state=0)
    stream(model, X, y, 20)
    assert model.score(X[3:], y[3:]) > 0.4


def test_sparse_inputs_forget_them_too():
    X, y = problem(EffPropRegressor)
    X[:3] *= 1e6
    model = EffPropRegressor((20,), random_state=0)
    stream(model, sparse.csr_array(X), y, 20)
    assert model.score(X[3:], y[3:]) > 0.4


def test_a_late_unusual_row_is_forgotten_without_a_jump():
    """Weights follow both changes of the scale."""
    X, y = problem(EffPropRegressor)
    X[600] *= 1e5
    usual = np.delete(np.arange(N), 600)
    # a rate that changes nothing
    model = EffPropRegressor((5,), learning_rate_init=1e-300, random_state=0)
    stream(model, X[:600], y[:600], 50)
    before = model.predict(X[usual])
    stream(model, X[600:650], y[600:650], 50)
    assert model.normalizer_.scale_[0] > 100.0 * X[usual, 0].std()
    np.testing.assert_allclose(model.predict(X[usual]), before, rtol=1e-6)
    stream(model, np.vstack([X[usual]] * 2), np.hstack([y[usual]] * 2), 50)
    np.testing.assert_allclose(model.predict(X[usual]), before, rtol=1e-6)
    assert model.normalizer_.scale_[0] < 2.0 * X[usual, 0].std()


def test_columns_of_rare_values_do_not_begin_anew():
    """Their quartiles jump when the first values come, but their unit stays."""
    X, y = load_digits(return_X_y=True)
    model = EffPropClassifier(random_state=0)
    stream(model, X[:400], y[:400], 1)
    assert model.score(X[400:], y[400:]) > 0.65


def test_many_unusual_targets_in_a_large_first_batch_are_outvoted():
    X, y = problem(EffPropRegressor, n=1500)
    y_odd = y.copy()
    y_odd[:20] *= 1e6
    model = EffPropRegressor((20,), random_state=0)
    stream(model, X, y_odd, 500)
    assert model.score(X, y) > 0.3


# ------------------------------------------------------------------- ruinous settings

RUINOUS = {
    "init": (1e3, "init"),
    "learning_rate_init": (1e-8, "learning_rate_init"),
    "alpha": (1e6, "alpha"),
}


@both
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
@pytest.mark.parametrize("size", [20])
@pytest.mark.parametrize("name", RUINOUS)
def test_ruinous_settings_are_named(cls, solver, size, name):
    value, parameter = RUINOUS[name]
    X, y = problem(cls, n=1000)
    model = cls((20,), solver=solver, random_state=0, **{name: value})
    said = stream(model, X, y, size)
    assert model.convergence_.parameter == parameter
    about_stream = [sentence for sentence in said if "of the stream" in sentence]
    assert about_stream
    assert all(parameter in sentence for sentence in about_stream)
    # a few times, and not at every batch
    assert len(about_stream) <= 4


@both
def test_one_large_batch_is_enough_to_name_a_setting(cls):
    X, y = problem(cls, n=4000)
    model = cls((20,), learning_rate_init=1e-7, random_state=0)
    said = stream(model, X, y, 4000)
    assert model.convergence_.parameter == "learning_rate_init"
    assert "too small" in said[0]
    assert stream(cls((20,), random_state=0), X, y, 4000) == []


@both
def test_inputs_without_normalization_are_named(cls):
    X, y = problem(cls, n=1000)
    model = cls((20,), normalize=None, random_state=0)
    said = stream(model, 1e3 * X + 1e4, y, 5)
    assert model.convergence_.parameter == "normalize"
    assert "normalize='robust'" in said[-1]


def test_what_was_found_stays_until_the_next_look():
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor((20,), alpha=1e6, random_state=0)
    stream(model, X, y, 10)
    problem_found = model.convergence_.problem
    assert problem_found
    assert stream(model, X[:10], y[:10], 10) == []
    assert model.convergence_.problem == problem_found


def test_pure_noise_is_called_so():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1500, 5)), rng.normal(size=1500)
    said = stream(EffPropRegressor((20,), random_state=0), X, y, 10)
    assert any("nothing in X predicts y" in sentence for sentence in said)


@both
@pytest.mark.parametrize("size", [1, 20, 200])
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_healthy_streams_are_not_warned_about(cls, size, solver):
    for seed in range(2):
        X, y = problem(cls, seed)
        model = cls((20,), solver=solver, random_state=seed)
        assert stream(model, X, y, size) == []
        assert model.convergence_.problem == ""


# --------------------------------------------------------------- levels that come late


def towns(n_late):
    """A table whose first rows all have one level, and targets that depend on it."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    town = rng.choice(list("abcdefgh"), 1200)
    town[:n_late] = "a"
    frame = pd.DataFrame({"x": rng.normal(size=1200), "town": town})
    value = {name: 3.0 * k for k, name in enumerate("cfahbgde")}
    return frame, frame["town"].map(value).to_numpy() + frame["x"].to_numpy()


@pytest.mark.parametrize("size", [1, 20, 100])
def test_levels_that_the_first_batch_did_not_have_are_named(size):
    frame, y = towns(100)
    model = EffPropRegressor(random_state=0)
    said = stream(model, frame, y, size)
    assert any("level of column 'town' that the first" in one for one in said)
    assert model.convergence_.parameter == "categorical_features"


@pytest.mark.parametrize("declares", [False, True])
def test_levels_that_are_known_are_not(declares):
    frame, y = towns(100 if declares else 0)
    if declares:
        frame["town"] = frame["town"].astype("category")
    model = EffPropRegressor(random_state=0)
    for a in range(0, 1200, 100):
        model.partial_fit(frame[a : a + 100], y[a : a + 100])
    assert model.convergence_.problem == ""
    assert set(model._resume.unknown.values()) == {0}


@pytest.mark.parametrize("size", [1, 10])
def test_constant_targets_at_first_are_no_reason_to_begin_anew(size):
    """The network explains all of a loss that is zero."""
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=800), np.ones(800)])
    X[300:, 1] = rng.normal(size=500)
    model = EffPropRegressor(random_state=0)
    stream(model, X, 2.0 * X[:, 1], size)
    assert model.score(X[400:], 2.0 * X[400:, 1]) > 0.8


# ------------------------------------------------------------- the order of examples


@pytest.mark.parametrize("size", [1, 10, 100])
@pytest.mark.parametrize("descending", [False, True])
def test_sorted_targets_are_named(size, descending):
    X, y = problem(EffPropRegressor)
    order = np.argsort(-y if descending else y)
    model = EffPropRegressor(random_state=0)
    said = stream(model, X[order], y[order], size)
    assert any("sorted order" in sentence for sentence in said)
    assert any("shuffle all rows" in sentence for sentence in said)


@pytest.mark.parametrize("size", [20])
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_sorted_classes_are_named(size, loss):
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")
    model = EffPropClassifier(loss=loss, random_state=0)
    said = stream(model, X[order], y[order], size)
    assert any("sorted order" in sentence for sentence in said)


def test_a_call_that_diverges_says_so_beside_what_is_known():
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor((20,), random_state=0)
    order = np.argsort(y)
    stream(model, X[order], y[order], 10)
    model.set_params(learning_rate_init=1e6)
    said = stream(model, X[:10], y[:10], 10)
    assert model.convergence_.reason == "diverged"
    assert said[0].startswith("Training diverged; the best weights so far are kept.")
    assert "sorted order" in said[0]


@pytest.mark.parametrize("size", [10, 50])
def test_a_short_sorted_stream_is_named(size):
    X, y = load_iris(return_X_y=True)
    said = stream(EffPropClassifier(random_state=0), X, y, size)
    assert any("sorted order" in sentence for sentence in said)


@pytest.mark.parametrize("size", [1, 10, 32, 100])
@pytest.mark.parametrize("n", [1000, 1500])
def test_a_class_that_takes_the_place_of_another_is_named_at_once(n, size):
    """The stream ends before the next look is due."""
    X, y = make_classification(n, 8, flip_y=0.2, random_state=0)
    order = np.argsort(y, kind="stable")
    model = EffPropClassifier(random_state=0)
    said = stream(model, X[order], y[order], size)
    assert any("sorted order" in sentence for sentence in said)
    assert diagnose(model, X, y).findings[0].cause == "sorted presentation"


@pytest.mark.parametrize("size", [1, 10, 32, 100])
@pytest.mark.parametrize("share", [0.9, 0.99])
def test_rare_classes_are_no_runs(share, size):
    X, y = make_classification(1500, 6, weights=[share], flip_y=0.0, random_state=1)
    said = stream(EffPropClassifier(random_state=0), X, y, size)
    assert not any("sorted order" in sentence for sentence in said)


def test_a_series_that_is_foreseen_may_be_slow():
    """Targets of a random walk are alike, but the latest value tells the next one."""
    steps = np.random.default_rng(0).normal(size=N)
    walk = np.cumsum(steps - 0.02 * np.cumsum(steps) / np.arange(1, N + 1))
    noise = np.random.default_rng(1).normal(size=N)
    X = np.column_stack([walk + 0.1 * noise, noise])
    for size in (1, 20):
        said = stream(EffPropRegressor((20,), random_state=0), X, walk, size)
        assert not any("sorted order" in sentence for sentence in said)


# ------------------------------------------------------------ weights and their sums


@both
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_spoilt_in_place_are_refused(cls, bad):
    X, y = problem(cls)
    model = cls((5,), random_state=0)
    stream(model, X[:100], y[:100], 50)
    model.theta_[3] = bad
    for call in (
        lambda: model.partial_fit(X, y),
        lambda: model.predict(X),
        lambda: model.loss_and_gradient(X, y),
        lambda: model.set_params(warm_start=True, solver="sgd").fit(X, y),
    ):
        with pytest.raises(ValueError, match="theta_ must hold finite numbers"):
            call()


def test_weights_of_single_rows_count():
    """Alone in its batch, a row has no other to be heavier than."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    y = (X[:, 0] + rng.normal(size=N) > 0.0).astype(int)
    shares = {}
    for size in (1, 50):
        for weights in (None, {0: 1.0, 1: 20.0}):
            model = EffPropClassifier(class_weight=weights, random_state=0)
            stream(model, X, y, size)
            shares[size, weights is None] = np.mean(model.predict(X))
    assert shares[1, False] > shares[1, True] + 0.2
    assert abs(shares[1, False] - shares[50, False]) < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_single_rows_of_very_uneven_weights_are_learnt(seed):
    """A heavy row is presented several times, each time as any other row."""
    rng = np.random.default_rng(seed)
    X, weight = rng.normal(size=(500, 4)), 10.0 ** rng.uniform(-3.0, 3.0, size=500)
    y = X[:, 0] + 0.5 * X[:, 1] + 0.1 * rng.normal(size=500)
    model = EffPropRegressor((20,), random_state=0)
    for i in range(500):
        model.partial_fit(X[i : i + 1], y[i : i + 1], sample_weight=weight[i : i + 1])
    assert model.score(X, y) > 0.6


def test_a_common_factor_of_all_weights_changes_nothing():
    X, y = problem(EffPropRegressor)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=N)
    thetas = []
    for factor in (1.0, 1024.0):
        model = EffPropRegressor((5,), random_state=0)
        for a in range(0, 300, 7):
            rows = slice(a, a + 7)
            model.partial_fit(X[rows], y[rows], sample_weight=factor * weight[rows])
        thetas.append(model.theta_)
    np.testing.assert_allclose(*thetas, rtol=1e-6, atol=1e-9)


# ---------------------------------------------------------------- what may change


@both
def test_a_pickle_between_two_calls_changes_nothing(cls):
    X, y = problem(cls)
    X[0] *= 1e6
    straight, saved = (cls((10,), random_state=0) for _ in range(2))
    stream(straight, X[:400], y[:400], 20)
    for a in range(0, 400, 20):
        stream(saved, X[a : a + 20], y[a : a + 20], 20) if a else stream(
            saved, X[:20], y[:20], 20
        )
        saved = pickle.loads(pickle.dumps(saved))
    np.testing.assert_array_equal(saved.theta_, straight.theta_)
    assert saved.convergence_ == straight.convergence_
