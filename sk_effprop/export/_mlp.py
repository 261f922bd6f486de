"""Conversion of a fitted network to scikit-learn's own MLP.

MLPClassifier and MLPRegressor compute ``g(g(x V + c) V' + c') V'' + c''`` for one of
four functions g.  Everything else that is affine (normalisation, amplitude, slope and
offset of the activations, target scaling) is multiplied into the neighbouring weights,
in double precision: the bias of a folded layer contains the mean of the raw columns
times the weights, which cancels in every prediction.
"""

from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer

from sk_effprop.core.activations import (
    ACTIVATIONS,
    LINEAR,
    RELU,
    TANH,
    Activation,
)
from sk_effprop.core.arrays import Array
from sk_effprop.export._fitted import (
    affine_of,
    check_one_column,
    clip_of,
    fitted_network,
    is_formula,
    layers_of,
    of_inputs,
)
from sk_effprop.export._mlp_clip import checked_rows, fold_clip, largest_difference
from sk_effprop.export._mlp_table import check_plain_columns, with_table

# scikit-learn's name of each kind of activation.  "logistic" is a tanh with other
# constants, and keeps its name if all hidden layers are logistic.
PLAIN_NAMES = {TANH: "tanh", RELU: "relu", LINEAR: "identity"}


def to_sklearn(
    est: Any,
    *,
    allow_inexact_proba: bool = False,
    approximate_clip: bool = False,
    X: Any = None,
) -> MLPClassifier | MLPRegressor | Pipeline:
    """Fold a fitted network into scikit-learn's MLPClassifier or MLPRegressor.

    Parameters
    ----------
    est : EffPropClassifier or EffPropRegressor
        Fitted estimator; it is not changed.
    allow_inexact_proba : bool, default=False
        Only used for classifiers that were not trained with log loss. MLPClassifier
        interprets outputs as logits, and the outputs of such a network are none. With
        False, the result has an exact ``predict`` but no ``predict_proba``; it is a
        subclass of MLPClassifier that converters reject and that can only be unpickled
        where sk_effprop is installed. With True, it is a plain MLPClassifier with an
        exact ``predict``; its ``predict_proba`` equals the estimator's own only where
        an output lies half way between its targets.
    approximate_clip : bool, default=False
        Whether a network with ``input_clip`` may be converted, with the best linear
        approximation of the clip of each column of ``X``. The largest difference of the
        predictions for ``X`` is reported as ``largest_difference_`` of the result.
    X : {data frame, array-like} of shape (n_samples, n_features), optional
        Typical raw inputs, such as the training data. Required by
        ``approximate_clip=True``, and ignored otherwise.

    Returns
    -------
    MLPClassifier, MLPRegressor or Pipeline
        A model with the predictions of ``est`` on raw inputs, up to the precision of
        the training data, and with all attributes that scikit-learn sets in ``fit``.
        For an estimator that encodes a table, it is the last step of a Pipeline, whose
        first step is a ColumnTransformer with an input for each level.
        Hyperparameters that do not describe the network have scikit-learn's defaults.
        With ``approximate_clip=True``, ``largest_difference_`` is the largest absolute
        difference of ``predict_proba``, of ``predict`` for regressors, or the share of
        other labels if there are no probabilities.

    Raises
    ------
    ValueError
        If no MLP computes the same, because of ``input_clip``, ``twist``, hidden layers
        with "rational_tanh", "softplus", a user-defined activation or several kinds of
        activations, or an ``output_activation`` of a regressor that differs from the
        hidden layers; or if a column of a table holds dates or durations.
    NotFittedError, TypeError
        If ``est`` is not a fitted estimator of this package.

    See Also
    --------
    to_onnx : Export of any network, with its probabilities.

    Notes
    -----
    Two shapes follow scikit-learn: a single column of predictions is a vector even if y
    was an (n_samples, 1) array, and ``predict_proba`` of a single class has two
    columns.

    In the ColumnTransformer of a table, missing values of text are None or NaN.
    ``pandas.NA`` is an unknown level there.

    A regressor with an output activation becomes an MLPRegressor with one more hidden
    layer.

    ``loss_``, ``loss_curve_`` and ``validation_scores_`` are those of ``est``, with its
    penalty, normalised targets and ``scoring``.  MLP measures in other units, so
    further training has nothing to compare with: ``best_loss_`` is inf and
    ``best_validation_score_`` is -inf (None without early stopping), and its first
    epoch counts as an improvement.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_effprop import EffPropRegressor
    >>> from sk_effprop.export import to_sklearn
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = EffPropRegressor((5,), input_clip=None, random_state=0)
    >>> regressor = regressor.fit(X, y)
    >>> plain = to_sklearn(regressor)
    >>> plain.activation, bool(np.allclose(plain.predict(X), regressor.predict(X)))
    ('tanh', True)
    """
    fitted_network(est, "to_sklearn")
    check_one_column(est, "to_sklearn")
    if est.table_encoder_ is not None:
        check_plain_columns(est)
    X = checked_rows(est, X) if approximate_clip else None
    if est.table_encoder_ is None:
        return _plain_model(est, X, allow_inexact_proba)
    return with_table(est, _plain_model(of_inputs(est), X, allow_inexact_proba))


