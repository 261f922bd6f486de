"""Fits on batches, next to fits on the same rows in memory."""

import subprocess
import sys

import numpy as np
import pytest

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.out_of_core import ArrayBatches, ParquetBatches, fit_batches
from sk_effprop.solvers import BATCH, STOCHASTIC
from tests.out_of_core.data import SMALL, problem

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def batches(*arrays, rows=700, block=20):
    """Batches of arrays, of small blocks."""
    return ArrayBatches(*arrays, batch_rows=rows, block_rows=block)


def values(batch_source):
    """First column, targets and weights of all batches."""
    X, *rest = zip(*batch_source, strict=True)
    return [np.concatenate(X)[:, 0], *(np.concatenate(part) for part in rest)]


# ---------------------------------------------------------------------------- batches


def test_array_batches_hold_every_row_once_in_either_order():
    X, y = problem(501)
    source = batches(X, y, y**2, rows=100, block=7)
    for found in values(source), values(source.shuffled(np.random.default_rng(0))):
        order = np.argsort(found[1])
        np.testing.assert_array_equal(found[0][order], X[:, 0])
        np.testing.assert_array_equal(found[2][order], y**2)


def test_shuffled_batches_mix_rows_from_everywhere():
    X, y = problem(4000)
    source = batches(X, y, rows=1000, block=10)
    firsts = [part[1].mean() for part in source]
    mixed = [part[1].mean() for part in source.shuffled(np.random.default_rng(0))]
    assert np.std(mixed) < 0.2 * np.std(firsts)


def test_arrays_must_fit_together():
    X, y = problem(30)
    with pytest.raises(ValueError, match="same number of rows, got \\[30, 29\\]"):
        ArrayBatches(X, y[1:])
    with pytest.raises(ValueError, match="block_rows must be positive, got 0"):
        ArrayBatches(X, y, block_rows=0)


@pytest.fixture
def parquet(tmp_path):
    """Two files with small row groups."""
    pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    X, y = problem(600)
    frame = pd.DataFrame(X, columns=list("abcd")).assign(y=y, w=1.0 + y**2)
    files = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    for file, rows in zip(files, (slice(0, 400), slice(400, 600)), strict=True):
        frame[rows].to_parquet(file, row_group_size=50)
    return files, frame


def test_parquet_batches_hold_every_row_once(parquet):
    files, frame = parquet
    source = ParquetBatches(files, "y", weight="w", batch_rows=130)
    sizes = [len(y) for _, y, _ in source]
    assert sizes == [150, 150, 150, 150]
    for found in source, source.shuffled(np.random.default_rng(0)):
        X, y, weight = (np.concatenate(part) for part in zip(*found, strict=True))
        order = np.argsort(y)
        np.testing.assert_array_equal(X[order], frame[list("abcd")])
        np.testing.assert_array_equal(weight[order], frame["w"])


def test_columns_of_parquet_files_can_be_chosen(parquet):
    files, _ = parquet
    source = ParquetBatches(files[0], "y", columns=["c", "a"])
    assert [list(X.columns) for X, _ in source] == [["c", "a"]]
    est = EffPropRegressor(**SMALL, max_iter=2)
    fit_batches(est, source)
    assert est.feature_names_in_.tolist() == ["c", "a"]
    with pytest.raises(ValueError, match=r"no columns \['e'\]"):
        ParquetBatches(files, "y", columns=["e"])


def test_parquet_files_that_do_not_fit_are_named(parquet):
    files, frame = parquet
    frame[["a", "y"]].to_parquet(files[1])
    with pytest.raises(ValueError, match=r"2\.parquet has the columns \['a', 'y'\]"):
        ParquetBatches(files, "y")
    files[1].write_bytes(files[0].read_bytes()[:300])
    with pytest.raises(
        ValueError, match=r"2\.parquet cannot be read as a Parquet file"
    ):
        ParquetBatches(files, "y")


