"""From hyperparameters to the immutable things that train: network, start, solver."""

from dataclasses import replace
from functools import cache
from math import ceil
from typing import Any

import numpy as np

from sk_effprop.core.activations import (
    ACTIVATIONS,
    Activation,
    AnyActivation,
)
from sk_effprop.core.custom import CustomActivation, CustomLoss
from sk_effprop.core.initializers import biases_through_data, get_initializer
from sk_effprop.core.inputs import FoldedSparse
from sk_effprop.core.losses import LogLink, LogLoss, SquaredError
from sk_effprop.core.network import Network, forward, initialize
from sk_effprop.core.noise import (
    N_UNITS,
    strength_for_classification,
    strength_for_regression,
    unexplained,
)
from sk_effprop.core.objective import Objective
from sk_effprop.core.presentation import ORDERS
from sk_effprop.core.rates import SCALINGS, RateRule
from sk_effprop.core.schedules import SCHEDULES, ScheduleSettings
from sk_effprop.core.steps import Adam, Momentum
from sk_effprop.core.targets import place_targets
from sk_effprop.estimators._parameters import (
    hidden_sizes,
    is_evidence,
    is_per_layer,
    refuse,
)
from sk_effprop.solvers import (
    BATCH,
    LBFGS,
    ConjugateGradient,
    EvidenceRounds,
    LevenbergMarquardt,
    StochasticSolver,
    exact_curvature,
)

# "auto": up to so many examples training is by a deterministic batch method
SMALL = 500
# what solver="auto" chooses between, see docs/choosing.md
AUTO_STOCHASTIC, AUTO_BATCH = "sgd", "lbfgs"
# examples in an on-line update of solver="sgd" and "sdlm"
SGD_BATCH = 8
# as in MLPClassifier
ADAM_BATCH, ADAM_RATE, ADAM_EPOCHS = 200, 1e-3, 200
# engine="auto": updates that take NumPy longer than numba takes to load its compiled
# loops, and batches that BLAS is not yet better at
WORTH_COMPILING, LARGEST_COMPILED_BATCH = 10_000, 64
# tol=0: a gradient below this is zero but for rounding
SMALLEST_GRADIENT = 1e-10
# Moller's initial lambda
SCG_DAMPING = 1e-6
# rows that bias_init="data" ranks at most
MAX_RANKED_ROWS = 1000
# rows on which a user's loss is differentiated, and outputs are compared
CHECKED_ROWS = 10
# outputs that vary by less than this share of their targets do not follow them
FLAT_SHARE, FLAT_WEIGHT = 0.01, 0.1
# a penalty so many times that of alpha="auto" may be the reason
SUSPICIOUS = 10.0
# alpha="auto": strength of the penalty for one connection and one example, where it is
# not found from the data
CLASSES_ALPHA, VALUES_ALPHA = 0.1, 0.25
# ... of a squared error between such targets
USUAL_TARGETS = place_targets("max_curvature", ACTIVATIONS["lecun_tanh"])
# ... which is asked where there are so many examples, and no more inputs than this
FEWEST_MEASURED, MAX_MEASURED_INPUTS = 30, 2000
# rows whose deviations are of the right size
FEWEST_SCALED = 5
# max_iter="auto": iterations of batch solvers, and what stochastic solvers are to have
# at least, in epochs and in examples shown
BATCH_ITERATIONS, LEAST_EPOCHS, LEAST_SHOWN = 200, 20, 30_000
# bias_init="data": how far out the hyperplanes are, 1 is through a row
BIAS_SPREAD = 2.0


def resolve_activation(activation: Any) -> AnyActivation:
    """Look up a name, or wrap three functions."""
    if isinstance(activation, str):
        return ACTIVATIONS[activation]
    is_known = isinstance(activation, Activation)
    return activation if is_known else CustomActivation(activation)


def hidden_activations(est: Any) -> tuple[AnyActivation, ...]:
    """One for each hidden layer, twisting term included."""
    sizes = hidden_sizes(est)
    chosen = est.activation
    per_layer = chosen if is_per_layer(chosen) else [chosen] * len(sizes)
    resolved = [resolve_activation(one) for one in per_layer]
    return tuple(one.twisted(est.twist) for one in resolved)


def make_network(
    est: Any, n_inputs: int, n_outputs: int, output: AnyActivation
) -> Network:
    """The network of ``hidden_layer_sizes`` and ``activation``."""
    sizes = (n_inputs, *hidden_sizes(est), n_outputs)
    return Network(sizes, (*hidden_activations(est), output))


