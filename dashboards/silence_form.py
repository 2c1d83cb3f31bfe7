"""Show what is silenced, and let people silence or hear again."""

import streamlit as st

from dashboards import shared, views
from dashboards.plan_form import ALL
from monitor.detection.incident import Incident
from monitor.detection.renewal import KIN, kin_of
from monitor.silence import LONGEST_REASON, Silence, words_of
from monitor.store import silences
from monitor.window import hour_of, moment

EVERY = "every kind"
LENGTHS = ("12h", "1d", "3d", "7d")


def of_model(model: str, kind: str | None = None) -> list[Silence]:
    """Return the silences that concern a model, or only those of one kind of its incidents."""
    with shared.store().read() as connection:
        found = silences.on(connection, shared.now())
    return [one for one in found if one.model in {"", model} and (kind is None or one.matches(model, kind))]


def of_incident(one: Incident) -> str:
    """Say which silence keeps the messages about an incident back; nothing when none does."""
    found = of_model(one.model, kin_of(one.causes[0].metric) if one.causes else "")
    if not found or one.state == "closed":
        return ""
    return f"Messages about it are {found[0].title} (until {shared.when(hour_of(moment(found[0].to_us)))})."


def show(model: str) -> None:
    """Show the silences of a model, what was asked for last, and the forms to begin and end one."""
    found = of_model(model)
    if found:
        shared.table([{"number": one.id, "of": one.of, "until": shared.when(hour_of(moment(one.to_us))), "by": one.author,
                       "why": one.reason} for one in found])  # fmt: skip
    else:
        st.text("Nothing is silenced.")
    asked = views.actions_on(f"silence:{model}") + views.actions_on("silence:")
    waits = any(row["applied_us"] is None for row in asked)
    with st.form("silence add", clear_on_submit=True, enter_to_submit=False):
        st.text(
            "Incidents open and close meanwhile as ever; their messages wait. What is open at its end is told then."
        )
        columns = st.columns(4)
        whom = columns[0].selectbox("Of", [model, ALL])
        kind = columns[1].selectbox("Kind of the first cause", [EVERY, *sorted(set(KIN.values()))])
        length = columns[2].selectbox("For", LENGTHS)
        reason = columns[3].text_input("Why", max_chars=LONGEST_REASON).strip()
        confirmed = st.checkbox("Also if this matches every incident of every model")
        if st.form_submit_button("Silence", disabled=waits):
            words = words_of("" if kind == EVERY else kind, length, reason, is_confirmed=confirmed)
            shared.ask("add", f"silence:{'' if whom == ALL else whom}", None, words)
            st.rerun()
    if found:
        with st.form("silence end", enter_to_submit=False):
            number = st.selectbox("Silence", [one.id for one in found])
            if st.form_submit_button("End it", disabled=waits):
                shared.ask("end", f"silence:{model}", None, str(number))
                st.rerun()
    shared.asked(sorted(asked, key=lambda row: -row["id"]))
