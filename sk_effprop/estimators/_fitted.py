"""Methods and attributes of fitted estimators of both kinds, except predictions."""

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from sk_effprop._tables import TableEncoder
from sk_effprop.core.arrays import Array, row_blocks
from sk_effprop.core.inputs import bounded
from sk_effprop.core.kernels import Passes
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective
from sk_effprop.estimators import _build as build
from sk_effprop.estimators import _reading as reading
from sk_effprop.estimators import _tables as tables
from sk_effprop.estimators._coding import Coding
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._layers import LayerAttributes, check_weights
from sk_effprop.estimators._run import Resume
from sk_effprop.estimators._types import MatrixLike, VectorLike
from sk_effprop.preprocessing import InputNormalizer
from sk_effprop.training.convergence import Convergence

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline


class FittedNetwork(LayerAttributes, metaclass=ABCMeta):
    """Fitted attributes, and methods that read them."""

    coding_: Coding
    table_encoder_: TableEncoder | None
    normalizer_: InputNormalizer | None
    solver_: str
    engine_: str
    batch_size_: int
    max_iter_: int
    alpha_: Array
    n_effective_parameters_: float | None
    log_evidence_: float | None
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    validation_loss_curve_: list[float] | None
    best_validation_score_: float | None
    learning_rate_: float | None
    learning_rate_curve_: list[float]
    lambda_max_: float | None
    convergence_: Convergence
    n_iter_: int
    t_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: Any
    n_features_in_: int

    oof_prediction_: Array | None

    # to continue training, and for the uncertainty of predictions
    _resume: Resume
    _posterior: Any
    _calibration: Any
    _importances: Array | None

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "theta_")

    @property
    def feature_importances_(self) -> Array:
        """Importance of every column of X, an ndarray of shape (n_features,).

        To first order, it is the share of the column in the variation of the outputs::

            importance_j ~ (mean_i sum_k |dz_k / dx_j|)^2 * var(x_j)

        over at most 500 training examples i, for normalised columns x_j and outputs
        k: the coded values of a regressor (logarithms for "poisson" and "gamma"), or
        the decision function of a classifier, minus its mean over the classes if these
        are exclusive. Importances are not negative and add up to 1. For a linear model,
        they are proportional to the permutation importances of the mean squared error.

        Raises
        ------
        AttributeError
            Before ``fit``, and after ``partial_fit``, which does not have all data.
        """
        check_is_fitted(self)
        known: Array | None = getattr(self, "_importances", None)
        if known is None:
            raise AttributeError(
                "feature_importances_ needs the training data at once, so fit computes "
                "it, but partial_fit does not. Use "
                "sklearn.inspection.permutation_importance after partial_fit."
            )
        return known

    @property
    def _is_for_inference(self) -> bool:
        """True if the state of training was left out of this copy."""
        return not hasattr(self, "_resume")

    @abstractmethod
    def _read_examples(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        reset: bool = False,
        rebalance: bool = False,
    ) -> Examples:
        """Validate data, weigh their classes, and drop rows of weight 0."""

    def loss_and_gradient(
        self, X: MatrixLike, y: VectorLike, sample_weight: VectorLike | None = None
    ) -> tuple[float, Array]:
        """Objective and its gradient at the fitted weights, on any data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        loss : float
            Objective E of the fitted network: the mean loss of the coded targets, with
            sample and class weights, plus the penalty.
        gradient : ndarray of shape (n_weights,)
            Gradient of E with respect to ``theta_``, in the same layout.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If the data do not suit the fitted network.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_diabetes
        >>> from sk_effprop import EffPropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> regressor = EffPropRegressor((8,), random_state=0).fit(X, y)
        >>> loss, gradient = regressor.loss_and_gradient(X, y)
        >>> bool(np.isclose(loss, regressor.loss_))
        True
        >>> gradient.shape == regressor.theta_.shape
        True
        """
        objective = self._fitted_objective(X, y, sample_weight)
        check_weights(self.theta_)
        return objective.value_and_gradient(self.theta_)

    def _fitted_objective(self, X: Any, y: Any, sample_weight: Any = None) -> Objective:
        """Objective of the fitted network on any data."""
        check_is_fitted(self)
        examples = self._read_examples(X, y, sample_weight)
        examples = tables.encode_table(self, examples)
        data = reading.encode(examples, self.normalizer_, self.coding_)
        return build.make_objective(self.network_, self.coding_.loss, data, self.alpha_)

    def hidden_activations(self, X: MatrixLike, layer: int = -1) -> Array:
        """Activations of a hidden layer.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        layer : int, default=-1
            Index of the hidden layer; negative indices count from the output, so -1 is
            the layer below it.

        Returns
        -------
        ndarray of shape (n_samples, n_units)

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If there is no such layer, or X does not suit the fitted network.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sk_effprop import EffPropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = EffPropClassifier((8, 2), random_state=0).fit(X, y)
        >>> classifier.hidden_activations(X).shape
        (150, 2)
        """
        check_is_fitted(self)
        hidden = range(len(self.network_.sizes) - 2)
        layer = index(layer)
        if not hidden:
            raise ValueError(
                "A linear model, with hidden_layer_sizes=(), has no hidden layers."
            )
        if layer not in range(-len(hidden), len(hidden)):
            raise ValueError(
                f"layer must be in [{-len(hidden)}, {len(hidden)}), as the number of "
                f"hidden layers is {len(hidden)}, got {layer}."
            )
        return self._run(X, lambda trace: trace.values[hidden[layer]])

    def to_sklearn(
        self,
        *,
        allow_inexact_proba: bool = False,
        approximate_clip: bool = False,
        X: MatrixLike | None = None,
    ) -> "MLPClassifier | MLPRegressor | Pipeline":
        """Convert the network to a plain MLPClassifier or MLPRegressor.

        Parameters
        ----------
        allow_inexact_proba : bool, default=False
            Whether a classifier that was not trained with log loss may get a
            ``predict_proba`` that differs from its own.
        approximate_clip : bool, default=False
            Whether ``input_clip`` may be approximated by a linear function of each
            column. The result then has the attribute ``largest_difference_``.
        X : array-like of shape (n_samples, n_features), optional
            Typical inputs, such as the training data; for ``approximate_clip=True``.

        Returns
        -------
        MLPClassifier, MLPRegressor or Pipeline
            A model with the same predictions, see
            :func:`sk_effprop.export.to_sklearn`. It is a Pipeline if the estimator
            encodes a table.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If no MLP computes the same.
        """
        from sk_effprop.export import to_sklearn

        return to_sklearn(
            self,
            allow_inexact_proba=allow_inexact_proba,
            approximate_clip=approximate_clip,
            X=X,
        )

    def _run(self, X: Any, read: Callable[[Passes], Array]) -> Array:
        """Forward pass in blocks of rows; ``read`` picks from the trace of each."""
        X = reading.validate_inputs(self, X)
        check_weights(self.theta_)
        sizes = self.network_.sizes
        width = max(sizes[1:] if sparse.issparse(X) else sizes)
        results = []
        # overflow is looked for in the results
        with np.errstate(over="ignore", invalid="ignore"):
            for rows in row_blocks(X.shape[0], width):
                numbers = tables.as_numbers(self, X[rows])
                inputs = reading.normalize(numbers, self.normalizer_)
                result = read(self._forward(inputs)).copy()
                is_bad = ~np.isfinite(result).all(axis=1)
                if is_bad.any():
                    extreme = bounded(inputs[is_bad], self.theta_.dtype)
                    result[is_bad] = read(self._forward(extreme))
                results.append(result)
        return results[0] if len(results) == 1 else np.concatenate(results)

    def _forward(self, inputs: Any) -> Passes:
        return forward(self.network_, self.theta_, inputs, only_values=True)
