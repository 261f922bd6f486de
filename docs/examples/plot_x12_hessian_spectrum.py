"""
X12: a few very large eigenvalues
=================================

:Paper: section 8, Figs. 19 and 20
:Claim: The Hessian of a trained network has a few small, many medium and a few very
    large eigenvalues; the largest is about eight times the eleventh.
:Tests: ``tests/paper/test_sections_6_to_8.py``,
    ``test_section_8_a_few_eigenvalues_are_very_large``

The network of the paper has shared weights, which this package does not have. Here it
is a 64-10-10 network on 320 digits, after five epochs.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier, InputNormalizer
from sk_effprop.inspection import (
    HessianSpectrumDisplay,
    curvature_operator,
    hessian_spectrum,
)

X, y = load_digits(return_X_y=True)
rows = np.random.default_rng(0).permutation(len(y))[:320]
X, y = X[rows], y[rows]

net = EffPropClassifier(
    10, solver="sgd", batch_size=1, learning_rate_init=0.01, learning_rate="constant",
    learning_rate_scaling="none", momentum=0.0, alpha=0.0, loss="squared_error",
    bias_init="zero", normalize=None, input_clip=None, tol=0, max_iter=5,
    random_state=0,
)  # fmt: skip

# %%
# Pixels from -1 to 1 have a large mean, as most pixels of an image are white.
# Standardised pixels have none.

inputs = {
    "pixels from -1 to 1": X / 8 - 1,
    "standardised pixels": InputNormalizer("standardize").fit_transform(X),
}
fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained", sharey=True)
ratios, spectra = {}, {}
for ax, (name, pixels) in zip(axes, inputs.items(), strict=True):
    net.fit(pixels, y)
    display = HessianSpectrumDisplay.from_estimator(net, pixels, y, ax=ax)
    ax.axvline(10.5, color="black", linestyle=":", linewidth=1)
    ax.set_title(f"{name}\n{ax.get_title()}", fontsize="medium")
    values = spectra[name] = display.eigenvalues
    ratios[name] = values[0] / values[10]
    print(f"{name}: the largest eigenvalue is {ratios[name]:.1f} times the eleventh")

# %%
# There are ten outputs, and ten large eigenvalues left of the dotted line if the inputs
# have a mean. Some eigenvalues of the Hessian are negative. Those of the Gauss-Newton
# matrix are not:

values = spectra["pixels from -1 to 1"]
pixels = inputs["pixels from -1 to 1"]
net.fit(pixels, y)
matrix = curvature_operator(net, pixels, y, kind="gauss_newton") @ np.eye(len(values))
gauss_newton = np.linalg.eigvalsh(matrix)
print(f"negative eigenvalues of the Hessian: {np.sum(values < 0)} of {len(values)}")
least = gauss_newton[0] / gauss_newton[-1]
print(f"smallest of the Gauss-Newton matrix / largest: {least:.1g}")
large = np.mean(values > 0.1 * values[0])
median = values[0] / np.median(np.abs(values))
print(f"share of eigenvalues above a tenth of the largest: {large:.1%}")
print(f"largest eigenvalue / median absolute eigenvalue: {median:.0f}")

# %%
# The ratio falls as training continues:

net.set_params(max_iter=20).fit(pixels, y)
late = hessian_spectrum(net, pixels, y, k=11).eigenvalues
late_ratio = late[0] / late[10]
print(f"after 20 epochs, the largest is {late_ratio:.1f} times the eleventh")

# %%
# The few very large eigenvalues come from the mean of the inputs, as the paper says:
# with standardised inputs there is no gap. Most eigenvalues are small and not medium.

ratio, standardised = ratios.values()
assert 4.5 < ratio < 14
assert ratio > 2 * standardised
assert np.min(values) < 0.0
assert least > -1e-10
assert median > 100
print(
    f"X12: holds in part: the largest eigenvalue is {ratio:.1f} times the eleventh for "
    f"pixels from -1 to 1, but {standardised:.1f} times for standardised ones; half of "
    f"the eigenvalues are below 1/{median:.0f} of the largest, so most are small"
)
