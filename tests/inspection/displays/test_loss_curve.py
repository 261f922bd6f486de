"""Loss curves."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier
from sk_effprop.inspection import (
    LossCurveDisplay,
)
from tests.inspection.displays.data import SGD, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_the_best_epoch_has_the_lowest_validation_loss():
    net = EffPropClassifier(
        5, solver="sgd", early_stopping=True, max_iter=20, random_state=0
    ).fit(X, Y)
    display = LossCurveDisplay.from_estimator(net, name="net")
    assert display.best == 1 + np.argmin(net.validation_loss_curve_)
    np.testing.assert_array_equal(display.loss, net.loss_curve_)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == [
        "net, training", "net, validation", f"net, best, epoch {display.best}",
    ]  # fmt: skip
    # the marker stands on the curve
    marker = display.ax_.get_lines()[-1]
    expected = [[display.best, net.validation_loss_curve_[display.best - 1]]]
    np.testing.assert_allclose(marker.get_xydata(), expected)
    other = LossCurveDisplay.from_estimator(SGD.fit(X, Y), ax=display.ax_)
    colors = [line.get_color() for line in other.ax_.get_lines()]
    assert len(set(colors)) == 2
    assert other.best is None


def test_a_curve_may_be_short_negative_or_not_finite():
    short = LossCurveDisplay([0.5]).plot()
    assert short.ax_.get_lines()[0].get_marker() == "o"
    negative = LossCurveDisplay([-0.5, -1.0, -2.0]).plot()
    assert negative.ax_.get_yscale() == "linear"
    broken = LossCurveDisplay([1.0, np.inf, 0.5], validation_loss=[np.nan] * 3, best=1)
    drawn = broken.plot().ax_.get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, [1.0, np.nan, 0.5])


@pytest.mark.parametrize("factor", [1.001, 1.3, 2.0, 5.0, 9.0, 12.0, 40.0])
def test_losses_between_powers_of_ten_have_labels_as_well(factor):
    ax = LossCurveDisplay([0.17, 0.17 / factor]).plot().ax_
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    ticks = [*ax.yaxis.get_major_ticks(), *ax.yaxis.get_minor_ticks()]
    places = [tick.get_loc() for tick in ticks if tick.label1.get_text()]
    assert sum(low <= place <= high for place in places) >= 3


def test_a_fit_that_diverged_is_told():
    net = EffPropClassifier(
        5, solver="sgd", learning_rate_init=300.0, loss="squared_error", random_state=0
    ).fit(X, Y)
    title = LossCurveDisplay.from_estimator(net).ax_.get_title()
    assert f"divergence: {net.convergence_.n_recoveries}" in title
