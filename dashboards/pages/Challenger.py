"""Would the challenger do better on the same traffic?"""

import streamlit as st

from dashboards import charts, shared, views

st.title("Challenger")
st.caption("Would the challenger do better on the same traffic?")

found, troubles = views.comparison(shared.model()), views.troubles(shared.model())
for sentence in troubles:
    st.warning(shared.plain(sentence))
if found is None and troubles:
    st.stop()
if found is None:
    st.info("Nothing was compared yet. Declare a challenger in config.yaml, pin it, and run `vigie once shadow`.")
    st.stop()

body = found["body"]
st.subheader(shared.plain(body["sentence"]))
shared.table(body["checks"], "name", "result", "text")

tiles = [*st.columns(2), *st.columns(2)]
tiles[0].metric("Texts compared", f"{body['compared']:,}")
tiles[1].metric("Equal answers", f"{100 * body['agreement']:.1f} %")
tiles[2].metric("Right alone, challenger : champion", f"{body['wins']} : {body['losses']}")
tiles[3].metric(
    "Automation rate, champion → challenger", f"{100 * body['automation'][0]:.0f} → {100 * body['automation'][1]:.0f} %"
)
st.text(f"Agreement {100 * body['agreement_low']:.1f} to {100 * body['agreement_high']:.1f} % (days resampled).")
st.text("  ".join(f"{name}: {count:,} texts" for name, count in body["flips"].items()))
if body["flows"]:
    st.altair_chart(charts.flows(body["flows"]))
    shared.table(views.named_flows(shared.model(), body["flows"]))
