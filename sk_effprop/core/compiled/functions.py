"""Calls of activation functions and losses by their address.

They are compiled one by one, as C functions, when a network first needs them.  So the
loops need not be compiled again for another activation function or loss, and nobody
waits for those that he does not use.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from sk_effprop.core.compiled.pointers import typed_intrinsic


def activation_signature(number: Any) -> Any:
    """Return the type of an activation function: constants, z, f(z), f'(z), n."""
    pointer = types.CPointer(number)
    return types.void(pointer, pointer, pointer, pointer, types.intp)


def loss_signature(number: Any) -> Any:
    """Return the type of a loss, see ``losses.py``."""
    pointer = types.CPointer(number)
    return number(pointer, pointer, pointer, pointer, pointer, types.intp, types.intp)


def _call(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Call the address in the first argument with the others."""
    returned, *given = [
        context.get_value_type(kind)
        for kind in (signature.return_type, *signature.args[1:])
    ]
    if signature.return_type == types.void:
        returned = ir.VoidType()
    function = ir.FunctionType(returned, given).as_pointer()
    return builder.call(builder.inttoptr(args[0], function), args[1:])


@typed_intrinsic
def call_activation(
    typing_context: Any,
    address: Any,
    constants: Any,
    z: Any,
    value: Any,
    derivative: Any,
    n: Any,
) -> Any:
    """Write f(z) and f'(z) of n numbers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> None:
        _call(context, builder, signature, args)

    function = activation_signature(z.dtype)
    return types.void(types.intp, *function.args), generate


@typed_intrinsic
def call_loss(typing_context: Any, address: Any, constants: Any, outputs: Any) -> Any:
    """Return the loss of an example for a tuple of what else a loss takes."""
    number = constants.dtype

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address, constants, outputs = args
        given = [address, constants, *cgutils.unpack_tuple(builder, outputs)]
        whole = loss_signature(number)
        return _call(context, builder, number(types.intp, *whole.args), given)

    return number(types.intp, constants, outputs), generate
