"""EffPropRegressor: numbers in, numbers out."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sk_effprop._sklearn import fit_context
from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.losses import SquaredError
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._base import BaseEffProp, can_learn_on
from sk_effprop.estimators._parameters import REGRESSOR, constraints
from sk_effprop.preprocessing import dense_moments


class EffPropRegressor(RegressorMixin, BaseEffProp):
    """DOC"""

    _registry = REGRESSOR
    _parameter_constraints = constraints(REGRESSOR)
    _is_classifier = False

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="lecun_tanh",
        *,
        twist=0.0,
        output_activation="auto",
        init="lecun_uniform",
        bias_init="data",
        normalize="standardize",
        input_clip=None,
        input_gains=False,
        normalize_target=True,
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
        quantile=0.5,
        huber_delta=1.35,
        alpha="auto",
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
        self.init = init
        self.bias_init = bias_init
        self.normalize = normalize
        self.input_clip = input_clip
        self.input_gains = input_gains
        self.normalize_target = normalize_target
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
        self.quantile = quantile
        self.huber_delta = huber_delta
        self.alpha = alpha
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
    def partial_fit(self, X, y, sample_weight=None):
        """Train one epoch on a batch of a stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The first batch fixes the mean and scale of the targets.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        EffPropRegressor
            With the last weights, as there is no telling which are best for a stream.
        """
        return self._partial_fit(X, y, sample_weight, None)

    def predict(self, X, return_std=False):
        """Predict values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Only after ``solver="lm"``, which knows the curvature that this needs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        if return_std:
            raise ValueError(
                "return_std=True needs a fit with solver='lm', whose curvature gives "
                f"the uncertainty; this one used {self.solver_!r}."
            )
        outputs = self._run(X, lambda trace: trace.outputs)
        mean = self.target_mean_.astype(outputs.dtype)
        values = outputs * self.target_scale_.astype(outputs.dtype) + mean
        return values[:, 0] if self._one_column else values

    # -------------------------------------------------------------------------- targets

    def _check_targets(self, y):
        return y

    def _learn_targets(self, y, weight, classes=None):
        self._one_column = y.ndim == 1
        Y = y.reshape(len(y), -1)
        self.target_mean_ = np.zeros(Y.shape[1])
        self.target_scale_ = np.ones(Y.shape[1])
        if self.normalize_target:
            total, self.target_mean_, deviations = dense_moments(Y, weight, cross=False)
            scale = np.sqrt(deviations / total)
            # a constant target leaves rounding errors, which are not worth learning
            constant = scale <= 1e-12 * np.abs(self.target_mean_)
            self.target_scale_ = np.where(constant | (scale == 0), 1.0, scale)

    def _code_targets(self, y, dtype):
        Y = y.reshape(len(y), -1)
        if Y.shape[1] != len(self.target_mean_):
            raise ValueError(
                f"y has {Y.shape[1]} outputs, but the first call had "
                f"{len(self.target_mean_)}."
            )
        return ((Y - self.target_mean_) / self.target_scale_).astype(dtype), None

    def _weigh_classes(self, y, weight):
        return weight

    # ----------------------------------------------------------------- loss and output

    def _make_loss(self):
        return SquaredError()

    def _resolve_output(self):
        if self.output_activation == "auto":
            return IDENTITY, "identity"
        activation = build.resolve_activation(self.output_activation)
        return activation, self.output_activation

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
