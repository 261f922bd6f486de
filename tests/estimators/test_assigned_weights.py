"""Weights that are assigned to a fitted network are checked at once."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier
from tests.estimators.rejections import SGD, assert_refused, both, problem

NAMES = ["theta_", "coefs_", "intercepts_"]
each_name = pytest.mark.parametrize("name", NAMES)


def fitted(cls, dtype=np.float64):
    X, y = problem(cls)
    return cls(**SGD).fit(X.astype(dtype), y)


def changed(values, function):
    """Apply a function to each array of one of the three attributes."""
    if isinstance(values, list):
        return [function(array) for array in values]
    return function(values)


def with_first(value):
    def replace(array):
        array = array.copy()
        array.flat[0] = value
        return array

    return replace


WRONG = {
    "nan": (with_first(np.nan), "finite numbers, but 1 of"),
    "inf": (with_first(-np.inf), "finite numbers, but 1 of"),
    "text": (lambda a: a.astype(str), "real numbers, got dtype"),
    "complex": (lambda a: a + 1j, "real numbers, got dtype complex"),
    "objects": (lambda a: np.full(a.shape, None), "real numbers, got dtype object"),
    "short": (lambda a: a[:-1], "must have the shape"),
    "long": (lambda a: np.concatenate([a, a]), "must have the shape"),
    "one_more_dimension": (lambda a: a[None], "must have the shape"),
    "scalar": (lambda _: 0.0, "must have the shape"),
}


@both
@each_name
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_weights_are_refused(cls, name, wrong):
    function, message = WRONG[wrong]
    model = fitted(cls)
    value = changed(getattr(model, name), function)
    assert_refused(model, lambda m: setattr(m, name, value), f"{name} .*{message}")


@both
def test_ragged_lists_are_refused(cls):
    model = fitted(cls)
    for name in NAMES:
        value = [[1.0, 2.0], [3.0]] if name == "theta_" else [[[1.0, 2.0], [3.0]]] * 2
        assert_refused(
            model, lambda m, n=name, v=value: setattr(m, n, v), f"{name} must"
        )


@both
@pytest.mark.parametrize("name", NAMES[1:])
def test_a_single_layer_is_checked_as_well(cls, name):
    model = fitted(cls)
    layer = getattr(model, name)[0]
    for wrong, message in ((layer * np.nan, "finite"), (layer[:-1], "shapes")):

        def assign(m, wrong=wrong):
            getattr(m, name)[0] = wrong

        assert_refused(model, assign, message)


@both
@each_name
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("given", [int, bool, np.float32, np.float64, list])
def test_weights_take_the_fitted_precision(cls, name, dtype, given):
    model = fitted(cls, dtype)
    X, _ = problem(cls)
    value = changed(
        getattr(model, name),
        lambda a: a.tolist() if given is list else np.round(2 * a).astype(given),
    )
    setattr(model, name, value)
    assert model.theta_.dtype == dtype
    for found, right in zip(getattr(model, name), value, strict=True):
        np.testing.assert_array_equal(found, right)
    model.predict(X)
    model.partial_fit(*problem(cls))


@both
def test_values_beyond_single_precision_are_refused(cls):
    model = fitted(cls, np.float32)
    value = model.theta_.astype(np.float64) + 1e39
    message = "too large for float32"
    assert_refused(model, lambda m: setattr(m, "theta_", value), message)


@both
def test_the_given_array_stays_the_users(cls):
    model = fitted(cls)
    given = np.zeros_like(model.theta_)
    model.theta_ = given
    given[:] = 1.0
    assert not model.theta_.any()


@both
def test_weights_cannot_be_assigned_before_fit(cls):
    for name, value in (("theta_", np.zeros(3)), ("coefs_", []), ("intercepts_", [])):
        with pytest.raises(AttributeError, match="before fit"):
            setattr(cls(), name, value)
        assert not hasattr(cls(), name)


@both
@each_name
def test_masks_and_nothing_at_all_are_refused(cls, name):
    model = fitted(cls)

    def mask_first(array):
        return np.ma.masked_array(array, mask=np.arange(array.size) == 0)

    value = changed(getattr(model, name), lambda a: mask_first(a.ravel()))
    assert_refused(model, lambda m: setattr(m, name, value), f"{name} has masked")
    assert_refused(model, lambda m: setattr(m, name, None), f"{name} must")


@both
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("layer", [0, 1])
def test_weights_that_were_spoilt_in_place_do_not_predict(cls, layer, value):
    """Nothing sees the change itself, nor infinity below an activation with limits."""
    X, _ = problem(cls)
    model = fitted(cls)
    model.network_.layers(model.theta_)[layer][0, 0] = value
    calls = [model.predict]
    if cls is EffPropClassifier:
        calls += [model.predict_proba, model.predict_log_proba, model.decision_function]
    for call in calls:
        with pytest.raises(
            ValueError, match="theta_ must hold finite numbers, but 1 of"
        ):
            call(X)
