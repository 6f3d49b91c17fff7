"""One after the other: whoever goes on goes on as long as it can, then the one with the lowest tid.

No search and no sampler: one execution without races, where there is one, to compare others with (`race_search`).
"""

from __future__ import annotations

from interleave.model import Point, Strategy


class Serial(Strategy):
    """Choose the current thread or task where it is enabled."""

    def choose(self, point: Point) -> int:
        """Return the current one, else the lowest; of several values the first."""
        if point.values:
            return 0
        mine = point.enabled & 1 << point.current
        return (mine or point.enabled & -point.enabled).bit_length() - 1
