"""A pool is closed by eviction between its look-up and its use."""

import urllib3

from examples.case_studies.together import together


def scenario() -> None:
    manager = urllib3.PoolManager(num_pools=1)

    def use(host: str) -> None:
        pool = manager.connection_from_host(host)
        pool._put_conn(pool._get_conn())

    together(lambda: use("a"), lambda: use("b"))
