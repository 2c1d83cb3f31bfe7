"""How many answers are right, and how do we know?"""

import streamlit as st

from dashboards import charts, shared, views

st.title("Quality")
st.caption("How many answers are right, and how do we know?")

model, window = shared.model(), shared.window()
figures, now = views.quality(model), views.profile(model, window.first, window.end)
if not now.records:
    st.info("No prediction lies in this range.")
    st.stop()
measured, overall = (figures.get((name, "measured")) for name in ("accuracy_automatic", "accuracy"))
shown = next((one for one in (measured, overall) if one and one["value"] is not None), None)
if shown is not None:
    whom = "automatic answers" if shown is measured else "all answers"
    st.subheader(
        f"{100 * shown['value']:.1f} % of {whom} are right ({100 * shown['low']:.1f} to {100 * shown['high']:.1f})"
    )
    st.text(f"From {shown['size']:.0f} audited answers; {shown['note']}.")
    if shown is not measured:
        st.text(
            f"How many of the automatic ones cannot be known: {measured['note'] if measured else 'no threshold is in force'}."
        )
else:
    st.subheader("We cannot know how many automatic answers are right.")
    st.text(measured["note"] if measured else "No audited label was ever read: name label_files in config.yaml.")

view = st.segmented_control(
    "View", ["Automation", "Accuracy", "Confidence"], default="Automation", key="view", bind="query-params"
)
in_force = shared.config().models[model].automatic_at(shared.now())
points = views.automation_points(model, window.first, window.end)
if view == "Accuracy":
    frame = views.quality_history(model, "accuracy" if shown is not None and shown is overall else "accuracy_automatic")
    if frame.is_empty():
        st.info("No figure yet: the estimate job needs labels, and for estimates a reference.")
    else:
        st.altair_chart(charts.accuracy(frame))
elif view == "Confidence":
    pinned = views.reference(model)
    bins = views.score_bins(pinned[1] if pinned else now, now)
    st.altair_chart(charts.score_histogram(bins, in_force))
elif not points:
    st.info("No curve yet: the calibration needs at least 200 labels of the reference.")
else:
    tried = st.slider(
        "What if the threshold were", 0.0, 1.0, float(in_force or 0.5), 0.025, key="t", bind="query-params"
    )
    st.altair_chart(charts.automation_curve(points, tried, in_force))
    now_point = min(points, key=lambda p: abs(p.threshold - (in_force or 0.0)))
    then_point = min(points, key=lambda p: abs(p.threshold - tried))
    hours = shared.config().models[model].minutes_per_case / 60
    st.subheader("Estimated without labels, this range, per week")
    for column, title, value, base in zip(
        st.columns(4), ("Automation rate, %", "Cases to people a week", "Hours a week", "Probably wrong a week"),
        (100 * then_point.rate, then_point.to_people, then_point.to_people * hours, then_point.wrong),
        (100 * now_point.rate, now_point.to_people, now_point.to_people * hours, now_point.wrong), strict=True,
    ):  # fmt: skip
        column.metric(title, f"{value:,.0f}", f"{value - base:+,.0f} against now", delta_color="off")
shared.curve(views.history(model, "automation", window.first, window.end), "automation", "Automation rate", width=900)
