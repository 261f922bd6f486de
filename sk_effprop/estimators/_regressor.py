"""EffPropRegressor: numbers in, numbers out."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sk_effprop._moments import dense_moments
from sk_effprop._sklearn import fit_context
from sk_effprop.core.activations import IDENTITY
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.gauss_newton import laplace
from sk_effprop.core.losses import OWN_OUTPUTS, LogLink, SquaredError, make_loss
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._base import BaseEffProp, can_learn_on
from sk_effprop.estimators._parameters import REGRESSOR, constraints

# predict(return_std=True) needs a matrix of weights^2, which is kept with the estimator
MAX_POSTERIOR_WEIGHTS = 4000


class EffPropRegressor(RegressorMixin, BaseEffProp):
    """A neural network for values, trained as "Efficient BackProp" says.

    Inputs and targets are normalised, weights drawn and learning rates chosen the way
    the paper recommends; every one of these tricks is a parameter, so that it can stand
    in a grid search.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(32, 16)
        Units of each hidden layer; ``()`` is the linear model (section 3).
    activation : str, Activation, tuple or list, default="lecun_tanh"
        Of the hidden units (section 4.4): "lecun_tanh" is 1.7159 tanh(2z/3),
        "rational_tanh" the authors' ratio of polynomials in its place; "tanh",
        "logistic", "relu", "softplus", "identity"; an
        :class:`~sk_effprop.core.activations.Activation`; three functions (f, f',
        f'') of one's own, see docs/extending.md; or a list with one of these per
        hidden layer.
    twist : float, default=0.0
        The twisting term of section 4.4: ``twist * z`` is added to every hidden
        activation, against flat spots.
    output_activation : "auto", str, Activation or tuple, default="auto"
        Of the outputs; "auto" is the identity. The exponential of poisson and gamma
        belongs to the loss.
    init : str, float or ndarray, default="lecun_uniform"
        Law of the initial weights (section 4.6). "lecun_uniform" and "lecun_normal"
        have the standard deviation fan_in ** -1/2 of eq. (16); "glorot_uniform",
        "glorot_normal", "he_uniform", "he_normal", "nguyen_widrow"; a float is the
        standard deviation of a normal law; an array of the shape of ``theta_`` is
        where to start.
    bias_init : {"data", "zero"} or float, default="data"
        Initial biases. "data" puts the hyperplane of each unit of the first layer
        twice as far out as a random training row, so that they lie all over the data,
        and leaves the other biases zero.
    normalize : {"center", "scale", "standardize", "robust", "decorrelate", "whiten"} \
or None, default="robust"
        What is done to the inputs first (section 4.3), see
        :class:`InputNormalizer`.
    input_clip : float or None, default=8.0
        If c, normalised inputs z become ``z / sqrt(1 + (z / c)^2)``, so that rare
        huge values cannot dominate. A stream, ``partial_fit`` without a ``fit``
        before, is not clipped, as its statistics go on being learnt.
    input_gains : bool, default=False
        Learn a gain for every input (sections 4.3 and 4.7), so that useful inputs
        count for more; it is part of the first layer's weights in the end. Of sgd and
        sdlm; other solvers take no notice.
    normalize_target : bool, default=True
        Give each output zero mean and unit variance for training; poisson and gamma
        divide it by its mean only. The units of ``loss_``, ``goal`` and ``tol`` are
        those of the normalised targets.
    solver : {"auto", "sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"}, \
