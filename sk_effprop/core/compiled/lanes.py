"""Arithmetic with eight numbers at a time, one for each of eight examples.

A small network learns fastest from a batch when its examples lie side by side.  Every
weight is then read once for all of them, and the sums that they share stay in the
registers of the processor, where a compiler that is left to itself would keep them in
memory.  The same vectors hold eight neighbouring weights in an update.

Each function takes a number in place of lanes, too, and then computes with one example.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from sk_effprop.core.compiled.pointers import (
    LANES,
    Lanes,
    alignment,
    number_type,
    typed_intrinsic,
)

# a * b + c may be rounded once, as everywhere in the compiled loops
CONTRACT = ("contract",)
# The terms of a sum that runs along a row may be added in any order.  Without this the
# compiler has to add them one after the other.
REORDER = ("contract", "reassoc")
LANE_INDEX = ir.IntType(32)


def _spread(builder: Any, vector: Any, scalar: Any) -> Any:
    """Return a vector that has the same number in every lane."""
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(LANE_INDEX, 0))
    zeros = ir.Constant(ir.VectorType(LANE_INDEX, LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, zeros)


def _add_scaled(builder: Any, total: Any, scalar: Any, element: Any, flags: Any) -> Any:
    factor = scalar
    if isinstance(element.type, ir.VectorType):
        factor = _spread(builder, element.type, scalar)
    product = builder.fmul(factor, element, flags=flags)
    return builder.fadd(total, product, flags=flags)


@typed_intrinsic
def zero_of(typing_context: Any, pointer: Any) -> Any:
    """Return a zero of the type that a pointer points to."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(signature.return_type), None)

    return pointer.dtype(pointer), generate


@typed_intrinsic
def spread(typing_context: Any, scalar: Any) -> Any:
    """Return lanes that are all equal to a number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = context.get_value_type(signature.return_type)
        return _spread(builder, vector, args[0])

    return Lanes(scalar)(scalar), generate


@typed_intrinsic
def add_scaled(typing_context: Any, total: Any, scalar: Any, element: Any) -> Any:
    """Return ``total + scalar * element``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, scalar, element = args
        return _add_scaled(builder, total, scalar, element, CONTRACT)

    return element(element, number_type(element), element), generate


@typed_intrinsic
def add_term(typing_context: Any, total: Any, scalar: Any, element: Any) -> Any:
    """Return ``total + scalar * element`` for one term of a sum along a row."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        is_one = not isinstance(signature.return_type, Lanes)
        total, scalar, element = args
        flags = REORDER if is_one else CONTRACT
        return _add_scaled(builder, total, scalar, element, flags)

    return element(element, number_type(element), element), generate


@typed_intrinsic
def total(typing_context: Any, a: Any, b: Any) -> Any:
    """Return ``a + b``, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args, flags=CONTRACT)

    return a(a, b), generate


@typed_intrinsic
def product(typing_context: Any, a: Any, b: Any) -> Any:
    """Return ``a * b``, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fmul(*args, flags=CONTRACT)

    return a(a, b), generate


@typed_intrinsic
def quotient(typing_context: Any, a: Any, b: Any) -> Any:
    """Return ``a / b``, lane by lane."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fdiv(*args)

    return a(a, b), generate


@typed_intrinsic
def transpose(typing_context: Any, source: Any, target: Any, row: Any) -> Any:
    """Turn eight elements around, so that the numbers of an example are neighbours.

    Elements ``row`` to ``row + 7`` of ``source`` belong to eight units.  As many lanes
    of ``target`` are written as there are examples in an element, from index
    ``row // 8`` times their number on.  A single example is only copied.
    """
    size = alignment(source.dtype)
    is_one = not isinstance(source.dtype, Lanes)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> None:
        source, target, row = args
        first = builder.gep(source, [row])
        if is_one:
            vector = context.get_value_type(signature.args[1])
            tile = builder.sdiv(row, ir.Constant(row.type, LANES))
            lanes = builder.load(builder.bitcast(first, vector), align=size)
            builder.store(lanes, builder.gep(target, [tile]), align=size)
            return
        steps = [ir.Constant(row.type, k) for k in range(LANES)]
        rows = [builder.load(builder.gep(first, [k]), align=size) for k in steps]
        # three perfect shuffles of the rows, and of the numbers in each pair of rows
        for _ in range(3):
            rows = _shuffled(builder, rows)
        target = builder.gep(target, [row])
        for k, lanes in zip(steps, rows, strict=True):
            builder.store(lanes, builder.gep(target, [k]), align=size)

    return types.void(source, target, types.intp), generate


def _shuffled(builder: Any, rows: list[Any]) -> list[Any]:
    half, mask_type = LANES // 2, ir.VectorType(LANE_INDEX, LANES)
    masks = []
    for start in (0, half):
        pairs = [(start + k, LANES + start + k) for k in range(half)]
        masks.append(ir.Constant(mask_type, [k for pair in pairs for k in pair]))
    return [
        builder.shuffle_vector(rows[k], rows[k + half], mask)
        for k in range(half)
        for mask in masks
    ]


@typed_intrinsic
def numbers_of(typing_context: Any, pointer: Any, index: Any) -> Any:
    """Return a tuple of the numbers of an element, one for each example."""
    kind, size = number_type(pointer.dtype), alignment(pointer.dtype)
    n_numbers = LANES if isinstance(pointer.dtype, Lanes) else 1
    returned = types.UniTuple(kind, n_numbers)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(kind)
        first = builder.gep(args[0], [args[1]])
        first = builder.bitcast(first, number.as_pointer())
        steps = [ir.Constant(args[1].type, k) for k in range(n_numbers)]
        values = [builder.load(builder.gep(first, [k]), align=size) for k in steps]
        return context.make_tuple(builder, returned, values)

    return returned(pointer, types.intp), generate


@typed_intrinsic
def add_products(typing_context: Any, total: Any, x: Any, turned: Any) -> Any:
    """Add what some examples contribute to the gradient of eight neighbouring weights.

    ``x`` holds the input of each example, and ``turned`` points to the errors of the
    eight units for each of them, see :func:`transpose`.
    """
    size = alignment(turned.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, x, turned = args
        for k, number in enumerate(cgutils.unpack_tuple(builder, x)):
            place = builder.gep(turned, [ir.Constant(ir.IntType(64), k)])
            lanes = builder.load(place, align=size)
            total = _add_scaled(builder, total, number, lanes, CONTRACT)
        return total

    return total(total, x, turned), generate
