"""The first fits of a machine: engines, compiling, time limits and threads."""

from threading import Thread
from time import monotonic

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_classification
from threadpoolctl import threadpool_limits

from sk_effprop import EffPropClassifier, EffPropRegressor
from sk_effprop.__main__ import main
from sk_effprop.estimators import _build as build
from tests.test_threads import n_blas_threads

X, y = make_classification(600, 10, random_state=0)
DIABETES = load_diabetes(return_X_y=True)


@pytest.fixture
def nothing_is_cached(monkeypatch):
    """Pretend that no loops were compiled on this machine."""
    monkeypatch.setattr("sk_effprop.core.compiled.ahead.is_cached", lambda dtype: False)
    build._announce_compilation.cache_clear()
    yield
    build._announce_compilation.cache_clear()


def test_default_fits_of_larger_data_use_the_compiled_loops():
    pytest.importorskip("numba")
    assert EffPropClassifier(random_state=0).fit(X, y).engine_ == "numba"
    assert EffPropClassifier(random_state=0).fit(X[:180], y[:180]).engine_ == "numpy"


def test_a_first_fit_says_once_that_it_compiles(nothing_is_cached, capsys):
    pytest.importorskip("numba")
    for _ in range(2):
        EffPropClassifier(random_state=0, max_iter=3).fit(X, y)
    (line,) = capsys.readouterr().err.splitlines()
    assert "being compiled, once, and kept in" in line
    assert "python -m sk_effprop compile" in line


def test_a_short_time_limit_leaves_no_time_to_compile(nothing_is_cached, capsys):
    model = EffPropClassifier(random_state=0, max_time=2.0).fit(X, y)
    assert (model.engine_, capsys.readouterr().err) == ("numpy", "")


def test_later_fits_say_nothing(capsys):
    EffPropClassifier(random_state=0, max_iter=3).fit(X, y)
    EffPropClassifier(random_state=0, max_iter=3).fit(X, y)
    capsys.readouterr()
    EffPropClassifier(random_state=0, max_iter=3).fit(X, y)
    assert capsys.readouterr() == ("", "")


def test_the_command_compiles_and_names_the_folder(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(
        "sk_effprop.core.compiled.ahead.compile_ahead", lambda: (1.25, tmp_path)
    )
    assert main(["compile"]) == 0
    assert f"1.2 s, and kept them in {tmp_path}" in capsys.readouterr().out


def test_the_command_needs_numba(monkeypatch, capsys):
    monkeypatch.setattr("sk_effprop.__main__.why_not_compiled", lambda: "no numba")
    assert main(["compile"]) == 2
    assert "sk_effprop[fast]" in capsys.readouterr().err


def test_the_command_says_if_nothing_can_be_kept(monkeypatch, capsys):
    monkeypatch.setattr(
        "sk_effprop.core.compiled.ahead.compile_ahead", lambda: (1.0, None)
    )
    assert main(["compile"]) == 1
    assert "NUMBA_CACHE_DIR" in capsys.readouterr().err


def test_reading_the_data_counts_as_training(monkeypatch):
    """A limit that is over before training leaves one iteration."""
    start = monotonic()
    monkeypatch.setattr("sk_effprop.estimators._base.monotonic", lambda: start - 1000.0)
    model = EffPropRegressor((4,), solver="sgd", max_time=500.0, random_state=0)
    assert model.fit(*DIABETES).n_iter_ == 1
    assert model.convergence_.reason == "max_time"


def test_no_posterior_is_computed_when_time_is_over():
    model = EffPropRegressor((4,), solver="lm", max_time=1e-9, random_state=0)
    model.fit(*DIABETES)
    with pytest.raises(ValueError, match="return_std"):
        model.predict(DIABETES[0], return_std=True)


def test_an_interrupt_after_training_keeps_the_fit(monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(EffPropRegressor, "_find_posterior", interrupt)
    model = EffPropRegressor((4,), solver="lm", random_state=0).fit(*DIABETES)
    assert model.score(*DIABETES) > 0.5


def test_fits_in_threads_are_those_in_one_thread_and_leave_blas_alone():
    def fit(seed):
        model = EffPropRegressor((16,), max_iter=30, tol=0, random_state=seed)
        return model.fit(*DIABETES).theta_

    expected = [fit(seed) for seed in range(6)]
    got = [None] * 6
    with threadpool_limits(2, user_api="blas"):
        before = n_blas_threads()

        def work(first):
            for seed in range(first, 6, 3):
                got[seed] = fit(seed)

        threads = [Thread(target=work, args=(first,)) for first in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert n_blas_threads() == before
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)