def _plain_model(est: Any, X: Array | None, allow_inexact_proba: bool) -> Any:
    """An MLP for encoded rows; with X, for an approximation of the clip."""
    layers, hidden = layers_of(est), list(est.network_.activations[:-1])
    output = est.network_.activations[-1]
    _fold_inputs(est, layers[0], X)
    if is_classifier(est):
        _fold_decision(est, layers[-1], output)
    elif not _is_linear(output):
        # MLPRegressor has linear outputs, so the output activation becomes that of
        # another hidden layer below an identity
        hidden.append(output)
        layers.append(np.vstack([np.eye(est.n_outputs_), np.zeros(est.n_outputs_)]))
        output = ACTIVATIONS["identity"]
    name = _fold_hidden(est, layers, hidden)
    if is_classifier(est):
        model = _classifier(est, allow_inexact_proba)
    else:
        # an activation that is linear is a formula
        model = _regressor(est, layers[-1], cast(Activation, output))
    sizes = tuple(W.shape[1] for W in layers[:-1])
    model.set_params(hidden_layer_sizes=sizes, activation=name)
    _set_fitted_attributes(model, est, layers)
    if X is not None:
        model.largest_difference_ = largest_difference(model, est, X)
    return model


class MLPClassifierWithoutProbabilities(MLPClassifier):
    """MLPClassifier that predicts labels only.

    :func:`to_sklearn` returns it for a classifier that was not trained with log loss,
    whose outputs have the order of probabilities but are no logits.  It is a subclass
    and not an MLPClassifier without the method, as converters look at the type and read
    the weights: they would export probabilities that are wrong.  A clone does not have
    these weights, and is a plain MLPClassifier.
    """

    @property
    def predict_proba(self) -> Any:
        raise AttributeError(
            "predict_proba is not available: the network was not trained with "
            "loss='log_loss', so MLPClassifier would compute other probabilities than "
            "the original. Pass allow_inexact_proba=True to to_sklearn() to accept "
            "them, train with loss='log_loss', or use sk_effprop.export.to_onnx()."
        )

    predict_log_proba = predict_proba

    def __sklearn_clone__(self) -> MLPClassifier:
        return clone(MLPClassifier(**self.get_params(deep=False)))


# ------------------------------------------------------------------------------ folding


def _fold_inputs(est: Any, W: Array, X: Array | None) -> None:
    """Let the first layer take raw inputs: (x - shift) A W = x (A W) - shift (A W)."""
    if X is not None:
        fold_clip(est, W, X)
    elif clip_of(est) is not None:
        raise ValueError(
            f"input_clip={clip_of(est)} is not affine, so it cannot become a part of "
            "the first layer of a plain MLP. Use sk_effprop.export.to_onnx(), or train "
            "with input_clip=None. If a difference is acceptable, "
            "to_sklearn(approximate_clip=True, X=X_train) approximates and measures it."
        )
    shift, A = affine_of(est)
    W[:-1] = A[:, None] * W[:-1] if A.ndim == 1 else A @ W[:-1]
    W[-1] -= shift @ W[:-1]


def _fold_decision(est: Any, W: Array, output: Any) -> None:
    """Turn the outputs into logits, exact for log loss, else of the right order.

    For squared error they are ``4 f'(z0) (z - z0) / (high - low)``, where the output is
    half way between its targets at z0: the probability is 1/2 there, and as steep as
    the estimator's own.
    """
    coding = est.coding_
    if coding.has_logits:
        return
    slope = float(output.df(coding.decision_offset)) / (coding.high - coding.low)
    W[-1] -= coding.decision_offset
    # the logistic function has the derivative 1/4 at 0
    W *= 4.0 * slope if slope > 0.0 else 1.0


def _fold_hidden(est: Any, layers: list[Array], hidden: list[Any]) -> str:
    """Multiply affine parts of the hidden activations into the neighbouring weights."""
    name = _plain_name(est, hidden)
    for (below, above), activation in zip(pairwise(layers), hidden, strict=True):
        scale, factor, offset = _relative(activation, ACTIVATIONS[name])
        below *= scale
        above[-1] += offset * above[:-1].sum(axis=0)
        above[:-1] *= factor
    return name


class Relative(NamedTuple):
    """f(z) = factor * g(scale * z) + offset."""

    scale: float
    factor: float
    offset: float


