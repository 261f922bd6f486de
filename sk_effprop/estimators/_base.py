"""Composition root: how both estimators join data, network, solver and monitor."""

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from operator import index
from typing import TYPE_CHECKING, Any, ClassVar, Self
from warnings import warn

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sk_effprop._sklearn import CallbackSupportMixin, callback_context, fit_context
from sk_effprop._threads import single_threaded_blas
from sk_effprop.core.arrays import Array, row_blocks
from sk_effprop.core.kernels import Passes
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective
from sk_effprop.estimators import _auto as auto
from sk_effprop.estimators import _build as build
from sk_effprop.estimators import _reading as reading
from sk_effprop.estimators._checks import (
    check_changed_parameters,
    check_fixed,
    check_hyperparameters,
    check_init,
    check_network,
    fixed_parameters,
)
from sk_effprop.estimators._coding import ClassCoding, ValueCoding
from sk_effprop.estimators._data import Examples, as_weighted_set
from sk_effprop.estimators._diagnosis import (
    check_loss,
    evidence_attributes,
    initial_value,
    is_flattened,
)
from sk_effprop.estimators._layers import LayerAttributes
from sk_effprop.estimators._parameters import Hyperparameter, hyperparameters_of
from sk_effprop.estimators._types import MatrixLike, VectorLike
from sk_effprop.estimators._validation import score_of, split_off
from sk_effprop.preprocessing import ROTATIONS, InputNormalizer
from sk_effprop.solvers import BATCH, STOCHASTIC
from sk_effprop.solvers.base import Reason, Solution
from sk_effprop.training.callbacks import Task, fit_task, iteration_tasks
from sk_effprop.training.convergence import Convergence, describe, warning_message
from sk_effprop.training.history import History
from sk_effprop.training.monitor import Monitor, Validate
from sk_effprop.training.progress import show_progress

if TYPE_CHECKING:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

UNFINISHED = Solution(np.empty(0), None)
# Ctrl-C leaves no state from which a solver could continue.
INTERRUPTED = Solution(np.empty(0), None, Reason.INTERRUPTED)


