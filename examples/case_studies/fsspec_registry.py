"""Two threads that open the first URL of a protocol both register its class, and one is refused."""

from fsspec.registry import get_filesystem_class

from examples.case_studies.together import together


def scenario() -> None:
    together(lambda: get_filesystem_class("memory"), lambda: get_filesystem_class("memory"))
