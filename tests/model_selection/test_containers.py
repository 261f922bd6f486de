"""Ablations of pipelines, searches and other containers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_score,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sk_effprop import EffPropRegressor
from sk_effprop.model_selection import ablate_tricks
from sk_effprop.model_selection._settings import (
    climb,
    default_tricks,
)
from tests.model_selection.data import CV, KIND, RECIPE, W


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


def test_tables_have_baselines():
    """With categories and missing values, which linear models do not take."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60), "b": rng.choice(["x", "y"], 60)})
    y = table["a"] + 2.0 * (table["b"] == "x")
    table.loc[:3, "a"] = np.nan
    net = EffPropRegressor((3,), max_iter=20, random_state=0)
    constant, linear, *_ = ablate_tricks(net, table, y, cv=2, tricks={}).results_
    assert constant.score < 0.1
    assert linear.score > 0.6


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
