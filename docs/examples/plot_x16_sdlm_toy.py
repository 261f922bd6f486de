"""
X16: learning rates for each weight, on the toy
===============================================

:Paper: section 9.1, Figs. 22 and 23
:Claim: Stochastic diagonal Levenberg-Marquardt gives each weight its own rate. On the
    example of two Gaussian classes, the rates 0.12, 0.03 and 0.02 fluctuate less than
    0.76, 0.18 and 0.12, and both go straight to the minimum.
:Tests: ``tests/paper/test_section_9_1.py``,
    ``test_section_9_1_the_rates_on_the_toy_*``, ``test_section_9_1_smaller_rates_*``

``solver="sdlm"`` divides the learning rate of each weight by its second derivative plus
``damping``, eq. (61).
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_effprop import EffPropRegressor
from sk_effprop.inspection import TrajectoryDisplay, diagonal_curvature

rng = np.random.default_rng(0)
y = np.tile([-1.0, 1.0], 50)
X = y[:, None] * [0.4, 0.8] + rng.normal(0, 0.2, (100, 2))
minimum = np.linalg.lstsq(np.column_stack([X, np.ones(100)]), y)[0]


def unit(solver, rate):
    """Return a linear unit that starts away from the minimum."""
    return EffPropRegressor(
        (), solver=solver, batch_size=1, shuffle=True, learning_rate_init=rate,
        damping=1e-9, learning_rate="constant", momentum=0.0, normalize=None,
        normalize_target=False, input_clip=None, alpha=0.0, tol=0, max_iter=10,
        init=np.array([-0.5, 0.5, 0.3]), n_iter_no_change=np.inf, random_state=0,
    )  # fmt: skip


# %%
# The figures' rates are 0.02 and 0.12, divided by the mean squares of the two inputs
# and of the constant one:

h = diagonal_curvature(unit("sdlm", 0.02).fit(X, y), X, y)
for epsilon in (0.02, 0.12):
    print(f"learning_rate_init={epsilon}: rates {np.round(epsilon / h, 2)}")

# %%

fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for ax, epsilon in zip(axes, (0.02, 0.12), strict=True):
    TrajectoryDisplay.from_estimator(unit("sdlm", epsilon), X, y, steps="update", ax=ax)
    ax.set_title(f"sdlm, learning_rate_init={epsilon}, ten epochs", fontsize="medium")

# %%
# With the training data in the place of validation data, ``validation_loss_curve_`` has
# the loss at the end of each epoch. sgd, with one rate for all weights, may choose the
# best of five rates.

lowest = np.mean((np.column_stack([X, np.ones(100)]) @ minimum - y) ** 2) / 2


def excess(solver, rate):
    """Loss above the minimum after epochs 3 to 10, relative to the minimum."""
    net = unit(solver, rate).fit(X, y, X_val=X, y_val=y)
    return np.array(net.validation_loss_curve_[2:]) / lowest - 1


low, high = excess("sdlm", 0.02), excess("sdlm", 0.12)
sgd = min(np.mean(excess("sgd", rate)) for rate in (0.02, 0.03, 0.05, 0.1, 0.2))
print(f"sdlm, 0.02: {np.mean(low):.2%} above the minimum, range {np.ptp(low):.2%}")
print(f"sdlm, 0.12: {np.mean(high):.2%} above the minimum, range {np.ptp(high):.2%}")
print(f"sgd, at the best rate: {sgd:.2%} above the minimum")

# %%

assert np.mean(high) > 4 * np.mean(low)
assert np.ptp(high) > 4 * np.ptp(low)
assert np.mean(low) < sgd
print(
    f"X16: holds: from the third epoch on, the loss is {np.mean(low):.1%} above the "
    f"minimum with the smaller rates, {np.mean(high):.1%} with the larger ones, and "
    f"{sgd:.1%} with the best rate that all weights share"
)
