"""Break the services of one event loop as they were first written, and fail to break the repaired ones. Sixteen tests."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from interleave.pytest_plugin import Schedule
from targets import event_processor as first_processor
from targets import mcp_context as first_context
from targets import websocket_manager as first_manager
from targets.fixed import cache as fixed_cache
from targets.fixed import event_processor as fixed_processor
from targets.fixed import mcp_context as fixed_context
from targets.fixed import websocket_manager as fixed_manager
from targets.scenarios import event_processor, mcp_context, websocket_manager

from .expectations import expect_failure

WORKERS = (10, pytest.param(50, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.slow))
#: Executions for each number of workers: those of a hundred take as long as ten times as many of ten.
EXECUTIONS = {10: 40, 50: 10, 100: 5}
STORE = first_processor.EventStore
SOCKET = first_manager.WebSocket


class TestEventProcessor:
    """Events of one camera and of many."""

    def test_events_of_one_camera_get_lost(self) -> None:
        expect_failure(first_processor.scenario_events_of_one_camera_are_counted, kind="assertion", because="event lost")

    def test_numbers_of_many_cameras_are_given_twice(self) -> None:
        expect_failure(first_processor.scenario_numbers_are_unique, kind="assertion", because="number given twice")

    def test_flush_stores_twice(self) -> None:
        expect_failure(first_processor.scenario_flush_loses_nothing, kind="assertion", because="of two events")

    def test_repaired_version_passes(self, schedule: Schedule) -> None:
        schedule(fixed_processor.scenario_events_of_one_camera_are_counted)
        schedule(fixed_processor.scenario_numbers_are_unique)
        schedule(fixed_processor.scenario_flush_loses_nothing)

    @pytest.mark.parametrize("workers", WORKERS)
    def test_stress_loses_events(self, workers: int) -> None:
        scenario = partial(event_processor.events_come_in, STORE, first_processor.EventProcessor, cameras=workers // 5, events=5)
        expect_failure(scenario, kind="assertion", because="lost|twice", executions=EXECUTIONS[workers], strategy="random")

    @pytest.mark.parametrize("workers", WORKERS)
    def test_stress_loses_nothing_in_the_repaired_version(self, schedule: Schedule, workers: int) -> None:
        scenario = partial(event_processor.events_come_in, STORE, fixed_processor.EventProcessor, cameras=workers // 5, events=5)
        schedule(executions=EXECUTIONS[workers], strategy="random")(scenario)


class TestWebSocketManager:
    """Broadcasts while connections come and go."""

    def test_connect_breaks_a_broadcast(self) -> None:
        expect_failure(first_manager.scenario_broadcast_during_connect, kind="exception", because="changed size during iteration")

    def test_broadcast_reaches_the_departed(self) -> None:
        expect_failure(first_manager.scenario_broadcast_during_disconnect, kind="exception", because="WebSocketClosed|changed size")

    def test_concurrent_broadcasts_get_lost(self) -> None:
        expect_failure(first_manager.scenario_broadcasts_are_counted, kind="assertion", because="broadcast lost: 1 counted of 2")

    def test_limit_is_passed(self) -> None:
        expect_failure(first_manager.scenario_limit_is_kept, kind="assertion", because="over the limit of 1")

    @pytest.mark.parametrize("workers", WORKERS)
    def test_many_connections_of_the_repaired_version(self, schedule: Schedule, workers: int) -> None:
        options = {"executions": EXECUTIONS[workers], "strategy": "random"}
        make = fixed_manager.WebSocketManager
        schedule(**options)(partial(websocket_manager.broadcast_during_connect, make, SOCKET, connections=workers))
        schedule(**options)(partial(websocket_manager.broadcast_during_disconnect, make, SOCKET, connections=workers))
        schedule(**options)(partial(websocket_manager.broadcasts_are_counted, make, SOCKET, broadcasts=workers))

    def test_messages_from_threads(self, schedule: Schedule) -> None:
        expect_failure(first_manager.scenario_messages_from_threads, kind="assertion", because="broadcast lost")
        schedule(executions=300)(fixed_manager.scenario_messages_from_threads)


class TestMCPContext:
    """Reads, writes, expiry and computations."""

    def test_context_is_computed_twice(self) -> None:
        expect_failure(first_context.scenario_computed_once, kind="assertion", because="computed 2 times")

    def test_read_during_write_and_stale_write(self) -> None:
        expect_failure(first_context.scenario_read_during_write, kind="exception", because="KeyError: 'user'")
        expect_failure(first_context.scenario_no_stale_write, kind="assertion", because="stale")

    @pytest.mark.parametrize("workers", WORKERS)
    def test_concurrent_reads_agree_in_the_repaired_version(self, schedule: Schedule, workers: int) -> None:
        options = {"executions": EXECUTIONS[workers], "strategy": "random"}
        schedule(**options)(partial(mcp_context.reads_agree, fixed_context.MCPContextProvider, readers=workers))
        schedule(**options)(partial(mcp_context.computed_once, fixed_context.MCPContextProvider, callers=workers))
        schedule(fixed_context.scenario_no_stale_write)
        schedule(fixed_context.scenario_expire_during_write)

    def test_embedding_cache_from_to_thread(self, schedule: Schedule) -> None:
        @schedule(executions=300)
        async def scenario() -> None:
            cache = fixed_cache.LRUToolCache(max_size=1)
            await asyncio.gather(*(asyncio.to_thread(cache.put, text, (0.1,)) for text in ("cat", "dog")))
            assert cache.stats().size == 1
