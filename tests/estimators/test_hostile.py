"""Data and settings at the edge of what makes sense: refused by name, or handled."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.activations import TANH, Activation
from tests.estimators.rejections import SGD, assert_refused, both, problem

C, R = EffPropClassifier, EffPropRegressor


def indicator():
    X, _ = problem(C)
    return X, (X[:, :2] > 0.0).astype(int)


def calls(model, X, y, wrong):
    """All ways to hand wrong targets over."""
    return {
        "fit": lambda m: m.fit(X, wrong),
        "partial_fit": lambda m: m.partial_fit(X, wrong),
        "loss_and_gradient": lambda m: m.loss_and_gradient(X, wrong),
        "y_val": lambda m: m.fit(X, y, X_val=X, y_val=wrong),
    }


# ------------------------------------------------------------------------------- labels


# name -> (what becomes of 0 and 1, values in the message)
WRONG_INDICATORS = {
    "one_and_two": (lambda Y: Y + 1, r"\[1, 2\].*y == 2"),
    "signs": (lambda Y: 2 * Y - 1, r"\[-1, 1\].*y == 1"),
    "zero_and_two": (lambda Y: 2.0 * Y, r"\[0.0, 2.0\].*y == 2"),
    "only_two": (lambda Y: np.full_like(Y, 2), r"\[2\]"),
    "sparse": (lambda Y: sparse.csr_array(3 * Y), r"\[0, 3\]"),
}


@pytest.mark.parametrize("way", ["fit", "partial_fit", "loss_and_gradient", "y_val"])
@pytest.mark.parametrize("name", WRONG_INDICATORS)
def test_indicators_hold_only_0_and_1(name, way):
    X, Y = indicator()
    spoil, message = WRONG_INDICATORS[name]
    model = C(**SGD).fit(X, Y)
    call = calls(model, X, Y, spoil(Y))[way]
    assert_refused(model, call, f"must hold only 0 and 1, but holds {message}")


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.lil_array])
def test_indicators_of_any_type_are_the_same(dtype, make):
    X, Y = indicator()
    expected = C(**SGD).fit(X, Y).theta_
    np.testing.assert_array_equal(
        C(**SGD).fit(X, make(Y.astype(dtype))).theta_, expected
    )


@pytest.mark.parametrize("classes", [[7, 8], [0], [0, 1, 2], ["a", "b"]], ids=str)
def test_classes_of_indicators_are_the_numbers_of_the_columns(classes):
    X, Y = indicator()
    message = r"numbers of its columns, \[0, 1\]"
    for model in C(**SGD), C(**SGD).partial_fit(X, Y):
        assert_refused(model, lambda m: m.partial_fit(X, Y, classes=classes), message)
    model = C(**SGD).partial_fit(X, Y, classes=[1, 0])
    model.partial_fit(X, Y, classes=[0, 1])
    assert model.classes_.tolist() == [0, 1]


NAMES = np.array(["low", "middle", "high"])
MISSING = "(y|y_val|classes) contains missing values. Leave these rows out"
# name -> (labels for 0, 1, 2, message)
WRONG_LABELS = {
    "bytes": (NAMES.astype("S"), "holds bytes.*decode"),
    "bytes_as_objects": (NAMES.astype("S").astype(object), "holds bytes.*decode"),
    "str_and_int": (np.array(["low", 1, 2], dtype=object), "types int, str"),
    "str_and_bool": (np.array(["low", True, "x"], dtype=object), "types bool, str"),
    "str_and_None": (np.array(["low", None, "x"], dtype=object), MISSING),
    "str_and_nan": (np.array(["low", np.nan, "x"], dtype=object), MISSING),
    "str_and_NA": (np.array(["low", pd.NA, "x"], dtype=object), MISSING),
    "str_and_bytes": (np.array(["low", b"x", "x"], dtype=object), "holds bytes"),
}


@pytest.mark.parametrize("way", ["fit", "partial_fit", "loss_and_gradient", "y_val"])
@pytest.mark.parametrize("wrong", WRONG_LABELS)
def test_labels_of_types_without_an_order_are_refused(wrong, way):
    X, y = problem(C)
    labels, message = WRONG_LABELS[wrong]
    model = C(**SGD).fit(X, NAMES[y])
    assert_refused(model, calls(model, X, NAMES[y], labels[y])[way], message)


@pytest.mark.parametrize("wrong", WRONG_LABELS)
def test_classes_of_types_without_an_order_are_refused(wrong):
    X, y = problem(C)
    labels, message = WRONG_LABELS[wrong]
    for model in C(**SGD), C(**SGD).partial_fit(X, NAMES[y]):
        assert_refused(
            model, lambda m: m.partial_fit(X, NAMES[y], classes=labels), message
        )


def test_text_as_objects_is_fine():
    X, y = problem(C)
    model = C(**SGD).fit(X, NAMES[y].astype(object))
    assert model.score(X, NAMES[y]) == model.score(X, NAMES[y].astype(object))


@both
@pytest.mark.parametrize("way", ["fit", "partial_fit", "loss_and_gradient"])
def test_sparse_targets_are_refused_with_the_way_out(cls, way):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    column, row = sparse.csc_array(y[:, None]), sparse.coo_array(y)
    for wrong in column, row:
        call = calls(model, X, y, wrong)[way]
        assert_refused(model, call, r"y is sparse.*Use y.toarray\(\).ravel\(\)\.")
    if cls is R:
        call = calls(model, X, y, sparse.csr_array(np.column_stack([y, y])))[way]
        assert_refused(model, call, r"y is sparse.*Use y.toarray\(\)\.")


@pytest.mark.parametrize("way", ["fit", "partial_fit", "loss_and_gradient", "y_val"])
@pytest.mark.parametrize("missing", [None, np.nan, "nan", np.inf, "1e999"])
def test_objects_that_stand_for_no_number_are_refused(missing, way):
    X, y = problem(R)
    model = R(**SGD).fit(X, y)
    wrong = y.astype(object)
    wrong[3] = missing
    assert_refused(
        model, calls(model, X, y, wrong)[way], "contains (missing|NaN|infinity)"
    )


@both
def test_masks_are_not_ignored(cls):
    """scikit-learn would read what is behind the mask."""
    X, y = problem(cls)
    weight, mask = np.ones(len(y)), np.arange(len(y)) == 3
    model = cls(**SGD).fit(X, y)
    before = model.predict(X)
    masked_X = np.ma.masked_array(X, mask=np.repeat(mask[:, None], 3, axis=1))
    masked_y, masked_weight = (np.ma.masked_array(a, mask=mask) for a in (y, weight))
    assert_refused(model, lambda m: m.fit(masked_X, y), r"X has masked .*filled")
    assert_refused(model, lambda m: m.predict(masked_X), r"X has masked .*filled")
    assert_refused(model, lambda m: m.fit(X, masked_y), "y has masked .*rows out")
    assert_refused(
        model, lambda m: m.fit(X, y, masked_weight), "sample_weight has masked"
    )
    no_mask = np.ma.masked_array(X), np.ma.masked_array(y), np.ma.masked_array(weight)
    np.testing.assert_array_equal(model.fit(*no_mask).predict(no_mask[0]), before)


def test_missing_labels_are_named():
    pandas = pytest.importorskip("pandas")
    X, y = problem(C)
    labels = pandas.Series(NAMES[y], dtype="string")
    labels[3] = pandas.NA
    assert_refused(C(**SGD), lambda m: m.fit(X, labels), "y contains missing values")


# --------------------------------------------------------------- the cause of overflow


def n_weights(cls):
    X, y = problem(cls)
    return len(cls(**SGD).fit(X, y).theta_)


def with_first(value, n):
    return np.where(np.arange(n) == 0, value, 0.1)


NOT_FINITE = [np.nan, np.inf, -np.inf]


@both
@pytest.mark.parametrize("value", [*NOT_FINITE, 1j, "0.1", None])
def test_an_array_of_initial_weights_holds_finite_numbers(cls, value):
    X, y = problem(cls)
    model = cls(**SGD).fit(X, y)
    init = with_first(0.1, n_weights(cls)).astype(type(value) if value else object)
    init[0] = value
    message = "'init' parameter of .* must be an array of real, finite numbers"
    assert_refused(model, lambda m: m.set_params(init=init).fit(X, y), message)


@both
def test_initial_weights_have_to_fit_the_precision(cls):
    X, y = problem(cls)
    init = with_first(1e39, n_weights(cls))
    cls(**SGD, init=init * 0.0).fit(X.astype(np.float32), y)
    message = "within the range of float32"
    model = cls(**SGD, init=init)
    assert_refused(model, lambda m: m.fit(X.astype(np.float32), y), message)


@both
@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("name", ["bias_init", "goal"])
def test_numbers_without_a_meaning_are_refused(cls, name, value):
    X, y = problem(cls)
    message = f"'{name}' parameter of .* must be .*a float in the range"
    model = cls(**SGD).fit(X, y)
    model.set_params(**{name: value})
    assert_refused(model, lambda m: m.fit(X, y), message)


@both
@pytest.mark.parametrize("value", NOT_FINITE)
def test_tuples_of_numbers_are_finite(cls, value):
    X, y = problem(cls)
    given = {"flow_rates": (0.1, value, 0.01)}
    if cls is C:
        given["target_values"] = (-1.0, value)
    for name, numbers in given.items():
        model = cls(**SGD, **{name: numbers})
        assert_refused(model, lambda m: m.fit(X, y), f"'{name}' parameter of .* must")


# name -> (settings, changes of X and y, words of the message)
HUGE = {
    "alpha": ({"alpha": 1e308}, 1.0, 1.0, "alpha=1e.308 is too large"),
    "init": ({"init": 1e308}, 1.0, 1.0, "init=1e.308 is too large"),
    "bias_init": ({"bias_init": 1e308}, 1.0, 1.0, "bias_init=1e.308 is too large"),
    "twist": ({"twist": 1e308}, 1.0, 1.0, "twist=1e.308 is too large"),
    "activation": (
        {"activation": Activation(TANH, amplitude=1e300)},
        1.0,
        1.0,
        "activation=.* is too large",
    ),
    "X": ({"normalize": None, "input_clip": None}, 1e307, 1.0, "Scale X"),
    "y": ({"normalize_target": False}, 1.0, 1e307, "y is too large.*Scale y"),
}


@both
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs", "lm"])
@pytest.mark.parametrize("name", HUGE)
def test_what_is_too_large_is_named(cls, solver, name):
    settings, of_X, of_y, message = HUGE[name]
    if cls is C and name == "y":
        pytest.skip("labels have no size")
    X, y = problem(cls)
    y = y * of_y if cls is R else y
    loss = {"loss": "squared_error", "output_activation": "identity"}
    settings = {**SGD, "solver": solver, **loss, **settings}
    assert_refused(cls(**settings), lambda m: m.fit(X * of_X, y), message)
    if solver in ("sgd", "adam"):
        assert_refused(cls(**settings), lambda m: m.partial_fit(X * of_X, y), message)


@both
@pytest.mark.parametrize("value", [np.nan, 1e308])
@pytest.mark.parametrize("call", ["partial_fit", "fit"])
def test_a_weight_that_was_spoilt_in_place_is_named(cls, value, call):
    """Assignments of single numbers cannot be seen, but what follows from them can."""
    X, y = problem(cls)
    model = cls(**SGD, warm_start=True, alpha=0.01).fit(X, y)
    model.theta_[0] = value
    with pytest.raises(ValueError, match="theta_"):
        getattr(model, call)(X, y)


# ----------------------------------------------------------------------------- messages


@both
def test_a_linear_model_says_that_it_has_no_hidden_layers(cls):
    X, y = problem(cls)
    model = cls(**SGD | {"hidden_layer_sizes": ()}).fit(X, y)
    for layer in (-1, 0, 1):
        with pytest.raises(ValueError, match=r"linear model.* no hidden layers"):
            model.hidden_activations(X, layer)


@both
@pytest.mark.parametrize("solver", ["lbfgs", "lm", "cg", "scg", "sgd", "adam"])
def test_presented_examples_are_counted_as_the_user_gave_them(cls, solver):
    X, y = problem(cls)
    rows = np.r_[np.arange(40), 3, 3, 7]
    model = cls(**SGD | {"solver": solver}, warm_start=True)
    first = model.fit(X[rows], y[rows]).n_iter_
    assert model.t_ == 43 * first
    model.fit(X[rows], y[rows])
    assert model.t_ in (43 * model.n_iter_, 43 * (first + model.n_iter_))


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_messages_do_not_count_merged_or_dropped_rows(solver):
    X, y = problem(C)
    rows = np.r_[np.arange(40), 3, 3]
    weight = np.ones(42)
    weight[:5] = 0.0
    X, y = X[rows], y[rows]
    one_hot = (y[:, None] == np.arange(3)).astype(int)
    settings = SGD | {"solver": solver, "warm_start": True}
    for first, second, message in (
        (y, one_hot, "y is multilabel, .* single labels: y has 3 columns"),
        (
            one_hot,
            y,
            "y is not multilabel, .* multilabel data: y has one label per row",
        ),
        (one_hot, one_hot[:, :2], "y has 2 labels, but the model was fitted on 3"),
    ):
        model = C(**settings).fit(X, first)
        assert_refused(model, lambda m, y=second: m.fit(X, y, weight), message)
