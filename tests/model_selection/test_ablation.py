"""Ablations: baselines, the climb from plain backpropagation, and tricks undone."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import (
    KFold,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.model_selection import AblationResult, ablate_tricks
from sk_effprop.model_selection._settings import (
    STEPS,
    climb,
    default_tricks,
    plain_backpropagation,
)
from tests.model_selection.data import CV, KIND, RECIPE, TRICKS, W


def test_rows_are_cross_validations_with_a_trick_undone(ablation):
    assert isinstance(ablation, AblationResult)
    kinds = [row.kind for row in ablation.results_]
    assert kinds == ["baseline"] * 3 + ["recipe", "off", "off"]
    settings = [{}, {"normalize": None}, {"init": 1.0}]
    for row, setting in zip(ablation.results_[3:], settings, strict=True):
        scores = cross_val_score(clone(RECIPE).set_params(**setting), W, KIND, cv=CV)
        np.testing.assert_allclose(row.scores, scores)
        assert row.score == pytest.approx(scores.mean())
        assert row.score_std == pytest.approx(scores.std())
        assert row.epochs == 3.0
        assert row.seconds > 0.0
    assert ablation.results_[3][:3] == ("full recipe", "", "")
    assert ablation.results_[4][:3] == ("normalize", "4.3", None)
    assert ablation.results_[5][:3] == ("init", "4.6", 1.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_baselines_are_other_models_on_the_same_folds(ablation):
    models = [
        DummyClassifier(strategy="prior"),
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        make_pipeline(StandardScaler(), MLPClassifier(random_state=0)),
    ]
    names = [row.trick for row in ablation.results_[:3]]
    assert names == ["constant", "linear", "scaled MLP"]
    for row, model in zip(ablation.results_, models, strict=False):
        folds = [
            model.fit(W[a], KIND[a]).score(W[b], KIND[b]) for a, b in CV.split(W, KIND)
        ]
        np.testing.assert_allclose(row.scores, folds)
        assert np.isnan(row.epochs)
    assert [row.n_warnings for row in ablation.results_[:2]] == [0, 0]


def test_the_climb_begins_in_1986_and_ends_at_the_recipe(whole_way):
    rows = [row for row in whole_way.results_ if row.kind in ("step", "recipe")]
    plain, *_, last = rows
    assert plain.trick == "plain backpropagation"
    assert plain.setting["activation"] == "logistic"
    assert plain.setting["init"] == 1.0
    assert plain.setting["batch_size"] == "full"
    assert plain.setting["loss"] == "squared_error"
    scores = cross_val_score(clone(RECIPE).set_params(**plain.setting), W, KIND, cv=CV)
    np.testing.assert_allclose(plain.scores, scores)
    # each step sets what it says, and what is left makes the recipe
    settings = dict(plain.setting)
    for row in rows[1:-1]:
        for name, value in row.setting.items():
            assert getattr(RECIPE, name) == value
            del settings[name]
        scores = cross_val_score(clone(RECIPE).set_params(**settings), W, KIND, cv=CV)
        np.testing.assert_allclose(row.scores, scores)
    assert set(settings) == {"loss"}
    assert last.kind == "recipe"
    sections = [row.section[:3] for row in rows[1:-1]]
    assert sections == sorted(sections)


def test_a_row_is_compared_with_the_recipe_and_a_step_with_the_one_before(whole_way):
    rows = whole_way.results_
    place = [row.kind for row in rows].index("recipe")
    for i, row in enumerate(rows):
        if (row.kind == "step" and i > 0) or row.kind == "recipe":
            other = rows[i - 1]
        else:
            other = rows[place]
        expected = np.mean(np.subtract(row.scores, other.scores))
        assert row.difference == pytest.approx(expected)


def test_steps_that_change_nothing_are_left_out():
    squared = EffPropClassifier(
        loss="squared_error", solver="sgd", batch_size="full", shuffle=False
    )
    names = [candidate.trick for candidate in climb(squared)]
    assert "+ mini-batches" not in names
    assert "+ shuffled examples" not in names
    assert "+ targets within reach" in names
    # nothing is left for a last step, which would be the recipe itself
    assert "+ falling rate" not in names


def test_plain_backpropagation_is_made_of_hyperparameters():
    for cls in EffPropClassifier, EffPropRegressor:
        plain = plain_backpropagation(cls())
        cls(**plain)
        released = {name for step in STEPS for name in step.parameters}
        assert plain.keys() - released == {"solver", "loss"}


def test_an_unknown_direction_is_refused():
    with pytest.raises(ValueError, match="direction must be one of"):
        ablate_tricks(RECIPE, W, KIND, direction="up")


def test_any_score_can_be_compared():
    loss = ablate_tricks(
        RECIPE, W, KIND, cv=CV, tricks={}, baselines=False, scoring="neg_log_loss"
    )
    assert loss.score_name == "neg_log_loss"
    expected = cross_val_score(RECIPE, W, KIND, cv=CV, scoring="neg_log_loss")
    np.testing.assert_allclose(loss.results_[0].scores, expected)
    recall = make_scorer(recall_score, average="macro")
    other = ablate_tricks(
        RECIPE, W, KIND, cv=CV, tricks={}, baselines=False, scoring=recall
    )
    np.testing.assert_allclose(
        other.results_[0].scores,
        cross_val_score(RECIPE, W, KIND, cv=CV, scoring=recall),
    )


def test_a_setting_that_cannot_be_fitted_is_reported():
    tricks = {"target_values": (-5.0, 5.0), "init": 1.0}
    recipe = clone(RECIPE).set_params(loss="squared_error")
    with pytest.warns(FitFailedWarning, match="3 of 3 fits of 'target_values' failed"):
        result = ablate_tricks(recipe, W, KIND, cv=CV, tricks=tricks, baselines=False)
    _, failed, fine = result.results_
    assert np.isnan(failed.score)
    assert np.isfinite(fine.score)
    assert "nan" in repr(result)
    result.plot().figure.canvas.draw()


def test_a_recipe_that_cannot_be_fitted_raises_its_error():
    recipe = clone(RECIPE).set_params(max_iter=-1)
    with pytest.raises(ValueError, match="max_iter"):
        ablate_tricks(recipe, W, KIND, cv=2, tricks={}, baselines=False)
    with pytest.raises(ValueError, match="tricks must name hyperparameters"):
        ablate_tricks(RECIPE, W, KIND, tricks={"nothing": 0})


def test_fits_that_warn_are_counted_and_quiet():
    X, y = load_diabetes(return_X_y=True)
    recipe = EffPropRegressor((5,), solver="sgd", max_iter=2, tol=0.0, random_state=0)
    result = ablate_tricks(recipe, X[:100], y[:100], cv=2, baselines=False)
    assert result.score_name == "R2"
    assert [r.trick for r in result.results_[1:]] == list(default_tricks(recipe))
    by_name = {row.trick: row for row in result.results_}
    assert by_name["full recipe"].score > by_name["normalize_target"].score
    assert by_name["full recipe"].n_warnings == 0
    # two epochs on targets of 150 +- 77 that are not normalised
    assert by_name["normalize_target"].n_warnings > 0


def test_sparse_data_and_many_labels_have_baselines():
    sparse_rows = ablate_tricks(RECIPE, sparse.csr_array(W), KIND, cv=2, tricks={})
    assert np.isfinite([row.score for row in sparse_rows.results_]).all()
    labels = np.column_stack([KIND == 0, KIND > 0, W[:, 0] > 13]).astype(int)
    folds = KFold(2, shuffle=True, random_state=0)
    rows = ablate_tricks(RECIPE, W, labels, cv=folds, tricks={}).results_
    assert np.isfinite([row.score for row in rows]).all()


def test_workers_find_what_one_process_finds(ablation):
    seen = []
    result = ablate_tricks(
        RECIPE, W, KIND, cv=CV, tricks=TRICKS, n_jobs=2, on_row=seen.append
    )
    assert seen == result.results_
    for ours, theirs in zip(result.results_, ablation.results_, strict=True):
        assert ours.trick == theirs.trick
        np.testing.assert_allclose(ours.scores, theirs.scores)


def test_an_ablation_leaves_the_estimator_alone():
    estimator = clone(RECIPE)
    ablate_tricks(estimator, W, KIND, cv=2, tricks={"init": 1.0}, direction="both")
    assert vars(estimator).keys() == estimator.get_params().keys()
    assert estimator.init == "lecun_uniform"


def test_an_ablation_takes_pandas_as_it_comes():
    """Rows are paired by position, whatever the index says."""
    shuffled = np.random.default_rng(0).permutation(len(KIND))
    frame = pd.DataFrame(W, index=shuffled)
    series = pd.Series(KIND, index=shuffled[::-1])
    settings = {"cv": 2, "tricks": {}, "baselines": False}
    plain = ablate_tricks(RECIPE, W, KIND, **settings)
    labelled = ablate_tricks(RECIPE, frame, series, **settings)
    assert plain.results_[0].score == labelled.results_[0].score > 0.6


def test_target_values_are_a_trick_of_squared_error():
    assert "target_values" in default_tricks(EffPropClassifier(loss="squared_error"))
    assert "target_values" not in default_tricks(EffPropClassifier(loss="log_loss"))


def test_batch_solvers_have_no_stochastic_tricks():
    tricks = default_tricks(EffPropClassifier(solver="lbfgs"))
    assert "normalize" in tricks
    assert not tricks.keys() & {"shuffle", "batch_size", "learning_rate"}


@pytest.mark.parametrize("cls", [EffPropClassifier, EffPropRegressor])
def test_default_tricks_are_those_in_use(cls):
    """Values that undo them, without those that the estimator does not use anyway."""
    tricks = default_tricks(cls())
    assert tricks["normalize"] is None
    for name, value in tricks.items():
        entry = cls._registry[name]
        assert entry.is_trick
        assert value == entry.without != getattr(cls(), name)
    without = cls(**tricks)
    assert default_tricks(without) == {}
    assert "normalize" not in default_tricks(cls(normalize=None))
    assert default_tricks(cls(init=np.zeros(3)))["init"] == 1.0
