"""Compiled code on disk: what makes it stale, and that its faults do no harm."""

import os
import subprocess
import sys
from shutil import copytree, which

import numba
import numpy as np
import pytest

from sk_effprop.core.compiled import ahead, cache
from sk_effprop.core.compiled.ahead import compile_ahead, is_cached
from sk_effprop.core.compiled.cache import PACKAGE, Driver, fingerprint
from sk_effprop.core.losses import COMPILED_LOSSES

CORE = PACKAGE.parent


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty place for compiled code."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    cache.cache_folder.cache_clear()
    yield tmp_path
    cache.cache_folder.cache_clear()


def double(array):
    for i in range(len(array)):
        array[i] *= 2.0


def doubled(driver):
    """Two calls of the driver on the number 1."""
    array = np.ones(1)
    driver(array)
    driver(array)
    return array[0]


def make():
    """A driver that knows only what is on disk."""
    return Driver(double, np.float64, 1)


@pytest.mark.parametrize(
    "name", ["compiled/lanes.py", "compiled/sweeps.py", "rates.py", "gains.py"]
)
def test_an_edit_of_any_file_is_another_fingerprint(tmp_path, name):
    """Also of what the loops import from the rest of core."""
    core = copytree(CORE, tmp_path / "sk_effprop" / "core")
    before = fingerprint(core / "compiled")
    assert before == fingerprint(PACKAGE)
    with (core / name).open("a") as file:
        file.write("# an edit\n")
    assert fingerprint(core / "compiled") != before


def test_code_is_kept_where_numba_is_told_to(folder):
    driver = make()
    assert not driver.is_kept
    assert doubled(driver) == 4.0
    assert driver.is_kept
    assert folder in driver.folder.parents
    assert fingerprint() in str(driver.folder)
    # numba's own setting is as it was
    assert str(folder) == numba.config.CACHE_DIR


def test_code_that_is_kept_is_not_compiled_again(folder, monkeypatch):
    assert doubled(make()) == 4.0
    later = make()
    assert doubled(later) == 4.0
    (hits,) = later.use(lambda function: function.stats.cache_hits).values()
    assert hits == 1


@pytest.mark.parametrize("content", [b"", b"nonsense", b"half"])
@pytest.mark.parametrize("ending", ["nbi", "nbc"])
def test_broken_files_are_replaced(folder, ending, content):
    assert doubled(make()) == 4.0
    (file,) = folder.rglob(f"*.{ending}")
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content == b"half" else content)
    assert doubled(make()) == 4.0
    repaired = make()
    assert doubled(repaired) == 4.0
    assert sum(repaired.use(lambda f: f.stats.cache_hits).values()) == 1


def full(*args, **kwargs):
    raise OSError(28, "No space left on device")


def test_a_full_disk_does_no_harm(folder, monkeypatch):
    monkeypatch.setattr(os, "replace", full)
    driver = make()
    assert doubled(driver) == 4.0
    assert not driver.is_kept


def test_files_that_cannot_be_read_do_no_harm(folder, monkeypatch):
    assert doubled(make()) == 4.0
    driver = make()
    # numba's, which has no name of its own there
    monkeypatch.setattr("numba.core.caching.open", full, raising=False)
    assert doubled(driver) == 4.0


def test_without_a_place_code_lives_as_long_as_the_process(folder, monkeypatch):
    monkeypatch.setattr(cache, "njit", no_place)
    assert cache.cache_folder() is None
    monkeypatch.undo()
    driver = make()
    assert doubled(driver) == 4.0
    assert not driver.is_kept


FIT = """
import os, numpy as np
from sk_effprop import EffPropRegressor
X = np.random.default_rng(0).normal(size=(600, 2))
model = EffPropRegressor((2,), engine="numba", random_state=0, max_iter=2, tol=0)
model.fit(X, X[:, 0])
print(os.getuid(), model.engine_, np.isfinite(model.predict(X)).all())
"""
NOBODY = 65534


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0 or which("setpriv") is None,
    reason="only root can become another user, who may not write",
)
def test_who_may_not_write_anywhere_fits_and_is_told_in_a_line(tmp_path):
    """Neither the package nor numba's folder can be written, and there is no home."""
    if not can_start(NOBODY):
        pytest.skip("another user cannot start this Python")
    environment = {"PYTHONPATH": str(CORE.parent.parent), "HOME": "/nonexistent",
                   "NUMBA_CACHE_DIR": str(tmp_path)}  # fmt: skip
    done = subprocess.run(
        [*as_user(NOBODY), sys.executable, "-c", FIT],
        env=environment, capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(NOBODY), "numba", "True"]
    (line,) = [line for line in done.stderr.splitlines() if "sk_effprop" in line]
    assert "for this process: set NUMBA_CACHE_DIR to a folder" in line


def as_user(number):
    return ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]


def can_start(user):
    """True if a user may run this Python and read its packages."""
    command = [*as_user(user), sys.executable, "-c", "import numba"]
    return subprocess.run(command, capture_output=True, cwd="/").returncode == 0


def no_place(**options):
    raise RuntimeError("no locator available")


def test_an_error_of_the_code_itself_is_raised(folder):
    def wrong(array):
        array.no_such_attribute()

    with pytest.raises(numba.TypingError):
        Driver(wrong, np.float64, 1)(np.ones(1))


def test_all_is_compiled_ahead():
    result = compile_ahead((np.float64,))
    assert result.seconds > 0.0
    assert result.folder == cache.cache_folder()
    assert is_cached(np.float64)
    assert {type(loss) for loss in ahead.LOSSES} == set(COMPILED_LOSSES)


def test_whether_the_loops_are_compiled_is_known_without_compiling(folder):
    cache.driver.cache_clear()
    assert not is_cached(np.float32)
    assert not list(folder.rglob("*.nbc"))
    cache.driver.cache_clear()
