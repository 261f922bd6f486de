"""
X6: input means and the condition number
========================================

:Paper: section 5.3
:Claim: Inputs whose mean is not zero cause a very large eigenvalue. Centred inputs of
    equal variance are better conditioned, and decorrelated ones are round.
:Tests: ``tests/paper/test_section_5.py``, ``test_section_5_3_*``

A linear unit with two inputs and a bias has three weights, and its Hessian consists of
the second moments of the inputs, eq. (29), whatever the weights are.
``hessian_spectrum`` computes its eigenvalues.
"""

import numpy as np

from sk_effprop import EffPropRegressor
from sk_effprop.inspection import ConditioningDisplay, hessian_spectrum

# the example of section 5.2: two Gaussian classes
rng = np.random.default_rng(0)
y = np.tile([-1.0, 1.0], 50)
X = y[:, None] * [0.4, 0.8] + rng.normal(0, 0.2, (100, 2))


def eigenvalues(X, normalize=None):
    """Eigenvalues of the Hessian of a linear unit."""
    unit = EffPropRegressor(
        (), solver="lbfgs", normalize=normalize, input_clip=None, alpha=0.0
    )
    return hessian_spectrum(unit.fit(X, y), X, y).eigenvalues


# %%
# ``ConditioningDisplay.from_estimator`` draws the inputs of all layers of a network.
# Its constructor takes any eigenvalues.

spectra = {f"mean shifted by {s}": eigenvalues(X + s) for s in (0, 1, 3, 10)}
spectra |= {
    name: eigenvalues(X + 3, normalize)
    for name, normalize in (
        ("shifted by 3, centred", "center"),
        ("shifted by 3, standardised", "standardize"),
        ("shifted by 3, whitened", "whiten"),
    )
}
display = ConditioningDisplay(spectra).plot()
display.ax_.set_title("Hessian of a linear unit with two inputs", fontsize="medium")
kappa = display.condition_numbers
for name, number in kappa.items():
    print(f"{name}: condition number {number:.4g}")

# %%
# Only one eigenvalue is large: the squared length of the mean, with the constant input
# of the bias. Whitening makes all three equal to one, so a step of batch learning with
# rate 1 ends at the minimum:

unit = EffPropRegressor(
    (), solver="sgd", batch_size="full", learning_rate_init=1.0, max_iter=1, tol=0,
    learning_rate="constant", momentum=0.0, normalize="whiten", input_clip=None,
    alpha=0.0,
).fit(X + 3, y)  # fmt: skip
gradient = np.linalg.norm(unit.loss_and_gradient(X + 3, y)[1])
print(f"length of the gradient after one step: {gradient:.1g}")

# %%

near, far = kappa["mean shifted by 0"], kappa["mean shifted by 10"]
standard = kappa["shifted by 3, standardised"]
white = kappa["shifted by 3, whitened"]
assert far > 1000 * near
assert standard < kappa["shifted by 3, centred"] < kappa["mean shifted by 3"]
assert abs(white - 1) < 1e-9
assert gradient < 1e-12
print(
    f"X6: holds: the condition number is {near:.3g}, {far:.3g} with a mean of ten, "
    f"{standard:.3g} after standardising, and {white:.6f} after whitening"
)
