"""Build services when they are first needed. Safe to use from any thread.

A service is known by its class and built by a factory, which may resolve the services it depends on from the same
container. How long an instance lives is said when it is registered.

One lock guards everything. It is reentrant, because a factory runs with it held and resolves from the same container.
Instances are closed without it: a `close` that waits for another thread must not keep that thread from resolving.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from targets.container import ContainerDisposed, Lifetime, NotRegistered, Registration, Scope
from targets.scenarios import container as bodies

T = TypeVar("T")


class ServiceContainer:
    """Make and keep services. An instance with a `close` method is closed when the container is disposed of."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._registrations: dict[type, Registration] = {}
        self._singletons: dict[type, Any] = {}
        self._is_disposed = False

    def register(self, service: type[T], factory: Callable[[], T], lifetime: Lifetime = Lifetime.SINGLETON) -> None:
        """Have `factory` make instances of `service` from now on."""
        with self._lock:
            self._registrations[service] = Registration(factory, lifetime)

    def resolve(self, service: type[T], scope: Scope | None = None) -> T:
        """Return an instance of `service`; a scoped one needs a scope.

        Raises `NotRegistered` if nobody registered it, `ContainerDisposed` after `dispose`.
        """
        with self._lock:
            if self._is_disposed:
                raise ContainerDisposed(service.__name__)
            if service not in self._registrations:
                raise NotRegistered(service.__name__)
            registration = self._registrations[service]
            if registration.lifetime is Lifetime.SINGLETON:
                return self._resolve_in(self._singletons, service, registration)
            if registration.lifetime is Lifetime.SCOPED:
                if scope is None:
                    raise ValueError(f"{service.__name__} is scoped: pass a scope")
                return self._resolve_in(scope.instances, service, registration)
        return registration.factory()  # type: ignore[no-any-return]

    def _resolve_in(self, instances: dict[type, Any], service: type[T], registration: Registration) -> T:
        """Return the instance kept in `instances`, made and put there if it is missing, with the lock held."""
        if service not in instances:
            instances[service] = registration.factory()
        return instances[service]  # type: ignore[no-any-return]

    def services(self) -> list[str]:
        """Return the names of the registered services, in the order of registration."""
        with self._lock:
            return [service.__name__ for service in self._registrations]

    def dispose(self) -> None:
        """Close the singletons; do nothing the second time."""
        with self._lock:
            if self._is_disposed:
                return
            self._is_disposed = True
            instances = list(self._singletons.values())
            self._singletons.clear()
        for instance in instances:
            if hasattr(instance, "close"):
                instance.close()


def scenario_singleton_is_single() -> None:
    """Resolve a singleton for the first time from two threads: both get the same."""
    bodies.singleton_is_single(ServiceContainer())


def scenario_dependency_is_shared() -> None:
    """Resolve two services that depend on one singleton: both have the same."""
    bodies.dependency_is_shared(ServiceContainer())


def scenario_scope_has_one() -> None:
    """Resolve a scoped service from two threads in one scope: both get the same."""
    bodies.scope_has_one(ServiceContainer(), Scope(), Lifetime.SCOPED)


def scenario_resolve_during_dispose() -> None:
    """Resolve while the container is disposed of: what was made is closed."""
    bodies.resolve_during_dispose(ServiceContainer(), ContainerDisposed)


def scenario_dispose_closes_once() -> None:
    """Dispose of the container from two threads: each singleton is closed once."""
    bodies.dispose_closes_once(ServiceContainer())


def scenario_register_during_listing() -> None:
    """Register services while the registered ones are listed: the list is of one moment."""
    bodies.register_during_listing(ServiceContainer())


def scenario_transients_are_distinct_and_pass() -> None:
    """Resolve a transient service from two threads: each gets its own."""
    bodies.transients_are_distinct(ServiceContainer(), Lifetime.TRANSIENT)
