"""EffPropClassifier: labels in, labels and probabilities out."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_is_fitted

from sk_effprop._sklearn import fit_context
from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.losses import LogLoss, SquaredError, make_loss
from sk_effprop.core.targets import (
    code_indicator,
    decode_probabilities,
    midpoint_preactivation,
    place_targets,
)
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._base import BaseEffProp, can_learn_on
from sk_effprop.estimators._class_weights import (
    balancing_factors,
    check_class_weight,
    check_names_of_classes,
    weigh,
)
from sk_effprop.estimators._parameters import CLASSIFIER, constraints, is_per_layer


class EffPropClassifier(ClassifierMixin, BaseEffProp):
    """A neural network for classes, trained as "Efficient BackProp" says.

    Inputs are normalised, targets placed, weights drawn and learning rates chosen the
    way the paper recommends; every one of these tricks is a parameter, so that it can
    stand in a grid search.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
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
        Of the outputs. "auto" is the identity with ``loss="log_loss"``, which owns
        the softmax or logistic function; with squared error it is the last hidden
        activation if that is a sigmoid, else "lecun_tanh".
    target_values : {"max_curvature", "asymptote"} or (low, high), \
default="max_curvature"
        Where the targets of a squared-error classifier are put (section 4.5): where
        ``|f''|`` of the output activation peaks (close to -1 and 1 for
        "lecun_tanh"), at its asymptotes, or at two values. An output without two
        flat ends uses (-1, 1), or (0, 1) if it cannot be negative. Ignored with
        ``loss="log_loss"``.
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
    loss : {"log_loss", "squared_error"} or object, default="log_loss"
        Squared error on targets between the flat ends of a sigmoid is the paper's
        choice; log loss gives probabilities. An object with the methods ``value``,
        ``gradient`` and ``hessian`` is a loss of one's own, see docs/extending.md;
        targets and probabilities are then those of squared error.
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
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with ``sample_weight``; validation losses
        and scores are weighted likewise. Classes that are not named have weight 1.
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
    classes_ : ndarray of shape (n_classes,)
        Class labels; column numbers for multilabel.
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
        Of the outputs.
    n_features_in_ : int
        Inputs.
    feature_names_in_ : ndarray of str
        Their names, where X had any.

    See Also
    --------
    EffPropRegressor : The same network for values.
    InputNormalizer : The step behind ``normalize``, for pipelines of one's own.

    References
    ----------
    LeCun, Bottou, Orr and Mueller, "Efficient BackProp", in: Neural Networks: Tricks of
    the Trade, Springer, 1998.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sk_effprop import EffPropClassifier
    >>> X, y = load_wine(return_X_y=True)    # columns from 0.1 to 1680, as they are
    >>> classifier = EffPropClassifier(random_state=0).fit(X, y)
    >>> classifier.score(X, y)
    1.0
    """

    _registry = CLASSIFIER
    _parameter_constraints = constraints(CLASSIFIER)
    _is_classifier = True

    def __init__(
        self,
        hidden_layer_sizes=(64, 32),
        activation="lecun_tanh",
        *,
        twist=0.0,
        output_activation="auto",
        target_values="max_curvature",
        init="lecun_uniform",
        bias_init="data",
        normalize="robust",
        input_clip=8.0,
        input_gains=False,
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
        loss="log_loss",
        alpha="auto",
        class_weight=None,
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

        With all data it is one epoch of ``fit`` without ``input_clip``. Statistics
        of the inputs keep running. ``goal`` and ``verbose`` work as in ``fit``;
        ``early_stopping`` is left to that.

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

        Raises
        ------
        ValueError
            For a hyperparameter or data that break a rule; the message names it.
        AttributeError
            For solvers that need all data at once.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sk_effprop import EffPropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> stream = EffPropClassifier((8,), random_state=0)
        >>> for start in range(0, 150, 30):
        ...     rows = slice(start, start + 30)
        ...     stream = stream.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        >>> stream.n_iter_, stream.t_
        (5, 150)
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' cannot know the classes of a stream. Compute "
                "the weights with sklearn.utils.class_weight.compute_class_weight and "
                "pass them as a dict."
            )
        if classes is not None and hasattr(self, "theta_"):
            self._check_named_again(classes)
        return self._partial_fit(X, y, sample_weight, classes)

    def predict(self, X):
        """Predict classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For X that does not suit the fitted network; the message says why.
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

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For X that does not suit the fitted network; the message says why.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from sk_effprop import EffPropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = EffPropClassifier((8,), random_state=0).fit(X, y)
        >>> largest = np.argmax(classifier.decision_function(X), axis=1)
        >>> bool(np.all(classifier.classes_[largest] == classifier.predict(X)))
        True
        """
        check_is_fitted(self)
        decision = self._run(X, lambda trace: trace.z(-1)) - self._decision_offset
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

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For X that does not suit the fitted network; the message says why.

        Notes
        -----
        A network trained on squared error has outputs between two targets, not
        probabilities: they are mapped linearly from (low, high) to (0, 1), those beyond
        into the last millionth at either end, and divided by their sum if there are
        more than two classes.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sk_effprop import EffPropClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = EffPropClassifier((8,), random_state=0).fit(X, y)
        >>> classifier.predict_proba(X[:1]).round(2).tolist()
        [[1.0, 0.0, 0.0]]
        """
        check_is_fitted(self)
        outputs = self._run(X, lambda trace: trace.outputs).astype(np.float64)
        if isinstance(self._loss, LogLoss):
            p = self._loss.probabilities(outputs)
        else:
            p = decode_probabilities(outputs, *self._low_high)
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

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For X that does not suit the fitted network; the message says why.
        """
        # the probability of a logit of -800 is 0 in float64, and its logarithm -inf
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    # -------------------------------------------------------------------------- targets

    def _check_targets(self, y):
        if y.ndim == 1 and y.dtype.kind in "biuUS":
            # labels beyond doubt; to look closer takes as long as a short fit
            return y
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

    def _weigh_classes(self, y, weight, *, rebalance):
        if self.class_weight is None:
            return weight
        if self.class_weight != "balanced":
            check_class_weight(self.class_weight, y)
            return weigh(y, weight, [self.class_weight])
        if rebalance or not hasattr(self, "_balance"):
            self._balance = balancing_factors(y, weight)
        return weigh(y, weight, self._balance)

    def _learn_targets(self, examples, classes=None):
        y = examples.y
        self._multilabel = y.ndim == 2
        known = np.unique(y) if classes is None else unique_labels(classes)
        self.classes_ = np.arange(y.shape[1]) if self._multilabel else known
        self._check_known(y)
        if isinstance(self.class_weight, dict):
            check_names_of_classes(self.class_weight, self.classes_)
        self._output = self._resolve_output()
        self._strength = build.CLASSES_ALPHA
        if self.loss == "log_loss":
            self._loss, self._low_high, self._decision_offset = (
                LogLoss(self._exclusive), (0.0, 1.0), 0.0,
            )  # fmt: skip
        else:
            self._loss = make_loss(self.loss)
            self._low_high = place_targets(self.target_values, self._output[0])
            if isinstance(self._loss, SquaredError):
                self._strength *= build.squared_spread(*self._low_high)
            self._decision_offset = midpoint_preactivation(
                *self._low_high, self._output[0]
            )

    def _check_warm_targets(self, y):
        known = np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)
        if not np.array_equal(known, self.classes_):
            # what MLPClassifier says, word for word
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has "
                f"{known}. Use partial_fit for a part of the classes, or "
                "warm_start=False."
            )

    def _check_named_again(self, classes):
        if not np.array_equal(unique_labels(classes), self.classes_):
            raise ValueError(
                f"classes must stay what they were in the first call, "
                f"{self.classes_.tolist()}, got {np.asarray(classes).tolist()}. "
                "Leave them out, or use a new estimator."
            )

    def _check_known(self, y):
        if (y.ndim == 2) != self._multilabel or (
            y.ndim == 2 and y.shape[1] != len(self.classes_)
        ):
            raise ValueError(
                f"y has the shape {y.shape}, which does not fit the classes of the "
                f"first call: {self.classes_.tolist()}."
            )
        if self._multilabel:
            return
        nearest = np.searchsorted(self.classes_, y)
        found = self.classes_.take(nearest, mode="clip") == y
        if not found.all():
            unknown = np.unique(y[~found])
            raise ValueError(
                f"y has classes {unknown.tolist()} that are not among the classes "
                f"{self.classes_.tolist()} of the first call. Show all classes there, "
                "or name them: partial_fit(X, y, classes=...)."
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
        return code_indicator(indicator, *self._low_high).astype(dtype), labels

    def _resolve_output(self):
        if self.loss == "log_loss":
            return IDENTITY, "softmax" if self._exclusive else "logistic"
        if self.output_activation != "auto":
            activation = build.resolve_activation(self.output_activation)
            return activation, self.output_activation
        chosen = self.activation
        last = (chosen or ["lecun_tanh"])[-1] if is_per_layer(chosen) else chosen
        if build.resolve_activation(last).is_sigmoid:
            return build.resolve_activation(last), last
        return ACTIVATIONS["lecun_tanh"], "lecun_tanh"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
