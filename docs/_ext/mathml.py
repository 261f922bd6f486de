"""Formulas as MathML, which browsers show without scripts and without a network."""

from typing import Any

from docutils.nodes import SkipNode
from docutils.utils.math import latex2mathml


def _mathml(node: Any, *, block: bool) -> str:
    return str(latex2mathml.tex2mathml(node.astext(), as_block=block))


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(_mathml(node, block=False))
    raise SkipNode


def _block(translator: Any, node: Any) -> None:
    translator.body.append(f'<div class="math">{_mathml(node, block=True)}</div>')
    raise SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
