"""Formulas of the paper that experiments compare with; no estimator uses them."""

from sk_effprop.core.arrays import Array


def polak_ribiere(new: Array, old: Array, direction: Array) -> float:
    """g'(g - g_old) / g_old'g_old, eq. (43)."""
    return float(new @ (new - old)) / float(old @ old)
