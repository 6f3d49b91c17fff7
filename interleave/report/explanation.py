"""What a report says of a failure before the steps that led to it: what explains it, in one sentence, and what would mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from interleave.detectors.culprit import Culprit, find
from interleave.report.columns import names_of
from interleave.report.fixes import fix_of
from interleave.report.source import short_name, short_path
from interleave.report.story import sentence_of
from interleave.result import Failure


@dataclass(frozen=True, slots=True)
class Explanation:
    """The names of the threads by tid, the accesses at fault if they are known, and the sentences made from them; either may be empty."""

    names: dict[int, str]
    culprit: Culprit | None
    story: str
    fix: str


def explain(failure: Failure) -> Explanation:
    """Look for what explains a failure, and put it into words."""
    culprit, names = find(failure.trace, failure.outcome), names_of(failure.trace.threads)
    story = _told_apart(sentence_of(failure, culprit, names), culprit)
    return Explanation(names, culprit, story[:1].upper() + story[1:], _told_apart(fix_of(failure, culprit), culprit))


def _told_apart(text: str, culprit: Culprit | None) -> str:
    """Return a sentence with the folders of files that go by the same name."""
    accesses = culprit.accesses if culprit is not None else ()
    for access in accesses:
        name = short_name(access.file)
        if any(short_name(other.file) == name and other.file != access.file for other in accesses):
            text = re.sub(rf"(?<![\w/.-]){re.escape(name)}:{access.line}\b", f"{short_path(access.file)}:{access.line}", text)
    return text
