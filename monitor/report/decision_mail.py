"""Tell an approver what is proposed, what a week of waiting costs, and how to decide."""

from datetime import datetime
from typing import Any

from monitor.letter import Letter
from monitor.report.letters import Block, letter, tidy
from monitor.retraining import approval_runs, described
from monitor.window import moment

WORDS = {"retrain": "retrain", "label_first": "label first", "wait": "wait"}


def decision_mail(decision: dict[str, Any], url: str, now: datetime) -> Letter:
    """Render the letter about a proposed decision."""
    evidence = decision["evidence"]
    low, high = evidence["weekly_loss"][1:]
    rows = [
        ("Proposed", f"{WORDS[decision['recommendation']]}: {decision['sentence']}"),
        ("Waiting", f"a week costs about {evidence['weekly_loss'][0]:,.0f} EUR ({low:,.0f} to {high:,.0f})"),
        ("Benefit", (f"{evidence['benefit'][0]:,.0f} EUR over {evidence['horizon_weeks']:g} weeks ({evidence['benefit'][1]:,.0f} to {evidence['benefit'][2]:,.0f}); "
         f"above zero with probability {evidence['probability']:.2f}")),
        ("Approval runs", tidy(approval_runs(decision["recommendation"], decision["trigger"]))),
        ("Until", f"{moment(decision['expires_us']):%d %b %Y}"),
        ("Do now", f"vigie decisions approve {decision['id']} --reason ...   or   vigie decisions reject {decision['id']} --reason ..."),
    ]  # fmt: skip
    if url:
        rows.append(("Link", f"{url}/Decisions?id={decision['id']}"))
    terms = [described(term) for term in evidence["terms"]]
    subject = f"[Vigie] {decision['model']}: {WORDS[decision['recommendation']]} (decision {decision['id']})"
    return letter(subject, "", [Block(f"{decision['model']}: a decision waits", rows), Block("Every term", terms)],
                  f"Vigie, {now:%d %b %Y %H:%M} UTC. No link in this mail changes anything.")  # fmt: skip
