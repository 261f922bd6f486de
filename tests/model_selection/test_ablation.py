"""Ablations: baselines, the climb from plain backpropagation, and tricks undone."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, recall_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.model_selection import AblationResult, ablate_tricks
from sk_effprop.model_selection._scoring import paired_difference
from sk_effprop.model_selection._settings import (
    STEPS,
    climb,
    default_tricks,
    plain_backpropagation,
)

mpl.use("Agg")

RECIPE = EffPropClassifier(
    (5,), solver="sgd", max_iter=3, tol=0.0, random_state=0, activation="tanh"
)
CV = StratifiedKFold(3, shuffle=True, random_state=0)
TRICKS = {"normalize": None, "init": 1.0}
W, KIND = load_wine(return_X_y=True)


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def ablation():
    """Three settings of the small recipe, and baselines."""
    return ablate_tricks(RECIPE, W, KIND, cv=CV, tricks=TRICKS)


@pytest.fixture(scope="module")
def whole_way():
    """The climb of the small recipe."""
    return ablate_tricks(RECIPE, W, KIND, cv=CV, direction="both", baselines=False)


# ------------------------------------------------------------------------------ rows


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


# -------------------------------------------------------------------------- statistics


def test_the_test_is_students_if_training_sets_do_not_overlap():
    """No test rows, no overlap: the paired t-test of SciPy."""
    rng = np.random.default_rng(0)
    scores, reference = rng.normal(size=(2, 8))
    difference = paired_difference(scores, reference, [(10, 0)] * 8)
    expected = stats.ttest_rel(scores, reference)
    assert difference.p_value == pytest.approx(expected.pvalue)
    assert difference.mean / difference.error == pytest.approx(expected.statistic)


def test_overlap_widens_the_error():
    """Five folds: (1/5 + 1/4) in place of 1/5."""
    scores, reference = np.array([[0.9, 0.8, 0.7, 0.95, 0.9], [0.8, 0.8, 0.6, 0.8, 1]])
    plain = paired_difference(scores, reference, [(80, 0)] * 5)
    folds = paired_difference(scores, reference, [(80, 20)] * 5)
    assert folds.error == pytest.approx(plain.error * np.sqrt(0.45 / 0.2))
    assert folds.p_value > plain.p_value


def test_equal_and_single_scores_have_an_answer():
    same = paired_difference(np.ones(3), np.ones(3), [(2, 1)] * 3)
    assert same == (0.0, 0.0, 1.0)
    shifted = paired_difference(np.ones(3), np.zeros(3), [(2, 1)] * 3)
    assert shifted.p_value == 0.0
    single = paired_difference(np.ones(1), np.zeros(1), [(2, 1)])
    assert single.mean == 1.0
    assert np.isnan(single.p_value)


# -------------------------------------------------------------------------- containers


def test_a_pipeline_is_ablated_whole():
    pipeline = make_pipeline(MinMaxScaler(), clone(RECIPE))
    result = ablate_tricks(pipeline, W, KIND, cv=CV, tricks={"init": 1.0})
    *baselines, whole, off = result.results_
    np.testing.assert_allclose(whole.scores, cross_val_score(pipeline, W, KIND, cv=CV))
    pipeline.set_params(effpropclassifier__init=1.0)
    np.testing.assert_allclose(off.scores, cross_val_score(pipeline, W, KIND, cv=CV))
    assert (whole.epochs, off.epochs) == (3.0, 3.0)
    linear = make_pipeline(
        MinMaxScaler(), StandardScaler(), LogisticRegression(max_iter=1000)
    )
    expected = cross_val_score(linear, W, KIND, cv=CV)
    np.testing.assert_allclose(baselines[1].scores, expected)


def test_a_transformed_target_regressor_is_ablated():
    X, y = load_diabetes(return_X_y=True)
    net = EffPropRegressor((3,), max_iter=5, tol=0, random_state=0)
    whole = TransformedTargetRegressor(net, transformer=MinMaxScaler())
    result = ablate_tricks(
        whole, X, y, cv=2, tricks={"normalize_target": False}, baselines=False
    )
    assert result.score_name == "R2"
    changed = clone(whole).set_params(regressor__normalize_target=False)
    np.testing.assert_allclose(
        result.results_[1].scores, cross_val_score(changed, X, y, cv=2)
    )
    assert result.results_[0].epochs == 5.0


def test_what_a_search_varies_is_not_ablated():
    pipeline = make_pipeline(StandardScaler(), RECIPE)
    grid = {"effpropclassifier__init": [0.1, 1.0], "effpropclassifier__alpha": [0.0]}
    search = GridSearchCV(pipeline, grid, cv=2)
    assert "init" not in default_tricks(search)
    assert "normalize" in default_tricks(search)
    result = ablate_tricks(search, W, KIND, cv=2, tricks={"normalize": None})
    # baselines take the place of the search, whose grid they would not know
    linear = make_pipeline(
        StandardScaler(), StandardScaler(), LogisticRegression(max_iter=1000)
    )
    expected = cross_val_score(linear, W, KIND, cv=2)
    np.testing.assert_allclose(result.results_[1].scores, expected)
    assert result.results_[-1].epochs == 3.0
    for candidate in climb(search):
        assert "init" not in candidate.setting
    with pytest.raises(ValueError, match="'init', which the search"):
        ablate_tricks(search, W, KIND, tricks={"init": 1.0})


def test_containers_of_searches_are_understood():
    search = GridSearchCV(RECIPE, [{"init": [0.1]}, {"alpha": [0.0]}], cv=2)
    pipeline = make_pipeline(StandardScaler(), search)
    assert "init" not in default_tricks(pipeline)
    result = ablate_tricks(pipeline, W, KIND, cv=2, tricks={"bias_init": "zero"})
    assert [row.kind for row in result.results_].count("baseline") == 3
    assert np.isfinite([row.score for row in result.results_]).all()


@pytest.mark.parametrize(
    ("stranger", "number"),
    [
        (MLPClassifier(), "MLPClassifier contains none"),
        (VotingClassifier([("a", RECIPE), ("b", RECIPE)]), "contains 2"),
        (None, "NoneType contains none"),
    ],
    ids=["MLPClassifier", "two networks", "None"],
)
def test_an_ablation_of_other_estimators_is_refused(stranger, number):
    with pytest.raises(TypeError, match=number):
        ablate_tricks(stranger, W, KIND)


# ------------------------------------------------------------------ scores, failures


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


# ------------------------------------------------------------------------- workers


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


# ------------------------------------------------------------------------------ tricks


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


# ----------------------------------------------------------------- tables, pictures


def test_an_ablation_is_shown_as_a_table(ablation):
    header, *lines = repr(ablation).splitlines()
    assert header.split()[:5] == ["section", "trick", "set", "to", "accuracy"]
    assert [line.split()[0] for line in lines[:4]] == [
        "constant", "linear", "scaled", "full",
    ]  # fmt: skip
    assert lines[4].split()[:3] == ["4.3", "normalize", "None"]
    assert len({line.index(" ± ") for line in lines}) == 1
    html = ablation._repr_html_()
    assert html.count("<tr") == len(lines) + 1
    assert html.count('<tr class="strong">') == 1
    assert "http" not in html


def test_an_ablation_is_a_data_frame(ablation):
    frame = ablation.to_frame()
    assert list(frame["trick"])[3:] == ["full recipe", "normalize", "init"]
    assert list(frame.columns) == list(ablation.results_[0]._fields)


def test_an_ablation_can_be_drawn(ablation, whole_way):
    ax = ablation.plot()
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        "constant", "linear", "scaled MLP", "full recipe", "normalize = None",
        "init = 1.0",
    ]  # fmt: skip
    assert ax.get_xlabel() == "accuracy, cross-validated"
    _, other = plt.subplots()
    assert whole_way.plot(ax=other) is other
    assert other.get_title() == "Tricks added one by one, and each switched off"
    # a line leads from plain backpropagation to the recipe
    steps = [row.score for row in whole_way.results_ if row.kind in ("step", "recipe")]
    np.testing.assert_allclose(other.get_lines()[0].get_xdata(), steps)


def test_scores_far_below_are_written_at_the_edge():
    X, y = load_diabetes(return_X_y=True)
    recipe = EffPropRegressor((3,), max_iter=10, random_state=0)
    result = ablate_tricks(recipe, X, y, cv=2, tricks={})
    low = result.results_[0]._replace(trick="worse", score=-1e6, kind="off")
    ax = AblationResult([*result.results_, low], "R2").plot()
    assert ax.get_xlim()[0] > -10.0
    assert "-1e+06" in [text.get_text().strip() for text in ax.texts]


def test_iris_has_an_html_table_that_escapes():
    X, y = load_iris(return_X_y=True)
    result = ablate_tricks(
        RECIPE, X, y, cv=2, tricks={"activation": "logistic"}, baselines=False
    )
    assert "&#x27;logistic&#x27;" in result._repr_html_()
