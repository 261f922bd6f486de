"""The composition root: what both estimators do with network, solver and monitor."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import replace
from functools import cache
from operator import index
from typing import Any
from warnings import warn

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import ThreadpoolController

from sk_effprop._sklearn import CallbackSupportMixin, callback_context, fit_context
from sk_effprop.core.arrays import row_blocks
from sk_effprop.core.network import forward
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._data import as_weighted_set
from sk_effprop.estimators._layers import LayerAttributes
from sk_effprop.estimators._parameters import (
    check_changed_parameters,
    check_hyperparameters,
)
from sk_effprop.estimators._reading import DataReader, about
from sk_effprop.estimators._validation import measure, split_off
from sk_effprop.solvers import BATCH, STOCHASTIC
from sk_effprop.solvers.base import Solution
from sk_effprop.training.callbacks import fit_task, iteration_tasks
from sk_effprop.training.convergence import complaint, describe
from sk_effprop.training.monitor import NOTHING_BEFORE, History, Monitor
from sk_effprop.training.progress import shown

UNFINISHED = Solution(np.empty(0), None)
# Ctrl-C leaves no state from which a solver could go on.
INTERRUPTED = Solution(np.empty(0), None, "interrupted")


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


class BaseEffProp(CallbackSupportMixin, LayerAttributes, DataReader):
    """Fitting, in the order in which it happens, and what both do when fitted."""

    def _validate_params(self):
        """Check types and ranges, where they are not the defaults."""
        check_changed_parameters(self)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "theta_")

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
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), optional
            Validation data for early stopping, in place of a part of X.  A Pipeline
            with ``transform_input=["X_val"]`` transforms them like X.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), optional
            Their targets, needed if and only if there is ``X_val``.
        sample_weight_val : array-like of shape (n_val,), optional
            Their weights.

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
        told = self._make_task("fit", self.max_iter, X, y, sample_weight)
        with all_or_nothing(self), told as task:
            going_on = self.warm_start and hasattr(self, "theta_")
            train = self._read(X, y, sample_weight, reset=not going_on, rebalance=True)
            if going_on:
                self._check_warm_targets(train.y)
            held_out = self._read_validation(X_val, y_val, sample_weight_val)
            rng = self._start_rng(going_on)
            wants_split = self.early_stopping != "auto" and self.early_stopping
            if held_out is None and wants_split:
                train, held_out = split_off(
                    train, self.validation_fraction, rng, by_class=self._is_classifier
                )
            self.solver_ = build.resolve_solver(self, len(train))
            n_samples = self._count(train)
            if self.solver_ in BATCH:
                train = as_weighted_set(train)
            if not going_on:
                self._start_coding(train)
                self._fit_normalizer(train, clip=self.input_clip)
            objective = self._make_objective(train, n_samples=n_samples)
            objective = self._suit_noise(objective)
            self._n_seen, self._is_stream = n_samples, False
            self._train(
                objective,
                rng,
                going_on,
                task,
                max_iter=build.resolve_max_iter(self, objective.n_samples),
                tol=self.tol,
                patience=build.patience(self),
                goal=self.goal,
                max_time=self.max_time,
                validate=self._make_validation(objective, held_out),
                history=self._history_before(going_on),
            )
        self._warn(fixed_length=build.has_fixed_length(self))
        return self

    def _train(self, objective, rng, going_on, task, **stopping):
        """Walk downhill from where we are, until the monitor says stop."""
        objective = build.with_engine(self, objective, stopping["max_iter"])
        with single_threaded():
            theta, state = self._starting_point(objective, rng, going_on)
            build.check_loss(objective, theta)
            value = objective.value(theta)
            if not np.isfinite(value):
                # first what MLPRegressor says, word for word
                raise ValueError(
                    "Solver produced non-finite parameter weights. The input data may "
                    "contain large values and need to be preprocessed. With normalize="
                    f"{self.normalize!r} the objective is {value} before any training. "
                    "Scale X, or take out what is not a measurement."
                )
            monitor = Monitor(
                theta, value, null_value=objective.null_value(), **stopping
            )
            solver = self._make_solver(
                objective, theta, rng, state, monitor.max_iter, monitor.keep_last
            )
            told = iteration_tasks(
                task,
                monitor,
                lambda m: self._results(objective, m, m.theta.copy(), rng),
            )
            with told, shown(self.verbose, type(self).__name__, monitor):
                try:
                    solution = solver.solve(
                        objective, theta, state=state, rng=rng, monitor=monitor
                    )
                except KeyboardInterrupt:
                    solution = INTERRUPTED
                monitor.end(solution.message)
            if solution.penalty is not None:
                objective = replace(objective, penalty=solution.penalty)
            theta = monitor.best_theta
            results = self._results(objective, monitor, theta, rng, solution)
            vars(self).update(results)
            self._posterior = self._find_posterior(objective)

    # ------------------------------------------------------------------- partial_fit

    def _partial_fit(self, X, y, sample_weight, classes=None):
        check_hyperparameters(self)
        told = self._make_task("partial_fit", 1, X, y, sample_weight)
        with all_or_nothing(self), told as task:
            going_on = hasattr(self, "theta_")
            batch = self._read(X, y, sample_weight, reset=not going_on, rebalance=True)
            rng = self._start_rng(going_on)
            if not going_on:
                self._start_coding(batch, classes)
                # a stream has none, whatever it becomes
                del self._coded_with["input_clip"]
                self._fit_normalizer(batch, clip=None, is_stream=True)
                self._n_seen, self._is_stream = 0.0, True
            else:
                self._keep_learning(batch)
            is_auto = self.solver == "auto"
            self.solver_ = build.AUTO_STOCHASTIC if is_auto else self.solver
            self._n_seen += self._count(batch)
            # the first few rows of a stream are not all there will be
            objective = self._make_objective(
                batch, penalised_as=max(self._n_seen, build.FEWEST_MEASURED)
            )
            if not going_on:
                objective = self._suit_noise(objective)
            self._train(
                objective,
                rng,
                going_on,
                task,
                max_iter=1,
                goal=self.goal,
                keep_last=True,
                history=self._history_before(going_on, counts_on=True),
            )
        self._warn(fixed_length=True, stacklevel=5)
        return self

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

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            For data that do not suit the fitted network; the message says why.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sk_effprop import EffPropRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> regressor = EffPropRegressor((8,), random_state=0).fit(X, y)
        >>> loss, gradient = regressor.loss_and_gradient(X, y)
        >>> loss == regressor.loss_, gradient.shape == regressor.theta_.shape
        (True, True)
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

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If there is no such layer, or X does not suit the network.

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
        NotFittedError
            Before ``fit``.
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

    def _keep_learning(self, batch):
        """Take a batch into the statistics of inputs and targets."""
        if self.normalizer_ is not None and self.normalizer_.clip is None:
            self._keep_normalizing(batch)
        if self._is_stream and self._n_seen < build.FEWEST_MEASURED:
            self._keep_learning_targets(batch)

    def _make_solver(self, objective, theta, rng, state, max_iter, streaming):
        solver = build.make_solver(
            self,
            self.solver_,
            objective,
            theta,
            rng,
            state,
            max_iter=max_iter,
            streaming=streaming,
        )
        self.engine_ = objective.engine
        known, rates = getattr(state, "rates", None), getattr(solver, "rates", None)
        if rates is None:
            self.learning_rate_ = self.lambda_max_ = None
        elif known is None or rates.eta != known.eta:
            self.learning_rate_ = rates.eta
            self.lambda_max_ = None if rates.leading is None else rates.leading.mean
        return solver

    def _make_task(self, name, max_iter, X, y, sample_weight):
        """Tell callbacks of a call; they see the data as the user gave them."""
        known = None if max_iter == "auto" else max_iter
        context = callback_context(self, name, known)
        weights = None if sample_weight is None else {"sample_weight": sample_weight}
        return fit_task(context, estimator=self, X=X, y=y, metadata=weights)

    def _make_validation(self, objective, held_out):
        """Make what takes theta to loss and score on held-out examples, if any."""
        if held_out is None:
            return None
        with about("X_val and y_val"):
            loss_of = self._make_objective(held_out).without_penalty().value
        if self.scoring == "loss":
            return lambda theta: (loss := loss_of(theta), -loss)
        scorer = check_scoring(self, scoring=self.scoring)

        def validate(theta):
            fitted = copy(self)
            vars(fitted).update(self._fitted_with(objective, theta.copy()))
            # the examples have lost the names of their columns
            vars(fitted).pop("feature_names_in_", None)
            return loss_of(theta), measure(scorer, fitted, held_out, self.scoring)

        return validate

    # ----------------------------------------------------------------------- results

    def _fitted_with(self, objective, theta):
        """What makes this estimator compute with these weights."""
        sizes = objective.network.sizes
        return {
            "network_": objective.network,
            "theta_": theta,
            "out_activation_": self._output[1],
            "n_layers_": len(sizes),
            "n_outputs_": sizes[-1],
            "_penalty": objective.penalty,
            "_posterior": None,
        }

    def _results(self, objective, monitor, theta, rng, solution=UNFINISHED):
        """What training has found if it ends here, with these weights."""
        loss, gradient = objective.value_and_gradient(theta)
        return {
            **self._fitted_with(objective, theta),
            **_curves(monitor),
            "loss_": loss,
            "best_loss_": loss if monitor.validate is None else None,
            "t_": solution.n_shown or monitor.n_iter * objective.n_samples,
            "convergence_": describe(
                monitor,
                gradient_norm=float(np.linalg.norm(gradient)),
                is_flat=not monitor.keep_last
                and build.is_flattened(self, objective, theta),
            ),
            "_rng": rng,
            "_left_behind": (build.kind_of_state(self, self.solver_), solution.state),
        }

    def _history_before(self, going_on, *, counts_on=False):
        """The curves that this call goes on with, and the iterations."""
        if not going_on:
            return NOTHING_BEFORE
        return History(
            self.n_iter_ if counts_on else 0,
            self.loss_curve_,
            self.learning_rate_curve_,
            self.validation_loss_curve_ or (),
            self.validation_scores_ or (),
        )

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


def _curves(monitor):
    """As fitted attributes."""
    scores, losses = list(monitor.validation_scores), list(monitor.validation_losses)
    if monitor.validate is None:
        scores = losses = None
    best = monitor.best_score
    return {
        "n_iter_": monitor.n_iter,
        "loss_curve_": list(monitor.loss_curve),
        "learning_rate_curve_": list(monitor.rates),
        "validation_scores_": scores,
        "validation_loss_curve_": losses,
        "best_validation_score_": best if np.isfinite(best) else None,
    }
