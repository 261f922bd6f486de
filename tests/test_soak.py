"""Random fits, a few of those of an hour."""

import sys

import pytest

from benchmarks.soak import ALLOWED_GROWTH, Sample, Soak, growth

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_random_fits_leave_nothing_behind():
    soak = Soak().run(600.0, most_fits=30)
    assert soak.results["fitted"] > soak.results["refused"]
    middle, last = soak.samples[2], soak.samples[-1]
    # compiled loops are still being loaded; a leak of the data would be larger
    assert last.megabytes - middle.megabytes < 6.0 * ALLOWED_GROWTH
    assert last.n_files <= middle.n_files + 1
    assert last.n_threads <= middle.n_threads + 1


def test_a_leak_is_noticed():
    samples = [Sample(i, i, 100.0 + 2.0 * i, 5, 1) for i in range(40)]
    assert growth(samples) == pytest.approx(20.0)
