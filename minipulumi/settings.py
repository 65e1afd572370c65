"""`pulumi config …`."""

import sys
from argparse import Namespace

from minipulumi.backend import Stack, open_stack
from minipulumi.checkpoint import read_latest, salt_of
from minipulumi.errors import PulumiError
from minipulumi.passphrase import Passphrase
from minipulumi.stack_file import (
    StackFile,
    open_setting,
    read_stack_file,
    remove_value,
    set_salt,
    set_value,
)  # fmt: skip


def get(arguments: Namespace) -> int:
    """`pulumi config get`."""
    stack, file, key = _place(arguments)
    if key not in file.values:
        raise PulumiError(f"configuration key '{arguments.key}' not found for stack '{stack.name}'")
    sys.stdout.write(f"{open_setting(file.values[key], _cipher(stack, file)).text}\n")
    return 0


def store(arguments: Namespace) -> int:
    """`pulumi config set`."""
    stack, file, key = _place(arguments)
    value = sys.stdin.read().rstrip("\r\n") if arguments.value is None else arguments.value
    if not arguments.secret:
        set_value(file.path, key, value)
        return 0
    cipher = _cipher(stack, file)
    set_value(file.path, key, {"secure": cipher.encrypt(value)})
    if not file.salt:
        set_salt(file.path, cipher.state)
    return 0


def remove(arguments: Namespace) -> int:
    """`pulumi config rm`."""
    _, file, key = _place(arguments)
    remove_value(file.path, key)
    return 0


def _place(arguments: Namespace) -> tuple[Stack, StackFile, str]:
    stack = open_stack(arguments)
    key = arguments.key
    full = key if ":" in key else f"{stack.project.name}:{key}"
    return stack, read_stack_file(stack.project.stack_file(stack.name)), full


def _cipher(stack: Stack, file: StackFile) -> Passphrase:
    return file.cipher(salt_of(read_latest(stack.file)))
