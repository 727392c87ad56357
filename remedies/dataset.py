"""Training data on disk, for Hugging Face `datasets` and in LLaVA's own format.

    data-00000-of-00012.arrow     samples; `datasets.load_from_disk(folder)` memory-maps them all
    images/                       pictures of rendered catalogs (photos stay where they are)
    llava.json                    the same samples in LLaVA's format
    about.json                    what made them: catalog, mixture, image root, held-out pairs
    datasheet.md, datasheet.json  what is in the data

Every shard comes from a random generator of its own and is renamed when it is complete: however
many processes make them, the same command goes on after any interruption and gives the same bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mimic_checks
from mimic_checks.catalog.images import SceneImages
from mimic_checks.catalog.presence import Presence
from mimic_checks.catalog.scene import render
from mimic_checks.errors import EmptyPool, RemedyError
from mimic_checks.runs.hold import LOCK, held
from mimic_checks.runs.whole_file import PART, rename_whole, sweep_parts
from remedies.columns import FACTORS, features
from remedies.finish import finish
from remedies.generate import samples
from remedies.held_out import held_out_pairs
from remedies.in_processes import in_processes
from remedies.mixture import Mixture, Part
from remedies.pools import Pools
from remedies.records import read_record, write_record
from remedies.sample import Sample, conversation

SHARD = 5_000
"""Samples a shard, at most: what an interruption can cost."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Shard:
    """One file: `number` samples of a part, `index` of its part's shards."""

    part: Part
    part_index: int
    index: int
    number: int


@dataclass
class _Job:
    """What every shard needs; forked processes inherit it."""

    pools: Pools
    mixture: Mixture
    evaluation: frozenset[str]
    folder: Path
    image_root: Path
    photo_folder: Path
    ids: dict[int, str]


_JOB: _Job | None = None


def write_training_data(
    presence: Presence,
    mixture: Mixture,
    folder: Path,
    *,
    evaluation: frozenset[str] = frozenset(),
    processes: int = 2,
    progress: Progress | None = None,
) -> Path:
    """Writes the mixture's procedural samples; returns the folder.

    `evaluation`: ids of images that no sample may show.

    Raises:
        EmptyPool: a part that this catalog cannot fill, before anything is written where that can
            be known.
        RemedyError: the folder holds other data, or the disk failed; finished shards are kept.
        RunFolderError: another process is at work in the folder.
    """
    check_labels(presence, mixture)
    held_out = held_out_pairs(
        presence.class_names, name=mixture.held_out, share=mixture.held_out_share
    )
    pools = Pools(presence, held_out)
    folder = folder.resolve()
    with held(folder, "--out"):
        _open(folder, _about(presence, mixture, evaluation, folder, held_out))
        _fill(folder, presence, pools, mixture, evaluation, processes, progress)
    return folder


def _fill(
    folder: Path,
    presence: Presence,
    pools: Pools,
    mixture: Mixture,
    evaluation: frozenset[str],
    processes: int,
    progress: Progress | None,
) -> None:
    """Makes the shards that are missing, and what goes with them."""
    global _JOB
    shards = list(_shards(mixture))
    files = [
        folder / f"data-{number:05d}-of-{len(shards):05d}.arrow" for number in range(len(shards))
    ]
    # A shard that is there is complete, for it gets its name when it is: only the others are made.
    missing = [number for number, file in enumerate(files) if not file.is_file()]
    done = sum(shard.number for shard, file in zip(shards, files, strict=True) if file.is_file())
    first = presence.source.file(0)
    photo_folder = first.parent if first else folder
    # Forked processes find the job in this global, so the catalog is never pickled.
    root = image_root(presence, folder)
    _JOB = _Job(pools, mixture, evaluation, folder, root, photo_folder, {})
    if any(part.family == "odd_one" for part in mixture.parts):
        pools.alike  # noqa: B018  (made once, before the processes fork)
    try:
        written = in_processes(_write_shard, [(shards[k], files[k]) for k in missing], processes)
        for number, _ in zip(missing, written, strict=True):
            done += shards[number].number
            if progress:
                progress(done, mixture.samples)
        finish(folder, files, processes)
    except BrokenProcessPool as error:
        raise RemedyError(
            f"out={str(folder)!r}: a process that made a shard was killed (out of memory?);"
            " finished shards are kept: give the same command again, with fewer --processes if it"
            " recurs"
        ) from error
    except OSError as error:
        finished = sum(file.is_file() for file in files)
        raise RemedyError(
            f"out={str(folder)!r}: writing failed ({error}); {finished} of {len(files)} shards"
            " are kept: make room and give the same command again"
        ) from error
    finally:
        _JOB = None


def check_labels(presence: Presence, mixture: Mixture) -> None:
    """Refuses what the catalog's labels cannot settle.

    Raises:
        EmptyPool: no super-categories to list by, no verified negatives, or open questions without
            `training_grade`.
    """
    if not presence.exhaustive:
        _check_sparse(presence, mixture)
    listing = [part for part in mixture.parts if part.family == "listing"]
    if listing and not any(len(members) > 1 for members in presence.groups.values()):
        raise EmptyPool(
            f"part={listing[0].name!r}: catalog={presence.name!r} has no super-category of two"
            " classes or more; give the class hierarchy too, or leave listing out"
        )


def _check_sparse(presence: Presence, mixture: Mixture) -> None:
    if not any(len(presence.verified_absent(c)) for c in range(len(presence.class_names))):
        raise EmptyPool(
            f"catalog={presence.name!r} has no verified negatives: no image is known to lack"
            " anything, so no distractor and no wrong option is certain;"
            " give the human-verified image labels (Confidence 0) too"
        )
    for part in mixture.parts:
        if part.family in ("common", "odd_one") and not part.options and not part.training_grade:
            raise EmptyPool(
                f"part={part.name!r}: an open {part.family} question needs to know about every"
                f" class, and catalog={presence.name!r} does not; set options = true, or"
                " training_grade = true to train on what is probably right"
            )


