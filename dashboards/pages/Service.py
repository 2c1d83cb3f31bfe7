"""Fast enough, always, and is Vigie alive?"""

import streamlit as st

from dashboards import shared, views
from monitor.alerts import ONLY_MAIL, lacks_another_way
from monitor.window import moment

CURVES = (("latency", "Usual latency, ms"), ("errors", "Share of failed calls"))

st.title("Service")
st.caption("Fast enough, always, and is Vigie alive?")

model, window = shared.model(), shared.window()
now, found, limit = (
    views.profile(model, window.first, window.end),
    views.service(),
    shared.config().models[model].latency_ms_limit,
)
if now.latency.total:
    p50, p90, p99 = (now.latency.quantile(q) for q in (0.5, 0.9, 0.99))
    over = 100 * now.latency.share_from(limit) if limit else 0.0
    st.subheader(
        f"{over:.2f} % of calls took longer than {limit:.0f} ms."
        if limit
        else f"99 % of calls took at most {p99:.0f} ms."
    )
    failed = now.outcomes.total - now.outcomes["ok"]
    for column, (title, value) in zip(
        st.columns(4),
        (("P50", f"{p50:.0f} ms"), ("P90", f"{p90:.0f} ms"), ("P99", f"{p99:.0f} ms"), ("Failed", f"{failed:,}")),
        strict=True,
    ):
        column.metric(title, value)
    for column, (metric, title) in zip(st.columns(2), CURVES, strict=True):
        with column:
            shared.curve(views.history(model, metric, window.first, window.end), metric, title)
else:
    st.info("No call with a latency lies in this range.")

st.subheader("Feed")
for one in found["stands"]:
    mark = {"READING": ":green", "BEHIND": ":orange", "UNKNOWN": ":gray", "UNREAD": ":gray"}.get(one["state"], ":red")
    badge, told = st.columns([1, 6])
    badge.markdown(f"{mark}-badge[{one['state']}]")
    told.text(f"{one['source']}: {one['sentence']}")
if found["feed"]:
    counted = ("lines_piece", "lines_half", "erased")  # of some sources only
    some = [name for name in counted if any(one.get(name) for one in found["feed"])]
    shared.table(found["feed"], "name", "lines_read", "lines_other", "lines_rejected", *some, "accepted", "duplicate",
                 "lost_bytes", "lag_bytes")  # fmt: skip
else:
    st.info("Nothing was read yet: `vigie once ingest`.")
if found["rejects"]:
    st.caption(
        "Lines and rows that were refused, with why (docs/runbooks.md says what to do; `vigie doctor` looks closer)"
    )
    shared.table(found["rejects"])
if found["masked"]:
    st.caption("What was masked in the last week's texts before they were stored, by rule")
    shared.table(found["masked"])

st.subheader("Jobs")
if found["jobs"]:
    rows = [
        {"job": r["job"], "state": r["state"], "slot": f"{moment(r['slot_us']):%d %b %H:%M}", "line": r["line"]}
        for r in found["jobs"]
    ]
    shared.table(rows)
    for r in found["jobs"]:
        if r["stderr_tail"]:
            with st.expander(f"The last words of {r['job']} ({r['state']}, {moment(r['slot_us']):%d %b %H:%M})"):
                st.code(r["stderr_tail"], language=None)
else:
    st.info("No job has run under the scheduler yet: `vigie run`.")

st.subheader("Messages")
if lacks_another_way(shared.config().routes, shared.config().delivery):
    st.caption(f"{ONLY_MAIL.capitalize()}. Set delivery.fallback, or let a webhook receive service.")
if found["in_doubt"]:
    st.warning(
        "These reports were cut between their last dot and the relay's answer: they may have arrived. Ask, then `vigie outbox retry NUMBER`."
    )
    shared.table(
        [
            {"number": m["id"], "to": m["recipient"], "about": m["subject"], "why": m["last_error"]}
            for m in found["in_doubt"]
        ]
    )
if found["messages"]:
    rows = [
        {
            "to": m["recipient"],
            "about": m["subject"],
            "event": m["event"],
            "state": m["state"],
            "why": m["last_error"] or m["suppressed_because"],
        }
        for m in found["messages"]
    ]
    shared.table(rows)
else:
    st.info("No message was queued yet.")
