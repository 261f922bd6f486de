"""The result of a diagnosis: text, a page, a table, and the numbers behind it."""

from typing import Any

from sk_effprop.inspection.diagnosis._findings import Finding
from sk_effprop.inspection.diagnosis._labels import as_text
from sk_effprop.inspection.diagnosis._page import as_html, as_page


class Diagnosis:
    """Findings of :func:`diagnose`, and the numbers that they rest on.

    ``str()`` is a report in sentences; notebooks show a page in light or dark colours.

    Attributes
    ----------
    findings : list of Finding
        Causes, the most important one first; empty for a healthy fit.
    numbers : dict
        What the instruments measured: ``"loss"``, ``"inputs"``, ``"targets"``,
        ``"curvature"`` and ``"gradient"`` are dicts of numbers, and ``"layers"`` is a
        list with a dict for each layer of weights, the first one first.
    estimator : str
        The estimator in words.
    is_verified : bool
        Whether refits have tested the advice.
    """

    def __init__(
        self,
        findings: list[Finding],
        numbers: dict[str, Any],
        *,
        estimator: str,
        is_verified: bool,
    ) -> None:
        self.findings, self.numbers = findings, numbers
        self.estimator, self.is_verified = estimator, is_verified

    def __repr__(self) -> str:
        causes = ", ".join(repr(one.cause) for one in self.findings)
        return f"Diagnosis([{causes}])"

    def __str__(self) -> str:
        lines = [self.estimator, self.summary]
        lines += [f"{i}. {one}" for i, one in enumerate(self.findings, start=1)]
        return "\n".join([*lines, self._losses()])

    @property
    def summary(self) -> str:
        """Number of findings, as a sentence."""
        n = len(self.findings)
        found = (
            "1 finding" if n == 1 else f"{n} findings" if n else "Nothing wrong found"
        )
        tested = "tested by refits" if self.is_verified else "not verified by refits"
        return f"{found}, {tested}." if n else f"{found}."

    def _losses(self) -> str:
        loss = self.numbers["loss"]
        shares = f"training rows {as_text(loss['train'])}"
        if loss["held_out"] is not None:
            shares += f", held-out rows {as_text(loss['held_out'])}"
        if loss["linear"] is not None:
            shares += f", a linear model there {as_text(loss['linear'])}"
        return f"Loss as a share of the best constant's: {shares}."

    def _repr_html_(self) -> str:
        return as_html(self.estimator, self.summary, self.findings, self.numbers)

    def to_html(self) -> str:
        """Return the diagnosis as a whole HTML document.

        Returns
        -------
        str
            A document that loads nothing, for light and dark screens.
        """
        return as_page("Diagnosis", self._repr_html_())

    def to_frame(self) -> Any:
        """Return the findings as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            A row for each finding, with the columns "cause", "parameter", "value",
            "before", "after", "helps" and "evidence".

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        return pd.DataFrame([_row(one) for one in self.findings], columns=COLUMNS)


COLUMNS = ["cause", "parameter", "value", "before", "after", "helps", "evidence"]


def _row(finding: Finding) -> tuple[Any, ...]:
    effect = finding.effect
    shares: tuple[Any, ...] = (None, None, None)
    if effect is not None:
        shares = (effect.before, effect.after, effect.helps)
    return finding.cause, finding.parameter, finding.value, *shares, finding.evidence
