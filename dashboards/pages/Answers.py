"""Do we answer differently than we used to?"""

import streamlit as st

from dashboards import charts, incident, shared, views
from monitor.report.words import words

ANSWERS = ("answers", "novelty", "support", "unsupported")

st.title("Answers")
st.caption("Do we answer differently than we used to?")

model, window = shared.model(), shared.window()
found = views.labels_beside(model, window)
if found is None or not views.profile(model, window.first, window.end).records:
    st.info("Nothing to compare yet: no reference is pinned, or no prediction lies in this range.")
    st.stop()

frame, moved, chance = found
top = frame.row(0, named=True)
told = [one for one in incident.incidents_of(model, closed=False) if one.causes and one.causes[0].metric in ANSWERS]
st.subheader("The answers moved." if told or moved > 2 * chance else "The mix of answers is about the reference's.")
for one in told:
    st.text(f"Incident {one.id}, since {shared.when(one.onset_hour)}: {one.claim}")
    shared.link("Incidents", f"Open incident {one.id}", id=str(one.id))
st.text(
    f"{100 * moved:.1f} % of the answers are in other labels than in the reference; chance alone gives {100 * chance:.1f} % at this many."
)
st.text(f"Most: {top['label']}, {100 * top['then']:.1f} % -> {100 * top['now']:.1f} %")
mix = views.history(model, "answers", window.first, window.end)
shared.curve(mix, "answers", words("en").say("picture.mix"), width=900, plan=views.plan(model))
CURVES = (
    ("unsupported", "Answers that no word speaks for"),
    ("support", "Weight of the most telling word, times"),
)
for column, (metric, title) in zip(st.columns(2), CURVES, strict=True):
    with column:  # empty where the training texts are not known
        shared.curve(views.history(model, metric, window.first, window.end), metric, title, plan=views.plan(model))
st.altair_chart(charts.dumbbells(frame, "Labels that moved most, then and now"))
shared.table(frame)
