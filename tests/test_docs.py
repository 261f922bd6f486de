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


SITE = sorted(
    path
    for path in DOCS.rglob("*.md")
    if not {"_build", "auto_examples", "generated"} & {*path.parts}
)
# their examples have a test of their own: of each recipe alone, and of doctests
ELSEWHERE = {
    DOCS / "packages.md": "test_packages",
    DOCS / "export.md": "export.test_docs",
}
PAGES = [
    page
    for page in SITE
    if "```python" in page.read_text(encoding="utf-8") and page not in ELSEWHERE
]
each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda p: str(p.relative_to(DOCS))
)


def examples_of(page):
    """What each block needs, its source and what it prints; files are written first."""
    examples = EXAMPLE.findall(page.read_text(encoding="utf-8"))
    return sorted(examples, key=lambda example: example[0] != " first")


@each_page
def test_the_examples_of_a_page_run_and_print_what_it_shows(
    capsys, page, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # some examples write files
    namespace = {}
    for needs, source, shown in examples_of(page):
        if "callbacks" in needs and find_spec("sklearn.callback") is None:
            continue
        exec(compile(source, page, "exec"), namespace)
        printed = capsys.readouterr().out
        if shown:
            assert printed == shown, source
    plt.close("all")


@each_page
def test_no_block_of_a_page_escapes_the_test(page):
    text = page.read_text(encoding="utf-8")
    assert len(examples_of(page)) == len(re.findall(r"^ *```py", text, re.M))


@pytest.mark.parametrize("name", ELSEWHERE.values())
def test_the_other_pages_have_a_test_of_their_own(name):
    assert "PAGE" in vars(import_module(f"tests.{name}"))


def test_every_picture_of_a_page_is_there():
    for page in SITE:
        text = page.read_text(encoding="utf-8")
        for picture in re.findall(r"^!\[[^]]+\]\(([^)]+)\)$", text, re.M):
            start = (page.parent / picture).read_bytes()[:4]
            assert start == b"\x89PNG", (page, picture)


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
