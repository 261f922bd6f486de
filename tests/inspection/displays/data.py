"""Data of the tests of displays."""

from sklearn.datasets import load_diabetes, load_iris

from sk_effprop import EffPropClassifier

X, Y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
SGD = EffPropClassifier(4, solver="sgd", max_iter=6, random_state=0)
