"""Inspection of fitted networks: diagnosis, curvature, diagonal and spectrum."""

from sk_effprop.inspection._curvature import (
    curvature_operator,
    diagonal_curvature,
    hessian_spectrum,
)
from sk_effprop.inspection.diagnosis import Diagnosis, Effect, Finding, diagnose

__all__ = [
    "Diagnosis",
    "Effect",
    "Finding",
    "curvature_operator",
    "diagnose",
    "diagonal_curvature",
    "hessian_spectrum",
]
