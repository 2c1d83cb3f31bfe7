"""Fast enough, always, and is Vigie alive?"""

import polars as pl
import streamlit as st

from dashboards import shared, views
from monitor.report.pictures import metric_picture
from monitor.window import moment

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
    columns = st.columns(2)
    for column, (metric, title) in zip(
        columns, (("latency", "Usual latency, ms"), ("errors", "Share of failed calls")), strict=True
    ):
        history = views.history(model, metric, window.first, window.end)
        if not history.is_empty():
            column.altair_chart(
                metric_picture(
                    history,
                    metric=metric,
                    title=title,
                    subtitle="band: what the reference does by itself",
                    zone=shared.config().working_hours.zone,
                    size=(480, 200),
                )
            )
else:
    st.info("No call with a latency lies in this range.")

st.subheader("Feed")
if found["feed"]:
    kept = ("name", "lines_read", "lines_other", "lines_rejected", "accepted", "duplicate", "lost_bytes", "lag_bytes")
    st.dataframe(pl.DataFrame([{k: row.get(k) for k in kept} for row in found["feed"]]), hide_index=True)
else:
    st.info("Nothing was read yet: `vigie once ingest`.")
if found["rejects"]:
    st.dataframe(pl.DataFrame(found["rejects"]), hide_index=True)

st.subheader("Jobs")
if found["jobs"]:
    rows = [
        {"job": r["job"], "state": r["state"], "slot": f"{moment(r['slot_us']):%d %b %H:%M}", "line": r["line"]}
        for r in found["jobs"]
    ]
    st.dataframe(pl.DataFrame(rows), hide_index=True)
else:
    st.info("No job has run under the scheduler yet: `vigie run`.")

st.subheader("Messages")
if found["messages"]:
    rows = [
        {
            "to": m["recipient"],
            "about": m["subject"],
            "event": m["event"],
            "state": m["state"],
            "trouble": m["last_error"],
        }
        for m in found["messages"]
    ]
    st.dataframe(pl.DataFrame(rows), hide_index=True)
else:
    st.info("No message was queued yet.")
