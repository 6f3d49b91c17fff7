"""Two threads that ask for the same file system get two, each with its own connections."""

from fsspec.asyn import AsyncFileSystem, get_loop

from examples.case_studies.together import together


class Remote(AsyncFileSystem):
    protocol = "remote"


def scenario() -> None:
    get_loop()
    got: list[Remote] = []
    together(lambda: got.append(Remote(host="a")), lambda: got.append(Remote(host="a")))
    assert got[0] is got[1]