def squared_spread(low: float, high: float) -> float:
    """How a squared error between these targets compares with that of usual ones."""
    usual_low, usual_high = USUAL_TARGETS
    return ((high - low) / (usual_high - usual_low)) ** 2


def penalty(est: Any, network: Network, n_samples: float, strength: float) -> Any:
    """L2 strength of every weight; "auto" is this for one connection and example."""
    if isinstance(est.alpha, str):
        own = strength / n_samples
        return network.per_layer(lambda fan_in, fan_out: own * fan_in, biases=0.0)
    return network.per_layer(lambda fan_in, fan_out: est.alpha, biases=0.0)


def measured_strength(est: Any, objective: Objective) -> float:
    """What ``alpha="auto"`` is here: as strong as the targets want, if they tell."""
    if isinstance(objective.loss, LogLoss):
        strength = strength_for_classification
    elif objective.loss == SquaredError() and not est._is_classifier:
        strength = strength_for_regression
    else:
        return float(est._strength)
    sizes = objective.network.sizes
    is_wide = sizes[0] > MAX_MEASURED_INPUTS
    if is_wide or objective.count < FEWEST_MEASURED:
        return float(est._strength)
    left = unexplained(
        objective.inputs,
        objective.targets,
        objective.sample_weight,
        count=objective.count,
        n_units=N_UNITS if len(sizes) > 2 else 0,
    )
    return strength(left)


def kind_of_state(est: Any, solver: str) -> str:
    """States of solvers of one kind can be handed on to each other."""
    return f"{solver} by evidence" if is_evidence(est) else solver


def patience(est: Any) -> float:
    """Iterations without progress; rounds of evidence end by a rule of their own."""
    return np.inf if est.tol == 0 or is_evidence(est) else est.n_iter_no_change


def initial_theta(est: Any, objective: Objective, rng: np.random.Generator) -> Any:
    """Starting weights by ``init`` and ``bias_init``, as precise as the inputs."""
    network, dtype = objective.network, objective.inputs.dtype
    if isinstance(est.init, np.ndarray):
        if est.init.shape != (network.n_weights,):
            refuse(
                est,
                "init",
                f"a name, a number, or an array of shape ({network.n_weights},)",
                "Its layout is that of theta_.",
            )
        return est.init.astype(dtype)
    theta = initialize(network, get_initializer(est.init), rng, dtype)
    layers = network.layers(theta)
    # Weights of inputs that never move would keep their random values and spoil
    # predictions the day the inputs do move.  So would those of a stream whose first
    # rows are too few to tell how far.
    is_unknown = est._is_stream and objective.n_samples < FEWEST_SCALED
    still = np.s_[:] if is_unknown else constant_inputs(objective.inputs)
    layers[0][:-1][still] = 0.0
    if est.bias_init == "data":
        if len(layers) > 1:
            rows = _ranked_biases(objective, layers[0], rng)
            layers[0][-1] = BIAS_SPREAD * rows
    elif est.bias_init != "zero":
        for W in layers:
            W[-1] = est.bias_init
    if isinstance(objective.loss, LogLink):
        means = np.average(objective.targets, axis=0, weights=objective.sample_weight)
        layers[-1][-1] += np.log(np.where(means > 0.0, means, 1.0))
    return theta


def check_loss(objective: Objective, theta: Any) -> None:
    """Refuse a user's loss whose gradient is none, as some examples show."""
    if not isinstance(objective.loss, CustomLoss):
        return
    some = objective.subset(np.arange(min(len(objective.targets), CHECKED_ROWS)))
    some, theta = some.as_float64(), theta.astype(np.float64)
    outputs = forward(some.network, theta, some.inputs).outputs
    if complaint := objective.loss.error_message(outputs, some.targets):
        raise ValueError(
            "The gradient of the given loss must be the derivative of its value with "
            f"respect to the outputs, example by example. {complaint}"
        )


def _ranked_biases(objective: Objective, W: Any, rng: np.random.Generator) -> Any:
    inputs, weight = objective.inputs, objective.sample_weight
    levels_rng = np.random.default_rng(rng.integers(2**63))
    if len(inputs) > MAX_RANKED_ROWS:
        rows = rng.choice(len(inputs), MAX_RANKED_ROWS, replace=False)
        inputs, weight = inputs[rows], None if weight is None else weight[rows]
    return biases_through_data(levels_rng, inputs @ W, weight)


