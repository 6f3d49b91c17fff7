"""The packrat cache, which all grammars share, is cleared without its lock, while another thread makes room in it."""

import pyparsing

from examples.case_studies.together import together

pyparsing.ParserElement.enable_packrat(cache_size_limit=1)


def scenario() -> None:
    def parse(text: str) -> None:
        number = pyparsing.Word(pyparsing.nums)
        grammar = number + "+" + number
        assert grammar.parse_string(text).as_list() == text.split()

    together(lambda: parse("1 + 2"), lambda: parse("3 + 4"))
