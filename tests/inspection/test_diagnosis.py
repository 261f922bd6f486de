"""Planted faults are named, healthy fits are left alone, and reports say the same."""

import sys
import warnings
from functools import cache
from html.parser import HTMLParser
from zlib import crc32

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_wine,
    make_friedman1,
    make_moons,
    make_multilabel_classification,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from benchmarks._faults import FAULTS, estimator_for, table
from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import Diagnosis, diagnose
from tests import tables

# One table for each fault; `python -m benchmarks diagnose` plants them into eight.
CLASSES = {
    "targets at the asymptote", "label noise", "imbalanced classes", "mean of +10",
    "leakage of the target", "network too small", "learning rate x 30",
    "sorted presentation", "batch too large", "labels that became one",
}  # fmt: skip


def fitted(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def planted(name):
    """A fitted estimator with a fault, and its data."""
    one = table("moons" if name in CLASSES else "friedman3")
    rng = np.random.default_rng(crc32(name.encode()))
    fault = FAULTS[name].plant(one, rng)
    X, y = fault.X[:600], fault.y[:600]
    if name == "sorted presentation":
        X, y = fault.X[::2], fault.y[::2]
    return fitted(estimator_for(one, 0, **fault.settings), X, y), X, y


@pytest.mark.parametrize("name", FAULTS)
def test_the_cause_of_a_planted_fault_comes_first(name):
    model, X, y = planted(name)
    before = model.theta_.copy()
    diagnosis = diagnose(model, X, y)
    first = diagnosis.findings[0]
    assert first.cause in FAULTS[name].causes, str(diagnosis)
    assert first.parameter in FAULTS[name].parameters
    assert np.array_equal(model.theta_, before)
    for finding in diagnosis.findings:
        # nothing is advised that is on already
        if finding.parameter not in ("", "X", "y"):
            assert repr(getattr(model, finding.parameter)) != repr(finding.value)


HEALTHY = {
    "wine": (EffPropClassifier, load_wine),
    "iris": (EffPropClassifier, load_iris),
    "breast cancer": (EffPropClassifier, load_breast_cancer),
    "diabetes": (EffPropRegressor, load_diabetes),
    "moons": (
        EffPropClassifier,
        lambda return_X_y: make_moons(700, noise=0.3, random_state=0),
    ),
    "friedman1": (
        EffPropRegressor,
        lambda return_X_y: make_friedman1(700, noise=1.0, random_state=0),
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_fits_are_left_alone(name):
    kind, load = HEALTHY[name]
    X, y = load(return_X_y=True)
    diagnosis = diagnose(fitted(kind(random_state=0), X, y), X, y)
    assert diagnosis.findings == [], str(diagnosis)
    assert "Nothing wrong found" in str(diagnosis)


@pytest.mark.parametrize("kind", [EffPropClassifier, EffPropRegressor])
def test_raw_scales_and_large_means_are_no_fault_with_default_parameters(kind):
    X, y = make_friedman1(700, noise=1.0, random_state=0)
    y = 1e6 * y if kind is EffPropRegressor else (y > np.median(y)).astype(int)
    raw = X * 10.0 ** np.arange(-5, 5) + 1000.0
    assert diagnose(fitted(kind(random_state=0), raw, y), raw, y).findings == []


# ------------------------------------------------------------------------------ effects


@cache
def slow():
    """A rate that is far too small, on few rows."""
    X, y = load_wine(return_X_y=True)
    model = EffPropClassifier(
        (6,), solver="sgd", learning_rate_init=1e-6, max_iter=100, tol=0, random_state=0
    )
    return fitted(model, X, y), X, y


@cache
def diagnosis_of_slow():
    return diagnose(*slow())


def test_an_effect_is_that_of_a_refit_with_only_that_changed():
    model, X, y = slow()
    finding = diagnosis_of_slow().findings[0]
    changed = {finding.parameter: finding.value}
    before, after = (
        brier_share(EffPropClassifier(**model.get_params() | settings), X, y)
        for settings in ({}, changed)
    )
    assert finding.effect.helps
    assert finding.effect.before == pytest.approx(before, abs=0.1)
    assert finding.effect.after == pytest.approx(after, abs=0.1)


def brier_share(model, X, y):
    """The same measure by another route: the last third held out, as it comes."""
    order = np.random.default_rng(5).permutation(len(y))
    train, test = order[60:], order[:60]
    p = fitted(model, X[train], y[train]).predict_proba(X[test])
    truth = np.eye(3)[y]
    constant = truth[train].mean(axis=0)
    return np.sum((p - truth[test]) ** 2) / np.sum((constant - truth[test]) ** 2)


def test_refits_leave_the_checkpoints_alone(tmp_path):
    X, y = load_wine(return_X_y=True)
    model = EffPropClassifier(
        (6,), checkpoint=tmp_path, checkpoint_interval=0.0, alpha=1.0, random_state=0
    )
    fitted(model, X, y)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert diagnose(model, X, y).findings[0].cause == "penalty too strong"
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_without_verification_there_are_facts_but_no_effects():
    model, X, y = slow()
    diagnosis = diagnose(model, X, y, verify=False)
    assert [one.cause for one in diagnosis.findings] == ["learning rate too small"]
    assert diagnosis.findings[0].effect is None
    assert diagnosis.numbers["loss"]["held_out"] is None
    assert "try learning_rate_init='auto'" in str(diagnosis)
    assert "not verified" in str(diagnosis)


def test_a_fact_whose_change_does_not_help_says_so():
    X, y = load_iris(return_X_y=True)
    X = np.column_stack([X, X[:, 2]])
    model = fitted(EffPropClassifier(random_state=0), X, y)
    (finding,) = diagnose(model, X, y).findings
    assert finding.cause == "duplicated columns"
    assert not finding.effect.helps
    assert "does not lower the loss" in str(finding)


def test_a_warning_of_fit_is_repeated_if_nothing_else_is_found():
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = np.random.default_rng(1).normal(size=200)
    model = fitted(EffPropRegressor(random_state=0), X, y)
    assert model.convergence_.problem
    (finding,) = diagnose(model, X, y).findings
    assert model.convergence_.problem.rstrip(".") in str(finding)


# ------------------------------------------------------------------------------ reports


class Tags(HTMLParser):
    """Checks that tags are closed in order, and notes what would be loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.loaded = [], []

    def handle_starttag(self, tag, attrs):
        self.loaded += [v for k, v in attrs if k in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_on_its_own():
    diagnosis = diagnosis_of_slow()
    for html in diagnosis._repr_html_(), diagnosis.to_html():
        tags = Tags()
        tags.feed(html)
        assert tags.open == []
        assert tags.loaded == []
        assert "@import" not in html
        assert "prefers-color-scheme: dark" in html
        assert "learning_rate_init=&#x27;auto&#x27;" in html


def test_names_of_columns_are_escaped():
    pd = pytest.importorskip("pandas")
    X, y = load_iris(return_X_y=True)
    frame = pd.DataFrame(np.column_stack([X, X[:, 2]]), columns=[*"abcd", "<b>"])
    model = fitted(EffPropClassifier(random_state=0), frame, y)
    html = diagnose(model, frame, y)._repr_html_()
    assert "column &lt;b&gt;" in html
    assert "<b>" not in html


def test_columns_of_a_table_are_named_as_the_user_names_them():
    """By the column if all of its inputs are meant, else by the input."""
    frame = tables.table(300).drop(index=2)  # without the rare town
    y = tables.targets(EffPropRegressor, frame)
    frame = frame.assign(place=frame["town"], age_missing=frame["age"].isna())
    model = fitted(EffPropRegressor((8,), random_state=0), frame, y)
    diagnosis = diagnose(model, frame, y)
    (copies,) = [one for one in diagnosis.findings if one.parameter == "X"]
    assert copies.value == "without columns missingindicator_age, place"
    assert "place repeat other columns" in str(diagnosis)
    assert copies.value in diagnosis._repr_html_()
    assert copies.value in diagnosis.to_frame()["value"].tolist()


def test_the_frame_has_a_row_for_each_finding():
    pytest.importorskip("pandas")
    diagnosis = diagnosis_of_slow()
    frame = diagnosis.to_frame()
    assert list(frame["cause"]) == [one.cause for one in diagnosis.findings]
    assert frame["after"][0] == diagnosis.findings[0].effect.after
    assert len(Diagnosis([], {}, estimator="", is_verified=True).to_frame()) == 0


def test_the_frame_needs_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Diagnosis([], {}, estimator="", is_verified=True).to_frame()


# ------------------------------------------------------------------------------ inputs


def few_diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:150], y[:150]


KINDS = {
    "multilabel": lambda: (
        EffPropClassifier((6,), random_state=0),
        *make_multilabel_classification(100, random_state=0),
    ),
    "several outputs": lambda: (
        EffPropRegressor((6,), random_state=0),
        few_diabetes()[0],
        few_diabetes()[1][:, None] * [1.0, 1000.0],
    ),
    "sparse": lambda: (
        EffPropClassifier((6,), normalize="scale", input_clip=None, random_state=0),
        sparse.csr_array(np.random.default_rng(0).poisson(0.4, size=(150, 20)) * 1.0),
        np.arange(150) % 2,
    ),
    "strings": lambda: (
        EffPropClassifier((6,), random_state=0),
        load_iris().data,
        load_iris().target_names[load_iris().target],
    ),
    "few rows": lambda: (
        EffPropRegressor((3,), random_state=0),
        np.arange(6.0)[:, None],
        np.arange(6.0),
    ),
    "constant target": lambda: (
        EffPropRegressor((3,), random_state=0),
        np.random.default_rng(0).normal(size=(40, 2)),
        np.full(40, 3.0),
    ),
    "one class": lambda: (
        EffPropClassifier((3,), random_state=0),
        np.random.default_rng(0).normal(size=(40, 2)),
        np.zeros(40),
    ),
    "poisson": lambda: (
        EffPropRegressor((3,), loss="poisson", random_state=0),
        np.random.default_rng(0).normal(size=(150, 2)),
        np.random.default_rng(0).poisson(2.0, size=150),
    ),
    "quantile": lambda: (
        EffPropRegressor((3,), loss="quantile", quantile=0.9, random_state=0),
        *few_diabetes(),
    ),
    "committee": lambda: (
        EffPropRegressor((4,), n_estimators=2, random_state=0),
        *few_diabetes(),
    ),
    "missing values": lambda: (
        EffPropRegressor((4,), random_state=0),
        np.where(few_diabetes()[0] > 0.1, np.nan, few_diabetes()[0]),
        few_diabetes()[1],
    ),
    "linear": lambda: (
        EffPropRegressor((), random_state=0),
        *few_diabetes(),
    ),
    "lm": lambda: (
        EffPropRegressor((4,), solver="lm", random_state=0),
        *few_diabetes(),
    ),
    "float32": lambda: (
        EffPropRegressor((4,), solver="sgd", random_state=0),
        *(one.astype(np.float32) for one in few_diabetes()),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_data_can_be_diagnosed(name):
    model, X, y = KINDS[name]()
    diagnosis = diagnose(fitted(model, X, y), X, y)
    assert str(diagnosis)
    assert diagnosis._repr_html_()
    layers = diagnosis.numbers["layers"]
    assert len(layers) == len(model.network_.shapes)


def test_the_network_in_a_container_is_diagnosed_with_the_data_that_reach_it():
    X, y = load_diabetes(return_X_y=True)
    slow = EffPropRegressor(
        (5,), solver="sgd", learning_rate_init=1e-6, max_iter=5, random_state=0
    )
    scaled = TransformedTargetRegressor(slow, transformer=StandardScaler())
    pipeline = make_pipeline(MinMaxScaler(), scaled)
    search = GridSearchCV(
        pipeline, {"transformedtargetregressor__regressor__momentum": [0.5]}, cv=2
    )
    whole = diagnose(fitted(search, X, y), X, y, verify=False)
    fit = search.best_estimator_[-1]
    Z = search.best_estimator_[:-1].transform(X)
    inner = diagnose(
        fit.regressor_, Z, fit.transformer_.transform(y[:, None])[:, 0], verify=False
    )
    assert str(whole) == str(inner)
    assert whole.findings[0].parameter == "learning_rate_init"


def test_other_estimators_are_refused():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(TypeError, match="LinearRegression contains none"):
        diagnose(LinearRegression().fit(X, y), X, y)
    Y = y[:, None]
    several = fitted(MultiOutputRegressor(EffPropRegressor((3,), max_iter=2)), X, Y)
    with pytest.raises(TypeError, match="Pass the network in it"):
        diagnose(several, X, Y)
    with pytest.raises(NotFittedError):
        diagnose(EffPropRegressor(), X, y)
    with pytest.raises(ValueError, match="features"):
        diagnose(fitted(EffPropRegressor((3,)), X, y), X[:, 1:], y)


# -------------------------------------------------------------------------- instruments


def test_numbers_of_the_curvature_are_those_of_the_matrix():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:60, :3], y[:60]
    model = fitted(EffPropRegressor((3,), alpha=1e-3, random_state=0), X, y)
    numbers = diagnose(model, X, y, verify=False).numbers["curvature"]
    from sk_effprop.inspection import curvature_operator

    G = curvature_operator(model, X, y, "gauss_newton") @ np.eye(len(model.theta_))
    penalty = np.concatenate(
        [np.vstack([np.full((n, m), 1e-3), np.zeros((1, m))]).ravel()
         for n, m in ((3, 3), (3, 1))]
    )  # fmt: skip
    values = np.linalg.eigvalsh(G - np.diag(penalty))[::-1]
    assert numbers["lambda_max"] == pytest.approx(values[0])
    assert numbers["n_large"] == np.sum(values > 0.1 * values[0])
    # trace of G (G + penalty)^-1, with a very weak penalty for the biases
    weak = np.maximum(penalty, 1e-9)
    gamma = np.trace(
        np.linalg.solve(G - np.diag(penalty) + np.diag(weak), G - np.diag(penalty))
    )
    assert numbers["n_effective_parameters"] == pytest.approx(gamma, rel=0.02)


def test_the_condition_number_falls_with_normalisation():
    X, y = load_wine(return_X_y=True)
    numbers = diagnose(
        fitted(EffPropClassifier((5,)), X, y), X, y, verify=False
    ).numbers
    inputs = numbers["inputs"]
    second_moments = np.linalg.eigvalsh(X.T @ X / len(X))
    assert inputs["condition_raw"] == pytest.approx(
        second_moments[-1] / second_moments[0], rel=1e-4
    )
    assert inputs["condition"] < inputs["condition_raw"] / 1000.0
    assert inputs["raw_scale_ratio"] == pytest.approx(X.std(0).max() / X.std(0).min())
