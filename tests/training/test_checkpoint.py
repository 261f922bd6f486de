"""Files that hold the state of training, and everything that can happen to them."""

import os
import pickle
import resource
import time
from zipfile import ZipFile

import numpy as np
import pytest

from sk_effprop.core.schedules import Progress
from sk_effprop.training import checkpoint as module
from sk_effprop.training.checkpoint import CheckpointFile, Schedule, Unusable

CONTENT = {"progress": Progress(epoch=3), "theta": np.arange(40.0), "rate": 0.1}
NEWER = CONTENT | {"rate": 0.2}


@pytest.fixture
def file(tmp_path):
    return CheckpointFile(tmp_path / "deep" / "fit.npz", {"format": 1}, (Progress,))


def assert_same(found, expected):
    np.testing.assert_array_equal(found["theta"], expected["theta"])
    for name in ("progress", "rate"):
        assert found[name] == expected[name]


def test_what_is_written_is_read(file):
    assert file.read() is None
    file.write(CONTENT)
    assert_same(file.read(), CONTENT)
    file.write(NEWER)
    assert_same(file.read(), NEWER)
    assert os.listdir(file.path.parent) == ["fit.npz"]


def test_numpy_can_look_into_a_file(file):
    file.write(CONTENT)
    with np.load(file.path) as archive:
        np.testing.assert_array_equal(archive["0"], CONTENT["theta"])


# ------------------------------------------------------------------------------ damage


def test_a_file_that_was_cut_off_is_noticed(file):
    file.write(CONTENT)
    whole = file.path.read_bytes()
    for size in range(0, len(whole), 7):
        file.path.write_bytes(whole[:size])
        with pytest.raises(Unusable, match="damaged"):
            file.read()


def test_no_flipped_bit_changes_what_is_read(file):
    """A few bits, such as those of dates, do not matter; all others are noticed."""
    file.write(CONTENT)
    whole, n_noticed = file.path.read_bytes(), 0
    rng = np.random.default_rng(0)
    for place in rng.choice(len(whole), 400):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(rng.integers(8))
        file.path.write_bytes(flipped)
        try:
            found = file.read()
        except Unusable:
            n_noticed += 1
        else:
            assert_same(found, CONTENT)
    assert n_noticed > 200


@pytest.mark.parametrize("header", [{"format": 2}, {"format": 1, "of": "other data"}])
def test_a_file_of_something_else_is_refused_by_name(file, header):
    file._replace(header=header).write(CONTENT)
    with pytest.raises(Unusable) as error:
        file._replace(header={"format": 1, "of": "these data"}).read()
    assert "not" in str(error.value)


def test_records_that_are_not_expected_are_refused(file):
    file.write(CONTENT)
    with pytest.raises(Unusable, match="damaged"):
        file._replace(classes=()).read()


EXPLODED = []


def explode():
    EXPLODED.append(1)


class Bomb:
    """Unpickling it calls a function."""

    def __reduce__(self):
        return explode, ()


def test_no_code_in_a_file_is_run(file):
    file.write(CONTENT)
    bomb = np.array([Bomb()], dtype=object)
    with ZipFile(file.path) as archive:
        state = archive.read("state.json")
    with ZipFile(file.path, "w") as archive:
        archive.writestr("state.json", state)
        with archive.open("0.npy", "w") as member:
            np.lib.format.write_array(member, bomb, allow_pickle=True)
    with pytest.raises(Unusable, match="damaged"):
        file.read()
    file.path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(Unusable, match="damaged"):
        file.read()
    assert EXPLODED == []
    # the bomb is one
    pickle.loads(file.path.read_bytes())
    assert EXPLODED.pop()


# ----------------------------------------------------------------------- failing writes


class Breaking:
    """Lets the n-th system call of a write fail."""

    def __init__(self, monkeypatch, n):
        self.left = n
        monkeypatch.setattr(module, "open", self.open, raising=False)
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, self.breaking(getattr(os, name)))

    def breaking(self, function):
        def call(*args, **kwargs):
            self.left -= 1
            if self.left == 0:
                raise OSError(28, "No space left on device")
            return function(*args, **kwargs)

        return call

    def open(self, *args):
        file = open(*args, buffering=0)  # noqa: SIM115 - the caller closes it
        return Proxy(file, self.breaking(file.write))


class Proxy:
    """A file with another method to write."""

    def __init__(self, file, write):
        self._file, self.write = file, write

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()


def test_an_error_at_any_single_write_leaves_the_earlier_file(file):
    file.write(CONTENT)
    n_failed = 0
    for n in range(1, 200):
        with pytest.MonkeyPatch.context() as patch:
            breaking = Breaking(patch, n)
            try:
                file.write(NEWER)
            except OSError:
                n_failed += 1
        # the last one is that of the folder, whose failure is no harm
        expected = CONTENT if n <= n_failed else NEWER
        assert_same(file.read(), expected)
        assert os.listdir(file.path.parent) == ["fit.npz"]
        if breaking.left > 0:
            break
        file.write(CONTENT)
    assert n_failed > 10


def test_a_limit_of_the_system_is_an_error_like_any_other(file):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    schedule = Schedule(file, 0.0)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limit[1]))
    try:
        with pytest.warns(UserWarning, match=r"fit\.npz could not be written.*goes on"):
            schedule.write(lambda: CONTENT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert file.read() is None
    # it is tried again, and one warning is enough
    schedule.write(lambda: CONTENT)
    assert_same(file.read(), CONTENT)


def test_files_of_killed_processes_are_removed_after_a_while(file):
    file.write(CONTENT)
    old, new = (file.path.with_name(f"fit.npz.{n}.tmp") for n in "12")
    for path in old, new:
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 1e6,) * 2)
    file.write(NEWER)
    assert sorted(os.listdir(file.path.parent)) == ["fit.npz", "fit.npz.2.tmp"]


def test_a_schedule_is_due_after_its_interval(file, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    schedule = Schedule(file, 30.0)
    assert not schedule.is_due
    now[0] = 30.0
    assert schedule.is_due
    schedule.write(lambda: CONTENT)
    assert not schedule.is_due
