"""`ask`: pictures and paths, in tests of any kind."""

from __future__ import annotations

import pytest
from PIL import Image

from mimic_checks.errors import InvalidArgument
from mimic_checks.models.ask import ask_about


class Looks:
    """Says what it is shown."""

    def answer(self, prompts):
        return [
            " ".join(str(image.open().getpixel((0, 0))) for image in prompt.images)
            for prompt in prompts
        ]

    def identity(self):
        return {}


def test_paths_and_pictures_are_the_same(tmp_path):
    red = Image.new("RGB", (8, 8), (255, 0, 0))
    red.save(tmp_path / "red.png")
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    shown = [red, tmp_path / "red.png", str(tmp_path / "red.png"), clear]
    assert ask_about(Looks(), shown, "?") == " ".join(["(255, 0, 0)"] * 3 + ["(255, 255, 255)"])


@pytest.mark.parametrize(
    ("images", "named"),
    [
        (["nowhere.png"], r"images\[0\]='nowhere.png' .*; .*No such file"),
        ([b"bytes"], r"images\[0\]=b'bytes'"),
        ("red.png", "images='red.png' is not allowed; allowed: a list"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(images, named):
    with pytest.raises(InvalidArgument, match=named):
        ask_about(Looks(), images, "?")


def test_any_test_may_ask(pytester):
    """Under `@given`, and in fixtures of a whole session."""
    pytester.makepyfile("""
        import pytest
        from hypothesis import given, settings, strategies as st
        from PIL import Image

        @pytest.fixture(scope="session")
        def said(ask, vlm_intervened):
            return ask([Image.new("RGB", (8, 8))], "How many cats?")

        @settings(max_examples=3, deadline=None, database=None)
        @given(side=st.integers(1, 9))
        def test_given(ask, side):
            assert isinstance(ask([Image.new("RGB", (side, 8))], "How many cats?"), str)

        def test_said(said):
            assert isinstance(said, str)
    """)
    pytester.makeini("[pytest]\nvlm = stub:constant\nvlm_catalog = rendered?scenes=400&families=4")
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)
