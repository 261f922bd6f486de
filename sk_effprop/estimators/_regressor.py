"""EffPropRegressor: regression with one or several outputs."""

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, Self, overload

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import assert_all_finite, check_is_fitted

from sk_effprop._sklearn import available_if, fit_context
from sk_effprop.core.arrays import Array
from sk_effprop.core.gauss_newton import Laplace
from sk_effprop.core.losses import OWN_OUTPUTS, Loss, SquaredError, make_loss
from sk_effprop.estimators import _reading as reading
from sk_effprop.estimators import _tables as tables
from sk_effprop.estimators._base import BaseEffProp, can_learn_on
from sk_effprop.estimators._coding import ValueCoding
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._diagnosis import posterior_of
from sk_effprop.estimators._intervals import interval_widths
from sk_effprop.estimators._parameters import REGRESSOR, constraints
from sk_effprop.estimators._run import Run
from sk_effprop.estimators._types import (
    ActivationLike,
    ColumnChoice,
    HiddenLayerSizes,
    MatrixLike,
    RandomStateLike,
    ScoringLike,
    UserLoss,
    VectorLike,
)

# predict(return_std=True) needs a matrix of n_weights^2 numbers, which is kept with the
# estimator: 128 MiB at this limit.
MAX_POSTERIOR_WEIGHTS = 4000


