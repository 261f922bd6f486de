"""
X17: SDLM against tuned gradient descent
========================================

:Paper: section 9.1
:Claim: Stochastic diagonal Levenberg-Marquardt (SDLM) is about three times as fast as
    carefully tuned stochastic gradient descent.
:Tests: ``tests/paper/test_section_9_1.py``, ``test_section_9_1_sdlm_*``,
    ``test_section_9_1_the_rates_of_sdlm_*``

Both learn 1,000 digits on-line at a constant rate, for nine epochs, and both choose the
best of four rates. "Three times as fast" would mean that sdlm reaches the final loss of
sgd in three epochs.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier, InputNormalizer
from sk_effprop.inspection import LossCurveDisplay

X, y = load_digits(return_X_y=True)
rows = np.random.default_rng(0).permutation(len(y))[:1000]
X, y = X[rows], y[rows]
standardised = InputNormalizer("standardize").fit_transform(X)
stretch = np.exp(np.random.default_rng(1).uniform(np.log(0.05), np.log(3), X.shape[1]))
inputs = {
    "pixels from -1 to 1": X / 8 - 1,
    "standardised": standardised,
    "badly scaled columns": standardised * stretch,
}

# %%
# With the training data in the place of validation data, ``validation_loss_curve_`` has
# the loss at the end of each epoch, and not the mean over the epoch.


def loss_curve(solver, rate, X, seed):
    """Loss of the training data after each of nine epochs."""
    net = EffPropClassifier(
        30, solver=solver, batch_size=1, shuffle=True, learning_rate_init=rate,
        learning_rate="constant", learning_rate_scaling="none", momentum=0.0,
        damping=0.02, curvature_period=1, alpha=0.0, loss="squared_error",
        target_values=(-1, 1), bias_init="zero", normalize=None, input_clip=None,
        tol=0, max_iter=9, n_iter_no_change=np.inf, random_state=seed,
    )  # fmt: skip
    return np.array(net.fit(X, y, X_val=X, y_val=y).validation_loss_curve_)


RATES = {"sgd": (0.005, 0.01, 0.014, 0.02), "sdlm": (0.004, 0.006, 0.008, 0.01)}


def best_curve(solver, X, seed):
    """Loss curve at the rate that ends lowest."""
    curves = [loss_curve(solver, rate, X, seed) for rate in RATES[solver]]
    return min(curves, key=lambda curve: curve[-1])


# %%

fig, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", sharey=True)
speed, share = {}, {}
for ax, (name, pixels) in zip(axes, inputs.items(), strict=True):
    speeds, shares = [], []
    for seed in range(2):
        sgd, sdlm = (best_curve(solver, pixels, seed) for solver in RATES)
        n_epochs = 1 + int(np.argmax(sdlm <= sgd[-1]))
        speeds.append(len(sgd) / n_epochs)
        shares.append(sdlm[-1] / sgd[-1])
    LossCurveDisplay(sgd, name="sgd").plot(ax)
    LossCurveDisplay(sdlm, name="sdlm", title=name).plot(ax)
    ax.axhline(sgd[-1], color="black", linestyle=":", linewidth=1)
    speed[name], share[name] = np.mean(speeds), np.mean(shares)
    print(
        f"{name}: sdlm reaches the final loss of sgd {speed[name]:.1f} times as fast, "
        f"and ends at {share[name]:.2f} of it"
    )

# %%
# Without any tuning
# ------------------
#
# ``learning_rate_init="auto"`` and ``damping="auto"`` take both from the curvature. As
# sdlm gives each weight a rate, the factors of whole layers are switched off.

net = EffPropClassifier(
    30, solver="sdlm", batch_size=1, learning_rate="constant",
    learning_rate_scaling="none", momentum=0.0, alpha=0.0, loss="squared_error",
    target_values=(-1, 1), bias_init="zero", normalize=None, input_clip=None, tol=0,
    max_iter=9, random_state=0,
)  # fmt: skip
automatic = net.fit(standardised, y).loss_and_gradient(standardised, y)[0]
tuned = best_curve("sgd", standardised, 0)[-1]
print(f"standardised: {automatic:.3f} with automatic rates, {tuned:.3f} with tuned sgd")

# %%
# SDLM is faster for all three kinds of inputs, most of all where gradient descent with
# one rate suffers. The factor is smaller than the paper's.

slowest, fastest = min(speed.values()), max(speed.values())
assert slowest > 1.3
assert max(share.values()) < 0.9
print(
    f"X17: holds in part: sdlm is {slowest:.1f} to {fastest:.1f} times as fast as "
    f"tuned sgd, and ends at {min(share.values()):.0%} to {max(share.values()):.0%} of "
    "its loss"
)
