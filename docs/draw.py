"""Draw the pictures of the documentation: python docs/draw.py.

The code blocks of a page are run in their order, and what a block has drawn last is
saved as the picture that follows it.
"""

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

DOCS = Path(__file__).parent
PAGES = ("pictures.md", "how_to/matlab.md")
# a block of Python, or the address of a picture
PART = re.compile(r"^```python\n(.*?)^```$|^!\[[^]]*\]\(([^)]+)\)$", re.M | re.S)


def draw(page: Path) -> None:
    """Run all blocks of a page, and save all its pictures."""
    namespace: dict[str, object] = {}
    for source, picture in PART.findall(page.read_text("utf-8")):
        if picture:
            plt.gcf().savefig(page.parent / picture, dpi=80)
            plt.close("all")
            print(f"Saved {picture}")
        else:
            exec(compile(source, str(page), "exec"), namespace)


def main() -> None:
    """Draw the pictures of all pages."""
    mpl.use("Agg")
    for page in PAGES:
        draw(DOCS / page)


if __name__ == "__main__":
    main()
