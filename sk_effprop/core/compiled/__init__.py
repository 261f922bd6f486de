"""The passes and updates of the package as loops that numba compiles.

NumPy calls BLAS for whole matrices, where a single example or a small batch takes
longer to hand over than to compute.  Compiled loops have no such cost.  They agree with
NumPy to rounding, and share no code with it:

========================  ============================================================
``engine``                what the rest of the package uses: :class:`NumbaEngine`
``buffers``, ``arrays``   memory, aligned and padded, and bundles of it
``sweeps``                drivers, which are called with these bundles
``layers``                forward and backward pass
``update``, ``plain``     steps against the gradient
``adaptation``            curvatures, rates and input gains that follow every batch
``activations``           activation functions, called through ``functions``
``losses``                losses, called in the same way
``pointers``, ``lanes``   memory and arithmetic for one example, or eight side by side
``cache``, ``ahead``      compiled code on disk
========================  ============================================================

The modules import numba, and this package does not, so that it can tell whether they
can be imported.
"""

from functools import cache
from typing import Any


@cache
def why_not_compiled() -> str:
    """Return why loops cannot be compiled here; "" if they can."""
    try:
        import numba

        settings: Any = numba.config
        if settings.DISABLE_JIT:
            return "numba is switched off: NUMBA_DISABLE_JIT is set."
        import sk_effprop.core.compiled.engine  # noqa: F401
    except Exception as error:
        # a numba that does not go with this NumPy raises whatever it likes
        return f"{type(error).__name__}: {error}"
    return ""
