"""Several networks in one estimator: ``n_estimators``."""

import pickle
from copy import copy

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.rates import RateRule
from sk_effprop.estimators import _members
from sk_effprop.export import to_sklearn
from tests.estimators.problems import (
    LBFGS,
    SGD,
    both,
    both_solvers,
    fitted,
    may_not_converge,
    problem,
)

# far from a minimum, and so are its members
pytestmark = may_not_converge


def members_of(monkeypatch):
    """What ``fit`` trains from now on, member by member."""
    seen, results_of = [], _members.Committee.results_of

    def watch(self, trained):
        seen.extend(trained)
        return results_of(self, trained)

    monkeypatch.setattr(_members.Committee, "results_of", watch)
    return seen


# ------------------------------------------------------------------------ joint network


@both
@both_solvers
@pytest.mark.parametrize("hidden", [(), (5,), (4, 3)], ids=str)
def test_outputs_are_the_mean_of_the_members(monkeypatch, cls, settings, hidden):
    seen = members_of(monkeypatch)
    more = {"hidden_layer_sizes": hidden, "loss": "squared_error", "n_estimators": 3}
    model, X, _ = fitted(cls, **{**settings, **more})
    assert len(seen) == 3
    assert len({one.theta.tobytes() for one in seen}) == 3
    joint = model._run(X, lambda trace: trace.z(-1))
    each = []
    for one in seen:
        member = copy(model)
        member.__dict__.update(one.attributes)
        each.append(member._run(X, lambda trace: trace.z(-1)))
    np.testing.assert_allclose(joint, np.mean(each, axis=0), atol=1e-10)
    assert model.network_.sizes == (4, *(3 * size for size in hidden), joint.shape[1])


@both
def test_the_loss_is_the_objective_of_the_joint_network(cls):
    model, X, y = fitted(cls, n_estimators=3)
    assert model.loss_and_gradient(X, y)[0] == pytest.approx(model.loss_)
    assert model.best_loss_ == model.loss_


@both
@both_solvers
def test_a_seed_repeats_a_fit_bit_for_bit(cls, settings):
    one, X, y = fitted(cls, **{**settings, "n_estimators": 3})
    two = clone(one).fit(X, y)
    np.testing.assert_array_equal(one.theta_, two.theta_)
    np.testing.assert_array_equal(one.oof_prediction_, two.oof_prediction_)
    other = clone(one).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(one.theta_, other.theta_)


@both
@pytest.mark.parametrize("solver", ["sgd", "sdlm"])
def test_learning_rates_are_measured_for_the_first_member(monkeypatch, cls, solver):
    made, measure = [], RateRule.__call__

    def counting(self, *args):
        made.append(measure(self, *args))
        return made[-1]

    monkeypatch.setattr(RateRule, "__call__", counting)
    # for doublings of the number of presented examples
    settings = {"solver": solver, "max_iter": 40, "n_estimators": 3}
    seen = members_of(monkeypatch)
    fitted(cls, **settings)
    first, *others = seen
    assert len(made) == len(first.measured) > (cls is EffPropRegressor)
    for one in others:
        assert one.attributes["learning_rate_"] == first.attributes["learning_rate_"]
        assert one.measured == first.measured
    fitted(cls, **{**settings, "n_estimators": 1})
    assert seen[-1].measured == ()


@both
def test_a_single_network_has_no_folds(cls):
    model, _, _ = fitted(cls)
    same, _, _ = fitted(cls, n_estimators=1)
    np.testing.assert_array_equal(model.theta_, same.theta_)
    assert model.oof_prediction_ is None