def _relative(f: Activation, g: Activation) -> Relative:
    """Express f by a g of the same shape; neither has a twisting term."""
    if f.kind == LINEAR:
        return Relative(1.0, f.twist, f.offset)
    factor = f.amplitude / g.amplitude
    return Relative(f.slope / g.slope, factor, f.offset - factor * g.offset)


def _is_linear(activation: Any) -> bool:
    return is_formula(activation) and activation.kind == LINEAR


def _plain_name(est: Any, hidden: list[Any]) -> str:
    """scikit-learn's name of the activation that remains after folding."""
    if not hidden:
        return "identity"
    if all(activation == ACTIVATIONS["logistic"] for activation in hidden):
        return "logistic"
    for activation in hidden:
        _check_foldable(est, activation)
    kinds = {activation.kind for activation in hidden}
    if len(kinds) > 1:
        raise ValueError(
            f"{_chosen(est)}: a plain MLP has the same activation in all hidden "
            "layers, up to factors, and none at the outputs of a regressor. "
            f"{_WAY_OUT} one of {sorted(PLAIN_NAMES.values())} for all."
        )
    return PLAIN_NAMES[kinds.pop()]


_WAY_OUT = "Use sk_effprop.export.to_onnx(), or train with"


def _chosen(est: Any) -> str:
    """Text that names the parameters behind the activations of the hidden layers."""
    chosen = f"activation={est.activation!r}"
    if is_classifier(est) or est.output_activation == "auto":
        return chosen
    return f"{chosen} and output_activation={est.output_activation!r}"


def _check_foldable(est: Any, activation: Any) -> None:
    if not is_formula(activation) or activation.kind not in PLAIN_NAMES:
        raise ValueError(
            f"{_chosen(est)}: a plain MLP only knows 'identity', 'logistic', 'relu' "
            f"and 'tanh'. {_WAY_OUT} one of these or 'lecun_tanh'."
        )
    if activation.twist and activation.kind != LINEAR:
        raise ValueError(
            f"twist={activation.twist} adds a linear term to the hidden activations, "
            f"which a plain MLP does not have. {_WAY_OUT} twist=0."
        )


# ------------------------------------------------------------------------------- models


def _classifier(est: Any, allow_inexact_proba: bool) -> MLPClassifier:
    coding = est.coding_
    exact = coding.has_logits or allow_inexact_proba
    model = MLPClassifier() if exact else MLPClassifierWithoutProbabilities()
    binarizer = LabelBinarizer()
    binarizer.fit(
        np.eye(est.n_outputs_, dtype=int) if coding.is_multilabel else coding.classes
    )
    model._label_binarizer, model.classes_ = binarizer, binarizer.classes_
    model.out_activation_ = "softmax" if coding.is_exclusive else "logistic"
    return model


def _regressor(est: Any, W: Array, output: Activation) -> MLPRegressor:
    model = MLPRegressor()
    if est.out_activation_ == "exp":
        if "loss" not in model.get_params():
            raise ValueError(
                f"loss={est.loss!r} needs an MLPRegressor with exponential outputs, "
                "which scikit-learn has since 1.7. Use sk_effprop.export.to_onnx()."
            )
        W[-1] += np.log(est.coding_.scale)
        model.out_activation_ = "exp"
        return model.set_params(loss="poisson")
    W *= output.twist * est.coding_.scale
    W[-1] += output.offset * est.coding_.scale + est.coding_.mean
    model.out_activation_ = "identity"
    return model


def _set_fitted_attributes(model: Any, est: Any, layers: list[Array]) -> None:
    """Set the attributes that scikit-learn's fit sets, for predictions and training."""
    model.coefs_ = [W[:-1].copy() for W in layers]
    model.intercepts_ = [W[-1].copy() for W in layers]
    model.n_layers_, model.n_outputs_ = len(layers) + 1, layers[-1].shape[1]
    model.n_features_in_ = est.n_features_in_
    if hasattr(est, "feature_names_in_"):
        model.feature_names_in_ = est.feature_names_in_.copy()
    model.n_iter_, model.t_ = int(est.n_iter_), int(est.t_)
    model.loss_, model.loss_curve_ = float(est.loss_), list(est.loss_curve_)
    _prepare_training(model, est)


def _prepare_training(model: Any, est: Any) -> None:
    """Set the best loss and score so far to values that any epoch improves on.

    Further training cannot compare itself with the loss and the scores of ``est``,
    which are in other units than those of MLP.
    """
    model._no_improvement_count, model.best_loss_ = 0, np.inf
    model.validation_scores_ = model.best_validation_score_ = None
    if est.validation_scores_ is not None:
        model.validation_scores_ = list(est.validation_scores_)
        model.best_validation_score_ = -np.inf
        model._best_coefs = [W.copy() for W in model.coefs_]
        model._best_intercepts = [b.copy() for b in model.intercepts_]
