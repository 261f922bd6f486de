"""The calls that type checkers accept also work."""

import numpy as np
import pytest

from tests.typing import ordinary_calls

quick = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_constructors_keep_what_they_are_given():
    for estimator in ordinary_calls.constructors():
        assert type(estimator)(**estimator.get_params()).get_params()


@quick
def test_ordinary_calls_of_a_classifier_work():
    X, values = ordinary_calls.table()
    classifier = ordinary_calls.classification()
    assert classifier.score(X, (values > 0).astype(int)) > 0.9


@quick
def test_ordinary_calls_of_a_regressor_work():
    X, values = ordinary_calls.table()
    both, committee = ordinary_calls.regression()
    assert both.score(X, np.column_stack([values, -values])) > 0.8
    assert committee.score(X, values) > 0.8


@quick
def test_ordinary_calls_of_tools_work():
    eigenvalues, diagonal, ablation, race = ordinary_calls.tools()
    assert eigenvalues.shape == (2,)
    assert diagonal.max() <= eigenvalues[0]
    assert [row.trick for row in ablation.results_][-1] == "init"
    assert [row.solver for row in race.results_] == ["lbfgs"]
