"""Runs a workflow's own `run:` steps, in their order, as GitHub's runner does.

What is taken over: expressions in `if`, `env` and `run`; env of workflow, job and step; the shell
that `defaults` names; GITHUB_ENV, GITHUB_OUTPUT, GITHUB_PATH and GITHUB_STEP_SUMMARY; which step is
skipped after another failed; jobs by `needs`; artifacts, as files that the next job finds. A step
that `uses` an action is passed over, and told as such: what it would set up is there already.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

_TOKENS = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>&&|\|\||==|!=|!|\(|\))|(?P<word>[\w.-]+))"
)
_SIGNS = {"&&": " and ", "||": " or ", "!": " not "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How one step went."""

    name: str
    outcome: str
    """`success`, `failure`, `skipped`, or `used` for an action."""
    said: str = ""


@dataclass(slots=True, kw_only=True)
class Job:
    """How a job went."""

    name: str
    steps: list[Step] = field(default_factory=list[Step])
    summary: str = ""

    @property
    def status(self) -> str:
        return "failure" if any(step.outcome == "failure" for step in self.steps) else "success"

    def __getitem__(self, name: str) -> Step:
        return next(step for step in self.steps if step.name == name)

    @property
    def log(self) -> str:
        return "\n".join(f"── {s.name}: {s.outcome}\n{s.said}" for s in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A machine of GitHub's, with a checkout and a way to start what a job runs."""

    checkout: Path
    scratch: Path
    """Where the runner keeps its own files."""
    environment: Mapping[str, str]
    """What the machine has from the start."""
    contexts: Mapping[str, Any]
    """`github`, `vars`, `inputs`."""

    def job(
        self, workflow: Mapping[str, Any], name: str, prefix: Sequence[str], token: str
    ) -> Job | None:
        """Run one job's steps, each below `prefix`; None where its `if` says no."""
        job = workflow["jobs"][name]
        contexts: dict[str, Any] = {**self.contexts, "job": {"status": "success"}, "steps": {}}
        contexts["github"] = {**contexts["github"], "token": token}
        if not truth(job.get("if", "true"), contexts):
            return None
        files = {
            variable: self.scratch / f"{name}-{variable.lower()}"
            for variable in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")
        }
        for file in files.values():
            file.write_text("", encoding="utf-8")
        outer = {**workflow.get("env", {}), **job.get("env", {})}
        own = {key: filled(str(value), contexts) for key, value in outer.items()}
        done = Job(name=name)
        for step in job["steps"]:
            contexts["job"] = {"status": done.status}
            done.steps.append(self._step(workflow, step, contexts, own, files, prefix))
            if "id" in step:
                contexts["steps"][step["id"]] = {"outcome": done.steps[-1].outcome}
            own |= _pairs(files["GITHUB_ENV"])
        done.summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        return done

    def _step(
        self,
        workflow: Mapping[str, Any],
        step: Mapping[str, Any],
        contexts: Mapping[str, Any],
        own: Mapping[str, str],
        files: Mapping[str, Path],
        prefix: Sequence[str],
    ) -> Step:
        name = str(step.get("name") or step.get("uses") or step["run"])
        # Without a status function in it, a step's `if` holds only while nothing failed.
        if not truth(step.get("if", "success()"), contexts):
            return Step(name=name, outcome="skipped")
        if "uses" in step:
            return Step(name=name, outcome="used")
        shell = step.get("shell") or workflow.get("defaults", {}).get("run", {}).get("shell")
        flags = ["-eo", "pipefail"] if shell == "bash" else ["-e"]
        script = self.scratch / "step.sh"
        script.write_text(filled(str(step["run"]), contexts), encoding="utf-8")
        added = ":".join(files["GITHUB_PATH"].read_text(encoding="utf-8").split())
        path = f"{added}:{self.environment['PATH']}" if added else self.environment["PATH"]
        given = {key: filled(str(value), contexts) for key, value in step.get("env", {}).items()}
        kept = {key: str(file) for key, file in files.items()}
        variables = {**kept, **own, **given, "PATH": path}
        bash = shutil.which("bash")
        assert bash
        named = ["env", *(f"{key}={value}" for key, value in variables.items())]
        ran = subprocess.run(
            [*prefix, *named, bash, "--noprofile", "--norc", *flags, str(script)],
            cwd=self.checkout,
            env=dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        outcome = "success" if ran.returncode == 0 else "failure"
        return Step(name=name, outcome=outcome, said=f"{ran.stdout}[exit code {ran.returncode}]\n")


def read(file: Path) -> dict[str, Any]:
    """A workflow file; `on` stays a word."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)


def filled(text: str, contexts: Mapping[str, Any]) -> str:
    """A text with every `${{ … }}` in it evaluated."""

    def value(match: re.Match[str]) -> str:
        found = evaluated(match[1], contexts)
        return str(found).lower() if isinstance(found, bool) else str(found)

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def truth(condition: str, contexts: Mapping[str, Any]) -> bool:
    """What an `if` says."""
    inner = re.fullmatch(r"\s*\$\{\{(.*)\}\}\s*", condition, re.DOTALL)
    return bool(evaluated(inner[1] if inner else condition, contexts))


def evaluated(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression: contexts, texts, comparisons, and the status functions."""
    python, at = "", 0
    while expression[at:].strip():
        match = _TOKENS.match(expression, at)
        assert match, f"not understood: {expression!r}"
        at = match.end()
        if match["text"]:
            python += repr(match["text"][1:-1].replace("''", "'"))
        elif match["sign"]:
            python += _SIGNS.get(match["sign"], match["sign"])
        else:
            python += _word(match["word"], expression[at:], contexts)
    # Built above, of literals and the few names below.
    return eval(python, {"__builtins__": {}, "to_json": json.dumps})


def _word(word: str, rest: str, contexts: Mapping[str, Any]) -> str:
    if word in ("true", "false"):
        return word.capitalize()
    if word == "toJSON":
        return "to_json"
    if rest.startswith("("):
        status = contexts.get("job", {}).get("status", "success")
        known = {
            "always": True,
            "cancelled": False,
            "success": status == "success",
            "failure": status == "failure",
        }
        return f"(lambda: {known[word]})"
    value: Any = contexts
    for part in word.split("."):
        value = cast("Mapping[str, Any]", value).get(part, "") if isinstance(value, dict) else ""
    return repr(value)


def _pairs(file: Path) -> dict[str, str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
