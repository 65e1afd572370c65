"""The part of api.github.com that is emulated: issues and comments, for a job of the repository."""

from typing import Any

import pytest
import requests

from emulator.server import Emulator
from emulator.services.githubactions.runner import WorkflowJob

ISSUES = "https://api.github.com/repos/contoso/emulated/issues"


@pytest.fixture
def headers(emulator: Emulator) -> dict[str, str]:
    job = WorkflowJob(repository="contoso@1/emulated@2", pull_request=True)
    return {"Authorization": f"Bearer {emulator.control.start_job(job)['token']}"}


def test_a_comment_is_made_changed_and_listed_page_by_page(headers: dict[str, str]) -> None:
    made = [
        requests.post(f"{ISSUES}/7/comments", json={"body": text}, headers=headers, timeout=10)
        for text in ("one", "two", "three")
    ]
    assert [answer.status_code for answer in made] == [201] * 3
    first: dict[str, Any] = made[0].json()
    assert first["user"] == {"login": "github-actions[bot]", "type": "Bot", "id": 41898282}
    changed = requests.patch(
        f"{ISSUES}/comments/{first['id']}", json={"body": "uno"}, headers=headers, timeout=10
    )
    assert changed.json()["body"] == "uno"
    pages = [
        requests.get(f"{ISSUES}/7/comments?per_page=2&page={n}", headers=headers, timeout=10).json()
        for n in (1, 2, 3)
    ]
    assert [[row["body"] for row in page] for page in pages] == [["uno", "two"], ["three"], []]


def test_an_issue_is_made_closed_and_found_by_its_state(headers: dict[str, str]) -> None:
    made = requests.post(ISSUES, json={"title": "t", "body": "b"}, headers=headers, timeout=10)
    number = made.json()["number"]
    closed = requests.patch(
        f"{ISSUES}/{number}", json={"state": "closed"}, headers=headers, timeout=10
    )
    assert (closed.json()["state"], closed.json()["title"]) == ("closed", "t")
    states = {
        state: requests.get(f"{ISSUES}?state={state}", headers=headers, timeout=10).json()
        for state in ("open", "closed", "all")
    }
    assert [len(states[state]) for state in ("open", "closed", "all")] == [0, 1, 1]


def test_who_is_no_job_of_the_repository_is_refused(
    emulator: Emulator, headers: dict[str, str]
) -> None:
    other = emulator.control.start_job(WorkflowJob(repository="mallory/phi"))["token"]
    for token, status in (("secret", 401), (other, 403)):
        stranger = {"Authorization": f"Bearer {token}"}
        answer = requests.get(ISSUES, headers=stranger, timeout=10)
        assert answer.status_code == status
        assert answer.json()["message"]


def test_a_body_that_is_longer_than_githubs_limit_is_refused(headers: dict[str, str]) -> None:
    for size, status in ((65_536, 201), (65_537, 422)):
        body = {"body": "x" * size}
        answer = requests.post(f"{ISSUES}/8/comments", json=body, headers=headers, timeout=10)
        assert answer.status_code == status
