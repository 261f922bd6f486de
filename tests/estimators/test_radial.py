"""Radial basis functions of section 4.8: ``rbf_units``."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_friedman1

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop._sklearn import InvalidParameterError
from sk_effprop.core.compiled import why_not_compiled
from sk_effprop.export import to_c, to_onnx, to_sklearn
from sk_effprop.inspection import (
    ActivationDisplay,
    curvature_operator,
    diagnose,
    diagonal_curvature,
    hessian_spectrum,
)
from sk_effprop.out_of_core import ArrayBatches, fit_batches
from sk_effprop.solvers import SOLVERS, STOCHASTIC
from tests.estimators.problems import (
    SMALL,
    both,
    may_not_converge,
    problem,
    sparse_problem,
)

pytestmark = may_not_converge
DEPTHS = {"of_inputs": (), "above_sigmoids": (8,), "above_two_layers": (8, 6)}
depths = pytest.mark.parametrize("hidden", DEPTHS.values(), ids=DEPTHS)
RADIAL = {**SMALL, "rbf_units": 8}
TRAINED = RADIAL | {"solver": "lbfgs", "max_iter": 20}


def waves(n=300, seed=0):
    """A function of two inputs that no linear model knows anything of."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2.0, 2.0, size=(n, 2))
    return X, np.cos(1.5 * X[:, 0]) * np.cos(1.5 * X[:, 1])


@depths
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_learns_with_radial_basis_functions(solver, hidden):
    """Better than a constant, whose R2 is 0, and than chance, 1/3."""
    more = {"solver": solver, "rbf_units": 12, "random_state": 0}
    if solver in STOCHASTIC:
        more["max_iter"] = 40
    if solver == "adam":
        more |= {"learning_rate_init": 0.02, "max_iter": 200}
    X, y = waves()
    # two layers below them see a wave late, and a slope at once
    y = y if len(hidden) < 2 else np.sin(X[:, 0])
    regressor = EffPropRegressor(hidden, **more).fit(X[:200], y[:200])
    assert regressor.score(X[200:], y[200:]) > 0.2
    X, y = load_iris(return_X_y=True)
    classifier = EffPropClassifier(hidden, **more).fit(X[::2], y[::2])
    assert classifier.score(X[1::2], y[1::2]) > 0.85


@pytest.mark.parametrize("hidden", [(), (8,)])
@pytest.mark.parametrize("alpha", ["auto", "evidence"])
def test_penalties_evidence_and_standard_deviations_are_found(hidden, alpha):
    X, y = waves()
    model = EffPropRegressor(
        hidden, rbf_units=8, solver="lm", alpha=alpha, random_state=0
    ).fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) > 0.7
    assert (model.alpha_ > 0.0).all()
    _, std = model.predict(X[200:], return_std=True)
    assert (np.isfinite(std) & (std > 0.0)).all()


@both
def test_numpy_computes_them_whatever_the_engine_is(cls):
    X, y = problem(cls)
    settings = RADIAL | {"solver": "sgd", "max_iter": 3}
    plain = cls(**settings, engine="numpy").fit(X, y)
    engines = ["auto"] if why_not_compiled() else ["auto", "numba"]
    for engine in engines:
        model = cls(**settings, engine=engine).fit(X, y)
        assert model.engine_ == "numpy"
        np.testing.assert_array_equal(model.theta_, plain.theta_)


@both
@depths
def test_the_units_are_a_layer_of_their_own(cls, hidden):
    X, y = problem(cls)
    model = cls(**RADIAL | {"hidden_layer_sizes": hidden}, max_iter=5).fit(X, y)
    assert model.n_layers_ == len(hidden) + 3
    assert model.coefs_[-2].shape[1] == model.intercepts_[-2].shape[0] == 8
    units = model.hidden_activations(X)
    below = model.normalizer_.transform(X)
    if hidden:
        below = model.hidden_activations(X, layer=-2)
    squared = ((below[:, None] - model.coefs_[-2].T) ** 2).sum(axis=2)
    expected = np.exp(-squared / (2.0 * np.exp(2.0 * model.intercepts_[-2])))
    np.testing.assert_allclose(units, expected, rtol=1e-9)
    assert np.isfinite(model.feature_importances_).all()


