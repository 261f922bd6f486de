"""partial_fit: epochs one by one, watched like those of fit."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import learning_curve

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.preprocessing import ROTATIONS
from sk_effprop.solvers import STOCHASTIC

BOTH = [EffPropClassifier, EffPropRegressor]
# the strength of alpha="auto" falls with the number of examples seen
SMALL = {
    "hidden_layer_sizes": (5,), "input_clip": None, "tol": 0.0, "random_state": 0,
    "alpha": 0.01, "learning_rate": "constant",
}  # fmt: skip

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])
each_solver = pytest.mark.parametrize("solver", STOCHASTIC)


def problem(cls, n=60):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 100.0, 0.0, -3.0]
    value = X[:, 0] + 0.1 * (X[:, 1] - 100.0)
    return X, value if cls is EffPropRegressor else np.digitize(value, [-0.7, 0.7])


@pytest.fixture
def last_weights(monkeypatch):
    """What the last epoch of a verbose fit ended with, which may not be the best."""
    seen = []
    monkeypatch.setattr(
        "sk_effprop.training.progress._print_line",
        lambda monitor: seen.append(monitor.theta.copy()),
    )
    return seen


VARIATIONS = [
    {},
    {"momentum": 0.5, "nesterovs_momentum": True},
    {"shuffle": False},
    {"batch_size": 1},
    {"batch_growth": 1.5},
    {"normalize": "whiten"},
    {"normalize": None},
    {"learning_rate": "annealing"},
    {"learning_rate": "invscaling"},
    {"learning_rate": "flow"},
    {"curvature_decay": 0.01},
]


@pytest.mark.parametrize("variation", VARIATIONS, ids=str)
@each_solver
@both
def test_calls_with_all_data_are_the_epochs_of_a_fit(
    last_weights, cls, solver, variation
):
    """The first to the last bit, later ones up to rounding.

    The running statistics of the same data, seen again, are the same but for that.
    """
    X, y = problem(cls)
    settings = {**SMALL, "solver": solver, **variation}
    whole = cls(**settings, max_iter=3, verbose=2).fit(X, y)
    streamed = cls(**settings)
    for epoch, theta in enumerate(last_weights):
        streamed.partial_fit(X, y)
        atol = 0.0 if epoch == 0 else 1e-12
        np.testing.assert_allclose(streamed.theta_, theta, rtol=0.0, atol=atol)
    np.testing.assert_allclose(streamed.loss_curve_, whole.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(
        streamed.learning_rate_curve_, whole.learning_rate_curve_, rtol=1e-12
    )
    assert (streamed.n_iter_, streamed.t_) == (whole.n_iter_, whole.t_) == (3, 180)


@each_solver
@both
def test_weights_and_sparse_data_are_streamed_too(last_weights, cls, solver):
    X, y = problem(cls)
    X = sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0.0))
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=60)
    weight[::5] = 0.0
    settings = {**SMALL, "solver": solver}
    cls(**settings, max_iter=1, verbose=2).fit(X, y, sample_weight=weight)
    streamed = cls(**settings).partial_fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(streamed.theta_, last_weights[-1])


@both
@pytest.mark.filterwarnings("ignore:After 200 examples:UserWarning")
def test_a_large_mean_in_single_precision_is_no_reason_to_jump(cls):
    rng = np.random.default_rng(0)
    X = (1e5 + rng.normal(size=(200, 3))).astype(np.float32)
    y = X[:, 0] - 1e5 if cls is EffPropRegressor else (X[:, 0] > 1e5).astype(int)
    model = cls(**SMALL, learning_rate_init=1e-300).partial_fit(X[:100], y[:100])
    read = model.predict if cls is EffPropRegressor else model.predict_proba
    before = read(X)
    np.testing.assert_allclose(read(X.astype(np.float64)), before, atol=1e-5)
    model.partial_fit(X[100:], y[100:])
    np.testing.assert_allclose(read(X), before, atol=1e-5)


@both
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_few_rows_take_their_share_of_the_step_of_eight(cls, solver):
    X, y = problem(cls)
    settings = {**SMALL, "solver": solver, "curvature_period": np.inf}
    model = cls(**settings)
    for n in 60, 1, 8, 2, 60:
        model.partial_fit(X[:n], y[:n])
    rates = np.array(model.learning_rate_curve_)
    np.testing.assert_allclose(rates / rates[0], [1.0, 1 / 8, 1.0, 2 / 8, 1.0])
    given = cls(**settings, learning_rate_init=0.01).partial_fit(X, y)
    assert given.partial_fit(X[:1], y[:1]).learning_rate_curve_ == [0.01, 0.01]


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_rates_of_single_rows_stay_what_they_were_measured_to_be(loss):
    X, y = problem(EffPropClassifier, n=600)
    model = EffPropClassifier(**SMALL, loss=loss)
    for i in range(600):
        model.partial_fit(X[i : i + 1], y[i : i + 1], classes=[0, 1, 2])
    curve = np.array(model.learning_rate_curve_)
    np.testing.assert_array_equal(curve[31:], curve[31])


@pytest.mark.parametrize("size", [1e-3, 1e6])
@pytest.mark.parametrize("first", [1, 2])
def test_values_of_any_size_may_come_row_by_row(first, size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 8))
    y = size * (3.0 + X[:, :3].sum(axis=1))
    model = EffPropRegressor(random_state=0)
    for rows in np.split(np.arange(500), np.arange(first, 500)):
        model.partial_fit(X[rows], y[rows])
    assert model.score(X[500:], y[500:]) > 0.7


@pytest.mark.parametrize("first", [10, 40])
def test_only_the_first_thirty_targets_of_a_stream_set_their_scale(first):
    X, y = problem(EffPropRegressor)
    stream = EffPropRegressor(**SMALL)
    stream.partial_fit(X[:first], y[:first])
    fitted = EffPropRegressor(**SMALL, solver="sgd", max_iter=1).fit(X[:20], y[:20])
    found = fitted.target_mean_
    for model in stream, fitted:
        for start in first, first + 10:
            rows = slice(start, start + 10)
            model.partial_fit(X[rows], y[rows])
    n = first if first >= 30 else 30
    np.testing.assert_allclose(stream.target_mean_, y[:n].mean())
    np.testing.assert_allclose(stream.target_scale_, y[:n].std())
    # what fit has found stays
    np.testing.assert_array_equal(fitted.target_mean_, found)


@pytest.mark.parametrize("solver", ["auto", "sdlm"])
@pytest.mark.parametrize("first", [1, 2, 100])
def test_a_stream_may_come_row_by_row(first, solver):
    """Though the first row tells neither rates, nor how many will follow."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 20)) * 10.0 ** rng.integers(-3, 4, size=20)
    y = (X[:, :3] / X[:, :3].std(axis=0)).sum(axis=1) > 0.0
    model = EffPropClassifier(random_state=0, solver=solver)
    for rows in np.split(np.arange(600), np.arange(first, 600)):
        model.partial_fit(X[rows], y[rows], classes=[False, True])
    assert model.score(X[600:], y[600:]) > 0.75


