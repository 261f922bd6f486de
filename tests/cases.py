"""Networks, activations, losses and solvers as parameter lists with ids."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import sparse
from scipy.special import expit

from sk_effprop.core.activations import (
    ACTIVATIONS,
    IDENTITY,
    TANH,
    Activation,
    AnyActivation,
)
from sk_effprop.core.custom import CustomActivation, CustomLoss
from sk_effprop.core.initializers import get_initializer
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import (
    AbsoluteError,
    Gamma,
    Huber,
    JointLogLoss,
    LogLoss,
    Poisson,
    SquaredError,
    quantile,
)
from sk_effprop.core.network import Network, forward, initialize
from sk_effprop.core.objective import Objective
from sk_effprop.core.paper import polak_ribiere
from sk_effprop.core.presentation import random_order
from sk_effprop.core.rates import RateRule
from sk_effprop.core.schedules import ScheduleSettings
from sk_effprop.core.steps import Adam, Momentum
from sk_effprop.solvers import (
    LBFGS,
    BatchedLevenbergMarquardt,
    ConjugateGradient,
    LevenbergMarquardt,
    StochasticSolver,
    exact_curvature,
)
from sk_effprop.training.monitor import Monitor

# ------------------------------------------------------------------------ activations

ALL_ACTIVATIONS = {
    **ACTIVATIONS,
    "twisted_lecun_tanh": ACTIVATIONS["lecun_tanh"]._replace(twist=0.1),
    "twisted_rational_tanh": ACTIVATIONS["rational_tanh"]._replace(twist=0.05),
    "twisted_relu": ACTIVATIONS["relu"]._replace(twist=0.2),
    "custom": Activation(TANH, amplitude=1.3, slope=0.7, twist=0.1, offset=-0.2),
}


def arctan_derivative(z):
    """First derivative of arctan."""
    return 1.0 / (1.0 + z * z)


def arctan_second(z):
    """Second derivative of arctan."""
    return -2.0 * z / (1.0 + z * z) ** 2


def silu(z):
    """Neither bounded nor rising everywhere."""
    return z * expit(z)


def silu_derivative(z):
    """First derivative of silu."""
    return expit(z) + z * expit(z) * expit(-z)


def silu_second(z):
    """Second derivative of silu."""
    return expit(z) * expit(-z) * (2.0 + z * (expit(-z) - expit(z)))


ARCTAN = (np.arctan, arctan_derivative, arctan_second)
SILU = (silu, silu_derivative, silu_second)
# Only the NumPy engine can run these.
USER_ACTIVATIONS = {
    "user_arctan": CustomActivation(ARCTAN),
    "user_silu": CustomActivation(SILU),
    "user_twisted_arctan": CustomActivation(ARCTAN, twist=0.1),
}


def params(table: dict[str, Any], *names: str) -> list[Any]:
    """Entries of a table, all of them unless named, with their names as ids."""
    return [pytest.param(table[name], id=name) for name in names or table]


ACTIVATION_PARAMS = params(ALL_ACTIVATIONS)
ANY_ACTIVATION_PARAMS = params(ALL_ACTIVATIONS | USER_ACTIVATIONS)
# those that are an amplitude times tanh, plus something linear
TANH_PARAMS = [
    pytest.param(a, id=name) for name, a in ALL_ACTIVATIONS.items() if a.kind == TANH
]

# ----------------------------------------------------------------------------- losses


def real_targets(rng: np.random.Generator, n: int, k: int) -> Any:
    """Normal targets."""
    return rng.normal(size=(n, k))


def yes_no_targets(rng: np.random.Generator, n: int, k: int) -> Any:
    """Zeros and ones, each column by itself."""
    return rng.integers(0, 2, size=(n, k)).astype(float)


def one_hot_targets(rng: np.random.Generator, n: int, k: int) -> Any:
    """A single one in every row."""
    return np.eye(k)[rng.integers(0, k, size=n)]


def joint_targets(rng: np.random.Generator, n: int, k: int) -> Any:
    """A single one in the first three columns, and in the last two of six."""
    parts = one_hot_targets, yes_no_targets, one_hot_targets
    pairs = zip(parts, (3, 1, k - 4), strict=True)
    return np.hstack([part(rng, n, size) for part, size in pairs])


def count_targets(rng: np.random.Generator, n: int, k: int) -> Any:
    """Whole numbers, zeros among them."""
    return rng.poisson(1.0, size=(n, k)).astype(float)


def positive_targets(rng: np.random.Generator, n: int, k: int) -> Any:
    """Gamma targets with a mean of 1."""
    return rng.gamma(2.0, 0.5, size=(n, k))


class LogCosh:
    """A user-defined loss with independent outputs: log cosh of each error."""

    def value(self, outputs, targets):
        """Loss of each example, summed over the outputs."""
        return np.log(np.cosh(outputs - targets)).sum(axis=1)

    def gradient(self, outputs, targets):
        """Derivative with respect to each output."""
        return np.tanh(outputs - targets)

    def hessian(self, outputs, targets):
        """Second derivative with respect to each output."""
        return 1.0 - np.tanh(outputs - targets) ** 2


class Correlated:
    """A user-defined loss with dependent outputs: 1/2 e'Ae."""

    A = np.array([[2.0, -0.7], [-0.7, 1.0]])

    def value(self, outputs, targets):
        """Loss of each example."""
        error = outputs - targets
        return 0.5 * np.sum(error * (error @ self.A), axis=1)

    def gradient(self, outputs, targets):
        """Ae."""
        return (outputs - targets) @ self.A

    def hessian(self, outputs, targets):
        """A, for every example."""
        return np.tile(self.A, (len(outputs), 1, 1))


