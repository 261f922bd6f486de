"""A cluster of two processes, for all tests of this folder."""

import logging

import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="package")
def cluster():
    """Two workers with one thread each."""
    settings = {"distributed.logging.distributed": "critical"}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):  # fmt: skip
        yield cluster


@pytest.fixture
def client(cluster):
    """A client that is not the current one, so that None means this process."""
    with distributed.Client(cluster, set_as_default=False) as client:
        yield client
