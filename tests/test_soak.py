"""Random fits for some seconds leave nothing behind."""

import sys

import pytest

from benchmarks.soak import ALLOWED_GROWTH, Sample, Soak, growth

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_memory_is_flat_over_random_fits():
    soak = Soak().run(8.0)
    assert soak.results["fitted"] > soak.results["refused"]
    if len(soak.samples) >= 8:
        assert growth(soak.samples) < ALLOWED_GROWTH
    half = len(soak.samples) // 2
    assert soak.samples[-1].n_files <= soak.samples[half].n_files + 1
    assert soak.samples[-1].n_threads <= soak.samples[half].n_threads + 1


def test_a_leak_is_noticed():
    samples = [Sample(i, i, 100.0 + 2.0 * i, 5, 1) for i in range(40)]
    assert growth(samples) == pytest.approx(50.0)
