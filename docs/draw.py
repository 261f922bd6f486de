"""Draw the pictures of pictures.md: python docs/draw.py.

The code blocks are run in their order, and what a block has drawn last is saved as the
picture that follows it.
"""

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

DOCS = Path(__file__).parent
# a block of Python, or the address of a picture
PART = re.compile(r"^```python\n(.*?)^```$|^!\[[^]]*\]\(([^)]+)\)$", re.M | re.S)


def main() -> None:
    """Run all blocks, and save all pictures."""
    mpl.use("Agg")
    namespace: dict[str, object] = {}
    for source, picture in PART.findall((DOCS / "pictures.md").read_text("utf-8")):
        if picture:
            plt.gcf().savefig(DOCS / picture, dpi=80)
            plt.close("all")
            print(f"Saved {picture}")
        else:
            exec(compile(source, "pictures.md", "exec"), namespace)


if __name__ == "__main__":
    main()
