"""Frame every page: selectors that live in the URL, freshness, the banner, and the way to the pages."""

from datetime import timedelta
from pathlib import Path

import streamlit as st

from dashboards import shared, views
from monitor.window import moment

PAGES = Path(__file__).parents[1] / "pages"
GROUPS = {
    "Now": ("Today", "Incidents"),
    "The model": ("Inputs", "Answers", "Quality", "Challenger", "Service"),
    "To do": ("Decisions", "Backtest", "Reports"),
}
STALE = timedelta(minutes=2)

st.set_page_config(page_title="Vigie", layout="wide")
pages = {name: st.Page(PAGES / f"{name}.py", title=name, url_path=name, default=name == "Today")
         for names in GROUPS.values() for name in names}  # fmt: skip
st.session_state["pages"] = pages
page = st.navigation({group: [pages[name] for name in names] for group, names in GROUPS.items()})

left, middle, right = st.columns([2, 1, 3], vertical_alignment="bottom")
left.selectbox("Model", list(shared.config().models), key="model", bind="query-params")
middle.selectbox("Range", list(shared.RANGES), index=2, key="range", bind="query-params")
_, extras = views.standing_of(shared.model())
right.text(f"Judged until {extras['judged_until']}" if extras["judged_until"] else "No hour was judged yet")

tick = views.last_tick_us()
if tick is not None and shared.now() - moment(tick) > STALE:
    st.warning(f"Vigie itself stopped at {moment(tick):%H:%M} UTC. Below is what was known then.")
if shared.config().demo:
    st.caption("A demonstration: these are replayed texts of official activity descriptions.")

page.run()
