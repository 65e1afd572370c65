"""The JSON Schemas of what commands answer with -o json, for whoever reads them by program.

Fields are only added; `schema_version` is raised where one goes or changes its meaning.
"""

from typing import Any

from jobs.terminal.output import SCHEMA_VERSION

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_MONEY = {"type": ["number", "null"]}


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(fields), "properties": fields}


def _list(of: Any) -> dict[str, Any]:
    return {"type": "array", "items": of}


_FINDINGS = _list(
    _object(
        file=_TEXT,
        line={"type": "integer", "minimum": 0},
        column={"type": "integer", "minimum": 0},
        path=_TEXT,
        message=_TEXT,
        rule=_TEXT,
        severity={"enum": ["error", "warning", "note"]},
    )
)

_PLAN = {
    "target": _object(
        subscription_id=_TEXT, resource_group=_TEXT, project=_TEXT, location=_TEXT, sources={}
    ),
    "date": {"type": "string", "format": "date"},
    "data": {},
    "uploads": {},
    "findings": _FINDINGS,
    "costs": _list(
        _object(
            document=_TEXT,
            currency={"const": "USD"},
            lines=_list(_object(what=_TEXT, prices={"type": "array"}, low=_MONEY, high=_MONEY)),
            low=_MONEY,
            high=_MONEY,
            budget_max_usd=_MONEY,
            verdict=_TEXT,
        )
    ),
    "checks": _list(
        _object(status={"enum": ["pass", "fail", "unverified"]}, subject=_TEXT, message=_TEXT)
    ),
    "actions": _list(
        _object(
            action={"enum": ["create", "update", "replace", "unchanged", "delete", "blocked"]},
            type=_TEXT,
            name=_TEXT,
            note=_TEXT,
            changes=_list(_object(field=_TEXT, before=_TEXT, after=_TEXT)),
        )
    ),
    "refusals": _list(_object(rule=_TEXT, message=_TEXT, next_step=_TEXT)),
    "is_empty": _FLAG,
}

_ANSWERS: dict[str, dict[str, Any]] = {
    "plan": _PLAN,
    "saved-plan": {
        "kind": {"const": "foundry-tune plan"},
        "tool": _TEXT,
        "target": _object(subscription_id=_TEXT, resource_group=_TEXT, project=_TEXT),
        "asked": _object(
            specs=_list(_TEXT), overrides=_list(_TEXT), retrain=_FLAG, retry_refused=_FLAG,
            strict=_FLAG, verify_data=_FLAG, on={"type": ["string", "null"]},
            policy={"type": ["string", "null"]},
        ),
        "files": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        },
        "facts": {
            "type": "object",
            "additionalProperties": {"type": ["object", "null"], "additionalProperties": _TEXT},
        },
        "steps": _list(
            _object(
                kind=_TEXT, type=_TEXT, name=_TEXT, about=_TEXT, document=_TEXT, to=_TEXT,
                changes=_list({"type": "array", "items": _TEXT, "minItems": 3, "maxItems": 3}),
            )
        ),
        "plan": _object(**_PLAN),
        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "drift": {
        "drift": _list(
            _object(
                kind={
                    "enum": [
                        *("content_filter", "key_auth", "auth_mode", "tags", "deleted_model"),
                        *("unknown_endpoint", "pointer", "state", "traffic", "machines"),
                        *("deployed_model", "unknown_deployment"),
                    ]
                },
                document=_TEXT, where=_TEXT, was=_TEXT, now=_TEXT,
            )
        )
    },
    "policy": {
        "allowed": _FLAG,
        "policies": _list(_TEXT),
        "files": _list(_TEXT),
        "live": _FLAG,
        "findings": _FINDINGS,
        "exceptions": _list(
            _object(
                rule=_TEXT, of=_TEXT, reason=_TEXT, until={"type": "string", "format": "date"},
                state={"enum": ["holds", "soon", "over"]}, place=_TEXT,
            )
        ),
    },
    "watch": {
        "limits": _list(
            _object(
                of=_TEXT, kind={"enum": ["cap", "ttl"]}, limit=_TEXT, now=_TEXT,
                state={"enum": ["ok", "warns", "over"]},
            )
        ),
        "endpoints": _list(
            _object(
                name=_TEXT, role={"enum": ["candidate", "previous", "served"]}, of=_TEXT, what=_TEXT
            )
        ),
    },
    "orphans": {
        "orphans": _list(
            _object(
                type={"enum": ["endpoint", "finetuning", "command"]},
                name=_TEXT, document=_TEXT, why=_TEXT, per_day=_TEXT, command=_TEXT,
                usd_per_day=_object(low={"type": "number"}, high=_MONEY),
            )
        )
    },
}  # fmt: skip

ANSWERS = tuple(_ANSWERS)
"""What there is a schema of: the verbs, and the file of a saved plan."""


def answer_schema(of: str) -> dict[str, Any]:
    """The schema of one of `ANSWERS`."""
    return {
        "$schema": _DIALECT,
        "$id": f"https://foundry-tune.invalid/{of}.schema.json",
        "title": f"foundry-tune {of}",
        **_object(schema_version={"const": SCHEMA_VERSION}, **_ANSWERS[of]),
    }
