"""Retrain, label first or wait?"""

import streamlit as st

from dashboards import shared, views
from monitor.calendar import described
from monitor.retraining import TERMS, approval_runs
from monitor.window import moment

QUESTIONS = {"in_doubt": "did it start?", "triggered": "started"}
ANSWERS = {
    "in_doubt": {"It started": "started", "It did not start": "fail"},
    "triggered": {"It is done": "done", "It failed": "fail"},
}
WORDS = {"retrain": "Retrain", "label_first": "Label first", "wait": "Wait"}

st.title("Decisions")
st.caption("Retrain, label first or wait?")

found = views.decisions_of(shared.model())
if not found:
    st.info("Nothing was proposed yet: the decide job needs a reference and a week of traffic.")
    st.stop()

one = found[0]
evidence = one["evidence"]
st.subheader(f"{WORDS[one['recommendation']]} ({one['state']})")
st.text(one["sentence"])
tiles = st.columns(3)
tiles[0].metric(
    "A week of waiting costs",
    f"{evidence['weekly_loss'][0]:,.0f} EUR",
    f"{evidence['weekly_loss'][1]:,.0f} to {evidence['weekly_loss'][2]:,.0f}",
    delta_color="off",
    delta_arrow="off",
)
tiles[1].metric(
    f"Net benefit over {evidence['horizon_weeks']:g} weeks",
    f"{evidence['benefit'][0]:,.0f} EUR",
    f"{evidence['benefit'][1]:,.0f} to {evidence['benefit'][2]:,.0f}",
    delta_color="off",
    delta_arrow="off",
)
tiles[2].metric("Above zero with probability", f"{evidence['probability']:.2f}")
shared.table([{**term, "term": TERMS.get(term["name"], term["name"]), "share of variance": evidence["variance_shares"].get(term["name"])}
              for term in evidence["terms"]], "term", "value", "low", "high", "source", "share of variance")  # fmt: skip
if "calendar" in evidence:  # decisions of before have none
    st.text(f"Calendar: {described(evidence['calendar'])}")
st.text("Approval runs:")
st.code(approval_runs(one["recommendation"], one["trigger"]), language=None)
st.text(
    f"Proposed {moment(one['made_us']):%d %b %Y %H:%M} UTC by {one['requester']}, open until {moment(one['expires_us']):%d %b %Y}. "
    f"Version that answered: {one['champion'] or 'not logged'}. Approvals needed: {views.approvals_needed(one['model'])}."
)
st.text(f"Its evidence as files, with predictions drawn for labelling: vigie decisions export {one['id']} --to FOLDER")
for given in one["approvals"]:
    st.text(f"{given['verdict']} by {given['person']}: {given['reason']}")

asked = views.actions_on(f"decision:{one['id']}")
if one["state"] == "proposed":
    waits = any(row["applied_us"] is None for row in asked)
    shared.ask_form(
        f"decision:{one['id']}", one["revision"], {"Approve": "approve", "Reject": "reject"}, waits=waits, shortest=10
    )
shared.asked(asked)

for begun in (other for other in found if other["state"] in ANSWERS):
    st.subheader(f"Decision {begun['id']}: {QUESTIONS[begun['state']]}")
    st.text(begun["call"]["answer"] or "Nothing was answered.")
    waits = any(row["applied_us"] is None for row in views.actions_on(f"decision:{begun['id']}"))
    shared.ask_form(f"decision:{begun['id']}", begun["revision"], ANSWERS[begun["state"]], waits=waits, shortest=10)

for other in found:
    for day, rows in views.outcomes_of(other["id"]).items():
        st.subheader(f"Decision {other['id']}: {day} days with the new model")
        for name, sentence in rows:
            st.text(f"{name}: {sentence}")

st.subheader("All decisions")
shared.table(found, "id", "recommendation", "state", "sentence")
