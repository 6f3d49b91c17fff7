"""Whether a method may change an object of C was judged by the first method of the type that was called, and remembered for all.

`__sizeof__` comes from `object`, so that nothing a buffer did after it was announced, and orders of writes were not explored.
"""

from __future__ import annotations

import io

from interleave import explore
from tests.threads import together


def test_the_first_method_does_not_speak_for_the_others() -> None:
    outcomes = set()

    def scenario() -> None:
        buffer = io.StringIO()

        def write(text: str) -> None:
            buffer.__sizeof__()
            buffer.write(text)

        together(lambda: write("a"), lambda: write("b"))
        outcomes.add(buffer.getvalue())

    assert explore(scenario, strategy="dpor").verdict == "proven"
    assert outcomes == {"ab", "ba"}
