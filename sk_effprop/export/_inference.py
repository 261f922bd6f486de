"""Copies of fitted estimators without the state that only training needs."""

from copy import copy
from typing import Any

from sk_effprop.export._fitted import fitted_network

# Attributes from which training continues, and the uncertainty of the weights.
TRAINING_STATE = ("_resume", "_posterior", "_balance")


def to_inference(est: Any) -> Any:
    """Copy a fitted estimator without what only training needs, for small files.

    Parameters
    ----------
    est : EffPropClassifier or EffPropRegressor
        Fitted estimator; it is not changed.

    Returns
    -------
    EffPropClassifier or EffPropRegressor
        A copy with the same hyperparameters, public attributes and predictions. It
        lacks the state of the solver (momentum, curvatures and averages), the running
        statistics of the inputs, and the uncertainty of the weights after
        ``solver="lm"``. So ``partial_fit``, a warm start and ``predict`` with
        ``return_std=True`` raise an error that says so; ``fit`` starts anew.

    Raises
    ------
    NotFittedError, TypeError
        If ``est`` is not a fitted estimator of this package.

    Examples
    --------
    >>> import pickle
    >>> from sklearn.datasets import load_digits
    >>> from sk_effprop import EffPropClassifier
    >>> from sk_effprop.export import to_inference
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = EffPropClassifier(random_state=0).fit(X, y)
    >>> small = to_inference(classifier)
    >>> bool((small.predict_proba(X) == classifier.predict_proba(X)).all())
    True
    >>> len(pickle.dumps(small)) < 0.5 * len(pickle.dumps(classifier))
    True
    """
    fitted_network(est, "to_inference")
    result = copy(est)
    for name in TRAINING_STATE:
        vars(result).pop(name, None)
    if est.normalizer_ is not None:
        result.normalizer_ = copy(est.normalizer_)
        vars(result.normalizer_).pop("_statistics", None)
    return result
