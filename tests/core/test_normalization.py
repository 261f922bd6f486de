import numpy as np
import pytest
from scipy import sparse

from sk_effprop.core.arrays import BLOCK_SIZE
from sk_effprop.core.normalization import (
    Normalization,
    follow_inputs,
    identity,
    principal_axes,
    smooth_clip,
)

KINDS = ["diagonal", "rotation"]


def make_record(kind, clip=None, seed=0):
    """A record for three columns, and the A that it must have."""
    rng = np.random.default_rng(seed)
    shift, scale = rng.normal(size=3), rng.uniform(0.5, 2.0, size=3)
    if kind == "diagonal":
        return Normalization(shift, scale, clip=clip), np.diag(1.0 / scale)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0] * [[2.0], [1.0], [0.5]]
    return Normalization(shift, scale, axes, clip), np.diag(1.0 / scale) @ axes.T


def data(seed=1):
    return np.random.default_rng(seed).normal(size=(7, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_apply_is_the_formula(kind):
    (record, A), X = make_record(kind), data()
    expected = (X - record.shift) @ A
    np.testing.assert_allclose(record.apply(X), expected, atol=1e-14)
    with_ones = record.apply_with_ones(X)
    np.testing.assert_array_equal(with_ones[:, :-1], record.apply(X))
    assert (with_ones[:, -1] == 1.0).all()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_every_row_of_many_blocks_is_normalised_as_if_it_were_alone(kind, dtype, order):
    record, _ = make_record(kind, clip=2.0)
    n_rows = 2 * BLOCK_SIZE // 3 + 5
    X = np.random.default_rng(1).normal(size=(n_rows, 3)).astype(dtype, order=order)
    before, Z = X.copy(), record.apply(X)
    for row in 0, BLOCK_SIZE // 3 - 1, BLOCK_SIZE // 3, n_rows - 1:
        alone = record.apply(X[row : row + 1])
        np.testing.assert_allclose(Z[row : row + 1], alone, rtol=1e-5)
    np.testing.assert_array_equal(X, before)
    assert Z.dtype == dtype


@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("kind", KINDS)
def test_invert_undoes_apply(kind, clip):
    (record, _), X = make_record(kind, clip), data()
    np.testing.assert_allclose(record.invert(record.apply(X)), X, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_fold_multiplies_as_the_dense_array_does(kind):
    record, _ = make_record(kind)
    X = sparse.random(9, 3, density=0.4, format="csr", random_state=2)
    folded = record.fold(X)
    dense = record.apply_with_ones(X.toarray())
    np.testing.assert_allclose(folded @ np.eye(4), dense, atol=1e-14)


def test_identity_changes_nothing():
    X = data()
    np.testing.assert_array_equal(identity(3).apply(X), X)
    np.testing.assert_array_equal(identity(3).invert(X), X)


@pytest.mark.parametrize("kinds", [("diagonal",) * 2, ("rotation",) * 2], ids=KINDS)
def test_a_layer_follows_its_inputs(kinds):
    """It computes from the new inputs what it computed from the old ones."""
    (before, _), (after, _) = (make_record(k, seed=s) for s, k in enumerate(kinds))
    W, X = np.random.default_rng(3).normal(size=(4, 5)), data()
    expected = before.apply_with_ones(X) @ W
    follow_inputs(W, before, after)
    np.testing.assert_allclose(after.apply_with_ones(X) @ W, expected, atol=1e-12)


@pytest.mark.parametrize("unit_variance", [False, True])
def test_principal_axes_diagonalise_the_correlation(unit_variance):
    X = data() @ np.random.default_rng(4).normal(size=(3, 3))
    correlation = np.corrcoef(X.T)
    axes = principal_axes(correlation, unit_variance=unit_variance)
    got = axes @ correlation @ axes.T
    variances = np.diag(got)
    np.testing.assert_allclose(got, np.diag(variances), atol=1e-12)
    if unit_variance:
        np.testing.assert_allclose(variances, 1.0)
    else:
        assert (np.diff(variances) <= 0.0).all()


# ------------------------------------------------------------------------------- clip

FARTHEST = {np.float32: 3.4e38, np.float64: 1.7e308}


@pytest.mark.parametrize("dtype", FARTHEST)
@pytest.mark.parametrize("c", [1e-3, 1.0, 8.0, 1e20])
def test_the_clip_of_large_values_is_the_bound(c, dtype):
    """However large: squares of numbers beyond 1.5e20 or 1e155 overflow."""
    sizes = np.logspace(9, np.log10(FARTHEST[dtype]) - 1e-3, 50)
    z = np.concatenate([-sizes, sizes]).astype(dtype)
    z = z[np.abs(z) > 1e9 * c]
    np.testing.assert_array_equal(smooth_clip(z, c), np.copysign(dtype(c), z))


@pytest.mark.parametrize("dtype", FARTHEST)
@pytest.mark.parametrize("c", [0.5, 8.0])
def test_the_clip_rises_and_is_the_formula_for_ordinary_values(c, dtype):
    z = np.linspace(-1e4, 1e4, 100_001).astype(dtype)
    clipped = smooth_clip(z, c)
    assert clipped.dtype == dtype
    assert (np.diff(clipped) >= -np.finfo(dtype).eps * c).all()
    expected = z / np.sqrt(1.0 + (z.astype(float) / c) ** 2)
    np.testing.assert_allclose(clipped, expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", FARTHEST)
@pytest.mark.parametrize("kind", ["dense", "folded", "scaled"])
def test_a_missing_data_mark_becomes_the_bound(kind, dtype):
    """-3.4e38 is a usual one, and it overflows when it is divided by a small scale."""
    far = dtype(FARTHEST[dtype])
    shift = np.zeros(2) if kind == "scaled" else np.array([3.0, -5.0])
    record = Normalization(shift, np.array([0.01, 100.0]), clip=8.0)
    X = np.array([[-far, 1.0], [1.0, far]], dtype=dtype)
    if kind == "dense":
        Z = record.apply(X)
    elif kind == "folded":
        Z = record.fold(sparse.csr_array(X)) @ np.eye(3, 2, dtype=dtype)
    else:
        Z = record.scale_stored(sparse.csr_array(X)).toarray()
    np.testing.assert_allclose([Z[0, 0], Z[1, 1]], [-8.0, 8.0], rtol=1e-6)
    assert np.isfinite(Z).all()
