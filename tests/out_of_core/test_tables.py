"""Tables in batches are encoded as in one place."""

import numpy as np
import pytest

from sk_effprop import EffPropRegressor
from sk_effprop.out_of_core import fit_batches
from tests.out_of_core.data import SMALL, in_parts, problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def table(n=2000):
    """Columns of all kinds, some of which are missing for many rows on end."""
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    frame.loc[rng.random(n) < 0.1, "b"] = np.nan
    frame["flag"] = rng.random(n) < 0.3
    frame["town"] = rng.choice([f"t{i}" for i in range(40)], n)
    frame["rare"] = np.where(np.arange(n) % 700 == 3, "seldom", "often")
    frame["kind"] = pd.Categorical(rng.choice(["x", "y", None], n))
    days = pd.to_timedelta(rng.integers(0, 900, n), "D")
    frame["day"] = pd.Timestamp("2020-01-01") + days
    frame["late"] = np.where(np.arange(n) < 900, None, frame["town"])
    y = frame.a + frame.flag + 2.0 * (frame.kind == "x") + 0.1 * frame.b.fillna(3.0)
    return frame, y.to_numpy()


WEIGHTS = {
    "equal": lambda rng, n: np.full(n, 2.5),
    "repeats": lambda rng, n: rng.integers(1, 4, n) * 0.5,
    "any": lambda rng, n: rng.random(n),
    "zeros": lambda rng, n: rng.integers(0, 3, n).astype(float),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_tables_in_parts_are_encoded_as_in_one_place(name):
    frame, y = table()
    weight = WEIGHTS[name](np.random.default_rng(1), len(y))
    settings = SMALL | {"solver": "lbfgs", "max_iter": 3}
    whole = EffPropRegressor(**settings).fit(frame, y, weight).table_encoder_
    parts = in_parts(frame, y, weight, rows=300)
    est = fit_batches(EffPropRegressor(**settings), parts)
    assert est.table_encoder_.kinds_ == whole.kinds_
    np.testing.assert_array_equal(est.table_encoder_.medians_, whole.medians_)
    names = whole.get_feature_names_out().tolist()
    assert est.table_encoder_.get_feature_names_out().tolist() == names
    assert est.feature_names_in_.tolist() == frame.columns.tolist()
    np.testing.assert_array_equal(
        est.table_encoder_.transform(frame), whole.transform(frame)
    )


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_tables_in_parts_are_learnt(solver):
    frame, y = table()
    est = EffPropRegressor(random_state=0, solver=solver)
    fit_batches(est, in_parts(frame, y, rows=300), X_val=frame[:50], y_val=y[:50])
    assert est.score(frame, y) > 0.95
    # a warm start reads them with the same encoder
    est.set_params(warm_start=True)
    encoder = est.table_encoder_
    fit_batches(est, in_parts(frame, y, rows=700))
    assert est.table_encoder_ is encoder


def test_missing_numbers_of_one_part_are_encoded():
    X, y = problem()
    X[2900, 1] = np.nan
    est = fit_batches(EffPropRegressor(**SMALL, max_iter=3), in_parts(X, y))
    whole = EffPropRegressor(**SMALL, max_iter=3).fit(X, y)
    np.testing.assert_array_equal(
        est.table_encoder_.medians_, whole.table_encoder_.medians_
    )
    assert est.table_encoder_.has_indicator_.tolist() == [False, True, False, False]


def test_a_column_of_two_kinds_is_named():
    frame, y = table()
    parts = in_parts(frame, y)
    parts[2] = parts[2][0].assign(town=1.5), parts[2][1]
    with pytest.raises(ValueError, match=r"'town' of X is a (number|category) in"):
        fit_batches(EffPropRegressor(**SMALL), parts)
    with pytest.raises(ValueError, match="text in some rows and numbers in others"):
        fit_batches(
            EffPropRegressor(**SMALL, categorical_features=["town"]),
            [(X[["a", "town"]], y) for X, y in parts],
        )