@both
def test_statistics_of_the_inputs_are_those_of_all_batches(cls):
    X, y = problem(cls)
    model = cls(**SMALL, solver="sgd")
    classes = {} if cls is EffPropRegressor else {"classes": [0, 1, 2]}
    for rows in np.array_split(np.arange(60), [7, 30]):
        model.partial_fit(X[rows], y[rows], **classes)
    whole = cls(**SMALL, solver="sgd", max_iter=1).fit(X, y)
    np.testing.assert_allclose(model.normalizer_.mean_, whole.normalizer_.mean_)
    np.testing.assert_allclose(model.normalizer_.scale_, whole.normalizer_.scale_)
    assert model.normalizer_.n_samples_seen_ == 60


def dependent_columns():
    """Three batches of 30 rows: some columns are given by others, at least at first."""
    rng = np.random.default_rng(0)
    (a, b), late = rng.normal(size=(2, 90)), np.arange(90) >= 60
    category, total = rng.integers(0, 3, size=90), 1000.0 * (a + b)
    columns = {
        "sum": [a, b, total],
        "sum_that_breaks": [a, b, total + late * a * b],
        "constant": [a, b, total, np.full(90, 7.0)],
        "constant_that_moves": [a, b, total, 7.0 + late * a * b],
        "categories": [a, *np.eye(3)[category].T],
        "new_category": [a, *np.eye(4)[np.where(late, 3, category)].T],
    }
    return {name: np.column_stack(given) for name, given in columns.items()}


