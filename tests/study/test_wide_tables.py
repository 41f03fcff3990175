"""Wide tables of other programs become the tidy table that they stand for, or are refused.

The tables are made here, in the spellings of Soundscapy, of the International Soundscape Database
and of exported curves of ArtemiS SUITE, which were read, and of spreadsheets.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import Workbook

from soundcal.errors import RecordError, SoundcalError
from soundcal.study import read_table, study_of
from soundcal.study.headings import read_heading, read_headings

SOUNDS = ("CG01", "CG02", "CG03")
EARS = ("left", "right")
HATS = {
    (sound, ear, label): base + 2.5 * n + step
    for n, sound in enumerate(SOUNDS)
    for step, ear in ((0.25, "left"), (0.5, "right"))
    for label, base in (("LAeq", 60.0), ("N5", 12.0), ("Smean", 1.5))
}


def value(sound: str, ear: str, label: str, comma: bool = False) -> str:
    text = f"{HATS[sound, ear, label]:.2f}"
    return text.replace(".", ",") if comma else text


def line(
    sound: str, labels: tuple[str, ...] = ("LAeq", "N5", "Smean"), comma: bool = False
) -> list:
    return [value(sound, ear, label, comma) for label in labels for ear in EARS]


def soundscapy(sep: str = ",", index: str = "Recording,Channel") -> str:
    rows = [f"{index},LAeq,LAeq_kurt,N_5,S_L_avg,TFSD".replace(",", sep)]
    for sound in SOUNDS:
        for ear in EARS:
            cells = [value(sound, ear, label) for label in ("LAeq", "N5", "Smean")]
            rows.append(sep.join([sound, ear.title(), cells[0], "-0.2", *cells[1:], "0.5"]))
    return "\n".join(rows)


def artemis() -> str:
    rows = ["ArtemiS SUITE 15.6", "Projekt;Größe", "", "Datei;Leq(A) links;Leq(A) rechts;"]
    rows[-1] += "N5 links;N5 rechts;S, Mittel, links;S, Mittel, rechts;Bemerkung"
    rows.append(";dB(SPL);dB(SPL);soneGF;soneGF;acum;acum;")
    rows += [";".join([rf"C:\Neu\{s}.hdf", *line(s, comma=True), "gut"]) for s in SOUNDS]
    return "\n".join([*rows, "Mittelwert;62,7;62,9;14,7;14,9;1,7;1,9;"])


def spreadsheet(header: str, comma: bool = False) -> str:
    rows = [header, *(";".join([f"{s}.wav", *line(s, comma=comma)]) for s in SOUNDS)]
    return "\n".join(rows)


def multiindex() -> str:
    labels = [label for label in ("LAeq", "N_5", "S_avg") for _ in EARS]
    rows = [["", *labels], ["Channel", *("Left", "Right") * 3], ["Recording", *[""] * 6]]
    rows += [[sound, *line(sound)] for sound in SOUNDS]
    return "\n".join(map(",".join, rows))


DIALECTS: dict[str, Callable[[], str]] = {
    "Soundscapy": soundscapy,
    "Soundscapy without names": lambda: soundscapy(index=","),
    "Soundscapy, tabs": lambda: soundscapy("\t"),
    "pandas, columns of two levels": multiindex,
    "ArtemiS": artemis,
    "units behind a slash": lambda: spreadsheet(
        "File;L(A)eq / dB(A) left;L(A)eq / dB(A) right;N5 / sone left;N5 / sone right;"
        "Sharpness mean / acum left;Sharpness mean / acum right",
        comma=True,
    ),
    "letters": lambda: spreadsheet(
        "Sound file;LAeq,T (L);LAeq,T (R);Loudness N5 (L);Loudness N5 (R);S mean [acum] L;"
        "S mean [acum] R"
    ),
    "channels": lambda: spreadsheet(
        "Name;Ch1 LpA,eq,T;Ch2 LpA,eq,T;Ch1 N 5%;Ch2 N 5%;Ch1 S avg;Ch2 S avg"
    ),
    "soundcal's wide columns": lambda: spreadsheet(
        "recording;LAeq_left [dB];LAeq_right [dB];N5_left [sone];N5_right [sone];"
        "Smean_left [acum];Smean_right [acum]"
    ),
    "units below": lambda: spreadsheet(
        "Stimulus;LAeq left;LAeq right;N5 left;N5 right;Smean left;Smean right\n"
        "Einheit;dB(A);dB(A);sone;sone;acum;acum"
    ),
    "merged cells": lambda: spreadsheet("Sound;LAeq;;N5;;Smean;\n;L;R;L;R;L;R"),
    "line breaks": lambda: spreadsheet(
        '"Sound file";"LAeq\n[dB(A)] left";"LAeq\n[dB(A)] right";N5 left;N5 right;Smean left;'
        "Smean right"
    ),
    "excel": lambda: (
        "sep=;\n"
        + spreadsheet(
            "Sound;LAeq left;LAeq right;N5 left;N5 right;Smean left;Smean right", comma=True
        )
    ),
}


def written(tmp_path: Path, text: str, name: str = "hats.csv", coding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding=coding)
    return path


def read_of(tmp_path: Path, text: str) -> pd.DataFrame:
    """Read a table of a method beside another one, which makes the file's name the condition."""
    other = written(
        tmp_path,
        spreadsheet("Sound;LAeq left;LAeq right;N5 left;N5 right;Smean left;Smean right"),
        "other.csv",
    )
    both = read_table(written(tmp_path, text), other)
    own = both[both["condition"] == "hats"]
    own.attrs["notes"] = both.attrs["notes"]
    return own


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_has_the_same_values(tmp_path: Path, dialect: str) -> None:
    table = read_of(tmp_path, DIALECTS[dialect]())
    found = {
        (row.stimulus.replace(".wav", ""), row.channel, row.indicator + row.statistic): row.value
        for row in table.itertuples()
    }
    assert found == HATS
    assert set(zip(table["indicator"], table["unit"], strict=True)) == {
        ("LA", "dB"),
        ("N", "sone"),
        ("S", "acum"),
    }


