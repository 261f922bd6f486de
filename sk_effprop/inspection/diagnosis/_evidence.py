"""Input and output of the rules of a diagnosis: evidence and suspicions."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis._measures import RowLosses
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._trials import DATA, Change, Trials
from sk_effprop.solvers import BATCH
from sk_effprop.training.convergence import Finding as Fault


@dataclass(frozen=True, eq=False)
class Suspicion:
    """A possible cause.

    Attributes
    ----------
    cause : str
        In a few words.
    sentence : str
        What the instruments say.
    remedies : tuple of Change
        Changes to try; the one with the lowest loss is proposed.
    is_fact : bool
        Whether it is reported even if no remedy lowers the loss.
    least_gain : float
        Share of the loss by which a remedy must lower it.
    least_score : float
        Standard errors by which it must do so.
    balanced : bool
        Whether all classes count alike in the comparison.
    measure : callable or None
        Losses of rows that are compared, in place of those of the task.
    expects_loss : bool
        Whether an honest remedy makes the loss higher.
    needs_training : bool
        Whether only a network that is trained well can tell.
    must_not_harm : bool
        Whether it is no fact if the remedy makes the loss higher.
    """

    cause: str
    sentence: str
    remedies: tuple[Change, ...]
    is_fact: bool = False
    least_gain: float = 0.1
    least_score: float = 2.0
    balanced: bool = False
    measure: RowLosses | None = None
    expects_loss: bool = False
    needs_training: bool = False
    must_not_harm: bool = False


@dataclass(frozen=True, eq=False)
class Evidence:
    """Input of the rules: the estimator, its measurements and its refits.

    Attributes
    ----------
    subject : Subject
    numbers : dict
        What the instruments measured.
    trials : Trials or None
        None without verification.
    """

    subject: Subject
    numbers: dict[str, Any]
    trials: Trials | None

    @property
    def given(self) -> dict[str, Any]:
        return self.subject.given

    @property
    def rows(self) -> Array:
        """Rows of the trials; without them, those that the instruments look at."""
        return self.subject.rows if self.trials is None else self.trials.rows

    @property
    def is_stochastic(self) -> bool:
        return self.subject.estimator.solver_ not in BATCH

    def without_present_values(self, suspicion: Suspicion) -> Suspicion:
        """Return a copy without remedies that are in use already."""
        remedies = [
            change
            for change in suspicion.remedies
            if change.parameter in DATA
            or change.also
            or repr(self.given[change.parameter]) != repr(change.value)
        ]
        return replace(suspicion, remedies=tuple(remedies))


def from_fault(fault: Fault, **options: Any) -> Suspicion:
    """Convert the result of a rule that is shared with the warnings of ``fit``."""
    if fault.value is None:
        # no refit can show what to do
        sentence = f"{fault.sentence} {fault.advice}".rstrip(".")
        return Suspicion(fault.cause, sentence, (), **options)
    change = Change(fault.parameter, fault.value)
    return Suspicion(fault.cause, fault.sentence.rstrip("."), (change,), **options)


def as_given(value: Any) -> str:
    """Format a value as Python code; arrays are abbreviated."""
    return "an array" if isinstance(value, np.ndarray) else repr(value)


def without_columns(
    subject: Subject, columns: Array, cause: str, sentence: str, **options: Any
) -> Suspicion:
    """Suspicion about some columns, which can be left out.

    ``{names}`` in the sentence becomes their names, and ``{has}`` and similar words the
    form of the verb that suits them.
    """
    names = named(subject, columns)
    return Suspicion(
        cause,
        sentence.format(names=names, **verbs(names)),
        (Change("X", f"without {names}", dropped_columns=columns),),
        **options,
    )


def named(subject: Subject, inputs: Array) -> str:
    """Names of some inputs in words, of which five are shown."""
    return in_words(subject.names_of(inputs))


def in_words(names: list[str]) -> str:
    """Names of columns in words, of which five are shown."""
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"column {shown}" if len(names) == 1 else f"columns {shown}"


def verbs(names: str) -> dict[str, str]:
    """Verbs for one column, or for several."""
    forms = {"has": "have", "is": "are", "repeats": "repeat", "differs": "differ"}
    is_plural = names.startswith("columns ")
    return {one: many if is_plural else one for one, many in forms.items()}
