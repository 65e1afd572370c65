"""Expressions of ARM templates, as learn.microsoft.com's pages on template functions have them."""

from typing import Any

import pytest

from emulator.services.resources.expressions import Scope, evaluate
from emulator.state.errors import AzureError

SCOPE = Scope(
    subscription={"subscriptionId": "s1", "tenantId": "t1", "id": "/subscriptions/s1"},
    group={"name": "rg", "location": "eastus2", "id": "/subscriptions/s1/resourceGroups/rg"},
    parameters={
        "name": "it's",
        "list": ["a", {"b": 1}],
        "yes": True,
        "long": "x" * 131_072,
    }.__getitem__,
    variables={"sku": {"name": "S0"}}.__getitem__,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("[[escaped]", "[escaped]"),
        ("[not closed", "[not closed"),
        ("['it''s']", "it's"),
        ("[concat('a-', parameters('name'))]", "a-it's"),
        ("[ concat( parameters('list'), array('c') ) ]", ["a", {"b": 1}, "c"]),
        ("[variables('sku').name]", "S0"),
        ("[parameters('list')[1].b]", 1),
        ("[parameters('list')[1]['b']]", 1),
        ("[if(parameters('yes'), 'chosen', reference('never').called)]", "chosen"),
        ("[and(equals('a', 'a'), not(empty('x')), or(empty('y'), empty('')))]", True),
        ("[json('null')]", None),
        ("[toUpper(resourceGroup().location)]", "EASTUS2"),
        (
            "[resourceId('Microsoft.X/a/b', 'one', 'two')]",
            "/subscriptions/s1/resourceGroups/rg/providers/Microsoft.X/a/one/b/two",
        ),
        (
            "[resourceId('s2', 'other', 'Microsoft.X/a', 'one')]",
            "/subscriptions/s2/resourceGroups/other/providers/Microsoft.X/a/one",
        ),
        (
            "[subscriptionResourceId('Microsoft.X/a', 'one')]",
            "/subscriptions/s1/providers/Microsoft.X/a/one",
        ),
    ],
)
def test_an_expression_is_worked_out(text: str, value: Any) -> None:
    assert evaluate({"in": [text]}, SCOPE) == {"in": [value]}


def test_a_unique_string_depends_on_its_parts_alone() -> None:
    one = evaluate("[uniqueString('a', 'b')]", SCOPE)
    assert one == evaluate("[uniqueString('a', 'b')]", SCOPE)
    assert one != evaluate("[uniqueString('b', 'a')]", SCOPE)
    assert (len(one), one.lower()) == (13, one)


@pytest.mark.parametrize(
    "text",
    ["[]", "[concat('a']", "[concat('a') 'b']", "[equals('a')]", "[variables('sku').none]",
     "[resourceId('Microsoft.X/a/b', 'one')]", "[json('{')]",
     "[concat(parameters('long'), 'x')]", "[parameters('list')[9]]"],
)  # fmt: skip
def test_what_can_not_be_worked_out_is_an_invalid_template(text: str) -> None:
    with pytest.raises(AzureError, match="InvalidTemplate"):
        evaluate(text, SCOPE)
