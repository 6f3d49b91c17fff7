"""The studies: one row for each bug, in the order of the packages' names.

The scenario of a study is the function `scenario` of the module of that name beside this one. `affected` and `repaired` are requirements
for pip, the package first; what it needs follows, pinned too.
"""

from __future__ import annotations

from dataclasses import dataclass

_ANYIO = "idna==3.10 sniffio==1.3.1 typing_extensions==4.12.2"
_LIMITS = "deprecated==1.2.18 packaging==24.2 typing_extensions==4.12.2 wrapt==1.17.2"


@dataclass(frozen=True)
class Study:
    """A known bug: what goes wrong, where it was reported, the requirements of a release that has it and of the one that repaired it."""

    name: str
    wrong: str
    url: str
    affected: str
    repaired: str
    include: tuple[str, ...]
    #: The kind of failure, as the report calls it.
    kind: str

    @property
    def package(self) -> str:
        return self.affected.partition("==")[0]


STUDIES = (
    Study(
        "anyio_lock_waiter",
        "a cancelled waiter is left in the queue of a lock: who comes next waits for ever",
        "https://github.com/agronholm/anyio/pull/1145",
        f"anyio==4.13.0 {_ANYIO}",
        f"anyio==4.14.0 {_ANYIO}",
        ("anyio",),
        "stuck",
    ),
    Study(
        "anyio_native_cancel",
        "a task cancelled while it takes a free lock keeps it",
        "https://github.com/agronholm/anyio/issues/398",
        f"anyio==3.4.0 {_ANYIO}",
        f"anyio==3.5.0 {_ANYIO}",
        ("anyio",),
        "stuck",
    ),
    Study(
        "async_lru_clear",
        "`cache_clear` during a call: KeyError in its callback",
        "https://github.com/aio-libs/async-lru/issues/503",
        "async-lru==2.0.3",
        "async-lru==2.0.4",
        ("async_lru",),
        "exception",
    ),
    Study(
        "boltons_lri",
        "two threads store at once: an `LRI` grows beyond its limit",
        "https://github.com/mahmoud/boltons/pull/200",
        "boltons==18.0.1",
        "boltons==19.0.0",
        ("boltons",),
        "assertion",
    ),
    Study(
        "cachetools_cached",
        "two callers of a cached function get two objects, one of them no longer in the cache",
        "https://github.com/tkem/cachetools/pull/188",
        "cachetools==4.1.1",
        "cachetools==4.2.0",
        ("cachetools",),
        "assertion",
    ),
    Study(
        "filelock_singleton",
        "a lock that is to be a singleton is made twice: neither keeps the other out",
        "https://github.com/tox-dev/filelock/pull/581",
        "filelock==3.29.5",
        "filelock==3.30.0",
        ("filelock",),
        "assertion",
    ),
    Study(
        "fsspec_instance",
        "a file system that is to be shared is made twice",
        "https://github.com/fsspec/filesystem_spec/issues/2065",
        "fsspec==2026.6.0",
        "fsspec==2026.7.0",
        ("fsspec",),
        "assertion",
    ),
    Study(
        "fsspec_registry",
        "two threads register the same protocol: ValueError",
        "https://github.com/fsspec/filesystem_spec/issues/1334",
        "fsspec==2023.4.0",
        "fsspec==2023.5.0",
        ("fsspec",),
        "exception",
    ),
    Study(
        "injector_singleton",
        "a singleton is made twice",
        "https://github.com/python-injector/injector/pull/215",
        "injector==0.20.1",
        "injector==0.21.0",
        ("injector",),
        "assertion",
    ),
    Study(
        "limits_moving_window",
        "entries are dropped that have not expired: a rate limit lets more through than it should",
        "https://github.com/alisaifee/limits/issues/277",
        f"limits==5.2.0 {_LIMITS}",
        f"limits==5.3.0 {_LIMITS}",
        ("limits",),
        "assertion",
    ),
    Study(
        "mock_children",
        "a child of a mock is made twice",
        "https://github.com/python/cpython/issues/98624",
        "mock==4.0.3",
        "mock==5.1.0",
        ("mock",),
        "assertion",
    ),
    Study(
        "pyee_once",
        "a handler registered with `once` is removed twice: KeyError",
        "https://github.com/jfhbrook/pyee/issues/76",
        "pyee==8.0.1",
        "pyee==8.1.0",
        ("pyee",),
        "exception",
    ),
    Study(
        "pyparsing_packrat",
        "the packrat cache, which all grammars share, is cleared without its lock: KeyError",
        "https://github.com/pyparsing/pyparsing/issues/604",
        "pyparsing==3.2.3",
        "pyparsing==3.2.4",
        ("pyparsing",),
        "exception",
    ),
    Study(
        "pyrate_limiter_leak",
        "the thread that drops old items makes a limit let one call too many through",
        "https://github.com/vutran1710/PyrateLimiter/issues/300",
        "pyrate-limiter==4.3.0",
        "pyrate-limiter==4.4.0",
        ("pyrate_limiter",),
        "assertion",
    ),
    Study(
        "redis_asyncio_cancel",
        "after a cancelled command the next one gets its reply",
        "https://github.com/redis/redis-py/issues/2665",
        "redis==4.5.1 async-timeout==4.0.3",
        "redis==4.5.5 async-timeout==4.0.3",
        ("redis",),
        "assertion",
    ),
    Study(
        "sqlalchemy_columns",
        "the columns of an alias are made by two threads at once: AssertionError",
        "https://github.com/sqlalchemy/sqlalchemy/issues/12302",
        "sqlalchemy==2.0.38 typing_extensions==4.12.2",
        "sqlalchemy==2.0.55 typing_extensions==4.12.2",
        ("sqlalchemy",),
        "assertion",
    ),
    Study(
        "sqlparse_lexer",
        "the lexer that all share is used before it knows its keywords",
        "https://github.com/andialbrecht/sqlparse/issues/730",
        "sqlparse==0.4.4",
        "sqlparse==0.5.0",
        ("sqlparse",),
        "assertion",
    ),
    Study(
        "urllib3_pool_manager",
        "a pool manager closes a pool between its look-up and its use",
        "https://github.com/urllib3/urllib3/issues/1252",
        "urllib3==1.26.15",
        "urllib3==1.26.16",
        ("urllib3",),
        "exception",
    ),
)


