"""Predictions and errors of regressions."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_linnerud
from sklearn.linear_model import LinearRegression

from sk_effprop import EffPropRegressor
from sk_effprop.inspection import (
    ErrorHistogramDisplay,
    RegressionDisplay,
)
from tests.inspection.displays.data import XD, YD, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_the_line_and_r_are_those_of_textbooks(diabetes):
    display = RegressionDisplay.from_estimator(diabetes, XD, YD, name="all")
    output = diabetes.predict(XD)
    ((slope, intercept, r),) = display.lines
    assert r == pytest.approx(stats.pearsonr(YD, output).statistic)
    ordinary = LinearRegression().fit(YD[:, None], output)
    assert slope == pytest.approx(ordinary.coef_[0])
    assert intercept == pytest.approx(ordinary.intercept_)
    assert display.ax_.get_title() == f"all: R = {r:.5f}"
    assert display.ax_.get_xlim() == display.ax_.get_ylim()


def test_each_output_has_a_line_of_its_own():
    inputs, targets = load_linnerud(return_X_y=True)
    net = EffPropRegressor((3,), max_iter=20, random_state=0).fit(inputs, targets)
    display = RegressionDisplay.from_estimator(net, inputs, targets)
    for k, line in enumerate(display.lines):
        alone = RegressionDisplay(targets[:, k], net.predict(inputs)[:, k])
        assert alone.lines[0] == line


def test_outputs_have_the_names_of_their_columns():
    inputs, targets = load_linnerud(return_X_y=True, as_frame=True)
    net = EffPropRegressor((3,), max_iter=20, random_state=0).fit(inputs, targets)
    display = RegressionDisplay.from_estimator(net, inputs, targets)
    labels = " ".join(display.ax_.get_legend_handles_labels()[1])
    assert all(f"{name}, R =" in labels for name in targets)
    numbered = RegressionDisplay(targets.to_numpy(), net.predict(inputs))
    assert numbered.output_names == ["output 0", "output 1", "output 2"]
    assert numbered.lines == display.lines


def test_constant_predictions_have_no_correlation():
    display = RegressionDisplay.from_predictions([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert np.isnan(display.lines[0].r)
    assert display.lines[0].slope == 0.0
    same = RegressionDisplay.from_predictions([1.0, 1.0], [0.5, 1.5])
    assert np.isnan(same.lines[0].r)
    assert same.lines[0].intercept == pytest.approx(1.0)


def test_errors_are_targets_minus_outputs(diabetes):
    display = ErrorHistogramDisplay.from_estimator(
        diabetes, XD[:300], YD[:300], X_test=XD[300:], y_test=YD[300:], bins=7
    )
    errors = YD - diabetes.predict(XD)
    edges = np.linspace(errors.min(), errors.max(), 8)
    np.testing.assert_allclose(display.edges, edges)
    for name, part in (("training", errors[:300]), ("test", errors[300:])):
        expected = [
            np.sum((part >= low) & ((part < high) | (high == edges[-1])))
            for low, high in pairwise(edges)
        ]
        np.testing.assert_array_equal(display.counts[name], expected)
    heights = [patch.get_y() + patch.get_height() for patch in display.ax_.patches[7:]]
    np.testing.assert_array_equal(heights, sum(display.counts.values()))


@pytest.mark.parametrize("cls", [RegressionDisplay, ErrorHistogramDisplay])
def test_what_has_no_errors_is_refused(cls, iris):
    with pytest.raises(TypeError, match="regressor, got EffPropClassifier"):
        cls.from_estimator(iris, X, Y)
    with pytest.raises(ValueError, match="same number of outputs"):
        cls.from_predictions(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="y_pred must be finite"):
        cls.from_predictions([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(ValueError, match="inconsistent"):
        cls.from_predictions([1.0, 2.0], [1.0])


def test_histograms_refuse_half_a_test_set_and_no_bins(diabetes):
    with pytest.raises(ValueError, match="X_test and y_test must be given together"):
        ErrorHistogramDisplay.from_estimator(diabetes, XD, YD, X_test=XD)
    with pytest.raises(ValueError, match="bins must be a positive int"):
        ErrorHistogramDisplay.from_estimator(diabetes, XD, YD, bins=0)
