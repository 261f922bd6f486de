"""docs/packages.md: each recipe runs on its own, and prints what it says."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "packages.md").read_text("utf-8")
RECIPES = re.findall(
    r"^```python needs=(\S+)\n(.*?)^```$\n\n^```text\n(.*?)^```$", PAGE, re.M | re.S
)


def is_installed(name):
    """True if a module can be imported, or a module of a package."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    ("needed", "source", "shown"),
    RECIPES,
    ids=[f"{needed}_{number}" for number, (needed, *_) in enumerate(RECIPES)],
)
def test_a_recipe_prints_what_the_page_shows(needed, source, shown, tmp_path):
    """In a process of its own, as packages change settings of the whole process."""
    missing = [name for name in needed.split(",") if not is_installed(name)]
    if missing:
        pytest.skip(f"{missing} not installed")
    root = str(Path(__file__).parent.parent)
    start = f"import sys; sys.path.insert(0, {root!r})\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", start + source],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown


def test_every_recipe_is_tested():
    assert PAGE.count("```python") == len(RECIPES) > 12
    rows = re.findall(r"^\| .* \| \[(.*?)\]\(#(.*?)\) \|", PAGE, re.M)
    assert [anchor for _, anchor in rows] == re.findall(r"^## (.*)$", PAGE, re.M)
