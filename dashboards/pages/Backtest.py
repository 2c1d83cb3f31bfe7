"""What would other settings have told?"""

from datetime import datetime

import streamlit as st

from dashboards import shared, views
from monitor.report.replay import by_chance, incidents, outcome, settings, smallest
from monitor.window import hour_of, moment

WAITS = "waits for its turn: asked {asked}, usually made within two minutes"

st.title("Backtest")
st.caption("What would other settings have told?")

model = shared.model()
made, actions = views.replays(model), views.actions_on(f"model:{model}")
st.text("The stored hours behind the reference are judged again: as configured, and with what you try.")
with st.form("replay", clear_on_submit=True, enter_to_submit=False):
    words = st.text_input(
        "Try", placeholder="tolerance_sd=0.05 threshold=5000, or reference_from=2026-01-05 weeks=6", max_chars=200
    ).strip()
    pressed = st.form_submit_button("Replay", disabled=any(one["applied_us"] is None for one in actions))
if pressed:
    shared.ask("backtest", f"model:{model}", None, words)
    st.rerun()
for one in actions[:1]:
    if one["applied_us"] is None or one["refusal"]:
        st.text(f"{one['reason'] or 'as configured'}: {one['refusal'] or 'waits for the act job'}")
for one in made:
    if one["state"] != "ready":
        asked = f"{moment(one['asked_us']):%d %b %H:%M} UTC"
        st.text(f"{one['words'] or 'as configured'}: {one['note'] or WAITS.format(asked=asked)}")
ready = [one for one in made if one["state"] == "ready"]
if not ready:
    st.info(f"Nothing was replayed yet. In a terminal: `vigie backtest {shared.plain(model)} tolerance_sd=0.05`.")
    st.stop()

chosen = st.selectbox(
    "Replay",
    ready,
    format_func=lambda one: f"{moment(one['made_us']):%d %b %H:%M} UTC: {one['words'] or 'as configured'}",
)
result = chosen["result"]
begin, end = (shared.when(hour_of(datetime.fromisoformat(result[one]))) for one in ("from", "until"))
st.subheader(f"{result['hours'] / 24:.0f} days, {begin} to {end}")
columns = st.columns(len(result["sides"]))
for column, side in zip(columns, result["sides"], strict=True):
    column.metric(side["name"], incidents(side), by_chance(side), delta_color="off", delta_arrow="off")
    column.text(f"Settings: {settings(side)}\nReference: {side['reference']}")

names = [*(side["name"] for side in result["sides"]), "live"]
st.subheader("Changes, and who would have told of them")
if result["rows"]:
    st.table([
        {"since": shared.when(hour_of(datetime.fromisoformat(row["since"]))),
         "what": shared.plain(next(row[name]["claim"] for name in names if row[name])),
         **{name: outcome(row[name]) for name in names}}
        for row in result["rows"]
    ])  # fmt: skip
else:
    st.text("Neither side would have told of anything, and nothing was told live.")

st.subheader("Smallest change told within a week")
sides = [side["name"] for side in result["sides"]]
st.table([{"change": kind, **dict(zip(sides, sizes, strict=True))} for kind, sizes in smallest(result).items()])