def sparse_normal(rng: np.random.Generator, shape: Any, density: float) -> Any:
    """A CSR array of normal numbers with about this density."""
    stored = rng.uniform(size=shape) < density
    return sparse.csr_array(np.where(stored, rng.normal(size=shape), 0.0))


class LossCase(NamedTuple):
    """A loss with the output activation and targets that go with it."""

    loss: Any
    n_outputs: int
    output: AnyActivation = IDENTITY
    make_targets: Callable[..., Any] = real_targets

    def targets(self, rng: np.random.Generator, n: int) -> Any:
        """Targets for n examples."""
        return self.make_targets(rng, n, self.n_outputs)


ALL_LOSSES = {
    "squared_error_1": LossCase(SquaredError(), 1),
    "squared_error_3": LossCase(SquaredError(), 3),
    **{
        f"squared_error_2_{name}": LossCase(SquaredError(), 2, activation)
        for name, activation in ALL_ACTIVATIONS.items()
        if name != "identity"
    },
    "log_loss_binary": LossCase(LogLoss(False), 1, make_targets=yes_no_targets),
    "log_loss_multilabel": LossCase(LogLoss(False), 3, make_targets=yes_no_targets),
    "log_loss_softmax": LossCase(LogLoss(True), 3, make_targets=one_hot_targets),
    "huber": LossCase(Huber(0.6), 2),
    "absolute_error": LossCase(AbsoluteError(rounding=0.3), 2),
    "quantile": LossCase(quantile(0.8), 1, ACTIVATIONS["softplus"]),
    "poisson": LossCase(Poisson(), 2, make_targets=count_targets),
    "gamma": LossCase(Gamma(), 2, make_targets=positive_targets),
}
# Only the NumPy engine can run these.
USER_LOSSES = {
    "user_log_cosh": LossCase(CustomLoss(LogCosh()), 2, ACTIVATIONS["lecun_tanh"]),
    "user_correlated": LossCase(CustomLoss(Correlated()), 2),
    "user_output": LossCase(SquaredError(), 2, USER_ACTIVATIONS["user_arctan"]),
    "log_loss_joint": LossCase(
        JointLogLoss(False, (3, 1, 2)), 6, make_targets=joint_targets
    ),
}
COMPILED_LOSS_PARAMS = params(ALL_LOSSES)
LOSS_PARAMS = params(ALL_LOSSES | USER_LOSSES)
# One loss of each kind, for tests in which the output activation does not matter.
MAIN_LOSS_PARAMS = params(
    ALL_LOSSES | USER_LOSSES,
    "squared_error_1",
    "squared_error_2_lecun_tanh",
    "log_loss_multilabel",
    "log_loss_softmax",
    "huber",
    "absolute_error",
    "poisson",
    "gamma",
    "user_correlated",
)

# ------------------------------------------------------------------------------ depths

ALL_DEPTHS = {"depth0": (), "depth1": (4,), "depth2": (4, 3), "depth3": (3, 4, 3)}
DEPTH_PARAMS = params(ALL_DEPTHS)
# (depth, activation, loss): every loss with LeCun's sigmoid, every activation with one
# loss of each kind.  Without hidden layers the activation does not matter.
NETWORK_PARAMS = [
    pytest.param(hidden, activation, loss.values[0], id=f"{depth}-{name}-{loss.id}")
    for depth, hidden in ALL_DEPTHS.items()
    for name, activation in (ALL_ACTIVATIONS | USER_ACTIVATIONS).items()
    if hidden or name == "lecun_tanh"
    for loss in (LOSS_PARAMS if name == "lecun_tanh" else MAIN_LOSS_PARAMS)
]

