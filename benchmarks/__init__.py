"""Benchmarks: ``python -m benchmarks NAME`` prints the tables of one of them."""
