"""Time of curvature products and diagonals, in units of a gradient.

The network is 64-100-10, and the data are all of scikit-learn's digits in one batch.
The outputs are tanh with squared error, or softmax.  "New weights" includes the forward
pass (linearization) at these weights; "same weights" is each further product there. The
contestants take turns in one process with one BLAS thread.  The processor time is
measured, and the ratio is the median of the ratios to the gradient of the same turn.

The time for allocating large arrays depends on what the process has allocated before.
So the exact Gauss-Newton diagonal, whose arrays are ten times as large, is measured
after everything else, together with the gradient only.

The last tables compare with libraries for PyTorch: curvlinops for products with the
Hessian, and BackPACK for the exact Gauss-Newton diagonal.  All use the same weights of
a network with tanh and softmax.  The results are compared before anything is timed.
Each library gets the data, weights and direction in its own layout.  The time of the
diagonal includes the forward pass, and that of BackPACK also includes a gradient.
Libraries that are not installed are left out.
"""

import platform
from importlib import import_module
from statistics import median
from warnings import catch_warnings, simplefilter

import numpy as np
import scipy
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks._race import (
    header,
    is_there,
    judged,
    middle_and_best,
    race,
    ratio,
    table,
)
from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.initializers import get_initializer
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import LogLoss, SquaredError
from sk_effprop.core.network import Network, initialize
from sk_effprop.core.objective import Objective

N_HIDDEN, REPEATS = 100, 51
# targets: at most this many gradients
MARKS = {
    "Hessian product, new weights": 3.0,
    "Hessian product, same weights": 3.0,
    "Gauss-Newton product, new weights": 2.5,
    "Gauss-Newton product, same weights": 2.5,
    "LeCun's diagonal, new weights": 1.5,
}
# target: at least this many times as fast as a library for PyTorch
PEER_MARK = 3.0
# relative to the largest number
AGREEMENT = {"float64": 1e-8, "float32": 1e-4}


def problem(loss, output, dtype, hidden="lecun_tanh"):
    """Return the objective and the initial weights."""
    X, y = load_digits(return_X_y=True)
    X = StandardScaler().fit_transform(X).astype(dtype)
    targets = np.eye(10, dtype=dtype)[y]
    if isinstance(loss, SquaredError):
        targets = 2 * targets - 1
    sizes = (X.shape[1], N_HIDDEN, targets.shape[1])
    network = Network(sizes, (ACTIVATIONS[hidden], output))
    nothing = np.zeros(network.n_weights)
    objective = Objective(network, loss, with_ones(X), targets, None, nothing)
    rng = np.random.default_rng(0)
    return objective, initialize(network, get_initializer("lecun_uniform"), rng, dtype)


def problems():
    """Objectives and initial weights, by name."""
    losses = {
        "squared error": (SquaredError(), ACTIVATIONS["tanh"]),
        "softmax": (LogLoss(exclusive=True), IDENTITY),
    }
    return {
        f"{name}, {dtype}": problem(*parts, dtype)
        for name, parts in losses.items()
        for dtype in ("float64", "float32")
    }


def contestants(objective, theta):
    """Functions to time, by name; the gradient comes first."""
    rng = np.random.default_rng(1)
    v = rng.standard_normal(len(theta)).astype(theta.dtype)
    kept = Linearization(objective, theta)

    def anew():
        return Linearization(objective, theta)

    return {
        "gradient": lambda: objective.value_and_gradient(theta),
        "Hessian product, new weights": lambda: anew().hessian_product(v),
        "Hessian product, same weights": lambda: kept.hessian_product(v),
        "Gauss-Newton product, new weights": lambda: anew().gauss_newton_product(v),
        "Gauss-Newton product, same weights": lambda: kept.gauss_newton_product(v),
        "LeCun's diagonal, new weights": lambda: anew().diagonal(),
    }


def large_contestants(objective, theta):
    """Functions that need an array for every output, and the gradient."""

    def exact_diagonal():
        Linearization(objective, theta).gauss_newton_diagonal()

    return {
        "gradient": lambda: objective.value_and_gradient(theta),
        "Gauss-Newton diagonal, new weights": exact_diagonal,
    }


def verdict(name, gradients):
    """Format the target and whether it is met."""
    if name not in MARKS:
        return ""
    return f"{MARKS[name]} {'met' if gradients <= MARKS[name] else 'missed'}"


