"""Experiments with the tricks of the paper and with solvers, on your own data."""

from sk_effprop.model_selection.ablation import AblationResult, ablate_tricks
from sk_effprop.model_selection.race import RaceResult, compare_solvers

__all__ = ["AblationResult", "RaceResult", "ablate_tricks", "compare_solvers"]
