"""The text form of a schedule: the seed that a user pastes, and the prints by which a replay notices other code.

A seed is `il`, the format version, `-`, and base64url (RFC 4648, section 5) without padding of a payload: nothing in
it needs quoting in a shell. The payload is

    crc32 of all that follows     4 bytes, little endian
    length of the body            varint
    body:
        hash of the scenario's name   2 bytes
        length in moments             varint
        bits for a pick               varint, b
        number of deviations          varint
        runs of deviations            varints, see below
        number of prints              varint
        prints                        two to a byte

A varint has seven bits a byte, lowest first, the eighth bit set on all but the last. A deviation becomes the number
(moments since the one before) << b | pick; consecutive equal numbers make a run, written as number << 1 if it is
alone, else as number << 1 | 1 and the count less two. A switch costs one byte in most programs.

There is one seed for a schedule and scenario: what does not encode back to the same text was altered. The checksum
finds every change of up to 32 neighbouring bits, so every change of a single character.

**Prints.** A schedule says which thread went on, not what it did. So a seed also holds four bits for each of at most
256 equal blocks of events, from a checksum of what was executed up to the end of the block: thread, kind, target,
names of what was touched, and the function it was in. Line numbers are not in it, nor anything that names an object,
so that a comment added to a file does not void its seeds. The checksum runs on from block to block: a difference is
seen in the block it occurs in with probability 15/16, and if not there, then soon after.

Format versions: 1, the first; 2, with other choices where timers are due at one moment, and with points where threads look at event loops.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import eq
from typing import TypeVar

from interleave.errors import SeedError
from interleave.model import SHAPE, STATE, WHOLE, Deviation, Event, Operation, Schedule

VERSION = 2
#: Most blocks that an execution is divided into for its prints.
BLOCKS = 256

T = TypeVar("T")

_SEED = re.compile(r"il(0|[1-9][0-9]{0,3})-([A-Za-z0-9_-]*)")
_CHECKSUM = 4


class _Truncated(Exception):
    """Signal that the payload ends inside a field."""


def encode(schedule: Schedule, scenario: str) -> str:
    """Return the seed of `schedule`, for the scenario of that qualified name.

    Raises `ValueError` if the deviations are not in order of their moments.
    """
    body = _hash_of(scenario) + _pack(schedule)
    checked = _varint(len(body)) + body
    payload = zlib.crc32(checked).to_bytes(_CHECKSUM, "little") + checked
    return f"il{VERSION}-{_to_text(payload)}"


def decode(seed: str, scenario: str | None) -> Schedule:
    """Return the schedule that `seed` holds; white space around it does not matter.

    `scenario` is the qualified name of the scenario to be replayed, None to accept the seed of any. Raises
    `SeedError` if the text is not a seed, is truncated or altered, has another format version, or was made for
    another scenario.
    """
    seed = seed.strip()
    match = _SEED.fullmatch(seed)
    if match is None:
        if seed == f"il{VERSION}":
            raise _truncated(seed)
        raise SeedError(
            f"This is not a seed: {_shown(seed)}.\nA seed begins with 'il{VERSION}-', and has letters, digits, '-' and '_' only."
        )
    if int(match[1]) != VERSION:
        raise SeedError(
            f"The seed {_shown(seed)} has format version {int(match[1])}, and this release reads version {VERSION}.\n"
            "It was made by another release of interleave.\nExplore again to get a new seed."
        )
    body = _body_of(seed, match[2])
    if scenario is not None and body[:2] != _hash_of(scenario):
        raise SeedError(
            f"The seed {_shown(seed)} was not made for the scenario expected here, '{scenario}'.\n"
            "It belongs to another function, or this one was renamed or moved.\nReplay it with the scenario that it was reported for."
        )
    try:
        return _unpack(body)
    except _Truncated:
        raise _altered(seed) from None


def block_size(length: int) -> int:
    """Return how many events share a print in an execution of `length` moments."""
    return max(1, -(-length // BLOCKS))


def fingerprints(events: Iterable[Event], block: int) -> bytes:
    """Return the prints of an execution: for each `block` events a number below 16, one to a byte; the last block may be short."""
    prints = bytearray()
    running = 0
    count = 0
    for tid, operation in events:
        running = zlib.crc32(_described(tid, operation).encode("utf-8", "surrogatepass"), running)
        count += 1
        if count % block == 0:
            prints.append(running >> 28)
    if count % block:
        prints.append(running >> 28)
    return bytes(prints)


def first_difference(one: Sequence[T], other: Sequence[T], is_same: Callable[[T, T], bool] = eq) -> int | None:
    """Return the index of the first item in which two sequences differ, or None."""
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if not is_same(left, right):
            return index
    return None if len(one) == len(other) else min(len(one), len(other))


def first_mismatch(schedule: Schedule, events: Sequence[Event]) -> int | None:
    """Return the index of the event from which on an execution is not the one `schedule` was recorded from, or None.

    It is that of the first event of a block, so the first differing event is at or shortly after it.
    """
    if not schedule.prints:
        return None
    block = block_size(schedule.length)
    found = first_difference(schedule.prints, fingerprints(events, block))
    return None if found is None else min(found * block, len(events))


def _described(tid: int, operation: Operation) -> str:
    """Return what of an event has to be the same in every execution of the same schedule, on every interpreter."""
    touched = "?" if operation.accesses is None else ",".join(f"{_named(access.field)}:{access.mode}" for access in operation.accesses)
    site = operation.site
    return f"{tid}|{operation.kind}|{operation.target}|{touched}|{site.function}|{site.name};"


def _named(field: object) -> str:
    """Return a field's name if it has one that does not vary between processes."""
    if type(field) is str:
        return f"'{field}"
    if type(field) is int:
        # Hexadecimal, since there is a limit on the decimal digits of an integer.
        return f"{field:x}"
    return repr(field) if field is WHOLE or field is SHAPE or field is STATE else "?"


