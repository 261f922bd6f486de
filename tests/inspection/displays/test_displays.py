"""Displays: the numbers behind the pictures, by other routes, and what is drawn."""

import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris, load_linnerud
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor, inspection
from sk_effprop.core.activations import ACTIVATIONS
from sk_effprop.inspection import (
    ActivationDisplay,
    ConditioningDisplay,
    ErrorHistogramDisplay,
    HessianSpectrumDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    RegressionDisplay,
    TrajectoryDisplay,
    curvature_operator,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
mpl.use("Agg")

X, Y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
SGD = EffPropClassifier(4, solver="sgd", max_iter=6, random_state=0)


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test has drawn."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def iris():
    """A classifier that was fitted on iris."""
    return EffPropClassifier(5, random_state=0).fit(X, Y)


@pytest.fixture(scope="module")
def diabetes():
    """A regressor that was fitted on a part of diabetes."""
    return EffPropRegressor((5,), max_iter=30, random_state=0).fit(XD[:300], YD[:300])


def make(name, iris, diabetes):
    """Draw the display of this name."""
    cls = getattr(inspection, name)
    if name in ("RegressionDisplay", "ErrorHistogramDisplay"):
        return cls.from_estimator(diabetes, XD, YD)
    if name in ("LossCurveDisplay", "ActivationDisplay"):
        return cls.from_estimator(iris)
    if name == "LearningRateDisplay":
        return cls.from_estimator(iris, X, Y, ratios=[0.5, 1.0], n_epochs=2)
    if name == "TrajectoryDisplay":
        return cls.from_estimator(iris, X, Y, resolution=5)
    return cls.from_estimator(iris, X, Y)


DISPLAYS = [name for name in inspection.__all__ if name.endswith("Display")]


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_display_draws_and_draws_again(name, iris, diabetes):
    display = make(name, iris, diabetes)
    first = display.ax_
    assert display.figure_ is first.figure
    assert first.get_title()
    assert all(axis.label.get_text() for axis in (first.xaxis, first.yaxis))
    assert first.get_legend() is not None
    _, ax = plt.subplots()
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax
    assert len(ax.get_lines()) == len(first.get_lines())
    assert display.plot().ax_ not in (first, ax)
    display.figure_.canvas.draw()


@pytest.mark.parametrize("name", DISPLAYS)
def test_without_matplotlib_the_extra_is_named(name, iris, diabetes, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"sk_effprop\[plot\]"):
        make(name, iris, diabetes)


def test_matplotlib_is_imported_when_something_is_drawn():
    program = "import sys, sk_effprop.inspection; print('matplotlib' in sys.modules)"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize(
    "cls",
    [
        HessianSpectrumDisplay,
        LearningRateDisplay,
        ConditioningDisplay,
        TrajectoryDisplay,
    ],
)
def test_a_pipeline_is_refused_where_the_data_must_be_those_of_the_network(cls):
    pipeline = make_pipeline(StandardScaler(), SGD)
    with pytest.raises(TypeError, match="For a pipeline, pass its last step"):
        cls.from_estimator(pipeline, X, Y)


@pytest.mark.parametrize("cls", [LossCurveDisplay, ActivationDisplay])
def test_a_fitted_network_is_found_inside_of_containers(cls):
    with pytest.raises(NotFittedError):
        cls.from_estimator(EffPropClassifier())
    with pytest.raises(NotFittedError):
        cls.from_estimator(make_pipeline(StandardScaler(), EffPropClassifier()))
    with pytest.raises(TypeError, match="LinearRegression contains none"):
        cls.from_estimator(LinearRegression().fit(XD, YD))
    two = VotingClassifier([("a", SGD), ("b", SGD)]).fit(X, Y)
    with pytest.raises(TypeError, match="contains 2"):
        cls.from_estimator(two)
    pipeline = make_pipeline(StandardScaler(), SGD)
    search = GridSearchCV(pipeline, {"effpropclassifier__alpha": [0.0]}, cv=2)
    cls.from_estimator(search.fit(X, Y))
    regressor = EffPropRegressor((2,), max_iter=3, random_state=0)
    cls.from_estimator(TransformedTargetRegressor(regressor).fit(XD, YD))


# ----------------------------------------------------------------------- loss curves


def test_the_best_epoch_has_the_lowest_validation_loss():
    net = EffPropClassifier(
        5, solver="sgd", early_stopping=True, max_iter=20, random_state=0
    ).fit(X, Y)
    display = LossCurveDisplay.from_estimator(net, name="net")
    assert display.best == 1 + np.argmin(net.validation_loss_curve_)
    np.testing.assert_array_equal(display.loss, net.loss_curve_)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == [
        "net, training", "net, validation", f"net, best, epoch {display.best}",
    ]  # fmt: skip
    # the marker stands on the curve
    marker = display.ax_.get_lines()[-1]
    expected = [[display.best, net.validation_loss_curve_[display.best - 1]]]
    np.testing.assert_allclose(marker.get_xydata(), expected)
    other = LossCurveDisplay.from_estimator(SGD.fit(X, Y), ax=display.ax_)
    colors = [line.get_color() for line in other.ax_.get_lines()]
    assert len(set(colors)) == 2
    assert other.best is None


def test_a_curve_may_be_short_negative_or_not_finite():
    short = LossCurveDisplay([0.5]).plot()
    assert short.ax_.get_lines()[0].get_marker() == "o"
    negative = LossCurveDisplay([-0.5, -1.0, -2.0]).plot()
    assert negative.ax_.get_yscale() == "linear"
    broken = LossCurveDisplay([1.0, np.inf, 0.5], validation_loss=[np.nan] * 3, best=1)
    drawn = broken.plot().ax_.get_lines()[0].get_ydata()
    np.testing.assert_array_equal(drawn, [1.0, np.nan, 0.5])


def test_a_fit_that_diverged_is_told():
    net = EffPropClassifier(
        5, solver="sgd", learning_rate_init=300.0, loss="squared_error", random_state=0
    ).fit(X, Y)
    title = LossCurveDisplay.from_estimator(net).ax_.get_title()
    assert f"divergence: {net.convergence_.n_recoveries}" in title


# ------------------------------------------------------------------------- spectrum


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_the_spectrum_counts_the_signs_of_all_eigenvalues(iris, kind):
    A = curvature_operator(iris, X, Y, kind) @ np.eye(len(iris.theta_))
    expected = np.linalg.eigvalsh((A + A.T) / 2.0)[::-1]
    display = HessianSpectrumDisplay.from_estimator(iris, X, Y, kind=kind)
    np.testing.assert_allclose(display.eigenvalues, expected, atol=1e-9)
    is_zero = np.abs(expected) < 1e-12 * expected[0]
    assert np.sum(display.is_zero) == np.sum(is_zero)
    drawn = display.ax_.get_lines()
    assert sum(len(line.get_xdata()) for line in drawn) == np.sum(~is_zero)
    heights = np.sort(np.concatenate([line.get_ydata() for line in drawn]))
    np.testing.assert_allclose(heights, np.sort(np.abs(expected[~is_zero])), atol=1e-9)
    labels = [line.get_label() for line in drawn]
    n_negative = np.sum(expected[~is_zero] < 0.0)
    assert (f"{n_negative} negative" in labels) == bool(n_negative)


def test_a_histogram_counts_every_eigenvalue_once(iris):
    display = HessianSpectrumDisplay.from_estimator(iris, X, Y, style="histogram")
    expected = np.sum(~display.is_zero)
    values = np.abs(display.eigenvalues[~display.is_zero])
    ends = display.ax_.get_xlim()
    assert ends[0] < values.min()
    assert values.max() < ends[1]
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert sum(int(label.split()[0]) for label in labels) == expected
    with pytest.raises(ValueError, match="style must be one of"):
        HessianSpectrumDisplay.from_estimator(iris, X, Y, style="pie")


def test_a_part_of_the_spectrum_says_so(iris):
    display = HessianSpectrumDisplay.from_estimator(iris, X, Y, k=2)
    assert f"2 of {len(iris.theta_)} eigenvalues" in display.ax_.get_title()
    assert "condition number" not in display.ax_.get_title()


def test_a_large_spectrum_is_known_at_both_ends(monkeypatch):
    net = EffPropClassifier(20, max_iter=5, random_state=0).fit(X, Y)
    n_weights = len(net.theta_)
    whole = HessianSpectrumDisplay.from_estimator(net, X, Y).eigenvalues
    module = "sk_effprop.inspection.displays.hessian_spectrum"
    monkeypatch.setattr(f"{module}.MAX_DENSE", 100)
    monkeypatch.setattr(f"{module}.N_AT_EACH_END", 3)
    monkeypatch.setattr(f"{module}.MAX_RESTARTS", 1000)
    display = HessianSpectrumDisplay.from_estimator(net, X, Y)
    assert f"6 of {n_weights} eigenvalues" in display.ax_.get_title()
    expected = np.r_[whole[:3], whole[-3:]]
    assert whole[-1] < 0.0
    np.testing.assert_allclose(display.eigenvalues, expected, rtol=0.02)


# ----------------------------------------------------------------------- activations


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "relu"])
def test_the_curves_of_an_activation_are_derivatives_of_each_other(name):
    display = ActivationDisplay(ACTIVATIONS[name])
    slope = np.gradient(display.value, display.z)
    np.testing.assert_allclose(slope[1:-1], display.slope[1:-1], atol=1e-3)
    curvature = np.abs(np.gradient(display.slope, display.z))
    np.testing.assert_allclose(curvature[1:-1], display.curvature[1:-1], atol=5e-3)