# --------------------------------------------------------------------------- problems


def make_problem(
    hidden: tuple[int, ...],
    activation: AnyActivation,
    case: LossCase,
    *,
    n: int = 12,
    n_inputs: int = 3,
    alpha: float = 0.03,
    weighted: bool = True,
    seed: int = 0,
) -> tuple[Objective, Any]:
    """An objective with random data, and a theta away from the kinks of a ReLU."""
    rng = np.random.default_rng(seed)
    sizes = (n_inputs, *hidden, case.n_outputs)
    network = Network(sizes, (*(activation for _ in hidden), case.output))
    weight = rng.uniform(0.2, 2.0, size=n)
    objective = Objective(
        network,
        case.loss,
        with_ones(rng.normal(size=(n, n_inputs))),
        case.targets(rng, n),
        weight / weight.mean() if weighted else None,
        network.per_layer(lambda fan_in, fan_out: alpha, biases=0.0),
    )
    while True:
        theta = 0.7 * rng.normal(size=network.n_weights)
        trace = forward(network, theta, objective.inputs)
        if min(np.abs(trace.z(l)).min() for l in range(len(hidden) + 1)) > 1e-3:
            return objective, theta


def initial_theta(objective: Objective, seed: int = 0) -> Any:
    """Weights drawn as in eq. (16)."""
    rng = np.random.default_rng(seed)
    return initialize(
        objective.network, get_initializer("lecun_normal"), rng, np.float64
    )


