"""docs/export.md keeps its word."""

import doctest
from pathlib import Path

import pytest

from tests.test_readme import blocks

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


def test_the_examples_run():
    """One after the other, with the results that are printed there."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("skops")
    text = "\n".join(blocks(PAGE.read_text(encoding="utf-8"), "python"))
    examples = doctest.DocTestParser().get_doctest(text, {}, "export.md", None, None)
    assert len(examples.examples) > 20
    assert doctest.DocTestRunner().run(examples).failed == 0