def _hash_of(scenario: str) -> bytes:
    return (zlib.crc32(scenario.encode("utf-8", "surrogatepass")) & 0xFFFF).to_bytes(2, "little")


def _pack(schedule: Schedule) -> bytes:
    """Return the body without the scenario."""
    width = max((deviation.pick for deviation in schedule.deviations), default=0).bit_length()
    numbers: list[int] = []
    before = 0
    for moment, pick in schedule.deviations:
        if moment < before or pick < 0:
            raise ValueError(f"deviation ({moment}, {pick}) follows moment {before}")
        numbers.append(moment - before << width | pick)
        before = moment
    packed = bytearray(_varint(schedule.length) + _varint(width) + _varint(len(numbers)))
    for number, equal in groupby(numbers):
        count = len(list(equal))
        packed += _varint(number << 1 | (count > 1))
        if count > 1:
            packed += _varint(count - 2)
    prints = schedule.prints
    packed += _varint(len(prints))
    packed += bytes(prints[at] | (prints[at + 1] << 4 if at + 1 < len(prints) else 0) for at in range(0, len(prints), 2))
    return bytes(packed)


def _unpack(body: bytes) -> Schedule:
    """Return the schedule in a body; raise `_Truncated` if it is not exactly one."""
    length, at = _read_varint(body, 2)
    width, at = _read_varint(body, at)
    left, at = _read_varint(body, at)
    deviations: list[Deviation] = []
    moment = 0
    while left:
        number, at = _read_varint(body, at)
        count = 1
        if number & 1:
            count, at = _read_varint(body, at)
            count += 2
        if count > left:
            raise _Truncated
        left -= count
        number >>= 1
        for _ in range(count):
            moment += number >> width
            deviations.append(Deviation(moment, number & (1 << width) - 1))
    count, at = _read_varint(body, at)
    if len(body) - at != (count + 1) // 2:
        raise _Truncated
    prints = bytes(nibble for byte in body[at:] for nibble in (byte & 15, byte >> 4))
    return Schedule(tuple(deviations), length, prints[:count])


def _body_of(seed: str, text: str) -> bytes:
    """Return the body in the text after the version, complete and unaltered."""
    # No whole number of bytes gives 4n + 1 characters: the last one is the first of a group cut short.
    whole = text[:-1] if len(text) % 4 == 1 else text
    payload = base64.urlsafe_b64decode(whole + "=" * (-len(whole) % 4))
    try:
        size, start = _read_varint(payload, _CHECKSUM)
    except _Truncated:
        raise _truncated(seed) from None
    if len(payload) < start + size:
        raise _truncated(seed)
    checksum = int.from_bytes(payload[:_CHECKSUM], "little")
    # The second test: in the last character some bits may not belong to any byte.
    if len(payload) > start + size or zlib.crc32(payload[_CHECKSUM:]) != checksum or _to_text(payload) != text:
        raise _altered(seed)
    return payload[start:]


def _to_text(payload: bytes) -> str:
    return base64.urlsafe_b64encode(payload).rstrip(b"=").decode()


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at index `at`, and the index after it."""
    number = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
    raise _Truncated


def _truncated(seed: str) -> SeedError:
    return SeedError(f"The seed {_shown(seed)} is truncated: its end is missing.\nCopy it again, whole.")


def _altered(seed: str) -> SeedError:
    return SeedError(f"The seed {_shown(seed)} was altered: its checksum does not match.\nCopy it again, unchanged.")


def _shown(seed: str) -> str:
    return repr(seed if len(seed) <= 60 else f"{seed[:40]}...{seed[-10:]}")
