"""Are we asked different things?"""

import polars as pl
import streamlit as st

from dashboards import shared, views
from monitor.report.pictures import metric_picture

st.title("Inputs")
st.caption("Are we asked different things?")

model, window = shared.model(), shared.window()
pinned, now = views.reference(model), views.profile(model, window.first, window.end)
if pinned is None or not now.records:
    st.info("Nothing to compare yet: no reference is pinned, or no prediction lies in this range.")
    st.stop()

then = pinned[1]
moved = [one for one in views.incidents_of(model, closed=False) if one.causes and one.causes[0].group == "inputs"]
st.subheader(f"Something is new: incident {moved[0].id}" if moved else "Texts and fields are as usual.")
for one in moved:
    st.text(one.claim)

columns = st.columns(2)
for column, (metric, title) in zip(
    columns, (("unknown_words", "Share of unknown words"), ("length", "Usual text length, characters")), strict=True
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
                size=(480, 220),
            )
        )

rows = [(field, value, then.fields[field].share(value) if field in then.fields else 0.0, counts.share(value))
        for field, counts in sorted(now.fields.items()) for value in sorted(counts.of_name)]  # fmt: skip
frame = pl.DataFrame(
    rows, schema={"field": pl.String, "value": pl.String, "then": pl.Float64, "now": pl.Float64}, orient="row"
)
st.subheader("Fields, then and now (shares)")
st.dataframe(
    frame.with_columns(moved=pl.col("now") - pl.col("then")).sort(pl.col("moved").abs(), descending=True).head(60),
    hide_index=True,
)
