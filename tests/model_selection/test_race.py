"""Races of solvers."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.model_selection import RaceResult, compare_solvers
from sk_effprop.model_selection.race import Curve

mpl.use("Agg")

X, Y = load_diabetes(return_X_y=True)
NET = EffPropRegressor((3,), max_iter=8, tol=0, alpha=0.01, random_state=5)


@pytest.fixture(scope="module")
def race():
    """Every solver, twice."""
    return compare_solvers(NET, X, Y, n_runs=2)


@pytest.mark.parametrize("solver", ["lbfgs", "lm", "cg", "scg", "sgd", "sdlm", "adam"])
def test_a_run_is_a_fit(race, solver):
    """The same weights, so the lowest loss of a run is that of the fitted network."""
    for i, run in enumerate(race.curves_[solver]):
        net = clone(NET).set_params(solver=solver, random_state=5 + i).fit(X, Y)
        assert len(run.losses) == net.n_iter_ + 1
        assert run.ended == net.convergence_.reason
        assert np.min(run.losses) == pytest.approx(net.loss_, rel=1e-6)
        assert (np.diff(run.seconds) > 0.0).all()
    if solver in ("lbfgs", "lm", "cg", "scg"):
        np.testing.assert_allclose(run.losses[1:], net.loss_curve_)


def test_all_start_from_the_same_weights(race):
    starts = {
        name: [run.losses[0] for run in race.curves_[name]] for name in race.curves_
    }
    for losses in starts.values():
        np.testing.assert_allclose(losses, starts["lm"])
    assert starts["lm"][0] != starts["lm"][1]


def test_a_goal_ends_the_runs():
    result = compare_solvers(NET, X, Y, solvers=["lm", "sgd"], goal=0.3, n_runs=1)
    for row in result.results_:
        (run,) = result.curves_[row.solver]
        assert row.ended == "goal"
        assert (run.losses[:-1] > 0.3).all()
        assert run.losses[-1] <= 0.3
        assert row.epochs == len(run.losses) - 1
        assert row.seconds == run.seconds[-1]
    out_of_reach = compare_solvers(NET, X, Y, solvers=["lm"], goal=1e-9, n_runs=1)
    assert out_of_reach.results_[0].n_reached == 0
    assert np.isnan(out_of_reach.results_[0].seconds)


def test_the_penalty_is_the_same_for_all():
    """An automatic one depends on the solver, but a race has one objective."""
    net = clone(NET).set_params(alpha="auto", solver="lbfgs")
    result = compare_solvers(net, X, Y, solvers=["lbfgs", "sgd"], n_runs=1)
    alpha = net.fit(X, Y).alpha_
    assert np.ptp(alpha) >= 0.0
    same = result.curves_["sgd"][0].losses[0]
    assert same == pytest.approx(result.curves_["lbfgs"][0].losses[0], rel=1e-12)


def test_rows_are_medians_over_runs():
    seconds = np.arange(4.0)
    fast = [Curve(seconds, np.array([3.0, 2.0, 1.0, 0.5]), "stalled")] * 2
    late = Curve(seconds, np.array([3.0, 3.0, 3.0, 0.9]), "stalled")
    never = Curve(seconds, np.array([3.0, 2.0, 1.5, 1.2]), "stalled")
    result = RaceResult({"a": [never, never, late], "b": [*fast, late]}, 1.0)
    first, second = result.results_
    assert first.solver == "b"
    assert (first.n_reached, first.n_runs) == (3, 3)
    assert (first.seconds, first.epochs, first.loss) == (2.0, 2.0, 0.5)
    assert (second.n_reached, second.loss) == (1, 1.2)
    assert np.isnan(second.seconds)
    assert np.isnan(second.epochs)


def test_without_a_goal_it_is_near_the_lowest_loss(race):
    lowest = min(row.loss for row in race.results_)
    # half the variance of the normalised targets is the loss of the best constant
    everything = [np.min(run.losses) for runs in race.curves_.values() for run in runs]
    assert race.goal == pytest.approx(0.98 * min(everything) + 0.02 * 0.5, rel=1e-6)
    assert race.goal > lowest - 0.01
    assert any(row.n_reached for row in race.results_)


def test_data_reach_the_network_as_in_fit():
    pipeline = make_pipeline(StandardScaler(), NET)
    whole = TransformedTargetRegressor(pipeline, transformer=MinMaxScaler())
    search = GridSearchCV(whole, {"regressor__effpropregressor__alpha": [0.0, 1.0]})
    inputs = StandardScaler().fit_transform(X)
    targets = MinMaxScaler().fit_transform(Y[:, None]).ravel()
    expected = compare_solvers(NET, inputs, targets, solvers=["lm"], n_runs=1)
    for estimator in whole, search:
        result = compare_solvers(estimator, X, Y, solvers=["lm"], n_runs=1)
        np.testing.assert_allclose(
            result.curves_["lm"][0].losses, expected.curves_["lm"][0].losses
        )


class PredictsInFit(BaseEstimator):
    """Meta-estimator that needs predictions within ``fit``."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        self.residuals_ = y - clone(self.estimator).fit(X, y).predict(X)
        return self


def test_an_estimator_that_predicts_within_fit_is_refused():
    with pytest.raises(TypeError, match="only known where fit does not predict"):
        compare_solvers(PredictsInFit(NET), X, Y, solvers=["lm"], n_runs=1)


def test_a_solver_that_cannot_be_used_is_reported():
    net = clone(NET).set_params(alpha="evidence", solver="lm")
    with pytest.warns(
        FitFailedWarning, match="solver='sgd' cannot be used: .*evidence"
    ):
        result = compare_solvers(net, X, Y, solvers=["lm", "sgd"], n_runs=1)
    assert result.results_[-1].solver == "sgd"
    assert np.isnan(result.results_[-1].loss)
    result.plot().figure.canvas.draw()
    plt.close("all")


def test_wrong_settings_are_refused(race):
    with pytest.raises(ValueError, match="solvers must be some of"):
        compare_solvers(NET, X, Y, solvers=["newton"])
    with pytest.raises(ValueError, match="solvers must be some of"):
        compare_solvers(NET, X, Y, solvers=[])
    with pytest.raises(ValueError, match="n_runs must be a positive int"):
        compare_solvers(NET, X, Y, n_runs=0)
    with pytest.raises(TypeError, match="MLPRegressor contains none"):
        compare_solvers(MLPRegressor(), X, Y)
    with pytest.raises(ValueError, match="x must be one of"):
        race.plot(x="days")


def test_a_race_is_shown_as_a_table_a_frame_and_a_picture(race):
    lines = repr(race).splitlines()
    assert f"{race.goal:.4g}" in lines[0]
    assert [line.split()[0] for line in lines[2:]] == [r.solver for r in race.results_]
    assert race._repr_html_().count("<tr") == 1 + len(race.results_)
    assert list(race.to_frame()["solver"]) == [row.solver for row in race.results_]
    for x in ("seconds", "epochs"):
        ax = race.plot(x=x)
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert labels == [*race.curves_, "goal"]
    plt.close("all")


def test_a_classifier_races_on_the_loss_of_its_classes():
    inputs, kinds = load_iris(return_X_y=True)
    net = EffPropClassifier((4,), max_iter=20, random_state=0)
    result = compare_solvers(net, inputs, kinds, solvers="lbfgs", n_runs=1)
    assert result.results_[0].n_reached == 1
    assert result.goal < np.log(3.0)
