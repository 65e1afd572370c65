"""Rules of plans: what of Azure, and of what was done before, stands in the way of an apply."""

from jobs.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "FT-R001", "error", "A resource provider that isn't registered",
        "Azure would refuse the first call that takes it. Registering takes a right over the whole "
        "subscription (exit code 4).",
        "Microsoft.Network is NotRegistered",
        "Let the platform team run: pulumi up",
        False,
    ),
    Rule(
        "FT-R002", "error", "A right that you haven't",
        "Halfway through, Azure would refuse what a role of yours doesn't allow (exit code 4). Who "
        "may only look can plan, and apply refuses.",
        "you may not submit jobs (missing: …/workspaces/jobs/write)",
        "foundry-tune doctor    # shows the role, the scope and the command that gives it",
        False,
    ),
    Rule(
        "FT-R003", "error", "A quota that is used up",
        "The subscription takes no more jobs or endpoints of this kind in the region (exit code "
        "4).",
        "quota is used up: serverless endpoints 5 of 5",
        "Delete what you don't need (foundry-tune status), or ask Azure for more.",
        False,
    ),
    Rule(
        "FT-R004", "error", "An evaluation of an endpoint that isn't there",
        "No document makes the endpoint that it asks, and none of that name is served (exit code "
        "4).",
        "endpoint: xbox-suport    # an evaluation's, where the document is called xbox-support",
        "Add a serverless_endpoint document of this name, or correct the name.",
        False,
    ),
    Rule(
        "FT-R005", "error", "A month whose money is spent",
        "The cap of a document or of the policy leaves nothing for another endpoint (exit code 4).",
        "cap: {usd_per_month: 50}    # and 50.20 USD are spent this month",
        "Wait for the next month, or raise the cap.",
        False,
    ),
    Rule(
        "FT-R006", "error", "A cap over a price that nobody knows",
        "Without a price for an hour, what an endpoint costs can't be held to anything (exit code "
        "4 of a plan, 5 of watch).",
        "cap: {usd_per_month: 50}    # for a model whose hosting nobody published a price of",
        "Write the price you know into prices.yaml or budget.prices.",
        False,
    ),
    Rule(
        "FT-R007", "error", "A training that ended without a model",
        "Its job failed, was canceled, or its model was deleted; a finished job can't register "
        "again. It is never trained, and paid, once more without a word (exit code 4).",
        "finetuning 'support-0a1b2c3d4e' ended as Failed.",
        "foundry-tune apply SPEC --retrain",
        False,
    ),
    Rule(
        "FT-R008", "error", "A sweep of which no trial has finished",
        "There is no best one, so nothing is registered or served (exit code 4).",
        "model 'support' can't be chosen: none of 6 trials has finished with a validation loss.",
        "foundry-tune apply SPEC --retrain",
        False,
    ),
    Rule(
        "FT-R009", "error", "A model that has failed what is asked of it",
        "It was refused by a smoke test, a probe or a gate before, and asking it the same again "
        "would cost the same again (exit code 7 where it is all there is to do).",
        "endpoint 'support-0a1b2c3d4e' was refused on 2026-11-28: token_f1 is 0.412, not >= 0.6",
        "Train longer or on more data, or change what is asked. To ask once more: --retry-refused",
        False,
    ),
    Rule(
        "FT-R010", "error", "A name that is somebody else's in Azure",
        "An endpoint or a connection of this name is there, and foundry-tune didn't make it: it is "
        "never changed (exit code 4).",
        "endpoint 'support' is there, and foundry-tune didn't make it.",
        "Give the endpoint in the spec another name, or delete the one in Azure.",
        False,
    ),
    Rule(
        "FT-R011", "error", "A revision that was rolled back from",
        "No apply promotes what somebody took back by hand (exit code 4).",
        "connection 'support' was rolled back from support-0a1b2c3d4e to support-9f8e7d6c5b.",
        "Change the spec, or serve it after all: foundry-tune promote NAME",
        False,
    ),
    Rule(
        "FT-R012", "error", "Uploaded data that isn't what its name says",
        "The file in the project's storage has another hash than the one that its version is "
        "called after, or is gone (exit code 4).",
        "data 'support-train:0a1b2c3d4e' was changed in the storage",
        "foundry-tune apply SPEC --verify-data    # uploads it anew",
        False,
    ),
    Rule(
        "FT-R013", "error", "An online endpoint that can't become what the spec says",
        "Azure doesn't change how an online endpoint is signed in to, and one that failed or is "
        "being deleted takes no deployment (exit code 4).",
        "online_endpoint 'intents' takes Key, and Azure doesn't change that to AADToken",
        "foundry-tune down intents    # then apply makes it anew",
        False,
    ),
    Rule(
        "FT-R014", "error", "A model that the project doesn't have",
        "A deployment serves a registered model: without one a machine would be paid for nothing "
        "(exit code 4).",
        "deployment 'intents/r0a1b2c3d4e' has no model: the project has no 'intents:7'",
        "foundry-tune list models    # and correct name and version",
        False,
    ),
    Rule(
        "FT-R015", "error", "A version of an environment that is made of something else",
        "Versions are never changed: a job of this version would run in another environment than "
        "the spec's (exit code 4).",
        "environment 'count-environment:1' is there already, and made of something else",
        "Give it another version, or leave the version out: its content names it.",
        False,
    ),
)  # fmt: skip
