"""The callbacks of scikit-learn 1.9 follow a fit: alone, in pipelines and searches."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.estimators import _training
from sk_effprop.solvers import SOLVERS, STOCHASTIC

callback = pytest.importorskip("sklearn.callback", reason="came with scikit-learn 1.9")

BOTH = [EffPropClassifier, EffPropRegressor]
SCORE = {EffPropClassifier: "accuracy", EffPropRegressor: "r2"}
SMALL = {"hidden_layer_sizes": (4,), "tol": 0.0, "random_state": 0, "max_iter": 4}

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])
each_solver = pytest.mark.parametrize("solver", SOLVERS)


def problem(cls, n=50):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)) * [1.0, 10.0, 0.1]
    value = X[:, 0] + 0.1 * X[:, 1] + 0.3 * rng.normal(size=n)
    return X, value if cls is EffPropRegressor else np.digitize(value, [-0.5, 0.5])


class Recorder:
    """Notes every event, with copies of the models; stops or fails if told so."""

    def __init__(self, stop_at=None, fail_at=None):
        self.events, self.models = [], []
        self.stop_at, self.fail_at = stop_at, fail_at

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None,
        fitted_estimator=None,
    ):  # fmt: skip
        event = ("end", context.task_name, context.task_id)
        self.events.append(event)
        if context.task_name == "iteration":
            self.models.append((fitted_estimator, X, y, metadata))
        if self.fail_at == event[1:]:
            raise RuntimeError("this callback is broken")
        return self.stop_at == event[1:]


def tasks(n):
    """Events of a fit of n iterations."""
    return [
        "setup",
        ("begin", "fit", 0),
        *[(w, "iteration", i) for i in range(n) for w in ("begin", "end")],
        ("end", "fit", 0),
        "teardown",
    ]


# ------------------------------------------------------------------------------- alone


@each_solver
@both
def test_every_iteration_is_a_task_and_a_model(cls, solver):
    """The model of an iteration predicts with its weights, and may be kept."""
    X, y = problem(cls)
    recorder = Recorder()
    model = cls(**SMALL, solver=solver, learning_rate="constant")
    plain = clone(model).fit(X, y)
    model.set_callbacks(recorder).fit(X, y)
    np.testing.assert_array_equal(model.theta_, plain.theta_)
    assert recorder.events == tasks(4)
    losses = []
    for n, (fitted, given_X, given_y, metadata) in enumerate(recorder.models, start=1):
        assert given_X is X
        assert given_y is y
        assert metadata is None
        assert isinstance(fitted, cls)
        assert (fitted.n_iter_, fitted.loss_curve_) == (n, model.loss_curve_[:n])
        losses.append(fitted.loss_and_gradient(X, y)[0])
        assert fitted.loss_ == pytest.approx(losses[-1])
        assert fitted.t_ == n * len(X)
        assert fitted.convergence_.n_iter == n
        assert fitted.predict(X).shape == y.shape
        assert fitted.score(X, y) <= 1.0
        pickle.loads(pickle.dumps(fitted)).predict(X)
    if solver not in STOCHASTIC:
        np.testing.assert_allclose(losses, model.loss_curve_, rtol=1e-9)
        np.testing.assert_allclose(min(losses), model.loss_, rtol=1e-9)
    assert any(np.array_equal(m.theta_, model.theta_) for m, *_ in recorder.models)


@both
def test_the_model_of_an_iteration_can_be_taken_anywhere(cls):
    X, y = problem(cls)
    recorder = Recorder()
    model = cls(**SMALL, solver="sgd", input_clip=None).set_callbacks(recorder)
    model.fit(X, y)
    assert len(recorder.models) == model.n_iter_
    for fitted, *_ in recorder.models:
        np.testing.assert_allclose(
            fitted.to_sklearn().predict(X) == fitted.predict(X)
            if cls is EffPropClassifier
            else fitted.to_sklearn().predict(X) - fitted.predict(X) + 1.0,
            1.0,
            rtol=1e-9,
        )
        before = fitted.n_iter_
        assert fitted.set_callbacks().partial_fit(X, y).n_iter_ == before + 1


@both
def test_a_callback_can_stop_training(cls):
    X, y = problem(cls)
    for solver in SOLVERS:
        recorder = Recorder(stop_at=("iteration", 1))
        model = cls(**SMALL, solver=solver).set_callbacks(recorder)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(X, y)
        assert recorder.events == tasks(2)
        assert (model.convergence_.reason, model.n_iter_) == ("callback", 2)


@pytest.mark.parametrize("task", [("iteration", 2), ("fit", 0)], ids=str)
@both
def test_a_callback_that_fails_leaves_the_model_as_it_was(cls, task):
    """And is torn down all the same."""
    X, y = problem(cls)
    model = cls(**SMALL).fit(X, y)
    theta = model.theta_
    recorder = Recorder(fail_at=task)
    model.set_callbacks(recorder)
    before = vars(model).copy()
    with pytest.raises(RuntimeError, match="broken"):
        model.fit(X + 1.0, y)
    assert recorder.events[-2:] == [("end", *task), "teardown"]
    assert vars(model).keys() == before.keys()
    assert model.theta_ is theta


@both
def test_bad_data_tear_callbacks_down_too(cls):
    X, y = problem(cls)
    recorder = Recorder()
    with pytest.raises(ValueError, match="infinity"):
        cls(**SMALL).set_callbacks(recorder).fit(X + np.inf, y)
    assert recorder.events == ["setup", ("begin", "fit", 0), "teardown"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_tasks_are_closed_when_the_solver_ends_by_itself_or_is_interrupted():
    X, y = problem(EffPropRegressor)
    recorder = Recorder()
    settings = {**SMALL, "hidden_layer_sizes": (), "max_iter": 100}
    model = EffPropRegressor(**settings, solver="lm")
    model.set_callbacks(recorder).fit(X, y)
    n = model.n_iter_
    assert model.convergence_.reason in ("converged", "precision")
    # one more has begun, and has no model
    assert recorder.events == tasks(n + 1)
    assert recorder.models[-1][0] is None

    class Interrupting(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_id == 2:
                raise KeyboardInterrupt

    model = EffPropRegressor(**SMALL, solver="sgd").set_callbacks(Interrupting())
    model.fit(X, y)
    assert (model.convergence_.reason, model.n_iter_) == ("interrupted", 3)


def test_a_model_is_only_built_for_those_who_ask(monkeypatch):
    class Incurious(Recorder):
        def on_fit_task_end(self, estimator, context):
            self.events.append("end")

    built, build = [], _training.results_of

    def results(*given):
        built.append(given)
        return build(*given)

    monkeypatch.setattr(_training, "results_of", results)
    X, y = problem(EffPropClassifier)
    incurious = Incurious()
    EffPropClassifier(**SMALL).set_callbacks(incurious).fit(X, y)
    assert incurious.events.count("end") == 5
    # what the fit itself leaves
    assert len(built) == 1


def test_a_fit_without_callbacks_opens_no_task(monkeypatch):
    def open_(*_, **__):
        raise AssertionError("there is nobody to tell")

    monkeypatch.setattr(EffPropClassifier, "_init_callback_context", open_)
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SMALL, solver="sgd").fit(X, y)
    model.set_callbacks(Recorder()).set_callbacks().partial_fit(X, y)
    assert model.n_iter_ == 5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_of_weights_that_diverged_is_the_best_one_so_far():
    X, y = problem(EffPropRegressor)
    recorder = Recorder()
    model = EffPropRegressor(
        **{**SMALL, "max_iter": 40}, solver="sgd", activation="relu",
        learning_rate_init=30.0, learning_rate="constant",
    )  # fmt: skip
    model.set_callbacks(recorder).fit(X, y)
    assert model.convergence_.n_recoveries > 0
    assert all(np.isfinite(m.predict(X)).all() for m, *_ in recorder.models)


@pytest.mark.parametrize("solver", STOCHASTIC)
@both
def test_a_stream_is_followed_call_by_call(cls, solver):
    X, y = problem(cls)
    recorder = Recorder()
    model = cls(**SMALL, solver=solver).set_callbacks(recorder)
    for _ in range(3):
        model.partial_fit(X, y)
    call = [event for event in tasks(1) if event not in tasks(0)[1:3]]
    call[1:1] = [("begin", "partial_fit", 0)]
    call[-1:-1] = [("end", "partial_fit", 0)]
    assert recorder.events == 3 * call
    assert [fitted.n_iter_ for fitted, *_ in recorder.models] == [1, 2, 3]
    np.testing.assert_array_equal(recorder.models[-1][0].theta_, model.theta_)


# --------------------------------------------------------- scikit-learn's own callbacks


@each_solver
@both
def test_scoring_monitor(cls, solver):
    X, y = problem(cls)
    monitor = callback.ScoringMonitor(scoring=SCORE[cls])
    model = cls(**SMALL, solver=solver, learning_rate="constant")
    model.set_callbacks(monitor).fit(X, y)
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows] == ["fit"] + 4 * ["iteration"]
    assert rows[0][SCORE[cls]] == model.score(X, y)
    if solver not in STOCHASTIC:
        assert rows[-1][SCORE[cls]] == pytest.approx(model.score(X, y), rel=1e-12)


def test_scoring_monitor_weighs_and_knows_names():
    pd = pytest.importorskip("pandas")
    X, y = problem(EffPropRegressor)
    frame, weight = pd.DataFrame(X, columns=["a", "b", "c"]), 1.0 + np.arange(50.0)
    monitor = callback.ScoringMonitor(scoring=["r2", "neg_mean_absolute_error"])
    model = EffPropRegressor(**SMALL).set_callbacks(monitor)
    model.fit(frame, y, sample_weight=weight)
    row = monitor.get_logs().data[0]
    assert row["r2"] == pytest.approx(model.score(frame, y, sample_weight=weight))


@pytest.mark.parametrize("n_jobs", [1, 2])
@both
def test_scoring_monitor_in_a_pipeline_and_a_search(cls, n_jobs):
    X, y = problem(cls)
    monitor = callback.ScoringMonitor(scoring=SCORE[cls])
    model = cls(**SMALL).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    (log,) = monitor.get_logs(select="all")
    assert log.estimator_name == "Pipeline"
    assert sum(row["task_name"] == "iteration" for row in log.data) == 4

    grid = {f"{cls.__name__.lower()}__solver": ["sgd", "lbfgs", "lm"]}
    GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs, error_score="raise").fit(X, y)
    log = monitor.get_logs()
    assert log.estimator_name == "GridSearchCV"
    n_fits = 3 * 2 + 1
    assert sum(row["task_name"] == "iteration" for row in log.data) == 4 * n_fits


@pytest.mark.parametrize("n_jobs", [1, 2])
@both
def test_progress_bar(capsys, cls, n_jobs):
    pytest.importorskip("rich")
    X, y = problem(cls)
    model = cls(**SMALL).set_callbacks(callback.ProgressBar())
    model.fit(X, y)
    assert f"{cls.__name__} - fit" in capsys.readouterr().out
    bar = callback.ProgressBar(max_propagation_depth=None)
    pipeline = make_pipeline(StandardScaler(), cls(**SMALL))
    search = GridSearchCV(
        pipeline, {f"{cls.__name__.lower()}__alpha": [0.0, 0.1]}, cv=2, n_jobs=n_jobs
    )
    search.set_callbacks(bar).fit(X, y)
    shown = capsys.readouterr().out
    assert "GridSearchCV - fit" in shown
    assert f"{cls.__name__} - fit" in shown
    assert not hasattr(search.best_estimator_[-1], "_skl_callbacks")


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="FitCallback protocol"):
        EffPropClassifier().set_callbacks(print)


def test_callbacks_are_no_parameter_and_a_clone_keeps_them():
    recorder = Recorder()
    model = EffPropClassifier().set_callbacks(recorder)
    assert "callbacks" not in model.get_params()
    X, y = problem(EffPropClassifier)
    clone(model).set_params(**SMALL).fit(X, y)
    assert recorder.events == tasks(4)


# --------------------------------------------------------------------- several networks


@both
def test_iterations_of_all_networks_are_tasks(cls):
    X, y = problem(cls)
    recorder = Recorder()
    model = cls(**SMALL, solver="lbfgs", n_estimators=3)
    plain = clone(model).fit(X, y)
    model.set_callbacks(recorder).fit(X, y)
    np.testing.assert_array_equal(model.theta_, plain.theta_)
    assert recorder.events == tasks(12)
    for fitted, *_ in recorder.models:
        # the network that is being trained
        assert fitted.network_.sizes[1] == 4
        assert fitted.predict(X).shape == y.shape


@both
def test_a_callback_stops_the_whole_fit(cls):
    X, y = problem(cls)
    recorder = Recorder(stop_at=("iteration", 5))
    model = cls(**SMALL, solver="lbfgs", n_estimators=3)
    model.set_callbacks(recorder).fit(X, y)
    assert recorder.events == tasks(6)
    assert model.network_.sizes[1] == 8