@dataclass(frozen=True)
class Unreported:
    """A bug in no tracker when it was found, in the newest release then; its module has the text and `reproduce`, with real threads."""

    name: str
    wrong: str
    release: str
    include: tuple[str, ...]
    kind: str

    @property
    def package(self) -> str:
        return self.release.partition("==")[0]


_AIOHTTP = (
    "aiohappyeyeballs==2.7.1 aiosignal==1.4.0 attrs==26.1.0 frozenlist==1.8.0 idna==3.20 multidict==7.2.1 propcache==0.5.4 "
    "typing_extensions==4.16.0 yarl==1.25.1"
)
UNREPORTED = (
    Unreported(
        "aiohttp_waiter",
        "a request that gives up just as a connection becomes free for it leaves all others waiting",
        f"aiohttp==3.14.5 {_AIOHTTP}",
        ("aiohttp",),
        "stuck",
    ),
    Unreported(
        "boltons_copy",
        "`LRU.copy` iterates without the lock: RuntimeError while another thread stores",
        "boltons==26.2.0",
        ("boltons",),
        "exception",
    ),
    Unreported(
        "limits_first_hit",
        "two first hits are counted as one: a limit lets one call too many through",
        f"limits==5.8.0 {_LIMITS}",
        ("limits",),
        "assertion",
    ),
    Unreported(
        "pygments_lexer",
        "two threads make the first lexers of a class: it highlights wrongly until the process ends",
        "pygments==2.21.0",
        ("pygments",),
        "assertion",
    ),
    Unreported(
        "pykka_ask",
        "a question that is asked just as an actor stops gets no reply: who asked waits for ever",
        "pykka==4.5.0 typing_extensions==4.12.2",
        ("pykka",),
        "stuck",
    ),
    Unreported(
        "statemachine_event",
        "an event sent while another thread ends its processing is not processed",
        "python-statemachine==3.2.2",
        ("statemachine",),
        "assertion",
    ),
    Unreported(
        "zict_stale",
        "a value is read while another thread stores one: the cache keeps the old one",
        "zict==3.0.0",
        ("zict",),
        "assertion",
    ),
)
