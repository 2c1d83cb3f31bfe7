"""What happened, and what do we do?"""

import streamlit as st

from dashboards import charts, shared, views
from monitor.detection.explain import then_now
from monitor.errors import NoData
from monitor.window import hour_of


def listing() -> None:
    """Show all incidents of the model."""
    closed = st.toggle("Closed ones too", key="closed")
    found = views.incidents_of(shared.model(), closed=closed)
    open_ = [one for one in found if one.state == "open"]
    st.subheader(f"{len(open_)} open" if open_ else "Nothing is open.")
    for one in found:
        seen = ", acknowledged" if one.acknowledged_by else ""
        st.text(
            f"#{one.id}  {one.state}{seen}, since {shared.when(one.onset_hour)}, found after {one.found_hour - one.onset_hour} h\n{one.claim}"
        )
        shared.link("Incidents", f"Open incident {one.id}", id=str(one.id))


def one_incident(number: int) -> None:
    """Show one incident, downwards: claim, causes, whom, which answers, which words, which texts, what to do."""
    try:
        one, history, messages, asked = views.incident(number)
    except NoData:
        st.info(f"There is no incident {number}.")
        return
    by = f", acknowledged by {shared.plain(one.acknowledged_by)}" if one.acknowledged_by else ""
    st.subheader(f"#{one.id} {one.state}{by}, since {shared.when(one.onset_hour)}")
    st.text(one.claim)
    st.text("\n".join(f"{cause.share:4.0%} of the evidence  {cause.text}" for cause in one.causes))
    if one.causes:
        first = one.causes[0].metric
        curve = views.history(one.model, first, one.onset_hour - 168, hour_of(shared.now()))
        shared.curve(curve, first, "From a week before the onset until now", onset=one.onset_hour, width=900,
                     plan=views.plan(one.model))  # fmt: skip
    segments = one.detail.get("segments", [])
    if segments:
        st.subheader("Whom does it concern?")
        unit = one.causes[0].unit if one.causes else ""
        rows = [{**row, "then -> now": then_now(row, unit)} for row in segments]
        shared.table(rows, "field", "value", "then -> now", "share_of_change")
    labels = one.detail.get("labels", [])
    if labels:
        st.altair_chart(charts.dumbbells(views.moved_labels(labels), "Answers that moved most"))
    words = one.detail.get("terms", {})
    for side, title in (("gained", "Words that came"), ("lost", "Words that went")):
        if words.get(side):
            st.subheader(title)
            shared.table([{"word": word, "then": then, "now": now} for word, then, now in words[side]])
    if one.detail.get("texts"):
        st.subheader("Texts unlike the reference (redacted)")
        shared.table(one.detail["texts"])
    act(one.id, one.revision, one.state, asked)
    st.subheader("History")
    shared.table(history)
    if messages:
        shared.table(messages)


def act(number: int, revision: int, state: str, asked: list[dict]) -> None:
    """Offer what may be done; a job applies it within a minute."""
    st.subheader("What to do")
    st.code(
        f"vigie incidents ack {number} --reason ...\nvigie incidents close {number} --reason ...\nvigie report --incident {number}",
        language=None,
    )
    if state != "closed":
        verbs = {"Acknowledge": "ack", "Close: fixed": "close:fixed", "Close: false alarm": "close:false_alarm"}
        shared.ask_form(f"incident:{number}", revision, verbs, waits=any(row["applied_us"] is None for row in asked))
    shared.asked(asked)


st.title("Incidents")
st.caption("What happened, and what do we do?")
wanted = st.query_params.get("id", "")
if wanted.isdigit():
    shared.link("Incidents", "All incidents")
    one_incident(int(wanted))
else:
    listing()
