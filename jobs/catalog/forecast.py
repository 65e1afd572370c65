"""Until when what a spec names works: the days that the catalogue's rows give, and what to do."""

from dataclasses import dataclass
from datetime import date

from jobs.catalog.catalog import Model, catalog
from jobs.catalog.objections import first_refused


@dataclass(frozen=True, slots=True)
class End:
    """One thing that stops working on a day."""

    what: str
    on: date | None
    """The first day on which it is refused, at 00:00 UTC; None where none is published."""
    source: str
    """The tag of the document that says so; empty where the model is not in the catalogue."""
    todo: str


def ends_of(
    model: Model, *, trains: bool = False, serves: bool = False, tuned: bool = False
) -> list[End]:
    """What stops for somebody who fine-tunes a model, or serves it (`tuned`: what came of that)."""
    successor = model.successor or "another model"
    ends: list[End] = []
    if trains:
        day = first_refused(model.finetune)
        todo = f"fine-tune {successor} instead" if day else ""
        ends.append(End("new fine-tuning", day, model.finetune.source, todo))
    if serves:
        terms = model.serve.of(tuned=tuned)
        day, gone = first_refused(terms), terms.retired
        todo = f"serve {successor} from then on" if day else ""
        ends.append(End("new endpoints", day, terms.source, todo))
        todo = f"have {successor} proven and serving before that day" if gone else ""
        ends.append(End("answers", gone, terms.source, todo))
    return ends


def end_of_answers(base_model: str, *, tuned: bool) -> End:
    """When an endpoint of this base model stops answering, or that the catalogue can't tell."""
    model = catalog().model(base_model)
    if model is None:
        todo = "look up in Azure's retirement schedule when the model behind it retires"
        return End("answers", None, "", todo)
    return ends_of(model, serves=True, tuned=tuned)[-1]