def test_a_workbook_with_several_sheets(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["made on a Monday"])
    for title in ("hats", "ocv"):
        sheet = book.create_sheet(title)
        sheet.append(["Sound", "LAeq", "", "N5", ""])
        sheet.append(["", *("Left", "Right") * 2])
        sheet.append(["", "dB(A)", "dB(A)", "sone", "sone"])
        for sound in SOUNDS:
            sheet.append([sound, *(float(v) for v in line(sound, ("LAeq", "N5")))])
    path = tmp_path / "all.xlsx"
    book.save(path)
    table = read_table(path)
    assert list(table["condition"].unique()) == ["hats", "ocv"]
    assert f"{path}: the conditions are the sheets hats, ocv" in table.attrs["notes"]
    assert table["value"].tolist()[:2] == [60.25, 60.5]
    plan = written(tmp_path, 'sheet = "ocv"\n[constants]\ncondition = "hats"\n', "m.toml")
    assert set(read_table(path, mapping=plan)["condition"]) == {"hats"}
    written(tmp_path, 'sheet = "ovc"\n', "m.toml")
    with pytest.raises(RecordError, match="no sheet 'ovc'; it has Sheet, hats, ocv"):
        read_table(path, mapping=plan)


HEADINGS = {
    "LAeq": "LAeq",
    "L(A)": "LAeq",
    "L_A,eq,T [dB(A)]": "LAeq",
    "Leq dB(A)": "LAeq",
    "LAeq_L(A)(dB(SPL))": "LAeq",
    "LAF,max": "LAmax",
    "LASmax": "LASmax",
    "L5(A)": "LA5",
    "LA05": "LA5",
    "LCpk": "LCpeak",
    "LAE": "LAE",
    "Lthird1000 [dB]": "Lthird1000",
    "Loudness_N5(soneGF)": "N5",
    "Lautheit N5 [sone]": "N5",
    "N_avg": "Nmean",
    "N 5 %": "N5",
    "Loudness level LN5 [phon]": "LN5",
    "FS_Avg,arith(vacil)": "Fmean",
    "PA(Zwicker)": "PAeq",
    "S_L_5": "S5",
    "S_din_tv_max": "Smax",
    "Sharpness_S(acum)": "S",
    "T": "T",
    "LAeq_90": "LA90",
    "NHM5 [soneHMS]": "NHM5",
    "RHM90 / asper_HMS left": "RHM90",
    # of these, none may be read
    "N10_N90(soneGF)": "",
    "LA10_LA90(dB(SPL))": "",
    "LCeq_LAeq(dB(SPL))": "",
    "L10-L90": "",
    "Rough_HM_R(asper)": "",
    "Ton_HM_Avg,arith(tuHMS)": "",
    "N5 [soneHMS]": "",
    "RA_2D_cp(cPa)": "",
    "S_perseg_5": "",
    "Loudness (ISO 532-2) N5": "",
    "Sharpness Aures S": "",
    "LAeq max": "",
    "std LAeq": "",
    "Leq": "",
    "n": "",
    "t": "",
    "pa": "",
    "T [s]": "",
    "R [m]": "",
    "R [%]": "",
    "70.5": "",
    "N5 left (R)": "",
    "R_kurt": "",
    "LAFTeq": "",
    "Comment": "",
    "": "",
}


