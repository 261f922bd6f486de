"""Held-out data: split off with care, the user's own, and what is measured on them."""

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, max_error
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._validation import split_off

BOTH = [EffPropClassifier, EffPropRegressor]
SGD = {
    "hidden_layer_sizes": (5,), "tol": 0.0, "random_state": 0,
    "solver": "sgd", "max_iter": 3,
}  # fmt: skip

both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])


def problem(cls, n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1.0, 10.0, 0.1] + [0.0, 100.0, 0.0]
    value = X[:, 0] + 0.1 * (X[:, 1] - 100.0) + 0.3 * rng.normal(size=n)
    if cls is EffPropRegressor:
        return X, value
    return X, np.array(["low", "high", "middle"])[np.digitize(value, [-0.5, 0.5])]


# --------------------------------------------------------------------------- the split


def split(y, fraction=0.2, seed=0, weight=None):
    """Row numbers of both parts."""
    n = len(y)
    X = np.arange(n, dtype=float)[:, None]
    examples = Examples(X, y, np.ones(n) if weight is None else weight)
    train, held_out = split_off(
        examples, fraction, np.random.default_rng(seed), by_class=True
    )
    rows = [part.X[:, 0].astype(int) for part in (train, held_out)]
    assert sorted(np.concatenate(rows)) == list(range(n))
    for part, row in zip((train, held_out), rows, strict=True):
        assert list(row) == sorted(row)
        np.testing.assert_array_equal(part.y, y[row])
        np.testing.assert_array_equal(part.weight, examples.weight[row])
    return rows


TARGETS = {
    "values": np.linspace(0.0, 1.0, 50) ** 2,
    "columns": np.linspace(0.0, 1.0, 100).reshape(50, 2) ** 2,
    "two": np.repeat(["a", "b"], [40, 10]),
    "ten": np.repeat(np.arange(10), 5),
    "labels": np.random.default_rng(0).integers(0, 2, size=(50, 3)),
}


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("kind", TARGETS)
def test_the_fraction_is_held_out(kind, fraction):
    _, held_out = split(TARGETS[kind], fraction)
    assert len(held_out) == np.ceil(fraction * 50)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_classes_are_held_out_in_proportion(fraction):
    y = np.repeat(["a", "b", "c"], [100, 60, 40])
    for seed in range(5):
        _, held_out = split(y, fraction, seed)
        _, counts = np.unique(y[held_out], return_counts=True)
        np.testing.assert_allclose(counts, fraction * np.array([100, 60, 40]), atol=1)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    "counts", [[20, 1], [20, 1, 1, 1, 5], [2] * 12, [19, 2]], ids=str
)
def test_every_class_keeps_an_example_for_training(counts, fraction):
    y = np.repeat(np.arange(len(counts)), counts)
    for seed in range(20):
        train, held_out = split(y, fraction, seed)
        assert set(y[train]) == set(y)
        assert len(held_out) > 0


def test_every_label_keeps_an_example_for_training():
    y = np.zeros((20, 4), dtype=int)
    y[::2, 0] = y[5, 1] = y[6, 2] = y[[7, 8], 3] = 1
    for seed in range(30):
        train, _ = split(y, 0.5, seed)
        assert y[train, 1].any()
        assert y[train, 2].any()


def test_another_seed_is_another_split():
    y = TARGETS["ten"]
    splits = {tuple(split(y, 0.2, seed)[1]) for seed in range(10)}
    assert len(splits) == 10
    np.testing.assert_array_equal(split(y, 0.2, 3)[1], split(y, 0.2, 3)[1])


def test_every_example_is_held_out_equally_often():
    y = np.repeat([0, 1], [16, 4])
    n_held_out = np.zeros(20)
    for seed in range(600):
        n_held_out[split(y, 0.25, seed)[1]] += 1
    # 150 times; five standard deviations are 53
    assert np.abs(n_held_out - 150).max() < 53


@pytest.mark.parametrize("y", [np.arange(5), np.array([1.5])], ids=["singles", "one"])
def test_a_split_that_cannot_be_made_is_refused(y):
    message = r"validation_fraction=0\.2 of n_samples=\d leaves no examples"
    with pytest.raises(ValueError, match=message):
        split(y)