def ridge_problem(*, weighted: bool = False) -> Objective:
    """Linear least squares with a penalty, two outputs."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(30, 4))
    Y = X @ rng.normal(size=(4, 2)) + 0.5 + 0.3 * rng.normal(size=(30, 2))
    network = Network((4, 2), (IDENTITY,))
    weight = rng.uniform(0.5, 1.5, size=30)
    return Objective(
        network,
        SquaredError(),
        with_ones(X),
        Y,
        weight / weight.mean() if weighted else None,
        network.per_layer(lambda fan_in, fan_out: 0.1, biases=0.0),
    )


def ridge_solution(objective: Objective) -> Any:
    """Solution of linear least squares by the normal equations."""
    X, Y = objective.inputs, objective.targets
    n = len(Y)
    w = np.ones(n) if objective.sample_weight is None else objective.sample_weight
    penalty = objective.network.layers(objective.penalty)[0][:, 0]
    left = X.T @ (w[:, None] * X) / n + np.diag(penalty)
    return np.linalg.solve(left, X.T @ (w[:, None] * Y) / n).ravel()


def logistic_problem() -> Objective:
    """Logistic regression on two overlapping clouds, in class order."""
    rng = np.random.default_rng(8)
    labels = np.repeat([0, 1], 20)
    X = rng.normal(size=(40, 3)) + np.array([1.0, -0.5, 0.0]) * (labels[:, None] - 0.5)
    network = Network((3, 1), (IDENTITY,))
    return Objective(
        network,
        LogLoss(False),
        with_ones(X),
        labels[:, None].astype(float),
        None,
        network.per_layer(lambda fan_in, fan_out: 0.01, biases=0.0),
        labels,
    )


def tanh_problem() -> Objective:
    """A weighted regression of one smooth curve on a small tanh net."""
    rng = np.random.default_rng(9)
    X = rng.normal(size=(40, 2))
    Y = np.sin(X[:, :1]) + 0.3 * X[:, 1:]
    network = Network((2, 5, 1), (ACTIVATIONS["lecun_tanh"], IDENTITY))
    weight = rng.uniform(0.5, 1.5, size=40)
    return Objective(
        network,
        SquaredError(),
        with_ones(X),
        Y,
        weight / weight.mean(),
        network.per_layer(lambda fan_in, fan_out: 1e-3, biases=0.0),
    )


PROBLEMS = {"ridge": ridge_problem, "logistic": logistic_problem, "tanh": tanh_problem}
PROBLEM_PARAMS = params(PROBLEMS)

# ---------------------------------------------------------------------------- solvers


def on_engine(engine: str, objective: Objective) -> Objective:
    """The same objective, on compiled loops if wanted."""
    if engine == "numpy":
        return objective
    from sk_effprop.core.compiled.engine import NumbaEngine

    return replace(objective, engine_type=NumbaEngine)


def stochastic(
    objective: Objective,
    *,
    rate: float = 0.05,
    scaling: Any = None,
    rate_rule: RateRule | None = None,
    **changes: Any,
) -> StochasticSolver:
    """Plain gradient descent at a rate that suits these problems, with changes."""
    if scaling is None:
        scaling = np.ones(objective.network.n_weights)
    plain = StochasticSolver(
        rule=Momentum(),
        find_rates=rate_rule or RateRule(scaling, rate, batch_size=1),
        curvature_decay=0.0,
        order=random_order,
        emphasis=0.0,
        batch_size=1,
        batch_growth=1.0,
        schedule="constant",
        settings=ScheduleSettings(power_t=0.5, annealing_tau=5.0, max_iter=20),
        flow_rates=(0.02, 0.2, 0.02),
    )
    return replace(plain, **changes)


def sdlm(
    objective: Objective,
    *,
    momentum: float = 0.0,
    period: float | None = None,
    **changes: Any,
) -> StochasticSolver:
    """Stochastic diagonal Levenberg-Marquardt with automatic rates."""
    scaling = np.ones(objective.network.n_weights)
    find_rates = RateRule(scaling, None, 10, 1.0 - momentum, diagonal_samples=20)
    return stochastic(
        objective,
        rule=Momentum(momentum),
        rate_rule=replace(find_rates, period=period),
        batch_size=10,
        **changes,
    )


def _stochastic(**changes: Any) -> Callable[[Objective], StochasticSolver]:
    return lambda objective: stochastic(objective, **changes)


# Functions that make a solver for an objective.
STOCHASTIC_SOLVERS: dict[str, Callable[[Objective], Any]] = {
    "sgd_online": _stochastic(),
    "sgd_minibatch": _stochastic(batch_size=7, rate=0.2),
    "sgd_full": _stochastic(batch_size=10**6, rate=0.5),
    "sgd_momentum": _stochastic(rule=Momentum(0.8), batch_size=7),
    "sgd_nesterov": _stochastic(rule=Momentum(0.8, nesterov=True), batch_size=7),
    "sgd_annealing": _stochastic(schedule="annealing"),
    "sgd_cosine": _stochastic(schedule="cosine"),
    "sgd_invscaling": _stochastic(schedule="invscaling", rate=0.2),
    "sgd_adaptive": _stochastic(schedule="adaptive"),
    "sgd_flow": _stochastic(schedule="flow"),
    "sgd_growth": _stochastic(batch_size=2, batch_growth=1.3),
    "adam": _stochastic(rule=Adam(), batch_size=7, rate=0.02),
    "sdlm": lambda objective: sdlm(objective),
    "sdlm_periodic": lambda objective: sdlm(objective, period=2.0),
    "sdlm_running": lambda objective: sdlm(objective, curvature_decay=0.05),
    "sdlm_momentum": lambda objective: sdlm(objective, momentum=0.5),
}
BATCH_SOLVERS: dict[str, Callable[[Objective], Any]] = {
    "lbfgs": lambda objective: LBFGS(max_fun=1000, gradient_tolerance=1e-10),
    "lm": lambda objective: LevenbergMarquardt(1e-10),
    "cg": lambda objective: ConjugateGradient(1e-10),
    "cg_polak_ribiere": lambda objective: ConjugateGradient(1e-10, polak_ribiere),
    "scg": lambda objective: ConjugateGradient(
        1e-10, curvature=exact_curvature, damping=1e-6
    ),
}


def lm_in_batches(**changes: Any) -> BatchedLevenbergMarquardt:
    """Levenberg-Marquardt on batches of 16, with changes."""
    plain = BatchedLevenbergMarquardt(
        batch_size=16,
        order=random_order,
        schedule="cosine",
        settings=ScheduleSettings(power_t=0.5, annealing_tau=5.0, max_iter=20),
        momentum=0.9,
    )
    return replace(plain, **changes)


BATCHED_SOLVERS: dict[str, Callable[[Objective], Any]] = {
    "lm_running": lambda objective: lm_in_batches(),
    "lm_dual": lambda objective: lm_in_batches(max_running_weights=0),
}
ALL_SOLVERS = {**STOCHASTIC_SOLVERS, **BATCH_SOLVERS, **BATCHED_SOLVERS}
STOCHASTIC_PARAMS = params(STOCHASTIC_SOLVERS)
BATCH_PARAMS = params(BATCH_SOLVERS)
SOLVER_PARAMS = params(ALL_SOLVERS)


def make_monitor(objective: Objective, theta: Any, max_iter: int, **settings: Any):
    """A monitor that starts at theta."""
    return Monitor(
        theta,
        objective.value(theta),
        null_value=objective.null_value(),
        max_iter=max_iter,
        **settings,
    )
