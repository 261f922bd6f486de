"""Activations with their derivatives and targets."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier
from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.inspection import (
    ActivationDisplay,
)
from tests.inspection.displays.data import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "relu"])
def test_the_curves_of_an_activation_are_derivatives_of_each_other(name):
    display = ActivationDisplay(ACTIVATIONS[name])
    slope = np.gradient(display.value, display.z)
    np.testing.assert_allclose(slope[1:-1], display.slope[1:-1], atol=1e-3)
    curvature = np.abs(np.gradient(display.slope, display.z))
    np.testing.assert_allclose(curvature[1:-1], display.curvature[1:-1], atol=5e-3)


def test_targets_lie_on_the_curve_where_it_bends_most():
    net = EffPropClassifier(4, loss="squared_error", max_iter=3, random_state=0)
    display = ActivationDisplay.from_estimator(net.fit(X, Y))
    assert len(display.target_points) == 2
    f = ACTIVATIONS["lecun_tanh"]
    for z, value in display.target_points:
        assert f.f(z) == pytest.approx(value)
        assert abs(f.d2f(z)) == pytest.approx(display.curvature.max(), rel=1e-4)


def test_asymptotes_are_targets_without_a_point():
    net = EffPropClassifier(
        4, activation="logistic", loss="squared_error", target_values="asymptote",
        max_iter=3, random_state=0,
    )  # fmt: skip
    display = ActivationDisplay.from_estimator(net.fit(X, Y))
    assert display.target_points == []
    assert set(display.targets) == {0.0, 1.0}


def test_the_layer_of_an_activation_can_be_chosen(iris):
    net = EffPropClassifier(
        (4, 3), activation=["tanh", "relu"], max_iter=3, random_state=0
    ).fit(X, Y)
    titles = [
        ActivationDisplay.from_estimator(net, layer=layer).ax_.get_title()
        for layer in (0, 1, -1, None)
    ]
    assert titles == [
        "Activation of hidden layer 1: tanh",
        "Activation of hidden layer 2: relu",
        "Activation of the output: identity",
        "Activation of hidden layer 2: relu",
    ]
    with pytest.raises(ValueError, match="layer must lie between -3 and 2, got 3"):
        ActivationDisplay.from_estimator(net, layer=3)
    twisted = EffPropClassifier(4, twist=0.1, max_iter=3, random_state=0).fit(X, Y)
    title = ActivationDisplay.from_estimator(twisted).ax_.get_title()
    assert title.endswith("lecun_tanh + 0.1 z")
