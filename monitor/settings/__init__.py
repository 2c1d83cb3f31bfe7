"""Hold every setting, with its unit in its name, its limits, and nothing that knows where it was written."""

from monitor.settings.models import Challenger, Limits, Model, Threshold
from monitor.settings.part import Name, Part, Share
from monitor.settings.service import (
    Dashboard,
    Delivery,
    Detection,
    Estimate,
    Health,
    Ingest,
    Privacy,
    Retraining,
    Route,
    Schedule,
    Shadow,
    Smtp,
    WorkingHours,
)
from monitor.settings.sources import Dated, Format, Join, Keep, Side, Source, Table, Unit
from monitor.settings.triggers import Airflow, Argo, Call, Command, Github, Trigger, Webhook

__all__ = [
    "Airflow",
    "Argo",
    "Call",
    "Challenger",
    "Command",
    "Dashboard",
    "Dated",
    "Delivery",
    "Detection",
    "Estimate",
    "Format",
    "Github",
    "Health",
    "Ingest",
    "Join",
    "Keep",
    "Limits",
    "Model",
    "Name",
    "Part",
    "Privacy",
    "Retraining",
    "Route",
    "Schedule",
    "Shadow",
    "Share",
    "Side",
    "Smtp",
    "Source",
    "Table",
    "Threshold",
    "Trigger",
    "Unit",
    "Webhook",
    "WorkingHours",
]
