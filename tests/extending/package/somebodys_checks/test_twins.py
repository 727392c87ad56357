"""Does the model tell the image that shows a thing from one that does not?"""

from mimic_checks.checks.check import Sweep, check


def draw_twins(catalog, *, levels, template):
    """Draws of one pair per level: the same question about two images of one prompt, of which only
    one shows the thing. A pair is right if both answers are; a model that likes to say yes has
    none."""
    from hypothesis import strategies as st

    from mimic_checks.cases import clustered, images_first, make_case, pair, pools
    from mimic_checks.tasks import YesNo
    from somebodys_checks.in_image import IN_IMAGE

    most = max(levels)
    pool = pools.eligible(
        catalog,
        f"twins of {most} images",
        [
            ("an image that shows it", lambda c: len(catalog.showing(c)) > 0),
            (f"{most - 1} images without it", lambda c: len(catalog.without(c)) >= most - 1),
        ],
    )

    @st.composite
    def draws(draw):
        asked = pools.choose(draw, pool)
        needle = int(pools.choose(draw, catalog.showing(asked)))
        twin, *others = pools.sample(draw, catalog.without(asked), most - 1)
        ranks = pools.sample(draw, range(most), most)
        pools.assume_readable(catalog, [needle, twin, *others])
        wording = pools.choose_template(draw, template)
        thing = catalog.class_names[asked]

        def case(images, about):
            rows = pools.nested([needle, twin, *others], ranks, images)
            question = IN_IMAGE.question(wording, thing=thing, number=rows.index(about) + 1)
            return make_case(
                task=IN_IMAGE.name,
                template=wording,
                content=images_first(pools.image_ids(catalog, rows), question),
                truth=YesNo(about == needle),
                offered=[thing],
                needles=[rows.index(needle)],
                factors={"images": images},
            )

        roles = ("there", "not there")
        return clustered(
            [pair(case(images, needle), case(images, twin), roles=roles) for images in levels]
        )

    return draws()


TWINS = Sweep(
    check_id="somebody.twins",
    title="Telling an image from its neighbour",
    factor="images",
    moves="the number of images that show nothing of what is asked for",
    levels={"standard": (2, 4), "mimic": (2, 4, 8, 16)},
    cases=draw_twins,
)


@check(TWINS)
def test_twins(vlm_check):
    """Among several images the model knows which one shows the thing, and which one does not."""
    vlm_check.run()
