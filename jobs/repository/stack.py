"""The new repository's stack file: a profile's, with its people, budget and pipelines filled in."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

from jobs.repository.wanted import Wanted

_HEAD = """\
# The environment that `pulumi up --stack {stack}` makes: profile {profile}.
# Every key: docs/stack.md of foundry-tune. Who signs in as what, and may do what: docs/access.md.
#
# The salt belongs to the passphrase `rehearsal`, which the workflows name in plain sight: this
# stack keeps no secret. Before it does: `pulumi stack change-secrets-provider azurekeyvault://…`
encryptionsalt: v1:BYSggqvck44=:v1:JaoibeH3W632cXRC:T1oyEFCiEp5mBgB7i2u5dVyfx8Z/7A==
"""

_TEAM = """\
  foundry-tune:developers:
    - name: team
      principalId: {group}
      principalType: Group
"""

# Who looks never writes, and who writes was reviewed.
_IDENTITIES = """\
  # Whom the workflows sign in as, each by its own token and with no secret.
  foundry-tune:identities:
    - name: plan
      may: plan
      github: {repository}
      for: [pull_request, "branch:main"]
    - name: up
      may: up
      github: {repository}
      for: ["environment:{stack}"]
    - name: apply
      may: apply
      github: {repository}
      for: ["environment:{stack}"]
    - name: monitor
      may: monitor
      github: {repository}
      for: ["branch:main"]
    - name: watch
      may: watch
      github: {repository}
      for: ["environment:{stack}-watch"]
"""


def stack_file(wanted: Wanted) -> str:
    """`Pulumi.<stack>.yaml`: the profile's text with its comments, and what is this repository's.

    Texts are replaced and no YAML is written anew, so that every comment stays where it was.
    """
    text = _profile(wanted.profile)
    team = _TEAM.format(group=wanted.group) if wanted.group else ""
    text = _with(text, "location", f"  foundry-tune:location: {wanted.location}\n")
    text = _with(text, "projects", f"  foundry-tune:projects:\n    - {wanted.own_project}\n")
    text = _with(text, "developers", team)
    if wanted.has_budget:
        told = f"    emails:\n      - {json.dumps(wanted.email)}\n"
        text = re.sub(r"    emails:\n(?:      .*\n)+", lambda _: told, text)
    head = _HEAD.format(stack=wanted.stack, profile=wanted.profile)
    return head + text + _IDENTITIES.format(repository=wanted.repository, stack=wanted.stack)


def _profile(name: str) -> str:
    """A profile without its heading, which says how to copy it."""
    # Rooms meet in files: the Pulumi program is found where it is installed, and not imported.
    found = find_spec("infra")
    assert found is not None
    assert found.origin is not None
    text = (Path(found.origin).parent / "profiles" / f"{name}.yaml").read_text(encoding="utf-8")
    return text[text.index("config:") :]


def _with(text: str, key: str, block: str) -> str:
    """The text with a key of the configuration, and what is indented below it, replaced."""
    pattern = rf"^  foundry-tune:{key}:.*\n(?:    .*\n)*"
    changed, count = re.subn(pattern, lambda _: block, text, count=1, flags=re.MULTILINE)
    assert count, f"the profile has no {key}"
    return changed