class EffPropRegressor(RegressorMixin, BaseEffProp):
    """Multi-layer perceptron regressor trained as in "Efficient BackProp".

    By default, inputs, targets, initial weights and learning rates follow the
    recommendations of the paper.  Each of its tricks is a hyperparameter, so that it
    can be part of a grid search.  Sections and equations below are the paper's.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(32, 16)
        Number of units of each hidden layer; ``()`` is the linear model (section 3).
    activation : str, Activation, tuple or list, default="lecun_tanh"
        Activation of the hidden units (section 4.4). "lecun_tanh" is 1.7159 tanh(2z/3)
        and "rational_tanh" the authors' approximation of it by a ratio of polynomials.
        Other names are "tanh", "logistic", "relu", "softplus" and "identity". An
        :class:`~sk_effprop.core.activations.Activation` or a tuple of three functions
        (f, f', f'') defines another one, see docs/extending.md. A list gives each
        hidden layer its own.
    twist : float, default=0.0
        Slope of the linear term ``twist * z`` that is added to every hidden activation,
        so that no part of it is flat (section 4.4).
    output_activation : "auto", str, Activation or tuple, default="auto"
        Activation of the output units. "auto" is the identity. The losses "poisson"
        and "gamma" include the exponential function.
    rbf_units : int or None, default=None
        Number of radial basis functions (section 4.8), which form one more hidden layer
        between those of ``hidden_layer_sizes`` and the outputs. Each is a Gaussian of
        the distance between its inputs and its centre. Clusters of the training
        examples give centres and widths to start from, and training moves both. With
        ``hidden_layer_sizes=()``, they are functions of the inputs. NumPy computes
        them, whatever ``engine`` is. The penalty draws centres to zero, which is the
        middle of normalised inputs; widths have none.
    init : str, float or ndarray, default="lecun_uniform"
        Distribution of the initial weights (section 4.6). "lecun_uniform" and
        "lecun_normal" have standard deviation fan_in ** -1/2, eq. (16). Other names are
        "glorot_uniform", "glorot_normal", "he_uniform", "he_normal" and
        "nguyen_widrow". A float is the standard deviation of a normal distribution. An
        array in the layout of ``theta_`` contains the initial weights themselves.
    bias_init : {"data", "zero"} or float, default="data"
        Initial biases. "data" places the hyperplane of each unit of the first hidden
        layer twice as far out as a random training example, so that the hyperplanes
        cover the data, and sets all other biases to zero.
    normalize : {"center", "scale", "standardize", "robust", "decorrelate", "whiten"} \
or None, default="robust"
        Normalisation of the inputs (section 4.3), see :class:`InputNormalizer`.
    input_clip : float or None, default=8.0
        Smooth bound c of the normalised inputs: z becomes ``z / sqrt(1 + (z / c)^2)``,
        so that rare huge values cannot dominate. Not used in a stream (``partial_fit``
        without an earlier ``fit``), because its input statistics keep changing.
    input_gains : bool, default=False
        Whether to learn a gain for every input, so that useful inputs count for more
        (sections 4.3 and 4.7). After training, the gains are part of the first layer's
        weights. Only used by "sgd" and "sdlm".
    normalize_target : bool, default=True
        Whether to train on targets of zero mean and unit variance; "poisson" and
        "gamma" only divide by the mean. ``loss_``, ``goal`` and ``tol`` refer to the
        normalised targets.
    solver : {"auto", "sgd", "sdlm", "adam", "lbfgs", "lm", "cg", "scg"}, \
default="auto"
        Optimisation method. "sgd" is gradient descent in batches of any size. "sdlm",
        stochastic diagonal Levenberg-Marquardt, also has a learning rate for every
        weight (section 9.1). "adam" is a baseline. "lbfgs" is SciPy's quasi-Newton
        method, "lm" Levenberg-Marquardt, "cg" and "scg" are conjugate gradients
        (section 6). "auto" is "sgd" for more than 500 examples, and from 200 on if more
        than 15 % of the variance of the targets is noise, the loss is a squared or log
        loss, and ``warm_start`` is off. Otherwise it is "lbfgs", or "lm" for a
        regression with squared error of up to 100 examples if the network is not large.
        It is always "sgd" in ``partial_fit``, and if ``batch_size`` is an int smaller
        than the number of examples.
    batch_size : int, "full" or "auto", default="auto"
        Number of examples per update (section 4.1): 1 is on-line learning, "full" is
        batch learning. "auto" is 8 for "sgd" and "sdlm", and at most 200 for "adam".
        "lm" takes all examples unless an int is given, or the system of equations would
        not fit into memory: then it is Levenberg-Marquardt on mini-batches, with a
        running Gauss-Newton matrix. Not used by "lbfgs", "cg" and "scg".
    n_estimators : int, default=1
        Number of networks. Several are trained one after the other, on the same
        normalised inputs and with the same penalty and learning rates, from different
        initial weights. Each leaves out one fold of the examples, which tells how well
        it predicts new ones. Their outputs, before the output activation, are averaged.
        The mean is itself a network, ``network_``, with so many times the hidden units.
        They share ``max_time``. With ``early_stopping=True`` and without ``X_val``,
        each network is validated on its own fold, and ``validation_fraction`` is not
        used. More than one network cannot be combined with ``partial_fit``,
        ``warm_start`` and ``alpha="evidence"``.
    batch_growth : float, default=1.0
        Factor of the batch size after every epoch. Only used by "sgd", "sdlm" and
        "adam".
    shuffle : bool, "interleave" or "auto", default="auto"
        Order of presentation (section 4.2): True is random, False the order of the
        data, and "interleave" random but such that successive examples rarely share a
        class. "auto" interleaves the examples of single-label classifiers, and is
        random otherwise. Without classes, "interleave" is random. Only used by "sgd",
        "sdlm" and "adam".
    emphasis : float, default=0.0
        How much more often examples with a large error are presented, from 0 to 1
        (section 4.2). Outliers are not presented more often, and every example is
        presented now and then. Only used by "sgd", "sdlm" and "adam".
    learning_rate_init : float or "auto", default="auto"
        Initial global learning rate; "sdlm" divides it by ``h + damping`` for each
        weight. "auto" is derived from the largest curvature at the initial weights, of
        single examples and of their mean (sections 4.7 and 9.2); it takes
        ``batch_size``, ``learning_rate_scaling``, ``momentum`` and the curvatures of
        "sdlm" into account. For "adam" it is 0.001. For "lm" on mini-batches it is the
        share of each step that is taken, by default b / (b + 2 n_weights) for b
        residuals, and at least so much that all shares add up to 5 steps. Not used by
        other batch solvers.
    learning_rate : {"constant", "invscaling", "adaptive", "annealing", "cosine", \
"flow"}, default="cosine"
        Schedule of the learning rate (sections 4.1 and 4.7). "invscaling" is eta0 /
        t^power_t with t in examples. "adaptive" divides by 5 whenever training makes no
        progress. "annealing" is eta0 / (1 + t / annealing_tau) with t in epochs.
        "cosine" is constant for half of ``max_iter`` epochs, then falls to 0. "flow"
        follows the mean gradient, eqs. (17)-(19): the rate falls near a minimum and
        rises when the minimum moves. Only used by "sgd", "sdlm" and "lm" on
        mini-batches, where "flow" is constant.
        Every call of ``fit`` begins its schedule anew, also with ``warm_start``;
        ``partial_fit`` continues it.
    power_t : float, default=0.5
        Exponent of ``learning_rate="invscaling"``.
    annealing_tau : float, default=10.0
        Number of epochs after which ``learning_rate="annealing"`` has halved the rate.
    flow_rates : (float, float, float), default=(0.1, 1.0, 0.01)
        Constants alpha, beta and delta of eqs. (17)-(19). Only used when
        ``learning_rate="flow"``.
    learning_rate_scaling : {"auto", "none", "inv_sqrt_fan_in", "inv_fan_in", \
"sqrt_fan_in"}, default="auto"
        Factor of the learning rate in each layer (section 4.7). The paper prints
        "sqrt_fan_in", but its authors' own simulator divided by the fan-in. "auto" is
        "none" for a given rate, which then means the same as in other packages. For an
        automatic rate it is the inverse of the curvature of each layer, for batches of
        ``batch_size``; the mean factor of all weights is 1. Only used by "sgd" and
        "sdlm".
    momentum : float, default=0.9
        Momentum, in [0, 1) (section 4.7). Only used by "sgd", "sdlm" and "lm" on
        mini-batches.
    nesterovs_momentum : bool, default=False
        Whether to use Nesterov's momentum. Only used by "sgd" and "sdlm".
    averaging : bool, default=False
        Whether to use a running average of the weights after each epoch, mostly of the
        last part of training, instead of the last weights. It removes the noise that a
        constant rate leaves. Only used by "sgd", "sdlm" and "adam", and not in
        ``partial_fit``.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Decay rates of the moments, and the constant that is added to the denominator.
        Only used when ``solver="adam"``.
    damping : float or "auto", default="auto"
        For "sdlm" mu of eq. (61), by default the mean of the diagonal curvature. For
        "lm" the initial damping; for "cg" and "scg" the initial multiple of the
        identity that is added to the curvature.
    curvature_decay : float, default=0.0
        gamma, in [0, 1), of the running estimate of the diagonal curvature, eq. (62),
        which is updated pattern by pattern. 0 keeps the curvature as measured. Only
        used when ``solver="sdlm"``.
    curvature_samples : int, default=500
        Number of random examples on which the diagonal curvature is measured. Only used
        when ``solver="sdlm"``.
    curvature_period : int, inf or "auto", default="auto"
        Number of epochs between measurements of the curvature, from which "sdlm" and
        the automatic rate of "sgd" and "sdlm" are updated. "auto" measures again
        whenever the number of presented examples has doubled. With log loss or a given
        rate it measures only once. Training that diverged is measured again in any
        case.
    loss : {"squared_error", "huber", "absolute_error", "quantile", "poisson", \
"gamma"} or object, default="squared_error"
        Loss function, summed over the outputs. "squared_error" is e^2 / 2 of the error
        e. "huber" is the same up to ``huber_delta`` and linear beyond, so that outliers
        count for less. "absolute_error" estimates the median; it is smoothed to
        ``sqrt(e^2 + 0.02^2) - 0.02``, in units of the normalised target. "quantile"
        estimates that ``quantile``, with the same smoothing. "poisson" and "gamma" are
        half the deviance of counts and of positive amounts; the network computes the
        logarithm of the mean, and ``predict`` returns the mean. An object with the
        methods ``value``, ``gradient`` and ``hessian`` is a user-defined loss, see
        docs/extending.md.
    quantile : float, default=0.5
        Fraction of the targets, in (0, 1), that should lie below the predictions. Only
        used when ``loss="quantile"``.
    huber_delta : float, default=1.35
        Error beyond which the loss is linear, in units of the normalised target. Only
        used when ``loss="huber"``.
    alpha : float, "auto" or "evidence", default="auto"
        Strength of the L2 penalty: the objective is the weighted mean loss plus
        ``alpha / 2`` times the sum of squared weights, without biases. "auto" is ``c *
        fan_in / n`` in each layer, with n the effective number of examples. c follows
        from the errors of examples that are left out of a regression with the kernel
        of a wide network. If nothing is predictable, predictions become nearly
        constant, and a warning names a smaller alpha. "evidence", with ``solver="lm"``
        and squared error, finds the strength of each layer during training (MacKay
        1992), as MATLAB's trainbr does; it is meant for networks with fewer weights
        than examples.
    categorical_features : None, "from_dtype" or array-like, default="from_dtype"
        Columns of X that are categories, each level of which becomes an input: their
        names, indices, or a boolean mask. "from_dtype" takes the columns of a data
        frame that hold text or a categorical type. Missing numbers, booleans and dates
        are accepted whatever it is, see :class:`TableEncoder`.
    max_iter : int or "auto", default="auto"
        Maximum number of epochs of stochastic solvers, or of iterations of batch
        solvers. "auto" is 200 iterations, 200 epochs of "adam", 20 epochs of "lm" on
        mini-batches, or so many epochs of "sgd" and "sdlm" that 30,000 examples are
        presented and 300 updates are made, but at least 30. Where the leave-one-out
        error of a linear model is k times that of the kernel of a wide network, k
        times as many examples are presented, with k up to 20 (5 for "lm").
        "lbfgs" makes up to three times as many iterations where this kernel leaves less
        than 3 % of the variance unexplained.
    max_fun : int, default=15000
        Maximum number of evaluations of the objective. Only used when
        ``solver="lbfgs"``.
    tol : float, default=1e-4
        Tolerance. Training stops when the objective (the validation score with early
        stopping) has not improved by at least ``tol`` for ``n_iter_no_change``
        iterations; batch solvers also stop when no component of the gradient is larger.
        For "lm", "sgd" and "sdlm" it is relative to an objective below 1, so that a
        precise minimum is found, and for "lbfgs" it is smaller where there is next to
        no noise, as said for ``max_iter``.
        0 disables this: training then takes exactly ``max_iter`` epochs, without a
        warning.
    n_iter_no_change : int or inf, default=10
        Number of iterations without progress after which training stops, see ``tol``;
        at least a tenth of the epochs that ``max_iter="auto"`` plans for "sgd" and
        "sdlm".
    goal : float or None, default=None
        Training stops when the objective is at most this value.
    max_time : float or None, default=None
        Training stops after this many seconds. With "sgd", "sdlm" and "adam", ``loss_``
        is then that of a random part of the examples, if all would take seconds.
    early_stopping : bool or "auto", default="auto"
        Whether to measure progress and to choose the best weights on validation data.
        With True, these are a part of the training data unless ``X_val`` is given.
        "auto" uses early stopping if and only if ``X_val`` is given.
    validation_fraction : float, default=0.1
        Fraction of the training data to hold out for early stopping. Classes keep their
        proportions, and every class keeps an example for training.
    scoring : "loss", str or callable, default="loss"
        Validation score, where larger is better. "loss" is the negative loss without
        the penalty. Otherwise a scorer of scikit-learn, by name or as
        ``scorer(estimator, X, y)``, which is given an estimator with the weights of the
        iteration. Weights of the validation data are taken into account.
    checkpoint : str, path-like or None, default=None
        Folder in which ``fit`` keeps the state of training, in a file for each
        combination of hyperparameters and data. It is written every
        ``checkpoint_interval`` seconds and at the end. See docs/checkpoints.md.
    checkpoint_interval : float, default=30.0
        Seconds between two writes of the checkpoint, at least an iteration of a batch
        solver. 0 writes whenever possible.
    resume : bool, default=False
        Whether ``fit`` continues from its checkpoint if there is one, and ends with
        the same bits as without the break. Without a file, or with one that is of no
        use, training begins anew.
    engine : {"auto", "numpy", "numba"}, default="auto"
        "numba" compiles the passes and updates; it needs the extra "fast". Adam, sparse
        inputs, and user-defined losses and activations are computed by NumPy in any
        case. "auto" uses numba, if it is installed, for many updates of "sgd" or "sdlm"
        with batches of at most 64 examples. Both engines agree up to rounding.
    random_state : int, RandomState or None, default=None
        Controls weight initialisation, shuffling and the validation split. Pass an int
        for reproducible results.
    warm_start : bool, default=False
        Whether ``fit`` continues from the weights, input statistics, solver state and
        random numbers of the previous call.
    verbose : bool or int, default=False
        1 shows a progress bar with the loss and the remaining time, if the output is a
        terminal or a notebook and the extra "progress" is installed. Otherwise, and
        with 2, a line is printed for every iteration.

    Attributes
    ----------
    coding_ : ValueCoding
        Coding of the targets: their scale, the loss, and the output activation.
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer, for normalised inputs; centres of radial basis functions.
    intercepts_ : list of ndarray of shape (n_out,)
        Biases of each layer; logarithms of the widths of radial basis functions.
    theta_ : ndarray of shape (n_weights,)
        All weights, layer after layer. Each layer is a C-ordered (n_in + 1, n_out)
        matrix with the biases in the last row; ``network_.layers(theta_)`` returns the
        views.
    network_ : Network
        Sizes and activations.
    table_encoder_ : TableEncoder or None
        Fitted transformer of categories, dates and missing values; None if the
        training data had none of them.
    normalizer_ : InputNormalizer or None
        Fitted normalisation of the inputs; None if there is none.
    target_mean_, target_scale_ : ndarray of shape (n_outputs,)
        Mean and standard deviation of the targets if ``normalize_target``, else 0 and
        1; for "poisson" and "gamma" 0 and the mean; with an output activation that has
        limits, the shift and scale that put the targets within its range.
    solver_, engine_ : str
        Solver and engine that were used.
    batch_size_, max_iter_ : int
        Examples per update, and maximum number of epochs or iterations of a call.
    alpha_ : ndarray of shape (n_layers - 1,)
        Strength of the L2 penalty in each layer, found or given.
    n_effective_parameters_ : float or None
        Number of parameters that the data determine (MacKay's gamma); None unless
        ``alpha="evidence"``.
    log_evidence_ : float or None
        Logarithm of the evidence of ``alpha_``, up to terms that do not depend on
        weights and penalties; None unless ``alpha="evidence"``.
    loss_ : float
        Objective at the fitted weights: of the coded targets, weighted, with the
        penalty.
    best_loss_ : float or None
        Same as ``loss_``; None with early stopping.
    loss_curve_ : list of float
        Objective of each iteration. For stochastic solvers it is the mean over an
        epoch, while the weights change, unless there is ``emphasis``.
    validation_scores_, validation_loss_curve_ : list of float or None
        Validation score and loss of each iteration; None without early stopping.
    best_validation_score_ : float or None
        Best validation score of the last call.
    learning_rate_ : float or None
        Initial global learning rate, found or given; None for batch solvers.
    learning_rate_curve_ : list of float
        Global learning rate of each epoch.
    lambda_max_ : float or None
        Largest curvature at the initial weights, if the rate was derived from it.
    convergence_ : Convergence
        How training ended: ``reason``, ``n_iter``, ``gradient_norm``, ``advice``,
        ``n_recoveries`` from divergence, and ``is_flat``, whether ``alpha`` leaves
        outputs that hardly depend on the inputs.
    n_iter_, t_ : int
        Number of iterations, and of presented examples.
    oof_prediction_ : ndarray or None
        What ``predict`` returns for the training data, if each row is predicted
        by the network that was trained without it. nan for rows that no network leaves
        out: the only example of a class, and examples of weight 0. None if
        ``n_estimators`` is 1, or if there are fewer than two different examples for
        each network.
    n_layers_, n_outputs_ : int
        Number of layers, including inputs and outputs, and of outputs.
    out_activation_ : str, Activation or tuple
        Activation of the outputs; "exp" for poisson and gamma.
    n_features_in_ : int
        Number of inputs.
    feature_names_in_ : ndarray of str
        Names of the inputs, if X had any.
    feature_importances_ : ndarray of shape (n_features,)
        Share of each input in the variation of the outputs, from derivatives over the
        training data; for RFE and SelectFromModel. Not available after ``partial_fit``.

    See Also
    --------
    EffPropClassifier : The same network for classification.
    InputNormalizer : The transformer behind ``normalize``, for use in a pipeline.

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

    coding_: ValueCoding
    target_mean_: Array
    target_scale_: Array

    def __init__(
        self,
        hidden_layer_sizes: HiddenLayerSizes = (32, 16),
        activation: ActivationLike | Sequence[ActivationLike] = "lecun_tanh",
        *,
        twist: float = 0.0,
        output_activation: ActivationLike = "auto",
        rbf_units: int | None = None,
        init: str | float | Array = "lecun_uniform",
        bias_init: str | float = "data",
        normalize: str | None = "robust",
        input_clip: float | None = 8.0,
        input_gains: bool = False,
        normalize_target: bool = True,
        solver: str = "auto",
        batch_size: int | str = "auto",
        n_estimators: int = 1,
        batch_growth: float = 1.0,
        shuffle: bool | str = "auto",
        emphasis: float = 0.0,
        learning_rate_init: float | str = "auto",
        learning_rate: str = "cosine",
        power_t: float = 0.5,
        annealing_tau: float = 10.0,
        flow_rates: tuple[float, float, float] = (0.1, 1.0, 0.01),
        learning_rate_scaling: str = "auto",
        momentum: float = 0.9,
        nesterovs_momentum: bool = False,
        averaging: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        damping: float | str = "auto",
        curvature_decay: float = 0.0,
        curvature_samples: int = 500,
        curvature_period: float | str = "auto",
        loss: str | UserLoss = "squared_error",
        quantile: float = 0.5,
        huber_delta: float = 1.35,
        alpha: float | str = "auto",
        categorical_features: ColumnChoice = "from_dtype",
        max_iter: int | str = "auto",
        max_fun: int = 15000,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        goal: float | None = None,
        max_time: float | None = None,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        scoring: ScoringLike = "loss",
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_interval: float = 30.0,
        resume: bool = False,
        engine: str = "auto",
        random_state: RandomStateLike = None,
        warm_start: bool = False,
        verbose: bool | int = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.twist = twist
        self.output_activation = output_activation
        self.rbf_units = rbf_units
        self.init = init
        self.bias_init = bias_init
        self.normalize = normalize
        self.input_clip = input_clip
        self.input_gains = input_gains
        self.normalize_target = normalize_target
        self.solver = solver
        self.batch_size = batch_size
        self.n_estimators = n_estimators
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
        self.categorical_features = categorical_features
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

    # ------------------------------------------------------------------------- training

    @available_if(can_learn_on)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: MatrixLike,
        y: VectorLike,
        sample_weight: VectorLike | None = None,
    ) -> Self:
        """Train one epoch on a batch of a stream.

        With all data at once this is one epoch of ``fit`` without ``input_clip``.  The
        statistics of the inputs include all batches so far.  ``goal`` and ``verbose``
        work as in ``fit``; ``early_stopping`` is not used.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The first call decides whether the weights are float32 or float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The mean and scale of the targets are those of the first calls, until 30
            examples have come; predictions change with them until then.  If later
            targets are quite different, so that this scale is off by a factor of three
            or more, mean and scale are taken from them.
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self
            The estimator with the last weights: which weights are best for a stream
            cannot be known.

        Raises
        ------
        ValueError
            If a hyperparameter or the data are invalid; the message names the
            parameter.  The estimator then stays as it was.
        AttributeError
            For batch solvers, which need all data at once.

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

    def _check_targets(self, y: Any) -> Any:
        dtype = np.asarray(y).dtype
        if dtype.kind not in "biuf":
            way_out = "Use EffPropClassifier for classification."
            if dtype.kind in "mM":
                way_out = "Convert it, to a number of days or seconds say."
            raise ValueError(
                f"y must be numeric for regression, got dtype {dtype}. {way_out}"
            )
        # None among objects has become NaN after scikit-learn had looked for it
        assert_all_finite(y, input_name="y")
        return y

    def _make_coding(self, examples: Examples, classes: Any) -> ValueCoding:
        return ValueCoding.of(
            examples.y,
            examples.weight,
            loss=self._make_loss(),
            loss_name=self.loss,
            output=self.output_activation,
            normalize=self.normalize_target,
        )

    def _make_loss(self) -> Loss:
        if self.loss == "huber":
            return make_loss(self.loss, delta=self.huber_delta)
        if self.loss == "quantile":
            return make_loss(self.loss, level=self.quantile)
        return make_loss(self.loss)

    def _find_posterior(self, run: Run, theta: Array) -> Laplace | None:
        is_gaussian = self.coding_.loss == SquaredError()
        is_small = len(theta) <= MAX_POSTERIOR_WEIGHTS
        # not where "auto" has chosen the solver, as it is large and takes its time
        is_wanted = run.plan.given.solver == "lm" and run.plan.given.n_estimators == 1
        if not (is_wanted and is_gaussian and is_small):
            return None
        return posterior_of(run.objective, theta)

    # ----------------------------------------------------------------------- prediction

    @overload
    def predict(
        self, X: MatrixLike, return_std: Literal[False] = False, interval: None = None
    ) -> Array: ...

    @overload
    def predict(
        self, X: MatrixLike, return_std: Literal[True], interval: None = None
    ) -> tuple[Array, Array]: ...

    @overload
    def predict(
        self, X: MatrixLike, return_std: Literal[False] = False, *, interval: float
    ) -> tuple[Array, Array]: ...

    def predict(
        self,
        X: MatrixLike,
        return_std: bool = False,
        interval: float | None = None,
    ) -> Array | tuple[Array, Array]:
        """Predict values, and how far new observations may be from them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        return_std : bool, default=False
            Whether to return standard deviations as well. Only possible after training
            with ``solver="lm"``, whose Gauss-Newton matrix describes how well the data
            determine each weight (section 6.4).
        interval : float, optional
            Share of new observations that should lie within their interval, such as
            0.9. Only possible with ``n_estimators`` > 1: the width follows from the
            errors of each network for the examples that it was trained without, reduced
            by what the mean of all networks is better than one of them.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        std : ndarray of the same shape, if ``return_std``
            Standard deviation of a new observation, in the units of y. It comprises the
            noise, estimated from the residuals, and the uncertainty of the weights by
            Laplace's approximation. About nine in ten observations lie within 1.64
            standard deviations, provided that the noise has the same variance
            everywhere and that the network is not overfitted.
        bounds : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper bound of each interval, if ``interval`` is given. All
            intervals are equally wide: they contain this share of the observations on
            average, not for every X. They are infinite if there are too few examples.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If X does not suit the fitted network; with ``return_std=True`` after any
            other solver or loss, or for too many weights; with ``interval`` after a fit
            of a single network, or of fewer than two examples for each; with either if
            other weights have been assigned since ``fit``, and with both.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sk_effprop import EffPropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> regressor = EffPropRegressor((4,), solver="lm", random_state=0).fit(X, y)
        >>> values, std = regressor.predict(X, return_std=True)
        >>> values.shape == std.shape == y.shape
        True
        >>> regressor = EffPropRegressor((4,), n_estimators=5, random_state=0).fit(X, y)
        >>> values, bounds = regressor.predict(X, interval=0.9)
        >>> bounds.shape
        (442, 2)
        """
        check_is_fitted(self)
        if return_std and interval is not None:
            raise ValueError("return_std=True and interval cannot be combined.")
        outputs = self._run(X, lambda trace: trace.outputs)
        values = self.coding_.decode(outputs)
        if interval is not None:
            widths = interval_widths(self, interval).astype(values.dtype)
            widths = widths.reshape(values.shape[1:])
            return values, np.stack([values - widths, values + widths], axis=-1)
        if not return_std:
            return values
        numbers = tables.as_numbers(self, reading.validate_inputs(self, X))
        inputs = reading.normalize(numbers, self.normalizer_).astype(np.float64)
        # variances far from the data may be infinite
        with np.errstate(over="ignore", invalid="ignore"):
            variance = self._known_posterior().variance(self.network_, inputs)
        return values, self.coding_.decode_variance(variance, outputs.dtype)

    def _known_posterior(self) -> Laplace:
        """Posterior of the weights, which must be those that were found."""
        if self._is_for_inference:
            raise ValueError(
                "return_std=True needs the uncertainty of the weights, which a copy "
                "made by sk_effprop.export.to_inference lacks. Use the original."
            )
        posterior: Laplace | None = self._posterior
        if posterior is None:
            raise ValueError(
                "return_std=True needs a fit of one network with solver='lm', whose "
                "curvature gives the uncertainty, with loss='squared_error', which "
                "assumes Gaussian noise, and with at most "
                f"{MAX_POSTERIOR_WEIGHTS} weights. This model used {self.solver_!r} "
                f"and {self.loss!r} for {len(self.theta_)} weights, and "
                f"n_estimators={self.n_estimators}; its training ended by "
                f"{self.convergence_.reason!r}, and max_time is {self.max_time}. "
                "The uncertainty is not computed when the time is over, or after "
                "Ctrl-C."
            )
        if not np.array_equal(posterior.theta, self.theta_):
            raise ValueError(
                "return_std=True needs the weights that solver='lm' found, but other "
                "values have been assigned to theta_, coefs_ or intercepts_ since. "
                "Continue from these by a fit with warm_start=True."
            )
        return posterior

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        owned = OWN_OUTPUTS.get(self.loss) if isinstance(self.loss, str) else None
        tags.target_tags.positive_only = owned == "exp"
        return tags
