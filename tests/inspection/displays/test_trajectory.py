"""Paths of the weights."""

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.inspection import (
    TrajectoryDisplay,
    curvature_operator,
)
from tests.inspection.displays.data import SGD, XD, YD, X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("solver", ["sgd", "lbfgs", "lm", "cg", "adam"])
def test_the_path_is_that_of_fit_and_the_surface_that_of_the_loss(solver):
    net = EffPropRegressor(
        (2,), solver=solver, max_iter=5, tol=0, engine="numpy", random_state=1
    )
    display = TrajectoryDisplay.from_estimator(net, XD, YD, resolution=3)
    net.fit(XD, YD)
    assert len(display.path) == net.n_iter_ + 1
    np.testing.assert_array_equal(display.plane.origin, net.theta_)
    assert (np.abs(display.thetas - net.theta_).max(axis=1) == 0.0).any()
    # a copy of the fitted network says what the loss is at a point of the surface
    x, y = display.grid
    net.theta_ = display.plane.points(np.array([[x[2], y[0]]]))[0]
    assert net.loss_and_gradient(XD, YD)[0] == pytest.approx(display.surface[0, 2])


def test_two_weights_are_drawn_as_they_are():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 2))
    targets = inputs @ [1.0, -2.0] + 0.5
    unit = EffPropRegressor(
        (), solver="sgd", batch_size="full", normalize=None, input_clip=None,
        normalize_target=False, alpha=0.0, max_iter=100, tol=0, random_state=0,
        learning_rate_init=0.5, learning_rate="constant", momentum=0.0,
    )  # fmt: skip
    display = TrajectoryDisplay.from_estimator(unit, inputs, targets)
    # theta is [weight, weight, bias], and the surface is a paraboloid over the weights
    np.testing.assert_array_equal(display.path, display.thetas[:, :2])
    np.testing.assert_allclose(display.end, [1.0, -2.0], atol=1e-3)
    x, y = np.meshgrid(*display.grid)
    error = inputs @ np.array([x.ravel() - 1.0, y.ravel() + 2.0])
    expected = 0.5 * np.mean(error**2, axis=0).reshape(x.shape)
    np.testing.assert_allclose(display.surface, expected, rtol=0.02, atol=1e-4)
    assert display.labels == ("layer 1, weight 0 → 0", "layer 1, weight 1 → 0")
    # gradient descent by its definition
    thetas, moments = display.thetas, np.c_[inputs, np.ones(40)]
    step = 0.5 * moments.T @ (moments @ thetas[0] - targets) / 40
    np.testing.assert_allclose(thetas[1], thetas[0] - step)


def test_updates_are_finer_than_epochs():
    net = EffPropRegressor(
        (2,), solver="sgd", batch_size=50, max_iter=3, tol=0, engine="numpy",
        random_state=1,
    )  # fmt: skip
    n = 400
    coarse, fine = (
        TrajectoryDisplay.from_estimator(
            net, XD[:n], YD[:n], resolution=2, steps=steps, plane=(0, 1)
        )
        for steps in ("iteration", "update")
    )
    assert len(fine.path) == 1 + 3 * n // 50
    np.testing.assert_allclose(fine.thetas[:: n // 50], coarse.thetas)


def test_the_plane_of_eigenvectors_has_the_two_largest_eigenvalues():
    net = EffPropRegressor((2,), max_iter=30, random_state=0)
    display = TrajectoryDisplay.from_estimator(net, XD, YD, resolution=2)
    net.fit(XD, YD)
    H = curvature_operator(net, XD, YD) @ np.eye(len(net.theta_))
    V = display.plane.directions
    np.testing.assert_allclose(V @ V.T, np.eye(2), atol=1e-10)
    largest = np.linalg.eigvalsh(H)[:-3:-1]
    np.testing.assert_allclose(V @ H @ V.T, np.diag(largest), atol=1e-6)


def test_the_plane_of_the_path_holds_most_of_it(iris):
    shares = {
        plane: TrajectoryDisplay.from_estimator(
            iris, X, Y, plane=plane, resolution=2
        ).share
        for plane in ("path", "eigenvectors", (0, 7))
    }
    assert shares["path"] == max(shares.values())
    assert all(0.0 < share <= 1.0 for share in shares.values())


def test_training_that_diverges_is_drawn():
    net = EffPropClassifier(
        5, solver="sgd", learning_rate_init=300.0, loss="squared_error", max_iter=5,
        random_state=0,
    )  # fmt: skip
    for steps in ("iteration", "update"):
        display = TrajectoryDisplay.from_estimator(
            net, X, Y, resolution=3, plane="path", steps=steps
        )
        display.figure_.canvas.draw()
        assert np.isfinite(display.path).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"plane": "flat"}, "plane must be one of"),
        ({"plane": (0, 0)}, "pair of different indices"),
        ({"plane": (0, 10**6)}, "pair of different indices"),
        ({"steps": "day"}, "steps must be one of"),
        ({"resolution": 1}, "resolution must be an int of at least 2"),
    ],
    ids=str,
)
def test_wrong_settings_of_trajectories_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrajectoryDisplay.from_estimator(SGD, X, Y, **wrong)