def constant_inputs(inputs: Any) -> Any:
    """Which inputs have the same value in every row, up to rounding."""
    if isinstance(inputs, FoldedSparse):
        if inputs.A.ndim == 2:
            return ~inputs.A.any(axis=0)
        spread = inputs.X.max(axis=0) - inputs.X.min(axis=0)
        spread = spread.toarray().ravel() * inputs.A
    else:
        spread = np.ptp(inputs[:, :-1], axis=0)
    return spread <= 1e-7 * np.max(spread, initial=0.0)


def resolve_solver(est: Any, n_samples: int) -> str:
    """What ``solver="auto"`` means for this task and these shapes."""
    if est.solver != "auto":
        return est.solver
    wants_batches = not isinstance(est.batch_size, str) and est.batch_size < n_samples
    if wants_batches or n_samples > SMALL:
        return AUTO_STOCHASTIC
    return AUTO_BATCH


def resolve_max_iter(est: Any, n_samples: int) -> int:
    """What ``max_iter`` means for the solver and so many examples."""
    if est.max_iter != "auto":
        return int(est.max_iter)
    if est.solver_ in BATCH:
        return BATCH_ITERATIONS
    if est.solver_ == "adam":
        return ADAM_EPOCHS
    return max(LEAST_EPOCHS, ceil(LEAST_SHOWN / n_samples))


def is_flattened(est: Any, objective: Objective, theta: Any) -> bool:
    """Whether a penalty of the user's has made the outputs as good as constant."""
    if isinstance(est.alpha, str):
        return False
    usual = est._strength * max(objective.network.sizes[:-1]) / objective.count
    if est.alpha < SUSPICIOUS * usual:
        return False
    # examples may be sorted
    rows = np.linspace(0, objective.n_samples - 1, CHECKED_ROWS).astype(int)
    some = objective.subset(rows)
    outputs = forward(some.network, theta, some.inputs).outputs
    # units that are saturated leave constant outputs, too, but not by small weights
    if np.abs(some.network.layers(theta)[-1][:-1]).max(initial=0.0) > FLAT_WEIGHT:
        return False
    spread, wanted = np.ptp(outputs, axis=0), np.ptp(objective.targets, axis=0)
    varies = wanted > 0.0
    return bool(varies.any() and (spread < FLAT_SHARE * wanted)[varies].all())


def has_fixed_length(est: Any) -> bool:
    """Whether using up ``max_iter`` was planned, and so is no reason for a warning."""
    if est.tol == 0:
        return True
    if est.solver_ == "adam":
        return False
    # with n_iter_no_change=inf nothing but max_iter ends training, and as with
    # MLPClassifier a warning tells that it has
    ends = SCHEDULES[est.learning_rate].has_an_end and est.n_iter_no_change < np.inf
    return est.max_iter == "auto" or (est.solver_ not in BATCH and ends)


def resolve_batch_size(est: Any, solver: str, n_samples: int) -> int:
    """What ``batch_size`` means for this solver, at most ``n_samples``."""
    if solver in BATCH or est.batch_size == "full":
        return n_samples
    if est.batch_size == "auto":
        return min(ADAM_BATCH if solver == "adam" else SGD_BATCH, n_samples)
    return min(est.batch_size, n_samples)


def with_engine(est: Any, objective: Objective, n_epochs: int) -> Objective:
    """The objective on compiled loops, if that is what ``engine`` means here."""
    if est.engine == "numba" and compiled_or_why_not():
        raise ImportError(
            "engine='numba' needs numba, the extra 'fast': pip install "
            "'sk_effprop[fast]'. engine='auto' goes without it. "
            f"({compiled_or_why_not()})"
        )
    if est.engine == "numpy" or est.solver_ == "adam" or not objective.is_compilable:
        return objective
    if est.engine == "auto":
        if est.solver_ in BATCH:
            return objective
        batch_size = resolve_batch_size(est, est.solver_, objective.n_samples)
        n_updates = n_epochs * objective.n_samples / batch_size
        is_small = batch_size <= LARGEST_COMPILED_BATCH
        is_worth_it = n_updates >= WORTH_COMPILING and is_small
        if not is_worth_it or compiled_or_why_not():
            return objective
    from sk_effprop.core.compiled_objective import NumbaEngine

    return replace(objective, engine_type=NumbaEngine)


@cache
def compiled_or_why_not() -> str:
    """Nothing if numba is there and works; else what it says."""
    try:
        import sk_effprop.core.compiled_objective  # noqa: F401
    except Exception as error:
        # a numba that does not go with this NumPy raises whatever it likes
        return f"{type(error).__name__}: {error}"
    return ""


def resolve_order(est: Any, *, has_labels: bool) -> Any:
    """The presentation that ``shuffle`` names."""
    automatic = "interleave" if has_labels else True
    return ORDERS[automatic if est.shuffle == "auto" else est.shuffle]


