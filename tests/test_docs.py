"""The examples in the documentation run, and print what is said there."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

import sk_effprop

mpl.use("Agg")

DOCS = Path(__file__).parent.parent / "docs"
# a block of Python and, right after it, what it prints
EXAMPLE = re.compile(
    r"^```python([^\n]*)\n(.*?)^```$(?:\n\n^```text\n(.*?)^```$)?", re.M | re.S
)


PAGES = [
    "checkpoints.md", "diagnosis.md", "distributed.md", "monitoring.md",
    "out_of_core.md", "pictures.md", "tables.md", "tricks.md",
    "index.md", "extending.md",
    "how_to/mixed_columns.md", "how_to/intervals.md", "how_to/conformal.md",
    "how_to/forecasting.md", "how_to/matlab.md", "how_to/r_nnet.md",
    "how_to/streaming.md", "how_to/compiling.md", "how_to/deployment.md",
    "ko/index.md", "ko/tour.md", "ko/tricks.md",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_and_print_what_it_shows(
    capsys, page, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # some examples write files
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


SITE = sorted(
    path
    for path in DOCS.rglob("*.md")
    if not {"_build", "auto_examples", "generated"} & {*path.parts}
)
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


def entries(page):
    """Files that the toctrees of a page name, without suffix."""
    text = "".join(TOCTREE.findall(page.read_text(encoding="utf-8")))
    lines = [line for line in text.splitlines() if line and not line.startswith(":")]
    names = [re.sub(r".*<(.*)>", r"\1", line) for line in lines]
    return {(page.parent / name).resolve() for name in names}


def test_every_page_is_in_a_toctree_and_every_entry_exists():
    named = set().union(*map(entries, SITE))
    pages = {page.resolve().with_suffix("") for page in SITE} - {
        DOCS.resolve() / "index"
    }
    assert pages <= named
    others = {DOCS.resolve() / "auto_examples/index", DOCS.resolve() / "reference/api"}
    assert named - pages == others


def anchors(page):
    """Anchors that GitHub makes of the headings."""
    text = re.sub(
        r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", SITE, ids=lambda page: str(page.relative_to(DOCS)))
def test_the_links_of_a_page_lead_somewhere(page):
    for file, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / file if file else page
        assert target.exists(), file
        if anchor:
            assert anchor in anchors(target), (file, anchor)


def test_the_reference_names_every_public_object():
    api = (DOCS / "reference" / "api.rst").read_text(encoding="utf-8")
    for module in ("", *(f".{name}" for name in sk_effprop._ON_DEMAND)):
        package = import_module(f"sk_effprop{module}")
        for name in package.__all__:
            if not name.startswith("__"):
                assert f"sk_effprop{module}.{name}" in api
