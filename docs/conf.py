"""Sphinx configuration of the documentation site: see CONTRIBUTING.md."""

import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
sys.path.insert(0, str(Path(__file__).parent.parent))

from sk_effprop import __version__

project = "sk_effprop"
author = "The sk_effprop developers"
release = version = __version__

extensions = [
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "examples", "_templates", "auto_examples/**/*.ipynb"]
templates_path = ["_templates"]

# the anchors are those that GitHub makes
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]

autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"plot_",
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,  # that page loads scripts from the network
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": ("_repr_html_",),  # no addresses of matplotlib's objects
}

BENCHMARKS = (Path(__file__).parent / "benchmarks").glob("*.md")
WIDE_PAGES = ["paper", "migrating", *(f"benchmarks/{p.stem}" for p in BENCHMARKS)]

html_theme = "pydata_sphinx_theme"
html_title = "sk_effprop"
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_favicon = "_static/favicon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "github_url": "https://github.com/sk-effprop/sk_effprop",
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **{page: [] for page in WIDE_PAGES},
    },
}
html_sidebars = {"index": [], "ko/index": []}
copyright = author

# each is checked by the tests; the network decides about the rest
linkcheck_ignore = [r"https://github\.com/sk-effprop/.*"]


def _skip_what_scikit_learn_documents(
    app: Any, what: str, name: str, member: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the members that classes inherit from other packages."""
    function = getattr(member, "fget", None) or member
    module = getattr(function, "__module__", None) or ""
    if name.endswith("_request") or module.split(".")[0] in {"sklearn", "builtins"}:
        return True
    return None


def _link_pages_not_files(app: Any, name: str, source: list[str]) -> None:
    """Turn the names of files, which GitHub links, into those of pages."""
    text = re.sub(r"\[[\w/-]+\.md\]\((?!https?:)", "[](", source[0])
    source[0] = re.sub(r"\]\(examples/(\w+)\.py\)", r"](auto_examples/\1.rst)", text)


def _link_pages_of_docstrings(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Link the pages that docstrings name, such as docs/extending.md."""
    lines[:] = [re.sub(r"docs/([\w/]+)\.md", r":doc:`/\1`", line) for line in lines]


def setup(app: Any) -> None:
    """Connect what adapts pages and docstrings to the site."""
    app.connect("autodoc-skip-member", _skip_what_scikit_learn_documents)
    app.connect("autodoc-process-docstring", _link_pages_of_docstrings)
    app.connect("source-read", _link_pages_not_files)
