"""``python -m benchmarks``: names of benchmarks, and options of a single one."""

from inspect import signature

import pytest

from benchmarks import __main__ as command


def run(monkeypatch, *words):
    """Exit status of ``python -m benchmarks`` with these words behind it."""
    monkeypatch.setattr("sys.argv", ["benchmarks", *words])
    return command.main()


def test_options_reach_a_single_benchmark(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "benchmarks.committees.main", lambda options: calls.append(options)
    )
    assert run(monkeypatch, "committees", "--write", "here") == 0
    assert run(monkeypatch, "committees") == 0
    assert calls == [["--write", "here"], []]


def test_several_benchmarks_run_in_turn(monkeypatch):
    calls = []
    monkeypatch.setattr("benchmarks.memory.main", lambda: calls.append("memory"))
    monkeypatch.setattr("benchmarks.soak.main", lambda: calls.append("soak"))
    assert run(monkeypatch, "soak", "memory") == 0
    assert calls == ["soak", "memory"]


def test_the_exit_status_is_that_of_the_trial(monkeypatch):
    monkeypatch.setattr("benchmarks.properties.main", lambda options: 1)
    assert run(monkeypatch, "properties", "--cases", "3") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "usage: python -m benchmarks {online,"),
        (("nothing",), "usage: "),
        (("online", "kills"), "usage: "),
        (("memory", "soak", "--write", "here"), "usage: "),
        (("memory", "--write", "here"), "memory takes no options, got --write here"),
    ],
)
def test_other_words_are_refused(monkeypatch, capsys, words, message):
    assert run(monkeypatch, *words) == 2
    assert capsys.readouterr().out.startswith(message)


@pytest.mark.parametrize("name", [*command.NAMES, *command.TRIALS])
def test_every_benchmark_has_a_main(name):
    # some need packages that are not installed everywhere
    benchmark = pytest.importorskip(f"benchmarks.{name}").main
    assert len(signature(benchmark).parameters) <= 1
