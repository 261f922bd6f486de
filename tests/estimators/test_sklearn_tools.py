"""Estimators in scikit-learn's tools: searches, pipelines, clones, pickles, frames."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from tests.estimators.problems import (
    BOTH,
    REGISTRY,
    SGD,
    both,
    both_solvers,
    fitted,
    may_not_converge,
    problem,
)

# What must be set as well so that a parameter is read, or has the time to matter.
READ_BY = {
    "solver": {"solver": "auto"},
    "power_t": {"learning_rate": "invscaling"},
    "annealing_tau": {"learning_rate": "annealing"},
    "flow_rates": {"learning_rate": "flow"},
    "nesterovs_momentum": {"momentum": 0.5},
    "beta_1": {"solver": "adam"},
    "damping": {"solver": "lm"},
    "curvature_decay": {"solver": "sdlm"},
    "curvature_samples": {"solver": "sdlm"},
    "curvature_period": {"solver": "sdlm", "max_iter": 8, "loss": "squared_error"},
    "output_activation": {"loss": "squared_error"},
    "target_values": {"loss": "squared_error"},
    "input_clip": {"input_clip": 8.0},
    "beta_2": {"solver": "adam"},
    "epsilon": {"solver": "adam"},
    "max_iter": {"max_iter": 8},
    "max_fun": {"solver": "lbfgs", "max_iter": 100},
    "tol": {"solver": "lbfgs", "max_iter": 300, "tol": 1e-4},
    "n_iter_no_change": {"tol": 1.0, "max_iter": 30},
    "goal": {"solver": "lbfgs", "max_iter": 60, "alpha": 0.0},
    "validation_fraction": {"early_stopping": True},
    "scoring": {
        "early_stopping": True,
        "solver": "lbfgs",
        "max_iter": 200,
        "alpha": 0.0,
    },
    "quantile": {"loss": "quantile"},
    "huber_delta": {"loss": "huber"},
}
# Values that change nothing here, and why.
NO_OPS = {
    ("max_time", 60.0): "a limit that is not reached",
    ("early_stopping", False): "what 'auto' becomes without X_val",
    ("engine", "numpy"): "what 'auto' becomes",
    ("categorical_features", None): "an array has no types of columns",
    ("warm_start", True): "a first fit has nothing to go on from",
}
NO_OPS_OF_CLASSIFIER = {
    ("solver", "lbfgs"): "what 'auto' becomes for 60 examples",
    ("shuffle", "interleave"): "what 'auto' becomes with classes",
    ("scoring", "accuracy"): "equal accuracies are told apart by the default, the loss",
}
NO_OPS_OF_REGRESSOR = {
    ("solver", "lm"): "what 'auto' becomes for 60 examples and few weights",
    ("shuffle", True): "what 'auto' becomes without classes",
    ("shuffle", "interleave"): "random where there are no classes",
    ("output_activation", "identity"): "what 'auto' becomes",
}
NO_OPS_OF = {
    EffPropClassifier: NO_OPS | NO_OPS_OF_CLASSIFIER,
    EffPropRegressor: NO_OPS | NO_OPS_OF_REGRESSOR,
}


@may_not_converge
@pytest.mark.parametrize(
    ("cls", "name"),
    [
        pytest.param(cls, name, id=f"{cls.__name__[7:]}-{name}")
        for cls in BOTH
        for name, entry in REGISTRY[cls].items()
        if entry.alternatives
    ],
)
def test_every_value_of_every_parameter_in_a_grid_search_changes_the_fit(cls, name):
    X, y = problem(cls)
    estimator = cls(**{**SGD, **READ_BY.get(name, {})})
    alternatives = REGISTRY[cls][name].alternatives
    grid = {name: [getattr(estimator, name), *alternatives]}
    seen = []

    def note(model, X, y):
        seen.append((model.theta_, model.n_iter_))
        return model.score(X, y)

    everything = np.arange(len(X))
    search = GridSearchCV(
        estimator, grid, cv=[(everything, everything)], scoring=note, refit=False
    )
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    (theta, n_iter), *others = seen
    for value, (other_theta, other_n_iter) in zip(alternatives, others, strict=True):
        same = np.array_equal(theta, other_theta) and n_iter == other_n_iter
        is_no_op = any(name == n and value is v for n, v in NO_OPS_OF[cls])
        is_no_op |= isinstance(value, str | float) and (name, value) in NO_OPS_OF[cls]
        assert same == is_no_op, f"{name}={value!r}"


@both
def test_no_op_values_are_alternatives(cls):
    """The table above speaks of nothing that is not tried."""
    for name, value in NO_OPS_OF[cls]:
        assert value in REGISTRY[cls][name].alternatives


@both
def test_in_a_pipeline(cls):
    X, y = problem(cls)
    piped = make_pipeline(InputNormalizer("center"), cls(**SGD)).fit(X, y)
    assert piped.predict(X).shape == y.shape
    assert piped.score(X, y) == piped[-1].score(piped[0].transform(X), y)
    piped.set_params(**{f"{cls.__name__.lower()}__max_iter": 1}).fit(X, y)
    assert piped[-1].n_iter_ == 1


@both
def test_a_clone_has_the_parameters_and_nothing_else(cls):
    model, X, y = fitted(cls, twist=0.02, activation=["tanh"])
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "theta_")
    np.testing.assert_array_equal(copied.fit(X, y).theta_, model.theta_)


@both
@both_solvers
def test_pickle_brings_back_the_same_model(cls, settings):
    model, X, y = fitted(cls, **settings)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    np.testing.assert_array_equal(back.coefs_[0], model.coefs_[0])
    assert back.loss_and_gradient(X, y)[0] == model.loss_and_gradient(X, y)[0]


@both
def test_names_of_the_columns_of_a_data_frame(cls):
    pd = pytest.importorskip("pandas")
    X, y = problem(cls)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = cls(**SGD).fit(frame, pd.Series(y))
    assert list(model.feature_names_in_) == list("abcd")
    assert list(model.normalizer_.get_feature_names_out()) == list("abcd")
    np.testing.assert_allclose(model.theta_, cls(**SGD).fit(X, y).theta_, rtol=1e-9)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("dcba")])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
