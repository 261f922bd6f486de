"""The disorder of parts, next to what is known of random and of sorted ones."""

import numpy as np
import pytest

from sk_effprop.estimators._part_order import SORTED_BELOW, disorder

rng = np.random.default_rng(0)
PARTS, KEYS = np.repeat(np.arange(10), 50), rng.random(500)
TARGETS = {
    "values": (rng.normal(size=500), False),
    "heavy tails": (rng.standard_cauchy(500), False),
    "counts": (rng.poisson(0.3, size=500).astype(float), False),
    "three outputs": (rng.normal(size=(500, 3)), False),
    "classes": (rng.choice(["a", "b", "c"], 500), True),
    "a rare class": (rng.random(500) < 0.03, True),
}


@pytest.mark.parametrize("name", TARGETS)
def test_random_parts_have_a_disorder_of_about_one(name):
    y, are_classes = TARGETS[name]
    found = disorder(y, PARTS, KEYS, are_classes=are_classes)
    assert found == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("name", TARGETS)
def test_rows_of_one_part_may_be_in_any_order(name):
    """Only what lies between the parts counts, as each of them is shuffled."""
    y, are_classes = TARGETS[name]
    by_part = np.concatenate([np.sort(y[part == PARTS], axis=0) for part in range(10)])
    assert disorder(by_part, PARTS, KEYS, are_classes=are_classes) > SORTED_BELOW


@pytest.mark.parametrize("name", ["values", "heavy tails", "classes", "three outputs"])
def test_sorted_parts_have_a_small_disorder(name):
    y, are_classes = TARGETS[name]
    # one sorted output is enough
    y = np.column_stack([y[:, :2], np.sort(y[:, 2])]) if y.ndim == 2 else np.sort(y)
    assert disorder(y, PARTS, KEYS, are_classes=are_classes) < 0.2
    # whatever the numbers of the parts are
    assert disorder(y, 9 - PARTS, KEYS, are_classes=are_classes) < 0.2


def test_equal_targets_are_not_sorted():
    for y, are_classes in (np.ones(500), False), (np.ones(500, dtype=int), True):
        assert disorder(y, PARTS, KEYS, are_classes=are_classes) == 1.0
