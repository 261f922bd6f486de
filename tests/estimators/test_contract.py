"""scikit-learn's common checks, on the defaults and on settings of every trick."""

import pytest
from sklearn.datasets import make_regression
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import (
    check_class_weight_classifiers,
    parametrize_with_checks,
)

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.solvers import STOCHASTIC
from tests.estimators.contract import (
    epochs,
    estimators,
    expected_failures,
    trained_briefly,
)


def make_positive_regression(**settings):
    """Data for losses of positive targets."""
    X, y = make_regression(**settings)
    return X, abs(y)


@pytest.mark.no_cover  # thousands of fits, which take twice as long when traced
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(estimators(), expected_failed_checks=expected_failures)
def test_common_checks(estimator, check, monkeypatch):
    """Each of scikit-learn's checks passes, on data that the estimator's tags allow."""
    tags = get_tags(estimator)
    if "on_sparse_data" in check.func.__name__ and not tags.input_tags.sparse:
        pytest.skip("scikit-learn 1.6 runs it whatever the tags say (its issue 30139)")
    if tags.target_tags.positive_only:
        # the check of several outputs does not look at this tag
        monkeypatch.setattr(
            estimator_checks, "make_regression", make_positive_regression
        )
    check(trained_briefly(estimator, check.func.__name__))


@pytest.mark.parametrize("estimator", [EffPropClassifier(), EffPropRegressor()])
def test_defaults_have_no_expected_failures(estimator):
    """No excuse is made for default parameters."""
    assert expected_failures(estimator) == {}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_class_weights_hold_in_any_order_of_presentation(solver, loss):
    """Also in one that shows the classes in turn, as often as there are examples."""
    for shuffle in ("interleave", True, False):
        estimator = EffPropClassifier(
            solver=solver,
            loss=loss,
            shuffle=shuffle,
            max_iter=epochs({"solver": solver}),
            random_state=0,
        )
        check_class_weight_classifiers("EffPropClassifier", estimator)
