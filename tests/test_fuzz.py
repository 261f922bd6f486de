"""Files that are not what they should be: a sentence, and no harm."""

import numpy as np
import pytest

pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sk_effprop import EffPropRegressor
from sk_effprop.__main__ import Refusal, read_table
from sk_effprop.export import SKOPS_TYPES
from tests.estimators.problems import SGD, problem

many = settings(
    max_examples=300,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
CELLS = st.one_of(
    st.sampled_from(["1", "2.5", "-0", "1e999", "nan", "inf", "", " ", "a", '"', "é"]),
    st.integers(-3, 3).map(str),
    st.text(max_size=4),
)
TABLES = st.tuples(
    st.lists(st.sampled_from(["x", "y", "z", "", "y "]), min_size=1, max_size=3),
    st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=14),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)


def as_bytes(table):
    """The content of a file."""
    header, rows, separator, end = table
    text = end.join(separator.join(row) for row in [header, *rows])
    return text.encode("utf-8", errors="surrogatepass")


@seed(0)
@many
@given(content=st.one_of(st.binary(max_size=200), TABLES.map(as_bytes)))
def test_any_file_is_a_table_or_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    try:
        table = read_table(str(path), "y")
    except Refusal:
        return
    assert len(table.X) == len(table.y) >= 10
    assert set(table.X) == {*table.numbers, *table.categories}
    assert not np.isinf(table.X[table.numbers].to_numpy(float)).any()


def test_damaged_models_of_skops_are_refused_or_unharmed():
    io = pytest.importorskip("skops.io")
    X, y = problem(EffPropRegressor)
    model = EffPropRegressor(**SGD).fit(X, y)
    whole, rng, n_refused = io.dumps(model), np.random.default_rng(0), 0
    for _ in range(60):
        data = bytearray(whole)
        if rng.uniform() < 0.5:
            data = data[: rng.integers(len(data))]
        else:
            data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        try:
            back = io.loads(bytes(data), trusted=SKOPS_TYPES)
        # which types of errors there are is the business of skops
        except Exception:
            n_refused += 1
        else:
            np.testing.assert_array_equal(back.predict(X), model.predict(X))
    assert n_refused > 30