@dataclass(frozen=True, eq=False)
class Resume:
    """What the next ``partial_fit`` or warm start needs to continue training.

    Attributes
    ----------
    rng : Generator
    kind : str
        Kind of the solver that left ``state``.
    state : object
    strength : float
        What ``alpha="auto"`` found, per unit of fan-in and example.
    n_seen : float
        Examples seen by all calls since the last ``fit``.
    is_stream : bool
        Whether all of them came by ``partial_fit``.
    fixed : dict
        Hyperparameters that must not change.
    """

    rng: np.random.Generator
    kind: str
    state: Any
    strength: float
    n_seen: float
    is_stream: bool
    fixed: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One call of ``fit`` or ``partial_fit``, once its data are read.

    Attributes
    ----------
    objective : Objective
    plan : Plan
    earlier : Resume or None
        What an earlier call left, if this one continues it.
    left : Resume
        What this call leaves, but for the state of the solver.
    """

    objective: Objective
    plan: auto.Plan
    earlier: Resume | None
    left: Resume

    @property
    def alpha(self) -> Array:
        """L2 strength of each layer."""
        return build.alpha_of(self.objective.network, self.objective.penalty)

    def with_penalty(self, penalty: Array | None) -> "Run":
        """Return the same run with the penalty that the solver has found, if any."""
        if penalty is None:
            return self
        return replace(self, objective=replace(self.objective, penalty=penalty))


def can_learn_on(estimator: Any) -> bool:
    """Raise an AttributeError for batch solvers, which have no ``partial_fit``."""
    if estimator.solver in BATCH:
        raise AttributeError(
            f"partial_fit needs a stochastic solver, one of {STOCHASTIC}, or 'auto'; "
            f"solver is {estimator.solver!r}."
        )
    return True


@contextmanager
def all_or_nothing(estimator: Any) -> Iterator[None]:
    """Restore all attributes of an estimator if a call fails."""
    before = vars(estimator).copy()
    try:
        # overflow is noticed where it matters, in objectives and weights
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def start_rng(random_state: Any, earlier: Resume | None) -> np.random.Generator:
    """Random generator of a call: a new one, or a copy of the earlier call's.

    A copy, as a call that fails must not use up random numbers.
    """
    if earlier is not None:
        return deepcopy(earlier.rng)
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))


class BaseEffProp(
    CallbackSupportMixin, LayerAttributes, BaseEstimator, metaclass=ABCMeta
):
    """Fitting, and everything else that does not depend on the task."""

    _registry: ClassVar[dict[str, Hyperparameter]]
    _is_classifier: ClassVar[bool]

    # fitted attributes; those that hold weights are in LayerAttributes
    coding_: ClassCoding | ValueCoding
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

    # to continue training, and for the uncertainty of predictions
    _resume: Resume
    _posterior: Any

    # ------------------------------------------------------------ specific to the task

    @abstractmethod
    def _check_targets(self, y: Any) -> Any:
        """Validate y as scikit-learn's checks want it; return it as an array."""

    def _weigh_classes(self, y: Any, weight: Array, *, rebalance: bool) -> Array:
        """Multiply sample weights by class weights; ``rebalance`` finds new ones."""
        return weight

    @abstractmethod
    def _make_coding(
        self, examples: Examples, classes: Any
    ) -> ClassCoding | ValueCoding:
        """Derive the coding of the targets from the first examples."""

    def _find_posterior(self, run: Run, theta: Array) -> Any:
        """Return the posterior of the weights if predictions use it, else None."""
        return None

    # ---------------------------------------------------------------------------- fit

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: MatrixLike,
        y: VectorLike,
        sample_weight: VectorLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: VectorLike | None = None,
        sample_weight_val: VectorLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Raw inputs; ``normalize`` brings them to equal scales.  float32 is kept.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the examples, not negative.  Rows of weight 0 have no influence.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), optional
            Validation data for early stopping, in place of a part of X.  A Pipeline
            with ``transform_input=["X_val"]`` transforms them like X.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), optional
            Targets of the validation data; required with ``X_val``.
        sample_weight_val : array-like of shape (n_val,), optional
            Weights of the validation data.

        Returns
        -------
        self
            The fitted estimator, with the best weights that training met.

        Raises
        ------
        ValueError
            If a hyperparameter or the data are invalid; the message names the
            parameter.  The estimator then stays as it was.
        ImportError
            If ``engine="numba"`` is given and numba is not installed.
        """
        check_hyperparameters(self)
        with self._call("fit", self.max_iter, X, y, sample_weight) as task:
            earlier = self._earlier if self.warm_start else None
            train = self._read(X, y, sample_weight, earlier)
            if earlier is not None:
                check_fixed(self, earlier.fixed)
                self.coding_.check_warm_start(train.y)
            held_out = self._read_validation(X_val, y_val, sample_weight_val)
            rng = start_rng(self.random_state, earlier)
            if held_out is None and self.early_stopping not in ("auto", False):
                train, held_out = split_off(
                    train, self.validation_fraction, rng, by_class=self._is_classifier
                )
            solver = auto.choose_solver(self.solver, self.batch_size, len(train))
            if solver in BATCH:
                train = as_weighted_set(train)
            if earlier is None:
                self._learn(train, clip=self.input_clip)
            run = self._plan(train, solver, rng, earlier, is_stream=False)
            self._train(run, task, held_out)
        self._warn(run.plan)
        return self

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> Self:
        check_hyperparameters(self)
        with self._call("partial_fit", 1, X, y, sample_weight) as task:
            earlier = self._earlier
            batch = self._read(X, y, sample_weight, earlier)
            rng = start_rng(self.random_state, earlier)
            if earlier is None:
                # statistics that go on changing allow no clip, see keep_normalizing
                self._learn(batch, clip=None, classes=classes)
            else:
                check_fixed(self, earlier.fixed)
                self._learn_on(batch, earlier)
            solver = auto.choose_stream_solver(self.solver)
            run = self._plan(batch, solver, rng, earlier, is_stream=True)
            self._train(run, task)
        self._warn(run.plan, stacklevel=5)
        return self

    # ------------------------------------------------------------------- parts of a fit

    @contextmanager
    def _call(
        self, name: str, max_iter: Any, X: Any, y: Any, sample_weight: Any
    ) -> Iterator[Task | None]:
        """Restore the estimator if the call fails, and report it to callbacks."""
        context = callback_context(self, name, None if max_iter == "auto" else max_iter)
        weights = None if sample_weight is None else {"sample_weight": sample_weight}
        # callbacks see the data as the user gave them
        task = fit_task(context, estimator=self, X=X, y=y, metadata=weights)
        with all_or_nothing(self), task as opened:
            yield opened

    @property
    def _earlier(self) -> Resume | None:
        return self._resume if hasattr(self, "theta_") else None

    def _read(
        self, X: Any, y: Any, sample_weight: Any, earlier: Resume | None
    ) -> Examples:
        """Read training data: a first call sets the number of features."""
        return self._read_examples(
            X, y, sample_weight, reset=earlier is None, rebalance=True
        )

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
        is_numeric = not self._is_classifier
        X, y = reading.validate(self, X, y, reset=reset, y_numeric=is_numeric)
        y = self._check_targets(y)
        weight = reading.validate_weight(sample_weight, X)
        weight = self._weigh_classes(y, weight, rebalance=rebalance)
        return reading.weighted_examples(X, y, weight)

    def _read_validation(
        self, X_val: Any, y_val: Any, sample_weight_val: Any
    ) -> Examples | None:
        if X_val is None and y_val is None:
            if sample_weight_val is not None:
                raise ValueError("sample_weight_val needs X_val and y_val.")
            return None
        if X_val is None or y_val is None:
            raise ValueError("X_val and y_val must be given together, or neither.")
        if not self.early_stopping:
            raise ValueError(
                "early_stopping=False makes no use of X_val and y_val. Use "
                "early_stopping='auto' or True, or leave them out."
            )
        with reading.about_validation_data():
            return self._read_examples(X_val, y_val, sample_weight_val)

    def _learn(
        self, examples: Examples, clip: float | None, classes: Any = None
    ) -> None:
        """Derive the coding of targets and the normalisation of inputs."""
        coding = self._make_coding(examples, classes)
        self.__dict__.update(coding.fitted_attributes)
        self.normalizer_ = reading.normalizer_for(self, examples, clip)

    def _learn_on(self, batch: Examples, earlier: Resume) -> None:
        """Include a batch of a stream in the statistics of inputs and targets.

        Targets keep the scale that the first examples gave them.  A clip cannot be
        compensated, so after ``fit`` with ``input_clip`` the normalisation is kept.
        """
        if self.normalizer_ is not None and self.normalizer_.clip is None:
            self.normalizer_, self.theta_ = reading.keep_normalizing(
                self.normalizer_, batch, self.network_, self.theta_
            )
        if earlier.is_stream and earlier.n_seen < auto.FEWEST_MEASURED:
            coding = self.coding_.including(batch.y, batch.weight)
            self.__dict__.update(coding.fitted_attributes)

    def _plan(
        self,
        examples: Examples,
        solver: str,
        rng: np.random.Generator,
        earlier: Resume | None,
        *,
        is_stream: bool,
    ) -> Run:
        """Replace every "auto", and make the objective."""
        given, coding = hyperparameters_of(self), self.coding_
        build.check_engine(given.engine)
        data = reading.encode(examples, self.normalizer_, coding)
        network = build.make_network(given, data, coding.activation)
        n_seen = data.n_effective
        if is_stream and earlier is not None:
            n_seen += earlier.n_seen
        problem = auto.Problem(
            n_samples=examples.n_rows,
            n_effective=data.n_effective,
            sizes=network.sizes,
            loss=coding.loss,
            target_range=coding.target_range,
            has_labels=data.labels is not None,
            n_seen=n_seen if is_stream else None,
        )
        strength = auto.usual_strength(problem)
        if earlier is not None:
            strength = earlier.strength
        if earlier is None or not is_stream:
            # a stream keeps what its first batch says
            strength = auto.find_strength(given.alpha, problem, data, strength)
        alpha = auto.spread_alpha(given.alpha, strength, problem)
        objective = build.make_objective(network, coding.loss, data, alpha)
        plan = auto.make_plan(
            given, problem, solver, alpha, lambda: build.can_compile(objective)
        )
        left = Resume(
            rng=rng,
            kind=plan.state_kind,
            state=None,
            strength=strength,
            n_seen=n_seen,
            is_stream=is_stream and (earlier is None or earlier.is_stream),
            fixed=self._fixed(earlier, is_stream=is_stream),
        )
        return Run(build.on_engine(objective, plan.engine), plan, earlier, left)

    def _fixed(self, earlier: Resume | None, *, is_stream: bool) -> dict[str, Any]:
        if earlier is not None:
            return earlier.fixed
        fixed = fixed_parameters(self)
        if is_stream:
            # a stream is not clipped, whatever the parameter says
            del fixed["input_clip"]
        return fixed

    def _train(
        self, run: Run, task: Task | None, held_out: Examples | None = None
    ) -> None:
        """Minimise the objective until the monitor stops the solver."""
        objective, plan, rng = run.objective, run.plan, run.left.rng
        self.__dict__.update(plan.fitted_attributes)
        validate = self._make_validation(run, held_out)
        with single_threaded_blas:
            theta, state = self._starting_point(run)
            check_loss(objective, theta)
            value = initial_value(objective, theta, self.normalize)
            monitor = self._make_monitor(run, theta, value, validate)
            solver = build.make_solver(plan, objective.network)
            told = iteration_tasks(
                task, monitor, lambda m: self._results(run, m, m.theta.copy())
            )
            with told, show_progress(self.verbose, type(self).__name__, monitor):
                try:
                    solution = solver.solve(
                        objective, theta, state=state, rng=rng, monitor=monitor
                    )
                except KeyboardInterrupt:
                    solution = INTERRUPTED
                monitor.end(solution.message)
            run = run.with_penalty(solution.penalty)
            theta = monitor.best_theta
            self.__dict__.update(self._results(run, monitor, theta, solution))
            self._posterior = self._find_posterior(run, theta)
            if plan.is_evidence:
                self.__dict__.update(evidence_attributes(run.objective, theta))

    def _starting_point(self, run: Run) -> tuple[Array, Any]:
        """Weights to start from, and the state of the solver that left them."""
        objective, earlier = run.objective, run.earlier
        if earlier is None:
            check_init(self, objective.network.n_weights)
            theta = build.initial_theta(
                run.plan.given, objective, run.left.rng, is_stream=run.left.is_stream
            )
            return theta, None
        check_network(self.network_, objective.network)
        theta = self.theta_.astype(objective.inputs.dtype, copy=False)
        return theta, earlier.state if earlier.kind == run.left.kind else None

    def _make_monitor(
        self, run: Run, theta: Array, value: float, validate: Validate | None
    ) -> Monitor:
        plan, history = run.plan, History()
        if run.earlier is not None:
            history = History(
                # a stream counts all its epochs, a warm start those of each call
                self.n_iter_ if plan.keep_last else 0,
                self.loss_curve_,
                self.learning_rate_curve_,
                self.validation_loss_curve_ or (),
                self.validation_scores_ or (),
            )
        return Monitor(
            theta,
            value,
            null_value=run.objective.null_value(),
            max_iter=plan.max_iter,
            tol=plan.tol,
            patience=plan.patience,
            goal=self.goal,
            max_time=plan.max_time,
            validate=validate,
            keep_last=plan.keep_last,
            history=history,
        )

    def _make_validation(self, run: Run, held_out: Examples | None) -> Validate | None:
        """Make the function from theta to loss and score on held-out examples."""
        if held_out is None:
            return None
        network = run.objective.network
        with reading.about_validation_data():
            data = reading.encode(held_out, self.normalizer_, self.coding_)
        no_penalty = np.zeros_like(run.plan.alpha)
        objective = build.make_objective(network, self.coding_.loss, data, no_penalty)
        if self.scoring == "loss":
            return lambda theta: (loss := objective.value(theta), -loss)
        scorer = check_scoring(self, scoring=self.scoring)

        def validate(theta: Array) -> tuple[float, float]:
            fitted = copy(self)
            fitted.__dict__.update(fitted_with(run, theta.copy()))
            # the examples have lost the names of their columns
            fitted.__dict__.pop("feature_names_in_", None)
            score = score_of(scorer, fitted, held_out, self.scoring)
            return objective.value(theta), score

        return validate

    def _results(
        self, run: Run, monitor: Monitor, theta: Array, solution: Solution = UNFINISHED
    ) -> dict[str, Any]:
        """Fitted attributes if training ends now, with these weights."""
        objective, plan = run.objective, run.plan
        loss, gradient = objective.value_and_gradient(theta)
        is_flat = not plan.keep_last and is_flattened(
            objective, theta, self.alpha, run.left.strength
        )
        return {
            **fitted_with(run, theta),
            **curves_of(monitor),
            "out_activation_": self.coding_.activation_name,
            "loss_": loss,
            "best_loss_": loss if monitor.validate is None else None,
            "t_": solution.n_presented or monitor.n_iter * objective.n_samples,
            "convergence_": describe(
                monitor, gradient_norm=float(np.linalg.norm(gradient)), is_flat=is_flat
            ),
            "_resume": replace(run.left, state=solution.state),
        }

    def _warn(self, plan: auto.Plan, stacklevel: int = 4) -> None:
        sentence = warning_message(
            self.convergence_,
            fixed_length=plan.has_fixed_length,
            rate=self.learning_rate_,
        )
        if sentence:
            # the line that called fit, above the wrapper that validates parameters
            warn(sentence, ConvergenceWarning, stacklevel=stacklevel)

    # ---------------------------------------------------------------- when it is fitted

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

    def _fitted_objective(self, X: Any, y: Any, sample_weight: Any = None) -> Objective:
        """Objective of the fitted network on any data."""
        check_is_fitted(self)
        examples = self._read_examples(X, y, sample_weight)
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
        if layer not in range(-len(hidden), len(hidden)):
            raise ValueError(
                f"layer must be in [{-len(hidden)}, {len(hidden)}) as there are "
                f"{len(hidden)} hidden layers, got {layer}."
            )
        return self._run(X, lambda trace: trace.values[hidden[layer]])

    def to_sklearn(
        self, *, allow_inexact_proba: bool = False
    ) -> "MLPClassifier | MLPRegressor":
        """Convert the network to a plain MLPClassifier or MLPRegressor.

        Parameters
        ----------
        allow_inexact_proba : bool, default=False
            Whether a classifier that was not trained with log loss may get a
            ``predict_proba`` that differs from its own.

        Returns
        -------
        MLPClassifier or MLPRegressor
            A model with the same predictions, see
            :func:`sk_effprop.export.to_sklearn`.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If no MLP computes the same.
        """
        from sk_effprop.export import to_sklearn

        return to_sklearn(self, allow_inexact_proba=allow_inexact_proba)

    def _run(self, X: Any, read: Callable[[Passes], Array]) -> Array:
        """Forward pass in blocks of rows; ``read`` picks from the trace of each."""
        X = reading.validate_inputs(self, X)
        sizes = self.network_.sizes
        width = max(sizes[1:] if sparse.issparse(X) else sizes)
        results = []
        for rows in row_blocks(X.shape[0], width):
            inputs = reading.normalize(X[rows], self.normalizer_)
            trace = forward(self.network_, self.theta_, inputs, only_values=True)
            results.append(read(trace).copy())
        return results[0] if len(results) == 1 else np.concatenate(results)

    # --------------------------------------------------------------------- scikit-learn

    def _validate_params(self) -> None:
        """Check types and ranges of the parameters that are not the defaults."""
        check_changed_parameters(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "theta_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        clips_a_rotation = self.normalize in ROTATIONS and self.input_clip is not None
        tags.input_tags.sparse = not clips_a_rotation
        return tags


def fitted_with(run: Run, theta: Array) -> dict[str, Any]:
    """Attributes that make an estimator predict with these weights."""
    network = run.objective.network
    return {
        "network_": network,
        "theta_": theta,
        "n_layers_": len(network.sizes),
        "n_outputs_": network.sizes[-1],
        "alpha_": run.alpha,
        "n_effective_parameters_": None,
        "log_evidence_": None,
        "_posterior": None,
    }


def curves_of(monitor: Monitor) -> dict[str, Any]:
    """History of training as fitted attributes."""
    history, rates = monitor.history, monitor.initial_rates
    scores, losses = list(history.validation_scores), list(history.validation_losses)
    has_validation = monitor.validate is not None
    best = monitor.best_score
    return {
        "n_iter_": monitor.n_iter,
        "loss_curve_": list(monitor.loss_curve),
        "learning_rate_": None if rates is None else rates.eta,
        "lambda_max_": None if rates is None else rates.lambda_max,
        "learning_rate_curve_": list(history.rates),
        "validation_scores_": scores if has_validation else None,
        "validation_loss_curve_": losses if has_validation else None,
        "best_validation_score_": best if np.isfinite(best) else None,
    }
