"""Looking at the curvature of a fitted network."""

from sk_effprop.inspection._curvature import (
    curvature_operator,
    diagonal_curvature,
    hessian_spectrum,
)

__all__ = ["curvature_operator", "diagonal_curvature", "hessian_spectrum"]
