"""Slow, obvious versions of what the package computes; the tests compare with them.

Loops over numbers, lists, and the math module.  Theta is read by counting: layer after
layer, input after input (the bias last), unit after unit.
"""

import math

import numpy as np

from sk_effprop.core.activations import (
    LINEAR,
    RATIONAL,
    RELU,
    SOFTPLUS,
    TANH,
)
from sk_effprop.core.custom import CustomActivation, CustomLoss
from sk_effprop.core.losses import (
    AbsoluteError,
    Gamma,
    Huber,
    JointLogLoss,
    LogLoss,
    Poisson,
    SquaredError,
)

# ------------------------------------------------------------------ activation and loss


def rational_tanh(u):
    """Value and derivative of the polynomial ratio that stands for tanh."""
    a = abs(u)
    if a >= 26.0 / 3.0:
        return math.copysign(1.0, u), 0.0
    p = 1.0 + a / 8.0 + a**2 / 128.0 + a**3 / 3072.0
    p_slope = 1.0 / 8.0 + a / 64.0 + a**2 / 1024.0
    y, y_slope = p**16, 16.0 * p**15 * p_slope
    return math.copysign((y - 1.0) / (y + 1.0), u), 2.0 * y_slope / (y + 1.0) ** 2


SHAPES = {
    LINEAR: lambda u: (0.0, 0.0),
    TANH: lambda u: (math.tanh(u), 1.0 - math.tanh(u) ** 2),
    RATIONAL: rational_tanh,
    RELU: lambda u: (max(u, 0.0), 1.0 if u > 0.0 else 0.0),
    SOFTPLUS: lambda u: (math.log1p(math.exp(u)), 1.0 / (1.0 + math.exp(-u))),
}


def activation_value(activation, z):
    """f(z) and f'(z)."""
    if isinstance(activation, CustomActivation):
        f, df, _ = activation.functions
        return f(z) + activation.twist * z, df(z) + activation.twist
    s, s_slope = SHAPES[activation.kind](activation.slope * z)
    value = activation.amplitude * s + activation.twist * z + activation.offset
    return value, activation.amplitude * activation.slope * s_slope + activation.twist


def log_loss(loss, outputs, targets):
    """Loss of one example, and its derivatives with respect to the outputs."""
    if loss.exclusive:
        total = sum(math.exp(o) for o in outputs)
        chances = [math.exp(o) / total for o in outputs]
    else:
        chances = [1.0 / (1.0 + math.exp(-o)) for o in outputs]
    pairs = list(zip(chances, targets, strict=True))
    value = -sum(t * math.log(p) for p, t in pairs)
    if not loss.exclusive:
        value -= sum((1 - t) * math.log(1 - p) for p, t in pairs)
    return value, [p - t for p, t in pairs]


def huber(loss, o, t):
    """The middle and the two sides."""
    e, delta = o - t, loss.delta
    if abs(e) <= delta:
        return e**2 / 2, e
    return delta * (abs(e) - delta / 2), math.copysign(delta, e)


def absolute_error(loss, o, t):
    """Two slopes, and a hyperbola where they meet."""
    e, under, over = o - t, loss.under, loss.over
    r = math.sqrt(e**2 + loss.rounding**2)
    value = over * (r + e) / 2 + under * (r - e) / 2
    slope = over * (e / r + 1) / 2 + under * (e / r - 1) / 2
    return value - loss.rounding * math.sqrt(under * over), slope


def poisson(loss, o, t):
    """Half the deviance of a count."""
    m = math.exp(o)
    return (t * math.log(t / m) if t else 0.0) - t + m, m - t


def gamma(loss, o, t):
    """Half the deviance of a size."""
    m = math.exp(o)
    return math.log(m / t) + t / m - 1, (m - t) / m


# of one output: value and derivative
TERMS = {
    SquaredError: lambda loss, o, t: ((o - t) ** 2 / 2, o - t),
    Huber: huber,
    AbsoluteError: absolute_error,
    Poisson: poisson,
    Gamma: gamma,
}


def user_loss(loss, outputs, targets):
    """What the user says of a single row."""
    row = np.array([outputs]), np.array([targets])
    return float(loss.written.value(*row)[0]), loss.written.gradient(*row)[0].tolist()


def joint_log_loss(loss, outputs, targets):
    """The sum over targets, whose outputs are side by side."""
    value, slopes, start = 0.0, [], 0
    for size in loss.sizes:
        part = slice(start, start + size)
        one = log_loss(LogLoss(size > 1), outputs[part], targets[part])
        value, slopes, start = value + one[0], slopes + one[1], start + size
    return value, slopes