def test_targets_lie_on_the_curve_where_it_bends_most():
    net = EffPropClassifier(4, loss="squared_error", max_iter=3, random_state=0)
    display = ActivationDisplay.from_estimator(net.fit(X, Y))
    assert len(display.target_points) == 2
    f = ACTIVATIONS["lecun_tanh"]
    for z, value in display.target_points:
        assert f.f(z) == pytest.approx(value)
        assert abs(f.d2f(z)) == pytest.approx(display.curvature.max(), rel=1e-4)


def test_asymptotes_are_targets_without_a_point():
    net = EffPropClassifier(
        4, activation="logistic", loss="squared_error", target_values="asymptote",
        max_iter=3, random_state=0,
    )  # fmt: skip
    display = ActivationDisplay.from_estimator(net.fit(X, Y))
    assert display.target_points == []
    assert set(display.targets) == {0.0, 1.0}


def test_the_layer_of_an_activation_can_be_chosen(iris):
    net = EffPropClassifier(
        (4, 3), activation=["tanh", "relu"], max_iter=3, random_state=0
    ).fit(X, Y)
    titles = [
        ActivationDisplay.from_estimator(net, layer=layer).ax_.get_title()
        for layer in (0, 1, -1, None)
    ]
    assert titles == [
        "Activation of hidden layer 1: tanh",
        "Activation of hidden layer 2: relu",
        "Activation of the output: identity",
        "Activation of hidden layer 2: relu",
    ]
    with pytest.raises(ValueError, match="layer must lie between -3 and 2, got 3"):
        ActivationDisplay.from_estimator(net, layer=3)
    twisted = EffPropClassifier(4, twist=0.1, max_iter=3, random_state=0).fit(X, Y)
    title = ActivationDisplay.from_estimator(twisted).ax_.get_title()
    assert title.endswith("lecun_tanh + 0.1 z")