default="auto"
        "sgd" is gradient descent in batches of any size; "sdlm" the same with a rate
        for every weight, stochastic diagonal Levenberg-Marquardt (section 9.1); "adam"
        the yardstick. "lbfgs" is SciPy's batch method, "lm" Levenberg-Marquardt, "cg"
        and "scg" conjugate gradients (section 6). "auto" is "lbfgs" for up to 500
        examples, else "sgd"; always "sgd" if ``batch_size`` is an int smaller than
        the number of examples, and in ``partial_fit``.
    batch_size : int, "full" or "auto", default="auto"
        Examples in an update (section 4.1): 1 is on-line, "full" batch learning.
        "auto" is 8 for sgd and sdlm, at most 200 for adam.
    batch_growth : float, default=1.0
        The batch size is multiplied by it after every epoch.
    shuffle : bool, "interleave" or "auto", default="auto"
        Order of presentation (section 4.2): random, "interleave" (random, but
        successive examples rarely share a class), or False for the order of the
        data. "auto" interleaves for single-label classifiers and is random
        otherwise. Where there are no classes, "interleave" is random.
    emphasis : float, default=0.0
        From 0 to 1: how much more often examples with a large error are shown
        (section 4.2). Outliers are not, and no example is dropped for good.
    learning_rate_init : float or "auto", default="auto"
        Initial global learning rate; for sdlm that of a weight is this over ``h +
        damping``. "auto" takes the inverse of the largest curvature at the initial
        weights (sections 4.7 and 9.2), that of single examples included; it respects
        ``batch_size``, ``learning_rate_scaling``, ``momentum`` and the diagonal of
        sdlm. 0.001 for adam.
    learning_rate : {"constant", "invscaling", "adaptive", "annealing", "cosine", \
"flow"}, default="cosine"
        How the rate moves (sections 4.1 and 4.7; not adam): "invscaling" is eta0 /
        t^power_t with t in examples; "adaptive" divides by 5 whenever there is no
        more progress; "annealing" is eta0 / (1 + t / annealing_tau) with t in
        epochs; "cosine" stays for half of ``max_iter`` epochs, then falls to 0; "flow"
        follows the mean gradient, eqs. (17)-(19), down near the minimum and up again
        when it moves.
    power_t : float, default=0.5
        Exponent of "invscaling".
    annealing_tau : float, default=10.0
        Epochs after which "annealing" has halved the rate.
    flow_rates : (float, float, float), default=(0.1, 1.0, 0.01)
        alpha, beta and delta of eqs. (17)-(19), for "flow".
    learning_rate_scaling : {"auto", "none", "inv_sqrt_fan_in", "inv_fan_in", \
"sqrt_fan_in"}, default="auto"
        Factor of the rate in each layer (section 4.7; not adam). The paper prints
        "sqrt_fan_in"; its authors' own simulator divided. "auto" is "inv_fan_in" for
        an automatic rate, and "none" for a given one, which then means what it does
        elsewhere.
    momentum : float, default=0.9
        In [0, 1), for sgd and sdlm.
    nesterovs_momentum : bool, default=False
        Look one step ahead.
    averaging : bool, default=False
        Use a running average of the weights after each epoch, mostly of the last part
        of training, in place of the last weights (stochastic solvers; not in
        ``partial_fit``). It takes out the noise that a constant rate leaves.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Of adam.
    damping : float or "auto", default="auto"
        mu of sdlm, eq. (61), by default the mean of the diagonal curvature; initial mu
        of lm; what cg and scg add to the curvature at first.
    curvature_decay : float, default=0.0
        In [0, 1): gamma of the running estimate of sdlm, eq. (62), taken pattern by
        pattern; 0 keeps the curvature as measured.
    curvature_samples : int, default=500
        Random examples from which sdlm measures the diagonal curvature.
    curvature_period : int, inf or "auto", default="auto"
        Epochs after which sdlm measures the curvature again, and sgd and sdlm the
        automatic rate. "auto" measures with an automatic rate whenever the number of
        examples shown has doubled; with log loss, and a rate that is given, only once.
        Training that diverged is measured again in any case.
    loss : {"squared_error", "huber", "absolute_error", "quantile", "poisson", \
"gamma"} or object, default="squared_error"
        What is minimised, summed over the outputs. "squared_error" is half the square
        of the error e; "huber" the same up to ``huber_delta``, and beyond a straight
        line, so that outliers count for less; "absolute_error" leads to the median,
        with ``sqrt(e^2 + 0.02^2) - 0.02`` in place of abs(e), in units of the
        normalised target; "quantile" leads to that ``quantile``, with the same
        rounding. "poisson" and "gamma" are half the deviance of counts and of positive
        sizes: the network puts out the logarithm of the mean, and ``predict`` the
        mean. An object with the methods ``value``, ``gradient`` and ``hessian`` is a
        loss of one's own, see docs/extending.md.
    quantile : float, default=0.5
        In (0, 1): what part of the targets is to lie below the predictions, for
        ``loss="quantile"``.
    huber_delta : float, default=1.35
        Where "huber" becomes a straight line, in units of the normalised target.
    alpha : float, "auto" or "evidence", default="auto"
        L2 strength: the objective is the weighted mean loss plus ``alpha / 2``
        times the sum of squared weights, biases excepted. "auto" is ``c * fan_in
        / n_samples`` in each layer. Before training, ridge regressions find c: at most
        0.1 for log loss, and 0.3 for squared error of values; down to 0.01 where
        targets are far from linear in the inputs.
        Elsewhere, and with fewer than 30 examples or more than 2,000 inputs, c is 0.1
        for classes and 0.25 for values; for class targets closer than those of
        "lecun_tanh" it is less, by their squared distance, as the loss is.
        "evidence", with ``solver="lm"`` and squared error, lets the data choose it for
        each layer (MacKay 1992), as MATLAB's trainbr does; for networks with fewer
        weights than there are examples.
    max_iter : int or "auto", default="auto"
        Epochs of stochastic solvers, iterations of batch solvers. "auto" is 200
        iterations, or as many epochs as show 30,000 examples, at least 20; 200 epochs
        of adam.
    max_fun : int, default=15000
        Evaluations of the objective by lbfgs.
    tol : float, default=1e-4
        Training stops when the objective (the validation score with early stopping)
        has not improved by this much for ``n_iter_no_change`` iterations, and batch
        solvers when no component of the gradient is larger. 0 switches the rule off:
        exactly ``max_iter`` epochs, and no warning about them.
    n_iter_no_change : int or inf, default=10
        See ``tol``.
    goal : float or None, default=None
        Stop when the objective is at most this.
    max_time : float or None, default=None
        Stop after this many seconds.
    early_stopping : bool or "auto", default="auto"
        Measure progress and the best weights on validation data. True holds out a
        part of the training data unless ``X_val`` is given; "auto" is on if and
        only if it is.
    validation_fraction : float, default=0.1
        Part held out, with classes in proportion; every class keeps an example for
        training.
    scoring : "loss", str or callable, default="loss"
        What is measured there, larger being better: the negative loss, without the
        penalty; or a scorer of scikit-learn's, by name or as ``scorer(estimator, X,
        y)``, of an estimator with the weights of the iteration. Weights of the
        validation data count.
    checkpoint, checkpoint_interval, resume : default=None, 30.0, False
        Planned.
    engine : {"auto", "numpy", "numba"}, default="auto"
        "numba" compiles passes and updates, and needs the extra "fast"; it leaves to
        NumPy what it does not know: adam, sparse inputs, losses and activations of
        one's own. "auto" takes it where it is installed, for many updates of sgd and
        sdlm on batches of at most 64. Both engines agree to rounding.
    random_state : int, RandomState or None, default=None
        Of initial weights, order and split. An int repeats a fit bit for bit.
    warm_start : bool, default=False
        Let ``fit`` go on from the weights, input statistics, solver state and
        random numbers of the last one.
    verbose : bool or int, default=False
        1 shows a bar with the loss and the time left where that can be drawn: in a
        terminal or a notebook, with the extra "progress". Elsewhere, and with 2, a line
        for every iteration.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer, on normalised inputs.
    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer.
    theta_ : ndarray of shape (n_weights,)
        All weights, layer after layer, each a C-ordered (n_in + 1, n_out) matrix
        with the biases last; ``network_.layers(theta_)`` gives the views.
    network_ : Network
        Sizes and activations.
    normalizer_ : InputNormalizer or None
        What ``normalize`` learnt.
    target_mean_, target_scale_ : ndarray of shape (n_outputs,)
        What ``normalize_target`` learnt: 0 and the mean for poisson and gamma.
    solver_, engine_ : str
        What "auto" became.
    loss_ : float
        The objective at the fitted weights: penalty included, weights applied,
        targets coded as in training.
    best_loss_ : float or None
        The same; None with early stopping.
    loss_curve_ : list of float
        For every epoch of a stochastic solver the mean of the objective while the
        weights moved; for batch solvers, and with ``emphasis``, the objective after
        each iteration.
    validation_scores_, validation_loss_curve_ : list of float or None
        With early stopping, one for each iteration.
    best_validation_score_ : float or None
        The best of the scores of the last call.
    learning_rate_ : float or None
        Initial global rate, found or given; None for batch solvers.
    learning_rate_curve_ : list of float
        The rate of each epoch.
    lambda_max_ : float or None
        Largest curvature at the initial weights, where the rate came from it.
    convergence_ : Convergence
        ``reason`` for stopping, ``n_iter``, ``gradient_norm``, ``advice``,
        ``n_recoveries`` from divergence, and ``is_flat``: whether ``alpha`` leaves
        outputs that hardly depend on the inputs.
    n_iter_, t_ : int
        Iterations; examples shown.
    n_layers_, n_outputs_ : int
        Layers, input and output included; outputs.
    out_activation_ : str, Activation or tuple
        Of the outputs; "exp" for poisson and gamma.
    n_features_in_ : int
        Inputs.
    feature_names_in_ : ndarray of str
        Their names, where X had any.

    See Also
    --------
    EffPropClassifier : The same network for classes.
    InputNormalizer : The step behind ``normalize``, for pipelines of one's own.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", in: Neural Networks: Tricks of
    the Trade, Springer, 1998.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sk_effprop import EffPropRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = EffPropRegressor(random_state=0).fit(X, y)
    >>> regressor.score(X, y) > 0.5
    True
    """

    _registry = REGRESSOR
    _parameter_constraints = constraints(REGRESSOR)
    _is_classifier = False

    def __init__(
        self,
        hidden_layer_sizes=(32, 16),
        activation="lecun_tanh",
        *,
        twist=0.0,
        output_activation="auto",
        init="lecun_uniform",
        bias_init="data",
        normalize="robust",
        input_clip=8.0,
        input_gains=False,
        normalize_target=True,
        solver="auto",
        batch_size="auto",
        batch_growth=1.0,
        shuffle="auto",
        emphasis=0.0,
        learning_rate_init="auto",
        learning_rate="cosine",
        power_t=0.5,
        annealing_tau=10.0,
        flow_rates=(0.1, 1.0, 0.01),
        learning_rate_scaling="auto",
        momentum=0.9,
        nesterovs_momentum=False,
        averaging=False,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        damping="auto",
        curvature_decay=0.0,
        curvature_samples=500,
        curvature_period="auto",
        loss="squared_error",
        quantile=0.5,
        huber_delta=1.35,
        alpha="auto",
        max_iter="auto",
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

        With all data it is one epoch of ``fit`` without ``input_clip``. Statistics
        of the inputs keep running. ``goal`` and ``verbose`` work as in ``fit``;
        ``early_stopping`` is left to that.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their mean and scale are those of the first calls, until 30 examples have
            come; predictions move with them so long.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        EffPropRegressor
            With the last weights, as there is no telling which are best for a stream.

        Raises
        ------
        ValueError
            For a hyperparameter or data that break a rule; the message names it.
        AttributeError
            For solvers that need all data at once.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sk_effprop import EffPropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> stream = EffPropRegressor((8,), random_state=0)
        >>> for start in range(0, 400, 100):
        ...     rows = slice(start, start + 100)
        ...     stream = stream.partial_fit(X[rows], y[rows])
        >>> stream.n_iter_, stream.t_
        (4, 400)
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X, return_std=False):
        """Predict values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Return standard deviations, too. Only after ``solver="lm"``, whose
            Gauss-Newton matrix says how well the data determine each weight (section
            6.4).

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape, if ``return_std``
            Of a new observation there, in the units of y: what the noise around the
            network and the uncertainty of its weights add up to, by Laplace's
            approximation with a noise level estimated from the residuals. About nine
            observations in ten are within 1.64 of them, if noise is even and the
            network has not been trained into the noise.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For X that does not suit the fitted network; with ``return_std=True`` after
            any other solver, with another loss than squared error, or where other
            weights have been assigned since.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sk_effprop import EffPropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> regressor = EffPropRegressor((4,), solver="lm", random_state=0).fit(X, y)
        >>> values, std = regressor.predict(X, return_std=True)
        >>> values.shape == std.shape == y.shape
        True
        """
        check_is_fitted(self)
        outputs = self._run(X, lambda trace: trace.outputs)
        values = self._one_column_as_vector(self._decode(outputs))
        if not return_std:
            return values
        if self._posterior is None:
            raise ValueError(
                "return_std=True needs a fit with solver='lm', whose curvature gives "
                "the uncertainty, of loss='squared_error', whose noise is a Gaussian, "
                f"and at most {MAX_POSTERIOR_WEIGHTS} weights; this one used "
                f"{self.solver_!r} and {self.loss!r} for {len(self.theta_)}."
            )
        if not np.array_equal(self._posterior.theta, self.theta_):
            raise ValueError(
                "return_std=True needs the weights that solver='lm' found, but theta_, "
                "coefs_ or intercepts_ have been assigned others since. Go on from "
                "these by a fit with warm_start=True."
            )
        inputs = self._make_inputs(self._validate_inputs(X)).astype(np.float64)
        variance = self._posterior.variance(self.network_, inputs)
        std = (np.sqrt(variance) * self.target_scale_).astype(outputs.dtype)
        return values, self._one_column_as_vector(std)

    def _decode(self, outputs):
        """From what the network puts out to the units of y."""
        mean, scale = (
            v.astype(outputs.dtype) for v in (self.target_mean_, self.target_scale_)
        )
        if isinstance(self._loss, LogLink):
            return self._loss.mean(outputs + np.log(scale))
        return outputs * scale + mean

    def _one_column_as_vector(self, values):
        return values[:, 0] if self._one_column else values

    def _find_posterior(self, objective):
        too_many = len(self.theta_) > MAX_POSTERIOR_WEIGHTS
        if self.solver_ != "lm" or self._loss != SquaredError() or too_many:
            return None
        objective = objective.as_float64()
        return laplace(Linearization(objective, self.theta_.astype(np.float64)))

    # -------------------------------------------------------------------------- targets

    def _check_targets(self, y):
        if np.asarray(y).dtype.kind not in "biuf":
            raise ValueError(
                f"y must be numeric for regression, got dtype {np.asarray(y).dtype}. "
                "Use EffPropClassifier for classes."
            )
        return y

    def _check_range(self, y):
        loss = self._make_loss()
        if isinstance(loss, LogLink) and not loss.accepts(y):
            raise ValueError(
                f"y must be {loss.rule} for loss={self.loss!r}, whose predictions are "
                f"positive, got {np.min(y)}. Use another loss, as 'squared_error'."
            )

    def _weigh_classes(self, y, weight, *, rebalance):
        return weight

    def _make_loss(self):
        if self.loss == "huber":
            return make_loss(self.loss, delta=self.huber_delta)
        if self.loss == "quantile":
            return make_loss(self.loss, level=self.quantile)
        return make_loss(self.loss)

    def _learn_targets(self, examples, classes=None):
        self._loss = self._make_loss()
        self._strength = build.VALUES_ALPHA
        self._output = self._resolve_output()
        self._one_column = examples.y.ndim == 1
        self._target_moments = _target_moments(examples)
        self._scale_targets()

    def _keep_learning_targets(self, batch):
        self._check_columns(batch.y)
        self._target_moments = self._target_moments.merge(_target_moments(batch))
        self._scale_targets()

    def _scale_targets(self):
        total, mean, deviations = self._target_moments
        self.target_mean_ = np.zeros(len(mean))
        self.target_scale_ = np.ones(len(mean))
        if not self.normalize_target:
            return
        if isinstance(self._loss, LogLink):
            self.target_scale_ = np.where(mean == 0, 1.0, mean)
            return
        scale = np.sqrt(deviations / total)
        # a constant target leaves rounding errors, which are not worth learning
        constant = scale <= 1e-12 * np.abs(mean)
        self.target_mean_ = mean
        self.target_scale_ = np.where(constant | (scale == 0), 1.0, scale)

    def _code_targets(self, y, dtype):
        self._check_columns(y)
        Y = y.reshape(len(y), -1)
        return ((Y - self.target_mean_) / self.target_scale_).astype(dtype), None

    def _check_columns(self, y):
        n_columns = 1 if y.ndim == 1 else y.shape[1]
        if n_columns != len(self.target_mean_):
            raise ValueError(
                f"y has {n_columns} outputs, but the first call had "
                f"{len(self.target_mean_)}."
            )

    def _resolve_output(self):
        if isinstance(self._loss, LogLink):
            return IDENTITY, OWN_OUTPUTS[self.loss]
        if self.output_activation == "auto":
            return IDENTITY, "identity"
        activation = build.resolve_activation(self.output_activation)
        return activation, self.output_activation

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        is_name = isinstance(self.loss, str)
        tags.target_tags.positive_only = is_name and OWN_OUTPUTS.get(self.loss) == "exp"
        return tags


def _target_moments(examples):
    Y = examples.y.reshape(len(examples), -1)
    return dense_moments(Y, examples.weight, cross=False)
