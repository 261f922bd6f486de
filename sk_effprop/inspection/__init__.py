"""Inspection of fitted networks: curvature operator, diagonal and spectrum."""

from sk_effprop.inspection._curvature import (
    curvature_operator,
    diagonal_curvature,
    hessian_spectrum,
)

__all__ = ["curvature_operator", "diagonal_curvature", "hessian_spectrum"]
