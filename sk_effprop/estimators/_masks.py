"""Check for masked arrays, as NumPy and scikit-learn would silently drop the mask."""

from typing import Any

import numpy as np

WAYS_OUT = {
    "X": "Use X.filled(np.nan) for missing values.",
    "y": "Leave these rows out.",
    "sample_weight": "Leave these rows out.",
}


def check_masks(**arrays: Any) -> None:
    """Raise a ValueError for masked entries."""
    for name, array in arrays.items():
        if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
            way_out = WAYS_OUT.get(name, "Use an array without a mask.")
            raise ValueError(f"{name} has masked entries. {way_out}")
