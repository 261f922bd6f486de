"""The order of batches: mixed where that is possible, and told where it is not."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.core.arrays import dense
from sk_effprop.out_of_core import fit_batches
from sk_effprop.out_of_core._batches import can_be_mixed, mixed
from tests.out_of_core.data import SMALL, in_parts, problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Reread:
    """Batches that are read again and again in the same order."""

    def __init__(self, *passes):
        self.passes, self.n = passes, 0

    def __iter__(self):
        self.n += 1
        return iter(self.passes[min(self.n, len(self.passes)) - 1])


SORTED = "Targets are alike within the batches and differ between them"


@pytest.mark.parametrize("kind", [EffPropClassifier, EffPropRegressor])
@pytest.mark.parametrize("is_list", [True, False])
def test_sorted_batches_are_mixed_or_named(kind, is_list):
    X, y = problem()
    targets = y > np.median(y) if kind is EffPropClassifier else y
    parts = in_parts(X, targets)
    est = kind(**SMALL, max_iter=20)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_batches(est, parts if is_list else Reread(parts))
    told = [str(w.message) for w in caught if SORTED in str(w.message)]
    assert len(told) == (not is_list)
    assert (est.convergence_.parameter == "solver") == (not is_list)
    if is_list:
        assert est.score(X, targets) > 0.9


@pytest.mark.parametrize("settings", [{"solver": "lbfgs"}, {}])
def test_batches_are_not_said_to_be_sorted_without_a_reason(settings):
    """A batch solver does not mind, and batches in random order are not."""
    X, y = problem()
    if not settings:
        order = np.random.default_rng(0).permutation(len(y))
        X, y = X[order], y[order]
    est = EffPropRegressor(**SMALL, max_iter=5, **settings)
    fit_batches(est, Reread(in_parts(X, y)))
    assert SORTED not in est.convergence_.problem


def as_frame(X):
    return pytest.importorskip("pandas").DataFrame(X)


@pytest.mark.parametrize("as_matrix", [np.asarray, csr_array, as_frame])
def test_mixed_batches_hold_every_row_once(as_matrix):
    X, y = problem(900)
    parts = [(as_matrix(a), b, b**2) for a, b in in_parts(X, y, rows=400)]
    assert can_be_mixed(parts)
    rows, *rest = zip(*mixed(parts, np.random.default_rng(0)), strict=True)
    found = np.concatenate([np.asarray(dense(part)) for part in rows])
    targets, weight = (np.concatenate(part) for part in rest)
    order = np.argsort(targets)
    np.testing.assert_array_equal(found[order], X)
    np.testing.assert_array_equal(weight[order], y**2)


def test_a_pass_with_other_rows_is_an_error():
    X, y = problem()
    parts = in_parts(X, y)
    with pytest.raises(ValueError, match="3000 rows in the first pass and 2500 in a"):
        fit_batches(EffPropRegressor(**SMALL), Reread(parts, parts[:-1]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "batches has no rows"),
        ([np.ones((3, 2)), np.ones(3)], r"Batch 0: a batch must be a tuple .* ndarray"),
        ([(np.ones((3, 2)),)], "tuple of length 1"),
    ],
)
def test_what_is_no_batch_is_refused(given, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fit_batches(EffPropRegressor(), given)


def test_a_pipeline_is_refused():
    X, y = problem(100)
    pipeline = make_pipeline(StandardScaler(), EffPropRegressor())
    with pytest.raises(TypeError, match=r"fit_batches takes an .* got Pipeline"):
        fit_batches(pipeline, in_parts(X, y))
