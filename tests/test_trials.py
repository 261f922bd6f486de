"""Short forms of the trials among the benchmarks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def run_trial(*arguments):
    """What ``python -m benchmarks`` prints; it fails if the trial fails."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fits_that_are_killed_end_bit_for_bit():
    pytest.importorskip("numba")
    report = run_trial("kills", "--kills", "20")
    assert " 0 otherwise, 0 with an error" in report
    assert int(report.split()[0]) >= 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_threads_processes_and_forks_do_not_influence_each_other():
    pytest.importorskip("numba")
    report = run_trial("concurrency", "--processes", "2")
    assert report.count(" 0 different") == 4
    assert "as before" in report
