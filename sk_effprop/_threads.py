"""One BLAS thread while any fit runs, shared by all fits of a process.

The number of BLAS threads is a setting of the whole process, and the order in which
threads add up rounding errors decides the last bits of a product.  With a limit of its
own, a fit that ends while another one still runs would lift the limit of that one, or
restore the limit that it found instead of the user's setting.  So the fits are counted:
the first one sets the limit, and the last one restores what the first one found.
"""

import os
from threading import Lock
from types import TracebackType
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController


def _let_any_thread_change_the_limit() -> None:
    """Let every thread change the number of threads that OpenBLAS uses.

    Newer versions of threadpoolctl let only one thread change it, and ignore the others
    silently.  Fits in several threads share one limit: the first fit that begins sets
    it, and the last one that ends, in whatever thread, must be able to lift it.
    """
    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


class SharedLimit:
    """Context manager that limits BLAS to one thread while at least one user is in it.

    It can be entered by any number of threads at once, and again by the same thread.
    """

    def __init__(self) -> None:
        self._reset()
        # the threads of the parent process do not exist in a forked child
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = Lock()
        self._n_users = 0
        # finding the loaded libraries takes some milliseconds, so it is done once
        self._controller: ThreadpoolController | None = None
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._n_users == 0:
                if self._controller is None:
                    self._controller = ThreadpoolController()
                _let_any_thread_change_the_limit()
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._n_users += 1

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._n_users -= 1
            if self._n_users == 0:
                _let_any_thread_change_the_limit()
                self._limit.restore_original_limits()
                _let_any_thread_change_the_limit()


single_threaded_blas = SharedLimit()