@pytest.mark.parametrize("text", HEADINGS)
def test_headings(text: str) -> None:
    assert read_heading(text).label == HEADINGS[text]


def test_letters_are_ears_only_in_pairs() -> None:
    def ears(*texts: str, channels: bool = False) -> list[str]:
        found = read_headings(texts, channels=channels)
        return [f"{one.label} {one.ear}".strip() for one in found]

    assert ears("N5_L", "N5_R") == ["N5 left", "N5 right"]
    assert ears("N5_L", "LAeq_L") == ["", ""]
    assert ears("S_L_avg", "S_R_avg", channels=True) == ["Smean", ""]
    assert ears("LAeq left", "LAeq right", "LAeq max") == ["LAeq left", "LAeq right", "LAeq max"]


REFUSED = {
    "Sound;LAeq [Pa]\na;1\n": r"line 1, column 'LAeq \[Pa\]': the unit is Pa, but LAeq is in dB",
    "Sound;LAeq [dB(C)]\na;61\n": r"the unit is dB\(C\), but LAeq is in dB\(A\)",
    "Sound;N5 [dB(A)]\na;61\n": r"the unit is dB\(A\), but N5 is in sone",
    "Sound;N5\n;phon\na;61\n": "the unit is phon, but N5 is in sone",
    "Sound;N5 [%]\na;61\n": "the unit is %, but N5 is in sone",
    "x\n\nSound;LAeq;L(A)eq\na;61;62\n": "line 3: the columns 'LAeq' and .* are both LAeq; name",
    "Sound;LAeq\na;61\nb;62\na;63\n": "lines 2 and 4 are both of 'hats a' and have different val",
    "Sound;LAeq\na;61 dB\n": "line 2, column LAeq: '61 dB' is not a number; write the unit into",
    "Sound;LAeq\na;61\nb;-\n": "'-' is not a number; if the value is missing, leave the cell",
    "Sound;LAeq\na;1.234\nb;850\n": "point in '1.234' may be a decimal point or separate thous",
    "Sound;LAeq\na;1.234,5\n": "line 2, column LAeq: '1.234,5' is not a number",
    "Sound;Channel;LAeq left\na;Left;61\n": "it names an ear, and so do the rows",
    "Sound;LAeg\na;61\n": r"no column is an indicator .*; LAeg \(did you mean LAeq or LAE\?\)",
    "Sound;N5_L\na;61\n": r"N5_L \(it may name an ear, but there is no such column of the other",
    "LAeq;N5\n61;3\n": "no column names the recordings",
    "Sound;LAeq\na;\nb;NA\n": "no column has values of an indicator",
    "Sound;LAeq\n;61\n": "line 2: the column Sound is empty",
}


@pytest.mark.parametrize("text", REFUSED)
def test_contradictions_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordError, match=REFUSED[text]):
        read_of(tmp_path, text)


