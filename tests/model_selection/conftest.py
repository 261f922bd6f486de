"""Ablations that several tests look at, and figures that are closed after each test."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from sk_effprop.model_selection import ablate_tricks
from tests.model_selection.data import CV, KIND, RECIPE, TRICKS, W

mpl.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture(scope="package")
def ablation():
    """Three settings of the small recipe, and baselines."""
    return ablate_tricks(RECIPE, W, KIND, cv=CV, tricks=TRICKS)


@pytest.fixture(scope="package")
def whole_way():
    """The climb of the small recipe."""
    return ablate_tricks(RECIPE, W, KIND, cv=CV, direction="both", baselines=False)
