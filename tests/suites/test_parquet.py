"""Rows of Parquet files and their pictures, against a plain `datasets` loop."""

from __future__ import annotations

import builtins
import pickle
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mimic_checks.errors import SuiteError
from mimic_checks.suites.parquet import rows, shards
from mimic_checks.suites.pictures import Cell
from tests.suites.hub_parquet import write
from tests.suites.scenes import scene


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards of a test split in row groups of two, and a split that nobody asks for."""
    folder = tmp_path_factory.mktemp("hub")
    for shard, first in enumerate((0, 5)):
        numbers = range(first, first + 5)
        write(
            folder / f"data/test-{shard:05}-of-00002.parquet",
            {
                "idx": [str(number) for number in numbers],
                "options": [[f"o{part}" for part in range(number % 3)] for number in numbers],
                "alone": [scene(number) if number % 4 else None for number in numbers],
                "several": [
                    [scene(3 * number + part) for part in range(number % 3)] for number in numbers
                ],
            },
            images=["alone"],
            lists=["several"],
            group=2,
        )
    write(folder / "data/val-00000-of-00001.parquet", {"idx": ["never"]})
    return folder


def test_rows_are_those_of_datasets(folder: Path) -> None:
    files = [str(path) for path in sorted((folder / "data").glob("test-*"))]
    loop = datasets.load_dataset("parquet", data_files=files, split="train", streaming=True)
    loop = loop.cast_column("alone", datasets.Image(decode=False))
    loop = loop.cast_column("several", datasets.List(datasets.Image(decode=False)))
    expected = [
        (
            row["idx"],
            row["options"],
            [row["alone"]["bytes"]] if row["alone"] else [],
            [cell["bytes"] for cell in row["several"]],
        )
        for row in loop
    ]
    found = [
        (
            row.text("idx"),
            list(row.texts("options")),
            [cell.read() for cell in row.pictures["alone"]],
            [cell.read() for cell in row.pictures["several"]],
        )
        for row in rows(shards(folder, "test"), ["idx", "options"], ["alone", "several"])
    ]
    assert found == expected
    assert len(found) == 10


def test_a_picture_is_read_again_in_any_order_and_after_pickling(folder: Path) -> None:
    cells = {
        row.number + 5 * file: row.pictures["several"]
        for file, path in enumerate(shards(folder, "test"))
        for row in rows([path], ["idx"], ["several"])
    }
    for number in (9, 0, 8, 2, 5, 1, 8):
        for part, cell in enumerate(pickle.loads(pickle.dumps(cells[number]))):
            assert cell.read() == scene(3 * number + part), cell.name


def test_an_overwritten_file_is_not_answered_from_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"p": [scene(1), scene(2)]}, images=["p"])
    assert Cell(path, 1, "p").read() == scene(2)
    write(path, {"p": [scene(3), scene(4)]}, images=["p"])
    assert Cell(path, 1, "p").read() == scene(4)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (Cell(Path("x"), 9, "p"), "2 rows, no row 9"),
        (Cell(Path("x"), 0, "q"), "no column 'q'"),
        (Cell(Path("x"), 0, "p"), "x.parquet row 0 p: the cell holds no bytes"),
        (Cell(Path("x"), 1, "p"), "only their path 'elsewhere.png'"),
        (Cell(Path("x"), 1, "list", 1), "row 1 list[1]: the cell holds 1 picture"),
    ],
)
def test_a_cell_without_a_picture_says_so(cell: Cell, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    nothing = [{"bytes": None, "path": None}, {"bytes": None, "path": "elsewhere.png"}]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    lists = pa.array([None, [{"bytes": b"1", "path": None}]], pa.list_(kind))
    pq.write_table(pa.table({"p": pa.array(nothing, kind), "list": lists}), path)
    with pytest.raises(OSError) as caught:
        Cell(path, cell.row, cell.column, cell.index).read()
    assert words in str(caught.value)


def test_pictures_are_absent_present_or_a_mere_path(tmp_path: Path) -> None:
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    cells = [
        None,
        {"bytes": None, "path": None},
        {"bytes": None, "path": "elsewhere.png"},
        {"bytes": b"1", "path": None},
    ]
    plain = pa.array([b"1", None, b"2", None], pa.large_binary())
    pq.write_table(pa.table({"p": pa.array(cells, kind), "plain": plain}), tmp_path / "a.parquet")
    found = list(rows(shards(tmp_path), [], ["p", "plain"]))
    assert [len(row.pictures["p"]) for row in found] == [0, 0, 1, 1]
    assert [[cell.read() for cell in row.pictures["plain"]] for row in found] == [
        [b"1"],
        [],
        [b"2"],
        [],
    ]


def test_wrong_columns_are_named_before_the_first_row(tmp_path: Path) -> None:
    write(tmp_path / "test-0.parquet", {"idx": ["1"], "image": ["a.png"]})
    write(tmp_path / "test-1.parquet", {"id": ["1"], "image": ["a.png"]})
    with pytest.raises(SuiteError, match=r"test-1.parquet has no column 'idx'; it has 'id', 'im"):
        rows(shards(tmp_path, "test"), ["idx"])
    with pytest.raises(SuiteError, match="'image' is of type string; allowed: the bytes"):
        rows(shards(tmp_path)[:1], ["idx"], ["image"])


def test_wrong_values_are_named_with_their_row(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"options": [["a"]], "n": [7], "none": [None]})
    row = next(rows(shards(tmp_path), ["options", "n", "none"]))
    assert (row.text("n"), row.text("none"), row.texts("none")) == ("7", "", ())
    with pytest.raises(SuiteError, match=r"a.parquet row 0: options=\['a'\].*allowed: a text"):
        row.text("options")
    with pytest.raises(SuiteError, match="n=7 .* allowed: a list of texts"):
        row.texts("n")


def test_shards_of_a_split(tmp_path: Path) -> None:
    names = ["Art/val-00000-of-00001", "Art/test-00000-of-00001", "Two/validation/0000", "plain"]
    for name in names:
        path = tmp_path / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.touch()
    found = [str(path.relative_to(tmp_path)) for path in shards(tmp_path, "val")]
    assert found == [
        "Art/val-00000-of-00001.parquet",
        "Two/validation/0000.parquet",
        "plain.parquet",
    ]
    assert len(shards(tmp_path)) == 4
    with pytest.raises(SuiteError, match="no Parquet file of split 'train', only test-00000"):
        shards(tmp_path / "Art", "train")


def test_folders_without_files(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="does not exist"):
        shards(tmp_path / "absent")
    with pytest.raises(SuiteError, match="no Parquet file; give the folder"):
        shards(tmp_path)
    (tmp_path / "a.parquet").write_text("no such thing")
    with pytest.raises(SuiteError, match="a.parquet cannot be read as a Parquet file"):
        rows(shards(tmp_path), ["idx"])


def test_without_pyarrow_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SuiteError, match=r"mimic-checks\[suites\]"):
        rows(shards(folder, "test"), ["idx"])


def test_no_more_than_a_row_group_is_in_memory(tmp_path: Path) -> None:
    """Arrow's own count of its bytes: 40 groups of 1 MB, never more than three of them."""
    noise = [{"p": [bytes([n]) * 1_000_000 for n in range(40)]}]
    pq.write_table(
        pa.table({"p": pa.array(noise[0]["p"])}),
        tmp_path / "a.parquet",
        row_group_size=1,
        compression="none",
        use_dictionary=False,
    )
    before, most, total = pa.total_allocated_bytes(), 0, 0
    for row in rows(shards(tmp_path), [], ["p"]):
        total += len(row.pictures["p"][0].read())
        most = max(most, pa.total_allocated_bytes() - before)
    assert total == 40_000_000
    assert most < 3_000_000
