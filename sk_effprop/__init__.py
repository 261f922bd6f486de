"""Neural networks for scikit-learn, trained the way "Efficient BackProp" says."""

from sk_effprop.estimators._classifier import EffPropClassifier
from sk_effprop.estimators._regressor import EffPropRegressor
from sk_effprop.preprocessing import InputNormalizer

__version__ = "0.1.0.dev0"

__all__ = ["EffPropClassifier", "EffPropRegressor", "InputNormalizer", "__version__"]
