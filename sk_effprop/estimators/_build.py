"""Constructors: from a plan to the immutable objects that train.

Network, objective, initial weights and solver.  What they are made of has been decided
in ``_auto.py``; nothing here knows an estimator.
"""

import sys
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from sk_effprop.core.activations import GAUSSIAN, AnyActivation
from sk_effprop.core.arrays import Array
from sk_effprop.core.compiled import why_not_compiled
from sk_effprop.core.initializers import biases_through_data, get_initializer
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.losses import LogLink, Loss
from sk_effprop.core.network import Network, initialize
from sk_effprop.core.objective import Objective
from sk_effprop.core.partitions import PartitionedObjective
from sk_effprop.core.presentation import ORDERS
from sk_effprop.core.rates import SCALINGS, RateRule, Rates
from sk_effprop.core.schedules import ScheduleSettings
from sk_effprop.core.steps import Adam, Momentum
from sk_effprop.core.targets import preactivation_at
from sk_effprop.estimators._activations import hidden_activations
from sk_effprop.estimators._auto import choose_batch_size
from sk_effprop.estimators._centres import place_centres
from sk_effprop.estimators._parameters import (
    Hyperparameters,
    all_hidden_sizes,
    hidden_sizes,
)
from sk_effprop.estimators._plan import Plan
from sk_effprop.estimators._reading import TrainingData
from sk_effprop.solvers import (
    BATCH,
    LBFGS,
    BatchedLevenbergMarquardt,
    ConjugateGradient,
    EvidenceRounds,
    LevenbergMarquardt,
    PassesOverParts,
    Rounds,
    StochasticSolver,
    exact_curvature,
)
from sk_effprop.solvers.base import Solver

# With a shorter max_time, engine="auto" does not compile, which cannot be interrupted.
SECONDS_TO_COMPILE = 30.0
# tol=0: a gradient below this is zero but for rounding.
SMALLEST_GRADIENT = 1e-10
# Initial lambda of Moller (1993).
SCG_DAMPING = 1e-6
# bias_init="data": hyperplanes are this many times as far out as a row, and no more
# rows than this are ranked.
BIAS_SPREAD, MAX_RANKED_ROWS = 2.0, 1000
# The deviations of fewer rows do not tell the scale of the inputs.
FEWEST_SCALED = 5
# Inputs whose range is a smaller share of the largest one consist of rounding errors.
CONSTANT = 1e-7


# ------------------------------------------------------------------ network, objective


def make_network(
    given: Hyperparameters, data: TrainingData, output: AnyActivation
) -> Network:
    """Network of ``hidden_layer_sizes`` and so on for these data."""
    hidden = all_hidden_sizes(given)
    sizes = (data.inputs.shape[1] - 1, *hidden, data.targets.shape[1])
    n_below = len(hidden_sizes(given.hidden_layer_sizes))
    activations = hidden_activations(given.activation, n_below, given.twist)
    n_radial = len(hidden) - n_below
    return Network(
        sizes,
        (*activations, *(GAUSSIAN,) * n_radial, output),
        (*("affine",) * n_below, *("radial",) * n_radial, "affine"),
    )


def make_objective(
    network: Network, loss: Loss, data: TrainingData, alpha: Array
) -> Objective:
    """Objective on these data, with the L2 strength of each layer."""
    return Objective(
        network,
        loss,
        data.inputs,
        data.targets,
        data.weight,
        penalty_of(network, alpha),
        data.labels,
        data.counts.n_effective,
    )


def penalty_of(network: Network, alpha: Array) -> Array:
    """L2 strength of every weight; biases have none."""
    penalty = np.zeros(network.n_weights)
    for view, strength in zip(network.layers(penalty), alpha, strict=True):
        view[:-1] = strength
    return penalty


def alpha_of(network: Network, penalty: Array) -> Array:
    """L2 strength of each layer, the inverse of :func:`penalty_of`."""
    return np.array([view[0, 0] for view in network.layers(penalty)])


def check_engine(engine: str) -> None:
    """Raise an ImportError if ``engine="numba"`` is given and numba is not there."""
    if engine == "numba" and why_not_compiled():
        raise ImportError(
            "engine='numba' needs numba, the extra 'fast': pip install "
            "'sk_effprop[fast]'. engine='auto' goes without it. "
            f"({why_not_compiled()})"
        )


def can_compile(objective: Objective, given: Hyperparameters) -> bool:
    """True if the compiled loops know this objective, and there is time to get them."""
    if not objective.is_compilable or why_not_compiled():
        return False
    if given.engine != "auto" or given.max_time is None:
        return True
    from sk_effprop.core.compiled.ahead import is_cached

    return given.max_time >= SECONDS_TO_COMPILE or is_cached(objective.inputs.dtype)


