"""Pictures of fitted networks, in the style of scikit-learn's displays."""

from sk_effprop.inspection.displays.activation import ActivationDisplay
from sk_effprop.inspection.displays.conditioning import ConditioningDisplay
from sk_effprop.inspection.displays.error_histogram import ErrorHistogramDisplay
from sk_effprop.inspection.displays.hessian_spectrum import HessianSpectrumDisplay
from sk_effprop.inspection.displays.learning_rate import LearningRateDisplay
from sk_effprop.inspection.displays.loss_curve import LossCurveDisplay
from sk_effprop.inspection.displays.regression import RegressionDisplay
from sk_effprop.inspection.displays.trajectory import TrajectoryDisplay

__all__ = [
    "ActivationDisplay",
    "ConditioningDisplay",
    "ErrorHistogramDisplay",
    "HessianSpectrumDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "RegressionDisplay",
    "TrajectoryDisplay",
]
