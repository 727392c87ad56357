"""Does the model look at the image that the question names, wherever it stands?"""

from mimic_checks.checks.check import Sweep, check

IMAGES = 5
PLACES = {"first": 0, "middle": IMAGES // 2, "last": IMAGES - 1}


def draw_positions(catalog, *, levels, template):
    """Draws of one case per level: the same images and the same thing; the image that is asked
    about moves. Half of the draws show the thing there, half show it at the other end."""
    from hypothesis import strategies as st

    from mimic_checks.cases import clustered, images_first, make_case, pools
    from mimic_checks.tasks import YesNo
    from somebodys_checks.in_image import IN_IMAGE

    pool = pools.eligible(
        catalog,
        f"cases of {IMAGES} images",
        [
            ("an image that shows it", lambda c: len(catalog.showing(c)) > 0),
            (f"{IMAGES - 1} images without it", lambda c: len(catalog.without(c)) >= IMAGES - 1),
        ],
    )

    @st.composite
    def draws(draw):
        asked = pools.choose(draw, pool)
        needle = pools.choose(draw, catalog.showing(asked))
        others = pools.sample(draw, catalog.without(asked), IMAGES - 1)
        pools.assume_readable(catalog, [needle, *others])
        there = draw(st.booleans())
        wording = pools.choose_template(draw, template)
        thing = catalog.class_names[asked]

        def case(level):
            place = PLACES[level]
            needle_place = place if there else (0 if place else IMAGES - 1)
            rows = [*others[:needle_place], needle, *others[needle_place:]]
            question = IN_IMAGE.question(wording, thing=thing, number=place + 1)
            return make_case(
                task=IN_IMAGE.name,
                template=wording,
                content=images_first(pools.image_ids(catalog, rows), question),
                truth=YesNo(there),
                offered=[thing],
                needles=[needle_place],
                factors={"position": level, "images": IMAGES},
            )

        return clustered([case(level) for level in levels])

    return draws()


POSITION = Sweep(
    check_id="somebody.position",
    title="Looking at the image that is asked about",
    factor="position",
    moves="only the place of the image that is asked about",
    levels=("first", "middle", "last"),
    cases=draw_positions,
    docs="https://somebody.example/position",
)


@check(POSITION)
def test_position(vlm_check):
    """An image in the middle or at the end is seen as well as the first."""
    vlm_check.run()
