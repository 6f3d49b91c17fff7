"""What a scenario registered with `atexit` stayed registered, once for every execution, and was called when the process ended."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """\
import atexit
import threading
import interleave

def of_the_process():
    print("of the process")

atexit.register(of_the_process)

def scenario():
    def work():
        atexit.register(print, "of an execution")

        @atexit.register
        def by_decorator():
            print("of an execution")

    atexit.register(lambda: print("of an execution"))
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

print(interleave.explore(scenario).verdict)
"""


def test_what_is_registered_goes_with_the_execution() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["proven", "of the process"]
