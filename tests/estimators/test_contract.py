"""scikit-learn's common checks, on the defaults and on settings of every trick."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_effprop import EffPropClassifier, EffPropRegressor
from tests.estimators.contract import estimators, expected_failures


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(estimators(), expected_failed_checks=expected_failures)
def test_common_checks(estimator, check):
    """Each of scikit-learn's checks passes."""
    check(estimator)


@pytest.mark.parametrize("estimator", [EffPropClassifier(), EffPropRegressor()])
def test_defaults_have_no_expected_failures(estimator):
    """No excuse is made for default parameters."""
    assert expected_failures(estimator) == {}
