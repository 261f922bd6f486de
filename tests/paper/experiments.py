"""The paper's theory, sections 5 to 9, as small experiments, one test for each claim.

Everything is measured as in eq. (28): half the squared error, summed over outputs, mean
over examples.  Networks have f = 1.7159 tanh(2x/3) in all layers and targets of exactly
-1 and 1, regressions a linear output; weights are from U(+-sqrt(3/m)), biases zero.
Rates are constant unless a test says otherwise, and nobody comes to the rescue of
training that diverges.  The toy is that of Figs. 9-12: 100 examples of two Gaussian
classes at +-(.4, .8), with a standard deviation of .2, which is not printed but gives
the printed eigenvalues, and one linear unit with a bias.  Where a claim does not
reproduce, the docstring says so.
"""

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.datasets import load_digits

from sk_effprop import InputNormalizer
from sk_effprop.core.activations import ACTIVATIONS, IDENTITY
from sk_effprop.core.curvature import Linearization
from sk_effprop.core.initializers import get_initializer
from sk_effprop.core.inputs import with_ones
from sk_effprop.core.losses import SquaredError
from sk_effprop.core.network import Network, initialize
from sk_effprop.core.objective import Objective
from tests.cases import stochastic

SIGMOID = ACTIVATIONS["lecun_tanh"]


def problem(X, Y, hidden=(), output=SIGMOID):
    """Return the squared error of a network on these data."""
    network = Network(
        (X.shape[1], *hidden, Y.shape[1]), (*(SIGMOID for _ in hidden), output)
    )
    no_penalty = np.zeros(network.n_weights)
    return Objective(network, SquaredError(), with_ones(X), Y, None, no_penalty)


def start(objective, seed):
    """Return initial weights."""
    rng = np.random.default_rng(seed)
    init = get_initializer("lecun_uniform")
    return initialize(objective.network, init, rng, np.float64)


class Recorder:
    """A monitor that evaluates E after each epoch and never interferes."""

    is_out_of_time = keeps_pauses = False

    def __init__(self, n_epochs):
        self.n_epochs, self.values, self.thetas = n_epochs, [], []

    def begin(self, rates):
        """The rates are given."""

    def check_time(self):
        """There is no limit of time."""

    def pause(self, paused):
        """Nothing goes on from here."""

    def __call__(self, theta, value, **_):
        self.values.append(value(theta) if callable(value) else value)
        self.thetas.append(theta.copy())
        return len(self.values) == self.n_epochs


def descend(objective, theta, n_epochs, rate, *, seed=0, **settings):
    """Return E and the weights after each epoch of gradient descent, on-line or not."""
    monitor = Recorder(n_epochs)
    solver = stochastic(objective, rate=rate, **settings)
    rng = np.random.default_rng(seed)
    solver.solve(objective, theta, state=None, rng=rng, monitor=monitor)
    return np.array(monitor.values), np.array(monitor.thetas)


def hessian(objective, theta):
    """Return the Hessian, a product with every unit vector."""
    near = Linearization(objective, theta)
    return np.array([near.hessian_product(v) for v in np.eye(len(theta))])


def largest_eigenvalue(objective, theta):
    """Return that of the Hessian, without the Hessian."""
    near, n = Linearization(objective, theta), len(theta)
    operator = LinearOperator((n, n), matvec=near.hessian_product, dtype=float)
    v0 = np.random.default_rng(0).normal(size=n)
    return eigsh(operator, k=1, which="LA", v0=v0, tol=1e-3)[0][0]


def toy_data(seed):
    """Return X and Y of the toy."""
    rng = np.random.default_rng(seed)
    side = np.tile([-1.0, 1.0], 50)[:, None]
    return side * [0.4, 0.8] + rng.normal(0, 0.2, size=(100, 2)), side


def toy(seed):
    """Return the toy as an objective, and where its minimum is."""
    objective = problem(*toy_data(seed), output=IDENTITY)
    return objective, np.linalg.lstsq(objective.inputs, objective.targets)[0].ravel()


def standardise(X):
    """Return X with columns of mean 0 and variance 1, constant ones 0."""
    return InputNormalizer().fit_transform(X)


def scale_badly(X):
    """Standardise, then stretch and shrink columns, the one 60 times the other."""
    rng = np.random.default_rng(1)
    return standardise(X) * np.exp(rng.uniform(np.log(0.05), np.log(3), X.shape[1]))


SCALINGS = {
    "from_-1_to_1": lambda X: X / 8 - 1,
    "from_0_to_1": lambda X: X / 16,
    "standardised": standardise,
    "badly_scaled": scale_badly,
}


def digits(n_samples, scaling, hidden):
    """Return the objective of a network on random digits."""
    X, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:n_samples]
    return problem(SCALINGS[scaling](X[rows]), 2 * np.eye(10)[y[rows]] - 1, hidden)
