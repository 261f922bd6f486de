"""The BLAS limit of overlapping fits."""

from threading import Thread

import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits

from sk_effprop._threads import SharedLimit


def n_blas_threads():
    """The largest number of threads of any loaded BLAS library."""
    libraries = ThreadpoolController().select(user_api="blas").info()
    return max((library["num_threads"] for library in libraries), default=1)


@pytest.fixture(autouse=True)
def two_threads():
    """Two BLAS threads outside the limit, whatever the machine has."""
    with threadpool_limits(2, user_api="blas"):
        if n_blas_threads() != 2:
            pytest.skip("this BLAS has one thread")
        yield


def test_the_limit_holds_until_the_last_of_overlapping_users_leaves():
    limit = SharedLimit()
    limit.__enter__()
    limit.__enter__()
    assert n_blas_threads() == 1
    limit.__exit__(None, None, None)
    assert n_blas_threads() == 1
    limit.__exit__(None, None, None)
    assert n_blas_threads() == 2


def test_the_limit_is_lifted_after_an_error():
    limit = SharedLimit()
    with pytest.raises(KeyError), limit:
        raise KeyError
    assert n_blas_threads() == 2


def test_many_threads_leave_the_setting_as_it_was():
    limit, inside = SharedLimit(), []

    def use():
        for _ in range(20):
            with limit:
                inside.append(n_blas_threads())

    threads = [Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == [1] * 160
    assert n_blas_threads() == 2
