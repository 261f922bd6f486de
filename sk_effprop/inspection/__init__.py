"""Inspection of fitted networks: diagnosis, curvature and displays."""

from sk_effprop.inspection._curvature import (
    curvature_operator,
    diagonal_curvature,
    hessian_spectrum,
)
from sk_effprop.inspection.diagnosis import Diagnosis, Effect, Finding, diagnose
from sk_effprop.inspection.displays import (
    ActivationDisplay,
    ConditioningDisplay,
    ErrorHistogramDisplay,
    HessianSpectrumDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    RegressionDisplay,
    TrajectoryDisplay,
)

__all__ = [
    "ActivationDisplay",
    "ConditioningDisplay",
    "Diagnosis",
    "Effect",
    "ErrorHistogramDisplay",
    "Finding",
    "HessianSpectrumDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "RegressionDisplay",
    "TrajectoryDisplay",
    "curvature_operator",
    "diagnose",
    "diagonal_curvature",
    "hessian_spectrum",
]
