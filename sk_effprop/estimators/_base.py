"""Base class of both estimators, which joins data, network, solver and monitor."""

from abc import ABCMeta, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from time import monotonic
from typing import Any, ClassVar, Self
from warnings import warn

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from sk_effprop._sklearn import (
    CallbackSupportMixin,
    LinksToDocumentation,
    callback_context,
    fit_context,
)
from sk_effprop._threads import single_threaded_blas
from sk_effprop._version import SavesVersion
from sk_effprop.core.arrays import Array
from sk_effprop.estimators import _auto as auto
from sk_effprop.estimators import _reading as reading
from sk_effprop.estimators import _tables as tables
from sk_effprop.estimators._checkpoint import (
    Checkpoint,
    check_checkpoint,
    open_checkpoint,
)
from sk_effprop.estimators._checks import (
    check_changed_parameters,
    check_fixed,
    check_hyperparameters,
    check_stream,
    check_validation_data,
    fixed_parameters,
)
from sk_effprop.estimators._coding import Coding
from sk_effprop.estimators._data import Examples, as_weighted_set, with_usual_unit
from sk_effprop.estimators._diagnosis import evidence_attributes
from sk_effprop.estimators._fitted import FittedNetwork
from sk_effprop.estimators._importances import importances
from sk_effprop.estimators._interrupt import after_training, in_any_case
from sk_effprop.estimators._members import Committee, Trained
from sk_effprop.estimators._parameters import (
    Hyperparameter,
    all_hidden_sizes,
    hyperparameters_of,
)
from sk_effprop.estimators._run import (
    Resume,
    Run,
    Start,
    keep_coding,
    make_run,
    start_rng,
)
from sk_effprop.estimators._training import minimise
from sk_effprop.estimators._types import MatrixLike, VectorLike
from sk_effprop.estimators._validation import HeldOut, split_off
from sk_effprop.preprocessing import ROTATIONS
from sk_effprop.solvers import BATCH, STOCHASTIC
from sk_effprop.solvers.base import Reason
from sk_effprop.training.callbacks import Task, fit_task
from sk_effprop.training.convergence import warning_message
from sk_effprop.training.monitor import Monitor


def can_learn_on(estimator: Any) -> bool:
    """Raise an AttributeError for settings that have no ``partial_fit``."""
    if estimator.n_estimators != 1:
        raise AttributeError(
            "partial_fit trains a single network, but n_estimators is "
            f"{estimator.n_estimators!r}. Use n_estimators=1, or fit."
        )
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


