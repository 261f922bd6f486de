"""What holds for every fit, on thousands of random data sets and settings."""

import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.property_cases import cases, check

# ``python -m benchmarks properties --cases 1000000`` tries more of them
CHUNKS, CASES_PER_CHUNK = 10, 500


@pytest.mark.no_cover  # what these fits run, other tests look at
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_fit_is_sound_or_refused_in_a_sentence(chunk):
    """Chunks, so that several processes can share them; each has its own seed."""

    @seed(chunk)
    @settings(
        max_examples=CASES_PER_CHUNK,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def every_fit_is_sound(case):
        n_fits.append(check(case))

    n_fits = []
    every_fit_is_sound()
    # most cases are fitted, and not refused
    assert sum(n_fits) > CASES_PER_CHUNK / 2
