"""Regions, models and roles stand in several rooms, which may not import each other: held equal."""

import json
from pathlib import Path

import pytest

from emulator.arm.locations import LOCATIONS
from emulator.services.machinelearningservices import catalogue
from emulator.services.machinelearningservices.catalogue import BaseModel
from infra import roles
from infra.config import FINE_TUNING_REGIONS
from jobs.catalog.catalog import Model, catalog
from jobs.plan.preflight import PROVIDERS

ROOT = Path(__file__).parents[2]
STATED = [(emulated, catalog().model(emulated.name)) for emulated in catalogue.all_models()]
SHARED = [(emulated, known) for emulated, known in STATED if known is not None]


def test_the_stack_offers_the_regions_in_which_the_phi_4_family_is_fine_tuned() -> None:
    phi = [model for model in catalog().models if model.name.startswith("Phi-4")]
    assert len(phi) >= 2
    for model in phi:
        assert sorted(model.finetune.regions or ()) == sorted(FINE_TUNING_REGIONS), model.name


def test_every_region_of_the_catalogue_has_its_name_and_it_is_arms() -> None:
    known = catalog()
    named = {
        region
        for model in known.models
        for regions in (model.finetune.regions, model.serve.regions, model.serve.tuned_regions)
        for region in regions or ()
    }
    assert named | set(FINE_TUNING_REGIONS) == set(known.regions)
    assert known.regions == {region: LOCATIONS[region] for region in known.regions}


def test_every_emulated_model_is_in_the_catalogue() -> None:
    served_only = {row.name for row in catalog().not_finetunable}
    assert SHARED
    for emulated, known in STATED:
        if known is None:
            assert emulated.name in served_only
            assert emulated.finetune_regions == ()


@pytest.mark.parametrize(("emulated", "known"), SHARED, ids=[model.name for model, _ in SHARED])
def test_catalogue_and_emulator_say_the_same_of_a_model(emulated: BaseModel, known: Model) -> None:
    """Where the catalogue says `unknown`, the emulator has to assume something."""
    learned = known.learning_rate
    pairs: dict[str, tuple[object, object]] = {
        "id": (emulated.uri, known.id),
        "version": (str(emulated.latest), known.version),
        "context": (emulated.context, known.context_tokens.value),
        "fine-tuned in": (_set(emulated.finetune_regions), _set(known.finetune.regions)),
        "served in": (_set(emulated.serve_regions), _set(known.serve.regions)),
        "served once tuned in": (_set(emulated.tuned_regions), _set(known.serve.tuned_regions)),
        "rate": (emulated.learning_rate, (learned.min, learned.max) if learned.min else None),
    }
    for what, (there, here) in pairs.items():
        assert here in (None, there), what
    assert emulated.legacy == known.serve.legacy
    assert emulated.deprecated == known.finetune.deprecated == known.serve.deprecated
    assert emulated.retired == known.finetune.retired == known.serve.retired
    assert emulated.tuned_retired == known.serve.tuned_retired
    assert emulated.successor == known.successor


def test_every_role_of_the_stack_is_one_that_the_emulator_enforces() -> None:
    (file,) = (ROOT / "emulator").rglob("role_definitions.json")
    text = json.dumps(json.loads(file.read_text(encoding="utf-8")))
    ids = {*roles.BUILT_IN.values(), *roles.PRIVILEGED}
    assert len(ids) >= 20
    for role in ids:
        assert role in text, role


def test_the_preflight_asks_for_providers_that_the_stack_registers() -> None:
    registration = (ROOT / "infra" / "registration.py").read_text(encoding="utf-8")
    for namespace in PROVIDERS:
        assert f'"{namespace}"' in registration, namespace


def _set(regions: tuple[str, ...] | None) -> set[str] | None:
    return None if regions is None else set(regions)