def test_parquet_files_give_the_fit_of_the_same_batches(parquet):
    files, frame = parquet
    source = ParquetBatches(files, "y", weight="w", batch_rows=150)
    same = list(ParquetBatches(files, "y", weight="w", batch_rows=150))
    ests = [EffPropRegressor(**SMALL, max_iter=4, solver="lbfgs") for _ in range(2)]
    fit_batches(ests[0], source)
    fit_batches(ests[1], [(X.copy(), y, w) for X, y, w in same])
    np.testing.assert_array_equal(ests[0].theta_, ests[1].theta_)
    assert ests[0].predict(frame[list("abcd")]).shape == (600,)


# -------------------------------------------------------------------------------- fits


@pytest.mark.parametrize("cls", [EffPropRegressor, EffPropClassifier])
@pytest.mark.parametrize("solver", [*STOCHASTIC, *BATCH])
def test_a_fit_on_batches_is_about_as_good_as_one_in_memory(cls, solver):
    X, y = problem()
    y = y if cls is EffPropRegressor else np.digitize(y, [-0.3, 0.3])
    settings = {**SMALL, "solver": solver, "max_iter": 15}
    local = cls(**settings).fit(X, y)
    far = fit_batches(cls(**settings), batches(X, y))
    assert far.solver_ == local.solver_
    assert far.score(X, y) > local.score(X, y) - 0.08
    loss, _ = far.loss_and_gradient(X, y)
    assert loss == pytest.approx(far.loss_, rel=1e-4)


def test_the_automatic_solver_is_stochastic_and_every_row_is_presented():
    X, y = problem()
    est = fit_batches(EffPropRegressor(**SMALL, max_iter=3), batches(X, y))
    assert est.solver_ == "sgd"
    assert est.t_ == 3 * len(y)
    assert len(est.loss_curve_) == 3


class Counted:
    """Batches that count how often they are read."""

    def __init__(self, parts):
        self.parts, self.n_passes = parts, 0

    def __iter__(self):
        self.n_passes += 1
        return iter(self.parts)


@pytest.mark.parametrize("max_iter", [1, 2, 6])
def test_a_fit_reads_the_data_a_few_times_besides_its_epochs(max_iter):
    """For the survey, the loss at the start, and one or two candidates at the end."""
    X, y = problem()
    source = Counted(list(batches(X, y)))
    est = fit_batches(EffPropRegressor(**SMALL, max_iter=max_iter), source)
    assert est.n_iter_ == max_iter
    n_other = source.n_passes - max_iter
    assert n_other == 3 if max_iter == 1 else n_other in (3, 4)


def test_batches_of_an_array_are_no_copies():
    X, y = problem(10)
    assert all(np.shares_memory(part, X) for part, _ in batches(X, y, rows=3))


def test_the_same_seed_gives_the_same_bits():
    X, y = problem()
    thetas = [
        fit_batches(EffPropRegressor(**SMALL, max_iter=2), batches(X, y)).theta_
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*thetas)


def test_a_list_of_batches_is_shuffled_and_an_iterable_is_not():
    class Once:
        def __init__(self, parts):
            self.parts = parts

        def __iter__(self):
            return iter(self.parts)

    X, y = problem(900)
    parts = list(batches(X, y, rows=300))
    for source in parts, Once(parts):
        est = EffPropRegressor(**SMALL, max_iter=30, averaging=True)
        assert fit_batches(est, source).score(X, y) > 0.5


@pytest.mark.parametrize(
    "settings",
    [{"learning_rate": "flow"}, {"input_gains": True}, {"averaging": True},
     {"solver": "sdlm", "curvature_decay": 0.01, "curvature_period": 2}],
    ids=str,
)  # fmt: skip
def test_stochastic_settings_work_on_batches(settings):
    X, y = problem()
    settings = {**SMALL, "solver": "sgd", "max_iter": 15, **settings}
    est = fit_batches(EffPropRegressor(**settings), batches(X, y))
    assert est.score(X, y) > 0.8


def test_weights_and_validation_data_work():
    X, y = problem()
    weight = np.where(y > 0.0, 1.0, 0.0)
    est = EffPropRegressor(**SMALL, max_iter=6)
    fit_batches(est, batches(X, y, weight), X_val=X[:50], y_val=y[:50])
    assert len(est.validation_loss_curve_) == est.n_iter_
    only = fit_batches(
        EffPropRegressor(**SMALL, max_iter=6), batches(X[y > 0], y[y > 0])
    )
    assert est.target_mean_ == pytest.approx(only.target_mean_)
    assert est.t_ == only.t_


