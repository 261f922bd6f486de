"""A fit that goes on from its checkpoint ends with the bits of an unbroken one."""

import json
import os
import sys
from itertools import count, cycle, product
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core import looks
from sk_effprop.core.records import pack
from sk_effprop.core.schedules import SCHEDULES
from sk_effprop.estimators import _checkpoint as checkpoint_module
from sk_effprop.estimators._checkpoint import CLASSES
from sk_effprop.solvers import SOLVERS
from sk_effprop.training.checkpoint import CheckpointFile
from sk_effprop.training.monitor import Monitor
from tests.estimators.problems import both, may_not_converge, problem
from tests.solvers.running import per_engine

pytestmark = may_not_converge
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0}
SGD = SMALL | {"solver": "sgd"}


class Killed(BaseException):
    """In place of SIGKILL: nothing handles it."""


@pytest.fixture
def kill_after(monkeypatch):
    """Let a fit end after so many writes."""

    def install(n):
        write, left = CheckpointFile.write, [n]

        def counting(self, content):
            write(self, content)
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        monkeypatch.setattr(CheckpointFile, "write", counting)

    return install


def with_file(model, folder, **changes):
    """The same estimator, which writes wherever it can."""
    kept = {"checkpoint": folder, "checkpoint_interval": 0.0}
    return clone(model).set_params(**kept, **changes)


def leaves(value):
    """Everything in a record, whatever is shared in it."""
    tree, arrays = pack(value, CLASSES)
    return json.dumps(_filled(tree, arrays))


def _filled(tree, arrays):
    if isinstance(tree, list):
        return [_filled(part, arrays) for part in tree]
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]].tobytes().hex()
    return {name: _filled(part, arrays) for name, part in tree.items()}


def assert_same(found, expected):
    for name in ("theta_", "alpha_"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in (
        "loss_", "loss_curve_", "learning_rate_curve_", "convergence_", "n_iter_", "t_",
        "validation_scores_", "best_validation_score_", "learning_rate_",
    ):  # fmt: skip
        # as text, since nan differs from itself
        assert repr(getattr(found, name)) == repr(getattr(expected, name)), name
    state, other = found._resume, expected._resume
    assert state.rng.bit_generator.state == other.rng.bit_generator.state
    assert leaves(state.state) == leaves(other.state)


def assert_resumes_bit_for_bit(model, data, folder, kill_after, n_writes):
    """Assert that a fit that is broken after some writes ends as an unbroken one."""
    whole = clone(model).fit(*data[:2], **dict(data[2:]))
    with pytest.MonkeyPatch.context():
        kill_after(n_writes)
        with pytest.raises(Killed):
            with_file(model, folder).fit(*data[:2], **dict(data[2:]))
    resumed = with_file(model, folder, resume=True)
    resumed.fit(*data[:2], **dict(data[2:]))
    assert_same(resumed, whole)
    return whole, resumed


@both
@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n_writes", [1, 4])
def test_every_solver_ends_bit_for_bit(
    cls, solver, engine, n_writes, tmp_path, kill_after
):
    model = cls(**SMALL, solver=solver, engine=engine)
    assert_resumes_bit_for_bit(model, problem(cls), tmp_path, kill_after, n_writes)


VARIANTS = {
    **{f"{name}": {"learning_rate": name} for name in SCHEDULES},
    "flow_sdlm": {"learning_rate": "flow", "solver": "sdlm", "curvature_decay": 0.01},
    "nesterov": {"nesterovs_momentum": True, "input_gains": True},
    "emphasis": {"emphasis": 0.7, "averaging": True, "momentum": 0.0},
    "growth": {"batch_growth": 1.5, "batch_size": 2},
    "radial": {"rbf_units": 4, "momentum": 0.5},
    "diverging": {"learning_rate_init": 1e3, "activation": "relu"},
    "stalling": {"learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
    "early_stopping": {"early_stopping": True},
    "evidence": {"solver": "lm", "loss": "squared_error", "alpha": "evidence"},
    "second_order_batches": {"solver": "lm", "batch_size": 7},
    "quasi_newton": {"solver": "lbfgs", "early_stopping": True},
}


# each variant on either engine in either precision, and broken off at each point
BREAKS = [
    pytest.param(*case, n_writes, id=f"{case[0]}-{case[1]}-{case[2]}-{n_writes}")
    for case, n_writes in zip(
        product(VARIANTS, ("numpy", "numba"), ("f4", "f8")), cycle((2, 7, 16))
    )
]


@pytest.mark.parametrize(("variant", "engine", "precision", "n_writes"), BREAKS)
def test_every_schedule_ends_bit_for_bit_from_within_an_epoch(
    variant, engine, precision, n_writes, tmp_path, kill_after, monkeypatch
):
    monkeypatch.setattr(looks, "UPDATES_PER_LOOK", per_engine(3))
    settings = SGD | {"engine": engine} | VARIANTS[variant]
    is_stochastic = settings["solver"] not in ("lm", "lbfgs")
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**settings)
    n_writes = n_writes if is_stochastic else min(n_writes, 3)
    assert_resumes_bit_for_bit(
        model, (X.astype(precision), y), tmp_path, kill_after, n_writes
    )


def test_a_growing_sample_is_drawn_once(tmp_path, kill_after, monkeypatch):
    """Levenberg-Marquardt begins with some rows, which the file has to tell."""
    monkeypatch.setattr("sk_effprop.solvers.levenberg_marquardt.SMALL_JACOBIAN", 0)
    model = EffPropRegressor(**SMALL | {"max_iter": 20}, solver="lm")
    for n_writes in (1, 5):
        folder = tmp_path / str(n_writes)
        data = problem(EffPropRegressor, n=900)
        assert_resumes_bit_for_bit(model, data, folder, kill_after, n_writes)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_warm_start_goes_on_too(solver, tmp_path, kill_after):
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SMALL, solver=solver, warm_start=True).fit(X, y)
    state = model.__getstate__()

    def again(**settings):
        other = EffPropRegressor(**SMALL)
        other.__setstate__(state)
        return other.set_params(**settings)

    whole = again().fit(X, y)
    kept = {"checkpoint": tmp_path, "checkpoint_interval": 0.0}
    kill_after(3)
    with pytest.raises(Killed):
        again(**kept).fit(X, y)
    resumed = again(**kept, resume=True).fit(X, y)
    assert_same(resumed, whole)


