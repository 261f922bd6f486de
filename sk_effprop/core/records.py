"""Conversion of records to plain data: JSON values and a list of arrays.

What training remembers consists of small records (NamedTuples, dataclasses, a few plain
classes) of arrays and numbers.  ``pack`` takes them apart and ``unpack`` puts them
together again, with every bit of every number.  Both know only the classes that they
are given, and call none of their code, so that a file can do no more than hold wrong
numbers::

    >>> import numpy as np
    >>> from sk_effprop.core.records import pack, unpack
    >>> from sk_effprop.core.schedules import Progress
    >>> tree, arrays = pack([Progress(epoch=3), np.zeros(2)], (Progress,))
    >>> unpack(tree, arrays, (Progress,))[0].epoch
    3
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array

PLAIN = (type(None), bool, int, float, str)


def pack(value: Any, classes: Sequence[type]) -> tuple[Any, list[Array]]:
    """Convert records to a value that JSON can hold and a list of arrays.

    Parameters
    ----------
    value : object
        Nested records of these classes, lists, tuples, dicts with str keys, arrays,
        numbers, strings and None.
    classes : sequence of type

    Returns
    -------
    tree : object
        For JSON; a number in it stands for each array.
    arrays : list of ndarray
        An array that occurs twice is there once, and will be one array again.

    Raises
    ------
    TypeError
        If something else occurs in it.
    """
    packer = _Packer(classes)
    return packer.pack(value), packer.arrays


class _Packer:
    def __init__(self, classes: Sequence[type]) -> None:
        self.classes = classes
        self.arrays: list[Array] = []
        self._places: dict[int, int] = {}

    def pack(self, value: Any) -> Any:
        if type(value) in PLAIN:
            return value
        if isinstance(value, np.ndarray):
            return {"array": self._place_of(value)}
        if isinstance(value, np.generic):
            return {"number": self._place_of(np.asarray(value))}
        if type(value) in (list, tuple):
            return {type(value).__name__: [self.pack(item) for item in value]}
        if type(value) is dict:
            return {"dict": self._packed(value)}
        if type(value) not in self.classes:
            raise TypeError(f"{type(value).__name__} is no record that can be kept.")
        name = type(value).__name__
        if isinstance(value, Enum):
            return {"enum": name, "value": value.value}
        return {"record": name, "fields": self._packed(_fields(value))}

    def _packed(self, items: dict[str, Any]) -> dict[str, Any]:
        return {name: self.pack(value) for name, value in items.items()}

    def _place_of(self, array: Array) -> int:
        # the list keeps all arrays alive, so that no two of them share an id
        if id(array) not in self._places:
            self._places[id(array)] = len(self.arrays)
            self.arrays.append(array)
        return self._places[id(array)]


def _fields(record: Any) -> dict[str, Any]:
    is_named_tuple = isinstance(record, tuple)
    fields: dict[str, Any] = record._asdict() if is_named_tuple else vars(record)
    return fields


def unpack(tree: Any, arrays: Sequence[Array], classes: Sequence[type]) -> Any:
    """Convert the results of :func:`pack` back to records.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
        If ``pack`` with these classes cannot have made it.
    """
    if type(tree) in PLAIN:
        return tree
    if type(tree) is not dict or not tree:
        raise ValueError(f"{type(tree).__name__} is no part of a record.")
    kind, content = next(iter(tree.items()))

    def again(part: Any) -> Any:
        return unpack(part, arrays, classes)

    match kind:
        case "array":
            return arrays[content]
        case "number":
            return arrays[content][()]
        case "list":
            return [again(item) for item in content]
        case "tuple":
            return tuple(again(item) for item in content)
        case "dict":
            return {name: again(value) for name, value in content.items()}
    cls = {cls.__name__: cls for cls in classes}[content]
    if kind == "enum":
        return cls(tree["value"])
    return _record(cls, {name: again(value) for name, value in tree["fields"].items()})


def _record(cls: Any, fields: dict[str, Any]) -> Any:
    if issubclass(cls, tuple):
        return cls(**fields)
    record = object.__new__(cls)
    vars(record).update(fields)
    return record
