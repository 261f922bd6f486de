"""Pointers, with which the compiled loops address vectors and matrices.

An array is more than a place in memory: numba passes its shape and strides along with
it and counts the references to it.  For a small layer this takes longer than the
arithmetic, and it is most of what there is to compile.  So a loop takes the pointers
out of its arrays once, and all functions below it see numbers in memory and sizes
beside them, as a function in C does.  The arrays must outlive the call, and no index is
checked.

A pointer points to single numbers, one example at a time, or to :class:`Lanes`, several
examples side by side.  Code that goes through :func:`load` and :func:`store` is written
once for both.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES = 8
BITS_OF_A_BYTE = 8
# An intrinsic is called with one argument less than it is defined with: numba passes
# the first one.  Type checkers would object to every call.
typed_intrinsic: Any = intrinsic


class Lanes(types.Type):
    """Numba's type of a vector of eight numbers, one for each of eight examples."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """LLVM keeps them in one, two or four registers, as the processor has them."""

    def __init__(self, dmm: Any, fe_type: Any) -> None:
        number = dmm.lookup(fe_type.dtype).get_value_type()
        super().__init__(dmm, fe_type, ir.VectorType(number, LANES))


def number_type(element: Any) -> Any:
    """Type of a single number of an element, which is a number or lanes."""
    return element.dtype if isinstance(element, Lanes) else element


def alignment(element: Any) -> int:
    """Return the alignment of elements in memory, in bytes.

    Lanes (see :class:`Lanes`) may start at the address of any number of an array, so
    for them it is the size of one number, too.
    """
    return int(number_type(element).bitwidth) // BITS_OF_A_BYTE


@typed_intrinsic
def pointers(typing_context: Any, bundle: Any) -> Any:
    """Return the same named tuple with pointers in place of its arrays.

    These must be contiguous.  An array of shape (n,) holds numbers, one of shape (n, 8)
    holds lanes.
    """
    returned = [_pointer_type(kind) for kind in bundle]

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        fields = cgutils.unpack_tuple(builder, args[0])
        values = [
            _pointer(context, builder, array, pointer, field)
            if isinstance(array, types.Array)
            else field
            for array, pointer, field in zip(bundle, returned, fields, strict=True)
        ]
        return context.make_tuple(builder, signature.return_type, values)

    result = types.BaseTuple.from_types(returned, bundle.instance_class)
    return result(bundle), generate


def _pointer_type(kind: Any) -> Any:
    if not isinstance(kind, types.Array):
        return kind
    return types.CPointer(kind.dtype if kind.ndim == 1 else Lanes(kind.dtype))


def _pointer(context: Any, builder: Any, kind: Any, pointer: Any, array: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(data, context.get_value_type(pointer))


@typed_intrinsic
def at(typing_context: Any, pointer: Any, index: Any) -> Any:
    """Return a pointer that starts at an element of another one."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, types.intp), generate


@typed_intrinsic
def as_lanes(typing_context: Any, pointer: Any) -> Any:
    """Return a pointer to the same memory, eight numbers at a time."""
    pointer_type = types.CPointer(Lanes(number_type(pointer.dtype)))

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(pointer_type))

    return pointer_type(pointer), generate


@typed_intrinsic
def as_numbers(typing_context: Any, pointer: Any) -> Any:
    """Return a pointer to the same memory, number by number."""
    pointer_type = types.CPointer(number_type(pointer.dtype))

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(pointer_type))

    return pointer_type(pointer), generate


@typed_intrinsic
def n_lanes(typing_context: Any, pointer: Any) -> Any:
    """Return how many numbers an element consists of, which the compiler knows."""
    width = LANES if isinstance(pointer.dtype, Lanes) else 1

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.intp, width)

    return types.intp(pointer), generate


@typed_intrinsic
def number(typing_context: Any, pointer: Any, value: Any) -> Any:
    """Convert a value to the precision of what a pointer points to.

    A double in single precision code would turn all that it meets into doubles.
    """
    kind = number_type(pointer.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.cast(builder, args[1], value, kind)

    return kind(pointer, value), generate


@typed_intrinsic
def load(typing_context: Any, pointer: Any, index: Any) -> Any:
    """Return the element at an index."""
    size = alignment(pointer.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.gep(args[0], [args[1]]), align=size)

    return pointer.dtype(pointer, types.intp), generate


@typed_intrinsic
def store(typing_context: Any, pointer: Any, index: Any, element: Any) -> Any:
    """Write an element to an index."""
    size = alignment(pointer.dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> None:
        builder.store(args[2], builder.gep(args[0], [args[1]]), align=size)

    return types.void(pointer, types.intp, pointer.dtype), generate
