"""Test that fits in threads, processes and forks equal sequential fits bit by bit.

Threads share the limit of BLAS threads and the compiled loops.  Processes begin at the
same time with an empty folder for compiled code, where all of them compile::

    python -m benchmarks concurrency --processes 8
"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from threadpoolctl import threadpool_info

from benchmarks.kills import SETTINGS, fit

FEW = ({"solver": "sgd", "engine": "numba"}, {"solver": "sdlm", "engine": "numba"})
SCRIPT = "from benchmarks.concurrency import digests; print(digests())"


def digests():
    """Digests of the results of a few fits with compiled loops."""
    return " ".join(fit(**settings) for settings in FEW)


def in_threads(n_threads):
    """Count fits in threads with a deviating digest; tell if a BLAS limit remains."""
    before = threadpool_info()
    alone = [fit(**settings) for settings in SETTINGS]
    with ThreadPoolExecutor(n_threads) as pool:
        together = list(pool.map(lambda settings: fit(**settings), SETTINGS * 3))
    n_different = sum(a != b for a, b in zip(alone * 3, together, strict=True))
    return n_different, threadpool_info() != before


def in_processes(n_processes, folder):
    """Count processes that fail or deviate, which share one cache folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", SCRIPT]
    processes = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(n_processes)
    ]
    printed = [process.communicate()[0].strip() for process in processes]
    failed = [process.returncode != 0 for process in processes]
    expected = digests()
    return sum(failed) + sum(text != expected for text in printed)


def after_fork(n_children):
    """Count forked children with other digests than their parent."""
    expected, children = digests(), []
    for _ in range(n_children):
        child = os.fork()
        if not child:
            os._exit(int(digests() != expected))
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


def main(arguments=()):
    """Print the numbers of deviating fits."""
    parser = argparse.ArgumentParser("python -m benchmarks concurrency")
    parser.add_argument("--processes", type=int, default=8)
    n = parser.parse_args(arguments).processes
    # while there is one thread only
    forked = after_fork(n)
    with tempfile.TemporaryDirectory() as folder:
        processes = in_processes(n, Path(folder))
        # a folder that exists already, and that nobody can write to
        Path(folder).chmod(0o500)
        read_only = in_processes(1, Path(folder))
        Path(folder).chmod(0o700)
    threads, leaks = in_threads(n)
    print(
        f"{n} forked processes, {forked} different; {n} with an empty folder, "
        f"{processes} different; one with a read-only folder, {read_only} different; "
        f"{len(SETTINGS) * 3} fits in {n} threads, {threads} different; "
        f"thread-pool settings {'changed' if leaks else 'as before'}."
    )
    return int(bool(forked or processes or read_only or threads or leaks))
