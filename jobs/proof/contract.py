"""What a revision was proven by, kept in the project: versions of `<name>-contract`.

A rollback proves a revision by what it was promoted with, whatever its spec says by now: its smoke
tests, with the system message they were asked with, its own probes, languages and gates.
"""

from datetime import datetime
from typing import Literal

import msgspec

from jobs import revision
from jobs.errors import SafetyError
from jobs.foundry.endpoints import Endpoint, serves
from jobs.foundry.session import Session
from jobs.plan.desired import Serving
from jobs.proof.archive import TAG_ENDPOINT, TAG_MODEL
from jobs.proof.filtering import TAG_ASKED
from jobs.proof.shelf import Shelf
from jobs.proof.smoke import messages_of
from jobs.spec import probes
from jobs.spec.models import PromptMessage, SafetyLanguage, ServerlessEndpoint, SmokeTest
from jobs.spec.probes import Probe

_SUFFIX = "-contract"


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint was asked before it served, and how it was set up."""

    proof: str
    """The mark of having been proven by this."""
    is_filtered: bool
    auth_mode: Literal["key", "aad", "key_and_aad"]
    system: str
    """The system message that the model was trained with."""
    smoke_tests: tuple[SmokeTest, ...]
    """Each with its messages, as it was asked."""
    own_probes: tuple[Probe, ...]
    """The built-in ones are asked as they are by now."""
    languages: tuple[SafetyLanguage, ...]
    safety_gates: dict[str, str]

    @property
    def probes(self) -> tuple[Probe, ...]:
        """Every probe: the built-in ones come first."""
        return (*probes.load(), *self.own_probes)

    def serving(self, name: str, model_id: str) -> Serving:
        """What to serve a model again as, under the name that it had."""
        spec = ServerlessEndpoint(
            name=name,
            model=model_id,
            auth_mode=self.auth_mode,
            smoke_tests=self.smoke_tests,
            safety_languages=self.languages,
            safety_gates=self.safety_gates,
        )
        return Serving(
            spec=spec,
            training=None,
            model_path=model_id,
            probes=self.probes,
            probes_digest=self.proof,
        )

    def __str__(self) -> str:
        gates = [f"{measure} {gate}" for measure, gate in self.safety_gates.items()]
        told = [f"{len(self.probes)} probes", f"{len(self.smoke_tests)} smoke tests", *gates]
        return f"its own, as it was promoted with: {', '.join(told)}"


def of(serving: Serving, model: str) -> Contract:
    """What a document asks of the endpoint of a model (`name:version`)."""
    return Contract(
        proof=serving.proof(model),
        is_filtered=serving.spec.is_filtered,
        auth_mode=serving.spec.auth_mode,
        system=serving.system,
        smoke_tests=tuple(_as_asked(test, serving.system) for test in serving.spec.smoke_tests),
        own_probes=serving.own_probes,
        languages=msgspec.convert(serving.languages, tuple[SafetyLanguage, ...]),
        safety_gates=dict(serving.spec.safety_gates),
    )


def keep(session: Session, serving: Serving, endpoint: Endpoint, now: datetime) -> None:
    """Keep what an endpoint was proven by.

    Raises:
        RemoteError: It reads back as something else.
    """
    model = serves(endpoint)
    written = of(serving, model)
    version = revision.digest([endpoint.name, written.proof, list(serving.languages)])
    tags = {
        **revision.tags(serving.name, version),
        TAG_MODEL: model[: revision.LONGEST_TAG_VALUE],
        TAG_ENDPOINT: endpoint.name,
        TAG_ASKED: now.isoformat(timespec="seconds"),
    }
    said = f"What {endpoint.name} was proven by before it served {serving.name}"
    content = msgspec.json.encode(written) + b"\n"
    Shelf(session, serving.name + _SUFFIX).put(version, content, said, tags)


def find(session: Session, name: str, endpoint: str) -> Contract | None:
    """What an endpoint of a name was proven by last; None where none was kept.

    Raises:
        SafetyError: It was kept, and isn't any more what it was.
    """
    shelf = Shelf(session, name + _SUFFIX)
    own = [one for one in shelf.versions() if one.tags.get(TAG_ENDPOINT) == endpoint]
    if not own:
        return None
    newest = max(own, key=lambda one: one.tags.get(TAG_ASKED, ""))
    try:
        return msgspec.json.decode(shelf.read(newest) or b"", type=Contract)
    except msgspec.DecodeError as error:
        raise SafetyError(
            f"What endpoint '{endpoint}' was proven by can't be read: data '{shelf.name}:"
            f"{newest.version}' is gone, or isn't what was kept.",
            next_step="Apply the spec as it was then: it says what is asked.",
        ) from error


def _as_asked(test: SmokeTest, system: str) -> SmokeTest:
    messages = msgspec.convert(messages_of(test, system), tuple[PromptMessage, ...])
    return msgspec.structs.replace(test, prompt=None, messages=messages)