@both
def test_pickles_predict_the_same(cls):
    model, X, _ = fitted(cls, n_estimators=3)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    if cls is EffPropRegressor:
        for ours, theirs in zip(
            model.predict(X, interval=0.8), again.predict(X, interval=0.8), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@both
def test_a_plain_mlp_computes_the_same(cls):
    model, X, _ = fitted(cls, n_estimators=3, hidden_layer_sizes=(4, 3))
    plain = to_sklearn(model)
    assert plain.hidden_layer_sizes == (12, 9)
    if cls is EffPropClassifier:
        np.testing.assert_allclose(
            plain.predict_proba(X), model.predict_proba(X), atol=1e-9
        )
    else:
        np.testing.assert_allclose(plain.predict(X), model.predict(X), rtol=1e-9)


@both
def test_a_graph_computes_the_same(cls):
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from sk_effprop.export import to_onnx

    model, X, _ = fitted(cls, n_estimators=3)
    session = runtime.InferenceSession(to_onnx(model).SerializeToString())
    found = session.run(None, {"X": X.astype(np.float32)})
    if cls is EffPropClassifier:
        np.testing.assert_allclose(found[1], model.predict_proba(X), atol=1e-3)
    else:
        np.testing.assert_allclose(found[0].ravel(), model.predict(X), rtol=1e-3)


def test_a_search_chooses_the_number_of_networks():
    X, y = problem(EffPropRegressor)
    search = GridSearchCV(EffPropRegressor(**LBFGS), {"n_estimators": [1, 3]}, cv=2)
    assert set(search.fit(X, y).best_params_) == {"n_estimators"}
    assert len(search.best_estimator_.predict(X)) == len(X)


def test_hidden_activations_are_those_of_all_members():
    model, X, _ = fitted(EffPropRegressor, n_estimators=3)
    assert model.hidden_activations(X).shape == (len(X), 15)


# -------------------------------------------------------------------------- out of fold


@both
@both_solvers
def test_each_row_is_predicted_by_the_member_that_left_it_out(
    monkeypatch, cls, settings
):
    seen = members_of(monkeypatch)
    monkeypatch.setattr(_members, "joint_temperature", lambda *_: 1.0)
    model, X, _ = fitted(cls, **{**settings, "n_estimators": 3})
    each = []
    for one in seen:
        member = copy(model)
        member.__dict__.update(one.attributes)
        predict = "predict" if cls is EffPropRegressor else "predict_proba"
        each.append(getattr(member, predict)(X).reshape(len(X), -1))
    found = model.oof_prediction_.reshape(1, len(X), -1)
    agrees = np.isclose(found, each, rtol=1e-9, atol=1e-9).all(axis=2)
    # twenty examples for each of three members
    assert (agrees.sum(axis=1) >= 20).all()
    assert agrees.any(axis=0).all()


@both
@both_solvers
def test_members_are_trained_on_the_other_folds(monkeypatch, cls, settings):
    seen = members_of(monkeypatch)
    fitted(cls, **{**settings, "n_estimators": 3})
    assert [one.run.objective.n_samples for one in seen] == [40, 40, 40]
    assert sum(one.run.objective.count for one in seen) == pytest.approx(120.0)


def test_every_class_keeps_an_example_in_training():
    X, y = problem(EffPropClassifier)
    y[:1], y[1:3] = 7, 8
    model = EffPropClassifier(**{**SGD, "n_estimators": 4}).fit(X, y)
    is_unknown = np.isnan(model.oof_prediction_).any(axis=1)
    # the only example of its class is never left out
    assert np.flatnonzero(is_unknown).tolist() == [0]
    assert model.predict_proba(X).shape == (60, len(np.unique(y)))


@both
@both_solvers
def test_rows_of_weight_zero_have_no_influence(cls, settings):
    X, y = problem(cls)
    weight = np.where(np.arange(60) % 4 == 0, 0.0, 1.0 + np.arange(60) % 3)
    model = cls(**{**settings, "n_estimators": 3})
    with_zeros = clone(model).fit(X, y, weight)
    is_used = weight > 0
    without = clone(model).fit(X[is_used], y[is_used], weight[is_used])
    np.testing.assert_array_equal(with_zeros.theta_, without.theta_)
    found = with_zeros.oof_prediction_
    np.testing.assert_array_equal(found[is_used], without.oof_prediction_)
    assert np.isnan(found[~is_used]).all()


@both
def test_repeated_rows_are_in_one_fold_of_a_batch_solver(cls):
    X, y = problem(cls)
    times = np.arange(60) % 3 + 1
    rows = np.random.default_rng(0).permutation(np.repeat(np.arange(60), times))
    model = cls(**{**LBFGS, "n_estimators": 3})
    weighted = clone(model).fit(X, y, times)
    repeated = clone(model).fit(X[rows], y[rows])
    np.testing.assert_array_equal(weighted.theta_, repeated.theta_)
    np.testing.assert_array_equal(
        weighted.oof_prediction_[rows], repeated.oof_prediction_
    )


@both
def test_few_examples_are_left_out_by_nobody(cls):
    X, y = problem(cls, n=12)
    model = cls(**{**LBFGS, "n_estimators": 8}).fit(X, y)
    assert model.oof_prediction_ is None
    assert model.network_.sizes[1] == 40
    if cls is EffPropRegressor:
        with pytest.raises(ValueError, match=r"n_estimators > 1 and at least 2 diff"):
            model.predict(X, interval=0.9)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_classes_of_one_example_leave_nothing_to_leave_out(early_stopping):
    X, y = problem(EffPropClassifier, n=20)
    y = np.where(np.arange(20) < 4, 0, np.arange(20))
    model = EffPropClassifier(
        **{**LBFGS, "n_estimators": 3, "early_stopping": early_stopping}
    )
    if early_stopping:
        with pytest.raises(ValueError, match="needs at least 6 different examples"):
            model.fit(X, y)
    else:
        assert model.fit(X, y).oof_prediction_ is None


@both
def test_sparse_inputs_are_those_of_dense_ones(cls):
    X, y = problem(cls)
    # a batch solver sorts its rows, sparse ones in another order
    model = cls(**{**SGD, "n_estimators": 3, "normalize": "scale"})
    dense = clone(model).fit(X, y)
    same = clone(model).fit(sparse.csr_array(X), y)
    np.testing.assert_allclose(
        same.oof_prediction_, dense.oof_prediction_, rtol=1e-3, atol=1e-3
    )


# -------------------------------------------------------------------------- temperature


def noisy_classes(n, seed=0):
    """Two classes that overlap, in twenty inputs of which one counts."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 20))
    return X, (X[:, 0] + rng.normal(size=n) > 0).astype(int)


def test_probabilities_of_overfitted_networks_are_made_softer(monkeypatch):
    X, y = noisy_classes(1200)
    train, new = slice(200), slice(200, None)
    settings = {"solver": "lbfgs", "alpha": 1e-5, "n_estimators": 4, "random_state": 0}
    soft = EffPropClassifier(10, **settings).fit(X[train], y[train])
    monkeypatch.setattr(_members, "joint_temperature", lambda *_: 1.0)
    hard = EffPropClassifier(10, **settings).fit(X[train], y[train])
    np.testing.assert_array_equal(soft.predict(X), hard.predict(X))
    factor = hard.decision_function(X) / soft.decision_function(X)
    np.testing.assert_allclose(factor, factor[0], rtol=1e-6)
    assert factor[0] > 1.3
    losses = [log_loss(y[new], m.predict_proba(X[new])) for m in (soft, hard)]
    assert losses[0] < 0.8 * losses[1]
    # the penalty of the softer outputs is the same
    penalties = [
        sum(a * np.sum(W**2) for a, W in zip(m.alpha_, m.coefs_, strict=True))
        for m in (soft, hard)
    ]
    assert penalties[0] == pytest.approx(penalties[1])


# ---------------------------------------------------------------------------- intervals


def friedman(n, seed):
    """Training data, and 2000 new examples."""
    X, y = make_friedman1(n + 2000, noise=1.0, random_state=seed)
    return X[:n], y[:n], X[n:], y[n:]


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_intervals_contain_their_share_of_new_values(level):
    covered = []
    for seed in range(3):
        X, y, X_new, y_new = friedman(400, seed)
        model = EffPropRegressor(8, n_estimators=5, random_state=seed, max_iter=40)
        mean, bounds = model.fit(X, y).predict(X_new, interval=level)
        np.testing.assert_array_equal(mean, model.predict(X_new))
        covered.append(np.mean((bounds[:, 0] <= y_new) & (y_new <= bounds[:, 1])))
    assert level - 0.05 < np.mean(covered) < level + 0.03


def test_intervals_have_the_units_of_y_and_their_own_for_each_output():
    X, y, X_new, _ = friedman(100, 0)
    noise = np.random.default_rng(0).normal(size=100)
    both_outputs = np.column_stack([y, 1000.0 * noise])
    model = EffPropRegressor(**{**LBFGS, "n_estimators": 4}).fit(X, both_outputs)
    bounds = model.predict(X_new, interval=0.8)[1]
    assert bounds.shape == (2000, 2, 2)
    assert (bounds[..., 0] < bounds[..., 1]).all()
    width = np.median(bounds[..., 1] - bounds[..., 0], axis=0)
    assert 5.0 < width[0] * 2.0 < 50.0
    assert 1500.0 < width[1] < 5000.0


def test_larger_shares_have_wider_intervals_and_too_large_ones_are_infinite():
    X, y, X_new, _ = friedman(60, 0)
    model = EffPropRegressor(**{**LBFGS, "n_estimators": 4}).fit(X, y)
    bounds = [model.predict(X_new, interval=level)[1] for level in (0.5, 0.9, 0.99)]
    assert (bounds[0][:, 0] >= bounds[1][:, 0]).all()
    assert (bounds[0][:, 1] <= bounds[1][:, 1]).all()
    assert np.isinf(bounds[2]).all()


def test_intervals_follow_the_weights_of_the_examples():
    X, y, X_new, _ = friedman(300, 0)
    noise = 20.0 * np.random.default_rng(0).normal(size=300)
    is_noisy = np.arange(300) % 2 == 0
    target = np.where(is_noisy, y + noise, y)
    model = EffPropRegressor(**{**LBFGS, "n_estimators": 4})
    plain = clone(model).fit(X, target).predict(X_new, interval=0.9)[1]
    weight = np.where(is_noisy, 0.01, 1.0)
    calm = clone(model).fit(X, target, weight).predict(X_new, interval=0.9)[1]
    assert np.median(np.ptp(calm, axis=1)) < 0.5 * np.median(np.ptp(plain, axis=1))


def test_intervals_are_refused_in_a_sentence():
    model, X, _ = fitted(EffPropRegressor)
    with pytest.raises(ValueError, match=r"interval needs a fit with n_estimators > 1"):
        model.predict(X, interval=0.9)
    model, X, _ = fitted(EffPropRegressor, n_estimators=3)
    for level in (0.0, 1.0, 90, "0.9", [0.5, 0.9]):
        with pytest.raises(ValueError, match="share between 0 and 1"):
            model.predict(X, interval=level)
    with pytest.raises(ValueError, match="cannot be combined"):
        model.predict(X, return_std=True, interval=0.9)
    with pytest.raises(ValueError, match=r"a fit of one network with solver='lm'"):
        model.predict(X, return_std=True)
    model.theta_ = 2.0 * model.theta_
    with pytest.raises(ValueError, match=r"assigned.*Fit again"):
        model.predict(X, interval=0.9)


# ----------------------------------------------------------------------------- refusals


@both
def test_one_network_is_needed_to_continue(cls):
    X, y = problem(cls)
    model = cls(**{**SGD, "n_estimators": 3})
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as error:
        model.partial_fit(X, y)
    assert "partial_fit trains a single network" in str(error.value.__cause__)
    with pytest.raises(ValueError, match=r"'n_estimators'.* 1 with warm_start=True"):
        clone(model).set_params(warm_start=True).fit(X, y)
    single = model.fit(X, y).set_params(n_estimators=1)
    with pytest.raises(ValueError, match=r"n_estimators was 3 and would become 1"):
        single.partial_fit(X, y)


def test_the_evidence_needs_one_network():
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(solver="lm", alpha="evidence", n_estimators=2)
    with pytest.raises(ValueError, match=r"'n_estimators'.* 1 with alpha='evidence'"):
        model.fit(X, y)


@both
@pytest.mark.parametrize("value", [0, 1.5, "auto"])
def test_other_numbers_of_networks_are_refused(cls, value):
    X, y = problem(cls)
    with pytest.raises(ValueError, match="'n_estimators' parameter"):
        cls(n_estimators=value).fit(X, y)


# ------------------------------------------------------------------ training of members


@both
def test_each_member_is_validated_on_its_own_fold(monkeypatch, cls):
    seen = members_of(monkeypatch)
    model, _, _ = fitted(cls, n_estimators=3, early_stopping=True)
    assert [one.run.objective.n_samples for one in seen] == [40, 40, 40]
    assert len(model.validation_scores_) == model.n_iter_
    assert model.best_loss_ is None
    # a fold is predicted as well as its validation says
    assert np.isfinite(model.oof_prediction_).all()


def test_early_stopping_needs_folds():
    X, y = problem(EffPropRegressor, n=12)
    model = EffPropRegressor(**{**SGD, "n_estimators": 8, "early_stopping": True})
    with pytest.raises(ValueError, match=r"n_estimators=8 needs at least 16"):
        model.fit(X, y)


@both
def test_all_members_share_the_validation_data_that_are_given(monkeypatch, cls):
    seen = members_of(monkeypatch)
    X, y = problem(cls)
    model = cls(**{**SGD, "n_estimators": 3}).fit(X, y, X_val=X, y_val=y)
    assert all(len(one.attributes["validation_scores_"]) == 4 for one in seen)
    assert model.validation_scores_ == seen[0].attributes["validation_scores_"]


def test_curves_are_those_of_the_first_member_with_a_problem(monkeypatch):
    seen = members_of(monkeypatch)
    model, _, _ = fitted(EffPropRegressor, n_estimators=3)
    assert model.loss_curve_ == seen[0].attributes["loss_curve_"]
    monkeypatch.setattr(
        _members.Trained, "has_problem", property(lambda one: one is seen[-1])
    )
    model, _, _ = fitted(EffPropRegressor, n_estimators=3)
    assert model.loss_curve_ == seen[-1].attributes["loss_curve_"]


def test_members_share_the_time(monkeypatch):
    seen = members_of(monkeypatch)
    fitted(EffPropRegressor, n_estimators=4, max_time=1000.0)
    limits = [one.run.plan.max_time for one in seen]
    np.testing.assert_allclose(limits, [250.0, 500.0, 750.0, 1000.0])
    short, X, _ = fitted(EffPropRegressor, n_estimators=4, max_time=1e-9)
    # no other member is trained when the time of all is over
    assert len(seen) == 4 + 1
    assert short.convergence_.reason == "max_time"
    assert np.isfinite(short.predict(X)).all()


@pytest.mark.parametrize(("member", "n_left"), [(1, 1), (2, 1), (3, 2)])
def test_an_interrupt_keeps_the_members_that_are_trained(monkeypatch, member, n_left):
    lines = []

    def interrupt(monitor):
        lines.append(monitor.n_iter)
        if len(lines) == 4 * (member - 1) + 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("sk_effprop.training.progress._print_line", interrupt)
    model, X, _ = fitted(EffPropRegressor, n_estimators=3, verbose=2)
    assert model.network_.sizes[1] == 5 * n_left
    assert (model.convergence_.reason == "interrupted") == (member == 1)
    # the folds of the others are unknown
    assert np.isnan(model.oof_prediction_).sum() == 60 - 20 * n_left
    assert np.isfinite(model.predict(X, interval=0.5)[1]).all()


def test_lines_say_which_network_is_trained(capsys):
    fitted(EffPropRegressor, n_estimators=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "EffPropRegressor, network 1 of 2:"
    assert lines[5] == "EffPropRegressor, network 2 of 2:"
    assert len(lines) == 10


def test_a_row_of_nearly_all_the_weight_may_be_left_out():
    X, y = problem(EffPropRegressor)
    weight = np.ones(len(y))
    weight[3] = 1e200
    model = EffPropRegressor((3,), n_estimators=3, max_iter=2, random_state=0)
    model.fit(X.astype(np.float32), y, sample_weight=weight)
    assert np.isfinite(model.predict(X)).all()
