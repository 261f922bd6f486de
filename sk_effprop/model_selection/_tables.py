"""Tables for terminals and notebooks."""

from collections.abc import Sequence
from html import escape

STYLE = """
<style scoped>
.sk-effprop-table { border-collapse: collapse; font-size: 0.9em; color: inherit; }
.sk-effprop-table caption { text-align: left; padding: 0.3em 0; }
.sk-effprop-table th, .sk-effprop-table td { padding: 0.2em 0.7em; text-align: right;
  white-space: nowrap; border-bottom: 1px solid rgba(128, 128, 128, 0.35); }
.sk-effprop-table .text { text-align: left; }
.sk-effprop-table .strong td { font-weight: bold; }
</style>
"""


class Table:
    """Rows of cells under a header.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
    n_text : int
        The first columns that are aligned to the left.
    caption : str
    strong : sequence of int
        Numbers of the rows that stand out.
    """

    def __init__(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        n_text: int,
        caption: str = "",
        strong: Sequence[int] = (),
    ) -> None:
        self.header, self.rows, self.n_text = header, rows, n_text
        self.caption, self.strong = caption, strong

    def text(self) -> str:
        """Return the table with aligned columns."""
        widths = [
            max(map(len, column))
            for column in zip(self.header, *self.rows, strict=True)
        ]
        lines = [self._line(cells, widths) for cells in (self.header, *self.rows)]
        return "\n".join(filter(None, (self.caption, *lines)))

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        padded = [
            cell.ljust(width) if i < self.n_text else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    def html(self) -> str:
        """Return the table as HTML that follows a light or dark page."""
        body = "".join(
            f'<tr class="strong">{self._cells("td", row)}</tr>'
            if i in self.strong
            else f"<tr>{self._cells('td', row)}</tr>"
            for i, row in enumerate(self.rows)
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        return (
            f'<div>{STYLE}<table class="sk-effprop-table">{caption}<thead><tr>'
            f"{self._cells('th', self.header)}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>"
        )

    def _cells(self, tag: str, cells: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="text">{escape(cell)}</{tag}>'
            if i < self.n_text
            else f"<{tag}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )


def to_frame(rows: Sequence[object]) -> object:
    """Return named tuples as a pandas DataFrame."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_frame needs pandas: pip install pandas") from error
    return pd.DataFrame(rows)