# ---------------------------------------------------------------------- conditioning


@pytest.mark.parametrize("is_sparse", [False, True])
def test_condition_numbers_are_squares_of_those_of_the_inputs(iris, is_sparse):
    """The singular values of the weighted rows, without forming second moments."""
    weight = np.linspace(0.5, 2.0, len(Y))
    given = sparse.csr_array(X) if is_sparse else X
    display = ConditioningDisplay.from_estimator(iris, given, Y, sample_weight=weight)
    ones = np.ones((len(Y), 1))
    hidden = [iris.hidden_activations(X, l) for l in range(len(iris.coefs_) - 1)]
    layers = [X, iris.normalizer_.transform(X), *hidden]
    assert len(display.condition_numbers) == len(layers)
    for got, values in zip(display.eigenvalues.values(), layers, strict=True):
        rows = np.sqrt(weight / weight.sum())[:, None] * np.hstack([values, ones])
        singular = np.linalg.svd(rows, compute_uv=False)
        np.testing.assert_allclose(got, singular**2, rtol=1e-6)


def test_whitened_inputs_have_condition_number_one():
    net = EffPropClassifier((), normalize="whiten", input_clip=None, random_state=0)
    display = ConditioningDisplay.from_estimator(net.fit(X, Y), X, Y)
    raw, whitened = display.condition_numbers.values()
    assert whitened == pytest.approx(1.0)
    assert raw > 100.0