@both
@depths
def test_the_gradient_and_curvature_of_a_fit_are_derivatives(cls, hidden):
    X, y = problem(cls)
    model = cls(**TRAINED | {"hidden_layer_sizes": hidden}).fit(X, y)
    loss, gradient = model.loss_and_gradient(X, y)
    assert loss == pytest.approx(model.loss_)
    v = np.random.default_rng(0).standard_normal(len(gradient))
    Hv = curvature_operator(model, X, y, kind="hessian") @ v
    other, step = clone(model).fit(X, y), 1e-6
    ends = []
    for sign in (1.0, -1.0):
        other.theta_ = model.theta_ + sign * step * v
        ends.append(other.loss_and_gradient(X, y))
    (high, gradient_high), (low, gradient_low) = ends
    assert gradient @ v == pytest.approx((high - low) / (2 * step), rel=1e-4, abs=1e-8)
    expected = (gradient_high - gradient_low) / (2 * step)
    np.testing.assert_allclose(Hv, expected, rtol=1e-4, atol=1e-5 * np.abs(Hv).max())
    for kind in ("hessian", "gauss_newton"):
        operator = curvature_operator(model, X, y, kind=kind)
        matrix = operator @ np.eye(len(v))
        spectrum = hessian_spectrum(model, X, y, kind=kind)
        eigenvalues = np.linalg.eigvalsh((matrix + matrix.T) / 2.0)
        np.testing.assert_allclose(
            np.sort(spectrum.eigenvalues), eigenvalues, atol=1e-6 * eigenvalues[-1]
        )
        diagonal = diagonal_curvature(model, X, y, kind=kind)
        assert diagonal.shape == v.shape


@both
@depths
def test_centres_start_where_the_data_are(cls, hidden):
    """No training to speak of: each centre is closest to some rows."""
    X, y = problem(cls)
    start = RADIAL | {"hidden_layer_sizes": hidden, "learning_rate_init": 1e-12}
    model = cls(**start, solver="sgd", max_iter=1).fit(X, y)
    units = model.hidden_activations(X)
    assert len(np.unique(np.argmax(units, axis=1))) == 8
    assert np.max(units, axis=1).min() > 0.01


@both
def test_more_units_than_rows_train(cls):
    X, y = problem(cls, n=6)
    model = cls(**RADIAL | {"rbf_units": 20}, max_iter=3).fit(X, y)
    assert np.isfinite(model.theta_).all()
    constant = cls(**RADIAL, max_iter=3).fit(np.ones((30, 2)), np.arange(30) % 3)
    assert np.isfinite(constant.predict(np.ones((3, 2)).astype(float))).all()


@both
@depths
def test_weights_are_repeats(cls, hidden):
    X, y = problem(cls)
    times = np.random.default_rng(0).integers(0, 4, size=len(X))
    settings = TRAINED | {"hidden_layer_sizes": hidden}
    repeated = cls(**settings).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    weighted = cls(**settings).fit(X, y, sample_weight=times)
    np.testing.assert_array_equal(repeated.theta_, weighted.theta_)


@both
@depths
def test_sparse_inputs_give_what_dense_ones_give(cls, hidden):
    from scipy.sparse import csr_array

    X, y = sparse_problem(cls)
    settings = TRAINED | {"hidden_layer_sizes": hidden, "max_iter": 5}
    dense = cls(**settings).fit(X, y)
    sparse = cls(**settings).fit(csr_array(X), y)
    np.testing.assert_allclose(sparse.theta_, dense.theta_, rtol=1e-5, atol=1e-7)


@both
def test_single_precision_is_kept(cls):
    X, y = problem(cls)
    model = cls(**RADIAL, solver="sgd", max_iter=2).fit(X.astype(np.float32), y)
    assert model.theta_.dtype == np.float32


