"""Neural networks for scikit-learn, trained by the methods of "Efficient BackProp"."""

from importlib import import_module
from typing import TYPE_CHECKING

from sk_effprop._tables import TableEncoder
from sk_effprop._version import __version__
from sk_effprop.estimators._classifier import EffPropClassifier
from sk_effprop.estimators._regressor import EffPropRegressor
from sk_effprop.preprocessing import InputNormalizer

__all__ = [
    "EffPropClassifier",
    "EffPropRegressor",
    "InputNormalizer",
    "TableEncoder",
    "__version__",
]

# Imported when they are first used, as most programs need none of them.
_ON_DEMAND = ("distributed", "export", "inspection", "model_selection", "out_of_core")

if TYPE_CHECKING:
    from sk_effprop import distributed as distributed
    from sk_effprop import export as export
    from sk_effprop import inspection as inspection
    from sk_effprop import model_selection as model_selection
    from sk_effprop import out_of_core as out_of_core
else:
    # a type checker that saw this function would accept any name
    def __getattr__(name):
        if name in _ON_DEMAND:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ON_DEMAND})