# --------------------------------------------------------------------- learning rates


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_losses_are_those_of_fits_with_the_given_rates(momentum):
    """With one rate for all layers, a fit can be told the rate itself.

    To measure rates takes random numbers, so only a full batch is presented alike.
    """
    net = EffPropClassifier(
        4, solver="sgd", learning_rate_scaling="none", momentum=momentum,
        batch_size="full", engine="numpy", random_state=3,
    )  # fmt: skip
    display = LearningRateDisplay.from_estimator(
        net, X, Y, ratios=[0.25, 1.0], n_epochs=3
    )
    for ratio, column in zip(display.ratios, display.losses.T, strict=True):
        for n_epochs, loss in enumerate(column, 1):
            net.set_params(
                learning_rate_init=ratio * display.learning_rate,
                learning_rate="constant", max_iter=n_epochs, tol=0,
            )  # fmt: skip
            fitted = net.fit(X, Y)
            # the best weights of a fit may be those of an earlier epoch
            assert min(column[:n_epochs]) == pytest.approx(fitted.loss_, rel=1e-5)
            assert loss >= fitted.loss_ * (1 - 1e-9)


def test_the_automatic_rate_is_that_of_a_fit():
    display = LearningRateDisplay.from_estimator(SGD, X, Y, ratios=[1, 2], n_epochs=1)
    net = EffPropClassifier(
        4, solver="sgd", learning_rate="constant", max_iter=1, tol=0, random_state=0
    ).fit(X, Y)
    assert display.learning_rate == pytest.approx(net.learning_rate_)
    assert display.losses[0, 0] == pytest.approx(net.loss_)
    # log loss of the shares of the classes
    assert display.constant_loss == pytest.approx(np.log(3.0))


def test_far_too_large_rates_are_marked_and_not_rescued():
    net = EffPropRegressor((4,), solver="sgd", random_state=0)
    display = LearningRateDisplay.from_estimator(
        net, XD[:100], YD[:100], ratios=[1.0, 1e4], n_epochs=3
    )
    assert display.losses[-1, 1] > 100.0 * display.losses[-1, 0]
    labels = [line.get_label() for line in display.ax_.get_lines()]
    assert "far above, or diverged" in labels
    assert "best ratio is 1" in display.ax_.get_title()


def test_batch_solvers_give_way_to_gradient_descent(diabetes):
    before = diabetes.get_params()
    display = LearningRateDisplay.from_estimator(
        diabetes, XD[:50], YD[:50], ratios=[0.5, 1.0], n_epochs=8
    )
    assert diabetes.get_params() == before
    assert np.isfinite(display.losses).all()
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend[0] == "1 epoch"
    assert "8 epochs" in legend
    assert len(legend) <= 7


