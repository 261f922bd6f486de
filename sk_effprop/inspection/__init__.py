"""Inspection of fitted networks: curvature, its spectrum, and displays."""

from sk_effprop.inspection._curvature import (
    curvature_operator,
    diagonal_curvature,
    hessian_spectrum,
)
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
    "ErrorHistogramDisplay",
    "HessianSpectrumDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "RegressionDisplay",
    "TrajectoryDisplay",
    "curvature_operator",
    "diagonal_curvature",
    "hessian_spectrum",
]
