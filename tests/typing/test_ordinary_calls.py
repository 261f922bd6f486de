"""The calls that type checkers accept also work."""

import pytest

from tests.typing import ordinary_calls

quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_constructors_keep_what_they_are_given():
    for estimator in ordinary_calls.constructors():
        assert type(estimator)(**estimator.get_params()).get_params()


@quick
@pytest.mark.parametrize("calls", ["classification", "regression", "tools"])
def test_ordinary_calls_work(calls):
    getattr(ordinary_calls, calls)()