def image_root(presence: Presence, folder: Path) -> Path:
    """What image paths are relative to: this folder for rendered scenes, else the photos'."""
    first = presence.source.file(0)
    return folder if first is None else first.parent.absolute()


def _shards(mixture: Mixture) -> Iterator[_Shard]:
    for part_index, part in enumerate(mixture.parts):
        for index, start in enumerate(range(0, part.samples, SHARD)):
            yield _Shard(part, part_index, index, min(SHARD, part.samples - start))


def _write_shard(shard: _Shard, file: Path) -> None:
    """Writes one shard; a sample with an evaluation image is drawn again."""
    from datasets.arrow_writer import ArrowWriter

    assert _JOB is not None
    job = _JOB
    # Seeded by what the shard is, not by who makes it or when.
    rng = np.random.default_rng([job.mixture.seed, shard.part_index, shard.index])
    part = file.with_name(file.name + ".part")
    with ArrowWriter(path=str(part), features=features()) as writer:
        drawn = samples(
            job.pools, shard.part, shard.number, rng, allowed=lambda rows: _allowed(job, rows)
        )
        for number, sample in enumerate(drawn):
            writer.write(_record(job, sample, f"{shard.part.name}-{shard.index:03d}-{number:05d}"))
        writer.finalize()
    rename_whole(part, file)


def _allowed(job: _Job, rows: Sequence[int]) -> bool:
    # Without evaluation images no picture need be read and hashed here.
    return not job.evaluation or all(_image_id(job, row) not in job.evaluation for row in rows)


def _image_id(job: _Job, row: int) -> str:
    if row not in job.ids:
        job.ids[row] = job.pools.presence.manifest.digest(row)
    return job.ids[row]


def _record(job: _Job, sample: Sample, sample_id: str) -> dict[str, Any]:
    turns = [(turn.question, turn.answer) for turn in sample.turns]
    return {
        "id": sample_id,
        "part": sample.part,
        "images": [_path(job, row) for row in sample.rows],
        "image_ids": [_image_id(job, row) for row in sample.rows],
        "messages": conversation(turns, len(sample.rows)),
        "length": len(sample.rows),
        "grade": sample.grade,
        "asked": [list(turn.asked) for turn in sample.turns],
        "tasks": [turn.task for turn in sample.turns],
        "options": sample.turns[0].options,
        **{name: sample.factors.get(name) for name in FACTORS},
    }


def _path(job: _Job, row: int) -> str:
    """Where the picture is, relative to the image root.

    A rendered scene is written when it is first used.
    """
    source = job.pools.presence.source
    if (file := source.file(row)) is not None:
        # Nearly all photos are in one folder, and relpath is slow.
        is_beside = file.parent == job.photo_folder
        return file.name if is_beside else os.path.relpath(file, job.image_root)
    assert isinstance(source, SceneImages)
    path = job.folder / "images" / f"{_image_id(job, row)[:32]}.png"
    if not path.is_file():
        # Two processes may write the same picture at once: each its own file, the last one stays.
        part = path.with_name(f"{path.name}.{os.getpid()}.{PART}")
        render(source.scenes[row], source.size_px).save(part, format="PNG")
        rename_whole(part, path)
    return f"images/{path.name}"


def _about(
    presence: Presence,
    mixture: Mixture,
    evaluation: frozenset[str],
    folder: Path,
    held_out: NDArray[np.bool_],
) -> dict[str, Any]:
    pairs = [
        [presence.class_names[i], presence.class_names[j]]
        for i, j in np.argwhere(np.triu(held_out)).tolist()
    ]
    return {
        "suite": mimic_checks.__version__,
        "catalog": presence.name,
        "class_names": list(presence.class_names),
        "mixture": mixture.model_dump(mode="json"),
        "image_root": str(image_root(presence, folder)) if presence.source.file(0) else ".",
        "held_out_pairs": pairs,
        "evaluation": {
            "images": len(evaluation),
            "digest": hashlib.sha256("".join(sorted(evaluation)).encode()).hexdigest(),
        },
    }


def _open(folder: Path, about: dict[str, Any]) -> None:
    """Makes the folder ready; one that another catalog, mixture or evaluation made is refused."""
    path = folder / "about.json"
    try:
        # Any difference, a new version of the suite too: shards of two makings do not go together.
        if path.is_file() and (old := read_record(path)) != about:
            differs = next(key for key in about if old.get(key) != about[key])
            raise RemedyError(
                f"out={str(folder)!r} holds training data made with another {differs};"
                " give a new folder, or delete this one"
            )
        sweep_parts(folder)
        if not path.is_file() and any(entry.name != LOCK for entry in folder.iterdir()):
            raise RemedyError(f"out={str(folder)!r} holds other files; give a new folder")
        # First of all: a folder without it holds other files.
        if not path.is_file():
            write_record(path, about)
        (folder / "images").mkdir(exist_ok=True)
    except OSError as error:
        raise RemedyError(
            f"out={str(folder)!r} cannot be written: {error}; give another folder"
        ) from error


def open_training_data(folder: Path) -> Any:
    """The samples as a memory-mapped `datasets.Dataset`.

    Raises:
        RemedyError: no training data here, or unfinished.
    """
    from datasets import load_from_disk

    if not (folder / "state.json").is_file():
        started = (folder / "about.json").is_file()
        problem = (
            "is unfinished: give the command that made it again"
            if started
            else "holds no training data; make some with: mimic-checks remedy data"
        )
        raise RemedyError(f"data={str(folder)!r} {problem}")
    return load_from_disk(str(folder))
