"""Say by plain rules what may be started, from the events alone: written from the design, without a line of the product's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

PERSON = {"os:al": "alice"}  # two names of one person
APPROVERS = {"alice", "bruno", "carla"}
KEYED = {"webhook", "argo", "airflow"}
FOREVER = timedelta(days=14)
DAY = timedelta(hours=24)


@dataclass(frozen=True)
class World:
    """Hold what an approval is bound to: which trigger, its version, the costs, the version of the model that answers."""

    kind: str = "webhook"
    passed: int = 0
    costs: int = 1
    champion: str = "1.0"
    approvals: int = 1


@dataclass
class Proposal:
    """Remember one decision as its events made it."""

    key: str
    recommendation: str
    requester: str
    world: World
    made: datetime
    state: str = "proposed"
    by: set[str] = field(default_factory=set)
    approved_at: datetime | None = None
    begun: bool = False  # a call may have left
    over: bool = False  # a job looked at it, and it is settled for good
    unsure: bool = False  # a job that was killed may have settled it

    def approves(self, who: str, world: World, now: datetime) -> bool:
        """Take an approval, and say whether it counts."""
        person = PERSON.get(who, who)
        good = self.state == "proposed" and now <= self.made + FOREVER and person in APPROVERS and world == self.world
        good = good and person != PERSON.get(self.requester, self.requester) and person not in self.by
        if good:
            self.by.add(person)
            if len(self.by) >= world.approvals:
                self.state, self.approved_at = "approved", now
        return good

    def rejects(self, who: str, now: datetime) -> bool:
        """Take a rejection, and say whether it counts."""
        good = self.state == "proposed" and now <= self.made + FOREVER and PERSON.get(who, who) in APPROVERS
        if good:
            self.state = "rejected"
        return good

    def may_start(self, world: World, now: datetime) -> bool:
        """Say whether a run of the job at `now` may start it."""
        if self.state != "approved" or self.approved_at is None or self.over or self.recommendation != "retrain":
            return False
        return timedelta(0) <= now - self.approved_at <= DAY and world == self.world

    def must_start(self, world: World, now: datetime) -> bool:
        """Say whether a run that nothing disturbs has started it by its end; a repeat under its key counts as one start."""
        return self.may_start(world, now) and not self.unsure and (not self.begun or world.kind in KEYED)