@both
def test_what_goes_on_can_be_continued_like_any_other(cls, tmp_path, kill_after):
    X, y = problem(cls)
    model = cls(**SGD, warm_start=True)
    whole, resumed = assert_resumes_bit_for_bit(model, (X, y), tmp_path, kill_after, 3)
    resumed.set_params(checkpoint=None, resume=False)
    for call in ("fit", "partial_fit"):
        getattr(whole, call)(X, y)
        getattr(resumed, call)(X, y)
        assert_same(resumed, whole)


def test_a_fit_without_a_random_state_goes_on_with_its_own_numbers(
    tmp_path, kill_after, monkeypatch
):
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD | {"random_state": None}, early_stopping=True)
    np.random.seed(3)  # noqa: NPY002 - where the numbers come from
    whole = clone(model).fit(X, y)
    np.random.seed(3)  # noqa: NPY002
    kill_after(3)
    with pytest.raises(Killed):
        with_file(model, tmp_path).fit(X, y)
    assert_same(with_file(model, tmp_path, resume=True).fit(X, y), whole)


@both
@pytest.mark.parametrize("early_stopping", [True, False])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
# within the first network, at its end, within the second and the third
@pytest.mark.parametrize("n_writes", [2, 9, 11, 20])
def test_several_networks_end_bit_for_bit(
    cls, solver, early_stopping, n_writes, tmp_path, kill_after
):
    model = cls(
        **SMALL | {"solver": solver, "tol": 0.0, "max_iter": 8},
        n_estimators=3, early_stopping=early_stopping,
    )  # fmt: skip
    whole, resumed = assert_resumes_bit_for_bit(
        model, problem(cls), tmp_path, kill_after, n_writes
    )
    np.testing.assert_array_equal(whole.oof_prediction_, resumed.oof_prediction_)
    assert len(list(tmp_path.iterdir())) == 3


