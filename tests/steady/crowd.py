"""JOBS fine-tuning jobs in one queue, then ENDPOINTS serverless endpoints asked by 64 at once."""

import asyncio
import json
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openai

from tests.integration.emulator.machinelearningservices.conftest import TERMINAL, Foundry
from tests.steady.living import Living, ended
from tests.steady.outcome import Outcome

_AT_ONCE = 64
_SUBMITTERS = 8
_MOST_THREADS = 64
"""The server's own are a good 30; a job at work has one."""
_MOST_MEGABYTES = 50
"""How much the process may grow between the first answers and the last."""
_SECONDS_A_JOB = 10
"""What a job may take where the machine has other things to do."""
_QUESTION = "My Xbox shows error 7."


@dataclass(frozen=True, slots=True)
class Served:
    """An endpoint, and what its model says when nobody else asks."""

    model: str
    address: str
    key: str
    alone: tuple[str, str, str | None] = ("", "", None)


def run(folder: Path) -> list[Outcome]:
    """Submit, train, serve, ask; the outcome of each promise."""
    count = int(os.environ.get("JOBS", "1000"))
    endpoints = min(count, int(os.environ.get("ENDPOINTS", "200")))
    living = Living(folder)
    assert living.start(), living.said
    with ended(living), living.entered():
        foundry = living.foundry()
        names = [f"job-{number}" for number in range(count)]
        jobs = _train(living, foundry, folder, names, kinds=endpoints)
        chats = asyncio.run(_ask(living, _serve(foundry, names[:endpoints])))
    return [*jobs, *chats]


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────


def _train(
    living: Living, foundry: Foundry, folder: Path, names: list[str], *, kinds: int
) -> list[Outcome]:
    accepted = Outcome("every job is accepted and listed")
    over = Outcome("every job ends, and well")
    threads = Outcome("no more threads than a few")
    before = living.megabytes()
    data = [foundry.upload(_conversations(folder, number)) for number in range(kinds)]

    def submit(number: int) -> None:
        body = foundry.job_body(data[number % kinds], names[number])
        status, answer = foundry.submit(names[number], body)
        if status != 201:
            accepted.wrong.append(f"{names[number]}: {status} {answer}")

    began = time.monotonic()
    with ThreadPoolExecutor(_SUBMITTERS) as pool:
        list(pool.map(submit, range(len(names))))
    took = time.monotonic() - began
    missing = set(names) - set(_statuses(foundry))
    accepted.wrong += [f"{name} is not listed" for name in sorted(missing)]
    accepted.done = f"{len(names)} jobs, {len(names) / took:.0f} a second"
    most = 0
    give_up = time.monotonic() + _SECONDS_A_JOB * len(names)
    while set((statuses := _statuses(foundry)).values()) - set(TERMINAL):
        most = max(most, living.threads())
        if time.monotonic() > give_up:
            break
        time.sleep(1)
    took = time.monotonic() - began
    wrong = {name: status for name, status in statuses.items() if status != "Completed"}
    over.wrong += [f"{name} is {status}" for name, status in wrong.items()]
    over.done = f"{len(names)} jobs in {took:.0f} s"
    threads.done = (
        f"at most {most}; memory {before:.0f} MB before, {living.megabytes():.0f} MB after"
    )
    if most > _MOST_THREADS:
        threads.wrong.append(f"{most} threads")
    return [accepted, over, threads]


def _conversations(folder: Path, number: int) -> Path:
    """Data that no other number has, so that its model is another one."""
    file = folder / f"train-{number}.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        for error in range(15):
            said = (f"My Xbox shows error {error}.", f"Ask number {number * 7919 % 1009}.")
            messages = [
                {"role": role, "content": content}
                for role, content in zip(("user", "assistant"), said, strict=True)
            ]
            lines.write(json.dumps({"messages": messages}) + "\n")
    return file


def _statuses(foundry: Foundry) -> dict[str, str]:
    """Every job that the list shows, page by page."""
    found: dict[str, str] = {}
    page: Any = foundry.developer.ok("GET", f"{foundry.project}/jobs")
    while True:
        found |= {str(job["name"]): str(job["properties"]["status"]) for job in page["value"]}
        if not page.get("nextLink"):
            return found
        options = dict(parse_qsl(urlsplit(str(page["nextLink"])).query))
        version = options.pop("api-version")
        page = foundry.developer.ok("GET", f"{foundry.project}/jobs", version=version, **options)


# ── chats ───────────────────────────────────────────────────────────────────────────────────────


def _serve(foundry: Foundry, models: list[str]) -> list[Served]:
    served: list[Served] = []
    for model in models:
        path = f"{foundry.project}/serverlessEndpoints/{model}"
        settings = {"modelSettings": {"modelId": f"{foundry.project}/models/{model}/versions/1"}}
        body = {"location": "eastus2", "sku": {"name": "Consumption"}, "properties": settings}
        made = foundry.developer.wait("PUT", path, body, version="2024-10-01")
        keys = foundry.developer.ok("POST", f"{path}/listKeys", version="2024-10-01")
        address = made["properties"]["inferenceEndpoint"]["uri"]
        served.append(Served(model, f"{address}/v1", keys["primaryKey"]))
    return served


async def _ask(living: Living, endpoints: list[Served]) -> list[Outcome]:
    right = Outcome("every answer is its own endpoint's model's, as it is alone")
    memory = Outcome("memory stays")
    chats = int(os.environ.get("CHATS", "4000"))
    async with openai.AsyncOpenAI(
        base_url="https://nowhere", api_key="none", max_retries=0
    ) as client:
        known = [
            Served(one.model, one.address, one.key, await _answer(client, one)) for one in endpoints
        ]
        different = len({one.alone[1:] for one in known})
        before = living.megabytes()
        began = time.monotonic()
        taken: list[float] = []
        waiting = [random.choice(known) for _ in range(chats)]

        async def ask_on() -> None:
            while waiting:
                one = waiting.pop()
                start = time.monotonic()
                try:
                    answer = await _answer(client, one)
                except openai.OpenAIError as error:
                    right.wrong.append(f"{one.model}: {error}")
                    continue
                taken.append(time.monotonic() - start)
                if answer != one.alone:
                    right.wrong.append(f"{one.model}: {answer}, alone {one.alone}")

        await asyncio.gather(*(ask_on() for _ in range(_AT_ONCE)))
        took = time.monotonic() - began
    after = living.megabytes()
    taken.sort()
    median = taken[len(taken) // 2] if taken else 0.0
    right.done = (
        f"{chats} chats, {_AT_ONCE} at once, {len(known)} endpoints with {different} different "
        f"answers; {chats / took:.0f} a second, median {median:.1f} s"
    )
    memory.done = f"{before:.0f} MB after one chat each, {after:.0f} MB after all"
    if after - before > _MOST_MEGABYTES:
        memory.wrong.append(f"it grew by {after - before:.0f} MB")
    return [right, memory]


async def _answer(client: openai.AsyncOpenAI, one: Served) -> tuple[str, str, str | None]:
    asked = client.with_options(base_url=one.address, api_key=one.key)
    answer = await asked.chat.completions.create(
        model="any",
        messages=[{"role": "user", "content": _QUESTION}],
        temperature=0,
        max_tokens=12,
    )
    if answer.model != one.model:
        raise openai.OpenAIError(f"the answer is {answer.model}'s")
    return answer.model, answer.choices[0].message.content or "", answer.system_fingerprint
