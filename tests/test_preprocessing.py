import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sk_effprop import InputNormalizer
from sk_effprop._quantiles import column_quantiles
from sk_effprop.estimators._normalizing import fit_normalizer, updated
from sk_effprop.preprocessing import METHODS, ROTATIONS

ALL_METHODS = [*METHODS, None]
CENTRING = [method for method in METHODS if method != "scale"]


def heavy_data(n=400, seed=0):
    """A normal, a correlated, a skewed and a heavy-tailed column, all scaled apart."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(n, 2))
    return np.column_stack(
        [
            3.0 + 2.0 * normal[:, 0],
            -100.0 * normal[:, 0] + 30.0 * normal[:, 1],
            rng.exponential(size=n),
            0.01 * np.tan(np.pi * (rng.uniform(size=n) - 0.5)),
        ]
    )


def assert_same_transform(a, b, X, **tolerance):
    """Equal attributes and equal images."""
    tolerance = {"rtol": 1e-9, "atol": 1e-10, **tolerance}
    for name in ("mean_", "var_", "scale_"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), **tolerance)
    np.testing.assert_allclose(a.transform(X), b.transform(X), **tolerance)


# ------------------------------------------------------------------------ one by one


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("streamed", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize("method", ["standardize", "scale"])
def test_agrees_with_standard_scaler(method, streamed, weighted):
    X, weight = np.column_stack([heavy_data(), np.full(400, 7.0)]), None
    if weighted:
        # theirs finds a negative variance in a constant column with weights
        X, weight = X[:, :4], np.random.default_rng(1).uniform(0, 2, size=400)
    ours = InputNormalizer(method)
    theirs = StandardScaler(with_mean=method == "standardize")
    for scaler in (ours, theirs):
        for rows in np.split(np.arange(400), [150, 151]) if streamed else [slice(None)]:
            w = None if weight is None else weight[rows]
            if streamed:
                scaler.partial_fit(X[rows], sample_weight=w)
            else:
                scaler.fit(X[rows], sample_weight=w)
    assert_same_transform(ours, theirs, X)
    assert ours.n_samples_seen_ == pytest.approx(np.max(theirs.n_samples_seen_))
    Z = ours.transform(X)
    np.testing.assert_allclose(
        ours.inverse_transform(Z), theirs.inverse_transform(Z), rtol=1e-9, atol=1e-10
    )


def test_center_only_centres_and_none_does_nothing():
    X = heavy_data()
    centred = InputNormalizer("center").fit_transform(X)
    np.testing.assert_allclose(centred, X - X.mean(axis=0), atol=1e-10)
    np.testing.assert_array_equal(InputNormalizer(None).fit_transform(X), X)


def test_robust_uses_the_median_for_heavy_tails_only():
    X = heavy_data()
    robust, plain = InputNormalizer("robust").fit(X), InputNormalizer().fit(X)
    np.testing.assert_array_equal(robust.mean_[:3], plain.mean_[:3])
    np.testing.assert_array_equal(robust.scale_[:3], plain.scale_[:3])
    lower, median, upper = np.quantile(X[:, 3], [0.25, 0.5, 0.75])
    assert robust.mean_[3] == pytest.approx(median, abs=1e-3 * (upper - lower) + 2e-4)
    assert robust.scale_[3] == pytest.approx((upper - lower) / 1.349, rel=0.03)
    # so that the bulk of the column gets the size of a normal one
    assert np.quantile(np.abs(robust.transform(X)[:, 3]), 0.5) == pytest.approx(
        np.quantile(np.abs(robust.transform(X)[:, 0]), 0.5), rel=0.2
    )


@pytest.mark.parametrize("streamed", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize("share", [0.003, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("jitter", [1e-12, 1e-6, 1e-3])
def test_a_column_that_jitters_around_one_value_is_not_blown_up(
    jitter, share, streamed
):
    """Its quartiles are tiny, and without a clip the rare values would be huge."""
    rng = np.random.default_rng(0)
    X = (rng.uniform(size=(2000, 3)) < share) + jitter * rng.normal(size=(2000, 3))
    normalizer, clipped = InputNormalizer("robust"), InputNormalizer("robust", clip=8)
    for rows in np.split(X, 40 if streamed else 1):
        normalizer.partial_fit(rows)
    Z = normalizer.transform(X)
    assert 0.9 <= Z.std(axis=0).max() <= 20.0 + 1e-6
    assert np.abs(Z).max() <= 20.0 / np.sqrt(share) * 1.5
    # a clip bounds them, and then the quartiles decide
    assert clipped.fit(X).scale_.max() < 2 * jitter


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("weighted", [False, True])
def test_quantiles_are_those_of_numpy_and_leave_the_data_alone(weighted, order):
    rng = np.random.default_rng(0)
    X = np.array(np.round(rng.normal(size=(101, 3)), 1), order=order)
    weight = rng.integers(1, 4, 101).astype(float) if weighted else np.ones(101)
    levels, before = np.linspace(0.01, 1.0, 30), X.copy()
    expected = np.quantile(X, levels, axis=0, weights=weight, method="inverted_cdf")
    np.testing.assert_array_equal(column_quantiles(X, weight, levels), expected)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("method", ROTATIONS)
def test_rotations_leave_no_correlation(method, weighted):
    X = heavy_data()
    weight = np.random.default_rng(1).uniform(0, 2, 400) if weighted else np.ones(400)
    normalizer = InputNormalizer(method).fit(X, sample_weight=weight)
    Z = normalizer.transform(X)
    covariance = (weight[:, None] * Z).T @ Z / weight.sum()
    np.testing.assert_allclose(np.average(Z, axis=0, weights=weight), 0.0, atol=1e-10)
    variances = np.diag(covariance)
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-10)
    if method == "whiten":
        np.testing.assert_allclose(variances, 1.0, rtol=1e-9)
    else:
        # a turn of the standardized columns, largest variance first
        assert variances.sum() == pytest.approx(4.0)
        assert (np.diff(variances) < 0).all()
        axes = normalizer.components_
        np.testing.assert_allclose(axes @ axes.T, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("method", ROTATIONS)
def test_the_largest_entry_of_an_axis_is_positive(method):
    """Which keeps outputs from changing sign between batches of a stream."""
    for seed in range(5):
        axes = InputNormalizer(method).fit(heavy_data(seed=seed)).components_
        assert (axes.max(axis=1) >= -axes.min(axis=1)).all()


# ---------------------------------------------------------------------- every method


@pytest.mark.parametrize("method", ALL_METHODS)
def test_a_stream_gives_what_one_fit_gives(method):
    X = heavy_data(2000)
    whole, streamed = InputNormalizer(method).fit(X), InputNormalizer(method)
    for rows in np.split(np.arange(2000), [1, 700, 900]):
        streamed.partial_fit(X[rows])
    assert streamed.n_samples_seen_ == 2000
    # quartiles of a stream come from a sketch
    tolerance = {"rtol": 0.02, "atol": 1e-2} if method == "robust" else {}
    central = X[np.abs(X[:, 3]) < 0.1]
    assert_same_transform(streamed, whole, central, **tolerance)


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
def test_a_stream_goes_on_from_a_fit(first):
    """A fit keeps the quartiles only, and a stream can begin with them."""
    X = heavy_data(4000)
    normalizer = InputNormalizer("robust")
    getattr(normalizer, first)(X[:1500])
    for rows in np.split(np.arange(1500, 4000), 25):
        normalizer.partial_fit(X[rows])
    expected = InputNormalizer("robust").fit(X)
    np.testing.assert_allclose(normalizer.scale_, expected.scale_, rtol=0.03)
    np.testing.assert_allclose(
        normalizer.mean_ / expected.scale_, expected.mean_ / expected.scale_, atol=0.02
    )


def keeps_no_more_than(n_numbers, normalizer):
    """True if a pickle has room for at most so many numbers for each column."""
    return len(pickle.dumps(normalizer)) < 2000 + 8 * n_numbers * len(normalizer.mean_)


def test_neither_a_fit_nor_a_stream_keeps_the_data():
    """A few numbers for each column, however many rows there were."""
    X = np.random.default_rng(0).standard_cauchy(size=(3000, 40))
    assert keeps_no_more_than(12, InputNormalizer("robust").fit(X))
    streamed = InputNormalizer("robust")
    for rows in np.split(X, 30):
        streamed.partial_fit(rows)
    assert keeps_no_more_than(80, streamed)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_rows_without_weight_count_as_absent(monkeypatch, method):
    """Even where a whole block has none."""
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 4 * 50)
    X, weight = heavy_data(), np.random.default_rng(1).uniform(0, 2, size=400)
    weight[:100] = weight[170:320] = 0.0
    all_rows = InputNormalizer(method).fit(X, sample_weight=weight)
    kept = weight > 0
    present = InputNormalizer(method).fit(X[kept], sample_weight=weight[kept])
    assert_same_transform(all_rows, present, X)
    streamed = InputNormalizer(method)
    for rows in (slice(0, 200), slice(200, 400)):
        streamed.partial_fit(X[rows], sample_weight=weight[rows])
    if method != "robust":
        assert_same_transform(streamed, present, X)


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
@pytest.mark.parametrize("after", ALL_METHODS)
@pytest.mark.parametrize("before", ALL_METHODS)
def test_a_stream_cannot_change_its_method(before, after, first):
    """Every method needs statistics that others lack; fit begins anew."""
    X = heavy_data()
    normalizer = InputNormalizer(before)
    getattr(normalizer, first)(X[:200])
    Z = normalizer.transform(X)
    normalizer.set_params(method=after)
    if before == after:
        normalizer.partial_fit(X[200:])
        return
    with pytest.raises(ValueError, match=f"method was {before!r} .* is now {after!r}"):
        normalizer.partial_fit(X[200:])
    np.testing.assert_array_equal(normalizer.transform(X), Z)
    assert_same_transform(normalizer.fit(X), InputNormalizer(after).fit(X), X)


def test_fit_forgets_what_was_learnt():
    X = heavy_data()
    for method in ALL_METHODS:
        used = InputNormalizer(method).partial_fit(5.0 * X - 3.0).fit(X)
        assert_same_transform(used, InputNormalizer(method).fit(X), X)


@pytest.mark.parametrize("streamed", [False, True], ids=["fit", "partial_fit"])
@pytest.mark.parametrize("method", METHODS)
def test_a_mean_of_1e9_costs_no_accuracy(method, streamed):
    """Shifting by 1e9 is exact here, so scales agree to rounding errors of the mean."""
    near = np.round(heavy_data() * 1024) / 1024
    far = near + 1e9
    normalizers = [InputNormalizer(method) for _ in range(2)]
    for normalizer, X in zip(normalizers, (near, far), strict=True):
        for rows in np.split(np.arange(400), 4 if streamed else 1):
            normalizer.partial_fit(X[rows])
    np.testing.assert_allclose(normalizers[1].scale_, normalizers[0].scale_, rtol=1e-6)
    if method != "scale":
        expected = normalizers[0].transform(near)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            normalizers[1].transform(far), expected, atol=3e-6 * scale
        )


@pytest.mark.parametrize("method", ALL_METHODS)
def test_a_weight_is_a_number_of_repeats(method):
    X = heavy_data()
    times = np.random.default_rng(2).integers(0, 4, size=400)
    weighted = InputNormalizer(method).fit(X, sample_weight=times)
    repeated = InputNormalizer(method).fit(np.repeat(X, times, axis=0))
    assert_same_transform(weighted, repeated, X)
    assert weighted.n_samples_seen_ == repeated.n_samples_seen_ == times.sum()


def test_summed_weights_may_be_any_number():
    """Only proportions count."""
    X, weight = heavy_data(), np.random.default_rng(1).uniform(0.5, 2, size=400)
    for method in ALL_METHODS:
        one, other = (
            InputNormalizer(method).fit(X, sample_weight=factor * weight)
            for factor in (1.0, 0.125)
        )
        assert_same_transform(one, other, X)


@pytest.mark.parametrize("factor", [1e-300, 1e-9, 1.0, 1e9, 1e250])
@pytest.mark.parametrize("method", METHODS)
def test_constant_columns_are_constant_whatever_the_weights_sum_to(method, factor):
    """Rounding errors of a weighted mean do not shrink with the weights."""
    rng = np.random.default_rng(0)
    n, constants = 5000, np.array([0.1, 1e9 / 7, -3.3])
    X = np.column_stack([rng.normal(size=n), np.tile(constants, (n, 1))])
    weight = factor * rng.uniform(0.5, 2.0, size=n)
    normalizer = InputNormalizer(method).fit(X, sample_weight=weight)
    np.testing.assert_array_equal(normalizer.scale_[1:], 1.0)
    streamed = InputNormalizer(method)
    for rows in np.split(np.arange(n), 5):
        streamed.partial_fit(X[rows], sample_weight=weight[rows])
    np.testing.assert_array_equal(streamed.scale_[1:], 1.0)


DEGENERATE = {
    "constant": lambda X: np.column_stack([X, np.full(len(X), 3.5)]),
    "zero": lambda X: np.column_stack([X, np.zeros(len(X))]),
    "big_constant": lambda X: np.column_stack([X, np.full(len(X), 1e9 / 7)]),
    "twin": lambda X: np.column_stack([X, X[:, 0]]),
    "sum": lambda X: np.column_stack([X, X @ [1.0, 0.1, 2.0, -3.0]]),
    "all_constant": lambda X: np.full_like(X, 0.1),
    "wide": lambda X: X[:3],
    "single_row": lambda X: X[:1],
    "almost_constant": lambda X: np.column_stack([X, almost_constant(len(X))]),
    "only_almost_constant": lambda X: almost_constant(len(X))[:, None],
}


def almost_constant(n):
    """A billion, and now and then its neighbour among the floats."""
    return np.where(np.arange(n) % 2, np.nextafter(1e9, 2e9), 1e9)


@pytest.mark.parametrize("method", CENTRING)
@pytest.mark.parametrize("name", DEGENERATE)
def test_columns_without_a_direction_of_their_own_are_harmless(name, method):
    """Finite, and rounding errors are never blown up to the size of a signal."""
    X = DEGENERATE[name](np.clip(heavy_data(), -400, 400))
    normalizer = InputNormalizer(method).fit(X)
    Z = normalizer.transform(X)
    assert np.isfinite(Z).all()
    assert np.isfinite(normalizer.inverse_transform(Z)).all()
    # variance comes from directions in which the columns really vary, and only there
    spread = np.ptp(X, axis=0) > 1e-6
    varying = X[:, spread] - X[:, spread].mean(axis=0)
    # a matrix without columns has no rank in NumPy 2.0
    rank = (
        np.linalg.matrix_rank(varying / np.ptp(varying, axis=0)) if spread.any() else 0
    )
    alive = np.ptp(Z, axis=0) > 1e-6
    if method in ROTATIONS:
        assert alive.sum() == rank
    else:
        np.testing.assert_array_equal(alive, spread)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", CENTRING)
@pytest.mark.parametrize("name", DEGENERATE)
def test_inverse_transform_knows_how_columns_depend_on_each_other(name, method, dtype):
    """Rows that vary as those that were learnt come back, however they are scaled."""
    X = DEGENERATE[name](np.clip(heavy_data(), -400, 400))
    X = (X * np.resize([1.0, 1e-3, 1e3], X.shape[1])).astype(dtype)
    normalizer = InputNormalizer(method).fit(X)
    lost = np.abs(normalizer.inverse_transform(normalizer.transform(X)) - X)
    assert (lost <= 100 * np.finfo(dtype).eps * np.abs(X).max(axis=0)).all()


@pytest.mark.parametrize("clip", [None, 2.0])
@pytest.mark.parametrize("method", ALL_METHODS)
def test_inverse_transform_brings_everything_back(method, clip):
    X = np.clip(heavy_data(), -1000.0, 1000.0)
    normalizer = InputNormalizer(method, clip=clip).fit(X)
    X = X[np.abs(InputNormalizer(method).fit(X).transform(X)).max(axis=1) < 100]
    assert len(X) > 10
    Z = normalizer.transform(X)
    np.testing.assert_allclose(normalizer.inverse_transform(Z), X, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_clip_bounds_and_leaves_small_values_alone(method):
    X = heavy_data()
    plain = InputNormalizer(method).fit(X).transform(X)
    clipped = InputNormalizer(method, clip=3.0).fit(X).transform(X)
    assert np.abs(plain).max() > 3.0 > np.abs(clipped).max()
    np.testing.assert_allclose(clipped, plain / np.sqrt(1 + (plain / 3.0) ** 2))


@pytest.mark.parametrize("clip", [None, 2.0])
@pytest.mark.parametrize("method", ALL_METHODS)
def test_float32_stays_float32_and_the_input_stays(method, clip):
    X = heavy_data().astype(np.float32)
    before = X.copy()
    normalizer = InputNormalizer(method, clip=clip).fit(X)
    Z = normalizer.transform(X)
    back = normalizer.inverse_transform(Z)
    assert Z.dtype == back.dtype == np.float32
    np.testing.assert_array_equal(X, before)
    double = InputNormalizer(method, clip=clip).fit_transform(X.astype(np.float64))
    np.testing.assert_allclose(Z, double, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_output_features_have_names(method):
    names = np.array(["a", "b", "c", "d"], dtype=object)
    got = InputNormalizer(method).fit(heavy_data()).get_feature_names_out(names)
    rotated = [f"inputnormalizer{i}" for i in range(4)]
    assert list(got) == (rotated if method in ROTATIONS else list(names))


@pytest.mark.parametrize(
    "parameters", [{"method": "sphere"}, {"clip": 0.0}, {"clip": -1.0}, {"clip": "a"}]
)
def test_parameters_that_make_no_sense_are_refused(parameters):
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        InputNormalizer(**parameters).fit(heavy_data())


# ----------------------------------------------------------------------------- sparse


def sparse_data(kind="csr"):
    """Counts, a third of them stored, with a column that is always zero."""
    rng = np.random.default_rng(5)
    dense = rng.poisson(0.4, size=(60, 5)) * np.array([1.0, 10.0, 0.1, 2.0, 0.0])
    return sparse.csr_array(dense).asformat(kind)


@pytest.mark.parametrize("weighted", [False, True], ids=["even", "weighted"])
@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("method", ["scale", None])
def test_sparse_data_can_be_scaled(method, kind, clip, weighted):
    X = sparse_data(kind)
    weight = np.random.default_rng(6).uniform(0, 2, size=60) if weighted else None
    normalizer = InputNormalizer(method, clip=clip).fit(X, sample_weight=weight)
    dense = InputNormalizer(method, clip=clip).fit(X.toarray(), sample_weight=weight)
    Z = normalizer.transform(X)
    assert sparse.issparse(Z)
    assert Z.format == kind
    assert Z.nnz == X.nnz
    np.testing.assert_allclose(normalizer.scale_, dense.scale_, rtol=1e-12)
    np.testing.assert_allclose(Z.toarray(), dense.transform(X.toarray()), atol=1e-12)
    back = normalizer.inverse_transform(Z).toarray()
    np.testing.assert_allclose(back, X.toarray(), atol=1e-12)
    assert normalizer.transform(X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("method", CENTRING)
def test_sparse_data_cannot_be_centred(method):
    X = sparse_data()
    with pytest.raises(ValueError, match=r"cannot centre sparse X.*method='scale'"):
        InputNormalizer(method).fit(X)
    with pytest.raises(ValueError, match="cannot centre sparse X"):
        InputNormalizer(method).fit(X.toarray()).transform(X)


@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("method", ALL_METHODS)
def test_estimators_fold_sparse_data_that_they_could_not_centre(method, clip):
    """Folded inputs are those of the dense array, and nothing more is stored."""
    X, weight = sparse_data(), np.ones(60)
    normalizer = InputNormalizer(method, clip=clip)
    if clip and method in ROTATIONS:
        with pytest.raises(ValueError, match="cannot follow normalize="):
            fit_normalizer(normalizer, X, weight)
        record = fit_normalizer(normalizer, X.toarray(), weight).normalization_
        with pytest.raises(ValueError, match=r"cannot be clipped at 1\.5"):
            record.fold(X)
        return
    record = fit_normalizer(normalizer, X, weight).normalization_
    folded = record.fold(X)
    assert folded.X.nnz == X.nnz
    dense = np.column_stack([normalizer.fit_transform(X.toarray()), np.ones(60)])
    np.testing.assert_allclose(folded @ np.eye(6), dense, atol=1e-12)


@pytest.mark.parametrize("method", ALL_METHODS)
def test_sparse_and_dense_data_give_the_same_statistics(monkeypatch, method):
    """Block by block, as sparse data are never densified whole."""
    monkeypatch.setattr("sk_effprop.core.arrays.BLOCK_SIZE", 70)
    X, weight = sparse_data(), np.random.default_rng(6).uniform(0.1, 2, size=60)
    ours = fit_normalizer(InputNormalizer(method), X, weight)
    dense = InputNormalizer(method).fit(X.toarray(), sample_weight=weight)
    np.testing.assert_allclose(ours.mean_, dense.mean_, atol=1e-13)
    np.testing.assert_allclose(ours.scale_, dense.scale_, rtol=1e-11)
    np.testing.assert_allclose(
        ours.transform(X.toarray()), dense.transform(X.toarray()), atol=1e-9
    )


def test_an_update_leaves_the_normalizer_before_it_unchanged():
    X = heavy_data()
    before = InputNormalizer().fit(X[:200])
    mean = before.mean_.copy()
    after = updated(before, X[200:], np.ones(200))
    np.testing.assert_array_equal(before.mean_, mean)
    assert_same_transform(after, InputNormalizer().fit(X), X)


@pytest.mark.parametrize("method", [m for m in METHODS if m != "scale"])
def test_a_large_mean_is_not_rounded_away_in_single_precision(method):
    """What float32 cannot hold of it is subtracted all the same."""
    rng = np.random.default_rng(0)
    X = (1e5 + rng.normal(size=(300, 3))).astype(np.float32)
    normalizer = InputNormalizer(method).fit(X)
    expected = normalizer.transform(X.astype(np.float64))
    np.testing.assert_allclose(normalizer.transform(X), expected, atol=1e-5)
    back = normalizer.inverse_transform(normalizer.transform(X))
    assert np.abs(back - X).max() <= np.spacing(np.float32(1e5))
