"""Losses for multiples of the automatic rate."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import (
    LearningRateDisplay,
    TrajectoryDisplay,
)
from tests.inspection.displays.data import SGD, XD, YD, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_losses_are_those_of_fits_with_the_given_rates(momentum):
    """With one rate for all layers, a fit can be told the rate itself.

    To measure rates takes random numbers, so only a full batch is presented alike.
    """
    net = EffPropClassifier(
        4, solver="sgd", learning_rate_scaling="none", momentum=momentum,
        batch_size="full", engine="numpy", random_state=3,
    )  # fmt: skip
    display = LearningRateDisplay.from_estimator(
        net, X, Y, ratios=[0.25, 1.0], n_epochs=3
    )
    for ratio, column in zip(display.ratios, display.losses.T, strict=True):
        for n_epochs, loss in enumerate(column, 1):
            net.set_params(
                learning_rate_init=ratio * display.learning_rate,
                learning_rate="constant", max_iter=n_epochs, tol=0,
            )  # fmt: skip
            fitted = net.fit(X, Y)
            # the best weights of a fit may be those of an earlier epoch
            assert min(column[:n_epochs]) == pytest.approx(fitted.loss_, rel=1e-5)
            assert loss >= fitted.loss_ * (1 - 1e-9)


def test_the_automatic_rate_is_that_of_a_fit():
    display = LearningRateDisplay.from_estimator(SGD, X, Y, ratios=[1, 2], n_epochs=1)
    net = EffPropClassifier(
        4, solver="sgd", learning_rate="constant", max_iter=1, tol=0, random_state=0
    ).fit(X, Y)
    assert display.learning_rate == pytest.approx(net.learning_rate_)
    assert display.losses[0, 0] == pytest.approx(net.loss_)
    # log loss of the shares of the classes
    assert display.constant_loss == pytest.approx(np.log(3.0))


def test_far_too_large_rates_are_marked_and_not_rescued():
    net = EffPropRegressor((4,), solver="sgd", random_state=0)
    display = LearningRateDisplay.from_estimator(
        net, XD[:100], YD[:100], ratios=[1.0, 1e4], n_epochs=3
    )
    assert display.losses[-1, 1] > 100.0 * display.losses[-1, 0]
    labels = [line.get_label() for line in display.ax_.get_lines()]
    assert "far above, or diverged" in labels
    assert "best ratio is 1" in display.ax_.get_title()


def test_the_evidence_gives_way_as_well():
    net = EffPropRegressor((3,), solver="lm", alpha="evidence", random_state=0)
    display = LearningRateDisplay.from_estimator(
        net, XD[:50], YD[:50], ratios=[1.0], n_epochs=1
    )
    assert np.isfinite(display.losses).all()


@pytest.mark.parametrize("cls", [LearningRateDisplay, TrajectoryDisplay])
def test_errors_name_the_class_of_the_user(cls):
    with pytest.raises(ValueError, match="'momentum' parameter of EffPropClassifier"):
        cls.from_estimator(EffPropClassifier(4, momentum=2.0), X, Y)


def test_batch_solvers_give_way_to_gradient_descent(diabetes):
    before = diabetes.get_params()
    display = LearningRateDisplay.from_estimator(
        diabetes, XD[:50], YD[:50], ratios=[0.5, 1.0], n_epochs=8
    )
    assert diabetes.get_params() == before
    assert np.isfinite(display.losses).all()
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend[0] == "1 epoch"
    assert "8 epochs" in legend
    assert len(legend) <= 7


@pytest.mark.parametrize(
    "wrong", [{"ratios": [0.0]}, {"ratios": []}, {"n_epochs": 0}], ids=str
)
def test_wrong_settings_of_rates_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LearningRateDisplay.from_estimator(SGD, X, Y, **wrong)
