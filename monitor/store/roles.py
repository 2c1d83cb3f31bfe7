"""Say in SQL which rights on PostgreSQL the jobs and the dashboard need, and no more."""

from collections.abc import Iterator

from monitor.store.tables import metadata, prediction

JOBS, DASHBOARD = "vigie_jobs", "vigie_dashboard"
UNSEEN = {"prediction_input", "half", "row_known", "tombstone", "shadow_cache"}  # texts, and what no page shows
ASKED = "action"  # the one table the dashboard adds to: a job applies what people ask for
FUNCTIONS = ("vigie_make_day(integer)", "vigie_drop_days(text, integer)")


def statements(jobs: str = JOBS, dashboard: str = DASHBOARD) -> Iterator[str]:
    """
    Yield what the owner of the tables runs, once and after each `vigie db upgrade`; the two roles exist already.

    The jobs read and write rows, and may not change tables: partitions are made and dropped by two functions of the owner.
    The dashboard reads, but no texts, and adds to the table `action`.

    >>> next(statements())
    'grant usage on schema public to "vigie_jobs", "vigie_dashboard"'
    """
    both = f'"{jobs}", "{dashboard}"'
    yield f"grant usage on schema public to {both}"
    for name in sorted(metadata.tables):
        yield f'grant select, insert, update, delete on "{name}" to "{jobs}"'
        if name not in UNSEEN:
            yield f'grant select on "{name}" to "{dashboard}"'
    yield f'grant select on "{prediction.name}", alembic_version to {both}'
    yield f'grant usage on all sequences in schema public to "{jobs}"'
    yield f'grant insert on "{ASKED}" to "{dashboard}"'
    yield f'grant usage on sequence "{ASKED}_id_seq" to "{dashboard}"'
    for function in FUNCTIONS:
        yield f"revoke execute on function {function} from public"
        yield f'grant execute on function {function} to "{jobs}"'
