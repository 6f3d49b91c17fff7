"""The seed codec: whatever was encoded comes back, and whatever was damaged is refused with the reason."""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interleave.errors import SeedError
from interleave.model import SHAPE, STATE, WHOLE, WRITE, Access, Deviation, Event, Operation, Schedule, Site
from interleave.schedule import BLOCKS, block_size, decode, encode, fingerprints, first_difference, first_mismatch

NAME = "targets.cache:scenario_put_put"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SMALL = Schedule((Deviation(3, 1), Deviation(9, 2), Deviation(15, 2)), 30, bytes([1, 15, 0, 7, 9]))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    moments = sorted(draw(st.lists(st.integers(0, 5_000), max_size=12)))
    picks = draw(st.lists(st.integers(0, 130), min_size=len(moments), max_size=len(moments)))
    prints = bytes(draw(st.lists(st.integers(0, 15), max_size=16)))
    return Schedule(tuple(map(Deviation, moments, picks)), draw(st.integers(0, 20_000)), prints)


@given(schedules(), st.text(max_size=60))
def test_comes_back_whole(schedule: Schedule, scenario: str) -> None:
    seed = encode(schedule, scenario)
    assert decode(seed, scenario) == decode(f"  {seed}\n", None) == schedule
    assert shlex.quote(seed) == seed


@given(schedules(), st.data())
@settings(max_examples=150)
def test_notices_any_changed_character(schedule: Schedule, data: st.DataObject) -> None:
    seed = encode(schedule, NAME)
    at = data.draw(st.integers(0, len(seed) - 1))
    other = data.draw(st.sampled_from(ALPHABET + ".=+/ ~é").filter(lambda character: character != seed[at]))
    with pytest.raises(SeedError):
        decode(seed[:at] + other + seed[at + 1 :], NAME)


def test_notices_every_changed_character_of_one_seed() -> None:
    seed = encode(SMALL, NAME)
    for at, other in itertools.product(range(len(seed)), ALPHABET):
        if seed[at] != other:
            with pytest.raises(SeedError):
                decode(seed[:at] + other + seed[at + 1 :], NAME)


@given(schedules(), st.data())
def test_calls_a_truncated_seed_truncated(schedule: Schedule, data: st.DataObject) -> None:
    seed = encode(schedule, NAME)
    length = data.draw(st.integers(3, len(seed) - 1))
    with pytest.raises(SeedError, match="is truncated"):
        decode(seed[:length], NAME)


@given(schedules(), st.data())
def test_notices_what_was_added_or_swapped(schedule: Schedule, data: st.DataObject) -> None:
    seed = encode(schedule, NAME)
    at = data.draw(st.integers(4, len(seed)))
    with pytest.raises(SeedError, match=r"altered|truncated"):
        decode(seed[:at] + data.draw(st.text(ALPHABET, min_size=1, max_size=9)) + seed[at:], NAME)
    at = data.draw(st.integers(4, len(seed) - 2))
    swapped = seed[:at] + seed[at + 1] + seed[at] + seed[at + 2 :]
    if swapped != seed:
        with pytest.raises(SeedError, match=r"altered|truncated"):
            decode(swapped, NAME)


@given(st.text(max_size=40))
def test_calls_other_text_not_a_seed(text: str) -> None:
    if not re.match(r"\s*il", text):
        with pytest.raises(SeedError, match="is not a seed"):
            decode(text, None)


@pytest.mark.parametrize(
    ("seed", "said"),
    [
        ("", "This is not a seed: ''"),
        ("hello", "This is not a seed: 'hello'"),
        ("il-abc", "This is not a seed"),
        ("il01-AAAA", "This is not a seed"),
        ("il2-abc def", "This is not a seed"),
        (encode(SMALL, NAME).replace("il2-", "il1-"), "has format version 1, and this release reads version 2"),
        (encode(SMALL, NAME)[:-1], "is truncated: its end is missing"),
        ("il2-", "is truncated"),
        ("il2", "is truncated"),
        (encode(SMALL, NAME) + "A", "was altered: its checksum does not match"),
        (encode(SMALL, NAME)[:12] + "_" + encode(SMALL, NAME)[13:], "was altered"),
        (encode(SMALL, "other:scenario"), f"was not made for the scenario expected here, '{NAME}'"),
    ],
)
def test_says_what_is_wrong(seed: str, said: str) -> None:
    with pytest.raises(SeedError, match=re.escape(said)):
        decode(seed, NAME)


def test_is_the_same_text_everywhere() -> None:
    # What changes this text makes old seeds unreadable: raise the format version.
    assert encode(SMALL, NAME) == "il2-KWGlKgyfPh4CAxo1AAXxcAk"


def test_is_short() -> None:
    one_switch = Schedule((Deviation(7, 1),), 25, bytes(25))
    assert len(encode(one_switch, NAME)) <= 44
    # A switch costs a byte, which is 4/3 characters.
    dense = Schedule(tuple(Deviation(at * 5, at * 7 % 3) for at in range(100)), 600)
    assert len(encode(dense, NAME)) <= 4 + (16 + 100) * 4 / 3
    repeated = Schedule(tuple(Deviation(at * 5, 1) for at in range(1_000)), 6_000)
    assert len(encode(repeated, NAME)) <= 40