@pytest.mark.parametrize("settings", [
    {"normalize_target": False}, {"target_values": (-1.715, 1.715)},
])  # fmt: skip
def test_advice_on_targets_is_found_in_a_sample_of_them(settings):
    X, y = problem(600)
    y = np.random.default_rng(0).permutation(1e4 * y)
    few = {**SMALL, "max_iter": 20, "solver": "sgd"}
    est = EffPropRegressor(**few)
    if "target_values" in settings:
        est = EffPropClassifier(**few, loss="squared_error")
        y = y > np.median(y)
    fit_batches(est.set_params(**settings), batches(X, y))
    assert est.convergence_.parameter in settings


def test_max_time_ends_an_epoch():
    X, y = problem()
    est = EffPropRegressor(**SMALL, max_iter=10**6, max_time=0.5)
    fit_batches(est, batches(X, y))
    assert est.convergence_.reason == "max_time"


def test_an_iterator_is_refused():
    X, y = problem(100)
    with pytest.raises(TypeError, match="iterated again and again"):
        fit_batches(EffPropRegressor(), iter(batches(X, y)))
    with pytest.raises(TypeError, match="iterated again and again"):
        fit_batches(EffPropRegressor(), ((X, y) for _ in range(2)))


def test_early_stopping_needs_validation_data():
    X, y = problem(100)
    with pytest.raises(ValueError, match="early_stopping=True needs X_val"):
        fit_batches(EffPropRegressor(early_stopping=True), batches(X, y))


def test_emphasis_is_refused():
    X, y = problem(100)
    with pytest.raises(ValueError, match=r"emphasis=0\.5 is not available"):
        fit_batches(EffPropRegressor(solver="sgd", emphasis=0.5), batches(X, y))


def test_a_failed_fit_leaves_the_estimator_as_it_was():
    X, y = problem(100)
    X[60, 0] = np.inf
    est = EffPropRegressor(**SMALL)
    before = dict(vars(est))
    with pytest.raises(ValueError, match="Batch 1: Input X contains infinity"):
        fit_batches(est, batches(X, y, rows=50))
    assert vars(est) == before


def test_sparse_batches_stay_sparse():
    from scipy import sparse

    X = sparse.random(400, 30, density=0.1, format="csr", random_state=0)
    y = np.asarray(X.sum(axis=1)).ravel()
    parts = [(X[i : i + 100], y[i : i + 100]) for i in range(0, 400, 100)]
    for solver in "sgd", "lbfgs":
        est = EffPropRegressor(**SMALL, solver=solver, max_iter=30)
        assert fit_batches(est, parts).score(X, y) > 0.7


# ------------------------------------------------------------------------------- memory

MEASURED = """
import sys, warnings, numpy as np
warnings.simplefilter("ignore")
from benchmarks.out_of_core import Peak, anonymous_megabytes
from sk_effprop import EffPropRegressor
from sk_effprop.out_of_core import ArrayBatches, fit_batches
folder, n = sys.argv[1], int(sys.argv[2])
X = np.memmap(folder + "/X", np.float32, "r", shape=(n, 20))
y = np.memmap(folder + "/y", np.float32, "r", shape=n)
settings = dict(hidden_layer_sizes=(4,), random_state=0, tol=0, max_iter=1)
def fit(rows):
    batches = ArrayBatches(X[:rows], y[:rows], batch_rows=2**14)
    fit_batches(EffPropRegressor(**settings), batches)
fit(30_000)
before = anonymous_megabytes()
with Peak() as peak:
    fit(n)
print(peak.megabytes - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_the_file(tmp_path):
    """The file has 34 MB; a batch and its copies have about 5."""
    n = 400_000
    rng = np.random.default_rng(0)
    X = np.memmap(tmp_path / "X", np.float32, "w+", shape=(n, 20))
    y = np.memmap(tmp_path / "y", np.float32, "w+", shape=n)
    for start in range(0, n, 10_000):
        X[start : start + 10_000] = rng.normal(size=(10_000, 20))
    y[:] = X[:, 0]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path), str(n)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout.split()[-1]) < 15.0
