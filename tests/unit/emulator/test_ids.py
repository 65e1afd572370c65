"""The grammar of ARM ids."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.state.errors import AzureError
from emulator.state.ids import parse_id, parse_path

SUB = "/subscriptions/s1"
WORKSPACE = f"{SUB}/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w"


@pytest.mark.parametrize(
    ("path", "type_name", "names"),
    [
        (SUB, "Microsoft.Resources/subscriptions", ("s1",)),
        (
            f"{SUB}/resourcegroups/RG",
            "Microsoft.Resources/subscriptions/resourceGroups",
            ("s1", "RG"),
        ),
        (WORKSPACE, "Microsoft.MachineLearningServices/workspaces", ("w",)),
        (
            f"{WORKSPACE}/models/m/versions/1",
            "Microsoft.MachineLearningServices/workspaces/models/versions",
            ("w", "m", "1"),
        ),
        (
            f"{WORKSPACE}/providers/Microsoft.Authorization/roleAssignments/g",
            "Microsoft.Authorization/roleAssignments",
            ("g",),
        ),
        (
            f"{SUB}/providers/Microsoft.Authorization/roleAssignments/g",
            "Microsoft.Authorization/roleAssignments",
            ("g",),
        ),
    ],
)
def test_an_id_is_taken_apart(path: str, type_name: str, names: tuple[str, ...]) -> None:
    id = parse_id(path)
    canonical = path.replace("resourcegroups", "resourceGroups")
    assert (id.text, id.type, id.names) == (canonical, type_name, names)


def test_a_nested_id_interleaves_types_and_names() -> None:
    id = parse_id(f"{WORKSPACE}/models/m/versions/1")
    said = "Microsoft.MachineLearningServices/workspaces/w/models/m/versions/1"
    assert id.type_path == said


def test_arms_own_words_and_a_types_are_in_azures_case_and_names_as_written() -> None:
    lower = (
        "/SUBSCRIPTIONS/s1/ResourceGroups/RG/PROVIDERS/microsoft.machinelearningservices"
        "/Workspaces/W/MODELS/m/Versions/1"
    )
    id = parse_id(lower).cased("Microsoft.MachineLearningServices/workspaces/models/versions")
    assert id.text == (
        "/subscriptions/s1/resourceGroups/RG/providers/Microsoft.MachineLearningServices"
        "/workspaces/W/models/m/versions/1"
    )
    assert id.type == "Microsoft.MachineLearningServices/workspaces/models/versions"
    assert id.key == lower.lower()


def test_a_collection_and_an_action_leave_one_segment() -> None:
    listed = parse_path(f"{SUB}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts")
    assert listed.collection_type == "Microsoft.Storage/storageAccounts"
    assert listed.id.group == "rg"
    nested = parse_path(f"{WORKSPACE}/jobs")
    assert nested.collection_type == "Microsoft.MachineLearningServices/workspaces/jobs"
    action = parse_path(f"{WORKSPACE}/listKeys")
    assert (action.id.name, action.rest) == ("w", "listKeys")


def test_a_scope_ends_at_a_segment() -> None:
    group = parse_id(f"{SUB}/resourceGroups/rg")
    assert parse_id(WORKSPACE.upper()).within(group)
    assert group.within(group)
    assert not parse_id(f"{SUB}/resourceGroups/rg-2").within(group)


@pytest.mark.parametrize(
    "text",
    ["", "/", "nonsense", f"{WORKSPACE}/jobs", "subscriptions/s1", f"{SUB}//x", f"{SUB}/a/b/c"],
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(AzureError, match=r"InvalidPropertyId|InvalidResourceType"):
        parse_id(text)


_NAME = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True).filter(
    lambda name: name.lower() not in ("providers", "resourcegroups")
)


# A busy machine draws slowly, and that is no fault of what is tried.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(_NAME, _NAME), min_size=1, max_size=4), _NAME)
def test_an_id_survives_being_taken_apart(pairs: list[tuple[str, str]], group: str) -> None:
    path = "/".join(f"{kind}/{name}" for kind, name in pairs)
    text = f"{SUB}/resourceGroups/{group}/providers/Microsoft.X/{path}"
    id = parse_id(text)
    assert id.text == text
    assert id.names == tuple(name for _, name in pairs)
    assert id.type == "/".join(["Microsoft.X", *(kind for kind, _ in pairs)])
    assert parse_id(text.swapcase().replace("/SUBSCRIPTIONS", "/subscriptions")).key == id.key


@given(st.text(max_size=60))
def test_no_path_breaks_the_grammar(path: str) -> None:
    try:
        parsed = parse_path(path)
    except AzureError:
        return  # refused, in ARM's own way
    assert parsed.id.text.lower() in ("/" + path.strip("/")).lower()
