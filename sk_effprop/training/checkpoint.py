"""Checkpoint files, which hold the state of training and are written atomically.

A file is an npz archive: arrays, and a member ``state.json`` that says what they are.
It is written beside its final name, flushed to the disk and then renamed, so that after
a crash, a kill or a full disk there is either the old file or the new one.  Nothing in
a file is ever executed: there is no pickle in it, see :mod:`sk_effprop.core.records`.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from time import monotonic, time
from typing import Any, BinaryIO, NamedTuple
from warnings import warn
from zipfile import ZipFile

import numpy as np

from sk_effprop.core.arrays import Array
from sk_effprop.core.records import pack, unpack

STATE = "state.json"
# A temporary file of this age, in seconds, belongs to a process that was killed.
ABANDONED = 600.0


class Unusable(Exception):
    """Error for a file from which training cannot continue."""


class CheckpointFile(NamedTuple):
    """A file for the state of one fit.

    Attributes
    ----------
    path : Path
    header : dict of str
        Identifies the fit: a file with another header is rejected.
    classes : sequence of type
        The only records that a file may hold.
    """

    path: Path
    header: dict[str, Any]
    classes: Sequence[type]

    def write(self, content: Any) -> None:
        """Replace the file; an error leaves the earlier one as it was.

        Raises
        ------
        OSError
        """
        tree, arrays = pack(content, self.classes)
        state = json.dumps({"header": self.header, "content": tree})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._remove_abandoned()
        # two processes that write the same file do not share this one
        own = f"{self.path.name}.{os.getpid()}-{token_hex(4)}.tmp"
        temporary = self.path.with_name(own)
        try:
            with open(temporary, "xb") as file:
                _write_archive(file, state, arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _flush_folder(self.path.parent)

    def read(self) -> Any:
        """Read the state that was written last; None if there is no file.

        Raises
        ------
        Unusable
            If the file is damaged, or was written by another version.
        """
        try:
            state, arrays = _read_archive(self.path)
            header = json.loads(state)["header"]
        except FileNotFoundError:
            return None
        # readers of damaged archives raise errors of many types
        except Exception as error:
            raise Unusable(f"it is damaged ({error!r})") from error
        for name, expected in self.header.items():
            if header.get(name) != expected:
                raise Unusable(f"its {name} is {header.get(name)!r}, not {expected!r}")
        try:
            return unpack(json.loads(state)["content"], arrays, self.classes)
        except Exception as error:
            raise Unusable(f"it is damaged ({error!r})") from error

    def _remove_abandoned(self) -> None:
        for path in self.path.parent.glob(f"{self.path.name}.*.tmp"):
            with suppress(OSError):
                if time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()


def _write_archive(file: BinaryIO, state: str, arrays: Sequence[Array]) -> None:
    with ZipFile(file, "w") as archive:
        archive.writestr(STATE, state)
        for number, array in enumerate(arrays):
            with archive.open(f"{number}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_archive(path: Path) -> tuple[bytes, list[Array]]:
    """Read all members; an archive has a checksum of each."""
    with ZipFile(path) as archive:
        n_arrays = len(archive.namelist()) - 1
        state, arrays = archive.read(STATE), []
        for number in range(n_arrays):
            with archive.open(f"{number}.npy") as member:
                arrays.append(np.lib.format.read_array(member, allow_pickle=False))
                # the checksum is compared at the end of the member
                member.read()
    return state, arrays


def _flush_folder(folder: Path) -> None:
    """Flush the folder entry to disk, on systems that can open a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Schedule:
    """Writes a file every so many seconds, and warns where that is not possible.

    Parameters
    ----------
    file : CheckpointFile
    interval : float
        Seconds.
    """

    def __init__(self, file: CheckpointFile, interval: float) -> None:
        self.file, self.interval = file, interval
        self._last, self._has_warned = monotonic(), False

    @property
    def is_due(self) -> bool:
        """True if the interval is over."""
        return monotonic() - self._last >= self.interval

    def write(self, content: Callable[[], Any]) -> None:
        """Write the file; if that fails, warn and let training continue."""
        try:
            self.file.write(content())
        except (OSError, MemoryError) as error:
            self._warn(error)
        self._last = monotonic()

    def _warn(self, error: Exception) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        warn(
            f"The checkpoint {self.file.path} could not be written ({error}). Training "
            "goes on without it. Give checkpoint a folder that can be written, on a "
            "disk with free space.",
            stacklevel=2,
        )