def on_engine(objective: Objective, engine: str) -> Objective:
    """Return the same objective, computed by this engine."""
    if engine == "numpy":
        return objective
    from sk_effprop.core.compiled.engine import NumbaEngine

    _announce_compilation(objective.inputs.dtype)
    return replace(objective, engine_type=NumbaEngine)


@cache
def _announce_compilation(dtype: Any) -> None:
    """Print that the loops are being compiled, which makes a first fit slower."""
    from sk_effprop.core.compiled.ahead import is_cached
    from sk_effprop.core.compiled.cache import cache_folder

    if is_cached(dtype):
        return
    folder = cache_folder()
    end = (
        "for this process: set NUMBA_CACHE_DIR to a folder that can be written, and "
        "they are kept there."
        if folder is None
        else f"once, and kept in {folder}. 'python -m sk_effprop compile' does so "
        "ahead of time."
    )
    print(
        f"sk_effprop: the {dtype} training loops are being compiled, {end}",
        file=sys.stderr,
        flush=True,
    )


# ---------------------------------------------------------------------- initial weights


def initial_theta(
    given: Hyperparameters,
    objective: Objective,
    rng: np.random.Generator,
    *,
    is_stream: bool,
) -> Array:
    """Weights by ``init`` and ``bias_init``, as precise as the inputs."""
    network, dtype = objective.network, objective.inputs.dtype
    if isinstance(given.init, np.ndarray):
        return np.asarray(given.init.astype(dtype))
    theta = initialize(network, get_initializer(given.init), rng, dtype)
    layers = network.layers(theta)
    # Weights of inputs that never move would keep their random values and spoil
    # predictions as soon as the inputs do move.  The same holds for a stream whose
    # first rows are too few to tell the scale of the inputs.
    is_unknown = is_stream and objective.n_samples < FEWEST_SCALED
    constant = np.s_[:] if is_unknown else constant_inputs(objective.inputs)
    layers[0][:-1][constant] = 0.0
    if given.bias_init == "data":
        if len(layers) > 1:
            rows = _ranked_biases(objective, layers[0], rng)
            layers[0][-1] = BIAS_SPREAD * rows
    elif given.bias_init != "zero":
        for W in layers:
            W[-1] = given.bias_init
    layers[-1][-1] += _output_biases(objective)
    place_centres(objective, theta, rng)
    return theta


def _output_biases(objective: Objective) -> Array | float:
    """Biases with which outputs that have one limit start at the mean of the targets.

    The curvature of a deviance is the predicted mean: rates measured at another mean
    than that of the targets would not suit the end of training.  Outputs that start
    beyond the corner of a relu have no gradient and would stay there.
    """
    output = objective.network.activations[-1]
    has_one_limit = np.isinf(output.limits).sum() == 1 and output.rises
    is_log_link = isinstance(objective.loss, LogLink)
    if not (is_log_link or has_one_limit):
        return 0.0
    means = np.average(objective.targets, axis=0, weights=objective.sample_weight)
    if is_log_link:
        return np.log(np.where(means > 0.0, means, 1.0))
    bottom, top = output.limits
    return np.array(
        [
            preactivation_at(float(mean), output) if bottom < mean < top else 0.0
            for mean in means
        ]
    )


def _ranked_biases(objective: Objective, W: Array, rng: np.random.Generator) -> Array:
    inputs, weight = objective.inputs, objective.sample_weight
    levels_rng = np.random.default_rng(rng.integers(2**63))
    if len(inputs) > MAX_RANKED_ROWS:
        rows = rng.choice(len(inputs), MAX_RANKED_ROWS, replace=False)
        inputs, weight = inputs[rows], None if weight is None else weight[rows]
    return biases_through_data(levels_rng, inputs @ W, weight)


def constant_inputs(inputs: Any) -> Array:
    """True for each input that has one value in all rows, up to rounding."""
    if isinstance(inputs, FoldedSparse):
        if inputs.A.ndim == 2:
            return np.asarray(~inputs.A.any(axis=0))
        spread = inputs.X.max(axis=0) - inputs.X.min(axis=0)
        spread = spread.toarray().ravel() * inputs.A
    else:
        spread = np.ptp(inputs[:, :-1], axis=0)
    return np.asarray(spread <= CONSTANT * np.max(spread, initial=0.0))


# ------------------------------------------------------------------------------ solvers


