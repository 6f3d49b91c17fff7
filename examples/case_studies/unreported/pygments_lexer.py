"""Pygments 2.21.0: two threads that make the first two lexers of a class can spoil the class for the rest of the process.

What breaks. Making a lexer is safe from the caller's view: every thread makes its own. But the first one of a class compiles the rules,
in `RegexLexerMeta.__call__` (pygments/lexer.py, lines 655 to 662), with no lock: it sets `cls._tmpname = 0`, numbers the states that
`combined` makes by it (lines 534 and 535), and stores the table as `cls._tokens` at the end.

The interleaving. Thread A has made the first combined state, `_tmp_0`. Thread B finds no table either and sets `_tmpname` back to 0.
Thread A makes the second combined state: it is `_tmp_0` again and replaces the first. Thread B finishes, then thread A stores its table.

The consequence. From then on every lexer of the class goes into the wrong state: the text is highlighted wrongly until the process ends,
and nothing is raised. Many lexers use `combined`, `PythonLexer` for one; web applications and Sphinx make them in threads. It happens under
the GIL too.

Searched in the project's tracker for "thread", "race", "RegexLexerMeta", "_tmpname", "combined" and "wrong highlighting", and the web. The
nearest is sqlparse #730: the same kind of fault in another lexer.
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from pygments.lexer import RegexLexer, RegexLexerMeta, combined
from pygments.token import Name, String, Text, _TokenType

from examples.case_studies.together import together

RULES = {
    "root": [(r'"', String, combined("escape", "string")), (r"'", Name, combined("escape", "name")), (r".", Text)],
    "escape": [(r"\\.", String.Escape)],
    "string": [(r'"', String, "#pop"), (r".", String)],
    "name": [(r"'", Name, "#pop"), (r".", Name)],
}


class Quotes(RegexLexer):
    tokens: ClassVar[dict[str, Any]] = RULES


def scenario() -> None:
    together(Quotes, Quotes)
    assert (String, "a") in Quotes().get_tokens('"a"')


def reproduce() -> None:
    """Hold thread A between the two combined states, and again before the end, as the interleaving says."""
    first_made, number_reset, second_made, b_done = (threading.Event() for _ in range(4))

    class Held(RegexLexerMeta):
        def _process_token(cls, token: _TokenType) -> _TokenType:
            match threading.current_thread().name, token:
                case "A", token if token is Name and not first_made.is_set():
                    first_made.set()
                    number_reset.wait()
                case "A", token if token is Text:
                    second_made.set()
                    b_done.wait()
                case "B", _ if not number_reset.is_set():
                    number_reset.set()
                    second_made.wait()
            return super()._process_token(token)

    class Lexer(RegexLexer, metaclass=Held):
        # String.Escape and the rules of "string" come between the two; Name is that of the second combined state.
        tokens: ClassVar[dict[str, Any]] = RULES

    first, second = threading.Thread(target=Lexer, name="A"), threading.Thread(target=Lexer, name="B")
    first.start()
    first_made.wait()
    second.start()
    second.join()
    b_done.set()
    first.join()
    found = list(Lexer().get_tokens('"a"'))
    assert (String, "a") not in found, found
    assert (Name, "a") in found, found


if __name__ == "__main__":
    reproduce()
