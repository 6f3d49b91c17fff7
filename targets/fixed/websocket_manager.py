"""Send messages to everybody who is connected, while connections come and go.

A broadcast goes through a copy of the connections as they are when it begins, and drops those that turn out to be closed. A
place is taken before anything is waited for, and counts are changed in one step.
"""

from targets.scenarios import websocket_manager as bodies
from targets.websocket_manager import WebSocket, WebSocketClosed


class WebSocketManager:
    """Keep the open connections, and send to all of them."""

    def __init__(self, limit: int = 1_000) -> None:
        self._limit = limit
        self._sockets: dict[WebSocket, None] = {}
        self._sent = 0

    async def connect(self, socket: WebSocket) -> bool:
        """Take up a connection, and greet it; return False if there are too many."""
        if len(self._sockets) >= self._limit:
            return False
        self._sockets[socket] = None
        await socket.send("hello")
        return True

    async def disconnect(self, socket: WebSocket) -> None:
        """Close a connection."""
        self._sockets.pop(socket, None)
        await socket.close()

    async def broadcast(self, message: str) -> int:
        """Send a message to everybody, and return to how many it went."""
        count = 0
        for socket in list(self._sockets):
            try:
                await socket.send(message)
            except WebSocketClosed:
                self._sockets.pop(socket, None)
            else:
                count += 1
        self._sent += count
        return count

    @property
    def sent(self) -> int:
        """How many messages were sent."""
        return self._sent

    @property
    def size(self) -> int:
        """How many connections there are."""
        return len(self._sockets)


async def scenario_broadcast_during_connect() -> None:
    """Somebody connects during a broadcast."""
    await bodies.broadcast_during_connect(WebSocketManager, WebSocket)


async def scenario_broadcast_during_disconnect() -> None:
    """Somebody leaves during a broadcast."""
    await bodies.broadcast_during_disconnect(WebSocketManager, WebSocket)


async def scenario_broadcasts_are_counted() -> None:
    """Two broadcasts at the same time: both are counted."""
    await bodies.broadcasts_are_counted(WebSocketManager, WebSocket)


async def scenario_limit_is_kept() -> None:
    """Two connect where there is room for one."""
    await bodies.limit_is_kept(WebSocketManager, WebSocket)


def scenario_messages_from_threads() -> None:
    """Two threads have the loop send messages."""
    bodies.messages_from_threads(WebSocketManager, WebSocket)
