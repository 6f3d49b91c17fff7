"""python-statemachine 3.2.2: an event sent while another thread ends its processing stays in the queue, and is not processed.

What breaks. `send` puts the event into the external queue, and processes all of the queue unless another thread does so already: "only the
first event enters the processing critical section, next events will only be put on the queue and processed by the same loop"
(statemachine/engines/sync.py, lines 58 to 61; the lock is what issues #443 and #403 were answered with). The loop ends where it finds the
queue empty (line 133), and releases the lock afterwards (line 92).

The interleaving. Thread A has processed its event and finds the queue empty (133). Thread B puts its event there, does not get the lock
(60), and returns, taking it that A will process the event. Thread A releases the lock (92).

The consequence. An event is not processed until somebody sends another one, which may be never: here a light that is sent `cycle` twice
stays red. It happens under the GIL too.

Searched in the project's tracker for "thread", "lock", "race", "queue" and "lost event". The nearest are #403 and #443 (machines used from
other threads), #449 (nested events not triggered, repaired by the lock) and #503 (order of events of tasks).
"""

from __future__ import annotations

import threading

from statemachine import State, StateMachine

from examples.case_studies.together import together


class Light(StateMachine):
    green = State(initial=True)
    red = State()
    cycle = green.to(red) | red.to(green)


def scenario() -> None:
    light = Light()
    together(lambda: light.send("cycle"), lambda: light.send("cycle"))
    assert light.green.is_active


def reproduce() -> None:
    """Hold thread A where it has found the queue empty, until thread B has sent its event."""
    light = Light()
    found_empty, sent = threading.Event(), threading.Event()
    queue = light._engine.external_queue
    is_empty = queue.is_empty

    def slow_is_empty() -> bool:
        answer = is_empty()
        if answer and threading.current_thread().name == "A":
            found_empty.set()
            sent.wait()
        return answer

    queue.is_empty = slow_is_empty
    first = threading.Thread(target=light.send, args=("cycle",), name="A")
    first.start()
    found_empty.wait()
    second = threading.Thread(target=light.send, args=("cycle",), name="B")
    second.start()
    second.join()
    sent.set()
    first.join()
    assert light.red.is_active, "both events were processed"
    assert not is_empty()


if __name__ == "__main__":
    reproduce()
