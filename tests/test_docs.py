"""The examples in the documentation run, and print what is said there."""

import re
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

mpl.use("Agg")

DOCS = Path(__file__).parent.parent / "docs"
# a block of Python and, right after it, what it prints
EXAMPLE = re.compile(
    r"^```python([^\n]*)\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", re.M | re.S
)


PAGES = [
    "checkpoints.md", "diagnosis.md", "distributed.md", "monitoring.md",
    "out_of_core.md", "pictures.md", "tables.md", "tricks.md",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_and_print_what_it_shows(capsys, page):
    namespace = {}
    examples = EXAMPLE.findall((DOCS / page).read_text(encoding="utf-8"))
    examples = [one for one in examples if page != "tricks.md" or one[2]]
    assert examples
    for needs, source, shown in examples:
        if "callbacks" in needs and find_spec("sklearn.callback") is None:
            continue
        exec(compile(source, page, "exec"), namespace)
        printed = capsys.readouterr().out
        if shown:
            assert printed == shown, source
    plt.close("all")


def test_every_picture_of_a_page_is_there():
    text = (DOCS / "pictures.md").read_text(encoding="utf-8")
    pictures = re.findall(r"^!\[[^]]+\]\(([^)]+)\)$", text, re.M)
    assert len(pictures) > 5
    for picture in pictures:
        assert (DOCS / picture).read_bytes().startswith(b"\x89PNG"), picture