@pytest.mark.parametrize("shape", [(60,), (60, 1)], ids=str)
@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_whole_numbers_of_a_regression_are_no_classes(shape, fraction):
    """Counts, prices and ages are held out like any other values."""
    X, _ = problem(EffPropRegressor)
    y = np.arange(60.0).reshape(shape)
    settings = {**SGD, "early_stopping": True, "validation_fraction": fraction}
    whole = EffPropRegressor(**settings).fit(X, y)
    nearly = clone(whole).fit(X, y + 1e-9)
    np.testing.assert_allclose(
        whole.validation_loss_curve_, nearly.validation_loss_curve_, rtol=1e-6
    )


def test_balanced_classes_of_validation_data_are_those_of_training():
    """However many of each happen to be among them."""
    X, y = problem(EffPropClassifier)
    rows = np.flatnonzero(y != "middle")[:20]
    model = EffPropClassifier(**SGD, class_weight="balanced")
    classes, counts = np.unique(y, return_counts=True)
    weights = dict(zip(classes.tolist(), 20.0 / counts, strict=True))
    by_hand = clone(model).set_params(class_weight=weights)
    for one in model, by_hand:
        one.fit(X, y, X_val=X[rows], y_val=y[rows])
    np.testing.assert_allclose(
        model.validation_loss_curve_, by_hand.validation_loss_curve_, rtol=1e-9
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X_val": [[np.inf] * 3] * 2}, "^Validation data .*: .*infinity"),
        ({"X_val": [[0.0] * 2] * 2}, "^Validation data .*: X has 2 features"),
        (
            {"y_val": ["low", "unheard of"]},
            r"^Validation data .*: .*unheard of",
        ),
        (
            {"X_val": None, "y_val": None, "sample_weight_val": [1.0, 1.0]},
            "^sample_weight_val needs X_val and y_val",
        ),
    ],
)
def test_errors_name_the_validation_data(change, message):
    X, y = problem(EffPropClassifier)
    data = {"X_val": X[:2], "y_val": y[:2]} | change
    with pytest.raises(ValueError, match=message):
        EffPropClassifier(**SGD).fit(X, y, **data)


def test_what_a_scorer_raises_is_not_mistaken():
    def broken(model, X, y, sample_weight=None):
        raise TypeError("sample_weight and I do not get on")

    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD, scoring=broken, early_stopping=True)
    with pytest.raises(TypeError, match="do not get on"):
        model.fit(X, y, sample_weight=1.0 + np.arange(60.0))


def test_a_class_of_one_example_can_be_learnt_with_early_stopping():
    X, y = problem(EffPropClassifier)
    y[7] = "unique"
    for seed in range(10):
        model = EffPropClassifier(**{**SGD, "random_state": seed}, early_stopping=True)
        assert "unique" in model.fit(X, y).classes_


@both
def test_held_out_examples_keep_their_weights(cls):
    """Those of weight 0 are not there at all, the others count by their weights."""
    X, y = problem(cls)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=60)
    weight[::4] = 0.0
    shown = weight > 0

    def curve(rows, weight):
        model = cls(**SGD, early_stopping=True, alpha=0.0)
        return model.fit(X[rows], y[rows], sample_weight=weight).validation_loss_curve_

    everything = np.ones(60, dtype=bool)
    assert curve(everything, weight) == curve(shown, weight[shown])
    assert curve(shown, None) != curve(shown, weight[shown])
    np.testing.assert_allclose(
        curve(everything, weight), curve(everything, 8.0 * weight), rtol=1e-12
    )


# ----------------------------------------------------------------------------- scoring

SCORINGS = {
    EffPropClassifier: ["accuracy", "neg_log_loss", "roc_auc_ovr", "f1_macro"],
    EffPropRegressor: ["r2", "neg_mean_absolute_error", "explained_variance"],
}


@pytest.mark.parametrize("solver", ["sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"])
@both
def test_scores_are_those_of_the_weights_of_the_iteration(cls, solver):
    """As a model has them that was fitted for just as long."""
    X, y = problem(cls)
    X_val, y_val = problem(cls, seed=1)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=60)
    held_out = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weight}
    settings = {**SGD, "solver": solver, "learning_rate": "constant"}
    for scoring in SCORINGS[cls]:
        model = cls(**settings, scoring=scoring).fit(X, y, **held_out)
        for n, score in enumerate(model.validation_scores_, start=1):
            # the weights of iteration n, if they are the best
            if score > max(model.validation_scores_[: n - 1], default=-np.inf):
                short = cls(**{**settings, "max_iter": n}, scoring=scoring)
                short.fit(X, y, **held_out)
                scorer = get_scorer(scoring)
                expected = scorer(short, X_val, y_val, sample_weight=weight)
                assert score == pytest.approx(expected, rel=1e-12)


