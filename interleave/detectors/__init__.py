"""Judgements on what an execution left behind: pure functions from data to `model.Outcome`.

Each detector is one file with one function that takes data of `model` and returns an outcome or None.
"""
