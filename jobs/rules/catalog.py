"""Rules about models, regions, dates and prices: what the catalogue knows."""

from jobs.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "FT-C001", "warning", "A model the catalogue does not know",
        "Regions, retirement, ranges and price can't be checked. They may be all right.",
        "model: azureml://registries/azureml/models/Phi-4-mini-instrukt",
        "model: azureml://registries/azureml/models/Phi-4-mini-instruct",
    ),
    Rule(
        "FT-C002", "error", "A model that is not fine-tuned serverless",
        "The service's table of models says `not available` in every region.",
        "model: azureml://registries/azureml/models/Phi-4-reasoning",
        "Choose a model of the list, or bring your own compute.",
    ),
    Rule(
        "FT-C003", "error", "A retired model",
        "Azure takes no new job (or endpoint) for it. A retired model's endpoints answer 404.",
        "model: azureml://registries/azureml/models/Phi-3-mini-4k-instruct    # retired 2025-08-30",
        "Use its successor, or rehearse the past: foundry-emulator run --date 2025-06-01 -- …",
    ),
    Rule(
        "FT-C004", "warning", "A model that retires soon",
        "What is trained now may be served for a few months only.",
        "a model that Azure retires within 120 days",
        "Start with its successor.",
    ),
    Rule(
        "FT-C005", "error", "A region that does not have the model",
        "Azure would refuse with ServerlessModelNotAvailableInRegion, after everything is set up.",
        "location: westeurope    # for Phi-4-mini-instruct",
        "location: eastus2",
    ),
    Rule(
        "FT-C006", "note", "A region nobody has confirmed",
        "No source says where this model is available, so the region is unverified.",
        "location: swedencentral    # for a fine-tuned Phi-4",
        "Try it early, with `foundry-tune plan`.",
    ),
    Rule(
        "FT-C007", "error", "A learning rate outside the model's range",
        "The model's registry entry gives the range; beyond it the service refuses the job, after "
        "the data is uploaded.",
        "learning_rate: 1e-3    # Phi-3.5-mini-instruct has 2e-6 to 2e-4",
        "learning_rate: 2e-5",
    ),
    Rule(
        "FT-C008", "error", "Hyperparameters outside the portal's range",
        "The portal takes 1 to 10 epochs and batches of 1 to 32. Beyond that nobody has promised "
        "anything, and a refusal would come after the data is uploaded. Whoever knows that the "
        "service takes it silences the rule.",
        "hyperparameters: {epochs: 25}",
        "hyperparameters: {epochs: 5}",
    ),
    Rule(
        "FT-C009", "warning", "A model name that the service rewrites",
        "It registers names of letters, digits and dashes only and puts a dash for anything "
        "else, so the "
        "model is not found by the name that you gave.",
        "outputs: {registered_model: {name: xbox_support.v2}}",
        "outputs: {registered_model: {name: xbox-support-v2}}",
    ),
    Rule(
        "FT-C010", "error", "A version where none is allowed",
        "A serverless endpoint takes a catalogue model without its version; azure-ai-ml 1.35.2 "
        "refuses one.",
        "model: azureml://registries/azureml/models/Phi-4-mini-instruct/versions/1    # in an "
        "endpoint",
        "model: azureml://registries/azureml/models/Phi-4-mini-instruct",
    ),
    Rule(
        "FT-C011", "error", "A task that the model does not learn",
        "The model's registry entry names the tasks that it can be fine-tuned for.",
        "task: text_completion    # Phi models learn chat_completion only",
        "task: chat_completion",
    ),
    Rule(
        "FT-C012", "warning", "An unknown price under a budget",
        "A budget that is to cover everything can't be held against a price that nobody "
        "published. `cost` and `apply` refuse with exit code 5.",
        "budget: {max_usd: 20, covers: everything}    # and no hosting price for the model",
        "budget: {max_usd: 20, prices: {hosting_per_hour: 0.8, source: portal, as_of: 2026-11-23}}"
        "\nor, for all specs, a prices.yaml above them",
    ),
    Rule(
        "FT-C013", "error", "Over budget",
        "Even the lower end of the estimate is more than the budget allows (exit code 5 in `cost` "
        "and `apply`).",
        "budget: {max_usd: 1}    # for 3 million tokens",
        "Fewer epochs, fewer tokens, or a larger budget.",
        False,
    ),
)  # fmt: skip
