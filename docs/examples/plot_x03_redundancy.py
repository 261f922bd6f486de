"""
X3: stochastic or batch learning
================================

:Paper: section 4.1
:Claim: On redundant data, such as ten copies of 100 examples, stochastic learning is
    much faster than batch learning.
:Tests: ``tests/paper/test_section_4.py``, ``test_section_4_1_*``

The mean gradient of ten copies is that of one, so batch learning does ten times the
work for the same step. On-line learning has learnt each example ten times after one
epoch.
"""

import numpy as np
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier
from sk_effprop.inspection import LossCurveDisplay

X, y = load_digits(return_X_y=True)
rows = np.random.default_rng(0).permutation(len(y))[:100]
X_copies, y_copies = np.tile(X[rows], (10, 1)), np.tile(y[rows], 10)

# %%
# The defaults of the package go beyond the paper: momentum, a falling rate, a penalty,
# and a rate for each layer. They are switched off here, as only one thing shall differ.

PLAIN = {
    "solver": "sgd", "learning_rate": "constant", "learning_rate_scaling": "none",
    "momentum": 0.0, "alpha": 0.0, "loss": "squared_error", "bias_init": "zero",
    "normalize": "standardize", "input_clip": None, "tol": 0.0,
}  # fmt: skip
online = EffPropClassifier(
    30, batch_size=1, learning_rate_init=0.02, max_iter=3, random_state=0, **PLAIN
).fit(X_copies, y_copies)

# %%
# ``loss_and_gradient`` shows that the gradients are equal.

gradient = online.loss_and_gradient(X[rows], y[rows])[1]
gradient_of_copies = online.loss_and_gradient(X_copies, y_copies)[1]
difference = np.max(np.abs(gradient_of_copies - gradient))
print(f"largest difference of the gradients: {difference:.1g}")

# %%
# Batch learning stops as soon as its loss is that of on-line learning after three
# epochs. It may choose the best of four rates.

batch = [
    EffPropClassifier(
        30, batch_size="full", learning_rate_init=rate, max_iter=300,
        goal=online.loss_, random_state=0, **PLAIN,
    ).fit(X_copies, y_copies)
    for rate in (0.1, 0.3, 0.5, 0.7)
]  # fmt: skip
best = min(batch, key=lambda net: (net.loss_ > online.loss_, net.n_iter_))
display = LossCurveDisplay.from_estimator(online, name="on-line")
LossCurveDisplay.from_estimator(best, name="batch", ax=display.ax_)
display.ax_.set_title("1,000 examples: 10 copies of 100", fontsize="medium")
print(f"on-line: loss {online.loss_:.3f} after {online.n_iter_} epochs")
print(f"batch: loss {best.loss_:.3f} after {best.n_iter_} epochs")

# %%
# An epoch costs the same number of multiplications in both cases, as each example is
# presented once.

assert difference < 1e-12
assert best.convergence_.reason == "goal"
assert best.n_iter_ > 10 * online.n_iter_
print(
    f"X3: holds: the gradients differ by {difference:.0e}, and batch learning needs "
    f"{best.n_iter_} epochs for what on-line learning reaches in {online.n_iter_}"
)
