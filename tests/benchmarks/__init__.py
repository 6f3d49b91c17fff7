"""Measurements, run by hand (`make bench`); no test asserts a time. Each compares things measured in turn within one run."""
