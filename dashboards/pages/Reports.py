"""What was sent, to whom?"""

import streamlit as st

from dashboards import shared, views
from monitor.window import moment

st.title("Reports")
st.caption("What was made, and sent to whom?")

model = shared.model()
actions = [one for one in views.actions_on(f"model:{model}") if one["verb"] == "report"]
with st.form("report", clear_on_submit=True, enter_to_submit=False):
    st.text(f"A report on {model}, of any days: traffic, automation, accuracy, answers, service, incidents.")
    columns = st.columns(3)
    first = columns[0].text_input("First day", placeholder="2026-08-01", max_chars=10).strip()
    last = columns[1].text_input("Last day", placeholder="2026-08-31", max_chars=10).strip()
    language = columns[2].selectbox("Language", ["en", "fr"])
    pressed = st.form_submit_button("Ask for it", disabled=any(one["applied_us"] is None for one in actions))
if pressed:
    shared.ask("report", f"model:{model}", None, f"{first} {last} {language}")
    st.rerun()
for one in actions[:1]:
    if one["applied_us"] is None or one["refusal"]:
        st.text(f"{one['reason']}: {one['refusal'] or 'waits for the act job'}")

asked = views.sheets_made()
if asked:
    st.subheader("Asked for")
    shared.table([{"report": one["id"], "about": one["model"], "from": shared.when(one["first_hour"]), "until": shared.when(one["end_hour"]),
                   "language": one["language"], "by": one["asked_by"], "state": one["state"], "note": one["note"]} for one in asked])  # fmt: skip
for one in asked:
    if one["state"] == "ready":
        st.link_button(f"Open report {one['id']}", f"/archive/report-{one['id']}.html")

made = views.reports_made()
if not made:
    st.info("No weekly report was made yet: `vigie report`.")
    st.stop()

st.subheader(f"{len(made)} reports")
shared.table([{"kind": row["kind"], "about": row["subject"], "until": shared.when(row["end_hour"]), "state": row["state"],
               "made": f"{moment(row['created_us']):%d %b %H:%M}", "note": row["note"]} for row in made])  # fmt: skip
for row in made:
    if row["state"] == "ready":
        st.link_button(
            f"Open {row['kind']} {shared.plain(row['subject'])}", f"/archive/{row['path'].removeprefix('reports/')}"
        )
