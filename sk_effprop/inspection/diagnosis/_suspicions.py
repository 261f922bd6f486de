"""Suspicions that all rules draw from the measurements, with changes to try.

A rule takes the :class:`~sk_effprop.inspection.diagnosis._evidence.Evidence` and yields
suspicions.  The order of RULES is that of causes and consequences: a rule further up
explains what those below it see.
"""

from collections.abc import Iterator

from sk_effprop.inspection.diagnosis import _column_rules as column
from sk_effprop.inspection.diagnosis import _data_rules as data
from sk_effprop.inspection.diagnosis import _held_out_rules as held_out
from sk_effprop.inspection.diagnosis import _network_rules as network
from sk_effprop.inspection.diagnosis import _target_rules as target
from sk_effprop.inspection.diagnosis import _training_rules as training
from sk_effprop.inspection.diagnosis._evidence import Evidence, Suspicion, as_given
from sk_effprop.inspection.diagnosis._trials import Change

# Hyperparameters that say what is wanted, or how it is computed.
NO_CAUSES = {
    "engine", "loss", "quantile", "huber_delta", "class_weight",
    "random_state", "warm_start", "verbose", "scoring", "checkpoint",
    "checkpoint_interval", "resume", "hidden_layer_sizes",
}  # fmt: skip


def other_values(evidence: Evidence) -> Iterator[Suspicion]:
    """Every other hyperparameter that is not the default."""
    for name, default in evidence.subject.changed.items():
        if name in NO_CAUSES:
            continue
        value = as_given(evidence.given[name])
        yield Suspicion(
            name.replace("_", " "),
            f"{name}={value} is not the default",
            (Change(name, default),),
            least_gain=0.25,
            least_score=3.0,
        )


RULES = (
    data.leaked_target,
    data.leaked_classes,
    data.copies_of_rows,
    data.contradictory_rows,
    data.coded_missing_values,
    target.coded_missing_targets,
    column.mixed_units,
    column.numbers_as_text,
    column.categories_as_numbers,
    data.presentation,
    data.unreachable_targets,
    data.scales,
    data.constant_inputs,
    data.outlying_inputs,
    data.uneven_weights,
    network.initial_weights,
    network.deep_stack,
    training.rate,
    training.schedule,
    training.sluggish_steps,
    network.dead_units,
    network.extreme_values,
    network.saturation,
    training.large_batches,
    training.few_to_train_on,
    training.scoring,
    training.early_end,
    training.penalty,
    network.capacity,
    held_out.overfitting,
    column.useless_columns,
    target.unsuited_loss,
    target.outlying_targets,
    target.skewed_targets,
    held_out.imbalance,
    held_out.label_noise,
    held_out.target_noise,
    data.copied_inputs,
    column.identifiers,
    other_values,
    target.moved_targets,
    target.unpredictable,
)


def suspicions(evidence: Evidence) -> list[Suspicion]:
    """All suspicions, causes before consequences."""
    found: list[Suspicion] = []
    seen: set[tuple[str, str]] = set()
    for rule in RULES:
        for suspicion in map(evidence.without_present_values, rule(evidence)):
            new = {(c.parameter, repr(c.value)) for c in suspicion.remedies}
            if rule is other_values and new <= seen:
                # another rule has proposed it, and said why
                continue
            seen |= new
            found.append(suspicion)
    return found
