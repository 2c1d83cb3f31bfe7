"""Keep where things stand that are measured every minute."""

from dataclasses import asdict

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.hysteresis import Course
from monitor.store.tables import course


def all(connection: Connection) -> dict[str, Course]:
    """Return where everything stands that was ever bad, or could not be read, by its name."""
    return {
        row.subject: Course(**{name: value for name, value in row._mapping.items() if name != "subject"})
        for row in connection.execute(select(course))
    }


def put(connection: Connection, subject: str, one: Course) -> None:
    """Keep where something stands."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = asdict(one)
    connection.execute(
        make(course).values(subject=subject, **values).on_conflict_do_update(index_elements=["subject"], set_=values)
    )
