"""A warning where float32 inputs lose what a network was trained on."""

import warnings
from typing import Any

import numpy as np

# Largest rounding error that is not worth a warning, as a share of a column's scale.
NEGLIGIBLE_ROUNDING = 0.01
MAX_NAMES = 5


def warn_of_rounding(est: Any, caller: str, way_out: str = "") -> None:
    """Warn of columns whose deviations are small compared with float32's rounding."""
    if est.normalizer_ is None or est.theta_.dtype == np.float32:
        return
    record = est.normalizer_.normalization_
    rounding = np.abs(record.shift) * np.finfo(np.float32).eps / 2.0
    columns = np.flatnonzero(rounding > NEGLIGIBLE_ROUNDING * record.scale)
    if not len(columns):
        return
    unnamed = [f"x{i}" for i in range(len(rounding))]
    names = getattr(est.normalizer_, "feature_names_in_", unnamed)
    listed = ", ".join(repr(str(names[i])) for i in columns[:MAX_NAMES])
    listed += ", ..." if len(columns) > MAX_NAMES else ""
    warnings.warn(
        f"{caller} rounds inputs to float32, which may change {listed} by more than "
        f"{NEGLIGIBLE_ROUNDING:.0%} of the deviation, as the values are large compared "
        f"with it. Subtract a constant from them before fit{way_out}.",
        UserWarning,
        stacklevel=3,
    )
