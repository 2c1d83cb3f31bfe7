"""Show what is planned, and let people announce it or take it back."""

import streamlit as st

from dashboards import shared, views
from monitor.plan import KINDS, UNJUDGED, words_of
from monitor.window import hour_of, moment

ALL = "all models"


def show(model: str) -> None:
    """Show a model's plan, what was asked for on it last, and the forms to change it."""
    plan = views.plan(model)
    if plan:
        shared.table([{"number": f"#{one.id}", "what": one.title, "from": shared.when(hour_of(moment(one.from_us))),
                       "to": "" if one.to_us is None else shared.when(hour_of(moment(one.to_us))),
                       "judged": "no" if one.kind in UNJUDGED else "yes", "for": one.model or ALL, "by": one.author}
                      for one in plan])  # fmt: skip
    else:
        st.text("Nothing is planned.")
    asked = views.actions_on(f"plan:{model}") + views.actions_on("plan:")
    waits = any(row["applied_us"] is None for row in asked)
    with st.form("plan add", clear_on_submit=True, enter_to_submit=False):
        st.text("Deployments and thresholds are moments: charts mark them, incidents name them. Holidays, campaigns and "
                "closures are not judged. During maintenance nobody is told.")  # fmt: skip
        columns = st.columns(5)
        kind = columns[0].selectbox("What", KINDS)
        begin = columns[1].text_input("From", placeholder="2026-12-24T18:00; now if empty", max_chars=40).strip()
        end = columns[2].text_input("To (not included)", placeholder="2026-12-27", max_chars=40).strip()
        whom = columns[3].selectbox("For", [model, ALL])
        note = columns[4].text_input("Note", placeholder="a version, a name", max_chars=80).strip()
        if st.form_submit_button("Announce", disabled=waits):
            shared.ask("add", f"plan:{'' if whom == ALL else whom}", None, words_of(kind, begin, end, note))
            st.rerun()
    if plan:
        with st.form("plan remove", enter_to_submit=False):
            number = st.selectbox("Entry", [one.id for one in plan], format_func=lambda one: f"#{one}")
            if st.form_submit_button("Take back", disabled=waits):
                shared.ask("remove", f"plan:{model}", None, str(number))
                st.rerun()
    shared.asked(sorted(asked, key=lambda row: -row["id"]))
    st.text("In a terminal: `vigie plan add deployment --note 2.5.0`, `vigie plan list`, `vigie plan remove 3`.")