@both
def test_a_callable_scores_an_estimator_that_can_be_used(cls):
    X, y = problem(cls)
    X_val, y_val = problem(cls, n=20, seed=1)
    seen = []

    def scoring(estimator, X, y):
        seen.append((estimator, estimator.theta_.copy(), estimator.predict(X)))
        np.testing.assert_array_equal(y, y_val)
        return estimator.score(X, y)

    model = cls(**SGD, scoring=scoring).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(seen) == len(model.validation_scores_) == 3
    for estimator, theta, predicted in seen:
        assert isinstance(estimator, cls)
        assert estimator is not model
        # it may be kept
        np.testing.assert_array_equal(estimator.theta_, theta)
        np.testing.assert_array_equal(estimator.predict(X_val), predicted)


def test_the_score_decides_when_to_stop_and_what_is_best():
    X, y = problem(EffPropRegressor)
    settings = {**SGD, "learning_rate": "constant"}
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.9])
    patient = {"tol": 1e-4, "max_iter": 100, "n_iter_no_change": 3}
    model = EffPropRegressor(**settings | patient, scoring=lambda *_: next(scores))
    model.fit(X, y, X_val=X, y_val=y)
    assert model.validation_scores_ == [0.1, 0.5, 0.4, 0.3, 0.2]
    assert model.best_validation_score_ == 0.5
    assert model.convergence_.reason == "stalled"
    twice = EffPropRegressor(**settings | {"max_iter": 2}).fit(X, y)
    # so short a fit is not compiled
    np.testing.assert_allclose(model.theta_, twice.theta_, rtol=1e-9)


def test_scoring_is_not_used_without_validation_data():
    X, y = problem(EffPropClassifier)
    never = make_scorer(lambda *_: 1 / 0)
    model = EffPropClassifier(**SGD, scoring=never).fit(X, y)
    plain = EffPropClassifier(**SGD).fit(X, y)
    np.testing.assert_array_equal(model.theta_, plain.theta_)


@pytest.mark.parametrize("wrap", [np.asarray, sparse.csr_array], ids=["dense", "csr"])
def test_labels_names_and_sparse_data_are_scored(wrap):
    pd = pytest.importorskip("pandas")
    X, y = problem(EffPropClassifier)
    # no complaint about names that are missing
    named = wrap is np.asarray
    X = pd.DataFrame(X, columns=["a", "b", "c"]) if named else wrap(X)
    model = EffPropClassifier(**SGD, early_stopping=True, scoring="accuracy").fit(X, y)
    assert 0.3 < model.best_validation_score_ <= 1.0
    assert hasattr(model, "feature_names_in_") == named


def test_several_labels_are_scored():
    X, _ = problem(EffPropClassifier)
    Y = np.column_stack([X[:, 0] > 0.0, X[:, 1] > 100.0]).astype(int)
    settings = {**SGD, "max_iter": 20}
    model = EffPropClassifier(**settings, early_stopping=True, scoring="f1_macro")
    assert model.fit(X, Y).best_validation_score_ > 0.5


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (
            lambda *_: np.nan,
            "must return a finite number on the validation data, got nan",
        ),
        (lambda *_: "good", "must return a finite number.*got 'good'"),
        (lambda *_: {"a": 1.0}, "must return a finite number"),
        (accuracy_score, "looks like it is a metric function rather than a scorer"),
    ],
    ids=["nan", "str", "dict", "metric"],
)
def test_a_score_that_is_none_is_refused(scoring, message):
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD, scoring=scoring)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, X_val=X, y_val=y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize(
    "scoring",
    [make_scorer(max_error, greater_is_better=False), lambda model, X, y: 1.0],
    ids=["scorer", "callable"],
)
def test_a_score_that_cannot_be_weighted_is_refused_for_weighted_data(scoring):
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD, scoring=scoring, early_stopping=True).fit(X, y)
    assert len(model.validation_scores_) == 3
    weight = 1.0 + np.arange(60.0)
    with pytest.raises(
        ValueError, match=r"takes no sample_weight, but.*X_val and y_val"
    ):
        model.fit(X, y, sample_weight=weight)


