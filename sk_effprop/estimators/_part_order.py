"""Whether the parts of the data are sorted by their targets.

Rows of one part are shuffled, but parts that nobody mixes come one after the other.  If
the targets of a part are alike, stochastic training sees sorted examples (section 4.2).
"""

from dataclasses import replace

import numpy as np
from scipy.stats import rankdata

from sk_effprop.core.arrays import Array
from sk_effprop.training.convergence import Convergence

# In random order the disorder is 1.  Below this, half of what makes targets differ is
# the part that they lie in.
SORTED_BELOW = 0.5
# Fewer rows may be alike by chance.
FEWEST_ROWS = 100
# What parts are called, and who mixes their rows.
WORDS = {
    "Batch": ("batches", ", ArrayBatches, or a method shuffled(rng)"),
    "Partition": ("partitions", ""),
}


def disorder(y: Array, parts: Array, keys: Array, *, are_classes: bool) -> float:
    """Von Neumann's ratio of a sample whose parts are shuffled, one after the other.

    Parameters
    ----------
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
    parts : ndarray of int of shape (n_rows,)
        Number of the part of each row.
    keys : ndarray of shape (n_rows,)
        Random numbers.
    are_classes : bool
        Whether targets are classes, which are equal or not.

    Returns
    -------
    float
        How much neighbours differ, relative to any two rows: about 1 in random order,
        and about 0 if all rows of a part are alike.  The smallest of all outputs.
    """
    order = np.lexsort((keys, parts))
    columns = y[order].reshape(len(y), -1).T
    if are_classes:
        codes = [np.unique(column, return_inverse=True)[1] for column in columns]
        ratios = [_ratio_of_classes(column) for column in codes]
    else:
        # ranks, as a few large values would hide the others
        ratios = [_ratio_of_values(rankdata(column)) for column in columns]
    return min(ratios)


def _ratio_of_classes(codes: Array) -> float:
    share = np.bincount(codes) / len(codes)
    expected = 1.0 - float(np.sum(share**2))
    differ = float(np.mean(codes[1:] != codes[:-1]))
    return differ / expected if expected > 0.0 else 1.0


def _ratio_of_values(values: Array) -> float:
    variance = float(np.var(values))
    squares = float(np.mean(np.diff(values) ** 2))
    return squares / (2.0 * variance) if variance > 0.0 else 1.0


def told_of_order(convergence: Convergence, part_name: str, solver: str) -> Convergence:
    """Convergence that names the order of the parts as what is wrong with the fit."""
    parts, more = WORDS[part_name]
    return replace(
        convergence,
        problem=f"Targets are alike within the {parts} and differ between them, so "
        f"that solver={solver!r} sees sorted examples.",
        advice=f"Mix the rows of all {parts} before, or use solver='lbfgs'{more}.",
        parameter="solver",
    )
