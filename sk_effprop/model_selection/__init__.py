"""Experiments with the tricks of the paper on your own data."""

from sk_effprop.model_selection.ablation import AblationResult, ablate_tricks

__all__ = ["AblationResult", "ablate_tricks"]
