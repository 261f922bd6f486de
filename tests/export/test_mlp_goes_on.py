"""A network that became scikit-learn's MLP has its attributes, and trains on."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.export import to_sklearn
from tests.export.problems import (
    X,
    classifier,
    each_classification,
    regressor,
    y_binary,
    y_classes,
    y_value,
)

# what scikit-learn's solvers leave behind, and begin with anew
OF_SOLVERS = {"_optimizer", "_random_state", "_best_coefs", "_best_intercepts"}


def learnt(model):
    """Names of what fit sets."""
    return set(vars(model)) - set(model.get_params()) - OF_SOLVERS


@pytest.mark.parametrize("with_names", [False, True])
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(MLPRegressor, EffPropRegressor), (MLPClassifier, EffPropClassifier)],
)
def test_every_attribute_of_a_fit_is_there(theirs, ours, with_names):
    table, y = load_diabetes(return_X_y=True, as_frame=with_names)
    if theirs is MLPClassifier:
        y = y > 140
    real = theirs(hidden_layer_sizes=(5,), max_iter=1)
    with pytest.warns(ConvergenceWarning):
        real.fit(table, y)
    plain = ours((5,), input_clip=None, max_iter=3, tol=0).fit(table, y).to_sklearn()
    assert learnt(plain) == learnt(real)
    for name in learnt(real):
        assert isinstance(getattr(real, name), type(getattr(plain, name))), name
    assert ("feature_names_in_" in learnt(plain)) == with_names


@pytest.mark.parametrize("early_stopping", [False, True])
def test_curves_are_those_of_the_estimator(early_stopping):
    est = regressor(early_stopping=early_stopping)
    plain = to_sklearn(est)
    assert plain.loss_ == est.loss_
    assert plain.loss_curve_ == est.loss_curve_
    assert plain.validation_scores_ == est.validation_scores_


def percent(est, table, y):
    """A score that no R2 exceeds."""
    return 100.0 * est.score(table, y)


# what early stopping looks at: nothing, the loss, a score in other units than R2
STOPPING = {
    "off": {},
    "loss": {"early_stopping": True},
    "percent": {"early_stopping": True, "scoring": percent},
}
each_stopping = pytest.mark.parametrize(
    "stopping", STOPPING.values(), ids=list(STOPPING)
)


def going_on(**stopping):
    """A network that is to go on as it was stopped, with its table."""
    table, y = load_diabetes(return_X_y=True)
    table *= 20.0
    est = EffPropRegressor(
        (5,),
        solver="lbfgs",
        input_clip=None,
        max_iter=10,
        tol=0,
        random_state=0,
        **stopping,
    )
    plain = to_sklearn(est.fit(table, y))
    plain.set_params(
        warm_start=True,
        early_stopping="early_stopping" in stopping,
        max_iter=300,
        learning_rate_init=0.01,
        random_state=0,
    )
    return plain, table, y


@each_stopping
def test_a_warm_start_goes_on_as_an_mlp_with_these_weights(stopping):
    """Losses and scores of the estimator, in other units, are no marks to beat."""
    plain, table, y = going_on(**stopping)
    theirs = clone(plain).set_params(max_iter=1)
    with pytest.warns(ConvergenceWarning):
        theirs.fit(table, y)
    theirs.coefs_ = [W.copy() for W in plain.coefs_]
    theirs.intercepts_ = [b.copy() for b in plain.intercepts_]
    theirs.set_params(max_iter=300)
    for model in plain, theirs:
        model.fit(table, y)
    assert plain.n_iter_ == theirs.n_iter_
    assert plain.best_loss_ == theirs.best_loss_ or "early_stopping" in stopping
    assert plain.best_validation_score_ == theirs.best_validation_score_
    for ours, real in zip(plain.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_array_equal(ours, real)


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_early_stopping_that_diverges_goes_back_to_these_weights():
    plain, table, y = going_on(early_stopping=True)
    before = plain.predict(table)
    plain.set_params(solver="sgd", learning_rate_init=1e200, max_iter=2)
    with pytest.warns(ConvergenceWarning):
        plain.fit(table, y)
    np.testing.assert_array_equal(plain.predict(table), before)


@each_stopping
def test_partial_fit_goes_on_however_training_was_stopped(stopping):
    plain, table, y = going_on(**stopping)
    plain.set_params(early_stopping=False)
    plain.partial_fit(table, y)
    assert plain.best_loss_ == plain.loss_ == plain.loss_curve_[-1]


# of scikit-learn 1.6 with a newer SciPy
@pytest.mark.filterwarnings("ignore:.*`disp` and `iprint` options:DeprecationWarning")
@each_classification
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_classifiers_go_on_as_scikit_learns_do(y, loss):
    plain = to_sklearn(classifier(y, loss=loss))
    before = [W.copy() for W in plain.coefs_]
    plain.partial_fit(X, y).partial_fit(X, y)
    assert plain.n_iter_ == 1
    assert not np.array_equal(plain.coefs_[0], before[0])
    assert plain.predict(X).shape == y.shape
    plain.set_params(warm_start=True, max_iter=300, solver="lbfgs", tol=1e-1)
    plain.fit(X, y)
    assert plain.predict(X).shape == y.shape


def test_going_on_does_not_touch_the_estimator():
    est = regressor()
    theta = est.theta_.copy()
    plain = to_sklearn(est)
    plain.partial_fit(X, y_value).partial_fit(X.astype(np.float32), y_value)
    np.testing.assert_array_equal(est.theta_, theta)
    assert len(plain.loss_curve_) == len(est.loss_curve_) + 2


def test_unknown_classes_are_refused_as_scikit_learn_does():
    plain = to_sklearn(classifier(y_binary))
    with pytest.raises(ValueError, match=r"not in `self.classes_`"):
        plain.partial_fit(X, np.where(y_binary == "no", "no", "perhaps"))


def test_names_of_features_are_checked():
    table, y = load_diabetes(return_X_y=True, as_frame=True)
    plain = (
        EffPropRegressor((3,), input_clip=None, max_iter=3, tol=0)
        .fit(table, y)
        .to_sklearn()
    )
    with pytest.raises(ValueError, match="feature names should match"):
        plain.predict(table[table.columns[::-1]])


def test_it_can_be_pickled_and_cloned():
    for est in regressor(), classifier(y_classes, loss="log_loss"):
        plain = to_sklearn(est)
        copy = pickle.loads(pickle.dumps(plain))
        np.testing.assert_array_equal(copy.predict(X), plain.predict(X))
        assert clone(plain).get_params() == plain.get_params()


def test_sparse_tables_are_accepted():
    est = regressor()
    np.testing.assert_allclose(
        to_sklearn(est).predict(sparse.csr_array(X)), est.predict(X)
    )
