"""Use a service container from several threads."""

from collections.abc import Callable
from typing import Any, Protocol

from targets.scenarios import run_together


class Container(Protocol):
    """What the two versions of `ServiceContainer` have in common."""

    def register(self, service: Any, factory: Callable[[], Any], lifetime: Any = ..., /) -> None: ...

    def resolve(self, service: Any, scope: Any = ..., /) -> Any: ...

    def services(self) -> list[str]: ...

    def dispose(self) -> None: ...


class Database:
    """Be a service that must be closed once."""

    def __init__(self) -> None:
        self.closings = 0

    def close(self) -> None:
        """Count the closings."""
        self.closings += 1


class Repository:
    """Be a service that depends on the database."""

    def __init__(self, database: Database) -> None:
        self.database = database


class Reports:
    """Be another service that depends on the database."""

    def __init__(self, database: Database) -> None:
        self.database = database


def singleton_is_single(container: Container) -> None:
    """Expect one instance, made once."""
    made: list[Database] = []

    def make() -> Database:
        made.append(Database())
        return made[-1]

    container.register(Database, make)
    resolved: list[Database] = []
    run_together(
        first=lambda: resolved.append(container.resolve(Database)),
        second=lambda: resolved.append(container.resolve(Database)),
    )
    assert len(made) == 1, f"{len(made)} singletons made"
    assert resolved[0] is resolved[1]


def dependency_is_shared(container: Container) -> None:
    """Expect that two services made at once share what they depend on."""
    container.register(Database, Database)
    container.register(Repository, lambda: Repository(container.resolve(Database)))
    container.register(Reports, lambda: Reports(container.resolve(Database)))
    run_together(
        first=lambda: container.resolve(Repository),
        second=lambda: container.resolve(Reports),
    )
    databases = [container.resolve(service).database for service in (Repository, Reports)]
    assert databases[0] is databases[1], "two singletons: the services do not share their database"


def scope_has_one(container: Container, scope: object, lifetime: object) -> None:
    """Expect that threads that share a scope share its instances."""
    container.register(Database, Database, lifetime)
    resolved: list[Database] = []
    run_together(
        first=lambda: resolved.append(container.resolve(Database, scope)),
        second=lambda: resolved.append(container.resolve(Database, scope)),
    )
    assert resolved[0] is resolved[1], "two instances in one scope"


def resolve_during_dispose(container: Container, refusal: type[Exception]) -> None:
    """Expect that a service is refused or closed, and never left open."""
    made: list[Database] = []

    def make() -> Database:
        made.append(Database())
        return made[-1]

    def resolve() -> None:
        try:
            container.resolve(Database)
        except refusal:
            pass

    container.register(Database, make)
    run_together(user=resolve, owner=container.dispose)
    closings = [database.closings for database in made]
    assert closings in ([], [1]), f"left open: closings of the databases made: {closings}"


def dispose_closes_once(container: Container) -> None:
    """Expect that two calls of `dispose` close the database once."""
    container.register(Database, Database)
    database = container.resolve(Database)
    run_together(first=container.dispose, second=container.dispose)
    assert database.closings == 1, f"closed {database.closings} times"


def register_during_listing(container: Container) -> None:
    """Expect that listing is not disturbed by a registration, and shows it wholly or not."""
    container.register(Database, Database)
    listed: list[list[str]] = []
    run_together(
        reader=lambda: listed.append(container.services()),
        writer=lambda: container.register(Reports, lambda: Reports(container.resolve(Database))),
    )
    assert listed in ([["Database"]], [["Database", "Reports"]]), f"listed {listed}"


def transients_are_distinct(container: Container, lifetime: object) -> None:
    """Expect an instance of its own for each resolution."""
    container.register(Database, Database, lifetime)
    resolved: list[Database] = []
    run_together(
        first=lambda: resolved.append(container.resolve(Database)),
        second=lambda: resolved.append(container.resolve(Database)),
    )
    assert resolved[0] is not resolved[1]
