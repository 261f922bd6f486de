"""Measured tables of 10 to 300 rows, from statsmodels and scikit-learn."""

from importlib import import_module

import numpy as np
from sklearn import datasets

from benchmarks._small_tasks import table


def _statsmodels(name, target, columns=None):
    """A target and numeric columns of one of statsmodels' tables."""
    frame = import_module(f"statsmodels.datasets.{name}").load_pandas().data
    frame = frame.select_dtypes("number").dropna()
    y = frame.pop(target).to_numpy(float)
    X = frame if columns is None else frame[columns]
    return X.to_numpy(float), y


def _some(X, y, n):
    """The first rows of a random order."""
    rows = np.random.default_rng(0).permutation(len(y))[:n]
    return X[rows], y[rows]


# --------------------------------------------------------------------------- regression


@table("real values")
def ccard():
    """Expenditure with a credit card; 72 persons."""
    columns = ["AGE", "INCOME", "INCOMESQ", "OWNRENT"]
    return _statsmodels("ccard", "AVGEXP", columns)


@table("real values")
def copper():
    """World consumption of copper; 25 years."""
    return _statsmodels("copper", "WORLDCONSUMPTION")


@table("real values")
def cpunish():
    """Executions in a state; 17 states."""
    return _statsmodels("cpunish", "EXECUTIONS")


@table("real values")
def diabetes_60():
    """Progression of the disease; 60 patients."""
    return _some(*datasets.load_diabetes(return_X_y=True), 60)


@table("real values")
def diabetes_250():
    """Progression of the disease; 250 patients."""
    return _some(*datasets.load_diabetes(return_X_y=True), 250)


@table("real values")
def elnino():
    """Temperature of the sea in a month of 61 years, sampled to 200 rows."""
    frame = import_module("statsmodels.datasets.elnino").load_pandas().data
    values = frame.to_numpy(float)
    years, months = np.meshgrid(values[:, 0], np.arange(1, 13), indexing="ij")
    X = np.column_stack([years.ravel(), months.ravel()]).astype(float)
    return _some(X, values[:, 1:].ravel(), 200)


@table("real values")
def engel():
    """Expenditure on food from income; 235 households."""
    return _statsmodels("engel", "foodexp")


@table("real values")
def grunfeld():
    """Investment of a firm in a year, from value, capital and year; 220 rows."""
    return _statsmodels("grunfeld", "invest")


@table("real values")
def heart():
    """Logarithm of survival after a transplant; 69 patients."""
    X, y = _statsmodels("heart", "survival")
    return X, np.log1p(y)


@table("real values")
def linnerud():
    """Weight of 20 men from their physical exercises."""
    X, Y = datasets.load_linnerud(return_X_y=True)
    return X, Y[:, 0]


@table("real values")
def longley():
    """Employment; 16 years, six collinear columns."""
    return _statsmodels("longley", "TOTEMP")


@table("real values")
def macrodata():
    """Rate of unemployment; 203 quarters."""
    columns = ["realgdp", "realcons", "realinv", "cpi", "infl", "realint", "tbilrate"]
    return _statsmodels("macrodata", "unemp", columns)


@table("real values")
def nile():
    """Volume of the Nile; 100 years."""
    return _statsmodels("nile", "volume")


@table("real values")
def scotland():
    """Votes for a parliament; 32 districts."""
    return _statsmodels("scotland", "YES")


@table("real values")
def stackloss():
    """Loss of ammonia of a plant; 21 days."""
    return _statsmodels("stackloss", "STACKLOSS")


@table("real values")
def star98_150():
    """Pupils above the median; 150 districts."""
    X, y = _statsmodels("star98", "NABOVE")
    return _some(X[:, 1:], y / (y + X[:, 0]), 150)


@table("real values")
def statecrime():
    """Violent crimes; 51 states."""
    return _statsmodels("statecrime", "violent")


@table("real values")
def strikes():
    """Logarithm of how long a strike lasted; 62 strikes."""
    X, y = _statsmodels("strikes", "duration")
    return X, np.log(y)


@table("real values")
def sunspots():
    """Number of sunspots, from the four years before; 300 years."""
    _, y = _statsmodels("sunspots", "SUNACTIVITY")
    X = np.column_stack([y[k : len(y) - 4 + k] for k in range(4)])
    return X[-300:], y[-300:]


# ----------------------------------------------------------------------- classification


@table("real classes")
def anes_90():
    """Vote of 90 persons from opinions, age and income."""
    X, y = _statsmodels("anes96", "vote")
    return _some(X, y.astype(int), 90)


@table("real classes")
def breast_cancer_60():
    """Benign or malignant; 60 women."""
    return _some(*datasets.load_breast_cancer(return_X_y=True), 60)


@table("real classes")
def breast_cancer_250():
    """Benign or malignant; 250 women."""
    return _some(*datasets.load_breast_cancer(return_X_y=True), 250)


@table("real classes")
def digits_150():
    """150 images of digits."""
    return _some(*datasets.load_digits(return_X_y=True), 150)


@table("real classes")
def fair_200():
    """Affair or none; 200 women."""
    X, y = _statsmodels("fair", "affairs")
    return _some(X, (y > 0).astype(int), 200)


@table("real classes")
def iris():
    """Three species; 150 flowers."""
    return datasets.load_iris(return_X_y=True)


@table("real classes")
def iris_30():
    """Three species; 30 flowers."""
    return _some(*datasets.load_iris(return_X_y=True), 30)


@table("real classes")
def randhie_200():
    """Predict whether a person saw a doctor; 200 persons."""
    X, y = _statsmodels("randhie", "mdvis")
    return _some(X, (y > 0).astype(int), 200)


@table("real classes")
def spector():
    """Predict whether a grade improved; 32 students."""
    X, y = _statsmodels("spector", "GRADE")
    return X, y.astype(int)


@table("real classes")
def wine():
    """Three cultivars; 178 wines."""
    return datasets.load_wine(return_X_y=True)


@table("real classes")
def wine_40():
    """Three cultivars; 40 wines."""
    return _some(*datasets.load_wine(return_X_y=True), 40)