def test_several_networks_without_a_random_state_go_on_with_their_numbers(
    tmp_path, kill_after
):
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD | {"random_state": None}, n_estimators=3)
    np.random.seed(3)  # noqa: NPY002 - where the numbers come from
    whole = clone(model).fit(X, y)
    np.random.seed(3)  # noqa: NPY002
    kill_after(12)
    with pytest.raises(Killed):
        with_file(model, tmp_path).fit(X, y)
    assert_same(with_file(model, tmp_path, resume=True).fit(X, y), whole)


# ------------------------------------------------------------------- one file for each


def test_a_fit_that_has_ended_is_not_computed_again(tmp_path, monkeypatch):
    X, y = problem(EffPropRegressor)
    model = with_file(EffPropRegressor(**SGD), tmp_path, resume=True)
    whole = clone(model).fit(X, y)

    def refuse(*args):
        raise AssertionError

    monkeypatch.setattr("sk_effprop.core.engine.descend", refuse)
    monkeypatch.setattr("sk_effprop.core.descent.sweep", refuse)
    assert_same(clone(model).fit(X, y), whole)
    with pytest.raises(AssertionError):
        clone(model).set_params(resume=False, engine="numpy").fit(X, y)


def test_other_parameters_and_other_data_have_other_files(tmp_path):
    X, y = problem(EffPropRegressor)
    weight = np.linspace(1.0, 2.0, len(y))
    model = with_file(EffPropRegressor(**SGD), tmp_path, resume=True)
    fits = [
        lambda: clone(model).fit(X, y),
        lambda: clone(model).fit(X + 1.0, y),
        lambda: clone(model).fit(X, y + 1.0),
        lambda: clone(model).fit(X, y, weight),
        lambda: clone(model).fit(X, y, X_val=X, y_val=y),
        lambda: clone(model).set_params(alpha=0.5).fit(X, y),
        lambda: clone(model).set_params(random_state=1).fit(X, y),
    ]
    for n, fit in enumerate(fits):
        assert len(os.listdir(tmp_path)) == n
        assert_same(fit(), fit())
    assert len(os.listdir(tmp_path)) == len(fits)


def test_classes_of_rows_without_weight_count(tmp_path):
    """The network has an output for them."""
    X, y = problem(EffPropClassifier)
    weight = (y < 2).astype(float)
    model = with_file(EffPropClassifier(**SGD), tmp_path, resume=True)
    for labels, n_classes in ((y, 3), (np.minimum(y, 1), 2)):
        assert len(clone(model).fit(X, labels, weight).classes_) == n_classes
    assert len(os.listdir(tmp_path)) == 2


def test_what_has_no_influence_shares_a_file(tmp_path):
    X, y = problem(EffPropRegressor)
    for changes in {}, {"max_time": 60.0}, {"checkpoint_interval": 9.0}:
        model = EffPropRegressor(**SGD, checkpoint=tmp_path, resume=True)
        model.set_params(**changes).fit(X, y)
    assert len(os.listdir(tmp_path)) == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_all_fits_of_a_search_may_share_a_folder(tmp_path, n_jobs):
    X, y = problem(EffPropClassifier)
    grid = {"momentum": [0.0, 0.9]}
    search = GridSearchCV(EffPropClassifier(**SGD), grid, cv=2, n_jobs=n_jobs)
    expected = clone(search).fit(X, y)
    search.set_params(estimator__checkpoint=tmp_path, estimator__resume=True)
    for _ in range(2):
        found = clone(search).fit(X, y)
        np.testing.assert_array_equal(
            found.cv_results_["mean_test_score"],
            expected.cv_results_["mean_test_score"],
        )
    # one for each setting and fold, and one for the best setting on all data
    assert len(os.listdir(tmp_path)) == 2 * 2 + 1


def test_a_fit_that_ran_out_of_time_goes_on(tmp_path, monkeypatch):
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD)
    whole = clone(model).fit(X, y)
    monkeypatch.setattr(looks, "UPDATES_PER_LOOK", per_engine(2))
    kept = EffPropRegressor(**SGD, checkpoint=tmp_path, resume=True)
    short = clone(kept).set_params(max_time=1e-9).fit(X, y)
    assert short.convergence_.reason == "max_time"
    assert_same(kept.fit(X, y), whole)


