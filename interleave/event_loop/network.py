"""A network inside one execution: what `asyncio.start_server` and `open_connection` talk over.

Streams, protocols and `asyncio.Server` are asyncio's own. Instead of sockets there are connections in memory (see `wires`), and the moment
of each delivery is a choice. Nothing is lost, changed, or reordered within a connection. The first delivery to the server is the connection
itself, and so is the first to the client.

Names are not looked up: every host is this one. What is written after the other end has closed is dropped.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Any

from interleave.errors import NotControlled
from interleave.event_loop.wires import MADE, Server, Transport, touch

_HERE = frozenset({"", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})
_FIRST_SERVER_PORT, _FIRST_CLIENT_PORT = 40_000, 50_000
_LOCALHOST = "127.0.0.1"
Address = tuple[str, int] | str


class Listener:
    """What a server listens on: it stands for a socket in `asyncio.Server`."""

    def __init__(self, network: Network, address: Address) -> None:
        self._network, self.address = network, address
        self.family = self.type = self.proto = 0
        #: Makes protocols, the server and its loop; None while it does not listen.
        self.accepts: tuple[Callable[[], Any], Any, Any] | None = None
        network.listeners[address] = self

    def listen(self, backlog: int) -> None:
        """Do nothing: `_start_serving` says who accepts."""

    def getsockname(self) -> Address:
        """Return where it listens."""
        return self.address

    def fileno(self) -> int:
        """Return that there is no file."""
        return -1

    def close(self) -> None:
        """Listen no more."""
        touch(self._network)
        self.accepts = None
        if self._network.listeners.get(self.address) is self:
            del self._network.listeners[self.address]


class Network:
    """The servers and connections of one execution."""

    def __init__(self) -> None:
        self.listeners: dict[Address, Listener] = {}
        self._ports = _FIRST_SERVER_PORT
        self._connections = 0

    def listen(self, host: Any, port: Any) -> Listener:
        """Return a new listener at a TCP address; raises OSError if it is taken."""
        touch(self)
        if not port:
            self._ports += 1
            port = self._ports
        address = _host(host), int(port)
        if address in self.listeners:
            raise OSError(errno.EADDRINUSE, f"error while attempting to bind on address {address!r}: address already in use")
        return Listener(self, address)

    def listen_at(self, path: Any) -> Listener:
        """Return a new listener at a path; raises OSError if it is taken."""
        touch(self)
        path = os.fspath(path)
        if path in self.listeners:
            raise OSError(errno.EADDRINUSE, f"Address {path!r} is already in use")
        return Listener(self, path)

    def connect(self, address: Address, loop: Any, make: Callable[[], Any]) -> Transport:
        """Return the client's end of a new connection; raises OSError if nobody listens."""
        touch(self)
        listener = self.listeners.get(address)
        if listener is None and isinstance(address, tuple):
            listener = self.listeners.get((_LOCALHOST, address[1]))
        if listener is None or listener.accepts is None:
            raise _refusal(address)
        factory, server, its_loop = listener.accepts
        self._connections += 1
        name = f"connection {self._connections}"
        ours = "" if isinstance(address, str) else (_LOCALHOST, _FIRST_CLIENT_PORT + self._connections)
        theirs = listener.address
        number = 2 * self._connections
        client = Transport(loop, f"{name} to client", number, {"peername": theirs, "sockname": ours})
        accepted = Transport(its_loop, f"{name} to server", number + 1, {"peername": ours, "sockname": theirs}, server)
        client.peer, accepted.peer = accepted, client
        client.made = loop.create_future()
        client.set_protocol(make())
        accepted.make = factory
        accepted.wire.put(MADE)
        client.wire.put(MADE)
        return client


def network_of(trap: Any) -> Network:
    """Return the network of an execution."""
    network: Network = trap.side.get("network") or trap.side.setdefault("network", Network())
    return network


def _host(host: Any) -> str:
    return _LOCALHOST if host is None or host in _HERE else str(host)


def _refusal(address: Address) -> Exception:
    if isinstance(address, str):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), address)
    if address[0] != _LOCALHOST:
        return NotControlled(
            f"a connection to {address[0]}:{address[1]} needs a real network.\n"
            f"Start a server inside the scenario: asyncio.start_server(..., port={address[1]}). It stands for every host."
        )
    return ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed {address!r}")


def _check(what: str, ssl: Any, sock: Any) -> None:
    if ssl:
        raise NotControlled(f"loop.{what}(ssl=...) needs encryption, which is not simulated.\nRun the scenario without ssl.")
    if sock is not None:
        raise NotControlled(f"loop.{what}(sock=...) needs a real socket.\nGive a host and a port instead: the network is simulated.")


class Networking:
    """The methods of an event loop that make connections: its own part of `EventLoop`."""

    _trap: Any

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, ssl: Any = None, sock: Any = None, **_: Any
    ) -> Any:
        """Connect to a server of this execution."""
        _check("create_connection", ssl, sock)
        if host is None and port is None:
            raise ValueError("host and port was not specified and no sock specified")
        return await self._connect((_host(host), int(port)), protocol_factory)

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, *, ssl: Any = None, sock: Any = None, **_: Any) -> Any:
        """Connect to a server of this execution, at a path."""
        _check("create_unix_connection", ssl, sock)
        if path is None:
            raise ValueError("no path and sock were specified")
        return await self._connect(os.fspath(path), protocol_factory)

    async def _connect(self, address: Address, factory: Any) -> Any:
        transport = network_of(self._trap).connect(address, self, factory)
        try:
            await transport.made
        except BaseException:
            transport.close()
            raise
        return transport, transport.get_protocol()

    async def create_server(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, ssl: Any = None, sock: Any = None, **options: Any
    ) -> Any:
        """Listen at an address."""
        _check("create_server", ssl, sock)
        if host is None and port is None:
            raise ValueError("Neither host/port nor sock were specified")
        hosts = dict.fromkeys(_host(one) for one in (host if isinstance(host, (list, tuple)) else [host]))
        network = network_of(self._trap)
        return await self._serve([network.listen(one, port) for one in hosts], protocol_factory, options)

    async def create_unix_server(
        self, protocol_factory: Any, path: Any = None, *, ssl: Any = None, sock: Any = None, **options: Any
    ) -> Any:
        """Listen at a path."""
        _check("create_unix_server", ssl, sock)
        if path is None:
            raise ValueError("path was not specified, and no sock specified")
        return await self._serve([network_of(self._trap).listen_at(path)], protocol_factory, options)

    async def _serve(self, listeners: list[Listener], factory: Any, options: dict[str, Any]) -> Any:
        server = Server(self, listeners, factory, None, options.get("backlog", 100), None, None)
        if options.get("start_serving", True):
            server._start_serving()
            await asyncio.sleep(0)
        return server

    def _start_serving(self, factory: Any, listener: Listener, _ssl: Any, server: Any, *_: Any) -> None:
        """Accept connections (called by `asyncio.Server`)."""
        touch(network_of(self._trap))
        listener.accepts = factory, server, self

    def _stop_serving(self, listener: Listener) -> None:
        """Accept no more (called by `asyncio.Server`)."""
        listener.close()