DEPENDENT = dependent_columns()


@pytest.mark.parametrize("kind", ["float64", "float32", "sparse"])
@pytest.mark.parametrize("X", DEPENDENT.values(), ids=list(DEPENDENT))
@pytest.mark.parametrize("normalize", ROTATIONS)
@both
def test_predictions_do_not_jump_where_columns_depend_on_each_other(
    cls, normalize, X, kind
):
    """A rate of 1e-300 leaves only what normalisation changes: nothing."""
    y = X[:, 0] if cls is EffPropRegressor else np.arange(90) % 3
    X = sparse.csr_array(X) if kind == "sparse" else X.astype(kind)
    model = cls(**SMALL, solver="sgd", normalize=normalize, learning_rate_init=1e-300)
    output = "predict" if cls is EffPropRegressor else "decision_function"
    atol = 1e-5 if kind == "float32" else 1e-12
    model.partial_fit(X[:30], y[:30])
    for start in (30, 60):
        before = getattr(model, output)(X[:start])
        model.partial_fit(X[start : start + 30], y[start : start + 30])
        after = getattr(model, output)(X[:start])
        assert np.ptp(before) > 0.1
        np.testing.assert_allclose(after, before, rtol=0.0, atol=atol)


@both
def test_statistics_go_on_from_those_of_a_fit_and_into_a_warm_fit(cls):
    X, y = problem(cls)
    model = cls(**SMALL, solver="sgd", max_iter=2, warm_start=True).fit(X[:40], y[:40])
    model.partial_fit(X[40:], y[40:])
    normalizer = model.normalizer_
    np.testing.assert_allclose(normalizer.mean_, X.mean(axis=0))
    model.fit(X, y)
    assert model.normalizer_ is normalizer
    model.partial_fit(X, y)
    assert model.normalizer_.n_samples_seen_ == 120
    model.set_params(warm_start=False).fit(X, y)
    assert model.normalizer_.n_samples_seen_ == 60


@both
def test_a_goal_is_reported_by_the_call_that_reaches_it(cls):
    X, y = problem(cls)
    model = cls(**SMALL, solver="sdlm", batch_size=4)
    start = model.partial_fit(X, y).loss_
    for _ in range(20):
        model.partial_fit(X, y)
    goal = (start + model.loss_) / 2.0
    streamed = cls(**SMALL, solver="sdlm", batch_size=4, goal=goal)
    for _ in range(21):
        streamed.partial_fit(X, y)
        reached = streamed.loss_ <= goal
        assert streamed.convergence_.reason == ("goal" if reached else "max_iter")
        if reached:
            break
    assert 1 < streamed.n_iter_ < 21
    assert streamed.convergence_.n_iter == streamed.n_iter_


@both
def test_lines_are_numbered_through(capsys, cls):
    X, y = problem(cls)
    model = cls(**SMALL, solver="sgd", max_iter=2, verbose=1).fit(X, y)
    for _ in range(2):
        model.partial_fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"Iteration {n}" for n in (1, 2, 3, 4)
    ]
    assert model.n_iter_ == len(model.loss_curve_) == 4


