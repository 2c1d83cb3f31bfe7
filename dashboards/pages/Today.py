"""Is anything wrong with this model?"""

import streamlit as st

from dashboards import incident, plan_form, shared, views
from monitor.window import hour_of, start_of

SHAPES = {"OK": "●", "WATCH": "▲", "ALARM": "■", "UNKNOWN": "◌", "SILENT": "○"}
TILES = (
    ("volume", "predictions an hour"),
    ("automation", "automation rate"),
    ("confidence", "mean confidence"),
    ("latency", "usual latency, ms"),
)

st.title("Today")
st.caption("Is anything wrong with this model?")

model, window = shared.model(), shared.window()
verdict, extras = views.standing_of(model)
st.header(f"{SHAPES[verdict.status]} {verdict.status}")
st.text(verdict.sentence)
if extras["accuracy"]:
    st.text(f"Accuracy is UNKNOWN: {extras['accuracy']}.")

whole = views.profile(model, window.first, window.end)
if not whole.records:
    st.info(f"No prediction of {shared.plain(model)} in this range. See Service, or run `vigie once ingest summarise`.")
    st.stop()

figures = views.quality(model)
right, wrong = figures.get(("accuracy_automatic", "measured")), figures.get(("wrong_automatic", "estimated"))
tiles = [*st.columns(3), *st.columns(3)]
tiles[0].metric("Predictions", f"{whole.records:,}")
tiles[1].metric("Automation rate", f"{100 * whole.automatic / whole.decided:.1f} %" if whole.decided else "not known")
tiles[2].metric(
    "Automatic answers right", f"{100 * right['value']:.1f} %" if right and right["value"] is not None else "UNKNOWN"
)
on = f"on {start_of(24 * wrong['day']):%d %b}, estimated" if wrong else "a day, estimated"
tiles[3].metric(f"Probably wrong {on}", f"{wrong['value']:.0f}" if wrong and wrong["value"] is not None else "UNKNOWN")
tiles[4].metric("99 % within", f"{whole.latency.quantile(0.99):.0f} ms" if whole.latency.total else "not logged")

for one in incident.incidents_of(model, closed=False):
    seen = ", acknowledged" if one.acknowledged_by else ""
    st.text(f"■ #{one.id} {one.state}{seen}, since {shared.when(one.onset_hour)}: {one.claim}")
    if others := incident.beside(one):
        st.text(others)
    shared.link("Incidents", f"Open incident {one.id}", id=str(one.id))

if loud := views.bursts(model, hour_of(shared.now()) // 24):
    st.text("\n".join(["Bursts of the last seven days (they open no incident by themselves):",
                       *(one.sentence for one in loud[:5])]))  # fmt: skip

for columns, pair in zip([st.columns(2), st.columns(2)], (TILES[:2], TILES[2:]), strict=True):
    for column, (metric, title) in zip(columns, pair, strict=True):
        with column:
            shared.curve(views.history(model, metric, window.first, window.end), metric, title, plan=views.plan(model))

with st.expander("What is planned?"):
    plan_form.show(model)

with st.expander("What would be told here, and how soon?"):
    rows = views.noticed(model)
    if rows is None:
        st.text("Nothing: no period is pinned as normal. `vigie reference pin` does it.")
    else:
        st.table(rows)
        st.text(
            "The smallest changes that are typically told in that time. What is smaller cannot be seen with this reference."
        )
        wild, thin = views.blind(model)
        for name in wild:
            st.text(f"Blind here: {name}. In the reference it moves by itself as much as what should be told.")
        for name in thin:
            st.text(f"Not watched here: {name}. Too few predictions a day.")
