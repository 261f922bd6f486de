"""EffPropClassifier: labels in, labels and probabilities out."""

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_is_fitted

from sk_effprop._sklearn import fit_context
from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.losses import LogLoss, SquaredError
from sk_effprop.core.targets import (
    code_indicator,
    decode_probabilities,
    midpoint_preactivation,
    place_targets,
)
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._base import BaseEffProp, can_learn_on
from sk_effprop.estimators._parameters import CLASSIFIER, constraints


class EffPropClassifier(ClassifierMixin, BaseEffProp):
    """DOC"""

    _registry = CLASSIFIER
    _parameter_constraints = constraints(CLASSIFIER)
    _is_classifier = True

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="lecun_tanh",
        *,
        twist=0.0,
        output_activation="auto",
        target_values="max_curvature",
        init="lecun_uniform",
        bias_init="data",
        normalize="standardize",
        input_clip=None,
        input_gains=False,
        solver="auto",
        batch_size="auto",
        batch_growth=1.0,
        shuffle="auto",
        emphasis=0.0,
        learning_rate_init="auto",
        learning_rate="annealing",
        power_t=0.5,
        annealing_tau=10.0,
        flow_rates=(0.1, 1.0, 0.01),
        learning_rate_scaling="none",
        momentum=0.0,
        nesterovs_momentum=False,
        averaging=False,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        damping="auto",
        curvature_decay=0.01,
        curvature_samples=500,
        curvature_period=1,
        loss="squared_error",
        alpha="auto",
        class_weight=None,
        max_iter=200,
        max_fun=15000,
        tol=1e-4,
        n_iter_no_change=10,
        goal=None,
        max_time=None,
        early_stopping="auto",
        validation_fraction=0.1,
        scoring="loss",
        checkpoint=None,
        checkpoint_interval=30.0,
        resume=False,
        engine="auto",
        random_state=None,
        warm_start=False,
        verbose=False,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.twist = twist
        self.output_activation = output_activation
        self.target_values = target_values
        self.init = init
        self.bias_init = bias_init
        self.normalize = normalize
        self.input_clip = input_clip
        self.input_gains = input_gains
        self.solver = solver
        self.batch_size = batch_size
        self.batch_growth = batch_growth
        self.shuffle = shuffle
        self.emphasis = emphasis
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.annealing_tau = annealing_tau
        self.flow_rates = flow_rates
        self.learning_rate_scaling = learning_rate_scaling
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.averaging = averaging
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.damping = damping
        self.curvature_decay = curvature_decay
        self.curvature_samples = curvature_samples
        self.curvature_period = curvature_period
        self.loss = loss
        self.alpha = alpha
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.max_fun = max_fun
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.goal = goal
        self.max_time = max_time
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.checkpoint = checkpoint
        self.checkpoint_interval = checkpoint_interval
        self.resume = resume
        self.engine = engine
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    # --------------------------------------------------------------------------- public

    @available_if(can_learn_on)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train one epoch on a batch of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like, optional
            All classes that will ever come; needed in the first call, unless its y has
            them all.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        EffPropClassifier
            With the last weights, as there is no telling which are best for a stream.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' cannot know the classes of a stream. Compute "
                "the weights with sklearn.utils.class_weight.compute_class_weight and "
                "pass them as a dict."
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X):
        """Predict classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        decision = self.decision_function(X)
        if self._multilabel:
            return (decision > 0).astype(int)
        if decision.ndim == 2:
            return self.classes_[np.argmax(decision, axis=1)]
        last = len(self.classes_) - 1
        return self.classes_[np.minimum((decision > 0).astype(int), last)]

    def decision_function(self, X):
        """Confidence in each class, before any squashing.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            Logits for ``loss="log_loss"``; for squared error the outputs before the
            output activation, less their value half way between the targets.  With two
            classes one column, positive for ``classes_[1]``.
        """
        check_is_fitted(self)
        decision = self._run(X, lambda trace: trace.z(-1)) - self._decision_offset()
        return decision if self._multilabel or decision.shape[1] > 1 else decision[:, 0]

    def predict_proba(self, X):
        """Probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            float64, in the order of ``classes_``; rows sum to 1 unless multilabel.

        Notes
        -----
        A network trained on squared error has outputs between two targets, not
        probabilities: they are mapped linearly from (low, high) to (0, 1), clipped, and
        divided by their sum if there are more than two classes.
        """
        check_is_fitted(self)
        outputs = self._run(X, lambda trace: trace.outputs).astype(np.float64)
        loss = self._make_loss()
        if isinstance(loss, LogLoss):
            p = (
                softmax(outputs, axis=1)
                if loss.exclusive
                else loss.probabilities(outputs)
            )
        else:
            p = decode_probabilities(outputs, *self._place_targets())
            if self._exclusive:
                p /= p.sum(axis=1, keepdims=True)
        if self._multilabel or self._exclusive:
            return p
        if len(self.classes_) == 1:
            return np.ones((len(p), 1))
        return np.hstack([1.0 - p, p])

    def predict_log_proba(self, X):
        """Logarithm of :meth:`predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        """
        # a logit of -800 has the probability 0 in float64
        return np.log(np.maximum(self.predict_proba(X), np.finfo(np.float64).tiny))

    # -------------------------------------------------------------------------- targets

    def _check_targets(self, y):
        check_classification_targets(y)
        if type_of_target(y).startswith("multilabel"):
            return y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        if np.ndim(y) == 2 and np.shape(y)[1] > 1:
            raise ValueError(
                "y must hold one label per row, or 0 and 1 for several: "
                "multiclass-multioutput targets are not supported, got shape "
                f"{np.shape(y)}. Use sklearn.multioutput.MultiOutputClassifier."
            )
        return column_or_1d(y, warn=True)

    def _learn_targets(self, y, weight, classes=None):
        self._multilabel = y.ndim == 2
        known = unique_labels(y) if classes is None else unique_labels(classes)
        self.classes_ = np.arange(y.shape[1]) if self._multilabel else known
        self._check_known(y)

    def _check_known(self, y):
        if (y.ndim == 2) != self._multilabel or (
            y.ndim == 2 and y.shape[1] != len(self.classes_)
        ):
            raise ValueError(
                f"y has the shape {y.shape}, which does not fit the {len(self.classes_)} "
                "classes or labels of the first call."
            )
        unknown = [] if self._multilabel else np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y has classes {list(unknown)} that are not among the classes "
                f"{list(self.classes_)} of the first call. Name all classes there: "
                "partial_fit(X, y, classes=...)."
            )

    @property
    def _exclusive(self):
        """Whether the outputs are one distribution over three or more classes."""
        return not self._multilabel and len(self.classes_) > 2

    def _code_targets(self, y, dtype):
        self._check_known(y)
        if self._multilabel:
            labels, indicator = None, y
        else:
            labels = np.searchsorted(self.classes_, y)
            indicator = labels[:, None] == np.arange(len(self.classes_))
            if not self._exclusive:
                indicator = labels[:, None]
        if self.loss == "log_loss":
            return np.ascontiguousarray(indicator, dtype=dtype), labels
        low, high = self._place_targets()
        return code_indicator(indicator, low, high).astype(dtype), labels

    def _weigh_classes(self, y, weight):
        if self.class_weight is None:
            return weight
        return weight * compute_sample_weight(self.class_weight, y)

    def _split_labels(self, examples):
        return None if examples.y.ndim == 2 else examples.y

    # ----------------------------------------------------------------- loss and output

    def _make_loss(self):
        return (
            SquaredError() if self.loss == "squared_error" else LogLoss(self._exclusive)
        )

    def _resolve_output(self):
        if self.loss == "log_loss":
            return IDENTITY, "softmax" if self._exclusive else "logistic"
        if self.output_activation != "auto":
            activation = build.resolve_activation(self.output_activation)
            return activation, self.output_activation
        chosen = self.activation
        last = (chosen or ["lecun_tanh"])[-1] if isinstance(chosen, list) else chosen
        if build.resolve_activation(last).is_sigmoid:
            return build.resolve_activation(last), last
        return ACTIVATIONS["lecun_tanh"], "lecun_tanh"

    def _place_targets(self):
        return place_targets(self.target_values, self._resolve_output()[0])

    def _decision_offset(self):
        if self.loss == "log_loss":
            return 0.0
        return midpoint_preactivation(*self._place_targets(), self._resolve_output()[0])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
