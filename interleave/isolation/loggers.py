"""Loggers of `logging`, each of which remembers whether a level is enabled when it is first asked.

Without that the first execution takes the lock of `logging` where those after it do not, which would stand in the way of a proof of every
program that has a logger in a module. Whether a level is enabled is the same either way, and whoever changes it empties all caches at once.
"""

from __future__ import annotations

import logging
from typing import Any, Final

_LEVELS: Final = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


def fill_caches() -> None:
    """Have all loggers remember whether the usual levels are enabled, unless they do."""
    # The root's cache is emptied with all others.
    if len(_cache_of(logging.root)) >= len(_LEVELS):
        return
    for logger in (logging.root, *logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger) and _is_plain(type(logger)):
            lowest = max(logger.manager.disable + 1, logger.getEffectiveLevel())
            _cache_of(logger).update({level: level >= lowest for level in _LEVELS})


def _cache_of(logger: Any) -> dict[int, bool]:
    cache: dict[int, bool] = logger._cache
    return cache


def _is_plain(cls: type[logging.Logger]) -> bool:
    return cls.isEnabledFor is logging.Logger.isEnabledFor and cls.getEffectiveLevel is logging.Logger.getEffectiveLevel
