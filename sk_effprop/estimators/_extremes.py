"""Rules that recognise settings so far from the usual ones that nothing is learnt.

Each of them is a rule like those of :mod:`sk_effprop.estimators._rules`: it looks at a
Case, and returns a Finding or None.
"""

from dataclasses import dataclass

import numpy as np

from sk_effprop.core.activations import ACTIVATIONS, Activation
from sk_effprop.estimators._rules import Case
from sk_effprop.solvers import SOLVERS, STOCHASTIC
from sk_effprop.training.convergence import Finding

# Units whose standard deviation is so many times that of their inputs start saturated,
# or predict numbers of any size.
EXPLODING = 10.0
# No signal passes initial weights below this share of the paper's (eq. 16).
VANISHING = 0.05
# Factors of an activation that no learning rate makes up for.
SMALLEST_FACTOR, LARGEST_FACTOR = 1e-3, 1e3
# A tolerance above stops training in its first steps.
LARGE_TOL = 0.1


@dataclass(frozen=True)
class Extreme:
    """Sizes of a hyperparameter that leave nothing to learn.

    Attributes
    ----------
    name : str
    usual : object
        Its default.
    smallest, largest : float
        Absolute values outside are extreme.
    solvers : sequence of str
        Those that use it.
    loss : str or None
        The only loss that uses it.
    """

    name: str
    usual: object
    smallest: float = 0.0
    largest: float = np.inf
    solvers: tuple[str, ...] = tuple(SOLVERS)
    loss: str | None = None


EXTREMES = (
    Extreme("damping", "auto", largest=1000.0, solvers=("lm",)),
    Extreme("damping", "auto", largest=10.0, solvers=("sdlm",)),
    Extreme("curvature_samples", 500, smallest=10, solvers=("sdlm",)),
    Extreme("curvature_decay", 0.0, largest=0.9, solvers=("sdlm",)),
    Extreme("emphasis", 0.0, largest=0.9, solvers=STOCHASTIC),
    Extreme("beta_2", 0.999, smallest=0.5, solvers=("adam",)),
    Extreme("epsilon", 1e-8, largest=0.01, solvers=("adam",)),
    Extreme("twist", 0.0, largest=10.0),
    Extreme("bias_init", "data", largest=3.0),
    Extreme("input_clip", 8.0, smallest=0.1),
    Extreme("huber_delta", 1.35, smallest=1e-3, loss="huber"),
)


def extreme_setting(case: Case) -> Finding | None:
    """Find a number that is far too large or too small."""
    for extreme in EXTREMES:
        value = getattr(case.plan.given, extreme.name, None)
        is_used = case.plan.solver in extreme.solvers and extreme.loss in (
            None,
            case.plan.given.loss,
        )
        if not is_used or value is None or isinstance(value, str):
            continue
        if not extreme.smallest <= abs(value) <= extreme.largest:
            how = "large" if abs(value) > extreme.largest else "small"
            return Finding(
                f"{extreme.name}={value:.3g} is too {how}.",
                extreme.name,
                f"Use {extreme.name}={extreme.usual!r}.",
                cause=f"{extreme.name.replace('_', ' ')} too {how}",
                value=extreme.usual,
            )
    return None


def extreme_quantile(case: Case) -> Finding | None:
    """Find a quantile beyond which there is not even one example."""
    given, count = case.plan.given, case.objective.count
    if given.loss != "quantile":
        return None
    share = min(given.quantile, 1.0 - given.quantile)
    if share * count >= 1.0:
        return None
    usual = float(f"{2.0 / count:.1g}")
    value = usual if given.quantile < 0.5 else 1.0 - usual
    return Finding(
        f"quantile={given.quantile:.7g} leaves less than one of {count:.0f} examples "
        "on one side, so that next to nothing depends on the others.",
        "quantile",
        f"Use quantile={value:.7g}, or more examples.",
        cause="quantile too extreme",
        value=value,
    )


def extreme_activation(case: Case) -> Finding | None:
    """Find an activation with a factor that rates and weights cannot make up for."""
    given = case.plan.given.activation
    for activation in given if isinstance(given, list) else [given]:
        if not isinstance(activation, Activation):
            continue
        factors = np.abs([activation.amplitude, activation.slope])
        if factors.min() < SMALLEST_FACTOR or factors.max() > LARGEST_FACTOR:
            return Finding(
                f"the activation has an amplitude of {activation.amplitude:.3g} and a "
                f"slope of {activation.slope:.3g}.",
                "activation",
                "Use activation='lecun_tanh'.",
                cause="extreme activation",
                value="lecun_tanh",
            )
    return None


def vanishing_weights(case: Case) -> Finding | None:
    """Find initial weights through which no signal passes."""
    given, sizes = case.plan.given, case.some.network.sizes
    if not isinstance(given.init, float | int) or len(sizes) == 2:
        return None
    if given.init >= VANISHING / np.sqrt(max(sizes[:-1])):
        return None
    return Finding(
        f"init={given.init:.3g} is too small for the signal to pass.",
        "init",
        "Use init='lecun_uniform'.",
        cause="initial weights too small",
        value="lecun_uniform",
    )


def exploding_weights(case: Case) -> Finding | None:
    """Find initial weights that make outputs far larger than the inputs."""
    init, sizes = case.plan.given.init, case.some.network.sizes
    if not isinstance(init, float | int) or len(sizes) == 2:
        return None
    if init * np.sqrt(max(sizes[:-1])) <= EXPLODING:
        return None
    return Finding(
        f"init={init:.3g} is too large.",
        "init",
        "Use init='lecun_uniform'.",
        cause="initial weights too large",
        value="lecun_uniform",
    )


def identical_units(case: Case) -> Finding | None:
    """Find hidden units that start with the same weights, and so stay the same."""
    init = case.plan.given.init
    if not isinstance(init, np.ndarray):
        return None
    hidden = case.some.network.layers(init.astype(np.float64))[:-1]
    if not any(W.shape[1] > 1 and (W[:, :1] == W).all() for W in hidden):
        return None
    return Finding(
        "all units of a hidden layer start with the same weights (init), so that they "
        "learn the same.",
        "init",
        "Use init='lecun_uniform'.",
        cause="identical units",
        value="lecun_uniform",
    )


def linear_network(case: Case) -> Finding | None:
    """Find a network without a hidden unit that is not linear."""
    if len(case.some.network.sizes) == 2:
        return Finding(
            "a linear model cannot explain these targets.",
            "hidden_layer_sizes",
            "Use hidden layers, such as hidden_layer_sizes=(32, 16).",
            cause="linear model",
        )
    if is_linear(case):
        return Finding(
            "with activation='identity' the network is linear, which cannot explain "
            "these targets.",
            "activation",
            "Use activation='lecun_tanh'.",
            cause="linear model",
            value="lecun_tanh",
        )
    return None


def is_linear(case: Case) -> bool:
    """True if no hidden unit is other than linear."""
    network = case.some.network
    hidden = network.activations[:-1]
    is_affine = "radial" not in network.kinds
    return is_affine and all(one == ACTIVATIONS["identity"] for one in hidden)
