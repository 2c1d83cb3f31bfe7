"""Mutants: Vigie broken on purpose, one place at a time; each must be caught by the test that is named for it."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result import Part, result

ROOT = Path(__file__).parent.parent
COPIED = ("monitor", "jobs", "dashboards", "benchmarks", "tests", "pyproject.toml", "config.yaml")
NOT_APPLICABLE = {
    "fold in two transactions": "an hour is rebuilt from all its rows and replaced: doing half of it twice changes nothing",
    "registration outside the lock": "two readers that meet a new file at once collide on the unique key of its generation",
    "position before rows": "the negative control of `python -m benchmarks kill`",
}
QUICK = ("lenient NaN", "tombstones ignored")


@dataclass(frozen=True)
class Mutant:
    """Name a change of one place of the source, and the test that must fail by it."""

    name: str
    file: str
    old: str
    new: str
    test: str


MUTANTS = (
    Mutant("position without comparing", "monitor/store/arrivals.py", "bookmark.c.id == identity, bookmark.c.position == batch.start",
           "bookmark.c.id == identity", "tests/jobs/test_ingest.py"),
    Mutant("uid of no line", "monitor/sources/frame.py",
           "hashlib.blake2b(head + tail, key=key, digest_size=16).digest()", '__import__("os").urandom(16)', "tests/jobs/test_ingest.py"),
    Mutant("no tail", "monitor/sources/identity.py", "    return digest(secret, tail) == mark.tail_digest", "    return True",
           "tests/jobs/test_faults.py"),
    Mutant("tail only at opening", "monitor/sources/files.py", "        return None\n    return buffer[mark.tail_length :]",
           "        pass\n    return buffer[mark.tail_length :]", "tests/jobs/test_faults.py"),
    Mutant("no settling", "jobs/reading.py", "if doubtful and age_us <", "if doubtful and age_us < 0 *", "tests/jobs/test_faults.py"),
    Mutant("no instance", "monitor/sources/files.py", "    return Path(path).parent.name[:128]", '    return ""', "tests/jobs/test_faults.py"),
    Mutant("lines split like text", "monitor/sources/lines.py", '        stop = data.find(b"\\n", position, end)',
           '        stop = min((at for at in (data.find(b"\\n", position, end), data.find(b"\\x0b", position, end)) if at >= 0), default=-1)',
           "tests/monitor/sources/test_lines.py"),
    Mutant("age before opening", "jobs/reading.py", "microseconds(now) - about.modified_us", "microseconds(now)", "tests/jobs/test_ingest.py"),
    Mutant("lenient NaN", "monitor/sources/record.py", "    if not math.isfinite(value):", "    if value is math.pi:",
           "tests/monitor/sources/test_lines.py"),
    Mutant("tombstones ignored", "monitor/store/rows.py", "    return rows if not gone else", "    return rows if True else",
           "tests/jobs/test_erase.py"),
    Mutant("redaction after the insert", "monitor/sources/door.py", 'clean.alias("text")', 'texts.alias("text")',
           "tests/jobs/test_store_modes.py"),
    Mutant("repeats counted as new", "monitor/store/rows.py", "if _write(connection, ready) == ready.height:",
           "if _write(connection, ready) >= 0:", "tests/monitor/store/test_rows.py"),
    Mutant("plain though scores rise", "monitor/sources/plain.py", "        & _fall(topk)\n", "", "tests/monitor/sources/test_plain.py"),
    Mutant("no fence", "monitor/store/store.py", "                        self.guard(connection)", "                        pass",
           "tests/jobs/test_supervise.py"),
    Mutant("slot from the last run", "jobs/schedule.py", "                slot = job.slot(self.config, moment)",
           '                last = [one["slot_us"] for one in runs.newest(connection) if one["job"] == job.name]\n'
           '                slot = moment if not last else __import__("monitor.window").window.moment(last[0] + 60_000_000)',
           "tests/jobs/test_schedule.py"),
    Mutant("naive local time", "jobs/timetable.py", "slot = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(EPOCH.tzinfo)",
           "slot = now + (datetime(day.year, day.month, day.day, hour, minute, tzinfo=local.tzinfo) - local)", "tests/jobs/test_timetable.py"),
    Mutant("second of an ambiguous time", "jobs/timetable.py", "minute, tzinfo=ZoneInfo(zone)).astimezone(", "minute, fold=1, tzinfo=ZoneInfo(zone)).astimezone(",
           "tests/jobs/test_timetable.py"),
    Mutant("a killed run left to its next slot", "jobs/timetable.py", '    if state == "abandoned":', '    if state == "never":',
           "tests/jobs/test_schedule.py"),
    Mutant("a lease kept by the dead", "monitor/store/runs.py", "or held.expires_us < now_us or _is_dead(held.owner)", "or held.expires_us < now_us",
           "tests/jobs/test_supervise.py"),
    Mutant("half of a call completed twice", "monitor/store/arrivals.py", "    halves.complete(connection, name, batch.completed)\n", "",
           "tests/jobs/test_halves.py"),
    Mutant("blind retry of a trigger", "jobs/trigger.py", "fits = kind in KNOW_OUR_KEY and age_us", "fits = age_us", "tests/jobs/test_trigger_calls.py"),
    Mutant("approval not bound to the digest", "jobs/bound.py", 'decisions.digest_of({**one, **today}) == one["digest"]', 'one["digest"]',
           "tests/jobs/test_trigger.py"),
    Mutant("sent marked before sending", "jobs/notify.py", "            mail, note = composed(store, config, row, now)\n",
           "            mail, note = composed(store, config, row, now)\n            with store.write() as connection:\n"
           "                outbox.sent(connection, row, now)\n", "tests/jobs/test_notify.py"),
    Mutant("state and outbox in two transactions", "jobs/act.py", "    outbox.queue(connection, messages(change, closed, config.routes), now)\n",
           '    connection.exec_driver_sql("commit")\n    connection.exec_driver_sql("begin")\n'
           "    outbox.queue(connection, messages(change, closed, config.routes), now)\n",
           "tests/jobs/test_act.py"),
    Mutant("commit behind the dot", "monitor/delivery/mail.py",
           "        handed_over()\n        is_out = True\n        _sock(relay).settimeout(smtp.after_dot_s)\n"
           '        relay.send(b".\\r\\n")\n        _check(relay.getreply(), 250)\n',
           "        is_out = True\n        _sock(relay).settimeout(smtp.after_dot_s)\n"
           '        relay.send(b".\\r\\n")\n        _check(relay.getreply(), 250)\n        handed_over()\n', "tests/jobs/test_notify.py"),
)  # fmt: skip


def run(quick: bool) -> dict[str, Any]:
    """Apply each mutant to a copy of the source and run its test, which must fail; the copy as it is must pass."""
    chosen = [one for one in MUTANTS if not quick or one.name in QUICK]
    caught: dict[str, str] = {}
    for one in chosen:
        caught[one.name] = "caught" if _fails(one) else "SURVIVED"
        print(f"mutants: {one.name} {caught[one.name]}", file=sys.stderr, flush=True)
    survived = sum(told != "caught" for told in caught.values())
    return result("mutants", quick, [Part("mutants that survive", 0, survived, "mutants")],
                  {"mutants": caught, "not_applicable": NOT_APPLICABLE})  # fmt: skip


def _fails(mutant: Mutant) -> bool:
    with tempfile.TemporaryDirectory(prefix="vigie-mutant-") as made:
        folder = Path(made)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
        file = folder / mutant.file
        text = file.read_text(encoding="utf-8")
        if text.count(mutant.old) != 1:
            raise RuntimeError(f"{mutant.name}: its place in {mutant.file} is not there once any more")
        file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.test]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=600, check=False)
    return done.returncode == 1
