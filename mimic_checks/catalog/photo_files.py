"""The files of a COCO data set: which one holds the labels, and where its photos are."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PureWindowsPath

from mimic_checks.catalog.coco_file import Photo
from mimic_checks.catalog.problems import Problems
from mimic_checks.errors import CatalogError, InvalidArgument

_OTHER_FORMATS: Mapping[str, tuple[str, ...]] = {
    "YOLO": ("labels/*.txt", "labels/*/*.txt", "*/labels/*.txt", "data.yaml", "data.yml"),
    "Pascal VOC": ("Annotations/*.xml", "annotations/*.xml", "*.xml"),
    "images with captions": ("metadata.jsonl", "captions*", "*captions*.json"),
}
_OTHER_CURE = (
    "its boxes must be exported as one COCO instances JSON (CVAT, FiftyOne, Label Studio and"
    " Roboflow write it) in annotations/"
)


def annotation_file(folder: Path, chosen: str) -> Path:
    """The file with the labels; `chosen` picks one of several by name.

    Raises:
        CatalogError: no such folder, no file in it, or several; says what kind of data set it looks
            like.
        InvalidArgument: none is called `chosen`.
    """
    if not folder.is_dir():
        raise CatalogError(
            f"catalog={str(folder)!r} is not a directory; give coco:<folder> with annotations/ and"
            " the images in it"
        )
    files = sorted({*folder.glob("annotations/*.json"), *folder.glob("*.json")})
    if chosen:
        match = [path for path in files if path.name == chosen or path == Path(chosen)]
        if not match:
            raise InvalidArgument("annotations", chosen, allowed=[path.name for path in files])
        return match[0]
    # COCO's own download has captions and keypoints beside the instances.
    files = [path for path in files if path.name.startswith("instances")] or files
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        raise CatalogError(
            f"catalog={str(folder)!r} has {len(files)} annotation files ({names}); "
            + (
                "pick one with coco:<folder>?annotations=<file name>"
                if files
                else _looks_like(folder)
            )
        )
    return files[0]


def _looks_like(folder: Path) -> str:
    for kind, patterns in _OTHER_FORMATS.items():
        if any(next(folder.glob(pattern), None) for pattern in patterns):
            return f"it looks like a folder of {kind}: {_OTHER_CURE}"
    return "need one, annotations/instances*.json"


def photo_paths(
    folder: Path, annotations: Path, photos: Sequence[Photo], problems: Problems
) -> list[Path | None]:
    """The file of every photo, None where there is none. Two photos that name one file are noted
    as a problem.

    Names are read as their writers meant them: relative to a folder for images, to the split's or
    to the data set's own, with slashes of either kind; absolute ones are also looked for inside the
    data set, which may have been moved."""
    split = annotations.stem.removeprefix("instances_")
    # The layouts that are met in practice; the one that fits best, since files may be missing.
    homes = ("images", split, f"images/{split}", "")
    present = _files_in(folder, homes)
    home = max(
        homes,
        key=lambda home: sum(
            _inside(home, photo.file_name, present) is not None for photo in photos
        ),
    )
    paths = [
        _inside(home, photo.file_name, present) or _absolute(home, photo.file_name, present)
        for photo in photos
    ]
    _note_shared(photos, paths, problems)
    # Neither a link to nothing nor a pipe, which would be waited for without an end.
    return [path if path and path.is_file() else None for path in paths]


def _files_in(folder: Path, homes: Iterable[str]) -> dict[str, Path]:
    """All files by their path from the folder. One walk, in place of a look-up on disk for each of
    many thousand photos; a home may be a link to somewhere else."""
    tops = [folder, *(folder / home for home in homes if home and (folder / home).is_symlink())]
    return {
        _key(f"{step}/{name}"): Path(place, name)
        for top in tops
        for place, _, names in os.walk(top)
        for step in (os.path.relpath(place, folder),)
        for name in names
    }


def _inside(home: str, name: str, present: Mapping[str, Path]) -> Path | None:
    if _is_absolute(name):
        return None
    # As it stands first: on some systems a backslash is a letter like any other.
    for spelled in (name, name.replace("\\", "/")):
        if found := present.get(_key(f"{home}/{spelled}" if home else spelled)):
            return found
    return None


def _absolute(home: str, name: str, present: Mapping[str, Path]) -> Path | None:
    """The file of an absolute path, or else the one of the data set that ends most like it."""
    if not _is_absolute(name):
        return None
    try:
        if Path(name).is_file():
            return Path(name)
    except (OSError, ValueError):  # a NUL, or what no file system can spell
        return None
    steps = name.replace("\\", "/").split("/")
    ends = ("/".join(steps[start:]) for start in range(1, len(steps)))
    return next(filter(None, (_inside(home, end, present) for end in ends if end)), None)


def _is_absolute(name: str) -> bool:
    return name.startswith("/") or PureWindowsPath(name).is_absolute()


def _key(path: str) -> str:
    """A path as both sides of a look-up spell it: some systems split accents from their letters."""
    return unicodedata.normalize("NFC", os.path.normpath(path).replace(os.sep, "/"))


def _note_shared(photos: Iterable[Photo], paths: Iterable[Path | None], problems: Problems) -> None:
    first: dict[Path, Photo] = {}
    for photo, path in zip(photos, paths, strict=True):
        known = first.setdefault(path, photo) if path else photo
        if known is not photo:
            problems.add(
                f"image file {known.file_name!r} twice: in images {known.id!r} and {photo.id!r}"
                + (f" ({photo.file_name!r})" if photo.file_name != known.file_name else ""),
                "merge the entries of one file, and the annotations of both",
            )
