"""
X9: the largest learning rate of batch learning
===============================================

:Paper: sections 5.1 and 5.2, Figs. 9 to 11
:Claim: Batch learning converges up to a rate of two over the largest eigenvalue. For
    the example of two Gaussian classes, whose eigenvalues are 0.84 and 0.036, this is
    2.38, so a rate of 1.5 converges and one of 2.5 diverges.
:Tests: ``tests/paper/test_section_5.py``, ``test_section_5_1_*``,
    ``test_section_5_2_the_bias_*``,
    ``test_section_5_2_batch_*``

The example is a linear unit with two weights and a bias. The paper does not print the
standard deviation of the classes; 0.2 gives the eigenvalues that it prints.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropRegressor
from sk_effprop.inspection import (
    LearningRateDisplay,
    TrajectoryDisplay,
    curvature_operator,
)

# training that diverges warns
warnings.simplefilter("ignore", ConvergenceWarning)

rng = np.random.default_rng(0)
y = np.tile([-1.0, 1.0], 50)
X = y[:, None] * [0.4, 0.8] + rng.normal(0, 0.2, (100, 2))

unit = EffPropRegressor(
    (), solver="sgd", batch_size="full", learning_rate="constant", momentum=0.0,
    normalize=None, normalize_target=False, input_clip=None, alpha=0.0, tol=0,
    init=np.array([-0.5, 0.5, 0.3]), max_iter=10,
)  # fmt: skip

# %%
# The two rates of Fig. 11
# ------------------------
#
# At the larger rate, training diverges along the weight of the bias, which is not among
# the two weights that are drawn. The estimators notice this, return to the best weights
# and continue at half the rate. So this path ends at the minimum as well.

fig, axes = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
for ax, rate in zip(axes, (1.5, 2.5), strict=True):
    TrajectoryDisplay.from_estimator(
        unit.set_params(learning_rate_init=rate), X, y, ax=ax
    )
    n_recoveries = unit.fit(X, y).convergence_.n_recoveries
    ax.set_title(
        f"batch learning, rate {rate}, recoveries from divergence: {n_recoveries}",
        fontsize="medium",
    )

# %%
# The limit
# ---------
#
# The Hessian of a linear unit does not depend on its weights. The paper's eigenvalues
# are those of the two weights. With the bias, whose input is always 1, there is a third
# eigenvalue, and it is the largest.

unit.set_params(learning_rate_init="auto").fit(X, y)
hessian = curvature_operator(unit, X, y) @ np.eye(3)
of_weights = np.linalg.eigvalsh(hessian[:2, :2])
of_all = np.linalg.eigvalsh(hessian)
print("eigenvalues of the two weights:", np.round(of_weights, 3))
print("eigenvalues with the bias:", np.round(of_all, 3))
limit = 2 / of_all[-1]
print(f"limit without the bias: {2 / of_weights[-1]:.2f}; with it: {limit:.3f}")

# %%
# ``LearningRateDisplay`` trains at multiples of the automatic rate, which is close to
# one over the largest eigenvalue for a full batch, and nothing helps when training
# diverges.

rates = np.array([0.1, 0.5, 1.0, 1.5, 0.99 * limit, 1.01 * limit, 2.38, 2.5])
display = LearningRateDisplay.from_estimator(
    unit, X, y, ratios=rates / unit.learning_rate_, n_epochs=500
)
display.ax_.axvline(
    limit / display.learning_rate, linestyle="--", color="black",
    label="two over the largest eigenvalue",
)  # fmt: skip
display.ax_.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))

lowest = np.min(display.losses)
for rate, loss in zip(rates, display.losses[-1], strict=True):
    state = "at the minimum" if loss - lowest < 1e-6 else f"loss {loss:.3g}"
    print(f"rate {rate:.3f}: {state} after 500 updates")

# %%
# One per cent below the limit training converges, and one per cent above it does not.
# So the theory holds. The number 2.38 is not the limit of the example, as it leaves out
# the bias; the conclusions about the rates 1.5 and 2.5 are right.

is_converged = display.losses[-1] - lowest < 1e-6
assert list(is_converged[1:]) == [True] * 4 + [False] * 3
assert abs(of_weights[-1] - 0.84) < 0.06
assert abs(limit - 2) < 0.02
print(
    f"X9: holds in part: training converges up to 2 / lambda_max and diverges beyond; "
    f"but with the bias, lambda_max is {of_all[-1]:.3f} instead of "
    f"{of_weights[-1]:.2f}, and the limit {limit:.2f} instead of 2.38"
)
