"""
X8: the scale of the initial weights
====================================

:Paper: section 4.6, eq. (16)
:Claim: Weights with a standard deviation of one over the square root of the fan-in are
    best. Larger ones saturate the units, and smaller ones make the gradients small, so
    that both are slow.
:Tests: ``tests/paper/test_section_4.py``, ``test_section_4_6_*``

``init="lecun_uniform"``, the default, is eq. (16). An array of the shape of ``theta_``
starts training from any other weights.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier

X, y = load_digits(return_X_y=True)
rows = np.random.default_rng(0).permutation(len(y))
train, test = rows[:1000], rows[1000:]

# what the paper does not have is switched off
PLAIN = {
    "solver": "sgd", "batch_size": 1, "shuffle": True, "learning_rate": "constant",
    "learning_rate_scaling": "none", "momentum": 0.0, "alpha": 0.0,
    "loss": "squared_error", "bias_init": "zero", "normalize": "standardize",
    "input_clip": None, "tol": 0.0,
}  # fmt: skip
SCALES = (0.006, 0.05, 0.3, 1.0, 3.0, 8.0)
RATES = (0.003, 0.01, 0.02, 0.04)


def accuracy(hidden, scale, rate, seed):
    """Accuracy on the test digits after three epochs."""
    net = EffPropClassifier(hidden, random_state=seed, max_iter=1, **PLAIN)
    # a rate of nearly zero leaves the initial weights as they are
    start = net.set_params(learning_rate_init=1e-12).fit(X[train], y[train]).theta_
    net.set_params(init=scale * start, learning_rate_init=rate, max_iter=3)
    return net.fit(X[train], y[train]).score(X[test], y[test])


accuracies = {
    hidden: [
        max(
            np.mean([accuracy(hidden, scale, rate, seed) for seed in range(2)])
            for rate in RATES
        )
        for scale in SCALES
    ]
    for hidden in ((30,), (30, 30))
}

# %%
# Each scale gets the best of four rates.

plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(layout="constrained")
for (hidden, values), style in zip(accuracies.items(), ("o-", "s--"), strict=True):
    ax.plot(SCALES, values, style, label=f"hidden layers: {len(hidden)}")
ax.set_xscale("log")
ax.set_xticks(SCALES, [f"{scale:g}" for scale in SCALES])
ax.minorticks_off()
ax.axvline(1.0, color="grey", linewidth=1)
ax.set_xlabel("initial weights / those of eq. (16)")
ax.set_ylabel("test accuracy after three epochs")
ax.set_title("Digits, on-line, at the best rate", fontsize="medium")
ax.grid(alpha=0.3)
ax.legend()
for hidden, values in accuracies.items():
    for scale, value in zip(SCALES, values, strict=True):
        print(f"hidden_layer_sizes={hidden}, scale {scale:g}: {value:.3f}")

# %%
# Large weights are slow. Tiny weights are slow with two hidden layers. With one, they
# do no harm: the gradient of the output layer is small, but the errors that it passes
# on soon enlarge the weights.

shallow, deep = accuracies.values()
of_16 = SCALES.index(1.0)
assert shallow[of_16] - shallow[-1] > 0.05
assert abs(shallow[of_16] - shallow[0]) < 0.02
assert deep[of_16] - deep[0] > 0.3
print(
    f"X8: holds in part: accuracy {shallow[of_16]:.3f} with eq. (16) and "
    f"{shallow[-1]:.3f} with weights {SCALES[-1]:g} times as large; weights of "
    f"{SCALES[0]:g} times the size lead to {shallow[0]:.3f} with one hidden layer, and "
    f"to {deep[0]:.3f} instead of {deep[of_16]:.3f} with two"
)
