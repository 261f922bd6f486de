"""
X1: the recommended sigmoid
===========================

:Paper: section 4.4, Fig. 4
:Claim: 1.7159 tanh(2z/3) maps ±1 to ±1, its second derivative is largest at ±1, and its
    effective gain is close to 1, so that inputs of variance 1 leave with a variance
    close to 1.
:Tests: ``tests/paper/test_section_4.py``, ``test_section_4_4_*``

The default ``activation="lecun_tanh"`` is this function. ``ActivationDisplay`` draws it
with its derivatives, and keeps the numbers behind the picture as attributes.
"""

import numpy as np
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier
from sk_effprop.inspection import ActivationDisplay

X, y = load_digits(return_X_y=True)
net = EffPropClassifier(30, loss="squared_error", max_iter=3, random_state=0)
display = ActivationDisplay.from_estimator(net.fit(X, y))

# %%
# The dots are the target values of section 4.5, at the peaks of ``|f''|``. The display
# carries the function itself:

sigmoid = display.activation
at_one = float(sigmoid.f(1.0))
peak = sigmoid.curvature_peak
print(f"f(1) = {at_one:.8f}")
print(f"|f''| is largest at z = {peak:.4f}")
print(f"f'(0) = {float(sigmoid.df(0.0)):.4f}")

# %%
# What becomes of a variance
# --------------------------
#
# The gain at the origin is above 1 and decreases outwards. For normally distributed
# arguments of variance 1, the two effects do not quite cancel:

z = np.random.default_rng(0).normal(size=1_000_000)
spread = float(np.std(sigmoid.f(z)))
print(f"standard deviation of f(z): {spread:.3f}")

# %%
# In a deep network, the loss of variance repeats from layer to layer until the gain of
# small arguments makes up for it. A rate of nearly zero leaves the network at its
# initial weights, whose standard deviation is that of eq. (16):

deep = EffPropClassifier(
    (100,) * 10,
    normalize="whiten",
    bias_init="zero",
    alpha=0.0,
    solver="sgd",
    batch_size="full",
    learning_rate_init=1e-12,
    max_iter=1,
    tol=0,
    random_state=0,
).fit(X, y)
spreads = [float(np.std(deep.hidden_activations(X, layer=k))) for k in range(10)]
print("standard deviation in each hidden layer:", np.round(spreads, 3))

# %%
# The activations shrink from layer to layer but do not vanish. The first two claims
# hold, up to rounding and about one per cent. The third is a rough approximation.

assert abs(at_one - 1) < 1e-5
assert abs(peak - 1) < 0.013
assert 0.8 < spread < 0.9
assert 0.5 < spreads[-1] < 0.75
print(
    f"X1: holds in part: f(1) = {at_one:.6f} and |f''| peaks at {peak:.3f}, but a "
    f"standard deviation of 1 becomes {spread:.3f}, and {spreads[-1]:.2f} after ten "
    "layers"
)
