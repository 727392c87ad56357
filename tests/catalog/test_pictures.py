"""Foreign picture files: what is opened, what becomes of every mode, and what is unreadable."""

from __future__ import annotations

import contextlib
import hashlib
import io
import subprocess
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from mimic_checks.catalog.images import FORMATS, FileImages, Manifest, decode, look_at, open_image
from mimic_checks.errors import CatalogError

RAMP = np.arange(256).reshape(16, 16)
RED = (255, 0, 0)


def encoded(picture, kind, **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def noise(width, height):
    values = np.random.default_rng(0).integers(256, size=(height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def levels(data: bytes) -> int:
    return len(np.unique(np.asarray(decode(data).convert("L"))))


@pytest.mark.parametrize("step", [1, 16, 256, 257])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_256_levels_of_grey_stay_256_levels_in_16_bits(kind, step):
    """In a container of 16 bits, whether 8, 12 or all 16 are in use."""
    data = encoded(Image.fromarray((RAMP * step).astype(np.uint16)), kind)
    assert levels(data) == 256
    assert (np.asarray(decode(data))[..., 0] == RAMP).all()


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (RAMP / 255, RAMP),
        (RAMP * 1000.0 - 7, RAMP),
        (np.full((16, 16), 0.5), np.full((16, 16), 128)),
        (np.full((16, 16), -3.0), np.full((16, 16), 128)),
    ],
)
def test_floats_are_scaled(values, shown):
    data = encoded(Image.fromarray(values.astype(np.float32)), "TIFF")
    assert (np.asarray(decode(data))[..., 1] == shown).all()


def test_whole_numbers_of_32_bits_are_scaled():
    data = encoded(Image.fromarray((RAMP * 99999 - 5).astype(np.int32)), "TIFF")
    assert (np.asarray(decode(data))[..., 2] == RAMP).all()


@pytest.mark.parametrize("worst", [np.nan, np.inf, -np.inf])
def test_floats_that_are_no_numbers_are_unreadable_with_the_reason(worst):
    values = np.full((4, 4), 0.5, dtype=np.float32)
    values[2, 1] = worst
    with pytest.raises(ValueError, match="no numbers"):
        decode(encoded(Image.fromarray(values), "TIFF"))


def see_through(kind):
    """A red picture whose left half is transparent, in several encodings."""
    alpha = Image.new("L", (8, 8), 255)
    alpha.paste(0, (0, 0, 4, 8))
    picture = Image.new("RGB", (8, 8), RED)
    if kind == "palette":
        flat = Image.new("P", (8, 8), 1)
        flat.putpalette([0, 0, 0, *RED])
        flat.paste(0, (0, 0, 4, 8))
        return encoded(flat, "PNG", transparency=0)
    if kind == "palette of bytes":
        flat = Image.new("P", (8, 8), 1)
        flat.putpalette([0, 0, 0, *RED])
        flat.paste(0, (0, 0, 4, 8))
        return encoded(flat, "PNG", transparency=b"\x00\xff")
    if kind == "colour":
        picture.paste((9, 9, 9), (0, 0, 4, 8))
        return encoded(picture, "PNG", transparency=(9, 9, 9))
    if kind == "gif":
        flat = Image.new("P", (8, 8), 1)
        flat.putpalette([0, 0, 0, *RED])
        flat.paste(0, (0, 0, 4, 8))
        return encoded(flat, "GIF", transparency=0)
    picture.putalpha(alpha)
    return encoded(picture, kind, **({"lossless": True} if kind == "WEBP" else {}))


@pytest.mark.parametrize(
    "kind", ["PNG", "WEBP", "TIFF", "palette", "palette of bytes", "colour", "gif"]
)
def test_what_shines_through_is_white(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = decode(see_through(kind))
    assert picture.mode == "RGB"
    assert not picture.info
    assert (np.asarray(picture)[:, :4] == 255).all()
    assert (np.asarray(picture)[:, 4:] == RED).all()


def test_grey_with_alpha_is_laid_on_white():
    grey = Image.merge("LA", [Image.new("L", (4, 4), 100), Image.new("L", (4, 4), 0)])
    assert (np.asarray(decode(encoded(grey, "PNG"))) == 255).all()


def test_a_transparent_level_of_16_bits_is_white():
    values = np.full((4, 4), 40000, dtype=np.uint16)
    values[0] = 7
    shown = np.asarray(decode(encoded(Image.fromarray(values), "PNG", transparency=7)))
    assert (shown[0] == 255).all()
    assert (shown[1:] == 40000 >> 8).all()


def test_cmyk_is_shown_in_its_colours():
    shown = np.asarray(decode(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")))
    assert (np.abs(shown.astype(int) - RED) < 8).all()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG", "MPO"])
def test_of_several_pictures_the_first_is_shown(kind):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert (np.abs(np.asarray(decode(data)).astype(int) - RED) < 8).all()


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n"


def test_only_formats_of_the_list_are_opened(tmp_path, monkeypatch):
    """Pillow would start Ghostscript for this one."""
    monkeypatch.setattr(subprocess, "check_call", lambda *a, **k: pytest.fail("a program started"))
    path = tmp_path / "photo.jpg"
    path.write_bytes(EPS)
    for read in (open_image, look_at):
        with pytest.raises(OSError, match="no picture of a format that is opened"):
            read(path)
    for kind in ("PPM", "TGA", "ICO", "PCX", "JPEG2000", "SGI"):
        with pytest.raises(OSError, match="no picture of a format that is opened"):
            decode(encoded(Image.new("RGB", (16, 16)), kind))
    for kind in FORMATS:
        assert decode(encoded(Image.new("RGB", (16, 16), "white"), kind)).size == (16, 16)


@given(st.sampled_from(FORMATS), st.data())
def test_broken_files_are_unreadable_and_nothing_else(kind, data):
    """Whatever its readers raise at broken bytes, two errors come out."""
    content = bytearray(encoded(noise(12, 9), kind))
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    with contextlib.suppress(OSError, ValueError):
        assert decode(bytes(content)).mode == "RGB"


def test_what_else_a_reader_raises_is_a_reason_too():
    """A PNG whose first chunk of pixels says that it is shorter than it is: a SyntaxError."""
    content = bytearray(encoded(noise(12, 9), "PNG"))
    length = content.index(b"IDAT") - 4
    content[length : length + 4] = (1).to_bytes(4)
    with pytest.raises(OSError, match="broken: SyntaxError"):
        decode(bytes(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_a_truncated_file_is_unreadable(kind):
    data = encoded(noise(64, 64), kind)
    with pytest.raises(OSError, match=r"."):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("times", [1.5, 3])
def test_a_decompression_bomb_is_unreadable_also_where_warnings_are_errors(monkeypatch, times):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    data = encoded(Image.new("1", (int(100 * times), 100)), "PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="decompression bomb"):
            decode(data)


def oriented(kind, orientation, size=(80, 40)):
    """White with a blue corner, top left of the stored pixels."""
    picture = Image.new("RGB", size, "white")
    picture.paste((0, 0, 255), (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture, kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_they_say(tmp_path, kind, orientation):
    """Against Pillow's own turning."""
    path = tmp_path / "picture"
    path.write_bytes(oriented(kind, orientation))
    with Image.open(path) as plain:
        expected = ImageOps.exif_transpose(plain).convert("RGB")
    assert open_image(path).tobytes() == expected.tobytes()
    look = look_at(path)
    assert (look.stored, look.orientation) == ((80, 40), orientation)
    assert look.shown == expected.size == ((40, 80) if orientation >= 5 else (80, 40))
    _, hashed = FileImages([path]).load(0)
    assert hashed == path.read_bytes(), "the id is the file's"


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_is_none_turns_nothing(orientation):
    assert decode(oriented("JPEG", orientation)).size == (80, 40)


def test_a_picture_with_broken_exif_is_read_as_it_stands():
    data = encoded(Image.new("RGB", (80, 40)), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff")
    assert decode(data).size == (80, 40)


class Files:
    """A source whose pictures are made of what a test gives, one after another."""

    def __init__(self, *contents):
        self.contents = contents
        self.loaded = []

    def load(self, row):
        self.loaded.append(row)
        return Image.new("RGB", (2, 2)), self.contents[row]

    def describe(self, row):
        return f"{row}.png"


def test_a_picture_under_two_rows_is_the_first_rows():
    manifest = Manifest(Files(b"a", b"b", b"a"))
    assert [manifest.readable(row) for row in range(3)] == [True, True, False]
    assert manifest.row(hashlib.sha256(b"a").hexdigest()) == 0
    assert manifest.unreadable == {2: "2.png: the same picture as 0.png"}


def test_a_picture_under_two_rows_of_different_labels_is_refused():
    manifest = Manifest(Files(b"a", b"b", b"a"), alike=lambda first, second: False)
    assert manifest.readable(1)
    assert manifest.readable(2)
    with pytest.raises(CatalogError, match="'2.png' and '0.png' are one picture with different"):
        manifest.readable(0)


def test_an_id_that_a_thread_sees_has_its_row():
    """The row must be noted before the id: whoever sees an id takes no lock to ask for its row."""
    ids_of, rows_of = [], []

    class Noting(dict):
        def __init__(self, log):
            self.log = log

        def __setitem__(self, key, value):
            self.log.append(threading.get_ident())
            (rows_of if self.log is rows else ids_of).append((len(ids_of), len(rows_of)))
            super().__setitem__(key, value)

    ids, rows = [], []
    manifest = Manifest(Files(b"a"))
    manifest._ids, manifest._row_of = Noting(ids), Noting(rows)
    assert manifest.readable(0)
    assert rows_of == [(0, 0)], "the row came first"
    assert ids_of == [(0, 1)]
