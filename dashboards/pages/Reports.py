"""What was sent, to whom?"""

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
shared.table([{"kind": row["kind"], "about": row["subject"], "until": shared.when(row["end_hour"]), "state": row["state"],
               "made": f"{moment(row['created_us']):%d %b %H:%M}", "note": row["note"]} for row in made])  # fmt: skip
for row in made:
    if row["state"] == "ready":
        st.link_button(
            f"Open {row['kind']} {shared.plain(row['subject'])}", f"/archive/{row['path'].removeprefix('reports/')}"
        )
