"""Sites on their way from one process to another: those that both have go by number, others by value and are made once."""

from __future__ import annotations

import pickle
from typing import Any, ClassVar

from interleave.instrument.rewrite import results
from interleave.model import Site
from interleave.runtime.sites import by_code, in_library, rank

#: What a child has found out: numbers of sites that have become points, and sites of the kernel with where they belong.
News = tuple[list[int], list[tuple[int, int, Site]]]


class SiteTable:
    """The sites that exist in this process, by number. Renewed before a fork, it is the same in parent and child."""

    #: The one from which sites are made that come by number, while something is loaded.
    loading: ClassVar[SiteTable | None] = None

    def __init__(self) -> None:
        self._all: list[Site] = []
        self._numbers: dict[int, int] = {}
        self._points: list[bool] = []
        #: By id of code that is kept alive: how many sites of the kernel it had.
        self._sizes: dict[int, int] = {}
        self._made: dict[tuple[Any, ...], Site] = {}
        self._seen = (-1, -1, -1)

    def renew(self) -> None:
        """Number all sites, if there are new ones."""
        by_kernel = sum(len(known) for known in by_code().values() if known)
        seen = (len(results()), by_kernel, len(self._made))
        if seen != self._seen:
            self._seen = seen
            done = list(results())
            own = [site for one in done for site in one.sites]
            kernels = [site for known in by_code().values() if known for site in known.values()]
            self._all = list({id(site): site for site in (*own, *kernels, *in_library(), *self._made.values())}.values())
            self._numbers = {id(site): number for number, site in enumerate(self._all)}
            self._sizes = {id(one.code): len(by_code().get(id(one.code)) or ()) for one in done}
        self._points = [site.is_point for site in self._all]

    def reduced(self, site: Site) -> tuple[Any, ...]:
        """Return how a site is pickled."""
        number = self._numbers.get(id(site))
        if number is not None:
            return _by_number, (number,)
        return _by_value, (site.file, site.line, site.function, site.module, site.name, site.span)

    def news(self) -> News:
        """Return what has changed since the last `renew`."""
        points = [number for number, site in enumerate(self._all) if site.is_point and not self._points[number]]
        found = [
            (code, place, site) for code, size in self._sizes.items() for place, site in list((by_code().get(code) or {}).items())[size:]
        ]
        return points, found

    def load(self, content: bytes) -> Any:
        """Unpickle what was pickled with `reduced`."""
        SiteTable.loading = self
        try:
            return pickle.loads(content)
        finally:
            SiteTable.loading = None

    def learn(self, news: News) -> None:
        """Take over what a child has found out."""
        points, found = news
        for number in points:
            self._all[number].is_point = True
        alive = {id(one.code): one.code for one in results()} if found else {}
        for code, place, site in found:
            if code in alive:
                rank(alive[code])
                known = by_code()[code]
                if known is not None:
                    known.setdefault(place, site)

    def made(self, *values: Any) -> Site:
        """Return the site with these values, the same each time."""
        site = self._made.get(values)
        if site is None:
            site = self._made[values] = Site(*values)
        return site


def _by_number(number: int) -> Site:
    assert SiteTable.loading is not None
    return SiteTable.loading._all[number]


def _by_value(*values: Any) -> Site:
    assert SiteTable.loading is not None
    return SiteTable.loading.made(*values)