NOTED = {
    "Sound;LAeq;N5;x\na;61;;1\nb;62;;2\n": (
        "the column N5 has no values",
        "columns that are not read: x",
        "no unit is stated, assumed are LA in dB, N in sone",
    ),
    "Sound;L(A) [dB]\na;61\nb;62\n": (
        "L(A) [dB] as LAeq: the level without a statistic is the eq",
    ),
    "Sound;LAeq_5\na;61\nb;62\n": ("LAeq_5 as LA5: a statistic of short equivalent levels",),
    "Sound;N5 [soneGD]\na;61\nb;62\n": ("N5 [soneGD] as N5: diffuse field",),
    "Sound;LAeq\na;61\na;61\nb;62\n": ("line 3 (a): equal to a row before of the same recording",),
    "Sound;LAeq\na;61\nb;62\nMean;61.5\n": (
        "line 4 (Mean): a summary, as its name says, left out",
    ),
    "Sound;LAeq\na;61\nmade by me;\nb;62\n": ("line 3 (made by me): no value in any column",),
    "Sound;Ch;LAeq\na;Ch1;1\n": (),
    "Sound;Channel;LAeq\na;Ch1;61\na;Ch2;62\n": ("channel 1 is taken as the left ear",),
    "Sound;Leq [dB];L5;LAeq\na;61;62;63\n": (
        "Leq [dB] (a level without its frequency weighting), L5 (a level without its frequency",
    ),
    "note\n\nSound;LAeq\na;61\n": ("the table begins at line 3; those above are not read",),
    "Site;LAeq\na;61\n": ("the recordings are named by the column Site",),
    "Sound;LAeq\na;0.2\nb;1.2\n": ("LAeq (hats) are between 0 dB and 10 dB; are they pascal?",),
    "Sound;LAeq\na;61\nb;62\nc;0\n": (
        "below 10 dB, unlike the others: LAeq, 0 dB (condition hats, st",
    ),
    "Sound;LAeq\na;61\nb;62\nSumme:;123\nTotal;1\n": ("line 4 (Summe:) and 1 more: a summary",),
    "Sound;LAeq\na;61\nb;612\n": ("1 values in dB are above 194 dB",),
}


@pytest.mark.parametrize("text", NOTED)
def test_what_was_understood_is_said(tmp_path: Path, text: str) -> None:
    notes = "\n".join(read_of(tmp_path, text).attrs["notes"])
    for note in NOTED[text]:
        assert note in notes


MAPPING = """
[columns]
stimulus = "Klang"
[wide]
"LAeq left" = "Pegel 1"
"LAeq right" = "Pegel 2"
"Roughness HM left [asper]" = "R (HM) 1"
"Roughness HM right [asper]" = "R (HM) 2"
[stimuli]
"Straße" = "CG01"
Allee = "CG02"
[conditions]
hats = "head"
"""


def test_a_mapping_names_columns_stimuli_and_conditions(tmp_path: Path) -> None:
    text = "Klang;Pegel 1;Pegel 2;R (HM) 1;R (HM) 2;LAeq\nStraße;61,5;62,5;0,1;0,2;70,5\n"
    plan = written(tmp_path, MAPPING, "m.toml")
    path = written(tmp_path, text)
    other = written(tmp_path, text.replace("61,5", "63,5"), "ocv.csv")
    table = read_table(path, other, mapping=plan)
    assert list(table["condition"].unique()) == ["head", "ocv"]
    assert set(table["stimulus"]) == {"CG01"}
    assert table["value"].tolist()[:4] == [61.5, 62.5, 0.1, 0.2]
    assert set(table["indicator"]) == {"LA", "Roughness HM"}
    notes = "\n".join(table.attrs["notes"])
    assert "columns that are not read: LAeq" in notes
    assert "'Allee' of [stimuli] never occurs in the tables; they have 'Straße'" in notes


BAD_MAPPINGS = {
    '[wide]\n"N5 [phon]" = "a"\n': r"'N5 .phon.' in .wide.: the unit is phon, but N5 is in",
    '[wide]\nfoo = "a"\n': "'foo' in .wide. is no indicator of soundcal; an own name needs a unit",
    '[wide]\nN5 = "Pegel 1"\nLAeq = "Pegel 1"\n': "'Pegel 1' is the column of two indicators",
    '[wide]\nN5 = "no such"\n': "no column 'no such', which .* asks for; found Klang",
    '[columns]\nstimulus = "Ton"\n': "no column 'Ton', which",
    '[columns]\nvalue = "Ton"\n': r"value in \[columns\]; known are stimulus, condition, channel",
    '[columns]\ncondition = "a"\n[constants]\ncondition = "b"\n': "two sources for condition",
    "[rows]\nx = 1\n": "unknown part rows; known: sheet, columns, wide",
    "[wide]\nN5 = 3\n": "a text is expected",
    '[wide]\nN5 = "Laut [phon]"\n': "column 'Laut .phon.': the unit is phon, but N5 is in sone",
}


@pytest.mark.parametrize("content", BAD_MAPPINGS)
def test_mappings_that_do_not_fit_are_refused(tmp_path: Path, content: str) -> None:
    path = written(tmp_path, "Klang;Pegel 1;Laut [phon]\na;61,5;4,5\n")
    plan = written(tmp_path, content, "m.toml")
    with pytest.raises(RecordError, match=BAD_MAPPINGS[content]):
        read_table(path, path.with_name("b.csv"), mapping=plan)