@pytest.mark.parametrize(
    "wrong", [{"ratios": [0.0]}, {"ratios": []}, {"n_epochs": 0}], ids=str
)
def test_wrong_settings_of_rates_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LearningRateDisplay.from_estimator(SGD, X, Y, **wrong)


# ------------------------------------------------------------------------ trajectories


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


# -------------------------------------------------------------------------- regressions


def test_the_line_and_r_are_those_of_textbooks(diabetes):
    display = RegressionDisplay.from_estimator(diabetes, XD, YD, name="all")
    output = diabetes.predict(XD)
    ((slope, intercept, r),) = display.lines
    assert r == pytest.approx(stats.pearsonr(YD, output).statistic)
    ordinary = LinearRegression().fit(YD[:, None], output)
    assert slope == pytest.approx(ordinary.coef_[0])
    assert intercept == pytest.approx(ordinary.intercept_)
    assert display.ax_.get_title() == f"all: R = {r:.5f}"
    assert display.ax_.get_xlim() == display.ax_.get_ylim()


def test_each_output_has_a_line_of_its_own():
    inputs, targets = load_linnerud(return_X_y=True)
    net = EffPropRegressor((3,), max_iter=20, random_state=0).fit(inputs, targets)
    display = RegressionDisplay.from_estimator(net, inputs, targets)
    for k, line in enumerate(display.lines):
        alone = RegressionDisplay(targets[:, k], net.predict(inputs)[:, k])
        assert alone.lines[0] == line


def test_constant_predictions_have_no_correlation():
    display = RegressionDisplay.from_predictions([1.0, 2.0, 3.0], [2.0, 2.0, 2.0])
    assert np.isnan(display.lines[0].r)
    assert display.lines[0].slope == 0.0
    same = RegressionDisplay.from_predictions([1.0, 1.0], [0.5, 1.5])
    assert np.isnan(same.lines[0].r)
    assert same.lines[0].intercept == pytest.approx(1.0)


def test_errors_are_targets_minus_outputs(diabetes):
    display = ErrorHistogramDisplay.from_estimator(
        diabetes, XD[:300], YD[:300], X_test=XD[300:], y_test=YD[300:], bins=7
    )
    errors = YD - diabetes.predict(XD)
    edges = np.linspace(errors.min(), errors.max(), 8)
    np.testing.assert_allclose(display.edges, edges)
    for name, part in (("training", errors[:300]), ("test", errors[300:])):
        expected = [
            np.sum((part >= low) & ((part < high) | (high == edges[-1])))
            for low, high in pairwise(edges)
        ]
        np.testing.assert_array_equal(display.counts[name], expected)
    heights = [patch.get_y() + patch.get_height() for patch in display.ax_.patches[7:]]
    np.testing.assert_array_equal(heights, sum(display.counts.values()))


@pytest.mark.parametrize("cls", [RegressionDisplay, ErrorHistogramDisplay])
def test_what_has_no_errors_is_refused(cls, iris):
    with pytest.raises(TypeError, match="regressor, got EffPropClassifier"):
        cls.from_estimator(iris, X, Y)
    with pytest.raises(ValueError, match="same number of outputs"):
        cls.from_predictions(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="y_pred must be finite"):
        cls.from_predictions([1.0, 2.0], [1.0, np.nan])
    with pytest.raises(ValueError, match="inconsistent"):
        cls.from_predictions([1.0, 2.0], [1.0])


def test_histograms_refuse_half_a_test_set_and_no_bins(diabetes):
    with pytest.raises(ValueError, match="X_test and y_test must be given together"):
        ErrorHistogramDisplay.from_estimator(diabetes, XD, YD, X_test=XD)
    with pytest.raises(ValueError, match="bins must be a positive int"):
        ErrorHistogramDisplay.from_estimator(diabetes, XD, YD, bins=0)
