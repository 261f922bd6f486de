"""The README keeps its word."""

import ast
import re
from pathlib import Path

import pytest

from sk_effprop import EffPropClassifier
from sk_effprop.estimators._parameters import CLASSIFIER, REGRESSOR

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
KOREAN = (ROOT / "README.ko.md").read_text(encoding="utf-8")


def blocks(text, language):
    """Code blocks in a language, without the fences."""
    return re.findall(rf"^```{language}\b[^\n]*\n(.*?)^```$", text, re.M | re.S)


def test_all_set_up_is_two_commands_of_one_line():
    """One installs and runs the tour, one installs and passes the tests."""
    tour, tests = blocks(README, "sh")
    assert tour.count("\n") == tests.count("\n") == 1
    assert "-m sk_effprop" in tour
    assert "-m pytest" in tests
    assert all("venv" in line and "pip install" in line for line in (tour, tests))


def test_the_korean_readme_has_the_same_commands():
    """A translation must not fall behind."""
    assert blocks(KOREAN, "sh") == blocks(README, "sh")


def test_the_korean_readme_has_the_same_examples():
    """But for their comments; so one of the two has to run."""
    korean, english = (
        [ast.dump(ast.parse(block)) for block in blocks(text, "python")]
        for text in (KOREAN, README)
    )
    assert korean == english


def test_the_first_example_runs(capsys):
    """It prints an accuracy with default parameters."""
    exec(blocks(README, "python")[0], {})
    accuracy = float(capsys.readouterr().out)
    assert accuracy > 0.93


def test_the_textbook_cases_come_out_right(capsys):
    exec(blocks(README, "python")[1], {})
    xor, *scores = capsys.readouterr().out.splitlines()
    assert xor == "[0 1 1 0]"
    assert all(float(score) > 0.999 for score in scores)


def test_the_grid_search_runs(capsys):
    """It is over tricks, and prints what it found."""
    exec(blocks(README, "python")[-2], {})
    assert "'normalize': " in capsys.readouterr().out


def test_the_second_order_example_runs(capsys):
    """The last block prints the five largest eigenvalues."""
    exec(blocks(README, "python")[-1], {})
    printed = capsys.readouterr().out.strip("[] \n")
    values = [float(number) for number in printed.split()]
    assert len(values) == 5
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.0


# they set up another parameter of the table
DETAILS = {"power_t", "annealing_tau", "flow_rates", "class_weight"}
TRICKS = sorted(
    name
    for name, entry in {**CLASSIFIER, **REGRESSOR}.items()
    if entry.section.startswith("4") and entry.alternatives and name not in DETAILS
)


@pytest.mark.parametrize("name", TRICKS)
def test_every_parameter_of_chapter_4_is_in_the_table(name):
    """The table of tricks follows the registry."""
    table = README[README.index("| section of the paper") :]
    assert f"`{name}`" in table[: table.index("\n\n")]


@pytest.mark.parametrize("name", ["activation", "init", "normalize", "learning_rate"])
def test_the_table_names_every_value(name):
    """And every value that can be chosen."""
    row = next(line for line in README.splitlines() if f"| `{name}`" in line)
    default = getattr(EffPropClassifier(), name)
    for value in (default, *CLASSIFIER[name].alternatives):
        if isinstance(value, str):
            assert f'`"{value}"`' in row
