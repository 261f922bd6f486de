"""Compiled code on disk, and when it is compiled again.

numba keeps compiled code beside the file of a function, and compiles it again when that
file changes.  The loops consist of many files, so here they have a folder of their own
inside numba's, named by a fingerprint of all these files and of numba's version: after
an edit of any of them, the folder is another one.  numba still decides where its folder
is, so that ``NUMBA_CACHE_DIR`` holds.

Nothing that is wrong with a folder may do harm.  Code that cannot be read is removed
and compiled again; where nothing can be written, code lives as long as the process.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from threading import Lock
from typing import Any

import numba
import numpy as np

from sk_effprop.core.compiled._jit import OPTIONS, cfunc, njit
from sk_effprop.core.compiled.functions import activation_signature, loss_signature

PACKAGE = Path(__file__).parent
# a module of the package that another one imports from
IMPORTED = re.compile(r"^\s*from sk_effprop\.([\w.]+) import", re.MULTILINE)
FINGERPRINT_LENGTH = 16
# numba makes its settings when it is imported, so that no type checker knows them
settings: Any = numba.config
_settings = Lock()


def fingerprint(package: Path = PACKAGE) -> str:
    """Return a hash of the files of the loops, and of all that these import of core."""
    files = sorted(package.glob("*.py"))
    top = package.parent.parent
    names = {
        name
        for path in files
        for name in IMPORTED.findall(path.read_text(encoding="utf-8"))
    }
    imported = [top.joinpath(*name.split(".")).with_suffix(".py") for name in names]
    files += sorted(path for path in imported if path.is_file() and path not in files)
    whole = sha256(numba.__version__.encode())
    for path in files:
        whole.update(path.name.encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()[:FINGERPRINT_LENGTH]


@cache
def cache_folder() -> Path | None:
    """Return the folder for compiled code, or None if there is no place for one."""
    try:
        path = str(njit(cache=True)(fingerprint).stats.cache_path)
        return Path(path, f"sk_effprop-{fingerprint()}")
    except (RuntimeError, OSError):
        return None


class Kept:
    """A function that is compiled when it is first needed, and then kept on disk.

    Parameters
    ----------
    name : str
        Name of its folder.
    compile_ : callable
        Returns the compiled function, given ``cache`` as numba's decorators have it.
    """

    def __init__(self, name: str, compile_: Callable[..., Any]) -> None:
        self.name, self.compile_ = name, compile_
        folder = cache_folder()
        self.folder = None if folder is None else folder / name
        self._function: Any = None

    @property
    def is_kept(self) -> bool:
        """True if compiled code is on disk already."""
        return self.folder is not None and any(self.folder.rglob("*.nbc"))

    def use(self, use: Callable[[Any], Any]) -> Any:
        """Return ``use(function)``, which is what makes numba compile and keep it.

        numba raises whatever reading or writing a file raises.
        """
        # If it was only not possible to keep the function, it is there the second time.
        for is_broken in (False, False, True):
            if is_broken:
                self.forget()
            with suppress(Exception):
                return use(self._made())
        self._function = self.compile_(cache=False)
        return use(self._function)

    def forget(self) -> None:
        """Remove what is on disk."""
        self._function = None
        if self.folder is not None:
            rmtree(self.folder, ignore_errors=True)

    def _made(self) -> Any:
        if self._function is None:
            self._function = self._make()
        return self._function

    def _make(self) -> Any:
        if self.folder is None:
            return self.compile_(cache=False)
        # numba asks for its folder when a function is decorated, and only then
        with _settings:
            earlier = settings.CACHE_DIR
            settings.CACHE_DIR = str(self.folder)
            try:
                return self.compile_(cache=True)
            finally:
                settings.CACHE_DIR = earlier


class Driver(Kept):
    """A driver for one precision and number of lanes."""

    def __init__(self, function: Callable[..., None], dtype: Any, width: int) -> None:
        def compile_(**options: Any) -> Any:
            return njit(**OPTIONS, no_cfunc_wrapper=True, **options)(function)

        name = f"{function.__name__}-{np.dtype(dtype)}-{width}"
        super().__init__(name, compile_)

    def __call__(self, *args: Any) -> None:
        self.use(lambda function: function(*args))


driver = cache(Driver)


@cache
def _c_function(function: Callable[..., Any], dtype: Any, signature: Any) -> Any:
    """Compile an activation function or a loss."""

    def compile_(**options: Any) -> Any:
        kind = signature(numba.from_dtype(np.dtype(dtype)))
        return cfunc(kind, **OPTIONS, **options)(function)

    name = f"{function.__name__}-{np.dtype(dtype)}"
    return Kept(name, compile_).use(lambda compiled: compiled)


def address_of_activation(function: Callable[..., Any], dtype: Any) -> int:
    """Return the address of a compiled activation function."""
    return int(_c_function(function, dtype, activation_signature).address)


def address_of_loss(function: Callable[..., Any], dtype: Any) -> int:
    """Return the address of a compiled loss."""
    return int(_c_function(function, dtype, loss_signature).address)
