"""Records come back with every bit, and nothing else comes back."""

import json
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pytest

from sk_effprop.core.flow import Flow
from sk_effprop.core.records import pack, unpack


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


class Point(NamedTuple):
    """A record."""

    x: object
    y: object = None


CLASSES = (Colour, Point, Flow)
NUMBERS = [0, -(2**200), True, None, "text", 0.1, -0.0, 5e-324, np.inf, -np.inf]


def again(value):
    """The value after a journey through JSON."""
    tree, arrays = pack(value, CLASSES)
    return unpack(json.loads(json.dumps(tree)), arrays, CLASSES)


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
def test_numbers_and_words_keep_value_and_type(value):
    back = again(value)
    assert (repr(back), type(back)) == (repr(value), type(value))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "?", "u1", "U3"])
def test_numbers_of_numpy_keep_their_type(dtype):
    value = np.ones(1, dtype=dtype)[0]
    back = again(value)
    assert (back, type(back)) == (value, type(value))


def test_what_is_nested_keeps_its_structure():
    value = {"a": [Point(1, (2.0, Point([], {}))), Colour.RED], "b": ((),)}
    back = again(value)
    assert back == value
    assert type(back["a"][1]) is Colour


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_keep_shape_type_and_content(order):
    array = np.asarray(np.arange(6.0).reshape(2, 3), dtype="f4", order=order)
    array[0, 0] = np.nan
    (back,) = again([array])
    np.testing.assert_array_equal(back, array)
    assert back.dtype == array.dtype


def test_one_array_in_two_places_stays_one():
    array = np.zeros(3)
    back = again(Point(array, [array, np.zeros(3)]))
    assert back.x is back.y[0]
    assert back.x is not back.y[1]


def test_objects_are_made_without_calling_them():
    flow = Flow(0.1, (0.1, 1.0, 0.01))
    flow.start(np.zeros(2))
    back = again(flow)
    assert back.rate == flow.rate
    np.testing.assert_array_equal(back.mean, flow.mean)


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 1, 1j, Exception()])
def test_what_is_no_record_is_refused(value):
    with pytest.raises(TypeError, match=f"{type(value).__name__} is no record"):
        pack([value], CLASSES)


WRONG = [
    {"record": "Popen", "fields": {"args": "ls"}},
    {"record": "Point", "fields": {"z": 1}},
    {"record": "Point"},
    {"enum": "Colour", "value": "blue"},
    {"array": 7}, {"number": "x"}, {"evil": 1}, {}, [1],
]  # fmt: skip


@pytest.mark.parametrize("tree", WRONG, ids=str)
def test_only_what_pack_makes_is_put_together(tree):
    with pytest.raises((ValueError, TypeError, KeyError, IndexError)):
        unpack(tree, [], CLASSES)
