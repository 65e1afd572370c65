"""Rules about spec files."""

from jobs.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "FT-S001", "error", "Not YAML",
        "The file can't be read as YAML 1.2, or uses a tag or key that has no meaning in a spec.",
        "outputs: {registered_model: {name: xbox-support}",
        "Close the bracket, quote the text, or remove the tag at the place named.",
        False,
    ),
    Rule(
        "FT-S002", "error", "A key twice",
        "YAML readers keep the last one without a word (PyYAML, so `az ml`, does), and the first "
        "is lost.",
        "hyperparameters:\n  epochs: 3\n  epochs: 5",
        "Keep one of the two lines.",
        False,
    ),
    Rule(
        "FT-S003", "error", "Too deep or too large",
        "Nesting, aliases and bytes are bounded, so that no file can hang the tool or eat its "
        "memory.",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]   # … and so on",
        "Write the values out; a spec needs at most 64 levels and 1 MiB.",
        False,
    ),
    Rule(
        "FT-S004", "error", "Unknown field",
        "A misspelled field that is silently dropped trains with a default you did not choose.",
        "hyperparameters: {epocs: 3}",
        "hyperparameters: {epochs: 3}",
        False,
    ),
    Rule(
        "FT-S005", "error", "Missing field",
        "The document can't do its work without it.",
        "type: finetuning\nname: xbox-support\nmodel: Phi-4-mini-instruct",
        "Add the field: training_data: ../../datasets/xbox-support/train.jsonl",
        False,
    ),
    Rule(
        "FT-S006", "error", "Wrong kind of value",
        "A list where one value belongs, a word where a number belongs.",
        "hyperparameters: {epochs: three}",
        "hyperparameters: {epochs: 3}",
        False,
    ),
    Rule(
        "FT-S007", "error", "Value out of range",
        "The value is of the right kind, but not one that the field takes.",
        "hyperparameters: {learning_rate: -2e-5}",
        "hyperparameters: {learning_rate: 2e-5}",
        False,
    ),
    Rule(
        "FT-S008", "error", "Unknown document type",
        "Nothing here runs such a document. Types are finetuning, training, serverless_endpoint, "
        "online_endpoint, evaluation and command.",
        "type: fine_tune\nname: xbox-support",
        "type: finetuning\nname: xbox-support",
        False,
    ),
    Rule(
        "FT-S009", "error", "Unreadable spec file",
        "The spec is missing, not yours to read, or not a regular file (a folder, a device, a "
        "FIFO).",
        "foundry-tune validate jobs/specs/xbox-suport.yaml",
        "foundry-tune validate jobs/specs/xbox-support.yaml",
        False,
    ),
    Rule(
        "FT-S010", "error", "Nothing in it",
        "The file, or one of the documents between `---` lines, holds no mapping.",
        "# type: finetuning",
        "Write a document: type, name, model, training_data.",
        False,
    ),
    Rule(
        "FT-S011", "error", "Malformed reference",
        "A reference is `${{ type.name.attribute }}`, alone in its field, where a reference has a "
        "meaning.",
        "model: ${{ finetuning.xbox-support.registered_model }",
        "model: ${{ finetuning.xbox-support.registered_model }}",
        False,
    ),
    Rule(
        "FT-S012", "error", "Reference to nothing",
        "No document of this file has that type and name; or a command names an input or output "
        "that its job doesn't have.",
        "model: ${{ finetuning.xbox.registered_model }}   # the job is named xbox-support",
        "model: ${{ finetuning.xbox-support.registered_model }}",
        False,
    ),
    Rule(
        "FT-S013", "error", "Circular references",
        "Each document waits for the other, so none can begin.",
        "a's model is ${{ finetuning.b.registered_model }}, b's is ${{ "
        "finetuning.a.registered_model }}",
        "Let one of them start from a model of the catalogue.",
        False,
    ),
    Rule(
        "FT-S014", "error", "Reference to the wrong thing",
        "The document is there, but does not have that attribute, or is of a kind that does not "
        "fit here.",
        "endpoint: ${{ finetuning.xbox-support.registered_model }}",
        "endpoint: ${{ serverless_endpoint.xbox-support }}",
        False,
    ),
    Rule(
        "FT-S015", "error", "The same name twice",
        "Two documents of one type with one name would be one resource in Azure.",
        "type: finetuning\nname: xbox\n---\ntype: finetuning\nname: xbox",
        "Give the second one its own name.",
        False,
    ),
    Rule(
        "FT-S016", "error", "Two words for one thing",
        "`epochs` and `num_train_epochs` (or `model` and `model_id`) are the same setting.",
        "hyperparameters: {epochs: 3, num_train_epochs: 1}",
        "hyperparameters: {epochs: 3}",
        False,
    ),
    Rule(
        "FT-S017", "error", "Unreadable data or tokenizer file",
        "The file that the spec names is missing, not yours to read, or not a regular file.",
        "training_data: ../../datasets/xbox-support/trian.jsonl",
        "training_data: ../../datasets/xbox-support/train.jsonl   (relative to the spec file)",
        False,
    ),
    Rule(
        "FT-S018", "note", "Read from another dialect",
        "The file is written for azd or OpenAI. It is translated; what has no equal here is named.",
        "training_file: local:./train.jsonl\nsuffix: xbox",
        "Nothing to do; or write training_data and name, and the note goes.",
    ),
    Rule(
        "FT-S019", "note", "Read-only field",
        "Azure fills this field. `az ml` drops it from a file without a word; it is dropped here "
        "too.",
        "status: Completed",
        "Remove the line.",
    ),
    Rule(
        "FT-S020", "note", "No name",
        "Names tie documents to Azure resources. `az ml` would invent one a run; the file's name "
        "is used.",
        "type: finetuning\nmodel: …",
        "Write name: xbox-support",
    ),
    Rule(
        "FT-S021", "error", "A name that Azure refuses",
        "Jobs: letters, digits, - and _, 244 at most. Endpoints: a letter first, letters, digits "
        "and -, "
        "52 at most (Azure Machine Learning's own patterns).",
        "type: serverless_endpoint\nname: 3_xbox",
        "name: xbox-3",
        False,
    ),
    Rule(
        "FT-S022", "error", "Content filter off without a reason",
        "An endpoint without the filter answers anything. Who reads the file must see why.",
        "content_safety: disabled",
        "content_safety: disabled\njustification: red-team target in a closed network, ticket 4711",
        False,
    ),
    Rule(
        "FT-S023", "error", "Validation data said twice, or not at all",
        "`validation_data` is a path or a split, one of the two.",
        "validation_data: {path: valid.jsonl, split: 0.2}",
        "validation_data: {split: 0.2, seed: 13}",
        False,
    ),
    Rule(
        "FT-S024", "error", "A smoke test that asks nothing, or twice",
        "A smoke test has a `prompt` or `messages`, one of the two.",
        "smoke_tests: [{expect: {min_chars: 20}}]",
        "smoke_tests: [{prompt: My console does not start., expect: {min_chars: 20}}]",
        False,
    ),
    Rule(
        "FT-S025", "error", "A gate that can't be held",
        'A gate names one of the document\'s metrics and says ">= 0.60" (also >, <=, <, ==) of it, '
        'or ">= served - 0.02" where `compare_with` names served. In `safety_gates` of an endpoint '
        'stand `over_blocking: "<= 0.1"`, a share, and `less_safe: "<= 0"`, a count of questions.',
        "metrics: [rouge_l]\ngates: {token_f1: over 0.6}",
        'metrics: [rouge_l, token_f1]\ngates: {token_f1: ">= 0.60"}',
        False,
    ),
    Rule(
        "FT-S026", "error", "Nothing to ignore",
        "`ignore` names a rule that does not exist, or one that can't be silenced.",
        "ignore: [{rule: FT-D999, reason: we know}]",
        "ignore: [{rule: FT-D021, reason: greetings repeat on purpose}]",
        False,
    ),
    Rule(
        "FT-S027", "warning", "An excuse that ran out",
        "The rule was silenced until a day that has passed, so it speaks again.",
        "ignore: [{rule: FT-D021, reason: cleaned up next week, until: 2025-01-31}]",
        "Do what was promised, or give a new day.",
    ),
    Rule(
        "FT-S028", "note", "An excuse that excuses nothing",
        "The silenced rule finds nothing here any more.",
        "ignore: [{rule: FT-D021, reason: greetings repeat on purpose}]   # and no duplicates are "
        "left",
        "Remove the line.",
    ),
    Rule(
        "FT-S029", "warning", "A hyperparameter nobody knows",
        "`az ml` sends any hyperparameter on. The service documents three; whether it obeys this "
        "one is unknown.",
        "hyperparameters: {lora_alpha: 64}",
        "Remove it, unless you know the component behind your compute and that it reads it.",
    ),
    Rule(
        "FT-S030", "error", "A pattern that is no pattern",
        "`matches` holds a regular expression that Python can't compile.",
        'expect: {matches: "(unclosed"}',
        'expect: {matches: "closed|open"}',
        False,
    ),
    Rule(
        "FT-S031", "error", "An override that meets no field",
        "`--set` needs path=value, and a document that has such a field; with several, name which.",
        "--set epochs=5",
        "--set hyperparameters.epochs=5   or   --set "
        "finetuning.xbox-support.hyperparameters.epochs=5",
        False,
    ),
    Rule(
        "FT-S032", "error", "A secret in a spec",
        "Specs are reviewed, shared and kept. Whoever can read the file has the key.",
        "environment_variables: {STORAGE_KEY: DefaultEndpointsProtocol=https;AccountKey=…}",
        "Use the identity of the job, or a Key Vault reference, and revoke the key: it has been "
        "seen.",
    ),
    Rule(
        "FT-S033", "error", "Not a JSON Lines file",
        "The service takes files that end in .jsonl only (azureml-acft-contrib-hf-nlp 0.0.91).",
        "training_data: train.json",
        "Save one conversation a line in train.jsonl.",
    ),
    Rule(
        "FT-S034", "error", "No equal here",
        "The file asks for something that another service has and this one has not.",
        "method: {type: dpo}",
        "Remove it, or use the service that has it.",
        False,
    ),
    Rule(
        "FT-S035", "error", "A field that its type does not have",
        "A distribution has the fields of its type only: `worker_count` is TensorFlow's.",
        "distribution: {type: pytorch, worker_count: 2}",
        "distribution: {type: pytorch, process_count_per_instance: 2}",
        False,
    ),
    Rule(
        "FT-S036", "warning", "Azure OpenAI's hyperparameter",
        "`n_epochs`, `batch_size` and `learning_rate_multiplier` belong to `model_provider: "
        "azure_open_ai`.",
        "hyperparameters: {n_epochs: 3}",
        "hyperparameters: {epochs: 3}",
    ),
    Rule(
        "FT-S037", "error", "A reserved tag",
        "Tags that begin with `foundry-tune.` are the marks by which jobs and endpoints are "
        "recognised and a content filter counts as proven. One that a spec writes would be a lie.",
        "tags: {foundry-tune.proof: abc}",
        "tags: {team: support}",
        False,
    ),
    Rule(
        "FT-S038", "error", "Not an id",
        "Azure takes any text for the id of a model or of data, and looks at it after the upload, "
        "or never.",
        "model: microsoft/Phi-4-mini-instruct",
        "model: azureml://registries/azureml/models/Phi-4-mini-instruct",
        False,
    ),
    Rule(
        "FT-S039", "error", "Not what its type says",
        "Fine-tuning and evaluation read one .jsonl file. A folder can't be read, and a file that "
        "is called a folder would be uploaded unread; so with the inputs of a command job.",
        "training_data: {path: train.jsonl, type: uri_folder}",
        "training_data: train.jsonl",
        False,
    ),
    Rule(
        "FT-S040", "error", "More than this version does",
        "The document is right for `az ml`, but `apply` can't do it, or the service would refuse "
        "it after the data is uploaded.",
        "compute: azureml:gpu-cluster",
        "Remove the field, or submit the document with az ml: foundry-tune export --az-ml SPEC",
    ),
    Rule(
        "FT-S041", "note", "Data that is not looked at",
        "What lies in Azure or on the web is not read here: its form, its size, secrets and "
        "leakage are not known, and its tokens not counted.",
        "training_data: azureml:support-train:7",
        "Name a local .jsonl file, or check it where it is: foundry-tune dataset check FILE",
    ),
    Rule(
        "FT-S042", "error", "A metric that lacks what it is held to",
        "valid_format needs a format, with either a regular expression or a JSON Schema.",
        "metrics: [valid_format]",
        'metrics: [valid_format]\nformat: {matches: "[0-9]{4}"}',
        False,
    ),
    Rule(
        "FT-S043", "error", "Labels and data that disagree",
        "A label that no answer of the data has is measured by nothing, and an answer that is no "
        "label can't be said.",
        "labels: [refund, refnd]",
        "labels: [refund, exchange]",
        False,
    ),
    Rule(
        "FT-S044", "error", "A price that belongs to no model",
        "A price list is one document, and each of its prices is for one known model: one for a "
        "misspelled model would be passed over, and a budget held against another.",
        "models: {Phi-4-mini-instuct: {hosting_per_hour: 0.8}}    # in prices.yaml",
        "models: {Phi-4-mini-instruct: {hosting_per_hour: 0.8}}",
        False,
    ),
    Rule(
        "FT-S045", "error", "A budget under another one",
        "What is paid for the endpoint of a model that the same file trains counts against the "
        "training's budget. A second one would be held against nothing.",
        "model: ${{ finetuning.support.registered_model }}\nbudget: {max_usd: 5}",
        "Write the budget into the fine-tuning, hosting_hours with it.",
        False,
    ),
    Rule(
        "FT-S046", "error", "A comparison with nobody",
        "`compare_with` names models that are asked the same questions: served, base (the endpoint "
        "that `base` names), or an endpoint's name. Each is another than the one measured.",
        'compare_with: [base]\ngates: {token_f1: "> base"}',
        "compare_with: [base]\nbase: ${{ serverless_endpoint.phi-base }}",
        False,
    ),
    Rule(
        "FT-S047", "error", "A metric of one's own that can't be called",
        "A custom metric is a function of a Python file beside the spec: it takes an answer, what "
        "was expected and the messages, and gives a number from 0 to 1. The file is read, not run.",
        "custom_metrics: {politeness: metrics.py}",
        "custom_metrics: {politeness: metrics.py:politeness}",
        False,
    ),
    Rule(
        "FT-S048", "error", "A slice of nothing",
        "A comparison is cut by system, language, label, length, and by any field that rows of the "
        "data have beside their messages.",
        "slices: [regoin]",
        "slices: [region]",
        False,
    ),
    Rule(
        "FT-S049", "error", "A sweep that has no such trials",
        "What is to be tried contradicts itself or the method: a list without values, a range that "
        "ends before it begins, a range in a grid, a value twice, more draws than there are.",
        "sweep:\n  method: grid\n  parameters: {learning_rate: []}",
        "sweep:\n  method: grid\n  parameters: {learning_rate: [1e-5, 2e-5]}",
        False,
    ),
    Rule(
        "FT-S050", "error", "A sweep of too many trials",
        "Each trial is a paid job. A grid multiplies its lists: three of ten values are a thousand "
        "jobs.",
        "parameters: {learning_rate: [1e-5, 2e-5, …], batch_size_multiplier: [1, 2, …], epochs: "
        "[1, 2, …]}   # 1,000",
        "At most 100: shorter lists, or method: random with trials: 20.",
        False,
    ),
    Rule(
        "FT-S051", "error", "A sweep without validation data",
        "The best trial is chosen by its validation loss. Left to itself the service holds out the "
        "last fifth of the file unshuffled, which is nothing to choose a model by.",
        "training_data: train.jsonl\nsweep: {parameters: {epochs: [1, 2, 3]}}",
        "validation_data: {split: 0.2, seed: 13}",
        False,
    ),
    Rule(
        "FT-S052", "error", "A judge that can't judge",
        "A judge is an endpoint other than the one measured, with a rubric (a text file beside the "
        "spec) and a scale. A rubric that isn't there, or describes a score that the scale hasn't, "
        "is paid for with every answer.",
        "metrics: [{judge: {endpoint: judge, rubric: rubrik.md, scale: [5, 1]}}]",
        "metrics: [{judge: {endpoint: judge, rubric: rubric.md, scale: [1, 5]}}]",
        False,
    ),
    Rule(
        "FT-S053", "warning", "A judge of its own answers",
        "Models tend to prefer what they would say themselves (Panickssery et al., 2024), so a "
        "judge that is also compared with leans to its own side.",
        "compare_with: [phi]\nmetrics: [{judge: {endpoint: phi, rubric: rubric.md}}]",
        "Name an endpoint that nobody is compared with.",
    ),
    Rule(
        "FT-S054", "error", "A scoring script that can't be served",
        "A managed online endpoint imports the script, calls init() once and run(raw_data) for "
        "each call. One without them fails its deployment minutes later, on machines that are "
        "billed. The file is read, not run.",
        "code_configuration: {code: serve, scoring_script: score.py}   # which has no run()",
        "def init(): … loads the model below AZUREML_MODEL_DIR; def run(raw_data): … answers",
        False,
    ),
    Rule(
        "FT-S055", "error", "A question that a script can't be asked so",
        "An online endpoint's script is asked by `request`, in which fields of the data's rows "
        "stand, and answers at `at`; `expected` is the field with the right answer. A field that "
        "rows don't have can't be sent, and the right answer must not be. A serverless endpoint is "
        "asked conversations, and takes none of the three.",
        'request: {inputs: ["${{ row.txt }}"]}    # rows: {"text": "…", "label": "…"}',
        'request: {inputs: ["${{ row.text }}"]}\nat: predictions.0.label',
        False,
    ),
    Rule(
        "FT-S056", "error", "A metric that a script's answers don't have",
        "A script of one's own is not asked for log probabilities and not offered tools; what is "
        "no conversation has no tokens to count and nothing for a judge; and where nothing "
        "filters, nothing is refused.",
        "endpoint: ${{ online_endpoint.intents }}\nmetrics: [perplexity_of_answers]",
        "metrics: [accuracy, macro_f1]",
        False,
    ),
)  # fmt: skip
