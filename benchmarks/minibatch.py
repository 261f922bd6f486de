"""Time of an epoch of mini-batch learning, compared with its matrix products alone.

All contestants fit the same random rows by gradient descent on the log loss, at a
constant rate and in single precision.  The time per additional epoch is the difference
between fits of 20 and of 5 epochs, divided by 15.  The targets refer to this time.
Whole fits of 20 epochs also include normalisation and the computation of the objective
before and after training.

The lower bound is the time of the five matrix products of each batch: two in the
forward pass, one in the backward pass and two for the gradient.  They use memory that
is already allocated.  There are no activations, no loss and no shuffling.
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

SIZES, N_SAMPLES, REPEATS = (784, 300, 10), 4000, 5
SHORT, LONG = 5, 20
RATE, MOMENTUM = 0.01, 0.9
FLOOR, OURS, MLP, TORCH = (
    "matrix products alone",
    "sk_effprop",
    "scikit-learn",
    "PyTorch",
)
# targets: at most this multiple of the products, at least this much faster than peers
MARKS = {32: (1.4, 1.3), 200: (1.25, 1.1)}


def data():
    """Random rows and classes."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N_SAMPLES, SIZES[0])).astype(np.float32)
    return X, rng.integers(0, SIZES[-1], N_SAMPLES)


def ours(batch_size, momentum, n_epochs):
    """EffPropClassifier with the same settings as the other libraries."""
    return EffPropClassifier(
        SIZES[1:-1],
        solver="sgd",
        loss="log_loss",
        batch_size=batch_size,
        momentum=momentum,
        alpha=0.0,
        learning_rate="constant",
        learning_rate_init=RATE,
        max_iter=n_epochs,
        tol=0,
        random_state=0,
    )


def products(X, batch_size, n_epochs):
    """Return a function that computes the matrix products of all epochs."""
    rng = np.random.default_rng(0)
    n_in, n_hidden, n_out = SIZES

    def numbers(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    # column-major, as BLAS expects
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
        for _ in range(n_epochs):
            for x in batches:
                n = x.shape[1]
                multiply(x, hidden[:, :n], below[:, :n], output[:, :n], delta[:, :n])

    return run


def contestants(batch_size, momentum, n_epochs):
    """Functions that fit, by name."""
    X, y = data()
    mine = ours(batch_size, momentum, n_epochs)
    peer = mlp(SIZES, n_epochs, batch_size, RATE, momentum)
    calls = {
        FLOOR: products(X, batch_size, n_epochs),
        OURS: lambda: mine.fit(X, y),
        MLP: lambda: peer.fit(X, y),
    }
    if is_there("torch"):
        training = (SIZES, n_epochs, batch_size, RATE, momentum)
        calls[TORCH] = lambda: torch_fit(X, y, *training)
        if is_there("skorch") and batch_size == 200:
            net = skorch_net(SIZES, n_epochs, batch_size, RATE, momentum)
            calls["skorch"] = lambda: net.fit(X, y)
    return calls


def report(batch_size, momentum):
    """Print a table; targets apply to gradient descent without momentum."""
    calls = {
        (name, n_epochs): call
        for n_epochs in (SHORT, LONG)
        for name, call in contestants(batch_size, momentum, n_epochs).items()
    }
    times = per_unit(race(calls, REPEATS), 1e3)
    names = [name for name, n_epochs in calls if n_epochs == LONG]
    whole = {name: [t / LONG for t in times[name, LONG]] for name in names}
    further = {
        name: [
            (long - short) / (LONG - SHORT)
            for long, short in zip(times[name, LONG], times[name, SHORT], strict=True)
        ]
        for name in names
    }
    most, lead = MARKS[batch_size] if momentum == 0.0 else (None, None)
    rows = []
    for name in names:
        most_of = most if name == OURS else None
        led = lead if name in (MLP, TORCH) else None
        rows.append(
            [
                name,
                *middle_and_best(further[name]),
                judged(ratio(further, name, FLOOR), at_most=most_of),
                judged(ratio(further, name, OURS), at_least=led),
                *middle_and_best(whole[name]),
                judged(ratio(whole, name, OURS)),
            ]
        )
    momentum_named = f", momentum {momentum:g}" if momentum else ""
    title = f"{'-'.join(map(str, SIZES))}, float32, batch {batch_size}{momentum_named}"
    columns = [
        "ms per additional epoch",
        "best",
        "this / products",
        "this / sk_effprop",
    ]
    table([title, *columns, "whole fits", "best", "this / sk_effprop"], rows)


def main():
    """Print a table for each batch size, without and with momentum."""
    packages = ("numpy", "scipy", "scikit-learn", "torch", "skorch")
    header(f"minibatch: {N_SAMPLES} rows, {SHORT} and {LONG} epochs", *packages)
    for momentum in (0.0, MOMENTUM):
        for batch_size in MARKS:
            report(batch_size, momentum)