def report(title, times):
    """Print a Markdown table."""
    print(f"\n| {title} | median | best | gradients | gradients, best | target |")
    print("|---" * 6 + "|")
    gradient = times["gradient"]
    for name, values in times.items():
        gradients = ratio(times, name, "gradient")
        best = min(values) / min(gradient)
        cells = [
            name,
            f"{1e3 * median(values):.2f} ms",
            f"{1e3 * min(values):.2f} ms",
            f"{gradients:.2f}",
            f"{best:.2f}",
            verdict(name, gradients),
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


# ------------------------------------------------------------------------------- peers


def torch_problem(torch, objective, theta):
    """Return the same network, data and loss in PyTorch."""
    layers = objective.network.layers(theta)
    linear = []
    for W in layers:
        linear.append(torch.nn.Linear(len(W) - 1, W.shape[1]))
        linear[-1].weight.data = torch.tensor(W[:-1].T.copy())
        linear[-1].bias.data = torch.tensor(W[-1].copy())
    net = torch.nn.Sequential(linear[0], torch.nn.Tanh(), linear[1])
    X = torch.tensor(objective.inputs[:, :-1].copy())
    y = torch.tensor(objective.targets.argmax(axis=1))
    return net, (X, y), torch.nn.CrossEntropyLoss()


def to_torch(torch, objective, v):
    """Convert a vector like theta to PyTorch's order: (n_out, n_in), then biases."""
    layers = objective.network.layers(v)
    parts = [part for W in layers for part in (W[:-1].T.ravel(), W[-1])]
    return torch.tensor(np.concatenate(parts))


def from_torch(tensors):
    """Convert a list of tensors (matrix, biases, ...) to a vector like theta."""
    arrays = [tensor.detach().numpy() for tensor in tensors]
    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    return np.concatenate([np.vstack([W.T, b]).ravel() for W, b in pairs])


def check_agreement(ours, theirs):
    """Raise unless two results are the same but for rounding."""
    tolerance = AGREEMENT[str(ours.dtype)]
    error = np.max(np.abs(ours - theirs)) / np.max(np.abs(ours))
    assert error <= tolerance, f"off by {error:.1e}"


def curvlinops_pairs(objective, theta):
    """Hessian products, ours and theirs, by name."""
    torch, curvlinops = import_module("torch"), import_module("curvlinops")
    net, batch, loss = torch_problem(torch, objective, theta)
    parameters = list(net.parameters())
    v = np.random.default_rng(1).standard_normal(len(theta)).astype(theta.dtype)
    torch_v = to_torch(torch, objective, v)

    def ours_anew():
        return Linearization(objective, theta)

    def theirs_anew():
        return curvlinops.HessianLinearOperator(
            net, loss, parameters, [batch], check_deterministic=False
        )

    ours, theirs = ours_anew(), theirs_anew()
    product = (theirs @ torch_v).split([p.numel() for p in parameters])
    shaped = [part.view_as(p) for part, p in zip(product, parameters, strict=True)]
    check_agreement(ours.hessian_product(v), from_torch(shaped))
    return {
        "Hessian product, new weights": (
            lambda: ours_anew().hessian_product(v),
            lambda: theirs_anew() @ torch_v,
        ),
        "Hessian product, same weights": (
            lambda: ours.hessian_product(v),
            lambda: theirs @ torch_v,
        ),
    }


def backpack_pairs(objective, theta):
    """Exact Gauss-Newton diagonals, ours and theirs, by name."""
    torch, library = import_module("torch"), import_module("backpack")
    extension = import_module("backpack.extensions").DiagGGNExact()
    net, (X, y), loss = torch_problem(torch, objective, theta)
    net, loss = library.extend(net), library.extend(loss)

    def ours():
        return Linearization(objective, theta).gauss_newton_diagonal()

    def theirs():
        net.zero_grad()
        value = loss(net(X), y)
        with library.backpack(extension):
            value.backward()
        return [p.diag_ggn_exact for p in net.parameters()]

    check_agreement(ours(), from_torch(theirs()))
    return {"Gauss-Newton diagonal, new weights": (ours, theirs)}


PEERS = {"curvlinops": curvlinops_pairs, "backpack": backpack_pairs}


def peer_row(name, times):
    """Table cells: time of this package, time of the library, and their ratio."""
    cells = []
    for values in times.values():
        cells += middle_and_best([1e3 * value for value in values])
    lead = judged(ratio(times, "theirs", "ours"), at_least=PEER_MARK)
    return [name, *cells, lead, f"{min(times['theirs']) / min(times['ours']):.3g}"]


def peer_rows(objective, theta):
    """Table rows that compare this package with each library."""
    for peer, make in PEERS.items():
        if not is_there(peer):
            continue
        for name, (ours, theirs) in make(objective, theta).items():
            times = race({"ours": ours, "theirs": theirs}, REPEATS)
            yield peer_row(f"{name}: {peer}", times)


def race_peers():
    """Print a table for each precision."""
    packages = ("torch", "curvlinops-for-pytorch", "backpack-for-pytorch")
    print()
    header("comparison with libraries for PyTorch, in milliseconds", *packages)
    if not any(map(is_there, PEERS)):
        return
    import_module("torch").set_num_threads(1)
    columns = ("median", "best", "library", "best", "ratio", "ratio of the best")
    for dtype in AGREEMENT:
        given = problem(LogLoss(exclusive=True), IDENTITY, dtype, hidden="tanh")
        with threadpool_limits(1), catch_warnings():
            # PyTorch warns about BackPACK's hooks
            simplefilter("ignore")
            table((f"softmax after tanh, {dtype}", *columns), peer_rows(*given))


def main():
    """Print a table for each problem."""
    print(f"curvature: 64-{N_HIDDEN}-10, 1797 digits in one batch, {REPEATS} turns")
    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"SciPy {scipy.__version__}, {platform.machine()}, one thread"
    )
    given = problems()
    for make in (contestants, large_contestants):
        for title, (objective, theta) in given.items():
            with threadpool_limits(1):
                report(title, race(make(objective, theta), REPEATS))
    race_peers()