def test_a_scorer_that_breaks_says_so_itself():
    def scoring(model, X, y):
        raise TypeError("no such thing")

    X, y = problem(EffPropRegressor)
    with pytest.raises(TypeError, match="no such thing"):
        EffPropRegressor(**SGD, scoring=scoring).fit(X, y, X_val=X, y_val=y)


# ----------------------------------------------------------------------------- routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@both
def test_what_can_be_requested(cls):
    requests = cls().get_metadata_routing()
    assert set(requests.fit.requests) == {
        "sample_weight", "X_val", "y_val", "sample_weight_val",
    }  # fmt: skip
    assert "sample_weight" in requests.partial_fit.requests
    assert set(requests.score.requests) == {"sample_weight"}


@pytest.mark.usefixtures("routing")
@both
def test_a_pipeline_transforms_the_validation_data(cls):
    X, y = problem(cls)
    X_val, y_val = problem(cls, n=20, seed=1)
    weight, weight_val = 1.0 + np.arange(60.0), 1.0 + np.arange(20.0)
    model = cls(**SGD).set_fit_request(
        X_val=True, y_val=True, sample_weight=True, sample_weight_val=True
    )
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = make_pipeline(scaler, model, transform_input=["X_val"])
    pipeline.fit(
        X, y, X_val=X_val, y_val=y_val,
        sample_weight=weight, sample_weight_val=weight_val,
    )  # fmt: skip
    Z = StandardScaler().fit(X)
    alone = cls(**SGD).fit(
        Z.transform(X), y, weight,
        X_val=Z.transform(X_val), y_val=y_val, sample_weight_val=weight_val,
    )  # fmt: skip
    np.testing.assert_array_equal(model.theta_, alone.theta_)
    assert model.validation_loss_curve_ == alone.validation_loss_curve_


@pytest.mark.usefixtures("routing")
@both
def test_a_grid_search_hands_the_validation_data_to_every_fit(cls):
    X, y = problem(cls)
    X_val, y_val = problem(cls, n=25, seed=1)
    model = cls(**SGD).set_fit_request(X_val=True, y_val=True)
    pipeline = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
    name = f"{cls.__name__.lower()}__solver"
    search = GridSearchCV(pipeline, {name: ["sgd", "lbfgs"]}, cv=3, error_score="raise")
    search.fit(X, y, X_val=X_val, y_val=y_val)
    best = search.best_estimator_[-1]
    assert len(best.validation_scores_) == best.n_iter_ > 0
    Z = StandardScaler().fit(X)
    alone = cls(**{**SGD, "solver": best.solver})
    alone.fit(Z.transform(X), y, X_val=Z.transform(X_val), y_val=y_val)
    np.testing.assert_array_equal(best.theta_, alone.theta_)


@pytest.mark.usefixtures("routing")
@both
def test_what_is_not_requested_is_not_handed_on(cls):
    X, y = problem(cls)
    pipeline = make_pipeline(StandardScaler(), cls(**SGD))
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="X_val"):
        pipeline.fit(X, y, X_val=X, y_val=y)


@pytest.mark.usefixtures("routing")
def test_scores_may_be_weighted_when_routing_is_on():
    X, y = problem(EffPropClassifier)
    weight = 1.0 + np.arange(60.0)
    held_out = {"X_val": X, "y_val": y, "sample_weight_val": weight}
    model = EffPropClassifier(**SGD, scoring="accuracy").fit(X, y, **held_out)
    expected = accuracy_score(y, model.predict(X), sample_weight=weight)
    assert model.best_validation_score_ == pytest.approx(expected)


@both
def test_the_page_of_a_notebook_shows_the_estimator(cls):
    X, y = problem(cls)
    model = cls(**SGD, scoring="r2")
    assert cls.__name__ in model._repr_html_()
    page = model.fit(X, y)._repr_html_()
    assert "fitted" in page
    assert "sgd" in page
    assert cls.__name__ in make_pipeline(StandardScaler(), model)._repr_html_()
