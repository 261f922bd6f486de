"""``diagnose``: instruments, suspicions, and refits that test them."""

from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from sklearn.base import clone

from sk_effprop._containers import fitted_problem
from sk_effprop._threads import single_threaded_blas
from sk_effprop.inspection.diagnosis._data_instruments import (
    input_numbers,
    target_numbers,
)
from sk_effprop.inspection.diagnosis._evidence import Evidence
from sk_effprop.inspection.diagnosis._findings import unverified, verified
from sk_effprop.inspection.diagnosis._loss_instruments import loss_numbers
from sk_effprop.inspection.diagnosis._network_instruments import (
    curvature_numbers,
    gradient_numbers,
    layer_numbers,
)
from sk_effprop.inspection.diagnosis._report import Diagnosis
from sk_effprop.inspection.diagnosis._subject import Subject
from sk_effprop.inspection.diagnosis._suspicions import suspicions
from sk_effprop.inspection.diagnosis._training_rules import warned
from sk_effprop.inspection.diagnosis._trials import Trials


def diagnose(
    estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, verify: bool = True
) -> Diagnosis:
    """Find out why a network trains badly, and test the advice by refits.

    Instruments look at the inputs, the targets, each layer, the curvature, the gradient
    and the losses.  What they point to becomes a finding if a refit with only that
    changed lowers the loss of held-out rows.  A fact, such as a learning rate a hundred
    times too large, is reported in any case, and the finding says if the change does
    not help.

    Parameters
    ----------
    estimator : estimator
        Fitted EffPropClassifier or EffPropRegressor, or a pipeline, a search or a
        TransformedTargetRegressor that contains one; it is not changed.  Of a
        committee, one network is trained again and diagnosed.  The findings are about
        the columns and targets that reach the network.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The training data, in the order in which the estimator was fitted on them.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : array-like of shape (n_samples,), optional
        The weights with which the network was fitted.  Refits use them, too, but all
        rows that are held out count alike.
    verify : bool, default=True
        Whether to refit, on at most 2,000 rows, of which a part is held out.  Without
        refits, only facts are reported, and causes that show on held-out rows alone are
        not found: overfitting, label noise and imbalance.

    Returns
    -------
    Diagnosis
        ``findings`` lists the causes, the most important one first; it is empty for a
        healthy fit.  ``str()``, ``to_frame()`` and ``numbers`` give the same as text,
        as a table and as numbers.

    Raises
    ------
    NotFittedError, TypeError
        If ``estimator`` is not a fitted estimator of this package, nor contains one.
    ValueError
        If the data do not match the fitted estimator.

    Notes
    -----
    Losses are shares of the loss of the best constant: 1 is useless, and 0 is perfect.
    They are Brier scores for classifiers; for regressors, squared errors or the errors
    that ``loss`` stands for.  Sections 4 and 5 of the paper explain most of the causes.
    ``fit`` draws its warning from the same rules.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.inspection import diagnose
    >>> X, y = load_wine(return_X_y=True)
    >>> healthy = EffPropClassifier(random_state=0).fit(X, y)
    >>> diagnose(healthy, X, y).findings
    []
    >>> slow = EffPropClassifier(
    ...     solver="sgd", learning_rate_init=2e-5, tol=0, random_state=0
    ... ).fit(X, y)
    >>> finding = diagnose(slow, X, y).findings[0]
    >>> finding.cause, finding.parameter, finding.value
    ('learning rate too small', 'learning_rate_init', 'auto')
    >>> finding.effect.after < 0.1 < finding.effect.before
    True
    """
    with single_threaded_blas, np.errstate(all="ignore"):
        network, X, y = fitted_problem(estimator, X, y)
        network_alone = _single(network, X, y, sample_weight)
        subject = Subject.of(network_alone, X, y, sample_weight)
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
    return Diagnosis(findings, numbers, estimator=str(network), is_verified=verify)


def _single(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Any:
    """One network with the settings of a committee; other estimators as they are."""
    if getattr(estimator, "n_estimators", 1) == 1:
        return estimator
    with catch_warnings():
        simplefilter("ignore")
        one = clone(estimator).set_params(n_estimators=1)
        return one.fit(X, y, sample_weight)
