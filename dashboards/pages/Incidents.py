"""What happened, and what do we do?"""

import streamlit as st

from dashboards import incident, shared, silence_form
from monitor.errors import NoData


def listing() -> None:
    """Show all incidents of the model."""
    closed = st.toggle("Closed ones too", key="closed")
    found = incident.incidents_of(shared.model(), closed=closed)
    open_ = [one for one in found if one.state == "open"]
    st.subheader(f"{len(open_)} open" if open_ else "Nothing is open.")
    for one in found:
        seen = ", acknowledged" if one.acknowledged_by else ""
        st.text(
            f"#{one.id}  {one.state}{seen}, since {shared.when(one.onset_hour)}, found after {one.found_hour - one.onset_hour} h\n{one.claim}"
        )
        if silenced := silence_form.of_incident(one):
            st.text(silenced)
        shared.link("Incidents", f"Open incident {one.id}", id=str(one.id))
    with st.expander("What is silenced?"):
        silence_form.show(shared.model())


def one_incident(number: int) -> None:
    """Show one incident, downwards: what changed, where to look, whom it concerns, examples, what to do, what was before."""
    try:
        one, history, messages, asked = incident.incident(number)
    except NoData:
        st.info(f"There is no incident {number}.")
        return
    incident.headline(one)
    incident.changes(one)
    incident.first_look(one)
    incident.concerns(one)
    incident.examples(one)
    incident.to_do(one, asked)
    incident.past(one, history, messages)


st.title("Incidents")
st.caption("What happened, and what do we do?")
wanted = st.query_params.get("id", "")
if wanted.isdigit():
    shared.link("Incidents", "All incidents")
    one_incident(int(wanted))
else:
    listing()
