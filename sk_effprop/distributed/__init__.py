"""Training on a cluster, by Dask."""

from sk_effprop.distributed._dask import fit_dask

__all__ = ["fit_dask"]
