"""Diagnosis of a fitted network."""

from sk_effprop.inspection.diagnosis._diagnose import diagnose
from sk_effprop.inspection.diagnosis._findings import Finding
from sk_effprop.inspection.diagnosis._report import Diagnosis
from sk_effprop.inspection.diagnosis._trials import Effect

__all__ = ["Diagnosis", "Effect", "Finding", "diagnose"]
