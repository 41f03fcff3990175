"""Tables in Excel workbooks."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from soundcal.errors import RecordError
from soundcal.files.tables import read_table_text


def book(path: Path, *rows: list[Any]) -> Path:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    made.save(path)
    return path


def test_cells_are_text_and_numbers_are_exact(tmp_path: Path) -> None:
    path = book(
        tmp_path / "t.xlsx",
        ["stimulus", "value", "unit"],
        ["01", 62.123456789012345, "dB"],
        [2, 63, None],
        [None, None, None],
        ["03", None, "dB"],
    )
    table = read_table_text(path)
    assert table.columns == ("stimulus", "value", "unit")
    assert table.names("stimulus") == ["01", "2", "03"]
    assert table.numbers("value")[:2] == pytest.approx([62.123456789012345, 63.0], rel=1e-15)
    assert table.numbers("value")[2] != table.numbers("value")[2]
    assert table.lines == (2, 3, 5)


def test_other_sheets_are_named(tmp_path: Path) -> None:
    made = Workbook()
    made.active.title = "levels"
    made.active.append(["a", "b"])
    made.active.append([1, 2])
    made.create_sheet("more")
    made.save(tmp_path / "t.xlsx")
    table = read_table_text(tmp_path / "t.xlsx")
    assert [note.split(": ", 1)[1] for note in table.notes] == [
        "the sheet levels is read; not more"
    ]


def test_a_formula_without_its_value_is_refused(tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", ["a", "b"], [1, "=A2+1"])
    with pytest.raises(RecordError, match="B2 has the formula =A2"):
        read_table_text(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a;b\n1;2\n"])
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.xlsx").write_bytes(content)
    with pytest.raises(RecordError, match="cannot be read as a workbook"):
        read_table_text(tmp_path / "t.xlsx")


def test_a_workbook_that_unpacks_to_any_size_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as parts:
        for number in range(3):
            parts.writestr(f"xl/{number}.xml", bytes(1 << 27))
    with pytest.raises(RecordError, match="unpacks to 384 MiB"):
        read_table_text(tmp_path / "t.xlsx")


def test_a_workbook_has_the_limits_of_all_tables(tmp_path: Path) -> None:
    path = book(tmp_path / "t.xlsx", ["a"] * 5001, [1] * 5001)
    with pytest.raises(RecordError, match="line 1: too large for a table"):
        read_table_text(path)