@each_solver
def test_labels_are_streamed(solver):
    X, _ = problem(EffPropClassifier)
    Y = np.column_stack([X[:, 0] > 0.0, X[:, 1] > 100.0, X[:, 3] > -3.0]).astype(int)
    model = EffPropClassifier(**SMALL, solver=solver, batch_size=4)
    for epoch in range(30):
        for rows in np.split(np.arange(60), 3):
            more = {"classes": [0, 1, 2]} if epoch == 0 else {}
            model.partial_fit(X[rows], Y[rows], **more)
    assert model.predict(X).shape == Y.shape
    assert model.n_iter_ == 90
    if solver != "adam":
        assert (model.predict(X) == Y).mean() > 0.85
    with pytest.raises(ValueError, match=r"y has 2 labels.*fitted on 3"):
        model.partial_fit(X, Y[:, :2])


@each_solver
@both
def test_early_stopping_is_left_to_fit(cls, solver):
    """An epoch cannot be stopped early; what was fitted with it may learn on."""
    X, y = problem(cls)
    settings = {**SMALL, "solver": solver}
    stopping = cls(**settings, early_stopping=True, scoring="r2").partial_fit(X, y)
    plain = cls(**settings).partial_fit(X, y)
    np.testing.assert_array_equal(stopping.theta_, plain.theta_)
    assert stopping.validation_scores_ is None
    stopping.set_params(scoring="loss", max_iter=3).fit(X, y).partial_fit(X, y)
    assert stopping.n_iter_ == 4


@both
def test_a_learning_curve_exploits_it(cls):
    X, y = problem(cls)
    model = cls(**SMALL, solver="sgd", batch_size=4)
    sizes, _, scores = learning_curve(
        model, X, y, exploit_incremental_learning=True, cv=3, train_sizes=[10, 20, 40],
        shuffle=True, random_state=0, error_score="raise",
    )  # fmt: skip
    assert list(sizes) == [10, 20, 40]
    assert np.isfinite(scores).all()


def as_sparse(X):
    return sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0.0))


def stream_of(model, X, y, dtypes):
    """Ten rows a call, in one precision after the other."""
    model.set_params(warm_start=True, max_iter=1)
    for i, dtype in enumerate(dtypes):
        rows = slice(10 * i, 10 * i + 30)
        call = model.fit if model.solver == "lbfgs" else model.partial_fit
        call(X[rows].astype(dtype), y[rows])
    return model


@both
@pytest.mark.parametrize("solver", [*STOCHASTIC, "lbfgs"])
@pytest.mark.parametrize("make", [np.asarray, as_sparse], ids=["dense", "sparse"])
def test_the_first_batch_decides_on_the_precision(cls, solver, make):
    X, y = problem(cls)
    X = make(X.astype(np.float32).astype(np.float64))
    if cls is EffPropClassifier:
        y[:3] = y[10:13] = y[20:23] = range(3)
    settings = {**SMALL, "solver": solver}
    double = stream_of(cls(**settings), X, y, [np.float64] * 3)
    mixed = stream_of(cls(**settings), X, y, [np.float64, np.float32, np.float64])
    assert mixed.theta_.dtype == np.float64
    # sparse rows are sorted by their bytes, and sums then rounded in another order
    np.testing.assert_allclose(mixed.theta_, double.theta_, rtol=1e-9)
    single = stream_of(cls(**settings), X, y, [np.float32, np.float64, np.float32])
    assert single.theta_.dtype == np.float32
    np.testing.assert_allclose(single.theta_, double.theta_, rtol=0.01, atol=1e-3)


@both
def test_later_batches_in_double_precision_keep_what_a_large_mean_leaves(cls):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] if cls is EffPropRegressor else (X[:, 0] > 0.0).astype(int)
    model = cls(**SMALL).partial_fit(X[:50].astype(np.float32), y[:50])
    shifted = cls(**SMALL).partial_fit(X[:50].astype(np.float32) + 1e4, y[:50])
    for one, far in (model, 0.0), (shifted, 1e4):
        one.partial_fit(X + far, y)
        assert one.theta_.dtype == np.float32
    np.testing.assert_allclose(shifted.loss_, model.loss_, rtol=0.01)
