"""The lexer that all share is published before it knows its keywords: a statement parsed meanwhile has an unknown type."""

import sqlparse

from examples.case_studies.together import together


def scenario() -> None:
    types: list[str] = []

    def parse() -> None:
        types.append(sqlparse.parse("select 1")[0].get_type())

    together(parse, parse)
    assert types == ["SELECT", "SELECT"]
