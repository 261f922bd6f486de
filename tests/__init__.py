"""Tests of the package, in the same folders as what they test."""

import os

# Processes that run tests side by side share the processors, and idle threads of
# OpenBLAS wait in a loop.  Tests about threads ask for two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