def make_solver(
    plan: Plan,
    presented: Objective,
    known_rates: tuple[Rates, ...] | None = None,
) -> Solver:
    """Solver of the plan, for the examples that it will present.

    Parameters
    ----------
    plan : Plan
    presented : Objective
    known_rates : tuple of Rates, optional
        See :class:`StochasticSolver`; other solvers have no use for them.
    """
    given = plan.given
    settings = ScheduleSettings(given.power_t, given.annealing_tau, plan.max_iter)
    if plan.solver == "lm" and plan.batch_size < presented.n_samples:
        _check_one_place(presented, given)
        return BatchedLevenbergMarquardt(
            batch_size=plan.batch_size,
            order=ORDERS[plan.order],
            schedule=plan.schedule,
            settings=settings,
            step_share=plan.learning_rate_init,
            momentum=given.momentum,
            damping=_damping(given.damping),
        )
    if plan.solver in BATCH:
        return _batch_solver(plan)
    # a full batch contains all pieces of heavy examples
    batch_size = choose_batch_size(given.batch_size, plan.solver, presented.n_samples)
    solver = StochasticSolver(
        rule=_step_rule(plan),
        find_rates=make_rate_rule(plan, presented.network, batch_size),
        # The compiled loops are compiled once more for an integer.
        curvature_decay=float(given.curvature_decay),
        order=ORDERS[plan.order],
        emphasis=given.emphasis,
        batch_size=batch_size,
        batch_growth=given.batch_growth,
        schedule=plan.schedule,
        settings=settings,
        flow_rates=tuple(given.flow_rates),
        averaging=plan.averaging,
        input_gains=given.input_gains,
        known_rates=known_rates,
    )
    if not isinstance(presented, PartitionedObjective):
        return solver
    _check_for_parts(given, is_sequential=presented.is_sequential)
    return PassesOverParts(solver) if presented.is_sequential else Rounds(solver)


def _check_one_place(presented: Any, given: Hyperparameters) -> None:
    """Raise a ValueError for mini-batches of second order from data in parts."""
    if isinstance(presented, PartitionedObjective):
        raise ValueError(
            f"solver='lm' takes mini-batches with batch_size={given.batch_size!r} and "
            "this network, which is not available for data in parts. Use "
            "batch_size='full' with fewer hidden units, or solver='lbfgs'."
        )


def _check_for_parts(given: Hyperparameters, *, is_sequential: bool) -> None:
    """Raise a ValueError for what stochastic solvers cannot do on data in parts."""
    is_wrong = {
        "emphasis": given.emphasis > 0.0,
        "learning_rate": given.learning_rate == "flow" and not is_sequential,
        "input_gains": bool(given.input_gains) and not is_sequential,
    }
    for name, wrong in is_wrong.items():
        if wrong:
            raise ValueError(
                f"{name}={getattr(given, name)!r} is not available for data in parts, "
                "as it needs a memory of every example or update. Use the default of "
                f"{name}, or a batch solver such as 'lbfgs'."
            )


def make_rate_rule(plan: Plan, network: Network, batch_size: int) -> RateRule:
    """Rule that finds the learning rates."""
    full_batch = max(plan.full_batch, batch_size)
    scaling_of = SCALINGS.get(plan.learning_rate_scaling)
    rule = RateRule(
        # "measured" has no factor that follows from the sizes of a layer
        scaling=None if scaling_of is None else network.per_layer(scaling_of),
        eta=plan.learning_rate_init,
        batch_size=full_batch,
        # a batch that is a part of a full one takes its share of the step
        share=plan.rate_share * (batch_size / full_batch),
        period=plan.curvature_period,
        follows_stream=plan.keep_last,
    )
    if plan.solver != "sdlm":
        return rule
    return replace(
        rule,
        diagonal_samples=plan.given.curvature_samples,
        damping=_damping(plan.given.damping),
    )


def _damping(damping: Any) -> float | None:
    return None if isinstance(damping, str) else float(damping)


def _step_rule(plan: Plan) -> Momentum | Adam:
    given = plan.given
    if plan.solver == "adam":
        return Adam(given.beta_1, given.beta_2, given.epsilon)
    return Momentum(given.momentum, given.nesterovs_momentum)


def _batch_solver(plan: Plan) -> Solver:
    given, tolerance = plan.given, plan.tol or SMALLEST_GRADIENT
    damping = _damping(given.damping)
    if plan.is_evidence:
        return EvidenceRounds(LevenbergMarquardt(SMALLEST_GRADIENT, damping))
    if plan.solver == "lm":
        return LevenbergMarquardt(tolerance, damping)
    if plan.solver == "cg":
        solver = ConjugateGradient(tolerance)
        return solver if damping is None else replace(solver, damping=damping)
    if plan.solver == "scg":
        # Moller's method measures the curvature along the direction exactly
        damping = SCG_DAMPING if damping is None else damping
        return ConjugateGradient(tolerance, curvature=exact_curvature, damping=damping)
    return LBFGS(given.max_fun, tolerance, remembers=given.warm_start)
