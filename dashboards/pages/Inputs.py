"""Are we asked different things?"""

import streamlit as st

from dashboards import incident, shared, views

st.title("Inputs")
st.caption("Are we asked different things?")

model, window = shared.model(), shared.window()
pinned, now = views.reference(model), views.profile(model, window.first, window.end)
if pinned is None or not now.records:
    st.info("Nothing to compare yet: no reference is pinned, or no prediction lies in this range.")
    st.stop()

then = pinned[1]
moved = [one for one in incident.incidents_of(model, closed=False) if one.causes and one.causes[0].group == "inputs"]
st.subheader(f"Something is new: incident {moved[0].id}" if moved else "Texts and fields are as usual.")
for one in moved:
    st.text(one.claim)

CURVES = (("unknown_words", "Share of unknown words"), ("length", "Usual text length, characters"))
for column, (metric, title) in zip(st.columns(2), CURVES, strict=True):
    with column:
        shared.curve(views.history(model, metric, window.first, window.end), metric, title, plan=views.plan(model))

st.subheader("Fields, then and now (shares)")
shared.table(views.fields_beside(then, now))
