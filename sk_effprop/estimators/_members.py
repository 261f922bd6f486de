"""The networks of one call of ``fit``: one, or the members of a committee.

All members share the reading, the normalisation, the coding and the plan.  Each has its
own random numbers, and leaves out one fold of the examples, so that the outputs for
that fold are honest.  All take the learning rates that the first one has measured.
Afterwards they are joined into one network::

    committee, trained = Committee.of(run, train, held_out, by_class=True), []
    for member in committee.members():
        trained.append(minimise(member.after(trained)))
    committee.results_of(trained)    # attributes of the fitted estimator
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sk_effprop.core.arrays import Array, row_blocks
from sk_effprop.core.calibration import Residuals, joint_residuals, joint_temperature
from sk_effprop.core.committee import join, join_strengths, joint_network
from sk_effprop.core.engine import NumpyEngine
from sk_effprop.core.losses import LogLoss
from sk_effprop.core.network import forward
from sk_effprop.core.objective import Objective
from sk_effprop.core.rates import Rates
from sk_effprop.estimators import _build as build
from sk_effprop.estimators._data import Examples
from sk_effprop.estimators._intervals import FEWEST_IN_FOLD, Calibration
from sk_effprop.estimators._run import Run, fitted_with
from sk_effprop.estimators._validation import assign_folds
from sk_effprop.solvers.base import Reason
from sk_effprop.training.convergence import warning_message
from sk_effprop.training.monitor import Monitor

# The user ended the whole fit, not the training of one member.
ENDS_ALL = (Reason.INTERRUPTED, Reason.CALLBACK)


class Member(NamedTuple):
    """A network to train.

    Attributes
    ----------
    run : Run
        With the examples of this member alone.
    held_out : Examples or None
        Its validation data.
    number : int
    title : str
        Which of several networks it is; empty for a single one.
    known_rates : tuple of Rates or None
        Rates that the first of several networks measured, empty before; None for a
        single network.
    """

    run: Run
    held_out: Examples | None
    number: int = 0
    title: str = ""
    known_rates: tuple[Rates, ...] | None = None

    def after(self, trained: list["Trained"]) -> "Member":
        """Return a copy that takes over the learning rates of the first member."""
        return self._replace(known_rates=trained[0].measured) if trained else self


class Trained(NamedTuple):
    """A network after its training.

    Attributes
    ----------
    run : Run
    theta : ndarray of shape (n_weights,)
    attributes : dict
        Attributes of an estimator with this network alone.
    reason : Reason
        Why training ended.
    monitor : Monitor
    measured : tuple of Rates
        Its learning rates, if others take them over.
    """

    run: Run
    theta: Array
    attributes: dict[str, Any]
    reason: Reason
    monitor: Monitor
    measured: tuple[Rates, ...] = ()

    @property
    def ends_all(self) -> bool:
        """True if no other member is to be trained."""
        return self.reason in ENDS_ALL

    @property
    def has_problem(self) -> bool:
        """True if there is something to warn about."""
        return bool(
            warning_message(
                self.attributes["convergence_"],
                fixed_length=self.run.plan.has_fixed_length,
                rate=self.attributes["learning_rate_"],
            )
        )


class OutOfFold(NamedTuple):
    """Outputs for the examples that some member left out.

    Attributes
    ----------
    rows : ndarray of shape (n_known,)
        Numbers of these examples.
    members : ndarray of shape (n_known,)
        The member that left each of them out.
    outputs, preactivations : ndarray of shape (n_members, n_known, n_outputs)
        Of all members.
    """

    rows: Array
    members: Array
    outputs: Array
    preactivations: Array

    @property
    def own(self) -> tuple[Array, Array]:
        """Outputs and preactivations of the member that left the example out."""
        place = self.members, np.arange(len(self.rows))
        return self.outputs[place], self.preactivations[place]


@dataclass(frozen=True, eq=False)
class Committee:
    """Networks of one call of ``fit``, and the results that combine them.

    Attributes
    ----------
    run : Run
        With all examples.
    train : Examples
        The same examples.
    held_out : Examples or None
        Validation data for all members.
    folds : ndarray of shape (n_samples,) or None
        Number of the member that leaves each example out, -1 for none; None if nobody
        leaves out anything.
    by_class : bool
        Whether the targets are classes.
    """

    run: Run
    train: Examples
    held_out: Examples | None
    folds: Array | None
    by_class: bool

    @classmethod
    def of(
        cls, run: Run, train: Examples, held_out: Examples | None, *, by_class: bool
    ) -> "Committee":
        """Assign the examples to folds, if there are several members.

        Raises
        ------
        ValueError
            If early stopping needs folds, and there are too few examples for them.
        """
        n_members, folds = run.plan.given.n_estimators, None
        if n_members > 1:
            folds = assign_folds(train, n_members, run.left.rng, by_class=by_class)
            if np.sum(folds >= 0) < FEWEST_IN_FOLD * n_members:
                folds = None
        committee = cls(run, train, held_out, folds, by_class)
        committee._check_validation()
        return committee

    def _check_validation(self) -> None:
        """Raise a ValueError if members that are validated on folds have none."""
        if self._validates_on_folds and self.folds is None:
            raise ValueError(
                f"early_stopping=True with n_estimators={self.n_members} needs at "
                f"least {FEWEST_IN_FOLD * self.n_members} different examples, as each "
                f"network is validated on a fold of them, got {len(self.train)}. Use "
                "early_stopping=False, X_val and y_val, or more data."
            )

    @property
    def n_members(self) -> int:
        return int(self.run.plan.given.n_estimators)

    @property
    def _validates_on_folds(self) -> bool:
        """True if each member has its own fold as validation data."""
        stops_early = self.run.plan.given.early_stopping not in ("auto", False)
        return stops_early and self.held_out is None and self.n_members > 1

    # ------------------------------------------------------------------ before training

    def members(self) -> Iterator[Member]:
        """Yield the networks to train; a single one gets the run as it is."""
        if self.n_members == 1:
            yield Member(self.run, self.held_out)
            return
        # random numbers, and not spawned seeds, as a checkpoint restores the former
        seeds = self.run.left.rng.integers(2**63, size=self.n_members)
        for number, seed in enumerate(seeds):
            held_out = self.held_out
            if self._validates_on_folds:
                held_out = self.train[self.folds == number]
            run = self._run_of(number, np.random.default_rng(seed))
            title = f"network {number + 1} of {self.n_members}"
            yield Member(run, held_out, number, title, ())

    def _run_of(self, number: int, rng: np.random.Generator) -> Run:
        """Run with the examples and the share of the time of one member."""
        run, objective = self.run, self.run.objective
        if self.folds is not None:
            objective = _part(objective, np.flatnonzero(self.folds != number))
        n, limit = objective.n_samples, run.plan.max_time
        if limit is not None:
            limit *= (number + 1) / self.n_members
        plan = replace(
            run.plan,
            max_time=limit,
            batch_size=min(run.plan.batch_size, n),
            full_batch=min(run.plan.full_batch, n),
        )
        left = replace(run.left, rng=rng)
        n_rows = run.n_rows * n // run.objective.n_samples
        return replace(run, objective=objective, plan=plan, left=left, n_rows=n_rows)

    # ------------------------------------------------------------------- after training

    def results_of(self, trained: list[Trained]) -> dict[str, Any]:
        """Attributes of the estimator: of the one network, or of the joint one."""
        if self.n_members == 1:
            return trained[0].attributes
        if trained[-1].reason == Reason.INTERRUPTED and len(trained) > 1:
            # it has hardly begun, perhaps, and the others are complete
            trained = trained[:-1]
        known = self._out_of_fold(trained)
        temperature = 1.0 if known is None else self._temperature(known)
        joint = self._joint_run(trained, temperature)
        theta = self._joint_theta(trained, temperature)
        loss = joint.objective.value(theta)
        worst = next((one for one in trained if one.has_problem), trained[0]).attributes
        return {
            **worst,
            **fitted_with(joint, theta),
            "loss_": loss,
            "best_loss_": None if worst["best_loss_"] is None else loss,
            "_resume": replace(self.run.left, state=None),
            **({} if known is None else self._calibrated(theta, known, temperature)),
        }

    def _joint_theta(self, trained: list[Trained], temperature: float) -> Array:
        network = self.run.objective.network
        theta = join(network, np.stack([one.theta for one in trained]))
        output_layer = joint_network(network, len(trained)).layers(theta)[-1]
        output_layer /= temperature
        return theta

    def _joint_run(self, trained: list[Trained], temperature: float) -> Run:
        network, n_members = self.run.objective.network, len(trained)
        alpha = build.alpha_of(network, trained[0].run.objective.penalty)
        joint = joint_network(network, n_members)
        alpha = join_strengths(alpha, n_members)
        alpha[-1] *= temperature**2
        objective = replace(
            self.run.objective,
            network=joint,
            penalty=build.penalty_of(joint, alpha),
            engine_type=NumpyEngine,
        )
        return replace(self.run, objective=objective)

    def _out_of_fold(self, trained: list[Trained]) -> OutOfFold | None:
        """Outputs for the examples that a trained member left out, if there are any."""
        if self.folds is None:
            return None
        rows = np.flatnonzero((self.folds >= 0) & (self.folds < len(trained)))
        if not len(rows):
            return None
        part = self.run.objective.subset(rows)
        each = [_outputs(part, one.theta) for one in trained]
        return OutOfFold(
            rows, self.folds[rows], *map(np.stack, zip(*each, strict=True))
        )

    def _calibrated(
        self, theta: Array, known: OutOfFold, temperature: float
    ) -> dict[str, Any]:
        """Attributes that follow from the out-of-fold outputs."""
        return {
            "oof_prediction_": self._predictions(known, temperature),
            "_calibration": self._calibration(theta, known),
        }

    def _temperature(self, known: OutOfFold) -> float:
        """Temperature of the joint network's logits, 1 if there are none."""
        part, (logits, _) = self.run.objective.subset(known.rows), known.own
        if not isinstance(part.loss, LogLoss):
            return 1.0
        return joint_temperature(part.loss, logits, part.targets, part.sample_weight)

    def _predictions(self, known: OutOfFold, temperature: float) -> Array:
        """Out-of-fold predictions for the rows of the user."""
        own = (values / temperature for values in known.own)
        predicted = self.run.coding.predictions(*own)
        values = np.full((len(self.train), *predicted.shape[1:]), np.nan)
        values[known.rows] = predicted
        return self.train.spread(values)

    def _calibration(self, theta: Array, known: OutOfFold) -> Calibration | None:
        """Residuals for intervals; None for classes."""
        if self.by_class:
            return None
        part, decode = self.train[known.rows], self.run.coding.predictions
        shape = len(part), -1
        outputs = zip(known.outputs, known.preactivations, strict=True)
        predictions = np.stack([decode(*both).reshape(shape) for both in outputs])
        residuals = joint_residuals(
            predictions, part.y.reshape(shape), known.members, part.weight
        )
        share = np.sum(part.weight) / np.sum(self.train.weight)
        count = self.run.objective.count * float(share)
        return Calibration(theta, Residuals(residuals, part.weight, count))


def _part(objective: Objective, rows: Array) -> Objective:
    """Objective of some examples, whose weights have a mean of 1 again."""
    part, weight = objective.subset(rows), objective.sample_weight
    share = len(rows) / objective.n_samples
    if weight is not None:
        own = weight[rows]
        if not own.any():
            # compared with the other rows, the weights of these underflow to zero
            own = np.ones_like(own)
        mean = float(np.mean(own, dtype=np.float64))
        share *= mean
        part = replace(part, sample_weight=(own / mean).astype(weight.dtype))
    return replace(part, count=objective.count * share)


def _outputs(objective: Objective, theta: Array) -> tuple[Array, Array]:
    """Outputs and their preactivations for all examples of an objective."""
    n_outputs = objective.network.sizes[-1]
    both = np.empty((objective.n_samples, 2 * n_outputs), dtype=theta.dtype)
    for rows in row_blocks(objective.n_samples, objective.row_width):
        inputs = objective.inputs[rows]
        passes = forward(objective.network, theta, inputs, only_values=True)
        both[rows] = np.hstack([passes.outputs, passes.z(-1)])
    return both[:, :n_outputs], both[:, n_outputs:]