def make_solver(
    est: Any,
    name: str,
    objective: Objective,
    *,
    max_iter: int,
    streaming: bool,
) -> Any:
    """The solver with its hyperparameters."""
    if name in BATCH:
        return _batch_solver(est, name)
    batch_size = full = resolve_batch_size(est, name, objective.n_samples)
    if streaming and est.batch_size == "auto" and name != "adam":
        full = SGD_BATCH
    # As in MLPClassifier, adam keeps its rate.  A stream has no last epoch to fall to,
    # and no last part to average over.
    endless = streaming and SCHEDULES[est.learning_rate].has_an_end
    schedule = "constant" if name == "adam" or endless else est.learning_rate
    find_rates = _rate_rule(est, name, objective, full, max_iter)
    # rows that come one by one count for their share of a full batch
    find_rates = replace(find_rates, share=find_rates.share * batch_size / full)
    return StochasticSolver(
        rule=_rule(est, name),
        find_rates=find_rates,
        curvature_decay=est.curvature_decay,
        order=resolve_order(est, has_labels=objective.labels is not None),
        emphasis=est.emphasis,
        batch_size=batch_size,
        batch_growth=est.batch_growth,
        schedule=schedule,
        settings=ScheduleSettings(est.power_t, est.annealing_tau, max_iter),
        flow_rates=tuple(est.flow_rates),
        averaging=est.averaging and not streaming,
        input_gains=est.input_gains,
    )


def resolve_scaling(est: Any, name: str) -> str:
    """What ``learning_rate_scaling`` means; a given rate stays what it is."""
    if name == "adam":
        # its steps do not scale with the gradients, so no layer needs smaller ones
        return "none"
    if est.learning_rate_scaling != "auto":
        return str(est.learning_rate_scaling)
    return "inv_fan_in" if est.learning_rate_init == "auto" else "none"


def _rate_rule(
    est: Any, name: str, objective: Objective, batch_size: int, max_iter: int
) -> RateRule:
    scaling = objective.network.per_layer(SCALINGS[resolve_scaling(est, name)])
    eta = None if est.learning_rate_init == "auto" else float(est.learning_rate_init)
    if name == "adam" and eta is None:
        eta = ADAM_RATE
    share, period = _share_of_rate(est, max_iter), _period(est, objective)
    rule = RateRule(scaling, eta, batch_size, share, period=period)
    if name == "sdlm":
        damping = None if est.damping == "auto" else float(est.damping)
        samples = est.curvature_samples
        return replace(rule, diagonal_samples=samples, damping=damping)
    return rule


def _share_of_rate(est: Any, max_iter: int) -> float:
    """What momentum leaves of the automatic rate."""
    # steps add up to 1 / (1 - m) of them
    share = 1.0 - float(est.momentum)
    # Momentum is stable up to 1 + m times the rate that plain descent is: too noisy for
    # good, but not for a rate that falls, which takes more than the one epoch of a
    # stream.  A linear model does not leave what is steep.
    falls = SCHEDULES[est.learning_rate].has_an_end and max_iter > 1
    is_bold = falls and hidden_sizes(est)
    return share * (1.0 + est.momentum) if is_bold else share


def _period(est: Any, objective: Objective) -> float | None:
    """Epochs between measurements of the curvature."""
    if est.curvature_period != "auto":
        return est.curvature_period
    # The curvature of log_loss vanishes as the network grows confident, and rates
    # would grow beyond bounds; a given rate is the user's.
    follows = not isinstance(objective.loss, LogLoss)
    return None if follows and est.learning_rate_init == "auto" else np.inf


def _batch_solver(est: Any, name: str) -> Any:
    tolerance = est.tol or SMALLEST_GRADIENT
    damping = {} if est.damping == "auto" else {"damping": float(est.damping)}
    if name == "lm" and is_evidence(est):
        return EvidenceRounds(LevenbergMarquardt(SMALLEST_GRADIENT, **damping))
    if name == "lm":
        return LevenbergMarquardt(tolerance, **damping)
    if name == "cg":
        return ConjugateGradient(tolerance, **damping)
    if name == "scg":
        moller = {"curvature": exact_curvature, "damping": SCG_DAMPING}
        return ConjugateGradient(tolerance, **(moller | damping))
    return LBFGS(est.max_fun, tolerance)


def _rule(est: Any, name: str) -> Momentum | Adam:
    if name == "adam":
        return Adam(est.beta_1, est.beta_2, est.epsilon)
    return Momentum(est.momentum, est.nesterovs_momentum)
