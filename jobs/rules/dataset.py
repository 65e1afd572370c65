"""Rules about data files."""

from jobs.rules.rule import Rule

_SKIPPED = (
    "The service skips such a line with a warning in a log that nobody reads "
    "(azureml-acft-contrib-hf-nlp 0.0.91), so the model never sees it."
)

RULES: tuple[Rule, ...] = (
    # ── the file ──
    Rule(
        "FT-D002", "error", "Nothing in the file",
        "There is no conversation that the service would train on.",
        "an empty train.jsonl",
        "Write one conversation a line.",
        False,
    ),
    Rule(
        "FT-D003", "error", "Not UTF-8",
        "The service opens the file as UTF-8 and fails the whole job at the first bad byte.",
        "a file saved as Windows-1252: caf\\xe9",
        "Save it as UTF-8: iconv -f WINDOWS-1252 -t UTF-8 train.jsonl",
        False,
    ),
    Rule(
        "FT-D004", "note", "Byte order mark",
        "Harmless to the service, which reads UTF-8 with or without one; some tools trip over it.",
        "\\xef\\xbb\\xbf{\"messages\": …",
        "Nothing to do; `foundry-tune dataset fix` removes it.",
    ),
    Rule(
        "FT-D005", "note", "Windows line ends",
        "Harmless to the service. A file that is edited on two systems changes its hash for "
        "nothing.",
        "lines that end in \\r\\n",
        "Nothing to do; `foundry-tune dataset fix` writes \\n.",
    ),
    Rule(
        "FT-D006", "error", "A line of many megabytes",
        "No conversation has 16 MiB. Usually a JSON array, or a file whose line ends were lost.",
        "[{\"messages\": …}, {\"messages\": …}, … ] in one line",
        "Write one conversation a line: jq -c '.[]' train.json > train.jsonl",
        False,
    ),
    Rule(
        "FT-D007", "error", "Too large for the service",
        "Files have to be smaller than 512 MB (fine-tune-serverless.md, 2026-01-28).",
        "a train.jsonl of 700 MB",
        "Train on a sample; beyond some thousand good conversations more of the same adds little.",
    ),
    Rule(
        "FT-D008", "warning", "Blank line",
        _SKIPPED,
        "a line with nothing or spaces in it",
        "Remove it; `foundry-tune dataset fix` does.",
    ),
    # ── a line ──
    Rule(
        "FT-D009", "error", "Not JSON",
        _SKIPPED,
        '{"messages": [{"role": "user", "content": "Hi"}]',
        '{"messages": [{"role": "user", "content": "Hi"}]}',
    ),
    Rule(
        "FT-D010", "error", "Not a conversation",
        _SKIPPED,
        '{"prompt": "Hi", "completion": "Hello"}',
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": '
        '"Hello"}]}',
    ),
    Rule(
        "FT-D011", "error", "Not a role",
        "Roles are system, user, assistant and tool. A chat template renders another one wrongly "
        "or not at all.",
        '{"role": "asistant", "content": "Hello"}',
        '{"role": "assistant", "content": "Hello"}',
    ),
    Rule(
        "FT-D012", "error", "A message without its parts",
        _SKIPPED,
        '{"role": "user", "text": "Hi"}',
        '{"role": "user", "content": "Hi"}',
    ),
    Rule(
        "FT-D013", "error", "An empty message",
        "An empty answer teaches the model to say nothing.",
        '{"role": "assistant", "content": " "}',
        "Write the answer, or remove the conversation.",
    ),
    Rule(
        "FT-D014", "error", "A system message out of place",
        "Chat templates put the system message first, once. Elsewhere it is dropped or misread.",
        "roles: user, system, assistant",
        "roles: system, user, assistant",
    ),
    Rule(
        "FT-D015", "error", "Turns that do not alternate",
        "Templates of the Phi family expect user and assistant in turns.",
        "roles: user, user, assistant",
        "Join the two user messages into one.",
    ),
    Rule(
        "FT-D016", "error", "The assistant has not the last word",
        "Only the assistant's messages are learnt from; what follows the last of them is for "
        "nothing.",
        "roles: system, user, assistant, user",
        "Add the answer, or remove the last question; `foundry-tune dataset fix` does.",
    ),
    Rule(
        "FT-D017", "note", "Fields that are not used",
        "The service drops every column but messages and tools, and every message field it does "
        "not "
        "know: `weight` does not weigh.",
        '{"role": "assistant", "content": "Hello", "weight": 0}',
        "Nothing to do, unless you rely on them.",
    ),
    Rule(
        "FT-D018", "error", "A tool call out of form",
        "The chat template writes a call from its name and its arguments; what is not there, or "
        "is no JSON, is learnt as it stands, and the model calls nothing that can be run.",
        '{"tool_calls": [{"id": "a", "function": {"name": "stock", "arguments": {"part": 1}}}]}',
        'Give each call an id, a name that `tools` declares, and arguments as text: '
        '"{\\"part\\": 1}".',
        False,
    ),
    Rule(
        "FT-D019", "error", "Characters that are none",
        "Half of a surrogate pair is no Unicode character, and control characters are seldom "
        "meant.",
        '{"role": "user", "content": "\\\\ud83d hello"}',
        "Find what cut the text in the middle of a character; remove it.",
    ),
    Rule(
        "FT-D020", "warning", "Text that was decoded wrongly",
        "UTF-8 read as Windows-1252 gives `Ã©` for `é`, and U+FFFD stands for lost bytes. The "
        "model "
        "learns to write it.",
        '{"role": "user", "content": "cafÃ© fermÃ©"}',
        "Read the source as UTF-8 and make the file anew.",
    ),
    # ── repetition ──
    Rule(
        "FT-D021", "warning", "The same conversation twice",
        "A repeated conversation weighs twice, and is learnt by heart first.",
        "two equal lines (spacing and \\\\u escapes make no difference)",
        "Remove one; `foundry-tune dataset fix` does.",
    ),
    Rule(
        "FT-D022", "warning", "Nearly the same conversation",
        "Conversations that share most of their words weigh as repeats do.",
        "two conversations that differ in a name",
        "Keep the best one, or several only where the difference is what has to be learnt.",
    ),
    Rule(
        "FT-D023", "warning", "One question, different answers",
        "The model learns to toss a coin between them.",
        "the same user message answered `Yes.` in one line and `No.` in another",
        "Make the answers agree, or put what decides into the question.",
    ),
    Rule(
        "FT-D024", "error", "Another format than the service's",
        "The service reads one conversation a line, in UTF-8, and skips every line that is none. "
        "Other tools write one array, indented objects, tables, UTF-16, or other fields.",
        '[{"instruction": "Reset it", "output": "Hold the button."}]',
        "`foundry-tune dataset fix` writes what means one thing as conversations.",
        False,
    ),
    Rule(
        "FT-D025", "warning", "The chat template's own words",
        "The template writes `<|user|>`, `<|end|>` and the like around each message. Where the "
        "text has them too the model sees them twice, and learns to write them.",
        '{"role": "user", "content": "<|user|>\\nIs it on?<|end|>"}',
        "Take them out; messages hold the text alone.",
    ),
    Rule(
        "FT-D026", "warning", "Nothing, as a word",
        "A program writes `null`, `None` or `NaN` where it has no text. The model learns to "
        "answer that.",
        '{"role": "assistant", "content": "null"}',
        "Write the answer, or leave the conversation out.",
    ),
    Rule(
        "FT-D027", "warning", "An answer of weight 0",
        "The service drops `weight` (azureml-acft-contrib-hf-nlp 0.0.91), so the model learns the "
        "very answers that were to be left out.",
        '{"role": "assistant", "content": "Go away.", "weight": 0}',
        "Leave such answers out, or end the conversation before them.",
    ),
    Rule(
        "FT-D028", "error", "An evaluation against a tool call",
        "An evaluation compares the texts of answers; where a call of a tool is expected there is "
        "no text, and any score would be chance.",
        '{"role": "assistant", "content": null, "tool_calls": […]}',
        "Measure tool_calls, leave such conversations out, or end them with the answer in words.",
        False,
    ),
    Rule(
        "FT-D029", "error", "A row that nobody has reviewed",
        "`dataset collect` writes rows with `status: todo`: what the model said is known, the "
        "right answer is not. Trained on, they would teach the mistake, or nothing.",
        '{"messages": […], "status": "todo"}',
        "Write the right answer and take \"status\" out, or leave the row out.",
        False,
    ),
    Rule(
        "FT-D031", "error", "Leakage: the same conversation in two files",
        "A validation or test conversation that was trained on measures memory, not learning.",
        "valid.jsonl:7 equals train.jsonl:112",
        "Remove it from one of the files, or split anew: foundry-tune dataset split",
    ),
    Rule(
        "FT-D032", "warning", "Leakage: nearly the same conversation in two files",
        "As good as seen: the validation loss looks better than the model is.",
        "valid.jsonl:7 shares 85 % of its words with train.jsonl:112",
        "Split anew: foundry-tune dataset split keeps near-duplicates on one side.",
    ),
    # ── what should not be in it ──
    Rule(
        "FT-D041", "error", "A secret",
        "A model repeats what it was taught, to anybody who asks. The key is compromised already.",
        "a conversation that quotes a connection string",
        "Revoke the key, and replace it with a placeholder such as <storage-key>.",
    ),
    Rule(
        "FT-D042", "warning", "An e-mail address",
        "A person's address, learnt and repeated. Addresses at example.com are not reported.",
        "… write to jane.doe@gmail.com …",
        "Replace it with a made-up one at example.com.",
    ),
    Rule(
        "FT-D043", "warning", "A telephone number",
        "A person's number, learnt and repeated. Found by form, in Latin, Devanagari and Arabic "
        "digits.",
        "… call +977 9841-234567 …",
        "Replace it with a fictional one: +1 202 555-0143.",
    ),
    Rule(
        "FT-D044", "error", "A payment card number",
        "Thirteen to nineteen digits with the right check digit (Luhn).",
        "… my card 4111 1111 1111 1111 …",
        "Remove it. If it is real, its owner and your payment officer have to know.",
    ),
    Rule(
        "FT-D045", "error", "A bank account number",
        "An IBAN with the right check digits.",
        "… DE89 3704 0044 0532 0130 00 …",
        "Remove it.",
    ),
    # ── enough, and of the right kind ──
    Rule(
        "FT-D046", "warning", "Harmful content",
        "What is harmful in an answer is taught, and a service may refuse the whole file for it. "
        "Only `dataset screen` looks for it, and says who judged: Azure AI Content Safety, or "
        "built-in rules, which miss most of it.",
        "a conversation of violence of medium severity",
        "Read it, and leave it out or write it anew.",
    ),
    Rule(
        "FT-D051", "warning", "System prompts that drift",
        "Nearly the same system prompt in several wordings: served with one of them, the model has "
        "learnt it from a part of the data only.",
        "`You are an Xbox agent.` in 180 lines, `You're an Xbox agent` in 60",
        "Use one wording everywhere, and the same one when you serve.",
    ),
    Rule(
        "FT-D052", "warning", "One answer outweighs all others",
        "Where answers are labels, a model that always says the commonest one already looks good.",
        "answers: 940 times `billing`, 35 times `refund`, 25 times `other`",
        "Add examples of the rare ones, or leave out some of the common one.",
    ),
    Rule(
        "FT-D053", "warning", "Some conversations have no system message",
        "The model learns to behave with and without it, from a part of the data each.",
        "200 lines with a system message, 40 without",
        "Give all of them the one you will serve with.",
    ),
    Rule(
        "FT-D054", "warning", "The model knows no system messages",
        "Phi-3-medium's template drops them (Microsoft's own distillation code folds them into the "
        "user's turn: NO_SYSTEM_PROMPT_MODELS).",
        "a system message in data for Phi-3-medium-4k-instruct",
        "Put it at the head of the first user message.",
    ),
    Rule(
        "FT-D061", "error", "Fewer rows than the service takes",
        "It wants at least 10 training rows after the validation part is split off, and fails the "
        "job otherwise (azureml-acft-contrib-hf-nlp 0.0.91).",
        "11 conversations and no validation file: 8 are left to train on",
        "Write more, or give a validation file of your own.",
    ),
    Rule(
        "FT-D062", "warning", "Few rows to learn from",
        "Microsoft speaks of 50 to 100 examples for a trial and 500 and more for production.",
        "30 conversations",
        "Write more; a few dozen of high quality for each kind of question.",
    ),
    Rule(
        "FT-D063", "warning", "Few optimizer steps",
        "rows x epochs / batch size steps are made. With a handful, the weights hardly move.",
        "40 rows, 1 epoch, batch size 32: 2 steps",
        "More epochs, or a smaller batch.",
    ),
    Rule(
        "FT-D064", "warning", "A validation set that can't tell",
        "With few conversations, the validation loss moves by chance as much as by learning.",
        "6 conversations in valid.jsonl",
        "Hold out 30 and more.",
    ),
    Rule(
        "FT-D065", "warning", "A file sorted by kind",
        "Without a validation file the service takes the last 20 % of the file, in order. Sorted "
        "by "
        "label, the validation part holds kinds that the training part has never seen.",
        "800 lines answered `billing`, then 200 answered `refund`",
        "validation_data: {split: 0.2, seed: 13} shuffles and stratifies.",
    ),
    Rule(
        "FT-D071", "warning", "Longer than the model's context",
        "What does not fit is cut off at the end, which is where the answer is.",
        "a conversation of 9,000 tokens for a context of 4,096",
        "Shorten it, or split it into several conversations.",
    ),
    Rule(
        "FT-D072", "note", "Perhaps longer than the model's context",
        "Only an estimate says so, as no tokenizer file is given.",
        "a conversation of 3,900 to 5,200 tokens for a context of 4,096",
        "Give the model's tokenizer: tokenizer: tokenizer.json",
    ),
    Rule(
        "FT-D081", "warning", "A few conversations in another script",
        "Too few to teach a language, enough to make the model switch to it unasked.",
        "185 conversations in Devanagari, 2 in Latin letters",
        "Remove them, or write more of them.",
    ),
)  # fmt: skip
