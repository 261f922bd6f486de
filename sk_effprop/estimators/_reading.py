"""From the user's data to examples, inputs and objectives."""

from abc import ABCMeta, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from sk_effprop._sklearn import check_sample_weight
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.normalization import follow_inputs, identity
from sk_effprop.core.objective import Objective
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._data import Examples
from sk_effprop.preprocessing import (
    ROTATIONS,
    InputNormalizer,
    fit_normalizer,
    updated,
    without_duplicates,
)


@contextmanager
def about(data: str) -> Iterator[None]:
    """Say in errors that they are not about X and y."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"Of {data}: {error}") from error


class DataReader(BaseEstimator, metaclass=ABCMeta):
    """Reading data, the same for both estimators; subclasses know the targets."""

    # ------------------------------------------------------- what subclasses must know

    @abstractmethod
    def _check_targets(self, y):
        """Validate y as scikit-learn's checks want it; return it as an array."""

    def _check_range(self, y):
        """Refuse values that the loss has no use for."""

    @abstractmethod
    def _weigh_classes(self, y, weight, *, rebalance):
        """Multiply sample weights by class weights; new data may have new ones."""

    @abstractmethod
    def _learn_targets(self, examples, classes=None):
        """Set the coding of targets, ``_loss`` and ``_output`` (activation, name)."""

    def _keep_learning_targets(self, batch):
        """Take the first few targets of a stream into what is known of them."""

    def _check_warm_targets(self, y):
        """Refuse targets that ``warm_start`` cannot go on with; values always do."""

    @abstractmethod
    def _code_targets(self, y, dtype):
        """Return targets (n_samples, n_outputs) and class numbers or None."""

    # ------------------------------------------------------------------ reading data

    def _validate_inputs(self, X):
        if self._is_sound(X):
            return X
        X = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        return without_duplicates(X)

    def _is_sound(self, X):
        """Whether X is plainly an array like the one in ``fit``.

        To look closer takes longer than the prediction for a row.
        """
        return (
            type(X) is np.ndarray
            and X.dtype in (np.float64, np.float32)
            and X.ndim == 2
            and X.shape[0] > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and bool(np.isfinite(X).all())
        )

    def _read(self, X, y, sample_weight, *, reset, rebalance=False):
        """Validate, weigh, and drop rows of weight 0."""
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            multi_output=True,
            y_numeric=not self._is_classifier,
        )
        X, y = without_duplicates(X), self._check_targets(y)
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        weight = self._weigh_classes(y, weight, rebalance=rebalance)
        shown = weight > 0
        if not shown.any():
            raise ValueError(
                "sample_weight must have a positive entry: all examples have weight 0 "
                "(times class_weight, if there is one), so there is nothing to learn "
                "from."
            )
        examples = Examples(X, y, weight)
        examples = examples if shown.all() else examples[shown]
        self._check_range(examples.y)
        return examples

    def _read_validation(self, X_val, y_val, sample_weight_val):
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val needs X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together, or neither.")
        if not self.early_stopping:
            raise ValueError(
                "early_stopping=False makes no use of X_val and y_val. Use "
                "early_stopping='auto' or True, or leave them out."
            )
        with about("X_val and y_val"):
            return self._read(X_val, y_val, sample_weight_val, reset=False)

    @staticmethod
    def _count(examples):
        """A weight of 2 counts as two examples; fractions do not count as fewer."""
        # rounded, as weights that sum to n may do so but for the last bits
        return max(round(float(examples.weight.sum()), 6), len(examples))

    def _start_coding(self, examples, classes=None):
        """Fix the coding of targets, and remember what it depends on."""
        self._learn_targets(examples, classes)
        names = (
            "loss", "quantile", "huber_delta", "output_activation", "target_values",
            "normalize_target", "normalize", "input_clip",
        )  # fmt: skip
        self._coded_with = {n: getattr(self, n) for n in names if hasattr(self, n)}

    def _fit_normalizer(self, train, clip, *, is_stream=False):
        if self.normalize is None and clip is None:
            self.normalizer_ = None
            return
        normalizer = InputNormalizer(self.normalize, clip=clip)
        normalizer.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            normalizer.feature_names_in_ = self.feature_names_in_
        self.normalizer_ = fit_normalizer(
            normalizer, train.X, train.weight, is_stream=is_stream
        )

    def _make_inputs(self, X):
        """Normalised rows with a column of ones; sparse X stays sparse."""
        if sparse.issparse(X):
            record = (
                identity(X.shape[1])
                if self.normalizer_ is None
                else self.normalizer_.normalization_
            )
            return record.fold(X)
        if self.normalizer_ is None:
            return with_ones(X)
        return self.normalizer_.normalization_.apply_with_ones(X)

    def _make_objective(
        self, examples, *, n_samples=None, penalised_as=None, fitted=False
    ):
        """The objective on these examples; of the fitted network, or of a new one."""
        inputs = self._make_inputs(examples.X)
        targets, labels = self._code_targets(examples.y, inputs.dtype)
        weight = examples.weight
        if fitted:
            network, penalty = self.network_, self._penalty
        else:
            sizes = inputs.shape[1] - 1, targets.shape[1]
            network = build.make_network(self, *sizes, self._output[0])
            n_samples = n_samples or self._count(examples)
            penalised_as = penalised_as or n_samples
            penalty = build.penalty(self, network, penalised_as, self._strength)
        uniform = np.ptp(weight) == 0.0
        return Objective(
            network,
            self._loss,
            inputs,
            targets,
            None if uniform else (weight / weight.mean()).astype(inputs.dtype),
            penalty,
            labels,
            n_samples or self._count(examples),
        )

    def _suit_noise(self, objective):
        """With the penalty that these targets want, if it is to be found."""
        if self.alpha != "auto":
            return objective
        strength = build.measured_strength(self, objective)
        if strength == self._strength:
            return objective
        self._strength = strength
        network, count = objective.network, objective.count
        penalty = build.penalty(self, network, count, self._strength)
        return replace(objective, penalty=penalty)

    def _keep_normalizing(self, batch):
        """Take the batch into the running statistics of the inputs.

        The first layer is compensated, so that the network computes what it did.
        A clip cannot be compensated: a stream has none, and where ``fit`` went before
        with ``input_clip``, its statistics stay.
        """
        before = self.normalizer_.normalization_
        self.normalizer_ = updated(self.normalizer_, batch.X, batch.weight)
        self.theta_ = self.theta_.copy()
        first_layer = self.network_.layers(self.theta_)[0]
        follow_inputs(first_layer, before, self.normalizer_.normalization_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        clips_a_rotation = self.normalize in ROTATIONS and self.input_clip is not None
        tags.input_tags.sparse = not clips_a_rotation
        return tags
