"""What all displays have in common."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor, inspection
from sk_effprop.inspection import (
    ActivationDisplay,
    ConditioningDisplay,
    HessianSpectrumDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    TrajectoryDisplay,
)
from tests.inspection.displays.data import SGD, XD, YD, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make(name, iris, diabetes):
    """Draw the display of this name."""
    cls = getattr(inspection, name)
    if name in ("RegressionDisplay", "ErrorHistogramDisplay"):
        return cls.from_estimator(diabetes, XD, YD)
    if name in ("LossCurveDisplay", "ActivationDisplay"):
        return cls.from_estimator(iris)
    if name == "LearningRateDisplay":
        return cls.from_estimator(iris, X, Y, ratios=[0.5, 1.0], n_epochs=2)
    if name == "TrajectoryDisplay":
        return cls.from_estimator(iris, X, Y, resolution=5)
    return cls.from_estimator(iris, X, Y)


DISPLAYS = [name for name in inspection.__all__ if name.endswith("Display")]


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_display_draws_and_draws_again(name, iris, diabetes):
    display = make(name, iris, diabetes)
    first = display.ax_
    assert display.figure_ is first.figure
    assert first.get_title()
    assert all(axis.label.get_text() for axis in (first.xaxis, first.yaxis))
    assert first.get_legend() is not None
    _, ax = plt.subplots()
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax
    assert len(ax.get_lines()) == len(first.get_lines())
    assert display.plot().ax_ not in (first, ax)
    display.figure_.canvas.draw()


@pytest.mark.parametrize("name", DISPLAYS)
def test_without_matplotlib_the_extra_is_named(name, iris, diabetes, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"sk_effprop\[plot\]"):
        make(name, iris, diabetes)


def test_matplotlib_is_imported_when_something_is_drawn():
    program = "import sys, sk_effprop.inspection; print('matplotlib' in sys.modules)"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("cls", "numbers"),
    [
        (HessianSpectrumDisplay, "eigenvalues"),
        (LearningRateDisplay, "losses"),
        (ConditioningDisplay, "condition_numbers"),
        (TrajectoryDisplay, "path"),
    ],
)
def test_a_pipeline_is_shown_as_the_network_in_it(cls, numbers):
    pipeline = make_pipeline(StandardScaler(), clone(SGD)).fit(X, Y)
    Z = pipeline[:-1].transform(X)
    whole, inner = (
        getattr(cls.from_estimator(*fit), numbers)
        for fit in ((pipeline, X, Y), (pipeline[-1], Z, Y))
    )
    np.testing.assert_equal(whole, inner)
    with pytest.raises(TypeError, match="DummyClassifier contains none"):
        cls.from_estimator(DummyClassifier().fit(X, Y), X, Y)


@pytest.mark.parametrize("cls", [LossCurveDisplay, ActivationDisplay])
def test_a_fitted_network_is_found_inside_of_containers(cls):
    with pytest.raises(NotFittedError):
        cls.from_estimator(EffPropClassifier())
    with pytest.raises(NotFittedError):
        cls.from_estimator(make_pipeline(StandardScaler(), EffPropClassifier()))
    with pytest.raises(TypeError, match="LinearRegression contains none"):
        cls.from_estimator(LinearRegression().fit(XD, YD))
    two = VotingClassifier([("a", SGD), ("b", SGD)]).fit(X, Y)
    with pytest.raises(TypeError, match="contains 2"):
        cls.from_estimator(two)
    pipeline = make_pipeline(StandardScaler(), SGD)
    search = GridSearchCV(pipeline, {"effpropclassifier__alpha": [0.0]}, cv=2)
    cls.from_estimator(search.fit(X, Y))
    regressor = EffPropRegressor((2,), max_iter=3, random_state=0)
    cls.from_estimator(TransformedTargetRegressor(regressor).fit(XD, YD))
