"""Small services with the concurrency faults that such code really has, to explore and to learn from.

Each module of this package holds one service as it was first written, and the scenarios that break it; the module of
the same name in `targets.fixed` holds the repaired service under the same scenarios, whose bodies are shared in
`targets.scenarios`. Compare the two versions of a file to see the repair:

    python -m interleave explore targets.cache
    python -m interleave explore targets.fixed.cache
    diff targets/cache.py targets/fixed/cache.py

Nothing here imports `interleave`: these are ordinary programs that use `threading`.
"""
