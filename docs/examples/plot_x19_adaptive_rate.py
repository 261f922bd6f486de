"""
X19: a learning rate that adapts itself
=======================================

:Paper: section 4.7, eqs. (17) to (19)
:Claim: A rate that follows the length of the mean gradient falls by itself near the
    minimum, and grows again when the minimum moves.
:Tests: ``tests/paper/test_section_4.py``, ``test_section_4_7_*``

``learning_rate="flow"`` follows these equations, with the constants ``flow_rates``. It
differs in one point: the part of the mean gradient that the noise explains is
subtracted. The equations as they are printed are written out here, for comparison.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_effprop import EffPropRegressor

rng = np.random.default_rng(0)
y = np.tile([-1.0, 1.0], 50)
X = y[:, None] * [0.4, 0.8] + rng.normal(0, 0.2, (100, 2))
with_ones = np.column_stack([X, np.ones(100)])
lowest = np.mean((y - with_ones @ np.linalg.lstsq(with_ones, y)[0]) ** 2) / 2


def follow(learning_rate):
    """Rate and loss of a linear unit in each epoch; the targets change their sign."""
    unit = EffPropRegressor(
        (), solver="sgd", batch_size=1, learning_rate=learning_rate,
        flow_rates=(0.1, 1.0, 0.01), learning_rate_init=0.1, momentum=0.0,
        normalize=None, normalize_target=False, input_clip=None, alpha=0.0, tol=0,
        init=np.array([-1.0, 1.0, 0.5]), random_state=0,
    )  # fmt: skip
    losses = []
    for epoch in range(60):
        targets = y if epoch < 30 else -y
        unit.partial_fit(X, targets)
        losses.append(unit.loss_and_gradient(X, targets)[0])
    return np.array(unit.learning_rate_curve_), np.array(losses)


def follow_as_printed():
    """Do the same by eqs. (17) to (19)."""
    alpha, beta, delta = 0.1, 1.0, 0.01
    rng = np.random.default_rng(0)
    w, rate, mean_gradient = np.array([-1.0, 1.0, 0.5]), 0.1, np.zeros(3)
    rates, losses = [], []
    for epoch in range(60):
        targets = y if epoch < 30 else -y
        for p in rng.permutation(100):
            gradient = (with_ones[p] @ w - targets[p]) * with_ones[p]
            w = w - rate * gradient
            mean_gradient = (1 - delta) * mean_gradient + delta * gradient
            rate += alpha * rate * (beta * np.linalg.norm(mean_gradient) - rate)
        rates.append(rate)
        losses.append(np.mean((with_ones @ w - targets) ** 2) / 2)
    return np.array(rates), np.array(losses)


# %%
# ``partial_fit`` is one epoch. After 30 epochs, the targets change their sign, so the
# minimum jumps to the opposite side.

plt.style.use("tableau-colorblind10")
fig, (above, below) = plt.subplots(
    2, 1, sharex=True, figsize=(8.5, 5), layout="constrained"
)
curves = {
    "learning_rate='flow'": follow("flow"),
    "learning_rate='constant'": follow("constant"),
    "eqs. (17) to (19) as printed": follow_as_printed(),
}
epochs = np.arange(1, 61)
for (name, (rates, losses)), style in zip(
    curves.items(), ("-", "--", "-."), strict=True
):
    above.semilogy(epochs, rates, style, label=name)
    below.semilogy(epochs, losses / lowest - 1, style)
above.set_ylabel("learning rate")
above.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
below.set_ylabel("loss above the minimum,\nrelative to it")
below.set_xlabel("epoch")
for ax in (above, below):
    ax.axvline(30.5, color="grey", linewidth=1)
    ax.grid(alpha=0.3)
fig.suptitle("The minimum jumps after 30 epochs", fontsize="medium")

# %%
# As printed, the rate falls as well, but it ends on a plateau, because a running mean
# of noisy gradients is never zero.

figures = {}
for name, (rates, losses) in curves.items():
    near, highest, end = rates[29], np.max(rates[30:]), rates[-1]
    settled = np.mean(losses[20:30]) / lowest - 1
    figures[name] = near, highest, end, settled
    print(
        f"{name}: rate {near:.4f} before the jump, up to {highest:.4f} after it, and "
        f"{end:.4f} at the end; loss {settled:.1%} above the minimum before the jump"
    )
(near, highest, end, settled), (*_, steady), (plateau, highest_printed, *_) = (
    figures.values()
)
assert near < 0.1 / 5
assert highest > 5 * near
assert end < highest / 5
assert settled < steady
assert near < plateau < 0.1 / 3
assert highest_printed > 5 * plateau
print(
    f"X19: holds: the rate falls from 0.1 to {near:.4f}, rises to {highest:.3f} when "
    f"the minimum jumps, and falls to {end:.4f} again; as printed, it falls to "
    f"{plateau:.3f} only and rises to {highest_printed:.3f}"
)
