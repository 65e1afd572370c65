"""`dataset screen`: harm in training data, by Azure AI Content Safety or by rules, and by whom."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from azure.core import PipelineClient
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential

from jobs.foundry.content_safety import LONGEST, VARIABLE
from tests.integration.jobs.conftest import Place, platform

SAID = (
    "My controller keeps disconnecting.",
    "[[content-safety-test violence=4]]",
    "[[content-safety-test hate=2]]",
    "I want to hurt myself.",
)


@pytest.fixture
def account(place: Place) -> str:
    """The address of an AI Services account; the developer's role lets them ask it."""
    name = f"ai{place.subscription.replace('-', '')[-12:]}"
    body = {
        "location": "eastus2",
        "kind": "AIServices",
        "sku": {"name": "S0"},
        "properties": {"customSubDomainName": name},
    }
    path = f"{place.group_id}/providers/Microsoft.CognitiveServices/accounts/{name}"
    made = platform(place).put(path, "2024-10-01", body, "make the account")
    return str(made["properties"]["endpoint"])


@pytest.fixture
def data(place: Place) -> str:
    turns = [
        [{"role": "user", "content": said}, {"role": "assistant", "content": "Well."}]
        for said in SAID
    ]
    text = "".join(json.dumps({"messages": messages}) + "\n" for messages in turns)
    (place.folder / "train.jsonl").write_text(text, encoding="utf-8")
    return "train.jsonl"


def test_azure_judges_where_it_is_configured_and_is_named(
    place: Place, account: str, data: str
) -> None:
    told = place.tune("dataset", "screen", data, "--yes", **{VARIABLE: account})
    assert told.code == 0, told.said
    assert (
        "train.jsonl:2: warning: violence of medium severity, says Azure AI Content Safety."
        in told.out
    )
    assert "train.jsonl:4: warning: self-harm of medium severity" in told.out
    assert "FT-D046" in told.out
    assert "train.jsonl:3" not in told.out, "low is let through"
    assert f"Judged by Azure AI Content Safety at {account.rstrip('/')}." in told.err
    assert "hurt myself" not in told.said
    strict = place.tune("dataset", "screen", data, "-y", "--endpoint", account, "--strict")
    assert strict.code == 3
    found = json.loads(
        place.tune("dataset", "screen", data, "-y", "--endpoint", account, "-o", "json").out
    )
    assert found["judged_by"] == "azure_ai_content_safety"
    assert [finding["line"] for finding in found["findings"]] == [2, 4]


def test_rules_judge_where_nothing_is_configured_and_say_that_they_miss_most(
    place: Place, data: str
) -> None:
    told = place.tune("dataset", "screen", data, **{VARIABLE: None})
    assert told.code == 0, told.said
    assert "train.jsonl:4: warning: self-harm of medium severity, says a built-in rule." in told.out
    assert "train.jsonl:2" not in told.out, "the emulator's test strings are its own"
    assert "Judged by the built-in rules, which miss most harm" in told.err
    found = json.loads(place.tune("dataset", "screen", data, "-o", "json").out)
    assert found["judged_by"] == "built_in_rules"


def test_nothing_is_sent_unasked_nor_to_anybody_else(place: Place, account: str, data: str) -> None:
    mark = place.emulator.control.last_call()
    unasked = place.tune("dataset", "screen", data, "--endpoint", account)
    assert unasked.code == 2
    assert "Send 4 conversations to Azure AI Content Safety" in unasked.err
    for address in ("http://x.cognitiveservices.azure.com", "https://example.com", "https://a.b/c"):
        other = place.tune("dataset", "screen", data, "-y", "--endpoint", address)
        assert other.code == 2
        assert "is no address of Azure AI Content Safety" in other.err
    calls = place.emulator.control.calls(after=mark)
    assert not [call for call in calls if "contentsafety" in call["path"]]


def test_what_is_not_judged_in_full_is_not_called_harmless(
    place: Place, account: str, data: str
) -> None:
    for body in ("{}", '{"categoriesAnalysis": [{"category": "Hate", "severity": 0}]}', "[]"):
        match = {"path": "text:analyze", "count": 9}
        place.emulator.control.faults.add({"match": match, "do": {"answer": {"body": body}}})
        told = place.tune("dataset", "screen", data, "-y", "--endpoint", account)
        place.emulator.control.faults.clear()
        assert told.code == 9, told.said
        assert "Traceback" not in told.err
    match = {"path": "text:analyze", "count": 1}
    place.emulator.control.faults.add({"match": match, "do": {"status": 503}})
    assert place.tune("dataset", "screen", data, "-y", "--endpoint", account).code == 0


def test_text_longer_than_a_call_takes_is_judged_to_its_end(place: Place, account: str) -> None:
    long = "a " * LONGEST + "[[content-safety-test sexual=6]]"
    turns = [{"role": "user", "content": long}, {"role": "assistant", "content": "Well."}]
    path = Path(place.folder, "long.jsonl")
    path.write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    told = place.tune("dataset", "screen", "long.jsonl", "-y", "--endpoint", account)
    assert "long.jsonl:1: warning: sexual of high severity" in told.out, told.said


def test_the_account_takes_its_key_or_a_token_of_a_role(place: Place, account: str) -> None:
    path = f"{place.group_id}/providers/Microsoft.CognitiveServices/accounts"
    name = account.removeprefix("https://").split(".")[0]
    key = platform(place).post(f"{path}/{name}/listKeys", "2024-10-01", "list the keys")["key1"]
    url = f"{account}contentsafety/text:analyze?api-version=2024-09-01"
    client: PipelineClient[Any, Any] = PipelineClient(account)
    with client:

        def ask(body: object, **headers: str) -> tuple[int, object]:
            answer: Any = client.send_request(HttpRequest("POST", url, json=body, headers=headers))
            return answer.status_code, answer.json()

        text = {"text": "[[content-safety-test hate=6]]", "categories": ["Hate", "Violence"]}
        status, judged = ask(text, **{"Ocp-Apim-Subscription-Key": key})
        assert status == 200
        assert judged == {
            "blocklistsMatch": [],
            "categoriesAnalysis": [
                {"category": "Hate", "severity": 6},
                {"category": "Violence", "severity": 0},
            ],
        }
        assert ask(text, **{"Ocp-Apim-Subscription-Key": "wrong"})[0] == 401
        for wrong in ({"text": ""}, {"text": "a" * (LONGEST + 1)}, {"text": "a", "kind": 1}):
            assert ask(wrong, **{"Ocp-Apim-Subscription-Key": key})[0] == 400
        owner = ClientSecretCredential(
            os.environ["ARM_TENANT_ID"],
            os.environ["ARM_CLIENT_ID"],
            os.environ["ARM_CLIENT_SECRET"],
        ).get_token("https://cognitiveservices.azure.com/.default")
        # Owner of everything, and no data action: Azure's data plane asks for a role of its own.
        assert ask(text, Authorization=f"Bearer {owner.token}")[0] == 403
