"""What there is in the emulated cloud: the proof, after a clean-up, that nothing is left."""

from emulator.state.access import OWNER
from emulator.state.cloud import Cloud
from emulator.state.json_text import Json


def take(cloud: Cloud) -> Json:
    """Everything that somebody made and nobody removed, in every subscription.

    `resources` are ARM ids with their types; `deleted` what waits in Azure's bin and keeps its
    name; `roleAssignments` all but the subscriptions' own owners; `blobs` and `bytes` what the
    storage accounts hold.
    """
    database = cloud.database
    resources = database.rows(
        "SELECT id, type FROM resources WHERE type<>'microsoft.resources/subscriptions' "
        "ORDER BY key"
    )
    deleted = database.rows(
        "SELECT key FROM documents WHERE collection LIKE 'deleted-%' "
        "AND json_extract(value, '$.purged_at') > ? ORDER BY key",
        (cloud.clock.timestamp(),),
    )
    assignments = database.row(
        "SELECT count(*) AS number FROM role_assignments WHERE NOT "
        "(role=? AND scope_key LIKE '/subscriptions/%' AND scope_key NOT LIKE '/%/%/%')",
        (OWNER,),
    )
    blobs = database.row("SELECT count(*) AS number, sum(size) AS bytes FROM blobs")
    return {
        "resources": [{"id": row["id"], "type": row["type"]} for row in resources],
        "deleted": [row["key"] for row in deleted],
        "roleAssignments": assignments["number"] if assignments else 0,
        "blobs": blobs["number"] if blobs else 0,
        "bytes": (blobs["bytes"] or 0) if blobs else 0,
    }
