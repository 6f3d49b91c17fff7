"""Bugs of released packages, found by scenarios that know nothing of them but the package's interface."""
