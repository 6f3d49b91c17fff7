"""CPython, with gh-116720: a cancellation that `Task.uncancel` takes back before the task has stepped hits it nevertheless.

Repaired in 3.13.0.
"""

from __future__ import annotations

import asyncio
import inspect

import interleave

IS_REPAIRED = "self._must_cancel = False" in inspect.getsource(vars(asyncio.tasks)["_PyTask"].uncancel)


async def what_is_taken_back_does_not_arrive() -> None:
    done: list[int] = []

    async def work() -> None:
        me = asyncio.current_task()
        assert me is not None
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            me.uncancel()
        me.cancel()
        me.uncancel()
        await asyncio.sleep(1)
        done.append(1)

    task = asyncio.create_task(work())

    async def cancel() -> None:
        await asyncio.sleep(1)
        task.cancel()

    await asyncio.gather(cancel(), asyncio.wait([task]))
    assert done or task.cancelling(), "a cancellation that was taken back has arrived"


def test_what_is_taken_back_does_not_arrive() -> None:
    result = interleave.explore(what_is_taken_back_does_not_arrive, strategy="dpor")
    if IS_REPAIRED:
        assert result.verdict == "proven"
    else:
        assert result.failure is not None