@both
# the first of three networks is cut, or only later ones
@pytest.mark.parametrize("max_time", [30, 90, 150])
def test_several_networks_that_ran_out_of_time_go_on(
    cls, max_time, tmp_path, monkeypatch
):
    X, y = problem(cls)
    model = cls(**SGD | {"max_iter": 16, "tol": 0.0}, n_estimators=3)
    whole = clone(model).fit(X, y)
    kept = with_file(model, tmp_path, resume=True)
    with monkeypatch.context() as patch:
        # a look at the clock takes a second
        seconds = count()
        patch.setattr(Monitor, "seconds", property(lambda _: next(seconds)))
        short = clone(kept).set_params(max_time=max_time).fit(X, y)
    assert not np.array_equal(short.theta_, whole.theta_)
    resumed = clone(kept).fit(X, y)
    assert_same(resumed, whole)
    np.testing.assert_array_equal(whole.oof_prediction_, resumed.oof_prediction_)


# ---------------------------------------------------------------------- what goes wrong


def only_file(folder):
    (name,) = os.listdir(folder)
    return folder / name


def test_a_damaged_file_is_named_and_replaced(tmp_path):
    X, y = problem(EffPropRegressor)
    model = with_file(EffPropRegressor(**SGD), tmp_path, resume=True)
    whole = clone(model).fit(X, y)
    path = only_file(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(UserWarning, match=r"npz is of no use: it is damaged.*anew"):
        again = clone(model).fit(X, y)
    assert_same(again, whole)
    assert_same(clone(model).fit(X, y), whole)


def test_a_file_of_another_version_is_named_and_replaced(tmp_path, monkeypatch):
    X, y = problem(EffPropRegressor)
    model = with_file(EffPropRegressor(**SGD), tmp_path, resume=True)
    whole = clone(model).fit(X, y)
    monkeypatch.setattr(checkpoint_module, "__version__", "9.8.7")
    with pytest.warns(UserWarning, match=r"its sk_effprop is '.*', not '9\.8\.7'"):
        assert_same(clone(model).fit(X, y), whole)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="no /proc")
def test_a_folder_that_cannot_be_written_is_a_warning():
    X, y = problem(EffPropRegressor)
    whole = EffPropRegressor(**SGD).fit(X, y)
    model = with_file(EffPropRegressor(**SGD), "/proc/sk_effprop", resume=True)
    with pytest.warns(UserWarning, match="could not be written.*goes on") as seen:
        model.fit(X, y)
    assert len(seen) == 1
    assert_same(model, whole)


@both
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resume": True}, "'resume' parameter .* False without checkpoint"),
        ({"checkpoint": ""}, "'checkpoint' parameter .* a folder"),
        ({"checkpoint": __file__}, "'checkpoint' parameter .* a file of this name"),
        ({"checkpoint": 3}, "'checkpoint' parameter"),
        ({"checkpoint": np.zeros(2)}, "'checkpoint' parameter"),
        ({"checkpoint_interval": -1.0}, "'checkpoint_interval' parameter"),
        ({"resume": "yes"}, "'resume' parameter"),
    ],
    ids=str,
)
def test_settings_without_a_meaning_are_refused(cls, settings, message):
    X, y = problem(cls)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        cls(**SGD, **settings).fit(X, y)


def test_what_cannot_be_identified_is_refused(tmp_path):
    X, y = problem(EffPropRegressor)
    functions = (lambda z: z, lambda z: 1.0 + 0.0 * z, lambda z: 0.0 * z)
    model = EffPropRegressor(**SGD | {"activation": functions}, checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"'activation' parameter .* can be pickled"):
        model.fit(X, y)


def test_a_stream_has_no_checkpoint(tmp_path):
    X, y = problem(EffPropRegressor)
    with_file(EffPropRegressor(**SGD), tmp_path).partial_fit(X, y)
    assert os.listdir(tmp_path) == []


def test_a_folder_may_be_given_as_a_path_and_is_made(tmp_path):
    X, y = problem(EffPropRegressor)
    for folder in str(tmp_path / "a"), Path(tmp_path, "b", "c"):
        with_file(EffPropRegressor(**SGD), folder).fit(X, y)
        assert len(os.listdir(folder)) == 1