def test_one_table_needs_a_condition(tmp_path: Path) -> None:
    with pytest.raises(
        RecordError, match=r"nothing names the condition .method. of the recordings"
    ):
        read_table(written(tmp_path, soundscapy()))
    text = "File;LAeq\nhats/a.wav;61\nhats/b.wav;62\nocv/a.wav;63\nocv/b.wav;64\n"
    table = read_table(written(tmp_path, text))
    assert list(table["condition"].unique()) == ["hats", "ocv"]
    assert set(table["stimulus"]) == {"a", "b"}
    text = "Method;Sound;LAeq\nhats;a;61\nhats;b;62\nocv;a;63\nocv;b;65\n"
    study = study_of(read_table(written(tmp_path, text)))
    assert study.agreements()["bias"].tolist() == [-2.5]
    assert study.agreements()["ears"].tolist() == ["single"]


def test_values_of_ears_and_of_none_are_told_apart(tmp_path: Path) -> None:
    ears = written(tmp_path, "Sound;LAeq left;LAeq right;N5\na;61;63;4\nb;62;66;5\n")
    one = written(tmp_path, "Sound;LAeq;N5\na;60;4\nb;61;6\n", "b.csv")
    study = study_of(read_table(ears, one))
    assert dict(zip(study.agreements()["indicator"], study.agreements()["bias"], strict=True)) == {
        "LA": 2.5,
        "N": -0.5,
    }
    assert any(
        re.search("LAeq: not alike at the ears .hats: mean of both ears, b: one value", remark)
        for remark in study.remarks
    )


def test_text_that_is_no_table_is_an_error_of_its_own(tmp_path: Path) -> None:
    for text in ("LAeq", "LAeq\n", "N5;N5\n", ",,,\n", "LAeq;x\n\n\n", "sep=;\nLAeq;x", "\n" * 99):
        with pytest.raises(SoundcalError):
            read_of(tmp_path, text)


def test_a_mapped_column_keeps_the_unit_of_the_row_below(tmp_path: Path) -> None:
    text = "Klang;Pegel;Laut\n;dB(A);phon\na;61,5;4,5\nb;62,5;5,5\n"
    path, other = written(tmp_path, text), written(tmp_path, text, "b.csv")
    plan = written(tmp_path, '[wide]\nLAeq = "Pegel"\nN5 = "Laut"\n', "m.toml")
    with pytest.raises(RecordError, match="column 'Laut': the unit is phon, but N5 is in sone"):
        read_table(path, other, mapping=plan)
    written(tmp_path, '[wide]\nLAeq = "Pegel"\nLN5 = "Laut"\n', "m.toml")
    assert set(read_table(path, other, mapping=plan)["unit"]) == {"dB", "phon"}


def test_sounds_that_are_named_like_indicators_are_no_header(tmp_path: Path) -> None:
    text = "Sound;LAeq\nN5;61,5\nS5;62,5\nLAeq;63,5\n"
    table = read_of(tmp_path, text)
    assert dict(zip(table["stimulus"], table["value"], strict=True)) == {
        "N5": 61.5,
        "S5": 62.5,
        "LAeq": 63.5,
    }


def test_a_parquet_file_of_pandas_is_read_and_a_damaged_one_refused(tmp_path: Path) -> None:
    index = pd.MultiIndex.from_product([SOUNDS, ("Left", "Right")], names=["Recording", "Channel"])
    frame = pd.DataFrame({"LAeq": range(61, 67), "N_5": 4.25}, index=index)
    path = tmp_path / "hats.parquet"
    frame.to_parquet(path)
    other = written(tmp_path, soundscapy(), "ocv.csv")
    table = read_table(path, other)
    own = table[table["condition"] == "hats"]
    assert own["value"].tolist() == [v for n in range(61, 67) for v in (n, 4.25)]
    assert set(own["channel"]) == {"left", "right"}
    content = path.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"PAR1" + content[9:], b"x" * 99):
        path.write_bytes(damaged)
        with pytest.raises(RecordError, match="cannot be read as Parquet"):
            read_table(path, other)


def test_methods_without_a_common_indicator_are_told_apart(tmp_path: Path) -> None:
    one = written(tmp_path, "Sound;Loudness [sone]\na;4\nb;5\n")
    other = written(tmp_path, "Sound;N5\na;4\nb;5\n", "ocv.csv")
    with pytest.raises(RecordError, match="hats has N, ocv has N5"):
        study_of(read_table(one, other))
