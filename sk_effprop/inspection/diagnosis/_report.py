"""The result of a diagnosis, as text, as a page, as a table and as numbers."""

from typing import Any

from sk_effprop.inspection.diagnosis._findings import Finding


class Diagnosis:
    """Findings."""

    def __init__(self, findings: list[Finding], numbers: dict[str, Any], name: str) -> None:
        self.findings, self.numbers, self.name = findings, numbers, name

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings)) or "nothing"
