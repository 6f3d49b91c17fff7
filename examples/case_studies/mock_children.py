"""Two threads that first touch the same attribute of a mock get two children: calls recorded on one of them are lost."""

import mock  # noqa: UP026

from examples.case_studies.together import together


def scenario() -> None:
    service = mock.Mock()
    got: list[mock.Mock] = []
    together(lambda: got.append(service.send), lambda: got.append(service.send))
    assert got[0] is got[1]
