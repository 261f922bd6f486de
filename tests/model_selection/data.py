"""Data and the small recipe of the tests of ablations."""

from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold

from sk_effprop import EffPropClassifier

RECIPE = EffPropClassifier(
    (5,), solver="sgd", max_iter=3, tol=0.0, random_state=0, activation="tanh"
)
CV = StratifiedKFold(3, shuffle=True, random_state=0)
TRICKS = {"normalize": None, "init": 1.0}
W, KIND = load_wine(return_X_y=True)
