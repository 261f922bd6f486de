"""``diagnose``: instruments, suspicions, and refits that test them."""

from typing import Any

import numpy as np

from sk_effprop._threads import single_threaded_blas
from sk_effprop.inspection.diagnosis._data_instruments import (
    input_numbers,
    target_numbers,
)
from sk_effprop.inspection.diagnosis._findings import unverified, verified
from sk_effprop.inspection.diagnosis._loss_instruments import loss_numbers
from sk_effprop.inspection.diagnosis._network_instruments import (
    curvature_numbers,
    gradient_numbers,
    layer_numbers,
)
from sk_effprop.inspection.diagnosis._report import Diagnosis
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._suspicions import Evidence, suspicions, warned
from sk_effprop.inspection.diagnosis._trials import Trials


def diagnose(estimator: Any, X: Any, y: Any, *, verify: bool = True) -> Diagnosis:
    """Find out why a network trains badly, and test the advice."""
    with single_threaded_blas, np.errstate(all="ignore"):
        subject = Subject.of(estimator, X, y)
        trials = Trials(subject) if verify else None
        numbers = {
            "inputs": input_numbers(subject),
            "targets": target_numbers(subject),
            "layers": layer_numbers(subject),
            "curvature": curvature_numbers(subject),
            "gradient": gradient_numbers(subject),
            "loss": loss_numbers(subject, trials),
        }
        evidence = Evidence(subject, numbers, trials)
        found = suspicions(evidence)
        findings = unverified(found) if trials is None else verified(found, trials)
        fallback = warned(evidence)
        if not findings and fallback is not None:
            findings = unverified([fallback])
    return Diagnosis(findings, numbers, estimator=str(estimator), is_verified=verify)
