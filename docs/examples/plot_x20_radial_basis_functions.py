"""
X20: radial basis functions on top
==================================

:Paper: section 4.8
:Claim: Radial basis functions (RBFs) are local, so that they learn faster than sigmoids
    and may be the better basis, but in a space of many dimensions they cannot cover it.
    They suit the upper layers of a network, and sigmoids the lower ones.
:Tests: ``tests/core/test_radial.py``, ``tests/estimators/test_radial.py``

The paper gives no experiment for this. Here, three networks with 30 units below the
outputs learn digits from their first principal components: sigmoids on sigmoids, RBFs
on sigmoids, and RBFs of the components themselves.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sk_effprop import EffPropClassifier

# Training ends early on purpose.
warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
NETWORKS = {
    "sigmoids on sigmoids": {"hidden_layer_sizes": (20, 30)},
    "RBFs on sigmoids": {"hidden_layer_sizes": 20, "rbf_units": 30},
    "RBFs of the inputs": {"hidden_layer_sizes": (), "rbf_units": 30},
}
DIMENSIONS = (2, 5, 10, 30)
N_SEEDS = 3
EARLY, LATE = 10, 150


def errors(settings, n_components):
    """Error on held-out digits after few and many iterations, of each seed."""
    found = []
    for seed in range(N_SEEDS):
        parts = train_test_split(X, y, test_size=0.4, random_state=seed, stratify=y)
        pca = PCA(n_components, random_state=0).fit(parts[0])
        train, test = pca.transform(parts[0]), pca.transform(parts[1])
        for max_iter in (EARLY, LATE):
            net = EffPropClassifier(
                **settings, solver="lbfgs", max_iter=max_iter, tol=0, random_state=seed
            )
            found.append(1.0 - net.fit(train, parts[2]).score(test, parts[3]))
    return np.reshape(found, (N_SEEDS, 2)).T


# %%
# The centres start as the means of clusters, so that an RBF network knows something of
# the digits before its first iteration.

measured = {
    (name, n): errors(settings, n)
    for name, settings in NETWORKS.items()
    for n in DIMENSIONS
}
plt.style.use("tableau-colorblind10")
fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
for ax, row, n_iter in zip(axes, (0, 1), (EARLY, LATE), strict=True):
    for name, style in zip(NETWORKS, ("o-", "s--", "^:"), strict=True):
        means = [measured[name, n][row].mean() for n in DIMENSIONS]
        ax.loglog(DIMENSIONS, means, style, label=name)
    ax.set_title(f"after {n_iter} iterations", fontsize="medium")
    ax.set_xlabel("principal components")
    ax.set_xticks(DIMENSIONS, [str(n) for n in DIMENSIONS])
    ax.minorticks_off()
    ax.grid(alpha=0.3)
axes[0].set_yticks([0.03, 0.1, 0.3], ["3 %", "10 %", "30 %"])
axes[0].set_ylabel("error on held-out digits")
axes[0].legend(fontsize="small")

# %%

for n in DIMENSIONS:
    for name in NETWORKS:
        early, late = measured[name, n].mean(axis=1)
        print(f"{n:2} inputs, {name}: error {early:.1%} early, {late:.1%} late")

# %%


def mean_error(name, n, row):
    """Mean over the seeds; row 0 is early, row 1 is late."""
    return measured[name, n][row].mean()


sigmoids, hybrid, radial = NETWORKS
speed = {n: mean_error(radial, n, 0) / mean_error(sigmoids, n, 0) for n in DIMENSIONS}
basis = {n: mean_error(hybrid, n, 1) / mean_error(sigmoids, n, 1) for n in DIMENSIONS}
place = {n: mean_error(hybrid, n, 1) / mean_error(radial, n, 1) for n in DIMENSIONS}
print("errors as shares of each other, for 2, 5, 10 and 30 inputs:")
for what, ratios in {
    "RBFs of the inputs over sigmoids, early": speed,
    "RBFs on sigmoids over sigmoids, late": basis,
    "RBFs on sigmoids over RBFs of the inputs, late": place,
}.items():
    print(f"{what}:", ", ".join(f"{ratio:.2f}" for ratio in ratios.values()))
few = [speed[n] for n in (2, 5, 10)]
assert min(few) > 0.85
assert max(few) < 1.15
assert speed[30] > 2
assert basis[10] > 1
assert basis[30] > 1
print(
    f"X20: holds in part: with 30 inputs, RBFs have {speed[30]:.1f} times the error of "
    f"sigmoids after {EARLY} iterations, but with 2 to 10 inputs they learn no faster "
    f"({min(few):.2f} to {max(few):.2f} of the error). On top of sigmoids they have "
    f"{place[2]:.2f} to {place[30]:.2f} of the error of RBFs of the inputs, for 2 to "
    "30 inputs. As a basis they are no better in the end: "
    f"{basis[30]:.2f} times the error of sigmoids with 30 inputs"
)
