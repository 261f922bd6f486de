"""Default parameters on the data that come with scikit-learn, as they are."""

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

from sk_effprop import EffPropClassifier, EffPropRegressor

# lbfgs may use up its 200 iterations on data that it has long separated
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FOLDS = {"n_splits": 5, "shuffle": True, "random_state": 0}


@pytest.mark.parametrize(
    ("load", "accuracy"),
    [(load_digits, 0.97), (load_breast_cancer, 0.965), (load_wine, 0.97)],
)
def test_defaults_classify(load, accuracy):
    """Nobody scaled a column or chose a rate."""
    X, y = load(return_X_y=True)
    classifier = EffPropClassifier(random_state=0)
    scores = cross_val_score(classifier, X, y, cv=StratifiedKFold(**FOLDS))
    assert scores.mean() >= accuracy


def test_defaults_predict_values():
    """On raw inputs and targets from 25 to 346."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    regressor = EffPropRegressor(random_state=0)
    assert cross_val_score(regressor, X, y, cv=KFold(**FOLDS)).mean() >= 0.46
