"""The composition root: what both estimators do with data, network and solver."""

from abc import ABCMeta, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import replace
from functools import cache
from typing import Any
from warnings import warn

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import ThreadpoolController

from sk_effprop._sklearn import check_sample_weight, fit_context
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective, row_blocks
from sk_effprop.core.rates import Progress
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._data import Examples, as_weighted_set, split_off
from sk_effprop.estimators._parameters import check_hyperparameters
from sk_effprop.preprocessing import (
    ROTATIONS,
    InputNormalizer,
    without_duplicates,
)
from sk_effprop.solvers import BATCH, STOCHASTIC
from sk_effprop.training.convergence import complaint, describe
from sk_effprop.training.monitor import Monitor


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def single_threaded() -> Any:
    """One BLAS thread, so that results do not depend on how many there are."""
    return _threads().limit(limits=1, user_api="blas")


def can_learn_on(estimator: Any) -> bool:
    """Whether partial_fit is there: not for batch solvers."""
    if estimator.solver in BATCH:
        raise AttributeError(
            f"partial_fit needs a stochastic solver, one of {STOCHASTIC}, or 'auto'; "
            f"solver is {estimator.solver!r}."
        )
    return True


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Leave an estimator as it was if what it is doing fails."""
    before = vars(estimator).copy()
    try:
        # overflow is looked for where it matters, in values and weights
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class BaseEffProp(BaseEstimator, metaclass=ABCMeta):
    """Fitting, in the order in which it happens; subclasses know the targets."""

    # ------------------------------------------------------- what subclasses must know

    @abstractmethod
    def _check_targets(self, y):
        """Validate y as scikit-learn's checks want it; return it as an array."""

    @abstractmethod
    def _weigh_classes(self, y, weight):
        """Multiply sample weights by class weights."""

    @abstractmethod
    def _learn_targets(self, examples, classes=None):
        """Set the coding of targets, ``_loss`` and ``_output`` (activation, name)."""

    @abstractmethod
    def _code_targets(self, y, dtype):
        """Return targets (n_samples, n_outputs) and class numbers or None."""

    # ---------------------------------------------------------------------------- fit

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
    ):
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Raw inputs; ``normalize`` takes care of their scales.  float32 is kept.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Not negative.  Rows of weight 0 are as good as absent.
        X_val, y_val : array-like, optional
            Validation data for early stopping, in place of a part of X.
        sample_weight_val : array-like, optional
            Weights of the validation data.

        Returns
        -------
        self
            The fitted estimator, with the best weights that training met.

        Raises
        ------
        ValueError
            For a hyperparameter or data that break a rule; the message names it.
        """
        check_hyperparameters(self)
        with all_or_nothing(self):
            going_on = self.warm_start and hasattr(self, "theta_")
            train = self._read(X, y, sample_weight, reset=not going_on)
            held_out = self._read_validation(X_val, y_val, sample_weight_val)
            rng = self._start_rng(going_on)
            wants_split = self.early_stopping != "auto" and self.early_stopping
            if held_out is None and wants_split:
                train, held_out = split_off(train, self.validation_fraction, rng)
            self.solver_ = build.resolve_solver(self, len(train))
            n_samples = self._count(train)
            if self.solver_ in BATCH:
                train = as_weighted_set(train)
            if not going_on:
                self._start_coding(train)
                self._fit_normalizer(train)
            objective = self._make_objective(train, n_samples=n_samples)
            self._train(
                objective,
                rng,
                going_on,
                max_iter=self.max_iter,
                tol=self.tol,
                patience=build.patience(self),
                goal=self.goal,
                max_time=self.max_time,
                validate=None if held_out is None else self._make_validation(held_out),
            )
            self._n_seen = n_samples
        anneals = self.solver_ in STOCHASTIC and self.solver_ != "adam"
        anneals_to_zero = anneals and self.learning_rate == "cosine"
        self._warn(fixed_length=self.tol == 0 or anneals_to_zero)
        return self

    def _train(self, objective, rng, going_on, **stopping):
        """Walk downhill from where we are, until the monitor says stop."""
        with single_threaded():
            theta, state = self._starting_point(objective, rng, going_on)
            value = objective.value(theta)
            if not np.isfinite(value):
                raise ValueError(
                    f"The inputs are too large to compute with: normalize="
                    f"{self.normalize!r} leaves the objective at {value} before any "
                    "training. Scale X, or take out what is not a measurement."
                )
            monitor = Monitor(
                theta,
                value,
                null_value=objective.null_value(),
                report=self._report if self.verbose else None,
                **stopping,
            )
            solver = self._make_solver(
                objective, theta, rng, state, streaming=monitor.keep_last
            )
            try:
                solution = solver.solve(
                    objective, theta, state=state, rng=rng, monitor=monitor
                )
            except KeyboardInterrupt:
                solution = None
            self._store(objective, monitor, solution, rng)

    # ------------------------------------------------------------------- partial_fit

    def _partial_fit(self, X, y, sample_weight, classes=None):
        check_hyperparameters(self)
        with all_or_nothing(self):
            going_on = hasattr(self, "theta_")
            batch = self._read(X, y, sample_weight, reset=not going_on)
            rng = self._start_rng(going_on)
            if not going_on:
                self._start_coding(batch, classes)
                self._fit_normalizer(batch)
            elif self.normalizer_ is not None and self.normalizer_.clip is None:
                self._keep_normalizing(batch)
            is_auto = self.solver == "auto"
            self.solver_ = build.AUTO_STOCHASTIC if is_auto else self.solver
            seen = self._count(batch) + (self._n_seen if going_on else 0.0)
            objective = self._make_objective(batch, n_samples=seen)
            known = (
                (self.loss_curve_, self.learning_rate_curve_) if going_on else ([], [])
            )
            self._train(objective, rng, going_on, max_iter=1, keep_last=True)
            self._n_seen = seen
            self.loss_curve_ = known[0] + self.loss_curve_
            self.learning_rate_curve_ = known[1] + self.learning_rate_curve_
            self.n_iter_ = self.convergence_.n_iter = len(self.loss_curve_)
        self._warn(fixed_length=True, stacklevel=5)
        return self

    def _keep_normalizing(self, batch):
        """Take the batch into the running statistics of the inputs.

        The first layer is compensated, so that the network computes what it did:
        ``(x - s) A W + b = (x - s') A' W' + b'`` for ``W' = A'^-1 A W`` and
        ``b' = b + (s' - s) A W``.  A clip cannot be compensated, so with
        ``input_clip`` the statistics of the first batch stay.
        """
        shift, A = self.normalizer_.affine(np.float64)
        self.normalizer_ = copy(self.normalizer_).learn(batch.X, batch.weight)
        new_shift, new_A = self.normalizer_.affine(np.float64)
        self.theta_ = self.theta_.copy()
        W = self.network_.layers(self.theta_)[0]
        raw = A[:, None] * W[:-1] if A.ndim == 1 else A @ W[:-1]
        W[-1] += (new_shift - shift) @ raw
        W[:-1] = raw / new_A[:, None] if A.ndim == 1 else np.linalg.pinv(new_A) @ raw

    # -------------------------------------------------------------------- using the net

    def loss_and_gradient(self, X, y, sample_weight=None):
        """Objective and its gradient at the fitted weights, on any data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        loss : float
            E of the fitted network: mean loss of the coded targets, with sample and
            class weights, plus the penalty.
        gradient : ndarray of shape (n_weights,)
            Its gradient with respect to ``theta_``, in the same layout.
        """
        objective = self._fitted_objective(X, y, sample_weight)
        return objective.value_and_gradient(self.theta_)

    def _fitted_objective(self, X, y, sample_weight=None):
        """E of the fitted network on any data."""
        check_is_fitted(self)
        examples = self._read(X, y, sample_weight, reset=False)
        return self._make_objective(examples, fitted=True)

    def hidden_activations(self, X, layer=-1):
        """What a hidden layer makes of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        layer : int, default=-1
            Hidden layer, counted as Python counts; -1 is the one below the output.

        Returns
        -------
        ndarray of shape (n_samples, n_units)
        """
        check_is_fitted(self)
        hidden = range(len(self.network_.sizes) - 2)
        if layer not in range(-len(hidden), len(hidden)):
            raise ValueError(
                f"layer must be in [{-len(hidden)}, {len(hidden)}) as there are "
                f"{len(hidden)} hidden layers, got {layer}."
            )
        return self._run(X, lambda trace: trace.values[hidden[layer]])

    def to_sklearn(self, *, allow_inexact_proba=False):
        """Fold the network into a plain MLPClassifier or MLPRegressor.

        Parameters
        ----------
        allow_inexact_proba : bool, default=False
            Give a classifier that was not trained with log loss a ``predict_proba``
            that differs from its own.

        Returns
        -------
        MLPClassifier or MLPRegressor
            With the same predictions, see :func:`sk_effprop.export.to_sklearn`.

        Raises
        ------
        ValueError
            If there is no MLP that computes the same.
        """
        from sk_effprop.export import to_sklearn

        return to_sklearn(self, allow_inexact_proba=allow_inexact_proba)

    def _run(self, X, read):
        """Forward pass in blocks of rows; ``read`` picks from each block's trace."""
        X = self._validate_inputs(X)
        sizes = self.network_.sizes
        width = max(sizes[1:] if sparse.issparse(X) else sizes)
        results = []
        for rows in row_blocks(X.shape[0], width):
            inputs = self._make_inputs(X[rows])
            trace = forward(self.network_, self.theta_, inputs, only_values=True)
            results.append(read(trace).copy())
        return results[0] if len(results) == 1 else np.concatenate(results)

    @property
    def coefs_(self):
        """Weights of each layer, (n_in, n_out), on normalised inputs; read-only."""
        return [_read_only(W[:-1]) for W in self._fitted_layers("coefs_")]

    @property
    def intercepts_(self):
        """Biases of each layer, (n_out,); read-only."""
        return [_read_only(W[-1]) for W in self._fitted_layers("intercepts_")]

    def _fitted_layers(self, name):
        if not hasattr(self, "theta_"):
            raise AttributeError(f"{name} is there after fit.")
        return self.network_.layers(self.theta_)

    # ------------------------------------------------------------------ reading data

    def _validate_inputs(self, X):
        X = validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        return without_duplicates(X)

    def _read(self, X, y, sample_weight, *, reset):
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
        weight = self._weigh_classes(y, weight)
        shown = weight > 0
        if not shown.any():
            raise ValueError(
                "sample_weight must have a positive entry: all examples have weight 0, "
                "so there is nothing to learn from."
            )
        examples = Examples(X, y, weight)
        return examples if shown.all() else examples[shown]

    def _read_validation(self, X_val, y_val, sample_weight_val):
        if X_val is None and y_val is None:
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together, or neither.")
        if not self.early_stopping:
            raise ValueError(
                "early_stopping=False makes no use of X_val and y_val. Use "
                "early_stopping='auto' or True, or leave them out."
            )
        return self._read(X_val, y_val, sample_weight_val, reset=False)

    @staticmethod
    def _count(examples):
        """A weight of 2 counts as two examples; fractions do not count as fewer."""
        # rounded, as weights that sum to n may do so but for the last bits
        return max(round(float(examples.weight.sum()), 6), len(examples))

    def _start_coding(self, examples, classes=None):
        """Fix the coding of targets, and remember what it depends on."""
        self._learn_targets(examples, classes)
        names = ("loss", "output_activation", "target_values", "normalize_target")
        self._coded_with = {n: getattr(self, n) for n in names if hasattr(self, n)}

    def _fit_normalizer(self, train):
        if self.normalize is None and self.input_clip is None:
            self.normalizer_ = None
            return
        normalizer = InputNormalizer(self.normalize, clip=self.input_clip).forget()
        normalizer.n_features_in_ = self.n_features_in_
        if hasattr(self, "feature_names_in_"):
            normalizer.feature_names_in_ = self.feature_names_in_
        self.normalizer_ = normalizer.learn(train.X, train.weight)

    def _make_inputs(self, X):
        """Normalised rows with a column of ones; sparse X stays sparse."""
        if sparse.issparse(X):
            normalizer = self.normalizer_ or InputNormalizer(None).forget().learn(
                X, np.ones(X.shape[0])
            )
            return normalizer.fold(X)
        return with_ones(X if self.normalizer_ is None else self.normalizer_.apply(X))

    def _make_objective(self, examples, *, n_samples=None, fitted=False):
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
            penalty = build.penalty(self, network, n_samples)
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

    # ---------------------------------------------------------------------------- parts

    def _start_rng(self, going_on):
        if going_on and hasattr(self, "_rng"):
            # a call that fails must not use up random numbers
            return deepcopy(self._rng)
        return np.random.default_rng(
            check_random_state(self.random_state).randint(2**31 - 1)
        )

    def _starting_point(self, objective, rng, going_on):
        """Weights to start from, and the state of the solver that left them."""
        if not going_on:
            return build.initial_theta(self, objective, rng), None
        for name, value in self._coded_with.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"{name} was {value!r} and would become {getattr(self, name)!r}, "
                    "which cannot go on from the old weights. Use warm_start=False or "
                    "a new estimator."
                )
        if objective.network != self.network_:
            raise ValueError(
                f"The network was {self.network_.sizes} and would become "
                f"{objective.network.sizes} or change its activations, which cannot go "
                "on from the old weights. Use warm_start=False or a new estimator."
            )
        name, state = self._left_behind
        theta = self.theta_.astype(objective.inputs.dtype, copy=False)
        kind = build.kind_of_state(self, self.solver_)
        return theta, state if name == kind else None

    def _make_solver(self, objective, theta, rng, state, *, streaming):
        known = getattr(state, "rates", None)
        solver = build.make_solver(
            self, self.solver_, objective, theta, rng, known, streaming=streaming
        )
        self.engine_ = getattr(solver, "engine", "numpy")
        if known is None:
            rates = getattr(solver, "rates", None)
            self.learning_rate_ = None if rates is None else rates.eta
            self.lambda_max_ = None if rates is None else rates.lambda_max
        elif solver.find_rates.eta is not None:
            self.learning_rate_ = solver.find_rates.eta
        return solver

    def _make_validation(self, held_out):
        objective = self._make_objective(held_out).without_penalty()

        def validate(theta):
            loss = objective.value(theta)
            return loss, -loss

        return validate

    def _report(self, monitor):
        line = f"Iteration {monitor.n_iter}, loss = {monitor.loss_curve[-1]:.8f}"
        if monitor.validation_scores:
            line += f", validation score = {monitor.validation_scores[-1]:.6f}"
        print(line, flush=True)

    # ----------------------------------------------------------------------- results

    def _store(self, objective, monitor, solution, rng):
        """Set what training found."""
        state = None if solution is None else solution.state
        # alpha="evidence" has found another
        penalty = getattr(state, "penalty", objective.penalty)
        objective = replace(objective, penalty=penalty)
        network = objective.network
        self.network_, self.theta_ = network, monitor.best_theta
        self.out_activation_ = self._output[1]
        self._penalty, self._rng = penalty, rng
        self._left_behind = (build.kind_of_state(self, self.solver_), state)
        self.n_layers_, self.n_outputs_ = len(network.sizes), network.sizes[-1]
        self.loss_curve_, self.learning_rate_curve_ = monitor.loss_curve, monitor.rates
        self.n_iter_ = monitor.n_iter
        self.loss_, gradient = objective.value_and_gradient(self.theta_)
        validated = monitor.validate is not None
        self.best_loss_ = None if validated else self.loss_
        self.validation_scores_ = monitor.validation_scores if validated else None
        self.validation_loss_curve_ = monitor.validation_losses if validated else None
        self.best_validation_score_ = monitor.best_score if validated else None
        progress = getattr(state, "progress", Progress())
        self.t_ = progress.n_shown or self.n_iter_ * objective.n_samples
        self.convergence_ = describe(
            monitor, solution, gradient_norm=float(np.linalg.norm(gradient))
        )
        self._posterior = self._find_posterior(objective)

    def _find_posterior(self, objective):
        """What is kept for the uncertainty of predictions: nothing, unless it is."""
        return None

    def _warn(self, *, fixed_length, stacklevel=4):
        sentence = complaint(
            self.convergence_, fixed_length=fixed_length, rate=self.learning_rate_
        )
        if sentence:
            # the line that called fit, above the wrapper that validates parameters
            warn(sentence, ConvergenceWarning, stacklevel=stacklevel)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        clips_a_rotation = self.normalize in ROTATIONS and self.input_clip is not None
        tags.input_tags.sparse = not clips_a_rotation
        return tags


def _read_only(view):
    view = view.view()
    view.flags.writeable = False
    return view
