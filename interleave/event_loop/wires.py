"""A connection in memory: two transports, and a wire for each direction.

A wire keeps what was written, in order, and delivers it chunk by chunk. It is a logical thread of the loop that receives, like a task, and
each delivery is one of its steps: when it comes, before or after the steps of tasks and the deliveries of other wires, is a choice. What
was written but not delivered fills the writer's buffer, so that `drain` waits as it does for real.
"""

from __future__ import annotations

import asyncio
from asyncio import base_events, protocols, transports
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

from interleave.event_loop.callbacks import calls_unseen
from interleave.event_loop.futures import enter
from interleave.model import READ, STATE, WRITE

_FlowControl: Any = vars(transports)["_FlowControlMixin"]
_feed_buffered: Any = vars(protocols)["_feed_data_to_buffered_proto"]
Server: Any = base_events.Server
#: Whether a server is told which transport comes and goes (3.13).
_TELLS_WHICH = Server._attach.__code__.co_argcount > 1
MADE, _END = "made", "end"


def touch(obj: object, mode: int = WRITE) -> None:
    """Add an object to the footprint of the step under way."""
    enter(obj, mode, STATE)


class Wire:
    """One direction of a connection, as its loop schedules it: what is asked of a task is asked of it."""

    #: As a task: nobody waits for its end, which does not come before that of its loop.
    _callbacks = ()
    _state = "PENDING"

    __slots__ = ("__weakref__", "_actor", "_log_destroy_pending", "_log_traceback", "_name", "is_entered", "items", "target")

    def __init__(self, name: str, target: Transport) -> None:
        self._name = name
        self._actor: Any = None
        self._log_destroy_pending = self._log_traceback = False
        #: The transport at its end.
        self.target = target
        #: What it has to deliver, and whether its step is entered in its loop.
        self.items: deque[Any] = deque()
        self.is_entered = False

    def get_name(self) -> str:
        """Return what it is called in reports."""
        return self._name

    def get_coro(self) -> None:
        """Return nothing: it runs no code of the user's."""

    def put(self, item: Any) -> None:
        """Take in what is to be delivered."""
        self.target.loop.meet(wakes=True)
        touch(self)
        self.items.append(item)
        self.wake()

    def wake(self) -> None:
        """Make the next delivery a choice, if there is anything to deliver to somebody who reads."""
        if self.items and not self.is_entered and not self.target.is_paused:
            self.is_entered = True
            self.target.loop.enter_delivery(self, self._deliver, copy_context())

    def _deliver(self) -> None:
        self.is_entered = False
        touch(self)
        if not self.target.is_paused:
            self.target.receive(self.items.popleft())
            self.wake()