@both
@pytest.mark.parametrize("solver", [None, *STOCHASTIC])
def test_copies_and_warm_starts_go_on(cls, solver):
    X, y = problem(cls)
    settings = RADIAL | {"solver": solver or "lbfgs", "max_iter": 4}
    model = cls(**settings, warm_start=True).fit(X, y)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    loss = model.loss_
    assert np.isfinite(model.fit(X, y).loss_)
    np.testing.assert_array_equal(copy.fit(X, y).theta_, model.theta_)
    if solver is None:
        assert model.loss_ < loss
    with pytest.raises(ValueError, match="cannot continue from the old weights"):
        model.set_params(rbf_units=3).fit(X, y)


@both
def test_streams_need_a_layer_that_follows_the_inputs(cls):
    X, y = problem(cls, n=200)
    more = {"classes": np.unique(y)} if cls is EffPropClassifier else {}
    model = cls(**RADIAL)
    for part in np.array_split(np.arange(200), 10):
        model.partial_fit(X[part], y[part], **more)
    assert np.isfinite(model.theta_).all()
    alone = cls(**RADIAL | {"hidden_layer_sizes": ()})
    with pytest.raises(InvalidParameterError, match="normalize=None"):
        alone.partial_fit(X, y, **more)
    alone.set_params(normalize=None).partial_fit(X / 100.0, y, **more)
    assert np.isfinite(alone.theta_).all()


@both
def test_settings_without_a_meaning_are_refused(cls):
    X, y = problem(cls)
    with pytest.raises(InvalidParameterError, match="centres are none"):
        cls((), rbf_units=4, input_gains=True).fit(X, y)
    with pytest.raises(InvalidParameterError, match="distances would be those"):
        cls((5,), rbf_units=4, n_estimators=2).fit(X, y)


@both
def test_several_networks_of_radial_basis_functions_are_joined(cls):
    """Joined units see the same inputs, so the joint loss is that of the estimator."""
    X, y = problem(cls)
    settings = TRAINED | {"hidden_layer_sizes": (), "n_estimators": 3}
    model = cls(**settings).fit(X, y)
    assert model.coefs_[0].shape == (4, 24)
    assert model.loss_and_gradient(X, y)[0] == pytest.approx(model.loss_)


@both
def test_data_in_parts_train(cls):
    X, y = problem(cls, n=400)
    batches = ArrayBatches(X, y, batch_rows=100, block_rows=10)
    model = fit_batches(cls(**TRAINED), batches)
    assert model.loss_ < model.loss_curve_[0]


@both
@pytest.mark.parametrize("export", [to_sklearn, to_c, to_onnx])
def test_exports_refuse_in_a_sentence(cls, export):
    pytest.importorskip("onnx")
    X, y = problem(cls)
    model = cls(**RADIAL, max_iter=2).fit(X, y)
    with pytest.raises(ValueError, match="cannot convert radial basis functions"):
        export(model)


@both
def test_diagnosis_and_pictures_know_them(cls):
    pytest.importorskip("matplotlib")
    X, y = problem(cls)
    model = cls(**TRAINED).fit(X, y)
    assert str(diagnose(model, X, y))
    ActivationDisplay.from_estimator(model)


def test_they_are_no_better_basis_for_bumps():
    """Local units suit them, says the paper, but as many sigmoids do as well."""
    X, y = waves(600)
    scores = []
    for sizes in (
        {"hidden_layer_sizes": 12},
        {"hidden_layer_sizes": (), "rbf_units": 12},
    ):
        models = [
            EffPropRegressor(**sizes, solver="lbfgs", random_state=seed)
            for seed in range(3)
        ]
        of_seeds = [m.fit(X[:300], y[:300]).score(X[300:], y[300:]) for m in models]
        scores.append(np.median(of_seeds))
    sigmoids, local = scores
    assert 0.98 < local < sigmoids


def test_they_are_no_help_with_many_inputs():
    """The paper's argument against them, on a function of five of ten inputs."""
    X, y = make_friedman1(600, random_state=0)
    scores = []
    for sizes in (
        {"hidden_layer_sizes": 12},
        {"hidden_layer_sizes": (), "rbf_units": 12},
    ):
        model = EffPropRegressor(**sizes, solver="lbfgs", random_state=0)
        scores.append(model.fit(X[:300], y[:300]).score(X[300:], y[300:]))
    assert scores[0] > scores[1]
