"""What models declare, and what the suite does with it."""

from __future__ import annotations

import pytest

from mimic_checks.errors import AttentionError, ExtensionError
from mimic_checks.models import (
    BACKENDS,
    Backend,
    Capabilities,
    ModelOptions,
    PromptImage,
    has_complete_identity,
    image_blocks,
    image_tokens,
    load_vlm,
    prompt_for,
    require_white_box,
    shows_input,
    white_box,
    why_not,
)
from mimic_checks.models.intervened import IntervenedVLM
from mimic_checks.models.intervention import Intervention
from mimic_checks.models.stubs import Oracle

PROMPT = prompt_for([PromptImage(str(k), lambda: None) for k in range(3)], "how many?", "case")


class Answers:
    """As little as a model can be."""

    def answer(self, prompts):
        return ["1"] * len(prompts)

    def identity(self):
        return {"name": "answers"}


class Counts(Answers):
    capabilities = Capabilities.of("image_tokens", otherwise="it runs elsewhere")
    complete_identity = True

    def image_tokens(self, prompt):
        return 10 * len(prompt.images)


class Undeclared(Answers):
    """Has the methods, and says nothing of them."""

    def image_tokens(self, prompt):
        return 10

    def image_blocks(self, prompt):
        return []


class Property(Answers):
    """A property that must not be computed to see that it is there."""

    capabilities = Capabilities.of("shows_input")
    stop_ids = closing_id = adapter_shift = None

    @property
    def context_tokens(self):
        raise AssertionError("computed")

    def shown(self, prompts):
        return []


def test_a_model_that_only_answers_lacks_everything_for_one_reason():
    reason = "Answers declares no capabilities: it only answers"
    assert why_not(Answers(), "white_box") == why_not(Answers(), "shows_input") == reason
    assert white_box(Answers()) is image_blocks(Answers()) is shows_input(Answers()) is None
    with pytest.raises(AttentionError, match=f"cannot be looked into: {reason}"):
        require_white_box(Answers())
    assert not has_complete_identity(Answers())
    assert image_tokens(Answers(), PROMPT) == 3, "without a count, the number of images"
    assert image_tokens(Answers(), prompt_for([], "?")) == 1


def test_what_is_declared_is_used_and_what_is_lacking_has_its_reason():
    assert image_tokens(Counts(), PROMPT) == 30
    assert why_not(Counts(), "image_tokens") is None
    assert why_not(Counts(), "white_box") == "it runs elsewhere"
    assert has_complete_identity(Counts())


def test_a_reason_is_given_even_where_none_was_declared(scenes):
    class Silent(Answers):
        capabilities = Capabilities()

    assert why_not(Silent(), "image_blocks") == "Silent does not declare 'image_blocks'"
    assert why_not(Oracle(scenes), "shows_input") == "a stub has nothing inside"


def test_methods_that_are_not_declared_are_not_guessed():
    assert image_blocks(Undeclared()) is None
    assert image_tokens(Undeclared(), PROMPT) == 3


def test_properties_are_not_computed_to_be_found():
    model = Property()
    assert shows_input(model) is model


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (Capabilities.of("image_tokens"), "Broken declares 'image_tokens' and lacks"),
        (
            Capabilities.of("white_box"),
            "declares 'white_box' and lacks 'masked_layers', 'depth', 'intervened', 'profiles',"
            " 'logits', 'token_grids'",
        ),
        (Capabilities(frozenset({"flies"})), "give a mimic_checks.models.Capabilities of"),
        ({"white_box"}, "give a mimic_checks.models.Capabilities of 'white_box'"),
    ],
    ids=["a method", "a white box", "an unknown one", "not Capabilities"],
)
def test_capabilities_that_cannot_be_are_refused_when_the_model_is_loaded(
    monkeypatch, scenes, declared, message
):
    class Broken(Answers):
        capabilities = declared

    class Theirs(Backend):
        local = True

        def check(self, name, options, catalog):
            pass

        def load(self, name, options, catalog):
            return Broken() if name else object()

    monkeypatch.setattr(BACKENDS, "_loaded", dict(BACKENDS._loaded))
    BACKENDS.add("theirs", Theirs())
    with pytest.raises(ExtensionError, match=message):
        load_vlm("theirs:x", ModelOptions(), scenes)
    with pytest.raises(ExtensionError, match="vlm='theirs:' made object, which lacks 'answer'"):
        load_vlm("theirs:", ModelOptions(), scenes)


def test_a_model_under_an_intervention_counts_pooled_tokens_and_keeps_its_identity():
    class Base(Counts):
        def answer_intervened(self, prompts, intervention):
            return [str(intervention.pooling)] * len(prompts)

    pooled = IntervenedVLM(Base(), Intervention(pooling=4))
    assert pooled.answer([PROMPT]) == ["4"]
    assert image_tokens(pooled, PROMPT) == 8, "30 tokens, four to one, the last group short"
    assert pooled.identity() == {"name": "answers", "intervention": ["pooling x4"]}
    assert has_complete_identity(pooled)
    assert why_not(pooled, "white_box") == "a model under an intervention only answers"
