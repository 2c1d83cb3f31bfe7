"""What was sent, to whom?"""

import polars as pl
import streamlit as st

from dashboards import shared, views
from monitor.window import moment

st.title("Reports")
st.caption("What was made, and sent to whom?")

made = views.reports_made()
if not made:
    st.info("No report was made yet: `vigie report`.")
    st.stop()

st.subheader(f"{len(made)} reports")
st.dataframe(
    pl.DataFrame(
        [
            {
                "kind": r["kind"],
                "about": r["subject"],
                "until": shared.when(r["end_hour"]),
                "made": f"{moment(r['created_us']):%d %b %H:%M}",
                "state": r["state"],
                "note": r["note"],
            }
            for r in made
        ]
    ),
    hide_index=True,
)
for row in made:
    if row["state"] == "ready":
        st.link_button(
            f"Open {row['kind']} {shared.plain(row['subject'])}", f"/archive/{row['path'].removeprefix('reports/')}"
        )
