"""Data that cannot be learnt from: a clear sentence, and nothing is lost."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning, NotFittedError

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.estimators.rejections import SGD, assert_refused, both, problem, with_entry

# --------------------------------------------------------------------------------- data


# name -> (what becomes of X and y, what is said about it)
BAD_DATA = {
    "inf_in_X": (lambda X, y: (with_entry(X, np.inf), y), "Input X contains infinity"),
    "inf_in_sparse_X": (
        lambda X, y: (sparse.csr_array(with_entry(X, -np.inf)), y),
        "Input X contains infinity",
    ),
    "inf_and_nan_in_X": (
        lambda X, y: (with_entry(np.where(X < 0, np.nan, X), np.inf), y),
        "Input X contains infinity",
    ),
    "nan_in_y": (
        lambda X, y: (X, np.where(np.arange(len(y)) == 1, np.nan, y)),
        "Input y contains NaN",
    ),
    "inf_in_y": (
        lambda X, y: (X, np.where(np.arange(len(y)) == 1, np.inf, y)),
        "Input y contains infinity",
    ),
    "one_dimension": (lambda X, y: (X[:, 0], y), "Expected 2D array, got 1D array"),
    "three_dimensions": (lambda X, y: (X[:, :, None], y), "dim 3"),
    "no_rows": (lambda X, y: (X[:0], y[:0]), "0 sample"),
    "no_columns": (lambda X, y: (X[:, :0], y), "0 feature"),
    "short_y": (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
    "no_y": (lambda X, y: (X, None), "requires y to be passed"),
    "text": (
        lambda X, y: (with_entry(X.astype(object), "tall"), y),
        "could not convert string to float: 'tall'",
    ),
    "complex": (lambda X, y: (X + 1j, y), "Complex data not supported"),
}


@both
@pytest.mark.parametrize("call", ["fit", "partial_fit", "loss_and_gradient"])
@pytest.mark.parametrize("name", BAD_DATA)
def test_data_that_cannot_be_read_are_refused(cls, name, call):
    X, y = problem(cls)
    spoil, message = BAD_DATA[name]
    model = cls(**SGD).fit(X, y)
    assert_refused(model, lambda m: getattr(m, call)(*spoil(X, y)), message)


@both
@pytest.mark.parametrize(
    "name", ["inf_in_X", "inf_and_nan_in_X", "one_dimension", "no_rows", "text"]
)
def test_inputs_that_cannot_be_read_are_refused_in_predictions(cls, name):
    X, y = problem(cls)
    spoil, message = BAD_DATA[name]
    model = cls(**SGD).fit(X, y)
    assert_refused(model, lambda m: m.predict(spoil(X, y)[0]), message)
    assert_refused(model, lambda m: m.hidden_activations(spoil(X, y)[0]), message)


@both
def test_another_number_of_columns_is_refused(cls):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    message = "X has 2 features, but .* is expecting 3 features"
    for call in ("partial_fit", "loss_and_gradient"):
        assert_refused(
            model, lambda m, call=call: getattr(m, call)(X[:, :2], y), message
        )
    assert_refused(model, lambda m: m.predict(X[:, :2]), message)
    assert_refused(
        model, lambda m: m.fit(X, y, X_val=X[:, :2], y_val=y), "X has 2 features"
    )
    model.fit(X[:, :2], y)
    assert model.n_features_in_ == 2


@both
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-np.ones(40), "Negative values in data passed to `sample_weight`"),
        (
            np.zeros(40),
            "(?i)sample.weights? must (have a positive|contain .* non-zero)",
        ),
        (np.ones(39), "sample_weight.shape"),
        (np.ones((40, 2)), "Sample weights must be 1D"),
        (np.full(40, np.nan), "sample_weight contains NaN"),
        (np.full(40, np.inf), "sample_weight contains infinity"),
    ],
    ids=["negative", "zero", "short", "2d", "nan", "inf"],
)
def test_weights_that_make_no_sense_are_refused(cls, weight, message):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    assert_refused(model, lambda m: m.fit(X, y, sample_weight=weight), message)
    assert_refused(model, lambda m: m.partial_fit(X, y, sample_weight=weight), message)
    assert_refused(
        model,
        lambda m: m.fit(X, y, X_val=X, y_val=y, sample_weight_val=weight),
        message,
    )


@both
def test_validation_data_come_in_pairs(cls):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    message = "X_val and y_val must be given together"
    assert_refused(model, lambda m: m.fit(X, y, X_val=X), message)
    assert_refused(model, lambda m: m.fit(X, y, y_val=y), message)


def test_validation_data_with_a_class_of_their_own_are_refused():
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD).fit(X, y)
    assert_refused(
        model,
        lambda m: m.fit(X[y < 2], y[y < 2], X_val=X, y_val=y),
        "2.* not among the classes",
    )


@both
def test_predictions_before_fit_are_refused(cls):
    X, y = problem(cls)
    model = cls()
    calls = [
        lambda: model.predict(X),
        lambda: model.hidden_activations(X),
        lambda: model.loss_and_gradient(X, y),
    ]
    if cls is EffPropClassifier:
        calls += [lambda: model.predict_proba(X), lambda: model.decision_function(X)]
    for call in calls:
        with pytest.raises(NotFittedError, match=cls.__name__):
            call()


def test_targets_of_a_stream_keep_their_number():
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD).partial_fit(X, y)
    two = np.column_stack([y, y])
    assert_refused(model, lambda m: m.partial_fit(X, two), "y has 2 outputs.* had 1")


def test_text_is_no_target_of_a_regression():
    X, y = problem(EffPropRegressor)
    with pytest.raises(ValueError, match=r"numeric|convert|dtype"):
        EffPropRegressor(**SGD).fit(X, np.full(len(y), "tall"))


@both
def test_two_examples_are_not_split(cls):
    X, y = problem(cls)
    rows = np.flatnonzero(y == y[0])[:2] if cls is EffPropClassifier else [0, 1]
    with pytest.raises(ValueError, match=r"validation set is too small.*n_samples=2"):
        cls(**SGD, early_stopping=True).fit(X[rows], y[rows])


# ------------------------------------------------------------------------------ classes


@pytest.mark.parametrize("call", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("make_y", "message"),
    [
        (lambda X: X[:, 0], "Unknown label type: continuous"),
        (lambda X: X[:, :2], "Unknown label type"),
    ],
    ids=["continuous", "continuous_multioutput"],
)
def test_targets_that_are_no_classes_are_refused(make_y, message, call):
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD).fit(X, y)
    assert_refused(model, lambda m: getattr(m, call)(X, make_y(X)), message)


def test_classes_that_were_not_announced_are_refused():
    X, y = problem(EffPropClassifier)
    names = np.array(["low", "middle", "high"])[y]
    model = EffPropClassifier(**SGD).partial_fit(X, names)
    odd = np.where(np.arange(40) == 5, "absurd", names)
    message = "'absurd'.*not among the classes.*'low'.*classes="
    assert_refused(model, lambda m: m.partial_fit(X, odd), message)
    assert_refused(model, lambda m: m.loss_and_gradient(X, odd), message)
    fresh = EffPropClassifier(**SGD)
    assert_refused(
        fresh, lambda m: m.partial_fit(X, y, classes=[0, 1]), "not among the classes"
    )


def test_multilabel_and_single_label_are_not_mixed_in_a_stream():
    X, y = problem(EffPropClassifier)
    labels = (X > 0).astype(int)
    single = EffPropClassifier(**SGD).partial_fit(X, y)
    several = EffPropClassifier(**SGD).partial_fit(X, labels)
    message = "y is multilabel, but the model was fitted on single labels"
    assert_refused(single, lambda m: m.partial_fit(X, labels), message)
    message = "y is not multilabel, but the model was fitted on multilabel data"
    assert_refused(several, lambda m: m.partial_fit(X, y), message)
    message = "y has 2 labels, but the model was fitted on 3"
    assert_refused(several, lambda m: m.partial_fit(X, labels[:, :2]), message)


def test_a_column_of_labels_gives_a_warning():
    X, y = problem(EffPropClassifier)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        column = EffPropClassifier(**SGD).fit(X, y[:, None])
    row = EffPropClassifier(**SGD).fit(X, y)
    np.testing.assert_array_equal(column.theta_, row.theta_)


def test_the_classes_of_a_stream_are_named_once_and_for_all():
    X, y = problem(EffPropClassifier)
    model = EffPropClassifier(**SGD).partial_fit(X, y, classes=[0, 1, 2])
    model.partial_fit(X[:5], y[:5], classes=[2, 1, 0])
    message = r"classes must stay .*\[0, 1, 2\], got \[1, 2\]"
    assert_refused(model, lambda m: m.partial_fit(X, y, classes=[1, 2]), message)
