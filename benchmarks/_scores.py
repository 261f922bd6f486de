"""Scores kept in a file, and the tables and means that are made of them."""

import json
import os
from pathlib import Path

import numpy as np


class Cache:
    """Scores in a JSON file, if there is a path; written after each, all or nothing."""

    def __init__(self, path=None):
        self.path = None if path is None else Path(path)
        known = self.path is not None and self.path.exists()
        self.scores = json.loads(self.path.read_text()) if known else {}

    def get(self, key, compute):
        """Return the cached score, or compute and store it."""
        if key not in self.scores:
            self.scores[key] = compute()
            if self.path is not None:
                new = self.path.with_suffix(".new")
                new.write_text(json.dumps(self.scores, indent=0))
                os.replace(new, self.path)
        return self.scores[key]


def geometric_mean(values):
    """Geometric mean of any iterable; nan of an empty one."""
    values = list(values)
    return float(np.exp(np.mean(np.log(values)))) if values else float("nan")


def markdown(columns, rows):
    """Format a table in Markdown."""
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
