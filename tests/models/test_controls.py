"""Control pictures: what stays, what goes, and what their ids say."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from PIL import Image

from mimic_checks.cases import draw, listing_cases
from mimic_checks.errors import InvalidArgument
from mimic_checks.models import Prompt, PromptImage, prompt_for, prompt_of
from mimic_checks.models.controls import (
    Blanked,
    Degraded,
    Reversed,
    Stitched,
    Uneven,
    WithoutImages,
    shown_in,
)
from mimic_checks.models.stubs import make_stub


@pytest.fixture(scope="module")
def prompt(scenes):
    return prompt_of(draw(listing_cases(scenes, images=5), 1, 0)[0], scenes.manifest)


def pixels(image):
    return np.asarray(image.open(), dtype=float)


def test_blanks_keep_sizes_and_the_named_images(prompt):
    found = Blanked({prompt.case_id: (1, 3)})(prompt)
    assert [image.open().size for image in found.images] == [
        image.open().size for image in prompt.images
    ]
    assert [image.id for image in found.images][1::2] == [prompt.images[1].id, prompt.images[3].id]
    assert all(pixels(found.images[k]).std() == 0 for k in (0, 2, 4))
    assert (found.question, found.case_id) == (prompt.question, prompt.case_id)


@pytest.mark.parametrize("factor", [1.5, 2, 4])
def test_degraded_pictures_keep_their_size_and_lose_detail(prompt, factor):
    found = Degraded(factor)(prompt)
    for before, after in zip(prompt.images, found.images, strict=True):
        assert after.open().size == before.open().size
        rough = [np.abs(np.diff(pixels(image), axis=1)).mean() for image in (after, before)]
        assert rough[0] < rough[1]
        assert pixels(after).mean() == pytest.approx(pixels(before).mean(), abs=2)
        assert shown_in(after.id) == [before.id]


def test_stitched_pictures_stand_in_order_in_one_of_the_same_size(prompt):
    found = Stitched()(prompt)
    page = found.images[0].open()
    assert len(found.images) == 1
    assert page.size == prompt.images[0].open().size
    width, height = page.size
    for number, image in enumerate(prompt.images):
        row, column = divmod(number, 3)
        cell = np.asarray(
            page.crop(
                (
                    round(column * width / 3),
                    round(row * height / 3),
                    round((column + 1) * width / 3),
                    round((row + 1) * height / 3),
                )
            ),
            dtype=float,
        )
        expected = np.asarray(
            image.open().resize(cell.shape[1::-1], Image.Resampling.BOX), dtype=float
        )
        assert np.abs(cell - expected).max() == 0
    assert shown_in(found.images[0].id) == [image.id for image in prompt.images]
    assert (
        sum(part["type"] == "image" for message in found.messages for part in message["content"])
        == 1
    )


def test_stubs_see_through_controls(prompt, scenes):
    oracle = make_stub("oracle", scenes)
    truth = oracle.answer([prompt])
    assert oracle.answer([Stitched()(prompt)]) == truth
    assert oracle.answer([Degraded(2)(prompt)]) == truth
    assert oracle.answer([Blanked({prompt.case_id: range(5)})(prompt)]) == truth
    assert oracle.answer([Blanked()(prompt)]) != truth


def test_uneven_pictures_are_other_pictures_of_other_sizes():
    """Another id, another size, the same picture otherwise."""
    images = [PromptImage(name, Picture(60, 40)) for name in "abc"]
    uneven = Uneven(low=True)(prompt_for(images, "?"))
    assert [image.id for image in uneven.images] == [
        "resized 60x20 a",
        "resized 40x20 b",
        "resized 60x20 c",
    ]
    assert [image.open().size for image in uneven.images] == [(60, 20), (40, 20), (60, 20)]
    assert [image.open().size for image in Uneven()(prompt_for(images, "?")).images] == [
        (60, 40),
        (40, 40),
        (60, 40),
    ]
    assert shown_in(uneven.images[1].id) == ["b"]


class Picture:
    """An opener that another process can have."""

    def __init__(self, width, height):
        self.size = (width, height)

    def __call__(self):
        return Image.linear_gradient("L").resize(self.size).convert("RGB")


CONTROLS = {
    "blank": lambda: Blanked(),
    "all but one": lambda: Blanked({"case": [2, 0, 2]}),
    "degraded": lambda: Degraded(2),
    "stitched": lambda: Stitched(),
    "reversed": lambda: Reversed(),
    "uneven": lambda: Uneven(low=True),
    "without images": lambda: WithoutImages(),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_controls_are_values_that_other_processes_can_have(name):
    """Conditions hold them: equal if made alike, with one hash and one `repr`, picklable, and so
    are the prompts they make, pictures and all."""
    control, again = CONTROLS[name](), CONTROLS[name]()
    sent = pickle.loads(pickle.dumps(control))
    assert control == again == sent
    assert hash(control) == hash(again) == hash(sent)
    assert repr(control) == repr(again) == repr(sent)
    assert control not in [make() for other, make in CONTROLS.items() if other != name]
    prompt = prompt_for([PromptImage(k, Picture(30, 20)) for k in "abc"], "how many?", "case")
    made = sent(prompt)
    arrived = pickle.loads(pickle.dumps(made))
    assert arrived == made == control(prompt)
    for before, after in zip(made.images, arrived.images, strict=True):
        assert np.array_equal(pixels(before), pixels(after))


def test_which_pictures_are_kept_is_one_value_however_it_is_given():
    assert Blanked({"a": (1, 0), "b": [2]}) == Blanked({"b": {2}, "a": [0, 1, 1]})
    assert Blanked({"a": (0,)}) != Blanked({"a": (1,)})
    assert Blanked() != Blanked({"a": (1,)})


def test_what_cannot_be_done_is_refused():
    with pytest.raises(InvalidArgument, match="factor=0.5 is not allowed"):
        Degraded(0.5)
    with pytest.raises(InvalidArgument, match="images=1 is not allowed; allowed: 2 pictures"):
        Prompt("c", tuple(PromptImage(k, Picture(8, 8)) for k in "ab")).with_images(
            [PromptImage("a", Picture(8, 8))]
        )
