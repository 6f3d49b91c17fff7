"""Two threads that ask for a singleton at the same time get two."""

import injector

from examples.case_studies.together import together


class Service: ...


def scenario() -> None:
    container = injector.Injector([lambda binder: binder.bind(Service, to=Service, scope=injector.singleton)])
    got: list[Service] = []
    together(lambda: got.append(container.get(Service)), lambda: got.append(container.get(Service)))
    assert got[0] is got[1]
