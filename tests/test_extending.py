"""The examples of docs/extending.md run, and do what the text says."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from tests.test_readme import ROOT, blocks

TEXT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def names():
    """What is defined after all examples."""
    defined = {}
    for block in blocks(TEXT, "python"):
        exec(block, defined)
    return defined


def test_the_loss_of_the_example_avoids_what_costs_more(names):
    """Fewer targets lie above the predictions than with squared error."""
    X, y = load_diabetes(return_X_y=True)
    too_low = [np.mean(names[net].predict(X) < y) for net in ("cautious", "usual")]
    assert too_low[0] < too_low[1] - 0.1


def test_the_activation_of_the_example_learns_and_squashes_the_outputs(names):
    """Also those of the classifier, as the last hidden activation that is a sigmoid."""
    net = names["net"]
    X, y = names["X"], names["y"]
    assert net.score(X, y) > 0.95
    assert net.out_activation_ == names["arctan"]
