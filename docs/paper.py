"""Measure the paper's claims again, and write the outcomes into paper.md.

``python docs/paper.py`` runs all experiments of ``docs/examples``, which takes some
minutes; ``python docs/paper.py X4 X15`` runs these two and keeps the other rows.

An example begins with the fields Paper, Claim and Tests, and its last line of output is
its outcome, such as "X4: holds in part: shuffling adds ...".
"""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parent
PAGE = DOCS / "paper.md"
VERDICTS = ("holds", "holds in part", "does not hold")
HEADER = "| | paper | claim | outcome | shown by |\n|---|---|---|---|---|\n"
# the part of the page that is written here
PART = re.compile(r"(<!-- outcomes -->\n).*(<!-- end of outcomes -->\n)", re.S)


class Example(NamedTuple):
    """An experiment as its docstring describes it."""

    path: Path
    number: str
    paper: str
    claim: str
    tests: str

    @property
    def head(self) -> str:
        """First cells of its row."""
        return f"| {self.number} | {self.paper} | {_cell(self.claim)} |"

    def row(self, outcome: str) -> str:
        """Row of the table."""
        link = f"[{self.path.stem}](examples/{self.path.name})"
        return f"{self.head} {_cell(outcome)} | {link}; {_cell(self.tests)} |"

    def run(self) -> str:
        """Outcome that the experiment prints, such as "holds: ..."."""
        root = str(DOCS.parent)
        done = subprocess.run(
            [sys.executable, str(self.path)],
            env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": root},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()[-1].removeprefix(f"{self.number}: ")


def read_examples() -> list[Example]:
    """All experiments in the order of their numbers."""
    return [_read(path) for path in sorted(DOCS.glob("examples/plot_x*.py"))]


def _read(path: Path) -> Example:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    fields = dict(re.findall(r"^:(\w+):((?:.*\n)(?:[ ]+.*\n)*)", text, re.M))
    paper, claim, tests = (
        " ".join(fields[name].split()) for name in ("Paper", "Claim", "Tests")
    )
    return Example(path, text.partition(":")[0], paper, claim, tests)


def _cell(text: str) -> str:
    """Text of a docstring or a print as Markdown."""
    return text.replace("``", "`").replace("|", "\\|")


def read_outcomes(page: str) -> dict[str, str]:
    """Outcome of each experiment on the page."""
    rows = re.findall(r"^\| (X\d+) \|(.*)\|$", page, re.M)
    cells = {number: re.split(r" (?<!\\)\| ", row) for number, row in rows}
    return {number: row[2].replace("\\|", "|") for number, row in cells.items()}


def verdict_of(outcome: str) -> str:
    """One of VERDICTS."""
    verdict = outcome.partition(":")[0]
    if verdict not in VERDICTS:
        raise ValueError(f"An outcome must begin with one of {VERDICTS}: {outcome!r}")
    return verdict


def main(numbers: list[str]) -> None:
    """Run the experiments with these numbers, or all, and write the page."""
    page, examples = PAGE.read_text(encoding="utf-8"), read_examples()
    outcomes = read_outcomes(page)
    for example in examples:
        if not numbers or example.number in numbers:
            outcomes[example.number] = example.run()
            print(f"{example.number}: {outcomes[example.number]}", flush=True)
    counts = Counter(verdict_of(outcomes[example.number]) for example in examples)
    summary = ", ".join(f'"{name}": {counts[name]}' for name in VERDICTS)
    rows = [example.row(outcomes[example.number]) for example in examples]
    part = f"Outcomes: {summary}.\n\n{HEADER}" + "\n".join(rows) + "\n"
    page = PART.sub(lambda found: found[1] + "\n" + part + "\n" + found[2], page)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
