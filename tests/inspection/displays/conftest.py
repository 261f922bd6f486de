"""Data, fitted networks, and figures that are closed after each test."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.inspection.displays.data import XD, YD, X, Y

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def iris():
    """A classifier that was fitted on iris."""
    return EffPropClassifier(5, random_state=0).fit(X, Y)


@pytest.fixture(scope="module")
def diabetes():
    """A regressor that was fitted on a part of diabetes."""
    return EffPropRegressor((5,), max_iter=30, random_state=0).fit(XD[:300], YD[:300])
