"""What the studies of threads share: start some threads and wait for them, as tests do."""

from __future__ import annotations

import threading
from collections.abc import Callable


def together(*bodies: Callable[[], object]) -> None:
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
