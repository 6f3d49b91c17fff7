"""What is asked of every version of the WebSocket manager."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]


async def connect(manager: Any, make_socket: Make, count: int) -> list[Any]:
    """Connect a number of sockets, one after the other."""
    sockets = [make_socket(f"client {index}") for index in range(count)]
    for socket in sockets:
        await manager.connect(socket)
    return sockets


async def broadcast_during_connect(make: Make, make_socket: Make, *, connections: int = 1) -> None:
    """Somebody connects during a broadcast: all who were there before get the message."""
    manager = make()
    before = await connect(manager, make_socket, connections)
    await asyncio.gather(manager.broadcast("news"), manager.connect(make_socket("guest")))
    assert manager.size == connections + 1
    for socket in before:
        assert socket.received == ["hello", "news"], f"{socket.name} received {socket.received}"


async def broadcast_during_disconnect(make: Make, make_socket: Make, *, connections: int = 2) -> None:
    """Somebody leaves during a broadcast: all who stay get the message."""
    manager = make()
    sockets = await connect(manager, make_socket, connections)
    await asyncio.gather(manager.broadcast("news"), manager.disconnect(sockets[0]))
    assert manager.size == connections - 1
    for socket in sockets[1:]:
        assert socket.received == ["hello", "news"], f"{socket.name} received {socket.received}"


async def broadcasts_are_counted(make: Make, make_socket: Make, *, broadcasts: int = 2) -> None:
    """Several broadcasts at the same time: all of them are counted."""
    manager = make()
    await connect(manager, make_socket, 1)
    await asyncio.gather(*(manager.broadcast(f"news {index}") for index in range(broadcasts)))
    assert manager.sent == broadcasts, f"broadcast lost: {manager.sent} counted of {broadcasts}"


async def limit_is_kept(make: Make, make_socket: Make, *, limit: int = 1) -> None:
    """One more connect than there is room for."""
    manager = make(limit)
    taken = await asyncio.gather(*(manager.connect(make_socket(f"client {index}")) for index in range(limit + 1)))
    assert manager.size <= limit, f"{manager.size} connections over the limit of {limit}"
    assert sum(taken) == manager.size


def messages_from_threads(make: Make, make_socket: Make, *, threads: int = 2) -> None:
    """Threads have the loop send messages: all of them are counted."""

    async def main() -> None:
        manager = make()
        await connect(manager, make_socket, 1)
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[int]] = []
        is_done = asyncio.Event()

        def send(index: int) -> None:
            tasks.append(loop.create_task(manager.broadcast(f"news {index}")))
            if len(tasks) == threads:
                is_done.set()

        senders = [threading.Thread(target=loop.call_soon_threadsafe, args=(send, index)) for index in range(threads)]
        for sender in senders:
            sender.start()
        await is_done.wait()
        await asyncio.gather(*tasks)
        for sender in senders:
            sender.join()
        assert manager.sent == threads, f"broadcast lost: {manager.sent} counted of {threads}"

    asyncio.run(main())
