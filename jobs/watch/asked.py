"""Which endpoint a command line means, and what its spec says of it, where one is named."""

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.arguments import endpoint_named, is_spec_file, require_name
from jobs.errors import UsageError
from jobs.money.price import Pricing
from jobs.plan import desired
from jobs.plan.desired import Measuring, Serving
from jobs.read.examine import named
from jobs.read.prices import PriceLists, team_prices


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An endpoint's name, with what its spec says of it, where one is named."""

    name: str
    serving: Serving | None = None
    measurings: tuple[Measuring, ...] = ()
    pricing: Pricing | None = None
    """What the spec or the team says that its model costs."""

    @property
    def is_filtered(self) -> bool:
        """Whether its filter must be on: without a spec that says otherwise, it must."""
        return self.serving is None or self.serving.spec.is_filtered


def served_by(files: Sequence[str]) -> list[Asked]:
    """Every endpoint that spec files make, each with what its own file says of it."""
    found: list[Asked] = []
    for file in files:
        servings = desired.read(named([file]).chapters).servings
        found += [asked_for(serving.name, [file]) for serving in servings]
    return found


def asked_for(name: str, files: Sequence[str]) -> Asked:
    """The endpoint of a spec file, or of a name with the spec files that may say more of it.

    Raises:
        UsageError: None of the files makes it.
    """
    named_files = [*([name] if is_spec_file(name) else []), *files]
    if not named_files:
        return Asked(name=require_name(name))
    specs = named(named_files)
    found = desired.read(specs.chapters)
    endpoint = endpoint_named(name)
    serving = next((one for one in found.servings if one.name == endpoint), None)
    if serving is None:
        raise UsageError(
            f"{', '.join(named_files)} makes no endpoint '{endpoint}'.",
            next_step="Name the spec that makes it, or leave -f out.",
        )
    known = PriceLists()
    # What is wrong with a list, validate says.
    team = {key: one for s in specs.stories for key, one in team_prices(s, known)[0].items()}
    measurings = tuple(one for one in found.measurings if one.measures(serving))
    return Asked(
        name=endpoint,
        serving=serving,
        measurings=measurings,
        pricing=desired.pricing_of(serving, specs.chapters, team),
    )
