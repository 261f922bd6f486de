"""The experiments of docs/examples, and the page that lists them."""

import ast
import fnmatch
import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SPEC = importlib.util.spec_from_file_location("paper_page", ROOT / "docs" / "paper.py")
paper = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(paper)
EXAMPLES = paper.read_examples()
PAGE = paper.PAGE.read_text(encoding="utf-8")
# they take about a second
QUICK = ("X6", "X13", "X21")

each_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=[example.number for example in EXAMPLES]
)


def test_every_experiment_has_one_example():
    assert [example.number for example in EXAMPLES] == [f"X{k}" for k in range(1, 22)]


@each_example
def test_an_example_begins_as_the_gallery_wants_it(example):
    source = example.path.read_text(encoding="utf-8")
    compile(source, example.path, "exec")
    title, line, *_ = ast.get_docstring(ast.parse(source)).splitlines()
    assert re.fullmatch(r"X\d+: .+", title)
    assert line == "=" * len(title)
    assert example.path.stem.startswith(f"plot_x{int(example.number[1:]):02}_")
    assert "\n# %%\n" in source


@each_example
def test_the_tests_that_an_example_names_exist(example):
    files, patterns = [], []
    for name in re.findall(r"``([^`]+)``", example.tests):
        (files if name.endswith(".py") else patterns).append(name)
    sources = [(ROOT / name).read_text(encoding="utf-8") for name in files]
    functions = re.findall(r"^def (test_\w+)", "\n".join(sources), re.M)
    assert functions
    for pattern in patterns:
        assert fnmatch.filter(functions, pattern), pattern


@each_example
def test_the_page_says_what_the_example_does(example):
    assert example.head in PAGE
    source = example.path.read_text(encoding="utf-8")
    verdict = paper.verdict_of(paper.read_outcomes(PAGE)[example.number])
    assert f'"{example.number}: {verdict}: ' in source


@pytest.mark.no_cover
@pytest.mark.parametrize("number", QUICK)
def test_an_example_runs_and_ends_as_the_page_says(number):
    pytest.importorskip("matplotlib")
    (example,) = [example for example in EXAMPLES if example.number == number]
    outcome = example.run()
    shown = paper.read_outcomes(PAGE)[number]
    assert paper.verdict_of(outcome) == paper.verdict_of(shown)


def test_an_example_whose_claim_is_refuted_stops_the_page(tmp_path):
    broken = EXAMPLES[0]._replace(path=tmp_path / "plot_x01_broken.py")
    broken.path.write_text("assert 1 < 0\nprint('X1: holds: 1 is small')\n")
    with pytest.raises(subprocess.CalledProcessError):
        broken.run()
