"""What alpha="auto" is: found from the data, and where it is not."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss

from sk_effprop import EffPropClassifier, EffPropRegressor

BOTH = [EffPropClassifier, EffPropRegressor]
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 2, "tol": 0, "random_state": 0}
both = pytest.mark.parametrize("cls", BOTH, ids=lambda cls: cls.__name__[7:])


def table(cls, n=200, noise=0.5, curved=True, seed=0):
    """One input of two; values, or two classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = np.sin(2.5 * X[:, 0]) if curved else X[:, 0]
    y = y + noise * rng.normal(size=n)
    return X, y if cls is EffPropRegressor else (y > 0).astype(int)


def strength(model):
    """Penalty of a weight in the first layer, for one connection and one example."""
    return model.alpha_[0] * model.t_ / model.n_iter_ / model.network_.sizes[0]


def strength_of(cls, *data, sample_weight=None, **settings):
    """The same, of a model with these settings and this table."""
    settings = {**QUICK, "solver": "lbfgs", **settings}
    return strength(cls(**settings).fit(*data, sample_weight=sample_weight))


@both
def test_what_is_curved_gets_a_weaker_one(cls):
    plain = strength_of(cls, *table(cls, curved=False))
    assert strength_of(cls, *table(cls, n=1000, noise=0.1)) < 0.6 * plain


@both
@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_sparse_inputs_get_what_dense_ones_get(cls, solver):
    X, y = table(cls)
    X = np.maximum(X, 0.0)
    dense, thin = (
        strength_of(cls, inputs, y, input_clip=None, normalize="scale", solver=solver)
        for inputs in (X, sparse.csr_array(X))
    )
    assert thin == pytest.approx(dense, rel=1e-6)


@both
def test_a_repeated_table_has_the_noise_of_its_weights(cls):
    X, y = table(cls, n=60)
    rows = np.repeat(np.arange(60), 2)
    model = cls(**QUICK, solver="lbfgs").fit(X[rows], y[rows])
    weighted = cls(**QUICK, solver="lbfgs").fit(X, y, sample_weight=np.full(60, 2.0))
    np.testing.assert_array_equal(model.alpha_, weighted.alpha_)


@both
@pytest.mark.parametrize("alpha", [0.0, 0.01])
def test_nothing_is_measured_where_alpha_is_given(monkeypatch, cls, alpha):
    def refuse(*args, **kwargs):
        raise AssertionError("measured")

    monkeypatch.setattr("sk_effprop.estimators._penalty.out_of_sample", refuse)
    model = cls(**QUICK, alpha=alpha).fit(*table(cls, n=150))
    np.testing.assert_array_equal(model.alpha_, alpha)


@both
def test_a_stream_keeps_what_its_first_batch_says(cls):
    X, y = table(cls, n=400, noise=0.1)
    model = cls(**QUICK, solver="sgd").partial_fit(X[:200], y[:200])
    first = model.alpha_
    model.partial_fit(X[200:], 0 * y[200:])
    np.testing.assert_allclose(model.alpha_, first / 2.0)


@pytest.mark.parametrize(("n", "d"), [(200, 10), (400, 10), (400, 30)])
def test_a_linear_rule_of_noisy_labels_is_predicted_better_than_by_a_constant(n, d):
    """The probabilities of wide networks would else be too sure of themselves."""
    rng = np.random.default_rng(0)
    X, weights = rng.normal(size=(n + 1000, d)), rng.normal(size=d)
    share = 1.0 / (1.0 + np.exp(-X @ weights * (1.5 / d**0.5)))
    y = (rng.random(len(X)) < share).astype(int)
    model = EffPropClassifier(solver="lbfgs", random_state=0).fit(X[:n], y[:n])
    constant = np.full((1000, 2), [1.0 - y[:n].mean(), y[:n].mean()])
    loss = log_loss(y[n:], model.predict_proba(X[n:]))
    assert loss < 0.98 * log_loss(y[n:], constant)


@both
def test_every_fit_measures_anew(cls):
    noisy, clean = table(cls, curved=False, noise=2.0), table(cls, n=1000, noise=0.1)
    for warm_start in (False, True):
        model = cls(**QUICK, solver="lbfgs", warm_start=warm_start).fit(*noisy)
        before = strength(model)
        assert strength(model.fit(*clean)) < before


@pytest.mark.parametrize("n", [100, 250, 450])
@pytest.mark.parametrize("n_inputs", [100, 300])
def test_noise_is_not_fitted_however_many_inputs_there_are(n, n_inputs):
    """A linear function of so many inputs explains much of any noise."""
    rng = np.random.default_rng(n + n_inputs)
    X, y = rng.normal(size=(n + 500, n_inputs)), rng.normal(size=n + 500)
    model = EffPropRegressor(random_state=0)
    with pytest.warns(ConvergenceWarning, match="hardly depend on the inputs"):
        model.fit(X[:n], y[:n])
    assert model.score(X[n:], y[n:]) > -0.1


def test_a_weak_linear_rule_of_many_inputs_is_no_worse_than_a_constant():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(950, 300))
    y = X @ rng.normal(size=300) / 300**0.5 + 1.5 * rng.normal(size=950)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = EffPropRegressor(random_state=0).fit(X[:450], y[:450])
    assert model.score(X[450:], y[450:]) > -0.05
