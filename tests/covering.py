"""Settings for the common checks: single values, all pairs, all combinations."""

from itertools import combinations, product

import numpy as np

# What the common checks see no effect of, or what only stops training before it has
# learnt enough for them; several networks only take longer; warm_start=True goes on
# where the checks start again, and a dict of class weights does not fit the labels of
# all checks.  A scorer keeps the first weights with which all held-out examples that
# count are right, and no check is content with these; tests/estimators/
# test_validation.py has the score.
LEFT_OUT = {
    "goal", "max_time", "max_iter", "max_fun", "n_iter_no_change", "random_state",
    "warm_start", "class_weight", "scoring", "n_estimators",
}  # fmt: skip
# Pairs that are refused, or that cannot learn: a rate for one scale of the gradients
# with another scale, a bounded output with unbounded targets or with a small rate (its
# slope is small near the targets, and none at them), the slow adam on a part of small
# data, steps that get fewer and smaller.
IMPOSSIBLE = {
    ("output_activation", "target_values"): lambda output, targets: (
        output != "identity" and targets == "asymptote"
    ),
    ("output_activation", "learning_rate_init"): lambda output, rate: (
        output != "identity"
    ),
    ("output_activation", "loss"): lambda output, loss: output != "identity",
    ("output_activation", "normalize_target"): lambda output, on: output != "identity",
    ("learning_rate_init", "learning_rate_scaling"): lambda rate, scaling: True,
    ("early_stopping", "solver"): lambda stops, solver: stops and solver == "adam",
    ("batch_growth", "solver"): lambda growth, solver: solver == "adam",
    ("batch_growth", "momentum"): lambda growth, momentum: momentum == 0.0,
    ("batch_growth", "learning_rate"): lambda growth, schedule: schedule != "constant",
    ("hidden_layer_sizes", "rbf_units"): lambda sizes, rbf_units: sizes == (),
    ("learning_rate", "learning_rate_init"): lambda schedule, rate: (
        schedule in ("annealing", "invscaling")
    ),
}
# Log loss owns the softmax: another output needs a loss that leaves it to the network.
LEAVES_OUTPUT_TO_THE_NETWORK = {"loss": "squared_error"}
DEFAULT = object()


def alternatives(registry):
    """Values other than the default of every hyperparameter that has some."""
    return {
        name: entry.alternatives
        for name, entry in registry.items()
        if entry.alternatives and name not in LEFT_OUT
    }


def one_at_a_time(registry):
    """Every value alone, with the solver that reads it."""
    return [
        _possible({"solver": "sgd", "max_iter": 60} | {name: value})
        for name, values in alternatives(registry).items()
        for value in values
    ]


def all_combinations(registry, *names):
    """Every combination of the values of some hyperparameters, defaults included."""
    levels = [(DEFAULT, *registry[name].alternatives) for name in names]
    return [
        {
            name: value
            for name, value in zip(names, row, strict=True)
            if value is not DEFAULT
        }
        for row in product(*levels)
    ]


def pairs_of_three(first, second, third):
    """Each pair of the first two, with the third in turn, so that all pairs meet.

    For values of the third that are no more than those of the others.
    """
    return [
        (a, b, third[(i + j) % len(third)])
        for i, a in enumerate(first)
        for j, b in enumerate(second)
    ]


def all_pairs(registry, max_alternatives, seed=0):
    """Few settings in which every pair of values, defaults included, meets.

    Greedy: of some random completions of a pair not met yet, the one that meets most.
    A hyperparameter with more than ``max_alternatives`` lends its first ones.
    """
    levels = {
        name: (DEFAULT, *values[:max_alternatives])
        for name, values in alternatives(registry).items()
    }
    names = list(levels)
    missing = {
        (a, i, b, j)
        for a, b in combinations(names, 2)
        for i in range(len(levels[a]))
        for j in range(len(levels[b]))
    }
    # sorted, as sets of strings come in another order in every process
    impossible = sorted(
        (a, i, b, j)
        for a, i, b, j in missing
        if i and j and _cannot_meet(a, levels[a][i], b, levels[b][j])
    )
    missing -= set(impossible)
    rng = np.random.default_rng(seed)
    settings = []
    while missing:
        a, i, b, j = min(missing)
        rows = []
        for _ in range(40):
            row = {name: int(rng.integers(len(levels[name]))) for name in names}
            row |= {a: i, b: j}
            for p, i_p, q, i_q in impossible:
                if row[p] == i_p and row[q] == i_q:
                    row[p if q in (a, b) else q] = 0
            rows.append(row)
        met = [
            {(p, row[p], q, row[q]) for p, q in combinations(names, 2)} & missing
            for row in rows
        ]
        best = max(range(len(rows)), key=lambda k: len(met[k]))
        missing -= met[best]
        chosen = {name: levels[name][level] for name, level in rows[best].items()}
        settings.append({k: v for k, v in chosen.items() if v is not DEFAULT})
    return [_possible(setting) for setting in settings]


def _possible(setting):
    """The same, with what a value in it needs."""
    if "output_activation" in setting:
        return setting | LEAVES_OUTPUT_TO_THE_NETWORK
    return setting


def _cannot_meet(a, value_a, b, value_b):
    if (a, b) in IMPOSSIBLE:
        return IMPOSSIBLE[a, b](value_a, value_b)
    return (b, a) in IMPOSSIBLE and IMPOSSIBLE[b, a](value_b, value_a)
