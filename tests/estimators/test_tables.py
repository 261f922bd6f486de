"""Tables with categories, dates and missing values go into the estimators raw."""

import pickle
from warnings import catch_warnings, simplefilter

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import validate_data

from sk_effprop import EffPropClassifier, EffPropRegressor, TableEncoder
from sk_effprop.estimators import _reading as reading
from sk_effprop.estimators import _tables as tables
from sk_effprop.export import SKOPS_TYPES
from sk_effprop.inspection import ConditioningDisplay, curvature_operator
from tests.estimators.problems import ALL_METHODS, LBFGS, SGD, both, both_solvers
from tests.estimators.rejections import assert_refused
from tests.tables import SMALL, table, targets

C, R = EffPropClassifier, EffPropRegressor


def output(model, X):
    """Predictions, or for a classifier what decides on them."""
    method = model.predict if isinstance(model, R) else model.decision_function
    return method(X)


def with_holes(seed=0, n=60):
    """Numbers of which some are missing, with values and classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 100.0, 0.0, -3.0]
    score = X[:, 0] + X[:, 3]
    X[rng.random(X.shape) < 0.15] = np.nan
    X[:, 1] = np.nan_to_num(X[:, 1], nan=100.0)
    return X, score


def y_for(cls, score):
    return score if cls is R else (score > np.median(score)).astype(int)


# ------------------------------------------------------------------ what is equivalent


@both
@both_solvers
@pytest.mark.parametrize("normalize", ALL_METHODS)
def test_the_encoder_in_a_pipeline_does_what_the_estimator_does(
    cls, settings, normalize
):
    frame = table()
    y = targets(cls, frame)
    inside = cls(**settings, normalize=normalize).fit(frame, y)
    outside = make_pipeline(TableEncoder(), cls(**settings, normalize=normalize)).fit(
        frame, y
    )
    np.testing.assert_array_equal(inside.theta_, outside[-1].theta_)
    np.testing.assert_array_equal(
        output(inside, frame), output(outside[-1], outside[0].transform(frame))
    )
    assert inside.table_encoder_.get_feature_names_out().tolist() == (
        outside[0].get_feature_names_out().tolist()
    )


@both
@both_solvers
def test_missing_numbers_get_the_median_and_an_indicator(cls, settings):
    X, score = with_holes()
    y = y_for(cls, score)
    imputer = SimpleImputer(strategy="median", add_indicator=True).fit(X)
    by_hand = cls(**settings).fit(imputer.transform(X), y)
    model = cls(**settings).fit(X, y)
    np.testing.assert_array_equal(model.theta_, by_hand.theta_)
    np.testing.assert_array_equal(
        output(model, X), output(by_hand, imputer.transform(X))
    )
    assert model.n_features_in_ == 4
    assert model.coefs_[0].shape[0] == 7
    for row in (X[:1], X[:1].tolist(), X[:1].astype(object)):
        np.testing.assert_allclose(output(model, row), output(model, X)[:1])


@both
@both_solvers
def test_sparse_data_with_missing_values_give_what_dense_data_give(cls, settings):
    X, score = with_holes()
    X[np.abs(X) < 0.5] = 0.0
    y = y_for(cls, score)
    dense, thin = cls(**settings).fit(X, y), cls(**settings)
    thin.fit(sparse.csc_array(X), y)
    assert sparse.issparse(thin.table_encoder_.transform(sparse.csr_array(X)))
    np.testing.assert_allclose(
        output(thin, sparse.csr_array(X)), output(dense, X), rtol=1e-6, atol=1e-8
    )
    np.testing.assert_allclose(output(thin, X), output(dense, X), rtol=1e-6, atol=1e-8)


@both
@both_solvers
def test_large_tables_are_encoded_as_sparse_data(monkeypatch, cls, settings):
    frame = table()
    y = targets(cls, frame)
    dense = cls(**settings).fit(frame, y)
    monkeypatch.setattr("sk_effprop._tables.MAX_DENSE_NUMBERS", 200)
    thin = cls(**settings).fit(frame, y)
    np.testing.assert_allclose(
        output(thin, frame), output(dense, frame), rtol=1e-6, atol=1e-8
    )


@both
def test_a_weight_of_two_has_the_effect_of_two_rows(cls):
    frame = table()
    y = targets(cls, frame)
    times = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), times)
    by_weight = cls(**LBFGS).fit(frame, y, sample_weight=5.0 * times)
    by_rows = cls(**LBFGS).fit(frame.iloc[rows], y[rows])
    np.testing.assert_allclose(by_weight.theta_, by_rows.theta_, rtol=1e-9)


# ---------------------------------------------------------------- numbers without holes


def plain_validate(estimator, X, y, *, reset, y_numeric):
    """What ``fit`` does with an array if there are no tables."""
    return validate_data(
        estimator, X, y, reset=reset, accept_sparse="csr", dtype=reading.DTYPES,
        multi_output=True, y_numeric=y_numeric,
    )  # fmt: skip


@both
@both_solvers
@pytest.mark.parametrize("dtype", [np.float32, np.float64, int])
def test_numbers_take_the_way_without_an_encoder(monkeypatch, cls, settings, dtype):
    """Bit for bit, and no table is made of them."""
    X, score = with_holes()
    X, y = np.nan_to_num(10.0 * X).astype(dtype), y_for(cls, score)

    def refuse(*_args, **_kwargs):
        raise AssertionError("a table was made")

    with monkeypatch.context() as changed:
        changed.setattr(tables.Table, "of_numbers", refuse)
        changed.setattr(tables.TableEncoder, "learn", refuse)
        model = cls(**settings).fit(X, y)
        from_frame = cls(**settings).fit(pd.DataFrame(X), y)
        results = output(model, X)
    assert model.table_encoder_ is from_frame.table_encoder_ is None
    monkeypatch.setattr(reading, "validate", plain_validate)
    plain = cls(**settings).fit(X, y)
    np.testing.assert_array_equal(model.theta_, plain.theta_)
    plain_from_frame = cls(**settings).fit(pd.DataFrame(X), y)
    np.testing.assert_array_equal(from_frame.theta_, plain_from_frame.theta_)
    np.testing.assert_array_equal(results, output(plain, X))


@both
@pytest.mark.parametrize("normalize", ["robust", "scale", None])
def test_a_value_that_was_never_missing_is_replaced_by_the_location(cls, normalize):
    X, score = with_holes()
    X, y = np.nan_to_num(X), y_for(cls, score)
    model = cls(**SMALL, normalize=normalize).fit(X, y)
    filled, holes = X.copy(), X.copy()
    filled[0, 1], holes[0, 1] = model.normalizer_.mean_[1], np.nan
    np.testing.assert_array_equal(output(model, holes), output(model, filled))
    assert model.loss_and_gradient(holes, y)[0] == model.loss_and_gradient(filled, y)[0]


@both
def test_without_a_location_a_missing_value_is_refused(cls):
    X, score = with_holes()
    y = y_for(cls, score)
    model = cls(**SMALL, normalize=None, input_clip=None).fit(np.nan_to_num(X), y)
    message = "X contains NaN, but the first training data had no missing values"
    assert_refused(model, lambda m: m.predict(X), message)
    assert_refused(model, lambda m: m.partial_fit(X, y), message)


# -------------------------------------------------------------------- parts of a fit


@both
@both_solvers
def test_rows_that_are_held_out_do_not_influence_the_encoder(cls, settings):
    frame = table(n=120)
    y = targets(cls, frame)
    model = cls(**settings, early_stopping=True, validation_fraction=0.25)
    model.fit(frame, y)
    everywhere = TableEncoder().fit(frame)
    assert not np.array_equal(
        model.table_encoder_.medians_, everywhere.medians_, equal_nan=True
    )


@both
@pytest.mark.parametrize("scoring", ["loss", "scorer"])
def test_validation_data_are_encoded_like_the_training_data(cls, scoring):
    frame = table(n=90)
    y = targets(cls, frame)
    train, held_out = frame.iloc[:60], frame.iloc[60:].assign(town="Mainz")
    name = "r2" if cls is R else "accuracy"
    settings = {**SMALL, "scoring": name if scoring == "scorer" else "loss"}
    model = cls(**settings).fit(train, y[:60], X_val=held_out, y_val=y[60:])
    assert len(model.validation_scores_) == 4
    if scoring == "scorer":
        best = max(model.validation_scores_)
        assert model.score(held_out, y[60:]) == pytest.approx(best, rel=1e-12)


@both
@pytest.mark.parametrize("wrong", ["text", "infinity"])
def test_errors_name_the_validation_data(cls, wrong):
    frame = table()
    y = targets(cls, frame)
    model = cls(**SMALL).fit(frame, y)
    bad = frame.assign(size="tall" if wrong == "text" else np.inf)
    message = {"text": "'size' of X is a category now", "infinity": "infinity"}[wrong]
    with pytest.raises(ValueError, match=f"^Validation data .*{message}"):
        model.fit(frame, y, X_val=bad, y_val=y)


@both
def test_the_first_batch_of_a_stream_decides_on_the_inputs(cls):
    frame = table(n=90)
    y = targets(cls, frame)
    stream = cls(**SMALL)
    more = {} if cls is R else {"classes": ["high", "low"]}
    stream.partial_fit(frame.iloc[:30], y[:30], **more)
    encoder, names = stream.table_encoder_, stream.feature_names_in_
    # every level that came has an input, rare or not
    assert "town_Ulm" in encoder.get_feature_names_out()
    later = frame.iloc[30:60].assign(town="Mainz", born=pd.NaT, size=np.nan)
    stream.partial_fit(later, y[30:60]).partial_fit(frame.iloc[60:], y[60:])
    assert stream.table_encoder_ is encoder
    assert stream.feature_names_in_ is names
    assert np.isfinite(output(stream, later)).all()
    with pytest.raises(ValueError, match="feature names should match"):
        stream.partial_fit(frame[frame.columns[::-1]], y)


def test_a_stream_has_inputs_for_levels_that_are_still_to_come():
    town = pd.Categorical(["a", "b"] * 20, categories=["a", "b", "c"])
    frame = pd.DataFrame({"town": town, "x": np.arange(40.0)})
    y = np.arange(40.0)
    stream = R(**SMALL).partial_fit(frame, y)
    assert "town_c" in stream.table_encoder_.get_feature_names_out()
    before = stream.predict(frame.assign(town="c"))
    stream.partial_fit(frame.assign(town=pd.Categorical(["c"] * 40)), y + 30.0)
    assert (stream.predict(frame.assign(town="c")) > before).all()


@both
def test_one_epoch_of_a_stream_is_one_epoch_of_a_fit(cls):
    """With all levels frequent, as a stream does not join rare ones."""
    frame = table().drop(columns="town")
    y = targets(cls, table())
    settings = {**SMALL, "max_iter": 1, "solver": "sgd", "input_clip": None}
    settings |= {"learning_rate": "constant", "alpha": 0.01}
    stream, model = cls(**settings).partial_fit(frame, y), cls(**settings)
    with catch_warnings():
        simplefilter("ignore")
        model.fit(frame, y)
    np.testing.assert_allclose(
        output(stream, frame), output(model, frame), rtol=1e-9, atol=1e-9
    )


@both
def test_a_warm_start_keeps_the_encoder(cls):
    frame = table()
    y = targets(cls, frame)
    model = cls(**LBFGS, warm_start=True).fit(frame, y)
    encoder, loss = model.table_encoder_, model.loss_
    new = frame.iloc[:50].assign(town="Mainz")
    assert model.fit(new, y[:50]).table_encoder_ is encoder
    assert model.fit(frame, y).loss_ < loss
    model.set_params(categorical_features=["town", "grade"])
    message = r"categorical_features was 'from_dtype' and would become \['town'"
    assert_refused(model, lambda m: m.fit(frame, y), message)


@both
def test_a_fit_forgets_the_columns_of_the_last_one(cls):
    frame = table()
    y = targets(cls, frame)
    model = cls(**SMALL).fit(frame, y)
    numbers = frame[["born", "size"]].assign(born=1.5).to_numpy(float)
    model.fit(numbers, y, X_val=numbers, y_val=y)
    assert model.table_encoder_ is None
    assert not hasattr(model, "feature_names_in_")
    assert len(model.predict(numbers)) == len(y)
    assert model.fit(frame, y).n_features_in_ == 6


@both
@pytest.mark.parametrize("early_stopping", ["auto", True])
def test_a_table_has_a_checkpoint_of_its_own(cls, tmp_path, early_stopping):
    frame = table()
    y = targets(cls, frame)
    settings = {**SMALL, "checkpoint": tmp_path, "early_stopping": early_stopping}
    model = cls(**settings).fit(frame, y)
    again = clone(model).set_params(resume=True).fit(frame.copy(), y)
    np.testing.assert_array_equal(again.theta_, model.theta_)
    assert len(list(tmp_path.iterdir())) == 1
    clone(model).set_params(resume=True).fit(frame.assign(town="Bonn"), y)
    assert len(list(tmp_path.iterdir())) == 2


# --------------------------------------------------------------------- after the fit


@both
def test_everything_that_reads_data_reads_tables(cls):
    frame = table()
    y = targets(cls, frame)
    model = cls(**LBFGS).fit(frame, y)
    loss, gradient = model.loss_and_gradient(frame, y)
    assert loss == pytest.approx(model.loss_, rel=1e-12)
    assert gradient.shape == model.theta_.shape
    assert model.hidden_activations(frame).shape == (60, 5)
    assert curvature_operator(model, frame, y).shape == (len(model.theta_),) * 2
    assert ConditioningDisplay.from_estimator(model, frame, y) is not None
    assert model.feature_importances_.shape == (6,)
    expected = frame.columns.tolist()
    assert model.feature_names_in_.tolist() == expected
    assert model.normalizer_.n_features_in_ == len(model.coefs_[0])
    assert model.normalizer_.feature_names_in_.tolist() == (
        model.table_encoder_.get_feature_names_out().tolist()
    )


@both
def test_several_networks_are_trained_on_one_encoding(cls):
    frame = table()
    y = targets(cls, frame)
    model = cls(**SMALL, n_estimators=3).fit(frame, y)
    outside = make_pipeline(TableEncoder(), clone(model)).fit(frame, y)
    encoded = outside[0].transform(frame)
    np.testing.assert_array_equal(output(model, frame), output(outside[-1], encoded))


def test_standard_deviations_are_predicted_for_tables():
    frame = table()
    y = targets(R, frame)
    model = R((3,), solver="lm", max_iter=5, tol=0.0, random_state=0).fit(frame, y)
    values, std = model.predict(frame, return_std=True)
    np.testing.assert_array_equal(values, model.predict(frame))
    assert (std > 0).all()


@both
def test_one_row_is_predicted_as_in_the_table(cls):
    frame = table()
    model = cls(**SMALL).fit(frame, targets(cls, frame))
    results = output(model, frame)
    for row in range(5):
        alone = output(model, frame.iloc[[row]])
        np.testing.assert_allclose(alone, results[row : row + 1], rtol=1e-12)


@both
def test_unknown_levels_are_harmless(cls):
    frame = table()
    model = cls(**SMALL).fit(frame, targets(cls, frame))
    # "Ulm" is rare, so an unknown town counts as rare
    new, rare = (frame.assign(town=name) for name in ("Mainz", "Ulm"))
    np.testing.assert_array_equal(output(model, new), output(model, rare))
    assert np.isfinite(output(model, frame.assign(grade=7))).all()


@both
def test_copies_pickles_and_searches_work(cls):
    frame = table(n=90)
    y = targets(cls, frame)
    model = cls(**SMALL).fit(frame, y)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(output(back, frame), output(model, frame))
    io = pytest.importorskip("skops.io")
    back = io.loads(io.dumps(model), trusted=SKOPS_TYPES)
    np.testing.assert_array_equal(output(back, frame), output(model, frame))
    assert len(cross_val_predict(clone(model), frame, y, cv=3)) == 90
    grid = {"categorical_features": ["from_dtype", ["town"], ["town", "grade"]]}
    search = GridSearchCV(clone(model), grid, cv=3).fit(frame, y)
    assert len(search.predict(frame)) == 90


# ------------------------------------------------------------------------------- errors


@both
@pytest.mark.parametrize("call", ["fit", "partial_fit", "loss_and_gradient"])
def test_tables_that_cannot_be_read_are_refused(cls, call):
    frame = table()
    y = targets(cls, frame)
    model = cls(**SGD).fit(frame, y)
    for change, message in [
        ({"size": np.inf}, "Input X contains infinity"),
        ({"size": [[1]] * 60}, "Column 'size' of X holds list"),
        ({"town": [1, "a"] * 30}, "Column 'town' of X mixes values of the types int"),
    ]:
        bad = frame.assign(**change)
        assert_refused(model, lambda m, b=bad: getattr(m, call)(b, y), message)
    assert_refused(model, lambda m: getattr(m, call)(frame, y[:-1]), "inconsistent")
    assert_refused(model, lambda m: getattr(m, call)(frame, None), "requires y to be")
    assert_refused(model, lambda m: getattr(m, call)(frame.iloc[:0], y[:0]), "0 sampl")


@both
def test_text_in_an_array_says_where_text_is_read(cls):
    X = np.array([["a", 1.0], ["b", 2.0]] * 10, dtype=object)
    y = y_for(cls, np.arange(20.0))
    message = "could not convert string to float.*categorical_features lists"
    with pytest.raises(ValueError, match=message):
        cls(**SMALL).fit(X, y)
    model = cls(**SMALL, categorical_features=[0]).fit(X, y)
    assert np.isfinite(output(model, X)).all()
    numbers = cls(**SMALL).fit(np.arange(40.0).reshape(20, 2), y)
    frame = pd.DataFrame(X)
    assert_refused(numbers, lambda m: m.predict(frame), "Column 0 of X is a category")


@pytest.mark.parametrize("choice", ["from_dtype", ["name", "group"]])
def test_a_saved_model_holds_no_names_that_occur_once(choice):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "name": [f"secret{k}" for k in range(200)],
            "group": rng.choice(["north", "south"], 200),
            "number": rng.normal(size=200),
        }
    )
    settings = {"max_iter": 3, "tol": 0.0, "random_state": 0}
    model = EffPropRegressor(categorical_features=choice, **settings)
    data = pickle.dumps(model.fit(frame, frame["number"]))
    for encoding in "utf-8", "utf-32-le":
        assert "secret".encode(encoding) not in data
    assert "north".encode("utf-32-le") in data or b"north" in data
    other = frame.assign(name="someone else")
    np.testing.assert_array_equal(model.predict(frame), model.predict(other))
