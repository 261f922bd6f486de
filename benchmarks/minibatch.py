"""Mini-batches: what an epoch takes, next to the matrix products that it cannot avoid.

Everyone fits the same random rows by gradient descent on the log loss at a constant
rate, in single precision: whole fits, divided by the number of epochs.  The floor is
the five products of each batch, two up, one down and two for the gradient, in memory
that is there already; it has no activations, no loss and no shuffling.
"""

import numpy as np
from scipy.linalg.blas import sgemm

from benchmarks._peers import mlp, skorch_net, torch_fit
from benchmarks._race import (
    header,
    is_there,
    judged,
    middle_and_best,
    per_unit,
    race,
    ratio,
    table,
)
from sk_effprop import EffPropClassifier

SIZES, N_SAMPLES, N_EPOCHS, REPEATS = (784, 300, 10), 4000, 20, 5
RATE, MOMENTUM = 0.01, 0.9
FLOOR, OURS, MLP, TORCH = "products alone", "sk_effprop", "scikit-learn", "PyTorch"
# at most so many floors, and at least so many times as fast as the peers
MARKS = {32: (1.4, 1.3), 200: (1.25, 1.1)}


def data():
    """Random rows and classes."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, SIZES[0])).astype(np.float32)
    return X, rng.integers(0, SIZES[-1], N_SAMPLES)


def ours(batch_size, momentum):
    """An EffPropClassifier that does what the peers do."""
    return EffPropClassifier(
        SIZES[1:-1],
        solver="sgd",
        loss="log_loss",
        batch_size=batch_size,
        momentum=momentum,
        alpha=0.0,
        learning_rate="constant",
        learning_rate_init=RATE,
        max_iter=N_EPOCHS,
        tol=0,
        random_state=0,
    )


def products(X, batch_size):
    """The products of all epochs, as a call."""
    rng = np.random.default_rng(0)
    n_in, n_hidden, n_out = SIZES

    def numbers(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    # as BLAS has them, columns first
    W, V = numbers(n_in, n_hidden).T, numbers(n_hidden, n_out).T
    W_gradient, V_gradient = np.zeros_like(W), np.zeros_like(V)
    hidden, below = numbers(batch_size, n_hidden).T, numbers(batch_size, n_hidden).T
    output, delta = numbers(batch_size, n_out).T, numbers(batch_size, n_out).T
    batches = [X[i : i + batch_size].T for i in range(0, len(X), batch_size)]

    def multiply(x, h, b, o, d):
        # alpha, a, b, beta, c, trans_a, trans_b, overwrite_c
        sgemm(1.0, W, x, 0.0, h, 0, 0, 1)
        sgemm(1.0, V, h, 0.0, o, 0, 0, 1)
        sgemm(1.0, V, d, 0.0, b, 1, 0, 1)
        sgemm(1.0, d, h, 0.0, V_gradient, 0, 1, 1)
        sgemm(1.0, b, x, 0.0, W_gradient, 0, 1, 1)

    def run():
        for _ in range(N_EPOCHS):
            for x in batches:
                n = x.shape[1]
                multiply(x, hidden[:, :n], below[:, :n], output[:, :n], delta[:, :n])

    return run


def contestants(batch_size, momentum):
    """Calls that fit, by name."""
    X, y = data()
    mine = ours(batch_size, momentum)
    peer = mlp(SIZES, N_EPOCHS, batch_size, RATE, momentum)
    calls = {
        FLOOR: products(X, batch_size),
        OURS: lambda: mine.fit(X, y),
        MLP: lambda: peer.fit(X, y),
    }
    if is_there("torch"):
        training = (SIZES, N_EPOCHS, batch_size, RATE, momentum)
        calls[TORCH] = lambda: torch_fit(X, y, *training)
        if is_there("skorch") and batch_size == 200:
            net = skorch_net(SIZES, N_EPOCHS, batch_size, RATE, momentum)
            calls["skorch"] = lambda: net.fit(X, y)
    return calls


def report(batch_size, momentum):
    """Print a table; only plain gradient descent is held to marks."""
    times = per_unit(race(contestants(batch_size, momentum), REPEATS), 1e3 * N_EPOCHS)
    most, lead = MARKS[batch_size] if momentum == 0.0 else (None, None)
    rows = []
    for name, values in times.items():
        floors = judged(
            ratio(times, name, FLOOR), at_most=most if name == OURS else None
        )
        led = lead if name in (MLP, TORCH) else None
        row = [name, *middle_and_best(values), floors]
        rows.append([*row, judged(ratio(times, name, OURS), at_least=led)])
    momentum_named = f", momentum {momentum:g}" if momentum else ""
    title = f"{'-'.join(map(str, SIZES))}, float32, batch {batch_size}{momentum_named}"
    table([title, "ms an epoch", "best", "this / products", "this / sk_effprop"], rows)


def main():
    """Print a table for each batch size, without and with momentum."""
    packages = ("numpy", "scipy", "scikit-learn", "torch", "skorch")
    header(f"minibatch: {N_SAMPLES} rows, {N_EPOCHS} epochs a fit", *packages)
    for momentum in (0.0, MOMENTUM):
        for batch_size in MARKS:
            report(batch_size, momentum)
