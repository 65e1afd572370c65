"""Rules about trainings of one's own: `type: training`."""

from jobs.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "FT-T001", "error", "More than serverless fine-tuning can do",
        "The service takes epochs, batch_size_multiplier and learning_rate. A loss, an optimizer, "
        "layers or any other setting would be refused after the data is uploaded, or ignored. A "
        "training of your own has them: the message holds the document that would do it.",
        "type: finetuning\nhyperparameters: {epochs: 3, loss_function: focal}",
        "type: training\nloss: focal\nepochs: 3\nresources: {instance_type: "
        "Standard_NC24ads_A100_v4}",
        False,
    ),
    Rule(
        "FT-T002", "error", "Fields that don't fit together",
        "Each is right alone, but the program would refuse them together, once the machine is paid "
        "for: a head without labels, dpo without pairs, a packed classification.",
        "task: classification\nlayers: {head: classification}",
        "task: classification\nlayers: {head: classification, labels: [refund, repair]}",
        False,
    ),
    Rule(
        "FT-T003", "error", "A function that can't be called",
        "A loss or layers of your own are `FILE.py:FUNCTION` beside the spec: they travel with the "
        "program. The file is read and compiled here, not run.",
        "loss: {name: custom, function: losses.py}",
        "loss: {name: custom, function: losses.py:mine}",
        False,
    ),
    Rule(
        "FT-T004", "error", "A row that isn't the task's",
        "Each task has its row; the program refuses any other once the machine is paid for. "
        "Classification's label is one that the head has.",
        '{"prompt": "My console is hot.", "completion": "Clean the fan."}     # for task: chat',
        '{"messages": [{"role": "user", "content": "My console is hot."}, {"role": "assistant", '
        '"content": "Clean the fan."}]}',
        False,
    ),
    Rule(
        "FT-T005", "warning", "A label that no row has",
        "The head gets a logit that nothing teaches.",
        "layers: {head: classification, labels: [refund, repair, refnd]}",
        "layers: {head: classification, labels: [refund, repair]}",
    ),
    Rule(
        "FT-T006", "error", "A machine that can't do it",
        "qlora, adamw_8bit, fp16, flash_attention_2, compile and sharding take a CUDA device; the "
        "machine has none, and would say so once it is paid for.",
        "method: qlora\nresources: {instance_type: Standard_DS3_v2}",
        "method: qlora\nresources: {instance_type: Standard_NC24ads_A100_v4}",
    ),
    Rule(
        "FT-T007", "error", "A machine that is too small",
        "Weights, gradients, optimizer and activations are estimated (docs/training.md has the "
        "formula), and come to more than one GPU of the machine has. The run would end out of "
        "memory after the model was loaded.",
        "model: Phi-4\nmethod: full\nresources: {instance_type: Standard_NC24ads_A100_v4}",
        "model: Phi-4\nmethod: lora\nresources: {instance_type: Standard_NC24ads_A100_v4}",
    ),
    Rule(
        "FT-T008", "note", "A machine that nothing is known of",
        "Whether the training fits isn't known before it runs: the size is in no list here, the "
        "compute is a cluster of yours, or the model's shape isn't known.",
        "compute: azureml:gpu-cluster",
        "Name the size, resources: {instance_type: Standard_NC24ads_A100_v4}, or try with "
        "max_steps: 1.",
    ),
    Rule(
        "FT-T009", "error", "No machine",
        "A training runs on a machine that you name; no service trains by tokens here.",
        "type: training\nmodel: Phi-4-mini-instruct",
        "resources: {instance_type: Standard_NC24ads_A100_v4}",
        False,
    ),
)  # fmt: skip
