"""Training data on disk: what readers see, what an interruption costs, what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from datasets import load_from_disk
from PIL import Image

from mimic_checks.catalog import coco, rendered
from mimic_checks.catalog.images import Manifest, SceneImages
from mimic_checks.catalog.presence import Presence, presence
from mimic_checks.catalog.states import DOUBT
from mimic_checks.errors import EmptyPool, InvalidArgument, RemedyError
from remedies import dataset
from remedies.dataset import open_training_data, write_training_data
from remedies.disjoint import evaluation_ids, refuse_shared, training_ids
from remedies.mixture import PAPER, Mixture, Part, load_mixture
from remedies.own_data import training_rows

MIXTURE = Mixture(
    parts=(
        Part(name="counting", family="counting", samples=30, images=(1, 4), turns=(1, 3)),
        Part(name="odd_one", family="odd_one", samples=25, images=(3, 4), options=True),
    ),
    seed=5,
)
SPEC = "rendered?seed=11&scenes=600&families=0"


@pytest.fixture(scope="module")
def catalog():
    return rendered(seed=11, scenes=600, families=0)


@pytest.fixture(scope="module")
def folder(catalog, tmp_path_factory):
    return write_training_data(
        presence(catalog), MIXTURE, tmp_path_factory.mktemp("data") / "d", processes=1
    )


def digest(folder: Path) -> dict[str, str]:
    """Every file but the image root's absolute path in about.json."""
    return {
        str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in sorted(folder.rglob("*"))
        if f.is_file()
    }


def test_datasets_opens_it_and_llava_has_the_same(folder):
    rows = load_from_disk(str(folder))
    assert Counter(rows["part"]) == {"counting": 30, "odd_one": 25}
    records = json.loads((folder / "llava.json").read_text())
    assert [r["id"] for r in records] == list(rows["id"])
    for row, record in zip(rows, records, strict=True):
        assert record["image"] == row["images"]
        said = [message["content"][-1]["text"] for message in row["messages"]]
        assert [turn["value"].replace("<image>\n", "") for turn in record["conversations"]] == said
        assert [turn["from"] for turn in record["conversations"]] == ["human", "gpt"] * (
            len(said) // 2
        )
        images = row["length"]
        assert record["conversations"][0]["value"].count("<image>") == len(row["images"]) == images
        types = [part["type"] for part in row["messages"][0]["content"]]
        assert types == ["image"] * images + ["text"]
        for name, image_id in zip(row["images"], row["image_ids"], strict=True):
            picture = Image.open(folder / name)
            data = b"RGB %dx%d:" % picture.size + picture.tobytes()
            assert hashlib.sha256(data).hexdigest() == image_id


