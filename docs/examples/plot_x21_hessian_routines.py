"""
X21: ways to compute the Hessian
================================

:Paper: section 7, and eq. (44) of section 6.3
:Claim: The Hessian, its product with a vector, its diagonal and the Gauss-Newton matrix
    can be computed by finite differences, the squared Jacobian, backpropagation of
    second derivatives, eqs. (54) to (56), and the R-operator.
:Tests: ``tests/paper/test_sections_6_to_8.py``, ``test_section_6_3_*``,
    ``test_section_7_2_*``; ``tests/core/test_linearization.py``

Here, the functions of ``sk_effprop.inspection`` are compared with the paper's formulas,
written out with NumPy.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from sk_effprop import EffPropRegressor
from sk_effprop.inspection import curvature_operator, diagonal_curvature

X, y = load_diabetes(return_X_y=True)
X, y = X[:50], y[:50]


def network(*hidden):
    """Return a network that is not at a minimum."""
    return EffPropRegressor(
        hidden, solver="lbfgs", max_iter=3, tol=0, normalize="standardize",
        input_clip=None, alpha=0.0, random_state=0,
    ).fit(X, y)  # fmt: skip


def relative(difference, whole):
    """Length of a difference, relative to another length."""
    return float(np.linalg.norm(difference) / np.linalg.norm(whole))


net = network(6)
n_weights = len(net.theta_)
hessian = curvature_operator(net, X, y) @ np.eye(n_weights)
gauss_newton = curvature_operator(net, X, y, "gauss_newton") @ np.eye(n_weights)

# %%
# Finite differences, section 7.1
# -------------------------------
#
# ``loss_and_gradient`` is at the fitted weights, which can be assigned.

theta = net.theta_.copy()


def gradient_at(weights):
    """Gradient at any weights."""
    net.theta_ = weights
    return net.loss_and_gradient(X, y)[1]


step = 1e-5
rows = [
    (gradient_at(theta + step * unit) - gradient_at(theta - step * unit)) / (2 * step)
    for unit in np.eye(n_weights)
]
net.theta_ = theta
by_differences = relative(hessian - rows, hessian)
print(f"Hessian, R-operator against finite differences: {by_differences:.1g}")

# %%
# The squared Jacobian, section 7.2
# ---------------------------------
#
# The gradient of one example is its error times its row of the Jacobian. The rows are
# taken from that. What is missing to the Hessian is minus the sum of the errors times
# the second derivatives of the output; eq. (50) is printed with a plus.

target_scale = np.std(y)
errors = (net.predict(X) - y) / target_scale
jacobian = np.array(
    [
        net.loss_and_gradient(X[i : i + 1], y[i : i + 1])[1] / errors[i]
        for i in range(len(y))
    ]
)
by_jacobian = relative(jacobian.T @ jacobian / len(y) - gauss_newton, gauss_newton)
print(f"Gauss-Newton matrix against the squared Jacobian: {by_jacobian:.1g}")
print(f"neglected term / Hessian: {relative(hessian - gauss_newton, hessian):.2f}")

# %%
# The diagonal, section 7.4
# -------------------------
#
# Eqs. (54) to (56) go through the layers from the output to the input. The slope of the
# sigmoid follows from its value. In the picture, an exact zero is drawn at the bottom.


def paper_diagonal(net):
    """Diagonal of the Gauss-Newton matrix by eqs. (54) to (56)."""
    A = 1.7159
    n_hidden = len(net.coefs_) - 1
    inputs = [net.normalizer_.transform(X)]
    inputs += [net.hidden_activations(X, layer=k) for k in range(n_hidden)]
    h, diagonals = np.ones((len(X), 1)), []
    for W, x in zip(net.coefs_[::-1], inputs[::-1], strict=True):
        x1 = np.column_stack([x, np.ones(len(X))])
        diagonals.insert(0, (x1**2).T @ h / len(X))  # (55)
        slope = 2 / 3 / A * (A**2 - x**2)
        h = (h @ (W**2).T) * slope**2  # (56), then (54)
    return diagonals


deviations = {}
for hidden in ((6,), (6, 5), (6, 5, 4)):
    other = network(*hidden)
    exact = other.network_.layers(diagonal_curvature(other, X, y))
    deviations[hidden] = [
        relative(ours - theirs, ours)
        for ours, theirs in zip(exact, paper_diagonal(other), strict=True)
    ]
    print(f"eqs. (54) to (56), hidden layers {hidden}: deviations", end=" ")
    print(", ".join(f"{value:.1g}" for value in deviations[hidden]))

plt.style.use("tableau-colorblind10")
fig, ax = plt.subplots(layout="constrained")
for (hidden, values), style in zip(
    deviations.items(), ("o-", "s--", "^:"), strict=True
):
    places = np.arange(len(values)) - len(values) + 1
    ax.semilogy(
        places, np.maximum(values, 1e-17), style, label=f"hidden layers: {len(hidden)}"
    )
ax.set_xticks(range(-3, 1), ["3 below", "2 below", "1 below", "output layer"])
ax.set_xlabel("layer of weights")
ax.set_ylabel("relative deviation from the exact diagonal")
ax.set_title("Backpropagated second derivatives, eqs. (54) to (56)", fontsize="medium")
ax.grid(alpha=0.3)
ax.legend()

# %%
# The recursion is exact for the two upper layers. Further down it neglects how the
# units of a layer act together.
#
# The BFGS update, section 6.3
# ----------------------------
#
# The inverse Hessian must map the change of the gradient to that of the weights. In the
# circulated text, eq. (44) lacks a plus sign after M(t-1).

M = np.diag(1 / (1 + np.arange(n_weights)))
delta = -0.1 * gradient_at(theta)
phi = gradient_at(theta + delta) - gradient_at(theta)
scale = delta @ phi
grown = (1 + phi @ M @ phi / scale) * np.outer(delta, delta) / scale
mixed = np.outer(delta, phi @ M)
corrected = M + grown - (mixed + mixed.T) / scale
literal = M @ grown - (mixed + mixed.T) / scale
secant = relative(corrected @ phi - delta, delta)
secant_as_printed = relative(literal @ phi - delta, delta)
print(f"secant equation, with the plus: {secant:.1g}; without: {secant_as_printed:.1g}")

# %%

upper = max(max(values[-2:]) for values in deviations.values())
lower = max(values[0] for values in list(deviations.values())[1:])
assert by_differences < 1e-6
assert by_jacobian < 1e-8
assert upper < 1e-10
assert lower > 0.01
assert secant < 1e-10 < 0.01 < secant_as_printed
print(
    f"X21: holds in part: finite differences agree to {by_differences:.0e} and the "
    f"squared Jacobian to {by_jacobian:.0e}; eqs. (54) to (56) are exact for the two "
    f"upper layers, to {upper:.0e}, and off by up to {lower:.0%} below them"
)
