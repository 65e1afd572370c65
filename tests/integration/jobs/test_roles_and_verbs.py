"""Who tunes, serves, calls, reads or watches: each role has its own verbs, and no others.

The roles are the stack's own (`infra.role_sets`), in one project, each for a principal of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from infra.role_sets import ROLE_SETS, RoleSet
from tests.integration.jobs.conftest import Place, Ran, somebody_who, write_story
from tests.integration.jobs.test_command import write_job
from tests.integration.jobs.test_online_endpoints import register, write_online

REFUSED = 4
EVERYBODY = frozenset(ROLE_SETS)
LOOKERS = frozenset[RoleSet](("tunes", "serves", "reads", "watches"))
ASKERS = frozenset[RoleSet](("serves", "calls"))
TUNES, SERVES = frozenset[RoleSet](("tunes",)), frozenset[RoleSet](("serves",))

TAKES_DOWN = frozenset[RoleSet](("serves", "watches"))

# Verbs that change nothing: who may, of the five. {name} and {spec} are filled in.
LOOKS: Mapping[str, frozenset[RoleSet]] = {
    "doctor": EVERYBODY,
    "connect {name}": EVERYBODY,
    "plan {spec}": LOOKERS,
    "status": LOOKERS,
    "list": LOOKERS,
    "show {name}": LOOKERS,
    "history {name}": LOOKERS,
    "forecast": LOOKERS,
    "metrics {name}": LOOKERS,
    "logs {name}": LOOKERS,
    "wait {name}": LOOKERS,
    "report {name}": LOOKERS - {"watches"},  # answers that are kept
    "gc": LOOKERS,
    "chat {name} Hello": ASKERS,
    "safety {name}": ASKERS,
    "monitor {name}": SERVES,
}


@dataclass(frozen=True, slots=True)
class Team:
    """A principal for each role."""

    place: Place
    people: Mapping[RoleSet, Mapping[str, str]]

    def tune(self, who: RoleSet, *arguments: str) -> Ran:
        return self.place.tune(*arguments, **self.people[who])

    def only(self, may: frozenset[RoleSet], *arguments: str) -> int:
        """A verb that changes something: refused to all others, then done by who may."""
        for who in EVERYBODY - may:
            mark = self.place.emulator.control.last_call()
            refused = self.tune(who, *arguments)
            assert refused.code == REFUSED, f"{who} {arguments}: {refused.said}"
            assert self._changed(mark) == [], f"{who} {arguments}"
        for who in may:
            done = self.tune(who, *arguments)
            assert done.code == 0, f"{who} {arguments}: {done.said}"
        return len(EVERYBODY)

    def _changed(self, mark: int) -> list[str]:
        """What was changed since a call; reading a key is none, and nor is what was refused."""
        return [
            f"{call['method']} {call['path']}"
            for call in self.place.emulator.control.calls(after=mark, host="management.azure.com")
            if call["method"] not in {"GET", "HEAD"}
            and call["status"] < 400
            and not call["path"].endswith("/listKeys")
        ]


@pytest.fixture
def team(place: Place) -> Team:
    """The five, with the roles that `access` of a stack gives in one project."""
    return Team(place, {role_set: somebody_who(place, role_set) for role_set in ROLE_SETS})


def test_who_only_calls_asks_an_endpoint_and_sees_nothing_else(team: Team) -> None:
    place = team.place
    assert place.tune("apply", str(write_story(place)), "--yes").code == 0
    assert team.tune("calls", "chat", place.name, "Hello").code == 0
    looked = team.tune("calls", "status")
    assert looked.code == REFUSED
    assert "foundry-tune doctor shows the command that gives it" in looked.err
    assert team.tune("reads", "chat", place.name, "Hello").code == REFUSED


@pytest.mark.rehearsal
@pytest.mark.timeout(600)
def test_each_role_has_its_own_verbs_and_no_others(team: Team) -> None:
    place, cells = team.place, 0
    # What tunes and what serves are two specs: the second has the endpoint as well.
    tuned = str(write_story(place, endpoint=False))
    cells += team.only(TUNES, "apply", tuned, "--yes")
    served = str(write_story(place))
    cells += team.only(SERVES, "apply", served, "--yes")
    wrong: list[str] = []
    for verb, may in LOOKS.items():
        words = [word.format(name=place.name, spec=served) for word in verb.split()]
        for who in ROLE_SETS:
            ran = team.tune(who, *words)
            cells += 1
            if ran.code != (0 if who in may else REFUSED):
                wrong.append(f"{who} {verb} ended with {ran.code}: {ran.said[-300:]}")
    assert wrong == []

    # Another revision, made ready by who serves; the name follows it and goes back.
    cells += team.only(TUNES, "apply", str(write_story(place, epochs=2, endpoint=False)), "--yes")
    served = str(write_story(place, epochs=2))
    cells += team.only(SERVES, "apply", served, "--yes", "--no-promote")
    cells += team.only(SERVES, "promote", place.name, "--yes")
    cells += team.only(SERVES, "rollback", place.name, "--yes")

    # A job under way is canceled by who tunes.
    long = str(write_story(place, name=f"{place.name}-long", epochs=10, rows=400, endpoint=False))
    assert team.tune("tunes", "apply", long, "--yes", "--no-wait").code == 0
    cells += team.only(TUNES, "cancel", long, "--yes")

    cells += team.only(TAKES_DOWN, "down", place.name, "--only", "endpoint", "--yes")
    cells += team.only(TUNES, "down", place.name, "--only", "model", "--yes")
    assert cells == len(ROLE_SETS) * (len(LOOKS) + 9)


@pytest.mark.rehearsal
@pytest.mark.timeout(300)
def test_code_is_sent_by_who_tunes_for_a_job_and_by_who_serves_for_an_endpoint(team: Team) -> None:
    team.only(TUNES, "apply", str(write_job(team.place)), "--yes")
    register(team.place)
    team.only(SERVES, "apply", str(write_online(team.place)), "--yes")
