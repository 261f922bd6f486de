"""Findings: suspicions that a refit has tested, in the order of their importance."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.inspection.diagnosis._evidence import Suspicion
from sk_effprop.inspection.diagnosis._trials import (
    DATA,
    LEAST_SCORE,
    Change,
    Effect,
    Outcome,
    Trials,
    compare,
)

# A later remedy is preferred only if it gains this much more.
CLEARLY_BETTER = 1.25
# Findings that explain this share of the largest drop are ordered by cause.
MUST_EXPLAIN = 0.5
# Hyperparameters that stand in for many others, and the share of their drop that is
# enough for another one to come first.
WIDE, ENOUGH = ("solver",), 0.2
# Share of the loss that a change lowers, from which the fit was hardly trained.
LARGE_GAIN = 0.3
# What is of no use can be left out without a loss that is higher by this share.
HARM = 0.05
# Without a leaking column, the loss is at least so many times as high.
LEAK_FACTOR, LEAK_DROP = 3.0, 0.005


@dataclass(frozen=True)
class Finding:
    """A cause, what to change, and what that did in a refit.

    Attributes
    ----------
    cause : str
        In a few words.
    evidence : str
        What the instruments say.
    parameter : str
        The hyperparameter to change; "X", "y" or "sample_weight" if the data are the
        cause, and "" if there is nothing to propose.
    value : object
        The proposed value; words if the data should change.
    effect : Effect or None
        Loss of held-out rows before and after, as shares of the best constant's, from
        refits that differ in this one change; None without verification.
    shows_truth : bool
        Whether the loss after the change is the one to expect of new data, although
        it is higher, as for a column that tells the target.
    settings : dict
        All hyperparameters to change, with their values, for ``set_params`` of the
        network: mostly ``parameter`` alone.  Empty if the data should change.
    """

    cause: str
    evidence: str
    parameter: str
    value: Any
    effect: Effect | None = None
    shows_truth: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.cause.capitalize()}: {self.evidence}{self._result()}."

    @property
    def change(self) -> str:
        """The proposed change in words."""
        if self.parameter in DATA:
            return str(self.value)
        settings = self.settings or {self.parameter: self.value}
        return ", ".join(f"{name}={value!r}" for name, value in settings.items())

    def _result(self) -> str:
        if not self.parameter:
            return ""
        if self.effect is None:
            return f"; try {self.change}"
        before, after = (f"{100 * share:.3g} %" for share in self.effect[:2])
        if self.effect.helps or self.shows_truth:
            start = "" if self.parameter in DATA else "with "
            return (
                f"; {start}{self.change}, held-out rows have {after} of a constant's "
                f"loss instead of {before}"
            )
        return (
            f"; {self.change} alone does not lower the loss of held-out rows ({before} "
            f"of a constant's before, {after} after)"
        )


def unverified(suspicions: list[Suspicion]) -> list[Finding]:
    """Findings without any refit."""
    return [_finding(one, _first(one), None) for one in suspicions if one.is_fact]


def verified(suspicions: list[Suspicion], trials: Trials) -> list[Finding]:
    """Findings whose changes help, and facts whose changes do not.

    A leak comes first, as it makes all losses meaningless.  A change is proposed once,
    by the first cause that asks for it.
    """
    leaks: list[Finding] = []
    helpful: list[Finding] = []
    facts: list[Finding] = []
    for suspicion in suspicions:
        if suspicion.needs_training and _is_untrained(helpful):
            continue
        change, effect = best_remedy(suspicion, trials)
        finding = _finding(suspicion, change, effect)
        if suspicion.expects_loss:
            if suspicion.is_fact or (effect is not None and _is_leak(effect)):
                leaks.append(finding)
        elif effect is not None and _helps(effect, suspicion):
            helpful.append(finding)
        elif suspicion.is_fact and not _is_refuted(effect, suspicion):
            facts.append(finding)
    if helpful:
        # what cannot be changed follows from what can
        facts = [finding for finding in facts if finding.parameter]
    return _without_repeats(leaks + by_importance(helpful) + facts)


def _is_untrained(helpful: list[Finding]) -> bool:
    """True if some change lowers the loss so much that the fit itself tells little."""
    effects = [one.effect for one in helpful if one.effect is not None]
    return any(one.drop > LARGE_GAIN * one.before for one in effects)


def _without_repeats(findings: list[Finding]) -> list[Finding]:
    seen: set[str] = set()
    kept = []
    for finding in findings:
        if not finding.parameter or finding.change not in seen:
            kept.append(finding)
        seen.add(finding.change)
    return kept


def by_importance(findings: list[Finding]) -> list[Finding]:
    """First those that explain most of the loss, causes first; then by their drop.

    Another solver makes up for much, so it comes last if anything else explains enough.
    """
    wide = [one for one in findings if one.parameter in WIDE]
    others = [one for one in findings if one.parameter not in WIDE]
    largest = [max(map(_drop, some), default=0.0) for some in (others, wide)]
    if largest[0] > ENOUGH * largest[1]:
        return _ordered(others) + _ordered(wide)
    return _ordered(findings)


def _ordered(findings: list[Finding]) -> list[Finding]:
    least = MUST_EXPLAIN * max(map(_drop, findings), default=0.0)
    first = [one for one in findings if _drop(one) >= least]
    rest = [one for one in findings if _drop(one) < least]
    return first + sorted(rest, key=_drop, reverse=True)


def _drop(finding: Finding) -> float:
    return finding.effect.drop if finding.effect else 0.0


def best_remedy(
    suspicion: Suspicion, trials: Trials
) -> tuple[Change | None, Effect | None]:
    """The change with the lowest loss, and its effect."""
    how: dict[str, Any] = {
        "balanced": suspicion.balanced,
        "measure": suspicion.measure,
    }
    best: tuple[Change | None, Effect | None] = (_first(suspicion), None)
    for change in suspicion.remedies:
        if change.parameter in DATA and _is_remedied(best[1]):
            continue
        outcome = trials.outcome(change)
        if outcome is None:
            continue
        how["among"] = _compared_rows(change, outcome)
        before, after = (trials.losses(one, **how) for one in (trials.control, outcome))
        effect = compare(before, after)
        known = best[1]
        if known is None or effect.drop > CLEARLY_BETTER * max(known.drop, 0.0):
            best = (change, effect)
    return best


def _is_remedied(effect: Effect | None) -> bool:
    """True if a hyperparameter helps so much that the data may stay as they are."""
    return effect is not None and effect.drop > LARGE_GAIN * effect.before


def _compared_rows(change: Change, outcome: Outcome) -> Array:
    """Rows that are still wanted; wrong labels are errors in any case."""
    unwanted = change.dropped_rows if change.ignores_dropped else ()
    return ~np.isin(outcome.rows, np.asarray(unwanted, dtype=int))


def _helps(effect: Effect, suspicion: Suspicion) -> bool:
    is_large = effect.drop > suspicion.least_gain * effect.before
    return effect.helps and is_large and effect.score > suspicion.least_score


def _is_refuted(effect: Effect | None, suspicion: Suspicion) -> bool:
    """True if the change does harm to what should be of no use."""
    if effect is None or not suspicion.must_not_harm:
        return False
    return effect.score < -LEAST_SCORE and -effect.drop > HARM * effect.before


def _is_leak(effect: Effect) -> bool:
    is_many_times = effect.after > LEAK_FACTOR * effect.before
    return is_many_times and -effect.drop > LEAK_DROP


def _first(suspicion: Suspicion) -> Change | None:
    return suspicion.remedies[0] if suspicion.remedies else None


def _finding(
    suspicion: Suspicion, change: Change | None, effect: Effect | None
) -> Finding:
    parameter, value = (
        ("", None) if change is None else (change.parameter, change.value)
    )
    return Finding(
        suspicion.cause,
        suspicion.sentence,
        parameter,
        value,
        effect,
        suspicion.expects_loss,
        {} if change is None else change.settings,
    )
