"""
X13: second derivatives are smaller in lower layers
===================================================

:Paper: section 8, Fig. 21
:Claim: Second derivatives with respect to the weights are smaller in the first layers
    than in the last, so that the first layers learn slowly.
:Tests: ``tests/paper/test_sections_6_to_8.py``,
    ``test_section_8_second_derivatives_are_smaller_in_lower_layers``

``diagonal_curvature`` computes the second derivatives, and ``network_.layers`` takes
them apart into layers.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sk_effprop import EffPropClassifier
from sk_effprop.inspection import diagonal_curvature

X, y = load_digits(return_X_y=True)
rows = np.random.default_rng(0).permutation(len(y))[:500]
X, y = X[rows], y[rows]

# %%
# A rate of nearly zero leaves the networks at their initial weights.

curvatures = {}
for hidden in ((30,), (30, 20), (40, 30, 20)):
    net = EffPropClassifier(
        hidden, solver="sgd", batch_size="full", learning_rate_init=1e-12, max_iter=1,
        tol=0, alpha=0.0, loss="squared_error", bias_init="zero",
        normalize="standardize", input_clip=None, random_state=0,
    ).fit(X, y)  # fmt: skip
    h = diagonal_curvature(net, X, y)
    curvatures[hidden] = [layer.ravel() for layer in net.network_.layers(h)]

# %%
# The boxes contain half of the weights of a layer, and the triangles are the means.

plt.style.use("tableau-colorblind10")
fig, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained", sharey=True)
means = {}
for ax, (hidden, layers) in zip(axes, curvatures.items(), strict=True):
    ax.boxplot(
        layers, showmeans=True, showfliers=False,
        medianprops={"color": "black"}, meanprops={"markersize": 9},
    )  # fmt: skip
    ax.set_xlabel("layer of weights")
    ax.set_title("-".join(map(str, (64, *hidden, 10))), fontsize="medium")
    ax.grid(axis="y", alpha=0.3)
    means[hidden] = [float(np.mean(layer)) for layer in layers]
    print(f"hidden layers {hidden}: means {np.round(means[hidden], 2)}")
axes[0].set_ylabel("second derivative of the loss")

# %%
# The package has no shared weights, so this is about dense layers.
# ``learning_rate_scaling="auto"`` gives each layer its own rate for this reason, and
# ``solver="sdlm"`` each weight (X16 and X17).

ratios = [layers[-1] / layers[0] for layers in means.values()]
assert all(np.all(np.diff(layers) > 0) for layers in means.values())
assert min(ratios) > 1.5
print(
    "X13: holds: in networks of two, three and four layers, the mean second derivative "
    f"grows from layer to layer, and is {min(ratios):.1f} to {max(ratios):.1f} times "
    "as large in the last as in the first"
)
