"""Threads of programs under test."""

from __future__ import annotations

import threading
from collections.abc import Callable


def together(*bodies: Callable[[], object]) -> None:
    """Run each body in a thread."""
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
