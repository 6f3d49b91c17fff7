"""`signal.signal` is for the main thread: in any other it raises ValueError, which it did not, as all logical threads are one OS thread."""

from __future__ import annotations

import signal
import threading

from interleave import explore


def test_handler_set_by_a_thread() -> None:
    def scenario() -> None:
        threading.Thread(target=signal.signal, args=(signal.SIGUSR1, signal.SIG_IGN)).start()

    assert explore(scenario).failures[0].message.startswith("ValueError: signal only works in main thread of the main interpreter")


def test_handler_set_by_the_main_thread() -> None:
    before = signal.getsignal(signal.SIGUSR1)

    def scenario() -> None:
        previous = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        assert signal.signal(signal.SIGUSR1, previous) is signal.SIG_IGN

    assert explore(scenario).verdict == "proven"
    assert signal.getsignal(signal.SIGUSR1) is before