class Transport(_FlowControl, asyncio.Transport):  # type: ignore[misc]
    """One end of a connection."""

    def __init__(self, loop: Any, name: str, number: int, extra: dict[str, Any], server: Any = None) -> None:
        _FlowControl.__init__(self, extra, loop)
        self.loop = loop
        self._number = number
        self._server = server
        #: Makes the protocol when the connection is made, for a server.
        self.make: Callable[[], Any] | None = None
        self._protocol: Any = None
        #: Brings what the other end writes.
        self.wire = Wire(name, self)
        self.peer: Transport = None  # type: ignore[assignment]
        self.is_paused = self._is_closing = self._has_ended = False
        #: Set when the connection is made; a client waits for it.
        self.made: Any = None
        loop._trap.steps.settle(self)
        loop._trap.steps.settle(self.wire)

    def __hash__(self) -> int:
        # Servers keep their connections in a set.
        return self._number

    # -- what arrives ----------------------------------------------------------------------------------------

    def receive(self, item: Any) -> None:
        """Give the protocol what a wire brings."""
        touch(self, READ)
        try:
            if item is MADE:
                self._begin()
            elif self._is_closing or self._protocol is None:
                return
            elif item is _END:
                if not self._protocol.eof_received():
                    self.close()
            else:
                if calls_unseen(getattr(self._protocol, "data_received", None) or self._protocol.buffer_updated):
                    self.loop._trap.steps.lose_track()
                self.peer.relieve()
                if isinstance(self._protocol, asyncio.BufferedProtocol):
                    _feed_buffered(self._protocol, item)
                else:
                    self._protocol.data_received(item)
        except (SystemExit, KeyboardInterrupt):
            raise
        except Exception as error:
            context = {"message": "Fatal error on a connection", "exception": error, "transport": self, "protocol": self._protocol}
            self.loop.call_exception_handler(context)
            self.abort()

    def _begin(self) -> None:
        touch(self)
        if self._server is not None:
            # Connections may come in any order.
            touch(self._server, READ)
            if self._server._sockets is None:
                # It was closed before it came to accept.
                self._server = None
                self.close()
                return
            self._server._attach(*([self] if _TELLS_WHICH else []))
        if self.make is not None:
            self._protocol = self.make()
        self._protocol.connection_made(self)
        if self.made is not None and not self.made.done():
            self.made.set_result(None)

    # -- flow control ----------------------------------------------------------------------------------------

    def get_write_buffer_size(self) -> int:
        """Return how many bytes have been written and not been delivered."""
        touch(self.peer.wire, READ)
        return sum(len(item) for item in self.peer.wire.items if item is not MADE and item is not _END)

    def relieve(self) -> None:
        """Let the protocol write again, in its own loop, if there is room now."""
        if self._protocol_paused and self.get_write_buffer_size() <= self._low_water:
            self.loop.call_soon_threadsafe(self._resume)

    def _resume(self) -> None:
        touch(self)
        touch(self.peer.wire)
        self._maybe_resume_protocol()

    def pause_reading(self) -> None:
        """Deliver nothing for a while."""
        touch(self.wire)
        self.is_paused = True

    def resume_reading(self) -> None:
        """Deliver again."""
        touch(self.wire)
        self.is_paused = False
        self.wire.wake()

    def is_reading(self) -> bool:
        """Tell whether anything is delivered."""
        touch(self.wire)
        return not self.is_paused and not self._is_closing

    # -- what is sent ----------------------------------------------------------------------------------------

    def write(self, data: Any) -> None:
        """Send a copy of some bytes."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._has_ended:
            raise RuntimeError("Cannot call write() after write_eof()")
        touch(self, READ)
        if data and not self._is_closing:
            self.peer.wire.put(bytes(data))
            was_paused = self._protocol_paused
            self._maybe_pause_protocol()
            if self._protocol_paused is not was_paused:
                touch(self)

    def can_write_eof(self) -> bool:
        """Tell that this end may end before the other."""
        return True

    def write_eof(self) -> None:
        """End what is sent; more may arrive."""
        touch(self)
        if not self._has_ended and not self._is_closing:
            self._has_ended = True
            self.peer.wire.put(_END)

    def is_closing(self) -> bool:
        """Tell whether the connection is closed or closing."""
        touch(self, READ)
        return self._is_closing

    def close(self) -> None:
        """Close the connection; what was written still arrives."""
        touch(self)
        if self._is_closing:
            return
        self._is_closing = True
        if not self._has_ended:
            self.peer.wire.put(_END)
        if not self.loop.is_closed():
            self.loop.call_soon(self._end, None)

    def abort(self) -> None:
        """Close the connection."""
        self.close()

    def _end(self, error: BaseException | None) -> None:
        touch(self)
        try:
            if self._protocol is not None:
                self._protocol.connection_lost(error)
        finally:
            server, self._server = self._server, None
            if server is not None:
                touch(server)
                server._detach(*([self] if _TELLS_WHICH else []))

    def get_protocol(self) -> Any:
        """Return the protocol."""
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        """Exchange the protocol."""
        self._protocol = protocol
