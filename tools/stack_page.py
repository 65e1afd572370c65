"""docs/stack.md from infra/config.py and its subjects: every key of the stack's configuration."""

from pathlib import Path

from infra.config import KEYS

PAGE = Path(__file__).parents[1] / "docs" / "stack.md"

HEAD = """\
# The stack's configuration

`Pulumi.<stack>.yaml` says what the environment is, under `config:`, each key with the prefix
`foundry-tune:`. `Pulumi.dev.yaml` is one to copy. Every mistake is told at once, before anything
is asked of Azure.

```yaml
config:
"""

FOOT = """\
## Which project a command works in

`foundry-tune` takes subscription, resource group and project, each by itself, from the first of
these that names it:

1. flags: `--subscription`, `-g`, `-w`
2. the environment: `AZURE_SUBSCRIPTION_ID`, `AZURE_RESOURCE_GROUP`, `AZURE_PROJECT`, or the
   variables that Azure ML sets in a job
3. what is nearest in the spec's own folder or above it: `.azureml/config.json`, then the outputs
   of the stack that is selected where `Pulumi.yaml` lies (`--stack` names another)
4. the same from the current folder, only if above the spec nobody names anything

So a spec may be planned from anywhere, as in `plan ~/support/specs/tone.yaml`. A name in Azure
instead of a spec is looked for from the current folder. Specs of two targets in one command
are refused, and folders that everybody shares, such as `/tmp`, are not looked into.
`foundry-tune doctor SPEC` shows every place and what it says.

## Developers that are a group

With `principalType: Group`, who joins the group may fine-tune, and who leaves it no longer may;
the stack stays as it is. To rehearse such a stack, put the emulator's developer into the group
before or after `pulumi up`: `foundry-emulator group add OBJECT-ID`. Until then `foundry-tune plan`
is refused as it is for anybody outside of the group. `foundry-tune doctor` shows which role comes
through which group.

## Who may do what

`developers` may do all that fine-tuning takes, `access` gives parts of it, and `identities` let
pipelines sign in without a secret. What each set may do, and why: [access.md](access.md).

## Profiles

| file | for | beside `Pulumi.dev.yaml` |
| --- | --- | --- |
| `Pulumi.dev.yaml` | rehearsals, first steps | |
| `infra/profiles/dev.yaml` | first steps in your own subscription | no salt of rehearsals |
| `infra/profiles/standard.yaml` | a team | budget, locks, diagnostics, alerts, required tags |
| `infra/profiles/private.yaml` | what stays private | as standard; private networks |

Copy one to `Pulumi.<stack>.yaml`, or let `foundry-tune init` write a repository around it. A stack
is one hub in one region: for several hubs or regions make a stack each (`pulumi stack init NAME`);
one file that names several is refused.

## Bring your own

`existing` names by id what is used instead of made: the resource group, storage, key vault, AI
Services and hub, Application Insights and a container registry for a hub that is made. Each alone
or all together, in any resource group of the subscription. With a hub its storage and vault come
along by themselves, and several stacks may each have their projects in it.

What exists is read, and nothing else: it isn't in Pulumi's state, so no `up` or `destroy` changes,
replaces or deletes it, and it gets no tag, lock, diagnostic setting or private endpoint. Beside it
are made: role assignments on it (developers, the projects' identities, and the hub's where one of
the two is made; not above it), the projects in a hub, each with its own connection to AI Services,
and in a resource group all the rest: roles, custom roles and `budget` then hold for all of that
group. In a storage account projects have containers, which stay, with the training data, when a
project goes.

A preview tells, all at once, what can't be used: an id that isn't there or can't be read (Reader is
enough), one of another subscription, storage, vault, AI Services or hub in another region than
`location`, a project instead of a hub, something else than the hub has. `publicNetworkAccess:
Disabled` and `network` are for what is made; a preview warns of what stays open, and
`network.isolation` with a hub that exists is refused.

Who runs `pulumi up` assigns roles on what exists: that takes Role Based Access Control
Administrator there, which `may: up` gives in the stack's resource group only. Azure gives nobody a
role twice in one place (`RoleAssignmentExists`): who of `developers` and `access` has it there by
another assignment, or another stack's, keeps that one, which no `up` or `destroy` touches, and `up`
says so with the command after which the stack would keep it. Once that assignment is gone, the next
`up` makes the stack's own.

## Locks and protection

`locks` is Azure's: nobody deletes hub, vault, AI Services and storage, or the group around them,
whoever asks (`ScopeLocked`). Projects aren't locked, since endpoints and models in them come and
go. `pulumi destroy` deletes the locks first. A lock also keeps the role assignments at what it
holds: to take a person out of `developers`, set `locks: false` and remove the person in the same
`pulumi up`, then set `locks: true` and run it again.

`protect` is Pulumi's: `pulumi destroy`, and a change that would replace one of the four, are
refused until a `pulumi up` with `protect: false`. Use both in production.

A budget's month is that of its first `pulumi up`. It sends e-mails and stops nothing.

## Alerts

`alerts` makes an action group that sends e-mails, and rules for it: on models behind the AI
Services account, every 5 minutes over the last 15, `ModelRequests` that ended with 429 or 5xx,
`TimeToLastByte` on average, and `RAIRejectedRequests`; and on the activity log, that a serverless
endpoint was made, which is billed by the hour from then on, or deleted.

Azure Monitor publishes no metric of a serverless endpoint, so there is no rule on the errors,
latency or refusals of one, and an `idle` rule is refused. `foundry-tune monitor NAME` asks Azure
what it has of an endpoint and tells what it doesn't: run it on a schedule.

## What Azure keeps

A deleted vault, AI Services account, hub or project stays in Azure's bin for days, and its name
taken.

A stack of rehearsals sets `purgeOnDestroy`: what is deleted is purged, also by a change that
replaces it, such as another `workload`. If somebody deleted the resource group meanwhile, make
it again (`az group create`) and run `pulumi destroy` again.

Production leaves that out. A stack that was destroyed comes back with `recoverDeleted: true`
and `pulumi up`: a hub and its projects are recovered and then imported, which the plan shows as
`=`. An `up` that is killed in between says the next time `cannot create already existing
resource`: delete that hub or project in Azure (it goes back to the bin), then `pulumi refresh`
and `pulumi up`.
"""


def page() -> str:
    """The whole page."""
    lines = [HEAD.rstrip()]
    for key in KEYS.values():
        first, *rest = key.example.splitlines()
        lines.append(f"  foundry-tune:{first}")
        lines += [f"  {line}" for line in rest]
    lines += ["```", "", "| key | | allowed | default |", "| --- | --- | --- | --- |"]
    lines += [f"| `{n}` | {k.what} | {k.allowed} | {k.default} |" for n, k in KEYS.items()]
    return "\n".join([*lines, "", FOOT.rstrip()]) + "\n"
