"""Fits with a fault in them, and what is found first."""

import warnings

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import diagnose


def fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def first_finding(X, y, **settings):
    kind = EffPropRegressor if y.dtype.kind == "f" else EffPropClassifier
    model = fitted(kind((8,), random_state=0, **settings), X, y)
    return diagnose(model, X, y).findings[0]