def loss_and_gradient(loss, outputs, targets):
    """Loss of one example, and its derivatives with respect to the outputs."""
    if isinstance(loss, JointLogLoss):
        return joint_log_loss(loss, outputs, targets)
    if isinstance(loss, LogLoss):
        return log_loss(loss, outputs, targets)
    if isinstance(loss, CustomLoss):
        return user_loss(loss, outputs, targets)
    term = TERMS[type(loss)]
    terms = [term(loss, o, t) for o, t in zip(outputs, targets, strict=True)]
    return sum(value for value, _ in terms), [slope for _, slope in terms]


def loss_value(loss, outputs, targets):
    """Loss of one example."""
    return loss_and_gradient(loss, outputs, targets)[0]


def loss_gradient(loss, outputs, targets):
    """Its derivatives with respect to the outputs."""
    return loss_and_gradient(loss, outputs, targets)[1]


# --------------------------------------------------------------------- forward and back


def position(network, layer, i, j):
    """Where theta keeps the weight from input i to unit j of a layer."""
    start = 0
    for l in range(layer):
        start += (network.sizes[l] + 1) * network.sizes[l + 1]
    return start + i * network.sizes[layer + 1] + j


def forward_one(network, theta, x):
    """What every layer is given, and the derivatives and values of its units."""
    inputs, slopes, values = [], [], list(x)
    for layer, activation in enumerate(network.activations):
        given = [*values, 1.0]
        values, layer_slopes = [], []
        for j in range(network.sizes[layer + 1]):
            z = 0.0
            for i, value in enumerate(given):
                z += float(theta[position(network, layer, i, j)]) * value
            f, f_slope = activation_value(activation, z)
            values.append(f)
            layer_slopes.append(f_slope)
        inputs.append(given)
        slopes.append(layer_slopes)
    return inputs, slopes, values


def outputs_of(network, theta, X):
    """The network's outputs for rows X without their column of ones."""
    return np.array([forward_one(network, theta, x)[2] for x in X.tolist()])


def backward_one(network, theta, inputs, slopes, output_gradient):
    """Gradient of one example, as a list of theta's layout."""
    gradient = [0.0] * network.n_weights
    upstream = list(output_gradient)
    for layer in reversed(range(len(network.activations))):
        delta = [e * s for e, s in zip(upstream, slopes[layer], strict=True)]
        upstream = []
        for i, value in enumerate(inputs[layer]):
            total = 0.0
            for j, d in enumerate(delta):
                where = position(network, layer, i, j)
                gradient[where] += d * value
                total += d * float(theta[where])
            upstream.append(total)
        upstream.pop()  # nothing is passed down to the one that meets the bias
    return gradient


def value_and_gradient(objective, theta):
    """E(theta) of design section 1 and its gradient, with a loop for every sum."""
    network, n = objective.network, len(objective.targets)
    weight = [1.0] * n
    if objective.sample_weight is not None:
        weight = objective.sample_weight.tolist()
    value, gradient = 0.0, [0.0] * network.n_weights
    for p in range(n):
        targets = objective.targets[p].tolist()
        inputs, slopes, outputs = forward_one(
            network, theta, objective.inputs[p, :-1].tolist()
        )
        share = weight[p] / sum(weight)
        value += share * loss_value(objective.loss, outputs, targets)
        error = loss_gradient(objective.loss, outputs, targets)
        own = backward_one(network, theta, inputs, slopes, error)
        gradient = [g + share * o for g, o in zip(gradient, own, strict=True)]
    for j, strength in enumerate(objective.penalty.tolist()):
        value += 0.5 * strength * float(theta[j]) ** 2
        gradient[j] += strength * float(theta[j])
    return value, np.array(gradient)


# ------------------------------------------------------------------ finite differences


def central_difference(function, x, step=1e-5):
    """Derivatives of ``function(x)``, scalar or array, by one component at a time."""
    columns = []
    for j in range(len(x)):
        ahead, behind = x.copy(), x.copy()
        ahead[j] += step
        behind[j] -= step
        columns.append((function(ahead) - function(behind)) / (2.0 * step))
    return np.stack(columns, axis=-1)


def pattern_gauss_newton(objective, theta):
    """Weighted J'HJ of every example, (n, n_weights, n_weights), all by differences."""
    network, loss = objective.network, objective.loss
    X = objective.inputs[:, :-1]
    outputs = outputs_of(network, theta, X)
    jacobian = central_difference(lambda t: outputs_of(network, t, X), theta)
    matrices = []
    for p, J in enumerate(jacobian):

        def slope(o, targets=objective.targets[p]):
            return np.array(loss_gradient(loss, o.tolist(), targets.tolist()))

        H = central_difference(slope, outputs[p])
        w = 1.0 if objective.sample_weight is None else objective.sample_weight[p]
        matrices.append(w * J.T @ H @ J)
    return np.array(matrices)


def relative_error(a, b):
    """Distance in norm, relative to the second."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))
