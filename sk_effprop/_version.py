"""Version of the package, and the mixin that writes it into saved objects."""

from typing import Any
from warnings import warn

from sklearn.exceptions import InconsistentVersionWarning

__version__ = "0.1.0.dev0"

KEY = "_sk_effprop_version"


class SavedByOtherVersion(InconsistentVersionWarning):
    """Warning that an object was saved by another version of sk_effprop.

    The names of the attributes are those of scikit-learn's warning, so that filters and
    handlers written for that one apply.
    """

    def __str__(self) -> str:
        return (
            f"{self.estimator_name} was saved by sk_effprop "
            f"{self.original_sklearn_version} and is loaded by sk_effprop "
            f"{self.current_sklearn_version}. Predictions may be wrong, or fail. Load "
            "it with the version that saved it, or fit it again."
        )


class SavesVersion:
    """Mixin for estimators: their saved state carries the version of the package.

    It has to come before scikit-learn's ``BaseEstimator`` among the bases.
    """

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**state, KEY: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        saved_by = state.pop(KEY, "before 0.1.0")
        if saved_by != __version__:
            warning = SavedByOtherVersion(
                estimator_name=type(self).__name__,
                current_sklearn_version=__version__,
                original_sklearn_version=saved_by,
            )
            warn(warning, stacklevel=2)
        super().__setstate__(state)  # type: ignore[misc]
