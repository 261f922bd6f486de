"""Fit an estimator on Dask collections."""

from typing import Any, TypeVar

import numpy as np

from sk_effprop.core.parts import LocalParts, Parts
from sk_effprop.distributed._parts import DaskParts
from sk_effprop.estimators._auto import AUTO_BATCH
from sk_effprop.estimators._base import BaseEffProp
from sk_effprop.estimators._checks import check_validation_data
from sk_effprop.estimators._part_reader import RawPart
from sk_effprop.estimators._parts import Source, check_estimator, fit_parts

Estimator = TypeVar("Estimator", bound=BaseEffProp)


def fit_dask(
    estimator: Estimator,
    X: Any,
    y: Any,
    *,
    client: Any = None,
    sample_weight: Any = None,
    X_val: Any = None,
    y_val: Any = None,
    sample_weight_val: Any = None,
) -> Estimator:
    """Fit an estimator on Dask arrays or data frames, partition by partition.

    Batch solvers ("lbfgs", "lm", "cg", "scg") minimise the same objective as ``fit``,
    as a sum over partitions: the weights of the network travel to the partitions, and
    gradients and curvature come back.  The data stay where they are, except for a
    random sample of 2,000 rows, from which the penalty and the initial weights follow.

    Sums are formed by a fixed tree over the partitions.  One process, one worker and
    many workers give the same bits for the same partitions.  If a worker is lost, its
    partitions are computed anew on others.

    The solvers "sgd", "sdlm" and "adam" make an epoch on each partition at the same
    time and average weights and velocity after it.  ``solver="auto"`` never becomes one
    of them, unless ``batch_size`` is given.

    Parameters
    ----------
    estimator : EffPropClassifier or EffPropRegressor
        It is fitted in place.
    X : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_features)
        Each partition must fit into the memory of a worker, twice.
    y : dask.array.Array, dask.dataframe.Series or DataFrame of shape (n_samples,) or \
(n_samples, n_outputs)
        It needs as many partitions as X, with the same rows.  A Dask array is divided
        like X if necessary.
    client : distributed.Client, optional
        By default the current client if there is one, otherwise this process.
    sample_weight : Dask array or Series of shape (n_samples,), optional
        Weights of the examples, as in ``fit``.
    X_val, y_val, sample_weight_val : optional
        Validation data, as in ``fit``: arrays in memory, or Dask collections, which
        need ``scoring="loss"``.

    Returns
    -------
    EffPropClassifier or EffPropRegressor
        The estimator, which needs neither Dask nor the cluster to predict.

    Raises
    ------
    ImportError
        If Dask is not installed, the extra ``dask``.
    TypeError
        If X or y are not Dask collections.
    ValueError
        If the partitions of X, y and ``sample_weight`` do not fit together, or a
        hyperparameter or the data are invalid.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from sk_effprop import EffPropRegressor
    >>> from sk_effprop.distributed import fit_dask
    >>> X = da.from_array(np.linspace(-1.0, 1.0, 300)[:, None], chunks=(100, 1))
    >>> est = EffPropRegressor((5,), solver="lbfgs", alpha=1e-4, random_state=0)
    >>> fit_dask(est, X, X[:, 0] ** 2).predict([[0.7]]).round(1)
    array([0.5])
    """
    _import_dask()
    check_estimator(estimator, "fit_dask")
    client = _current_client() if client is None else client
    parts = _parts(X, y, sample_weight, client)
    check_validation_data(estimator, X_val, y_val, sample_weight_val)
    validation: Any = (X_val, y_val, sample_weight_val)
    if _is_collection(X_val):
        validation = _parts(X_val, y_val, sample_weight_val, client)
    source = Source(
        parts, X, y, sample_weight, validation, AUTO_BATCH, False, "Partition"
    )
    fitted: Estimator = fit_parts(estimator, source)
    return fitted


def _import_dask() -> Any:
    try:
        import dask
        import distributed
    except ImportError as error:
        raise ImportError(
            "fit_dask needs dask and distributed, the extra 'dask': pip install "
            f"'sk_effprop[dask]'. ({error})"
        ) from error
    return dask, distributed


def _current_client() -> Any:
    """Return the current Dask client of this thread, or None."""
    from distributed import get_client

    try:
        return get_client()
    except ValueError:
        return None


def _is_collection(data: Any) -> bool:
    from dask import is_dask_collection

    return bool(is_dask_collection(data))


# --------------------------------------------------------------------------- partitions


def _parts(X: Any, y: Any, sample_weight: Any, client: Any) -> Parts:
    """Parts of Dask collections; on a cluster they are read at once."""
    import dask

    given = {"X": X, "y": y, "sample_weight": sample_weight}
    columns = {name: _partitions(name, data, X) for name, data in given.items()}
    numbers = {name: len(column) for name, column in columns.items() if column}
    if len(set(numbers.values())) > 1:
        raise ValueError(
            f"X, y and sample_weight must have the same partitions, got {numbers}. "
            "Use repartition or rechunk."
        )
    weights = columns["sample_weight"] or [None] * numbers["X"]
    rows = zip(columns["X"], columns["y"], weights, strict=True)
    make = dask.delayed(RawPart, pure=True)
    raw = [make(number, *row) for number, row in enumerate(rows)]
    if client is None:
        return LocalParts(dask.compute(*raw, scheduler="synchronous"))
    return DaskParts(client, client.compute(raw))


def _partitions(name: str, data: Any, X: Any) -> list[Any]:
    """Partitions of a collection, as delayed values; none if there are no data."""
    if data is None:
        return []
    if not _is_collection(data):
        raise TypeError(
            f"{name} must be a Dask array or data frame, got {type(data).__name__}. "
            "Use fit for data in memory, or dask.array.from_array."
        )
    if hasattr(data, "rechunk"):
        data = _like(data, X)
    return list(np.ravel(data.to_delayed()))


def _like(array: Any, X: Any) -> Any:
    """Rechunk a Dask array: undivided columns, and the row chunks of X."""
    if array.ndim == 2 and array.numblocks[1] > 1:
        array = array.rechunk({1: -1})
    chunks = getattr(X, "chunks", None)
    if chunks is None or array is X or np.isnan([*chunks[0], *array.chunks[0]]).any():
        return array
    if array.shape[0] != X.shape[0]:
        raise ValueError(
            f"X has {X.shape[0]} rows, but y or sample_weight has {array.shape[0]}. "
            "Give one entry for each row of X."
        )
    return array if array.chunks[0] == chunks[0] else array.rechunk({0: chunks[0]})
