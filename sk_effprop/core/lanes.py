"""Eight numbers at a time, for the compiled loops: one of each of eight examples.

A small network learns fastest from a batch when its examples lie side by side.  Every
weight is then read once for all of them, and the sums that they share stay in the
processor's registers, where a compiler that is left to itself would keep them in
memory.  So this module makes a vector of eight numbers known to numba, as a value like
any other.  LLVM turns it into one register, two or four, as the processor has them.

An array that holds such vectors has shape (n, 8) and is contiguous.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model
from numba.np.arrayobj import populate_array

LANES = 8
BITS_OF_A_BYTE = 8
# a * b + c may be rounded once, like everywhere in the compiled loops
CONTRACT = ("contract",)
# what is called is not what is written here: the first argument is numba's
_known_to_numba: Any = intrinsic


class Lanes(types.Type):
    """Numba's type of eight numbers of one kind."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    """In LLVM they are a vector."""

    def __init__(self, dmm: Any, fe_type: Any) -> None:
        number = dmm.lookup(fe_type.dtype).get_value_type()
        super().__init__(dmm, fe_type, ir.VectorType(number, LANES))


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, row: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    start = builder.gep(data, [builder.mul(row, ir.Constant(row.type, LANES))])
    number = context.get_value_type(array_type.dtype)
    return builder.bitcast(start, ir.VectorType(number, LANES).as_pointer())


def _view(context: Any, builder: Any, signature: Any, args: Any, shape: Any) -> Any:
    """Contiguous array of this shape, from a place in another one on."""
    source_type, target_type = signature.args[0], signature.return_type
    data = context.make_array(source_type)(context, builder, args[0]).data
    index, size = args[1].type, _n_bytes(source_type)
    strides = [ir.Constant(index, size)]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    view = context.make_array(target_type)(context, builder)
    populate_array(
        view,
        data=builder.gep(data, [args[1]]),
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=ir.Constant(index, size),
        meminfo=None,
    )
    return view._getvalue()


def _n_bytes(array_type: Any) -> int:
    return int(array_type.dtype.bitwidth) // BITS_OF_A_BYTE


def _same_for_all(builder: Any, vector: Any, scalar: Any) -> Any:
    nothing, index = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    one = builder.insert_element(nothing, scalar, ir.Constant(index, 0))
    first = ir.Constant(ir.VectorType(index, LANES), [0] * LANES)
    return builder.shuffle_vector(one, nothing, first)


@_known_to_numba
def vector_at(typing_context: Any, array: Any, start: Any, n: Any) -> Any:
    """Some numbers of a contiguous array, counted flat.

    What a slice is, but nobody counts references to it: that takes longer than a small
    layer.  The array must outlive it.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _view(context, builder, signature, args, [args[2]])

    view = types.Array(array.dtype, 1, "C")
    return view(array, types.intp, types.intp), generate


@_known_to_numba
def matrix_at(typing_context: Any, array: Any, start: Any, m: Any, n: Any) -> Any:
    """Likewise m rows of n numbers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _view(context, builder, signature, args, [args[2], args[3]])

    view = types.Array(array.dtype, 2, "C")
    return view(array, types.intp, types.intp, types.intp), generate


@_known_to_numba
def load(typing_context: Any, array: Any, row: Any) -> Any:
    """Row of an array of shape (n, 8)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array_type = signature.args[0]
        pointer = _pointer(context, builder, array_type, *args)
        return builder.load(pointer, align=_n_bytes(array_type))

    return Lanes(array.dtype)(array, types.intp), generate


@_known_to_numba
def store(typing_context: Any, array: Any, row: Any, lanes: Any) -> Any:
    """Write a row of an array of shape (n, 8)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> None:
        array, row, lanes = args
        pointer = _pointer(context, builder, signature.args[0], array, row)
        builder.store(lanes, pointer, align=_n_bytes(signature.args[0]))

    return types.void(array, types.intp, lanes), generate


@_known_to_numba
def spread(typing_context: Any, scalar: Any) -> Any:
    """One number for all."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = context.get_value_type(signature.return_type)
        return _same_for_all(builder, vector, args[0])

    return Lanes(scalar)(scalar), generate


@_known_to_numba
def add_scaled(typing_context: Any, total: Any, scalar: Any, lanes: Any) -> Any:
    """Total + scalar * lanes."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        total, scalar, lanes = args
        factor = _same_for_all(builder, lanes.type, scalar)
        product = builder.fmul(factor, lanes, flags=CONTRACT)
        return builder.fadd(total, product, flags=CONTRACT)

    return lanes(lanes, lanes.dtype, lanes), generate


@_known_to_numba
def product(typing_context: Any, a: Any, b: Any) -> Any:
    """Number by number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fmul(*args, flags=CONTRACT)

    return a(a, b), generate


@_known_to_numba
def quotient(typing_context: Any, a: Any, b: Any) -> Any:
    """Number by number."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fdiv(*args)

    return a(a, b), generate


@_known_to_numba
def transpose(typing_context: Any, source: Any, target: Any, row: Any) -> Any:
    """Eight rows from ``row`` on become the columns of the same rows of ``target``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> None:
        source, target, row = args
        source_type, target_type = signature.args[:2]
        rows = [builder.add(row, ir.Constant(row.type, k)) for k in range(LANES)]
        lanes = [
            builder.load(
                _pointer(context, builder, source_type, source, k),
                align=_n_bytes(source_type),
            )
            for k in rows
        ]
        # three perfect shuffles of the rows, and of the numbers in each pair of rows
        for _ in range(3):
            lanes = _shuffled(builder, lanes)
        for k, column in zip(rows, lanes, strict=True):
            pointer = _pointer(context, builder, target_type, target, k)
            builder.store(column, pointer, align=_n_bytes(target_type))

    return types.void(source, target, types.intp), generate


def _shuffled(builder: Any, lanes: list[Any]) -> list[Any]:
    half = LANES // 2
    masks = []
    for start in (0, half):
        order = np.ravel([[start + k, LANES + start + k] for k in range(half)])
        masks.append(
            ir.Constant(ir.VectorType(ir.IntType(32), LANES), [int(k) for k in order])
        )
    return [
        builder.shuffle_vector(lanes[k], lanes[k + half], mask)
        for k in range(half)
        for mask in masks
    ]