class BaseEffProp(
    CallbackSupportMixin,
    FittedNetwork,
    LinksToDocumentation,
    SavesVersion,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Fitting, where it does not depend on the task."""

    _registry: ClassVar[dict[str, Hyperparameter]]
    _is_classifier: ClassVar[bool]
    # ------------------------------------------------------------ specific to the task

    @abstractmethod
    def _check_targets(self, y: Any) -> Any:
        """Validate y as scikit-learn's checks want it; return it as an array."""

    def _weigh_classes(self, y: Any, weight: Array, *, rebalance: bool) -> Array:
        """Multiply sample weights by class weights; ``rebalance`` finds new ones."""
        return weight

    @abstractmethod
    def _make_coding(self, examples: Examples, classes: Any) -> Coding:
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
        X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Raw inputs; ``normalize`` brings them to equal scales.  Data frames may have
            columns of categories, text, booleans and dates, and numbers may be missing.
            The weights are as precise as X, float32 or float64; a warm start keeps
            their precision.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), optional
            Weights of the examples, not negative.  A common factor changes nothing, and
            integers have the same effect as repeated rows.  Rows of weight 0 have no
            influence, but their classes stay in ``classes_``.
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
        check_checkpoint(self)
        time = monotonic()
        with self._call("fit", self.max_iter, X, y, sample_weight) as task:
            earlier = self._earlier if self.warm_start else None
            train = self._read(X, y, sample_weight, earlier)
            if earlier is not None:
                check_fixed(self, earlier.fixed)
                self.coding_.check_warm_start(train.all_y)
            # the kinds of its columns are those of X_val
            self._learn_table(train, earlier)
            held_out = self._read_validation(X_val, y_val, sample_weight_val)
            start = self._start(earlier, time, is_stream=False)
            checkpoint = open_checkpoint(self, earlier, train, held_out)
            if checkpoint is not None:
                start = checkpoint.starting(start)
            stops_early = self.early_stopping not in ("auto", False)
            if held_out is None and stops_early and self.n_estimators == 1:
                train, held_out = split_off(
                    train,
                    self.validation_fraction,
                    start.rng,
                    by_class=self._is_classifier,
                )
                self._learn_table(train, earlier)
            train = tables.encode_table(self, train)
            if held_out is not None:
                held_out = tables.encode_table(self, held_out)
            solver = self._choose_solver(train)
            if solver in BATCH:
                train = as_weighted_set(train)
            train = with_usual_unit(train)
            if earlier is None:
                self._learn(train, is_stream=False)
            run = self._make_run(train, solver, start)
            self._train(run, task, train, held_out, checkpoint)
        self._warn(run)
        return self

    def _choose_solver(self, train: Examples) -> str:
        n_weights = None
        if not self._is_classifier and self.loss == "squared_error":
            hidden = all_hidden_sizes(self)
            n_outputs = 1 if train.y.ndim == 1 else train.y.shape[1]
            sizes = (train.X.shape[1], *hidden, n_outputs)
            n_weights = n_outputs * sum((a + 1) * b for a, b in pairwise(sizes))
        n_different = train.counts.n_different
        return auto.choose_solver(self.solver, self.batch_size, n_different, n_weights)

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None
    ) -> Self:
        check_hyperparameters(self)
        check_stream(self)
        time = monotonic()
        with self._call("partial_fit", 1, X, y, sample_weight) as task:
            earlier = self._earlier
            batch = self._read(X, y, sample_weight, earlier)
            start = self._start(earlier, time, is_stream=True).weighing(batch.weight)
            self._learn_table(batch, earlier, is_stream=True)
            start = start.meeting(tables.unknown_rows(self, batch.X))
            batch = tables.encode_table(self, batch)
            if earlier is None:
                self._learn(batch, classes, is_stream=True)
            else:
                check_fixed(self, earlier.fixed)
                start = replace(start, earlier=self._learn_on(batch, earlier))
            solver = auto.choose_stream_solver(self.solver)
            run = self._make_run(batch, solver, start)
            self._train(run, task, batch)
        self._warn(run, stacklevel=5)
        return self

    # ------------------------------------------------------------------- parts of a fit

    @contextmanager
    def _call(
        self, name: str, max_iter: Any, X: Any, y: Any, sample_weight: Any
    ) -> Iterator[Task | None]:
        """Context of a call: restore the estimator if it fails, and run the callbacks.

        One BLAS thread makes results independent of the number of threads.
        """
        limit = None if max_iter == "auto" else int(max_iter) * int(self.n_estimators)
        context = callback_context(self, name, limit)
        weights = None if sample_weight is None else {"sample_weight": sample_weight}
        # callbacks see the data as the user gave them
        task = fit_task(context, estimator=self, X=X, y=y, metadata=weights)
        with single_threaded_blas, all_or_nothing(self), task as opened:
            yield opened

    @property
    def _earlier(self) -> Resume | None:
        if not hasattr(self, "theta_"):
            return None
        if self._is_for_inference:
            raise ValueError(
                "A copy made by sk_effprop.export.to_inference cannot continue "
                "training. Use the original, or fit with warm_start=False."
            )
        return self._resume

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
        X, y, weight = self._validated(X, y, sample_weight, reset=reset)
        weight = self._weigh_classes(y, weight, rebalance=rebalance)
        return reading.weighted_examples(X, y, weight)

    def _validated(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool
    ) -> tuple[Any, Any, Array]:
        is_numeric = not self._is_classifier
        X, y = reading.validate(self, X, y, reset=reset, y_numeric=is_numeric)
        y = self._check_targets(y)
        return X, y, reading.validate_weight(sample_weight, X)

    def _read_validation(
        self, X_val: Any, y_val: Any, sample_weight_val: Any
    ) -> Examples | None:
        check_validation_data(self, X_val, y_val, sample_weight_val)
        if X_val is None:
            return None
        with reading.about_validation_data():
            examples = self._read_examples(X_val, y_val, sample_weight_val)
        return replace(examples, is_given_apart=True)

    def _learn_table(
        self, examples: Examples, earlier: Resume | None, *, is_stream: bool = False
    ) -> None:
        """Fit the encoder of the table, in a first call."""
        if earlier is None:
            self.table_encoder_ = tables.encoder_for(
                self, examples, is_stream=is_stream
            )

    def _learn(
        self, examples: Examples, classes: Any = None, *, is_stream: bool
    ) -> None:
        """Derive the coding of targets and the normalisation of inputs."""
        coding = self._make_coding(examples, classes)
        self.__dict__.update(coding.fitted_attributes)
        self.normalizer_ = reading.normalizer_for(self, examples, is_stream=is_stream)

    def _learn_on(self, batch: Examples, earlier: Resume) -> Resume:
        """Include a batch of a stream in the statistics of inputs and targets.

        A clip cannot be compensated, so after ``fit`` with ``input_clip`` the
        normalisation is kept.
        """
        if self.normalizer_ is not None and self.normalizer_.clip is None:
            self.normalizer_, theta, begins_anew = reading.keep_normalizing(
                self.normalizer_, batch, self.network_, self.theta_
            )
            self.__dict__["theta_"] = theta
            if begins_anew:
                earlier = earlier.begun_anew()
        coding, theta, earlier = keep_coding(
            self.coding_, batch, self.network_, self.theta_, earlier
        )
        self.__dict__.update(coding.fitted_attributes, theta_=theta)
        return earlier

    def _start(self, earlier: Resume | None, time: float, *, is_stream: bool) -> Start:
        rng = start_rng(self.random_state, earlier)
        fixed = fixed_parameters(self) if earlier is None else earlier.fixed
        if is_stream and earlier is None:
            # a stream is not clipped, whatever the parameter says
            del fixed["input_clip"]
        return Start(rng, earlier, is_stream, fixed, time)

    def _make_run(self, examples: Examples, solver: str, start: Start) -> Run:
        # the first call decides on the precision of the weights
        dtype = None if start.earlier is None else self.theta_.dtype
        mean = None
        if start.weights is not None and start.earlier is not None:
            mean = start.weights.mean_for(examples.weight)
        data = reading.encode(examples, self.normalizer_, self.coding_, dtype, mean)
        given = hyperparameters_of(self)
        return make_run(given, self.coding_, data, solver, start)

    def _train(
        self,
        run: Run,
        task: Task | None,
        train: Examples,
        held_out: HeldOut | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """Train the network, or the members of a committee one after the other."""
        self.__dict__.update(run.plan.fitted_attributes)
        by_class = self._is_classifier
        committee = Committee.of(run, train, held_out, by_class=by_class)
        trained: list[Trained] = []
        for member in committee.members():
            own = None if checkpoint is None else checkpoint.of_member(member.number)
            trained.append(minimise(self, member.after(trained), task, own))
            if trained[-1].ends_all or run.is_out_of_time:
                break
        self.__dict__.update(in_any_case(lambda: committee.results_of(trained)))
        self.convergence_ = tables.told_of_names(self)
        with after_training():
            self._conclude(trained[0].run, trained[0].theta, trained[-1].monitor)

    def _conclude(self, run: Run, theta: Array, monitor: Monitor) -> None:
        """Compute attributes that follow from the weights, such as the posterior."""
        if not run.plan.keep_last:
            self._importances = importances(self, run.objective.sampled)
        if monitor.is_out_of_time:
            return
        run = replace(run, objective=run.objective.with_clock(monitor.check_time))
        if run.plan.is_evidence:
            self.__dict__.update(evidence_attributes(run.objective, theta))
        self._posterior = self._find_posterior(run, theta)

    def _warn(self, run: Run, stacklevel: int = 4) -> None:
        sentence = warning_message(
            self.convergence_,
            fixed_length=run.plan.has_fixed_length,
            rate=self.learning_rate_,
        )
        if sentence and not self._has_said_so:
            # the line that called fit, above the wrapper that validates parameters
            warn(sentence, ConvergenceWarning, stacklevel=stacklevel)

    @property
    def _has_said_so(self) -> bool:
        """True if an earlier call of ``partial_fit`` has given the same warning."""
        watch, convergence = self._resume.watch, self.convergence_
        is_new = watch is None or watch.is_fresh or not convergence.problem
        return not is_new and convergence.reason != Reason.DIVERGED.value

    # --------------------------------------------------------------------- scikit-learn

    def _validate_params(self) -> None:
        """Check types and ranges of the parameters that are not the defaults."""
        check_changed_parameters(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        clips_a_rotation = self.normalize in ROTATIONS and self.input_clip is not None
        tags.input_tags.sparse = not clips_a_rotation
        tags.input_tags.allow_nan = True
        return tags
