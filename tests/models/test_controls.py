"""Control pictures: what stays, what goes, and what their ids say."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from mimic_checks.cases import draw, listing_cases
from mimic_checks.models import prompt_of
from mimic_checks.models.controls import Blanked, Degraded, Stitched, shown_in
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
