"""CPython: where the body of `asyncio.timeout` answers a timeout by another exception, nothing says that it was a timeout.

Repaired in 3.13.0.
"""

from __future__ import annotations

import asyncio
import inspect

import pytest

import interleave

IS_REPAIRED = "_insert_timeout_error" in inspect.getsource(asyncio.Timeout)


async def timeout_is_told() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(2)
        finally:
            raise ConnectionError("closed")

    with pytest.raises(ConnectionError) as caught:
        async with asyncio.timeout(1):
            await work()
    assert isinstance(caught.value.__context__, TimeoutError)


def test_timeout_is_told() -> None:
    result = interleave.explore(timeout_is_told, strategy="dpor")
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
        assert result.failure.kind == "assertion"
