"""Send messages to everybody who is connected. First version, written for connections that never come or go meanwhile."""

import asyncio

from targets.scenarios import websocket_manager as bodies


class WebSocketClosed(Exception):
    """Report a message to a connection that is closed."""


class WebSocket:
    """One connection, in memory. Sending takes a moment, during which others go on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_open = True
        self.received: list[str] = []

    async def send(self, message: str) -> None:
        """Deliver a message; WebSocketClosed if the connection is gone."""
        await asyncio.sleep(0)
        if not self.is_open:
            raise WebSocketClosed(f"{self.name} is closed")
        self.received.append(message)

    async def close(self) -> None:
        """Close the connection."""
        await asyncio.sleep(0)
        self.is_open = False


class WebSocketManager:
    """Keep the open connections, and send to all of them."""

    def __init__(self, limit: int = 1_000) -> None:
        self._limit = limit
        self._sockets: dict[str, WebSocket] = {}
        self._sent = 0

    async def connect(self, socket: WebSocket) -> bool:
        """Take up a connection, and greet it; return False if there are too many."""
        if len(self._sockets) >= self._limit:
            return False
        await socket.send("hello")
        self._sockets[socket.name] = socket
        return True

    async def disconnect(self, socket: WebSocket) -> None:
        """Close a connection."""
        await socket.close()
        self._sockets.pop(socket.name, None)

    async def broadcast(self, message: str) -> int:
        """Send a message to everybody, and return to how many it went."""
        count = 0
        for socket in self._sockets.values():
            await socket.send(message)
            count += 1
        sent = self._sent
        await asyncio.sleep(0)
        self._sent = sent + count
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
