"""The whole loop on real texts: a classifier, its API, eight weeks of traffic with a known story, and what Vigie makes of it."""
