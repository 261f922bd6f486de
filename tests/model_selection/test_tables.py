"""Ablations as tables and pictures."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_iris

from sk_effprop import EffPropRegressor
from sk_effprop.model_selection import AblationResult, ablate_tricks
from tests.model_selection.data import RECIPE


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
