"""The columns of an alias are made when they are first asked for, and another thread sees them half made."""

from sqlalchemy import Column, Integer, MetaData, Table

from examples.case_studies.together import together


def scenario() -> None:
    table = Table("users", MetaData(), Column("id", Integer), Column("name", Integer))
    users = table.alias()

    def names() -> None:
        assert users.c.keys() == ["id", "name"]
        assert users.c.name is not None

    together(names, names)
