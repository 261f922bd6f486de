"""Property tests by hypothesis: fits on random data and settings must be valid.

The tests try 5,000 cases; this tries as many as there is time for::

    python -m benchmarks properties --cases 1000000
"""

import argparse
import time

CASES_PER_RUN = 1000


def main(arguments=()):
    """Print the number of cases tried, and the first failure."""
    parser = argparse.ArgumentParser("python -m benchmarks properties")
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args(arguments)
    n_cases, n_fits, n_failures, start = 0, 0, 0, time.process_time()
    for number in range(
        options.seed, options.seed + -(-options.cases // CASES_PER_RUN)
    ):
        fits = []
        try:
            _run(number, fits)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            n_failures += 1
            print(f"seed {number}: {error!r}", *getattr(error, "__notes__", ()))
        n_cases, n_fits = n_cases + len(fits), n_fits + sum(fits)
        seconds = time.process_time() - start
        print(
            f"{n_cases} cases, {n_fits} fitted, {n_cases - n_fits} refused in a "
            f"sentence, {n_failures} runs with a failure; {seconds:.0f} s of a core",
            flush=True,
        )
    return int(n_failures > 0)


def _run(number, fits):
    from hypothesis import HealthCheck, given, seed, settings

    from tests.property_cases import cases, check

    @seed(number)
    @settings(
        max_examples=CASES_PER_RUN,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def every_fit_is_sound(case):
        fits.append(check(case))

    every_fit_is_sound()
