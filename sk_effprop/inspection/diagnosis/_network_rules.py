"""Causes that lie in the weights and the units.

Each rule yields suspicions, see :mod:`sk_effprop.inspection.diagnosis._suspicions`.
"""

from collections.abc import Iterator

import numpy as np

from sk_effprop.estimators import _extremes as extremes
from sk_effprop.estimators import _rules as rules
from sk_effprop.inspection.diagnosis._evidence import (
    Evidence,
    Suspicion,
    as_given,
    from_fault,
)
from sk_effprop.inspection.diagnosis._trials import Change

# Settings that cannot be meant.
CERTAIN = (extremes.extreme_quantile, extremes.identical_units)
# Units of a layer that are dead for all rows.
MANY_DEAD, MOSTLY_DEAD = 0.4, 0.8
# The signal of the last hidden layer as a share of that of the first.
FADED = 0.05


def extreme_values(evidence: Evidence) -> Iterator[Suspicion]:
    """Numbers so far from the usual ones that nothing is learnt."""
    case = evidence.subject.at_start
    for rule in (
        extremes.extreme_setting,
        extremes.extreme_quantile,
        extremes.extreme_activation,
        extremes.identical_units,
    ):
        fault = rule(case)
        if fault is not None:
            yield from_fault(fault, is_fact=rule in CERTAIN)


def initial_weights(evidence: Evidence) -> Iterator[Suspicion]:
    """Initial weights that saturate the units, or that let no signal pass."""
    case, given = evidence.subject.at_start, evidence.given
    faults = [extremes.vanishing_weights(case), extremes.exploding_weights(case)]
    if not isinstance(given["init"], str):
        faults.insert(0, rules.saturated_units(case))
    for fault in faults:
        if fault is not None and fault.parameter == "init":
            cause = {"saturated units": "initial weights too large"}
            remedy = Change("init", "lecun_uniform")
            yield Suspicion(
                cause.get(fault.cause, fault.cause),
                f"with init={as_given(given['init'])}, {fault.sentence.rstrip('.')}",
                (remedy,),
                is_fact=True,
            )
            return


def deep_stack(evidence: Evidence) -> Iterator[Suspicion]:
    """A stack of layers that passes on next to nothing."""
    fault = rules.too_deep(evidence.subject.at_start)
    layers = evidence.numbers["layers"][:-1]
    if fault is None and len(layers) < 3:
        return
    first, last = layers[0]["signal_at_start"], layers[-1]["signal_at_start"]
    if fault is None and last >= FADED * first:
        return
    remedies = [
        Change(name, evidence.subject.changed[name])
        for name in ("activation", "init", "hidden_layer_sizes")
        if name in evidence.subject.changed
    ]
    yield Suspicion(
        "too many layers for the activation",
        f"{len(layers)} hidden layers of {evidence.given['activation']!r} units leave "
        f"{100 * last / max(first, 1e-300):.2g} % of the signal of the first one",
        tuple(remedies),
        is_fact=fault is not None,
    )


def dead_units(evidence: Evidence) -> Iterator[Suspicion]:
    """Units whose derivative is zero for all rows."""
    layers = evidence.numbers["layers"][:-1]
    shares = [layer["dead_units"] for layer in layers]
    at_start = [layer["dead_units_at_start"] for layer in layers]
    if not shares or max(*shares, *at_start) < MANY_DEAD:
        return
    is_early = max(at_start) >= MANY_DEAD
    shown = at_start if is_early else shares
    names = ["bias_init", "init", "activation", "twist"]
    if not is_early:
        names = ["learning_rate_init", *names, "momentum"]
    changed = evidence.subject.changed
    yield Suspicion(
        "dead units",
        f"{100 * max(shown):.0f} % of the units of hidden layer "
        f"{int(np.argmax(shown)) + 1} are dead for all rows"
        f"{' from the start' if is_early else ''}",
        tuple(Change(name, changed[name]) for name in names if name in changed),
        is_fact=is_early or max(shares) > MOSTLY_DEAD,
    )


def saturation(evidence: Evidence) -> Iterator[Suspicion]:
    """Units that training has saturated."""
    fault = rules.saturated_units(evidence.subject.at_end)
    if fault is not None:
        yield from_fault(fault)


def capacity(evidence: Evidence) -> Iterator[Suspicion]:
    """A network that is too small, or linear."""
    subject = evidence.subject
    changed, sizes = subject.changed, subject.run.objective.network.sizes
    names = [name for name in ("hidden_layer_sizes", "activation") if name in changed]
    is_linear = len(sizes) == 2 or subject.given["activation"] == "identity"
    is_small = len(sizes) > 2 and min(sizes[1:-1]) < 8
    if not names or not (is_linear or is_small):
        return
    left = 100.0 * evidence.numbers["loss"]["train"]
    yield Suspicion(
        "network too small",
        f"hidden_layer_sizes={sizes[1:-1]} with "
        f"activation={as_given(subject.given['activation'])} leaves {left:.0f} % of a "
        "constant's loss on the training rows",
        tuple(Change(name, changed[name]) for name in names),
        least_gain=0.25,
    )
