"""Training on data that are larger than memory."""

from sk_effprop.out_of_core._batches import ArrayBatches, ParquetBatches
from sk_effprop.out_of_core._fit import fit_batches

__all__ = ["ArrayBatches", "ParquetBatches", "fit_batches"]
