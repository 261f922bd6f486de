"""One pass over parts, next to a look at all rows."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from sk_effprop import EffPropClassifier, EffPropRegressor, InputNormalizer
from sk_effprop._input_statistics import update_columns
from sk_effprop._quantiles import QuantileSketch, column_quartiles
from sk_effprop.core.parts import LocalParts
from sk_effprop.estimators._part_reader import RawPart, Reader, Split
from sk_effprop.estimators._survey import (
    SAMPLED_ROWS,
    Survey,
    added_totals,
    class_totals,
    merged,
    survey_of,
)
from sk_effprop.estimators._target_statistics import TargetStatistics
from sk_effprop.preprocessing import METHODS
from tests.estimators.problems import inputs, problem


def raw_parts(X, y, weight=None, n_parts=5):
    """Parts of unequal sizes, one of them empty."""
    stops = np.sort(np.random.default_rng(0).integers(1, X.shape[0], n_parts - 2))
    bounds = [0, *stops, stops[-1], X.shape[0]]
    return LocalParts([
        RawPart(i, X[a:b], y[a:b], None if weight is None else weight[a:b])
        for i, (a, b) in enumerate(pairwise(bounds))
    ])  # fmt: skip


def survey(estimator, parts, split=None) -> Survey:
    """Survey of all parts."""
    reader = replace(Reader.of(estimator, "Partition"), split=split)
    return parts.reduce(partial(_seeded, reader), merged)


def _seeded(reader, part):
    return survey_of(reader, part, 0)


@pytest.mark.parametrize("method", [*METHODS, None])
def test_statistics_of_parts_are_those_of_all_rows(method):
    X, y = problem(EffPropRegressor, 300)
    weight = np.random.default_rng(1).uniform(0.1, 2.0, 300)
    est = EffPropRegressor(normalize=method)
    found = survey(est, raw_parts(X, y, weight))
    whole = update_columns(None, X, weight, method)
    np.testing.assert_allclose(found.columns.moments.mean, whole.moments.mean)
    np.testing.assert_allclose(
        found.columns.moments.deviations, whole.moments.deviations, atol=1e-8
    )
    assert found.columns.n_rows == 300
    targets = TargetStatistics.of(y, weight)
    np.testing.assert_allclose(found.targets.moments.mean, targets.moments.mean)
    np.testing.assert_array_equal(found.targets.low, targets.low)


def test_units_of_parts_need_not_be_the_same():
    X = np.random.default_rng(0).normal(size=(90, 2)) * [1e150, 1.0]
    X[:30, 0] /= 1e150
    y = X[:, 1]
    parts = LocalParts([RawPart(i, X[r], y[r]) for i, r in enumerate(
        np.split(np.arange(90), 3))])  # fmt: skip
    found = survey(EffPropRegressor(normalize="standardize"), parts).columns
    mean = found.moments.mean * found.unit
    np.testing.assert_allclose(mean, X.mean(axis=0), rtol=1e-12)
    deviation = np.sqrt(found.moments.variance) * found.unit
    np.testing.assert_allclose(deviation / 1e150, X.std(axis=0) / 1e150, rtol=1e-9)


def test_sketches_of_parts_are_close_to_the_quartiles_of_all_rows():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(1e6, 1.0, 40_000), rng.exponential(size=40_000)])
    sketches = [
        QuantileSketch.of_rows(part, np.ones(len(part)))
        for part in np.array_split(X, 64)
    ]
    while len(sketches) > 1:
        pairs = zip(sketches[::2], sketches[1::2], strict=True)
        sketches = [one.merge(other) for one, other in pairs]
    found, exact = sketches[0].quartiles(), column_quartiles(X, np.ones(len(X)))
    error = np.abs(found.median - exact.median) / exact.interquartile_range
    assert error.max() < 0.01
    share = found.interquartile_range / exact.interquartile_range
    np.testing.assert_allclose(share, 1.0, atol=0.02)


def test_the_sample_is_a_random_sample_of_all_rows():
    """It does not prefer parts, and keeps the order of the rows."""
    X = np.arange(30_000.0)[:, None]
    found = survey(EffPropRegressor(), raw_parts(X, X[:, 0])).examples
    rows = found.X[:, 0]
    assert len(rows) == SAMPLED_ROWS
    assert (np.diff(rows) > 0).all()
    # 3 standard errors of the mean of a uniform distribution
    assert abs(rows.mean() - 15_000) < 3 * 30_000 / np.sqrt(12 * SAMPLED_ROWS)
    assert found.counts.n_rows == found.counts.n_effective == 30_000


def test_rows_of_weight_zero_count_only_as_classes():
    X, y = problem(EffPropClassifier, 90)
    weight = np.where(y == 2, 0.0, 1.0)
    found = survey(EffPropClassifier(), raw_parts(X, y, weight))
    assert found.classes.tolist() == [0, 1, 2]
    assert found.counts.n_rows == np.sum(y != 2)
    assert set(found.examples.y) == {0, 1}


def test_sparse_rows_stay_sparse():
    X = sparse.random(200, 9, density=0.2, format="csr", random_state=0)
    y = np.asarray(X.sum(axis=1)).ravel()
    found = survey(EffPropRegressor(), raw_parts(X, y))
    assert found.is_sparse
    np.testing.assert_allclose(found.examples.X.toarray(), X.toarray())


def test_totals_of_classes_are_those_of_all_rows():
    X, y = problem(EffPropClassifier, 90)
    weight = np.random.default_rng(1).uniform(size=90)
    reader = Reader.of(EffPropClassifier(), "Partition")
    totals = raw_parts(X, y, weight).reduce(partial(class_totals, reader), added_totals)
    for label in range(3):
        assert totals[label] == pytest.approx(weight[y == label].sum())


def test_both_sides_of_a_split_are_all_rows():
    X = np.arange(90.0)[:, None]
    sides = [
        survey(EffPropRegressor(), raw_parts(X, X[:, 0], n_parts=3), split)
        for split in (Split(0.2, 3), Split(0.2, 3, is_held_out=True))
    ]
    rows = [set(side.examples.X[:, 0]) for side in sides]
    assert rows[0] | rows[1] == set(range(90))
    assert not rows[0] & rows[1]


def test_parts_with_other_columns_are_reported():
    parts = LocalParts([RawPart(0, np.ones((3, 2)), np.arange(3.0)),
                        RawPart(1, np.ones((3, 4)), np.arange(3.0))])  # fmt: skip
    with pytest.raises(ValueError, match="same columns, got 2 and 4"):
        survey(EffPropRegressor(), parts)


def test_an_error_names_the_partition():
    X = inputs(60)
    X[-1, 0] = np.inf
    with pytest.raises(ValueError, match=r"Partition 4: (Input )?X "):
        survey(EffPropRegressor(), raw_parts(X, X[:, 1]))


def test_a_normaliser_of_a_survey_is_that_of_a_stream():
    from sk_effprop.estimators._reading import normalizer_of

    X, y = problem(EffPropRegressor, 300)
    est = EffPropRegressor(normalize="whiten", input_clip=None)
    found = survey(est, raw_parts(X, y))
    vars(est).update(found.features, table_encoder_=None)
    normalizer = normalizer_of(est, found.columns.with_quartiles(), is_sparse=False)
    expected = InputNormalizer("whiten").fit(X).transform(X)
    np.testing.assert_allclose(normalizer.transform(X), expected, atol=1e-7)
