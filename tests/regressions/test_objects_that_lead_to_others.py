"""An object of the standard library that leads to another, or that an operator or property uses, was ordered with nothing."""

from __future__ import annotations

import argparse
import collections
import configparser
import csv
import email.message
import http.cookies
import io
import sqlite3
import xml.etree.ElementTree as ET
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from interleave import explore
from tests.threads import together


def orders_that_fail(make: Callable[[], Any], look: Callable[[Any], object], change: Callable[[Any], object]) -> list[str]:
    """Return the verdicts on two programs, of which each holds in one order only: that one first, that the other."""
    changed = make()
    change(changed)
    verdicts = []
    for expected in (repr(look(make())), repr(look(changed))):

        def scenario(expected: str = expected) -> None:
            shared, seen = make(), []
            together(lambda: seen.append(repr(look(shared))), lambda: change(shared))
            assert seen == [expected]

        verdicts.append(explore(scenario, strategy="dpor").verdict)
    return verdicts


def _parser() -> SimpleNamespace:
    parser = configparser.ConfigParser()
    parser.read_dict({"a": {"x": "1"}})
    return SimpleNamespace(parser=parser, section=parser["a"])


def _tree() -> SimpleNamespace:
    root = ET.fromstring("<a><b/></a>")
    return SimpleNamespace(tree=ET.ElementTree(root), root=root, leaf=root[0])


def _table() -> SimpleNamespace:
    file = io.StringIO("a,b\nc,d\ne,f\n")
    return SimpleNamespace(file=file, plain=csv.reader(file), rows=csv.DictReader(file))


def _text() -> SimpleNamespace:
    raw = io.BytesIO()
    return SimpleNamespace(raw=raw, file=io.TextIOWrapper(raw, write_through=True))


def _writer() -> SimpleNamespace:
    file = io.StringIO()
    return SimpleNamespace(file=file, rows=csv.DictWriter(file, ["a"]))


def _cookie() -> SimpleNamespace:
    cookie: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    cookie["a"] = "1"
    return SimpleNamespace(cookie=cookie, morsel=cookie["a"])


def _message() -> email.message.EmailMessage:
    message = email.message.EmailMessage()
    message["Subject"] = "a"
    return message


def _cursors() -> SimpleNamespace:
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute("create table t(x)")
    return SimpleNamespace(one=database.cursor(), two=database.cursor())


def _set_text(tree: SimpleNamespace) -> None:
    tree.leaf.text = "t"


def _set_item(parser: SimpleNamespace) -> None:
    parser.section["x"] = "2"


def _set_data(text: collections.UserString) -> None:
    text.data = "b"


@pytest.mark.parametrize(
    ("make", "look", "change"),
    [
        (_parser, lambda one: one.section["x"], lambda one: one.parser.set("a", "x", "2")),
        (_parser, lambda one: one.parser.get("a", "x"), _set_item),
        (_parser, lambda one: "y" in one.section, lambda one: one.parser.set("a", "y", "2")),
        (_parser, lambda one: dict(one.section), lambda one: one.parser.set("a", "y", "2")),
        (_tree, lambda one: one.leaf.text, _set_text),
        (_tree, lambda one: ET.tostring(one.root), _set_text),
        (_tree, lambda one: [part.tag for part in one.root.iter()], lambda one: ET.SubElement(one.leaf, "c")),
        (_tree, lambda one: one.tree.find("b").get("k"), lambda one: one.leaf.set("k", "v")),
        (_table, lambda one: next(one.plain), lambda one: one.file.readline()),
        (_table, lambda one: list(one.plain), lambda one: one.file.readline()),
        (_table, lambda one: next(one.rows), lambda one: next(one.rows)),
        (_table, lambda one: list(one.rows), lambda one: next(one.rows)),
        (_table, lambda one: one.rows.line_num, lambda one: next(one.rows)),
        (_text, lambda one: one.raw.getvalue(), lambda one: print("a", file=one.file)),
        (_writer, lambda one: one.file.getvalue(), lambda one: one.rows.writeheader()),
        (_cookie, lambda one: one.cookie.output(), lambda one: one.morsel.update({"path": "/"})),
        (_message, lambda one: one.as_string(), lambda one: one.set_content("b")),
        (_cursors, lambda one: [*one.one.execute("select * from t")], lambda one: one.two.execute("insert into t values (1)")),
        (lambda: collections.UserString("a"), str, _set_data),
        (lambda: collections.UserString("a"), lambda text: text + "c", _set_data),
        (lambda: collections.UserList("a"), list, lambda xs: xs.data.append("b")),
        (lambda: collections.UserDict(k=1), lambda d: d["k"], lambda d: d.data.update(k=2)),
        (lambda: argparse.Namespace(a=1), repr, lambda options: vars(options).update(a=2)),
        (lambda: io.StringIO("a"), lambda file: file.closed, lambda file: file.close()),
        (mock.Mock, lambda call: call.call_count, lambda call: call()),
    ],
)  # fmt: skip
def test_orders_are_found(make: Callable[[], Any], look: Callable[[Any], object], change: Callable[[Any], object]) -> None:
    assert orders_that_fail(make, look, change) == ["failed", "failed"]


@pytest.mark.parametrize(
    ("make", "use"),
    [
        (_parser, _set_item),
        (_tree, lambda one: ET.tostring(one.root)),
        (_table, lambda one: list(one.rows)),
        (_writer, lambda one: one.rows.writeheader()),
        (_message, lambda one: (one.set_content("b"), one.as_string())),
        (mock.Mock, lambda call: (call(), call.call_count)),
    ],
)
def test_what_each_thread_has_for_itself_is_proven(make: Callable[[], Any], use: Callable[[Any], object]) -> None:
    assert explore(lambda: together(lambda: use(make()), lambda: use(make())), strategy="dpor").verdict == "proven"


def test_sections_of_one_parser_are_no_proof_without_a_lock() -> None:
    def scenario() -> None:
        one = _parser()

        def add() -> None:
            one.section["x"] = str(int(one.parser.get("a", "x")) + 1)

        together(add, lambda: one.parser.set("a", "y", "3"))
        assert one.section["x"] == "2"

    assert explore(scenario, strategy="dpor").verdict == "inconclusive"
