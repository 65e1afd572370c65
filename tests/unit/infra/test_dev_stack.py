"""The project file and the stack of rehearsals, as they are in the repository."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import yaml
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.unit.infra.conftest import PROGRAM, Recording

ROOT = PROGRAM.parents[1]
REHEARSING_DEVELOPER = "e0e0e0e0-0000-4000-8000-000000000021"


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_project_names_no_virtual_environment() -> None:
    # With one, Pulumi looks for it in infra/ and every provider registration fails.
    project = load("Pulumi.yaml")
    assert project["name"] == "foundry-tune"
    assert project["main"] == "infra"
    assert project["runtime"] == "python"


def test_the_dev_stack_is_what_a_rehearsal_expects(run: Callable[..., Recording]) -> None:
    config = {
        key.removeprefix("foundry-tune:"): text if isinstance(text, str) else json.dumps(text)
        for key, text in load("Pulumi.dev.yaml")["config"].items()
    }
    dev = run(config)
    assert dev.outputs["location"] == "eastus2", "Phi-3 is fine-tuned there and nowhere else"
    assert dev.outputs["projectNames"] == ["xbox"]
    assert dev.inputs["rehearsal-developer"]["principalId"] == REHEARSING_DEVELOPER
    assert dev.inputs["rehearsal-developer"]["principalType"] == "ServicePrincipal"


def test_the_salt_of_the_dev_stack_is_the_one_of_its_passphrase() -> None:
    # Otherwise the first command of a rehearsal would write a new one into the checkout.
    version, salt, cipher, nonce, text = load("Pulumi.dev.yaml")["encryptionsalt"].split(":")
    assert version == cipher == "v1"
    key = hashlib.pbkdf2_hmac("sha256", b"rehearsal", base64.b64decode(salt), 1_000_000, 32)
    opened = AESGCM(key).decrypt(base64.b64decode(nonce), base64.b64decode(text), None)
    assert opened == b"pulumi"
