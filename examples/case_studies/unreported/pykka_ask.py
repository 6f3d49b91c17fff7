"""pykka 4.5.0: a question that is asked just as an actor stops gets no reply: who asked waits for ever.

What breaks. `ActorRef.ask` looks whether the actor is alive, and puts its message into the inbox (pykka/_ref.py, lines 162 to 168). An
actor that stops answers what is left in its inbox with ActorDeadError, until it finds that empty, and is gone
(pykka/_actor.py, lines 279 to 294).

The interleaving. Thread A finds the actor alive (162). The actor is told to stop: it sets `actor_stopped`, finds its inbox empty (280) and
ends. Thread A puts its message there (168) and waits for the reply.

The consequence. "Messages sent to the actor after the actor is asked to stop will be replied to with ActorDeadError", says `stop`; this one
never is. `stop` and `ActorRegistry.stop_all` ask by the same method, so two of pykka's own tests hang. It happens under the GIL too.

Searched in the project's tracker for "ask", "hang", "deadlock", "stop", "stop_all", "inbox" and ActorDeadError. The nearest are #23, by
which what is left in the inbox is answered, and #231 (what `proxy.stop().get()` waits for).
"""

from __future__ import annotations

import threading
from contextlib import suppress

import pykka

from examples.case_studies.together import together


class Echo(pykka.ThreadingActor):
    def on_receive(self, message: str) -> str:
        return message


def scenario() -> None:
    actor = Echo.start()

    def ask() -> None:
        with suppress(pykka.ActorDeadError):
            assert actor.ask("anybody there?") == "anybody there?"

    together(ask, actor.stop)


def reproduce() -> None:
    """Hold the question on its way into the inbox, until the actor is gone."""
    before = set(threading.enumerate())
    actor = Echo.start()
    (thread,) = set(threading.enumerate()) - before
    asking, gone = threading.Event(), threading.Event()
    put, outcomes = actor.actor_inbox.put, []

    def slow_put(envelope: object) -> None:
        if threading.current_thread().name == "A":
            asking.set()
            gone.wait()
        put(envelope)

    def ask() -> None:
        try:
            outcomes.append(actor.ask("anybody there?", timeout=1))
        except (pykka.ActorDeadError, pykka.Timeout) as error:
            outcomes.append(type(error))

    actor.actor_inbox.put = slow_put
    first = threading.Thread(target=ask, name="A")
    first.start()
    asking.wait()
    assert actor.stop()
    thread.join()
    gone.set()
    first.join()
    assert outcomes == [pykka.Timeout], outcomes


if __name__ == "__main__":
    reproduce()
