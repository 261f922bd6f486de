"""Experiments with the tricks of the paper on your own data, and pruning."""

from sk_effprop.model_selection.ablation import AblationResult, ablate_tricks
from sk_effprop.model_selection.pruning import OptunaPruning

__all__ = ["AblationResult", "OptunaPruning", "ablate_tricks"]
