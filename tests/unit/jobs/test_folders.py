"""Which files of a folder are sent, held against azure-ai-ml, and what their hash is."""

# azure-ai-ml's own annotations are partly unknown.
# pyright: reportUnknownVariableType=false
from pathlib import Path

import pytest

from jobs.files import UnreadableFileError
from jobs.folders import folder_of, hash_of, sent_of


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")


@pytest.mark.parametrize(
    "ignored",
    [
        {},
        {".gitignore": "*.bin\n"},
        {".gitignore": "*.bin\n", ".amlignore": "data/\n!data/keep.txt\n# a remark\n\n"},
        {".amlignore": "/train.py\n**/deep/\n"},
        {".amlignore": "*\n!*.py\n"},
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_the_files_are_those_that_azure_ai_ml_would_send(
    ignored: dict[str, str], tmp_path: Path
) -> None:
    from azure.ai.ml._utils._asset_utils import (
        get_ignore_file,
        get_upload_files_from_folder,
    )

    write(tmp_path, "train.py", "a.bin", "data/rows.txt", "data/keep.txt", "lib/deep/x.py")
    (tmp_path / "link.py").symlink_to(tmp_path / "train.py")
    for name, text in ignored.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    theirs = get_upload_files_from_folder(tmp_path, ignore_file=get_ignore_file(tmp_path))
    assert [name for name, _ in sent_of(tmp_path)] == sorted(name for _, name in theirs)


def test_what_running_the_code_leaves_makes_no_other_folder(tmp_path: Path) -> None:
    write(tmp_path, "train.py", "lib/a.py")
    before = folder_of(tmp_path).sha256
    write(tmp_path, "lib/__pycache__/a.cpython-311.pyc", ".git/HEAD")
    assert folder_of(tmp_path).sha256 == before
    write(tmp_path, "lib/b.py")
    assert folder_of(tmp_path).sha256 != before


def test_another_name_or_another_byte_is_another_folder(tmp_path: Path) -> None:
    one = {"a.py": "0" * 64, "b.py": "1" * 64}
    assert hash_of(one) == hash_of(dict(reversed(one.items())))
    assert hash_of(one) != hash_of({"a.py": "1" * 64, "b.py": "0" * 64})
    write(tmp_path, "a.py")
    before = folder_of(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert folder_of(tmp_path).sha256 != before.sha256
    assert folder_of(tmp_path).size == before.size == 4


def test_a_file_alone_is_a_folder_of_one_file(tmp_path: Path) -> None:
    write(tmp_path, "train.py")
    folder = folder_of(tmp_path / "train.py")
    assert [file.name for file in folder.files] == ["train.py"]


def test_a_folder_that_cant_be_sent_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="nothing in it would be sent"):
        sent_of(tmp_path)
    write(tmp_path, "a/b.py")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    with pytest.raises(UnreadableFileError, match="again' goes in a circle"):
        sent_of(tmp_path)
    (tmp_path / "a" / "again").unlink()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnreadableFileError, match=r"'gone\.py': there is no such file"):
        folder_of(tmp_path)
