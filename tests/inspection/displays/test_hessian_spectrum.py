"""Eigenvalues of the Hessian."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier
from sk_effprop.inspection import (
    HessianSpectrumDisplay,
    curvature_operator,
)
from tests.inspection.displays.data import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_the_spectrum_counts_the_signs_of_all_eigenvalues(iris, kind):
    A = curvature_operator(iris, X, Y, kind) @ np.eye(len(iris.theta_))
    expected = np.linalg.eigvalsh((A + A.T) / 2.0)[::-1]
    display = HessianSpectrumDisplay.from_estimator(iris, X, Y, kind=kind)
    np.testing.assert_allclose(display.eigenvalues, expected, atol=1e-9)
    is_zero = np.abs(expected) < 1e-12 * expected[0]
    assert np.sum(display.is_zero) == np.sum(is_zero)
    drawn = display.ax_.get_lines()
    assert sum(len(line.get_xdata()) for line in drawn) == np.sum(~is_zero)
    heights = np.sort(np.concatenate([line.get_ydata() for line in drawn]))
    np.testing.assert_allclose(heights, np.sort(np.abs(expected[~is_zero])), atol=1e-9)
    labels = [line.get_label() for line in drawn]
    n_negative = np.sum(expected[~is_zero] < 0.0)
    assert (f"{n_negative} negative" in labels) == bool(n_negative)


def test_a_histogram_counts_every_eigenvalue_once(iris):
    display = HessianSpectrumDisplay.from_estimator(iris, X, Y, style="histogram")
    expected = np.sum(~display.is_zero)
    values = np.abs(display.eigenvalues[~display.is_zero])
    ends = display.ax_.get_xlim()
    assert ends[0] < values.min()
    assert values.max() < ends[1]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert sum(int(label.split()[0]) for label in labels) == expected
    with pytest.raises(ValueError, match="style must be one of"):
        HessianSpectrumDisplay.from_estimator(iris, X, Y, style="pie")


def test_a_part_of_the_spectrum_says_so(iris):
    display = HessianSpectrumDisplay.from_estimator(iris, X, Y, k=2)
    assert f"2 of {len(iris.theta_)} eigenvalues" in display.ax_.get_title()
    assert "condition number" not in display.ax_.get_title()


def test_a_large_spectrum_is_known_at_both_ends(monkeypatch):
    net = EffPropClassifier(20, max_iter=5, random_state=0).fit(X, Y)
    n_weights = len(net.theta_)
    whole = HessianSpectrumDisplay.from_estimator(net, X, Y).eigenvalues
    module = "sk_effprop.inspection.displays.hessian_spectrum"
    monkeypatch.setattr(f"{module}.MAX_DENSE", 100)
    monkeypatch.setattr(f"{module}.N_AT_EACH_END", 3)
    monkeypatch.setattr(f"{module}.MAX_RESTARTS", 1000)
    display = HessianSpectrumDisplay.from_estimator(net, X, Y)
    assert f"6 of {n_weights} eigenvalues" in display.ax_.get_title()
    expected = np.r_[whole[:3], whole[-3:]]
    assert whole[-1] < 0.0
    np.testing.assert_allclose(display.eigenvalues, expected, rtol=0.02)