@pytest.mark.parametrize("deviations", [(Deviation(5, 0), Deviation(4, 0)), (Deviation(1, -1),)])
def test_refuses_what_is_not_a_schedule(deviations: tuple[Deviation, ...]) -> None:
    with pytest.raises(ValueError, match="follows moment"):
        encode(Schedule(deviations), NAME)


def event(tid: int = 0, kind: str = "read", field: object = "n", *, line: int = 1, function: str = "f", owner: str = "o") -> Event:
    return tid, Operation(kind, (Access((owner,), field, WRITE),), Site("a.py", line, function, name="n"))


EVENTS = [event(tid, kind, at) for at, (tid, kind) in enumerate([(0, "spawn"), (1, "read"), (2, "write"), (1, "acquire")] * 25)]


def prints_differ(one: Event, other: Event) -> bool:
    """Tell it by many prints, as a single one may agree by chance."""
    return fingerprints([one] * 40, 1) != fingerprints([other] * 40, 1)


class TestPrints:
    @pytest.mark.parametrize(("length", "size"), [(0, 1), (1, 1), (256, 1), (257, 2), (512, 2), (513, 3), (20_000, 79)])
    def test_divide_into_at_most_256_blocks(self, length: int, size: int) -> None:
        assert block_size(length) == size
        assert len(fingerprints([event()] * length, size)) <= BLOCKS

    def test_are_nibbles_one_for_each_block(self) -> None:
        prints = fingerprints(EVENTS, 7)
        assert len(prints) == 15
        assert max(prints) < 16
        assert len(set(prints)) > 5

    def test_are_the_same_everywhere(self) -> None:
        assert fingerprints(EVENTS, 7).hex() == "0a0b06010d0b0c010c0e050c020601"

    @pytest.mark.parametrize(
        "other",
        [event(1), event(kind="write"), event(field="m"), event(field=3), event(field=WHOLE), event(function="g")],
        ids=["tid", "kind", "name", "index", "whole", "function"],
    )
    def test_see_what_was_done(self, other: Event) -> None:
        assert prints_differ(event(), other)

    def test_see_modes_targets_and_unknown_footprints(self) -> None:
        tid, operation = event()
        assert operation.accesses is not None
        assert prints_differ((tid, operation), (tid, operation._replace(accesses=(operation.accesses[0]._replace(mode=0),))))
        assert prints_differ((tid, operation), (tid, operation._replace(target=2)))
        assert prints_differ((tid, operation), (tid, operation._replace(accesses=None)))

    def test_tell_markers_and_types_of_keys_apart(self) -> None:
        fields: list[object] = [WHOLE, SHAPE, STATE, "1", 1, "WHOLE", -1]
        for one, other in itertools.combinations(fields, 2):
            assert prints_differ(event(field=one), event(field=other))

    @pytest.mark.parametrize(
        ("one", "other"),
        [(event(), event(line=99)), (event(), event(owner="p")), (event(field=(1, "a")), event(field=frozenset({2})))],
        ids=["line", "owner", "key without a stable name"],
    )
    def test_do_not_see_what_may_vary(self, one: Event, other: Event) -> None:
        assert not prints_differ(one, other)

    def test_take_huge_keys(self) -> None:
        assert prints_differ(event(field=10**5_000), event(field=10**5_000 + 1))

    @pytest.mark.parametrize(
        ("one", "other", "index"),
        [(b"", b"", None), (b"\1", b"\1", None), (b"\1\2", b"\1\3", 1), (b"\1", b"\1\3", 1), (b"\1\2\3", b"\1", 1), (b"\4\2", b"\1", 0)],
    )
    def test_give_the_first_difference(self, one: bytes, other: bytes, index: int | None) -> None:
        assert first_difference(one, other) == index

    @given(st.integers(0, 999))
    def test_find_one_changed_event_at_or_soon_after_it(self, at: int) -> None:
        events = EVENTS * 10
        schedule = Schedule((), len(events), fingerprints(events, block_size(len(events))))
        assert first_mismatch(schedule, events) is None
        events[at] = event(7, "write", "elsewhere")
        found = first_mismatch(schedule, events)
        # Four neighbouring prints agree by chance once in 65,536 times; the last block has no second chance.
        assert found is None if found is None and at >= 984 else found is not None and at - 4 < found <= at + 12

    def test_find_an_execution_that_was_longer_or_shorter(self) -> None:
        schedule = Schedule((), len(EVENTS), fingerprints(EVENTS, 1))
        assert first_mismatch(schedule, EVENTS[:60]) == 60
        assert first_mismatch(schedule, [*EVENTS, event()]) == 100

    def test_are_not_compared_where_there_are_none(self) -> None:
        assert first_mismatch(replace(SMALL, prints=b""), EVENTS) is None
