"""One thread of BLAS for all experiments."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread():
    """The matrices are small: several threads only get into each other's way."""
    with threadpool_limits(1, user_api="blas"):
        yield
