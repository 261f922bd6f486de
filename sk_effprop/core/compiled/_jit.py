"""Decorators with the options of numba for all compiled loops."""

from typing import Any

import numba

# their annotations leave out some of the options
njit: Any = numba.njit
cfunc: Any = numba.cfunc
# a * b + c may be rounded once, and a division by zero is no exception
OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract"},
}
# Only drivers are called from Python, so that nothing else needs a wrapper for that.
INNER = OPTIONS | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Any) -> Any:
    """Compile a function that other compiled functions call."""
    return njit(**INNER)(function)


def inlined(function: Any) -> Any:
    """Compile a small function into those that call it."""
    return njit(forceinline=True, **INNER)(function)
