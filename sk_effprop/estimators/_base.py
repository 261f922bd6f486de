"""The composition root: what both estimators do with data, network and solver."""

from abc import ABCMeta, abstractmethod
from dataclasses import replace
from functools import cache
from typing import Any
from warnings import warn

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import ThreadpoolController

from sk_effprop._sklearn import check_sample_weight, fit_context
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective, row_blocks
from sk_effprop.core.rates import Progress
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._data import Examples, as_weighted_set, split_off
from sk_effprop.estimators._parameters import check_combinations, check_planned
from sk_effprop.preprocessing import InputNormalizer
from sk_effprop.solvers import BATCH, STOCHASTIC
from sk_effprop.training.monitor import Monitor

ADVICE = {
    "converged": "",
    "goal": "",
    "stalled": "",
    "max_iter": "Raise max_iter, or learning_rate_init if the loss falls slowly.",
    "max_fun": "Raise max_fun.",
    "max_time": "Raise max_time.",
    "interrupted": "Go on from here with warm_start=True.",
    "diverged": "Lower learning_rate_init or leave it on 'auto', and normalize the "
    "inputs.",
}


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


class BaseEffProp(BaseEstimator, metaclass=ABCMeta):
    """Fitting, in the order in which it happens; subclasses know the targets."""

    # ------------------------------------------------------- what subclasses must know

    @abstractmethod
    def _check_targets(self, y):
        """Validate y as scikit-learn's checks want it; return it as an array."""

    @abstractmethod
    def _learn_targets(self, y, weight, classes=None):
        """Set what the coding of targets needs: classes, or mean and scale."""

    @abstractmethod
    def _code_targets(self, y, dtype):
        """Return targets (n_samples, n_outputs) and class numbers or None."""

    @abstractmethod
    def _weigh_classes(self, y, weight):
        """Multiply sample weights by class weights."""

    @abstractmethod
    def _make_loss(self):
        """Return the loss on the network's outputs."""

    @abstractmethod
    def _resolve_output(self):
        """Return the output's Activation, and the name users know it by."""

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
        check_planned(self, self._registry)
        check_combinations(self)
        going_on = self.warm_start and hasattr(self, "theta_")
        train = self._read(X, y, sample_weight, reset=not going_on)
        held_out = self._read_validation(X_val, y_val, sample_weight_val)
        rng = self._start_rng(going_on)
        if held_out is None and self.early_stopping is True:
            train, held_out = split_off(
                train, self.validation_fraction, rng, labels=self._split_labels(train)
            )
        self.solver_ = build.resolve_solver(
            self, len(train), is_classifier=self._is_classifier
        )
        if self.solver_ in BATCH:
            train = as_weighted_set(train)
        if not going_on:
            self._learn_targets(train.y, train.weight)
            self._fit_normalizer(train)
        objective = self._make_objective(train)
        with single_threaded():
            return self._train(objective, rng, going_on, held_out=held_out)

    def _train(self, objective, rng, going_on, *, held_out=None):
        """Walk downhill from where we are, and keep the best of the way."""
        theta, state = self._starting_point(objective, rng, going_on)
        solver = self._make_solver(objective, theta, rng, state)
        monitor = Monitor(
            theta,
            objective.value(theta),
            null_value=objective.null_value(),
            max_iter=self.max_iter,
            tol=self.tol,
            patience=build.patience(self),
            goal=self.goal,
            max_time=self.max_time,
            validate=None if held_out is None else self._make_validation(held_out),
            report=self._report if self.verbose else None,
        )
        try:
            solution = solver.solve(
                objective, theta, state=state, rng=rng, monitor=monitor
            )
        except KeyboardInterrupt:
            solution, monitor.reason = None, "interrupted"
        self._store(objective, monitor, solution, rng)
        self._warn()
        return self

    # ------------------------------------------------------------------- partial_fit

    def _partial_fit(self, X, y, sample_weight, classes):
        check_planned(self, self._registry)
        check_combinations(self)
        going_on = hasattr(self, "theta_")
        batch = self._read(X, y, sample_weight, reset=not going_on)
        rng = self._start_rng(going_on)
        if not going_on:
            self._learn_targets(batch.y, batch.weight, classes)
            self._fit_normalizer(batch)
        elif self.normalizer_ is not None:
            self._keep_normalizing(batch)
        self._weight_seen = batch.weight.sum() + (self._weight_seen if going_on else 0)
        objective = self._make_objective(batch, n_samples=self._weight_seen)
        self.solver_ = self.solver if self.solver in STOCHASTIC else "sgd"
        with single_threaded():
            theta, state = self._starting_point(objective, rng, going_on)
            solver = self._make_solver(objective, theta, rng, state)
            monitor = Monitor(
                theta,
                objective.value(theta),
                null_value=objective.null_value(),
                max_iter=1,
                report=self._report if self.verbose else None,
            )
            solution = solver.solve(
                objective, theta, state=state, rng=rng, monitor=monitor
            )
        if monitor.reason != "diverged":
            # one epoch's weights are kept even if they are not better on this batch
            monitor.best_theta = solution.theta
            monitor.best_value = objective.value(solution.theta)
        self._store(objective, monitor, solution, rng, append=going_on)
        if monitor.reason == "diverged":
            self._warn()
        return self

    def _keep_normalizing(self, batch):
        """Take the batch into the running statistics of the inputs.

        The first layer is compensated, so that the network computes what it did:
        ``(x - s) A W + b = (x - s') A' W' + b'`` for ``W' = A'^-1 A W`` and
        ``b' = b + (s' - s) A W``.
        """
        shift, A = self.normalizer_.affine(np.float64)
        self.normalizer_.learn(batch.X, batch.weight)
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
        check_is_fitted(self)
        objective = self._make_objective(
            self._read(X, y, sample_weight, reset=False), penalty=self._penalty
        )
        return objective.value_and_gradient(self.theta_)

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
        return self._run(X, lambda work: work.values[hidden[layer]])

    def _run(self, X, read):
        """Forward pass in blocks of rows; ``read`` picks from each block's trace."""
        X = self._validate_inputs(X, reset=False)
        results = [
            read(forward(self.network_, self.theta_, self._make_inputs(X[rows]))).copy()
            for rows in row_blocks(X.shape[0], max(self.network_.sizes))
        ]
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

    # ---------------------------------------------------------------------- reading data

    def _validate_inputs(self, X, **options):
        return validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            **options,
        )

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
        y = self._check_targets(y)
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
        if self.early_stopping is False:
            raise ValueError(
                "early_stopping=False makes no use of X_val and y_val. Use "
                "early_stopping='auto' or True, or leave them out."
            )
        return self._read(X_val, y_val, sample_weight_val, reset=False)

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

    def _make_objective(self, examples, *, penalty=None, n_samples=None):
        inputs = self._make_inputs(examples.X)
        targets, labels = self._code_targets(examples.y, inputs.dtype)
        activation, self.out_activation_ = self._resolve_output()
        network = build.make_network(
            self, inputs.shape[1] - 1, targets.shape[1], activation
        )
        weight = examples.weight
        uniform = np.ptp(weight) == 0.0
        if penalty is None:
            penalty = build.penalty(self, network, n_samples or weight.sum())
        return Objective(
            network,
            self._make_loss(),
            inputs,
            targets,
            None if uniform else (weight / weight.mean()).astype(inputs.dtype),
            penalty,
            labels,
        )

    def _split_labels(self, examples):
        """Class numbers to stratify by, or None."""
        return None

    # ---------------------------------------------------------------------------- parts

    def _start_rng(self, going_on):
        if going_on and hasattr(self, "_rng"):
            return self._rng
        return np.random.default_rng(
            check_random_state(self.random_state).randint(2**31 - 1)
        )

    def _starting_point(self, objective, rng, going_on):
        """Weights to start from, and the state of the solver that left them."""
        if not going_on:
            return build.initial_theta(self, objective, rng), None
        if objective.network != self.network_:
            raise ValueError(
                f"The network was {self.network_.sizes} and would become "
                f"{objective.network.sizes} or change its activations, which cannot go "
                "on from the old weights. Use warm_start=False or a new estimator."
            )
        name, state = self._left_behind
        theta = self.theta_.astype(objective.inputs.dtype, copy=False)
        return theta, state if name == self.solver_ else None

    def _make_solver(self, objective, theta, rng, state):
        known = None if state is None else self.learning_rate_
        solver, rate, lambda_max = build.make_solver(
            self, self.solver_, objective, theta, rng, known
        )
        self.learning_rate_ = rate
        if state is None:
            self.lambda_max_ = lambda_max
        return solver

    def _make_validation(self, held_out):
        objective = self._make_objective(held_out)
        without_penalty = replace(
            objective, penalty=np.zeros_like(objective.penalty), labels=None
        )

        def validate(theta):
            loss = without_penalty.value(theta)
            return loss, -loss

        return validate

    def _report(self, monitor):
        line = f"Iteration {monitor.n_iter}, loss = {monitor.loss_curve[-1]:.8f}"
        if monitor.validation_scores:
            line += f", validation score = {monitor.validation_scores[-1]:.6f}"
        print(line, flush=True)

    # --------------------------------------------------------------------------- results

    def _store(self, objective, monitor, solution, rng, append=False):
        """Set every fitted attribute, in this one place."""
        network = objective.network
        self.network_, self.theta_ = network, monitor.best_theta
        self._penalty, self._rng = objective.penalty, rng
        self._weight_seen = getattr(self, "_weight_seen", 0.0) if append else 0.0
        state = None if solution is None else solution.state
        self._left_behind = (self.solver_, state)
        self.n_layers_, self.n_outputs_ = len(network.sizes), network.sizes[-1]
        self.engine_ = "numpy"
        curve, rates = monitor.loss_curve, monitor.rates
        self.loss_curve_ = (self.loss_curve_ if append else []) + curve
        self.learning_rate_curve_ = (
            self.learning_rate_curve_ if append else []
        ) + rates
        self.n_iter_ = len(self.loss_curve_)
        self.loss_, gradient = objective.value_and_gradient(self.theta_)
        validated = monitor.validate is not None
        self.best_loss_ = None if validated else self.loss_
        self.validation_scores_ = monitor.validation_scores if validated else None
        self.validation_loss_curve_ = monitor.validation_losses if validated else None
        self.best_validation_score_ = monitor.best_score if validated else None
        progress = getattr(state, "progress", Progress())
        self.t_ = progress.n_shown or self.n_iter_ * objective.n_samples
        reason = monitor.reason or _own_reason(solution)
        self.convergence_ = Bunch(
            reason=reason,
            n_iter=self.n_iter_,
            gradient_norm=float(np.linalg.norm(gradient)),
            advice=ADVICE[reason],
            n_recoveries=monitor.n_recoveries,
        )

    def _warn(self):
        reason = self.convergence_.reason
        fixed_length = self.tol == 0 or self.learning_rate == "cosine"
        if reason == "max_iter" and not (fixed_length and self.solver_ in STOCHASTIC):
            if self.tol != 0:
                self._say(f"max_iter={self.max_iter} reached before convergence.")
        elif reason == "max_fun":
            self._say(f"max_fun={self.max_fun} evaluations used before convergence.")
        elif reason == "interrupted":
            self._say("Training interrupted; the best weights so far are kept.")
        elif reason == "diverged":
            self._say("Training diverged; the best weights so far are kept.")
        recoveries = self.convergence_.n_recoveries
        if recoveries and reason != "diverged":
            self._say(
                f"Training diverged at learning_rate_init={self.learning_rate_:.3g}; "
                f"it went on from the best weights with the rate halved {recoveries} "
                f"times. Start with at most {self.learning_rate_ / 2**recoveries:.3g}."
            )

    def _say(self, sentence):
        warn(
            f"{sentence} {self.convergence_.advice}".strip(),
            ConvergenceWarning,
            stacklevel=5,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _own_reason(solution):
    """Why a solver ended that the monitor did not stop."""
    if solution is None or solution.converged:
        return "converged"
    return "max_fun" if "EVALUATIONS" in solution.message.upper() else "converged"


def _read_only(view):
    view = view.view()
    view.flags.writeable = False
    return view
