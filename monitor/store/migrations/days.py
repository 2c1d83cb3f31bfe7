"""Give each day of predictions tables of its own on PostgreSQL, as the first tables had it."""

import sqlalchemy as sa
from alembic import op

OLDEST_DAYS = 1000
MAKE_DAY = """
create function vigie_make_day(of integer) returns void language plpgsql security definer set search_path from current as $$
declare name text;
begin
    if of < FIRST or to_regclass('prediction_input_' || of) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(7316594);  -- another runner may be at it
    foreach name in array array['prediction_row', 'prediction_input'] loop
        if to_regclass(name || '_' || of) is null then
            execute format('create table %I (like %I including all)', name || '_' || of, name);
            execute format('alter table %I attach partition %I for values from (%s) to (%s)', name, name || '_' || of, of, of + 1);
        end if;
    end loop;
end $$
"""
DROP_DAYS = """
create function vigie_drop_days(of text, before integer) returns bigint language plpgsql security definer set search_path from current
set lock_timeout = '2s' as $$
declare name text; here bigint; gone bigint := 0;
begin
    for name in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where of in ('prediction_row', 'prediction_input') and i.inhparent = to_regclass(of) and c.relname ~ '_[0-9]+$'
        and substring(c.relname from '[0-9]+$')::integer < before loop
        execute format('select count(*) from %I', name) into here;
        execute format('drop table %I', name);
        gone := gone + here;
    end loop;
    return gone;
end $$
"""


def by_day() -> None:
    """
    Make the functions of the owner that make and drop partitions of a day.

    What is older than any retention goes into one, so that a log with strange times cannot make thousands.
    """
    first = (
        op.get_bind().execute(sa.text("select extract(epoch from now())::bigint / 86400")).scalar_one() - OLDEST_DAYS
    )
    for table in ("prediction_row", "prediction_input"):
        op.execute(f"create table {table}_before partition of {table} for values from (minvalue) to ({first})")
    op.execute(MAKE_DAY.replace("FIRST", str(first)))
    op.execute(DROP_DAYS)
