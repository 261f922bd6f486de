"""
X18: second-order methods, and where they win
=============================================

:Paper: sections 6 and 10
:Claim: Conjugate gradients are best for small problems and for regression, where
    precise outputs are wanted. On-line learning is best for large redundant
    classification.
:Tests: ``tests/paper/test_sections_6_to_8.py``, ``test_section_6_*``,
    ``test_section_9_on_line_*``

Every solver has about the same budget, counted in gradients of all examples. An epoch
of sgd is worth one. An iteration of lbfgs needs about one, an iteration of cg a gradient
and a product with the curvature. An iteration of lm needs a gradient and the Jacobian,
which is worth a gradient for each output.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import LossCurveDisplay

# budgets end training before it has converged
warnings.simplefilter("ignore", ConvergenceWarning)

COSTS = {"sgd": 1, "lbfgs": 1, "cg": 2, "lm": 2}


def race(net, X, y, budget, solvers, ax):
    """Train with each solver; draw the curves, and return the losses at the end."""
    losses = {}
    for solver in solvers:
        net.set_params(
            solver=solver, max_iter=budget // COSTS[solver], max_fun=budget
        ).fit(X, y)
        losses[solver] = net.loss_and_gradient(X, y)[0]
        LossCurveDisplay.from_estimator(net, name=solver, ax=ax)
        line = ax.lines[-1]
        line.set_xdata(COSTS[solver] * line.get_xdata())
        line.set_linestyle(("-", "--", "-.", ":")[len(losses) - 1])
    ax.relim()
    ax.autoscale_view()
    ax.set_xlabel("gradients of all examples")
    ax.legend()
    return losses


# %%
# sgd has its automatic rate, which falls to zero in the end. The sine is noiseless, so
# that the loss can become as small as a solver can make it.

x = np.linspace(-1, 1, 41)
problems = {
    "sine": (x[:, None], np.sin(np.pi * x), 300),
    "diabetes": (*load_diabetes(return_X_y=True), 200),
}
fig, axes = plt.subplots(1, 3, figsize=(14, 4.2), layout="constrained")
results = {}
for ax, (name, (X, y, budget)) in zip(axes, problems.items(), strict=False):
    net = EffPropRegressor(
        5 if name == "sine" else 8, batch_size="auto", bias_init="zero", alpha=0.0,
        normalize="standardize", input_clip=None, tol=0, random_state=0,
    )  # fmt: skip
    results[name] = race(net, X, y, budget, COSTS, ax)
    ax.set_title(f"{name}, {budget} gradients", fontsize="medium")

X, y = load_digits(return_X_y=True)
net = EffPropClassifier(
    30, loss="squared_error", bias_init="zero", alpha=0.0, normalize="standardize",
    input_clip=None, tol=0, random_state=0,
)  # fmt: skip
results["digits"] = race(net, X, y, 20, ("sgd", "lbfgs", "cg"), axes[2])
axes[2].set_title("digits, 20 gradients", fontsize="medium")
for name, losses in results.items():
    print(name, {solver: float(f"{loss:.3g}") for solver, loss in losses.items()})
