"""Experiments with the tricks of the paper and with solvers, and pruning."""

from sk_effprop.model_selection.ablation import AblationResult, ablate_tricks
from sk_effprop.model_selection.pruning import OptunaPruning
from sk_effprop.model_selection.race import RaceResult, compare_solvers

__all__ = [
    "AblationResult",
    "OptunaPruning",
    "RaceResult",
    "ablate_tricks",
    "compare_solvers",
]
