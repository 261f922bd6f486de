"""
X2: a ratio of polynomials instead of tanh
==========================================

:Paper: section 4.4
:Claim: A ratio of polynomials can replace the tanh, which takes long to compute.
:Tests: ``tests/paper/test_section_4.py``, ``test_section_4_4_a_ratio_*``

The paper does not print its polynomials. ``activation="rational_tanh"`` is the ratio
that the authors used in their own software: a cubic polynomial to the 16th power, which
approximates the exponential function.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier
from sk_effprop.inspection import ActivationDisplay, LossCurveDisplay

# what the paper does not have is switched off
PLAIN = {
    "solver": "sgd", "batch_size": 1, "shuffle": True, "learning_rate": "constant",
    "learning_rate_scaling": "none", "momentum": 0.0, "alpha": 0.0,
    "loss": "squared_error", "bias_init": "zero", "normalize": "standardize",
    "input_clip": None, "tol": 0.0,
}  # fmt: skip
X, y = load_digits(return_X_y=True)
net = EffPropClassifier(
    30, learning_rate_init=0.01, max_iter=10, random_state=0, **PLAIN
)

# %%
# With the ratio in the hidden and the output layer, everything else is the same. Its
# loss curve is dotted and lies on the other one.

exact = clone(net).set_params(activation="lecun_tanh").fit(X, y)
ratio = clone(net).set_params(activation="rational_tanh").fit(X, y)

fig, axes = plt.subplots(1, 3, figsize=(14, 4), layout="constrained")
curve = ActivationDisplay.from_estimator(exact, layer=0, ax=axes[0])
substitute = ActivationDisplay.from_estimator(ratio, layer=0, ax=axes[1])
LossCurveDisplay.from_estimator(exact, name="tanh", ax=axes[2])
LossCurveDisplay.from_estimator(ratio, name="ratio of polynomials", ax=axes[2])
axes[2].lines[-1].set_linestyle(":")
axes[2].legend()

difference = np.max(np.abs(substitute.value - curve.value))
deviation = np.max(np.abs(np.divide(ratio.loss_curve_, exact.loss_curve_) - 1))
print(f"largest difference of the two functions: {difference:.2g}")
print(f"largest relative difference of the loss curves: {deviation:.2g}")

# %%

assert difference < 1e-4
assert deviation < 0.01
print(
    f"X2: holds: the functions differ by at most {difference:.1g}, and the loss curves "
    f"by {deviation:.2%}"
)