def test_the_datasheet_is_what_the_data_holds(folder):
    sheet, rows = json.loads((folder / "datasheet.json").read_text()), load_from_disk(str(folder))
    assert sheet["totals"]["samples"] == len(rows)
    assert sheet["totals"]["turns"] == sum(len(row["messages"]) // 2 for row in rows)
    assert sheet["totals"]["distinct images"] == len(
        {image for row in rows for image in row["image_ids"]}
    )
    counting = [row for row in rows if row["part"] == "counting"]
    assert sheet["parts"]["counting"]["spread"] == {
        str(k): v for k, v in Counter(row["spread"] for row in counting).items()
    }
    assert sheet["parts"]["counting"]["first answer"] == Counter(
        row["messages"][1]["content"][0]["text"] for row in counting
    )
    text = (folder / "datasheet.md").read_text()
    assert "Class pairs held out" in text
    assert "| spread |" in text


def test_two_processes_write_the_same_bytes_as_one(catalog, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "SHARD", 10)
    one = write_training_data(presence(catalog), MIXTURE, tmp_path / "one", processes=1)
    two = write_training_data(presence(catalog), MIXTURE, tmp_path / "two", processes=2)
    assert len(list(two.glob("*.arrow"))) == 6
    assert digest(one) == digest(two)


def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(folder, tmp_path):
    whole = tmp_path / "whole"
    command = [
        sys.executable,
        "-c",
        "import sys; from remedies import dataset; dataset.SHARD = 100;"
        " from mimic_checks.cli import main; sys.exit(main(sys.argv[1:]))",
        *f"remedy data --catalog {SPEC} --mixture builtin --samples 800".split(),
    ]
    assert subprocess.run([*command, "--out", str(whole)], capture_output=True).returncode == 0
    cut = tmp_path / "cut"
    for wait in (1.6, 2.2, 2.8):
        started = subprocess.Popen(
            [*command, "--out", str(cut)], stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(wait)
        os.killpg(started.pid, 9)
        started.wait()
    assert subprocess.run([*command, "--out", str(cut)], capture_output=True).returncode == 0
    assert digest(cut) == digest(whole), "and nothing is left of what was cut off"


def test_unfinished_data_is_not_opened(folder, tmp_path):
    half = tmp_path / "half"
    half.mkdir()
    (half / "about.json").write_text("{}")
    with pytest.raises(RemedyError, match="is unfinished: give the command that made it again"):
        open_training_data(half)
    with pytest.raises(RemedyError, match="holds no training data"):
        open_training_data(tmp_path / "nothing")


def test_another_mixture_does_not_overwrite(catalog, folder):
    before = digest(folder)
    with pytest.raises(RemedyError, match="made with another mixture"):
        write_training_data(presence(catalog), MIXTURE.model_copy(update={"seed": 6}), folder)
    assert digest(folder) == before


def test_other_files_are_not_written_among(catalog, tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(RemedyError, match="holds other files"):
        write_training_data(presence(catalog), MIXTURE, tmp_path)


def test_a_full_disk_keeps_whole_shards(catalog, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "SHARD", 10)
    real, made = dataset._write_shard, []

    def fails_at_the_fourth(shard, file):
        if len(made) == 3:
            raise OSError(28, "No space left on device")
        made.append(file)
        real(shard, file)

    monkeypatch.setattr(dataset, "_write_shard", fails_at_the_fourth)
    with pytest.raises(
        RemedyError,
        match=r"No space left.*3 of 6 shards are kept: make room and give the same command again",
    ):
        write_training_data(presence(catalog), MIXTURE, tmp_path / "d", processes=1)
    kept = {path: path.stat().st_mtime_ns for path in made}
    monkeypatch.setattr(dataset, "_write_shard", real)
    out = write_training_data(presence(catalog), MIXTURE, tmp_path / "d", processes=1)
    assert {path: path.stat().st_mtime_ns for path in made} == kept
    assert len(load_from_disk(str(out))) == 55


def test_evaluation_images_are_never_trained_on(catalog, tmp_path):
    barred = frozenset(catalog.manifest.digest(row) for row in range(0, len(catalog), 2))
    out = write_training_data(
        presence(catalog), MIXTURE, tmp_path / "d", evaluation=barred, processes=1
    )
    trained = training_ids(open_training_data(out))
    assert trained
    assert not trained & barred


def test_the_check_of_shared_images_sees_one(catalog, folder):
    from mimic_checks.cases import draw, listing_cases

    trained = training_ids(open_training_data(folder))
    with pytest.raises(
        RemedyError, match=r"images of the evaluation cases were trained on.*--keep-out"
    ):
        refuse_shared(trained, draw(listing_cases(catalog, images=4), 50, 0), folder)
    other = rendered(seed=12, scenes=300, families=0)
    refuse_shared(trained, draw(listing_cases(other, images=4), 50, 0), folder)


def test_what_is_kept_out_may_be_a_catalog_a_run_or_a_case_set(catalog, tmp_path):
    from mimic_checks.cli import main

    small = "rendered?seed=11&scenes=120&families=0"
    everything = evaluation_ids([small])
    assert everything == {catalog.manifest.digest(row) for row in range(120)}
    options = f"--check image_count.listing --vlm-cases 5 --vlm-catalog {small}"
    assert main(["cases", "--out", str(tmp_path / "set"), *options.split()]) == 0
    ids = evaluation_ids([str(tmp_path / "set")])
    assert ids
    assert ids < everything
    with pytest.raises(InvalidArgument):
        evaluation_ids(["nothing/like/that"])


def test_photos_stay_where_they_are(photos, tmp_path):
    mixture = Mixture(parts=(Part(name="c", family="counting", samples=20, images=(1, 3)),))
    out = write_training_data(presence(coco(photos)), mixture, tmp_path / "d", processes=1)
    rows, root = training_rows(out)
    assert not list((out / "images").iterdir())
    assert all((root / name).is_file() for row in rows for name in row["images"])


def open_world(states):
    source = SceneImages([], 8)
    rows, classes = np.nonzero(states != DOUBT)
    return Presence(
        "labels",
        ("a", "b"),
        {},
        np.ones(2, dtype=bool),
        np.searchsorted(rows, np.arange(len(states) + 1)),
        classes.astype(np.int16),
        states[rows, classes].astype(np.int16),
        DOUBT,
        source,
        Manifest(source),
    )


def test_labels_without_negatives_are_refused_before_anything_is_written(tmp_path):
    labels = open_world(np.array([[1, DOUBT], [2, 1]] * 4))
    with pytest.raises(EmptyPool, match="no verified negatives"):
        write_training_data(labels, PAPER, tmp_path / "d")
    assert not (tmp_path / "d").exists()


def test_open_questions_on_sparse_labels_need_a_word(tmp_path):
    labels = open_world(np.array([[1, -1], [-1, 1]] * 4))
    with pytest.raises(EmptyPool, match=r"part='common'.*options = true, or training_grade = true"):
        write_training_data(labels, PAPER, tmp_path / "d")


def test_listing_without_super_categories_is_refused(tmp_path):
    labels = open_world(np.array([[1, -1], [-1, 1]] * 4))
    mixture = Mixture(parts=(Part(name="l", family="listing", samples=1, options=True),))
    with pytest.raises(EmptyPool, match=r"part='l'.*no super-category"):
        write_training_data(labels, mixture, tmp_path / "d")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("parts = []", "parts: Tuple should have at least 1 item"),
        (
            "[[parts]]\nname='a'\nfamily='counting'\nsamples=0",
            r"samples: Input should be greater than or equal to 1",
        ),
        (
            "[[parts]]\nname='a'\nfamily='comon'\nsamples=1",
            "family: Input should be 'counting', 'listing', 'common' or 'odd_one'",
        ),
        (
            "[[parts]]\nname='a'\nfamily='common'\nsamples=1\nimages=[1, 4]",
            r"images=\[1, 4\] of part 'a'; allowed: .* 2 <= low",
        ),
        (
            "[[parts]]\nname='a'\nfamily='counting'\nsamples=1\nimage=[1, 4]",
            "image: Extra inputs are not permitted",
        ),
        ("[[parts]]\nname='a'\nfamily='counting'\nsamples=1\n" * 2, "part 'a' is there twice"),
        ("parts = ", "is not valid TOML"),
    ],
)
def test_a_wrong_mixture_is_named(tmp_path, text, says):
    path = tmp_path / "mixture.toml"
    path.write_text(text)
    with pytest.raises(RemedyError, match=says):
        load_mixture(path)


def test_unknown_mixtures_and_the_papers_size():
    with pytest.raises(
        InvalidArgument, match="mixture='papr' is not allowed; .*did you mean 'paper'"
    ):
        load_mixture("papr")
    assert PAPER.samples == 196_831  # the released data.yaml; the paper rounds up to 198K
    assert abs(PAPER.scaled(1000).samples - 1000) <= len(PAPER.parts)


def own(tmp_path, records, weight=0.2):
    (tmp_path / "own.json").write_text(json.dumps(records))
    Image.new("RGB", (16, 16), (9, 9, 9)).save(tmp_path / "mine.png")
    return {"path": str(tmp_path / "own.json"), "image_root": str(tmp_path), "weight": weight}


def test_own_data_joins_by_weight(catalog, tmp_path):
    records = [
        {
            "id": "1",
            "image": "mine.png",
            "conversations": [
                {"from": "human", "value": "What?"},
                {"from": "gpt", "value": "Grey."},
            ],
        },
        {
            "id": "2",
            "image": ["mine.png", "mine.png"],
            "conversations": [
                {"from": "human", "value": "This <image> and that <image>?"},
                {"from": "gpt", "value": "Same."},
            ],
        },
        {
            "id": "3",
            "conversations": [
                {"from": "human", "value": "Hello?"},
                {"from": "gpt", "value": "Hi."},
            ],
        },
    ]
    mixture = Mixture.model_validate({**MIXTURE.model_dump(), "own": [own(tmp_path, records)]})
    rows, _ = training_rows(
        write_training_data(presence(catalog), mixture, tmp_path / "d", processes=1)
    )
    mine = [
        row
        for row in rows
        if any("mine.png" in name for name in row["images"]) or not row["images"]
    ]
    assert len(mine) == round(55 * 0.2 / 0.8)
    shapes = {tuple(part["type"] for part in row["messages"][0]["content"]) for row in mine}
    assert shapes == {("image", "text"), ("text", "image", "text", "image", "text"), ("text",)}
    assert all(Path(name).is_file() for row in mine for name in row["images"])


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([], "is empty"),
        ([{"id": "1"}], "record 0"),
        (
            [{"image": "a", "conversations": [{"from": "human", "value": "<image><image>"}]}],
            "2 <image>",
        ),
    ],
)
def test_broken_own_data_is_named(catalog, tmp_path, records, says):
    mixture = Mixture.model_validate({**MIXTURE.model_dump(), "own": [own(tmp_path, records)]})
    with pytest.raises(RemedyError, match=says):
        training_rows(write_training_data(presence(catalog), mixture, tmp_path / "d", processes=1))
