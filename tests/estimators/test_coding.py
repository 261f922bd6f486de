"""Codings of targets: there and back, and what they refuse."""

import re

import numpy as np
import pytest

from sk_effprop.core.losses import SquaredError, make_loss
from sk_effprop.estimators._coding import ClassCoding, ValueCoding

NAMES = np.array(["b", "c", "a", "b"])
TWO = np.array([3, 7, 7, 3])
LABELS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0]])
ONE = np.array(["only"] * 3)


def class_coding(y, classes=None, loss="squared_error", **settings):
    return ClassCoding.of(y, classes, loss=loss, output="lecun_tanh", **settings)


def value_coding(y, loss="squared_error", weight=None, normalize=True):
    return ValueCoding.of(
        y,
        np.ones(len(y)) if weight is None else weight,
        loss=make_loss(loss),
        loss_name=loss,
        output="auto",
        normalize=normalize,
    )


@pytest.mark.parametrize("y", [NAMES, TWO, LABELS, ONE], ids=["3", "2", "multi", "1"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_targets_decode_to_the_labels_they_code(y, loss):
    coding = class_coding(y, loss=loss)
    targets, labels = coding.code(y, np.float32)
    assert targets.dtype == np.float32
    assert set(np.unique(targets)) <= {np.float32(v) for v in coding.target_range}
    # outputs of a perfect network, as preactivations that are far from the threshold
    z = np.where(targets > np.mean(coding.target_range), 5.0, -5.0)
    decoded = coding.decode(coding.decision(z))
    np.testing.assert_array_equal(decoded, y)
    assert (labels is None) == (y.ndim == 2)
    if labels is not None:
        np.testing.assert_array_equal(coding.classes[labels], y)


@pytest.mark.parametrize("y", [NAMES, TWO, LABELS, ONE], ids=["3", "2", "multi", "1"])
def test_probabilities_have_a_column_for_each_class(y):
    coding = class_coding(y)
    targets, _ = coding.code(y, np.float64)
    p = coding.probabilities(targets, targets)
    assert p.shape == (len(y), len(coding.classes))
    if not coding.is_multilabel:
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
    if len(coding.classes) > 1:
        assert p.max() > 0.99
        assert p.min() < 0.01


def test_named_classes_need_not_be_there():
    coding = class_coding(np.array([1, 1]), [2, 1, 0])
    np.testing.assert_array_equal(coding.classes, [0, 1, 2])
    assert coding.is_exclusive
    coding.check_classes([0, 1, 2])
    with pytest.raises(ValueError, match="classes must stay the same"):
        coding.check_classes([0, 1])


@pytest.mark.parametrize(
    ("y", "other", "message"),
    [
        (NAMES, np.array(["z"]), "labels ['z'] that are not among the classes"),
        (NAMES, LABELS, "y is multilabel, but the model was fitted on single labels"),
        (LABELS, TWO, "y is not multilabel, but the model was fitted on multilabel"),
        (LABELS, LABELS[:, :2], "y has 2 labels, but the model was fitted on 3"),
    ],
    ids=["unknown", "multilabel", "single", "fewer"],
)
def test_other_targets_are_rejected(y, other, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        class_coding(y).code(other, np.float64)


@pytest.mark.parametrize("columns", [None, 1, 2])
@pytest.mark.parametrize("normalize", [True, False])
def test_values_decode_to_what_was_coded(columns, normalize):
    rng = np.random.default_rng(0)
    y = rng.normal(5.0, 3.0, size=20 if columns is None else (20, columns))
    coding = value_coding(y, normalize=normalize)
    targets, labels = coding.code(y, np.float64)
    assert labels is None
    assert targets.shape == (20, columns or 1)
    np.testing.assert_allclose(coding.decode(targets), y)
    if normalize:
        np.testing.assert_allclose(targets.mean(axis=0), 0.0, atol=1e-12)
        np.testing.assert_allclose(targets.std(axis=0), 1.0)
    variance = np.full(targets.shape, 4.0)
    deviations = coding.decode_variance(variance, np.float32)
    np.testing.assert_allclose(
        deviations, np.broadcast_to(2.0 * coding.scale, targets.shape).reshape(y.shape),
        rtol=1e-6,
    )  # fmt: skip


def test_more_targets_give_a_new_coding_of_all_of_them():
    rng = np.random.default_rng(0)
    y, weight = rng.normal(5.0, 3.0, size=30), rng.uniform(0.5, 2.0, size=30)
    first = value_coding(y[:10], weight=weight[:10])
    mean = first.mean.copy()
    both = first.including(y[10:], weight[10:])
    at_once = value_coding(y, weight=weight)
    np.testing.assert_allclose(both.mean, at_once.mean)
    np.testing.assert_allclose(both.scale, at_once.scale)
    np.testing.assert_array_equal(first.mean, mean)
    labels = class_coding(TWO)
    assert labels.including(TWO, np.ones(4)) is labels


def test_a_logarithmic_link_divides_by_the_mean_and_predicts_means():
    y = np.array([0.0, 1.0, 5.0])
    coding = value_coding(y, loss="poisson")
    assert coding.activation_name == "exp"
    np.testing.assert_array_equal(coding.scale, [2.0])
    np.testing.assert_allclose(coding.decode(np.zeros((1, 1))), [2.0])
    with pytest.raises(ValueError, match=r"requires y >= 0, but min\(y\) is -1"):
        coding.code(np.array([-1.0]), np.float64)
    with pytest.raises(ValueError, match=r"requires y >= 0, but min\(y\) is -1"):
        coding.including(np.array([-1.0]), np.ones(1))


def test_codings_are_compared_by_identity():
    """They hold arrays, whose comparison is no yes or no."""
    assert class_coding(TWO) != class_coding(TWO)
    assert value_coding(np.arange(3.0)).loss == SquaredError()


def test_the_largest_probability_is_that_of_the_decision_when_outputs_saturate():
    coding = class_coding(NAMES)
    n_classes = len(coding.classes)
    preactivations = 40.0 + np.random.default_rng(0).normal(size=(9, n_classes))
    outputs = np.full((9, n_classes), coding.high)
    p = coding.probabilities(outputs, preactivations)
    decision = coding.decision(preactivations)
    np.testing.assert_array_equal(np.argmax(p, axis=1), np.argmax(decision, axis=1))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
