"""The bodies of the scenarios, one module a service, shared by the first and the repaired version.

A body takes the service, freshly built, uses it from a few threads as a test would, joins them, and asserts what
must hold whatever the order was. It knows the service by a protocol only, so that both versions fit.
"""

import threading
from collections.abc import Callable


def run_together(**bodies: Callable[[], object]) -> None:
    """Run each body in a thread named by its keyword and return when all have ended."""
    threads = [threading.Thread(target=body, name=name) for name, body in bodies.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
