"""Responses in the text files of other programs, made here after files that exist."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.errors import ParameterError, RecordError
from soundcal.response import (
    ChannelResponse,
    Response,
    inverse,
    load_response,
    new_response,
    read_response,
    save_response,
    write_own_csv,
)

F = (20.0, 50.0, 1000.0, 3150.796, 10000.0, 20000.0)
DB = (-4.25, -0.6162, 0.58440, 1.0, 3.58440, -2.0)
"""Levels as they stand in the files; 0.5844 dB at 1 kHz are subtracted."""


def rows(separator: str, *, third: str = "", number: Any = str) -> list[str]:
    thirds = [third] if third else []
    return [separator.join([number(f), number(db), *thirds]) for f, db in zip(F, DB, strict=True)]


def no_zero(value: float) -> str:
    return str(value).replace("-0.", "-.") if abs(value) < 1 else str(value)


def comma(value: float) -> str:
    return str(value).replace(".", ",")


UMIK = '"Sens Factor =-1.198dB, SERNO: 7114754"'
EARS = (
    '"Sens Factor =0.9dB, EARS Serial 860-1234, compensation RAW V1"',
    '"Use this file on the RIGHT channel. Your sensitive side is LEFT."',
    "* Freq(Hz) SPL(dB) Phase(degrees)",
)
REW = (
    "* Measurement data measured by REW V5.20",
    "* Source: Größe, Mitte",
    "* Smoothing: 1/12 octave",
    "* Freq(Hz) SPL(dB) Phase(degrees)",
)
FORMATS = {
    "UMIK-1": [UMIK, *rows("\t", number=no_zero)],
    "UMIK-2": ['"Sens Factor =-12.07dB, AGain =18dB, SERNO: 8108494"', *rows("\t")],
    "UMIK, commas": [UMIK, *rows(",")],
    "title, commas": ["Calibrated at 1000 Hz, free field", *rows(",")],
    "title, tabs": ["M30\t1234", *rows("\t")],
    "ARTA": ["Freq(Hz)   Magn(dB)  Phase(deg)", *rows("   ", third="5")],
    "sensitivity": ["Frequency [Hz];Sensitivity [dB]", *rows(";")],
    "OmniMic": ['"Sens Factor =-12.07dB, SERNO: 81"', *rows("\t", third="0.5")],
    "EARS": [*EARS, *rows(" ", third="-12.5")],
    "Dayton": ["*1000Hz\t-38.5", "\t", *rows("\t")],
    "Dayton with phase": ["*1000Hz\t-38.5", *rows("\t", third="12.5")],
    "REW cal, blanks": ["Sensitivity -12.3 dBFS", *rows(" ")],
    "REW cal, commas and blanks": rows(", "),
    "REW soundcard": ["Sample Rate: 48000", *rows("\t", third="-3.0")],
    "REW export": [*REW, *rows(" ", third="?")],
    "REW export, decimal comma": [*REW, *rows(" ", third="0", number=comma)],
    "AutoEq": ["frequency,raw", *rows(",")],
    "AutoEq results": [
        "frequency,raw,error,smoothed,error_smoothed,equalization",
        *rows(",", third="9,8,7,6"),
    ],
    "JustOct": [
        "# JustOct",
        "Sensitivity at 1000 Hz in mV/dimension\t12.34",
        "dB-offset\t94",
        "F [Hz]\tAmpl [dB]\tPhase [ø]",
        *rows("\t", third="-1.5"),
    ],
    "Earthworks, WinMLS": ["M30 1234", "free field", *rows(",  ")],
    "SpectraPLUS": ["; comment", "* another", *rows("\t")],
    "semicolons, decimal comma": ["Frequenz;Pegel", *rows(" ; ", number=comma)],
    "tabs, decimal comma": rows("\t", number=comma),
    "a separator at the end": rows(";", third=" "),
}
PHASES = {"OmniMic": 0.5, "EARS": -12.5, "Dayton with phase": 12.5, "REW soundcard": -3.0}
PHASES |= {"ARTA": 5.0, "REW export, decimal comma": 0.0, "JustOct": -1.5}


def written(folder: Path, lines: list[str], coding: str = "utf-8", end: str = "\n") -> Path:
    path = folder / "file.txt"
    path.write_bytes(end.join([*lines, ""]).encode(coding))
    return path


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("coding", "end"), [("utf-8", "\n"), ("cp1252", "\r\n"), ("utf-8-sig", "\r"), ("utf-16", "\n")]
)
def test_values_are_those_in_the_file(tmp_path: Path, name: str, coding: str, end: str) -> None:
    response = read_response(written(tmp_path, FORMATS[name], coding, end))
    (curve,) = response.channels.values()
    assert curve.frequency.tolist() == list(F)
    assert curve.magnitude_db.tolist() == [db - 0.58440 for db in DB]
    if name in PHASES:
        assert curve.phase_deg is not None
        assert set(curve.phase_deg.tolist()) == {PHASES[name]}
    else:
        assert curve.phase_deg is None
    headphones = "AutoEq" in name
    assert response.source_point == ("FS" if headphones else "P")
    assert response.target_point == ("DRP" if headphones else "FS")
    assert response.provenance["subtracted_db"] == 0.5844
    assert any("0.58 dB at 1000 Hz are subtracted" in note for note in response.provenance["notes"])
    header = [line for line in FORMATS[name] if line.strip() and not line[0].isdigit()]
    assert response.provenance["header"] == header
    save_response(tmp_path / "record.json", response)
    assert load_response(tmp_path / "record.json").to_dict() == response.to_dict()


def test_what_a_header_states_is_kept_and_is_no_level(tmp_path: Path) -> None:
    one, two = (read_response(written(tmp_path, FORMATS[name])) for name in ("UMIK-1", "UMIK-2"))
    assert one.kind == "relative"
    assert one.provenance["stated_sensitivity"] == [UMIK]
    assert (one.provenance["serial"], two.provenance["serial"]) == ("7114754", "8108494")
    assert one.channels["mono"].to_dict() == two.channels["mono"].to_dict()
    assert any("not used as a level" in note for note in one.provenance["notes"])
    dayton = read_response(written(tmp_path, FORMATS["Dayton"]))
    assert dayton.provenance["stated_sensitivity"] == ["*1000Hz\t-38.5"]
    rew = read_response(written(tmp_path, FORMATS["REW export"]))
    assert rew.smoothing == "1/12 octave"
    german = [line.replace("Smoothing: 1/12 octave", "Glättung: 1/6 Oktave") for line in
              FORMATS["REW export"]]  # fmt: skip
    found = read_response(written(tmp_path, german))
    assert found.smoothing == "not stated; header line '* Glättung: 1/6 Oktave'"
    with pytest.raises(ParameterError, match="at most 1/12 octave can be inverted"):
        inverse(found)
    assert one.smoothing == "not stated"
    assert read_response(written(tmp_path, FORMATS["REW soundcard"])).conditions == {"fs": 48000}


def test_channel_and_incidence_are_those_of_the_file(tmp_path: Path) -> None:
    ears = read_response(written(tmp_path, FORMATS["EARS"]))
    assert list(ears.channels) == ["right"]
    with pytest.raises(ParameterError, match="'left' is asked for, but the file says 'right'"):
        read_response(written(tmp_path, FORMATS["EARS"]), channel="left")
    second = '"Auto-generated 90-degree calibration file"'
    path = written(tmp_path, [UMIK, second, *rows("\t")])
    assert read_response(path).incidence == "90deg"
    with pytest.raises(ParameterError, match="incidence '0deg' is asked for"):
        read_response(path, incidence="0deg")
    named = path.rename(tmp_path / "7114754_90deg.txt")
    named.write_text("\n".join([UMIK, *rows("\t")]))
    assert read_response(named).incidence == "90deg"
    assert read_response(written(tmp_path, [UMIK, *rows("\t")])).incidence == ""


@pytest.mark.parametrize(
    ("column", "has_target"), [("raw", False), ("smoothed", False), ("equalization", True)]
)
def test_columns_of_autoeq_that_hold_a_target_are_told(
    tmp_path: Path, column: str, has_target: bool
) -> None:
    path = written(tmp_path, FORMATS["AutoEq results"])
    response = read_response(path, columns=["frequency", column], as_="response")
    assert (response.source_point, response.target_point) == ("FS", "DRP")
    notes = " ".join(response.provenance["notes"])
    assert ("of AutoEq contains a target curve" in notes) == has_target


@pytest.mark.parametrize("target", ["HPN", "HEQ", "IDF"])
def test_files_of_the_ears_that_hold_a_target_are_refused(tmp_path: Path, target: str) -> None:
    lines = [EARS[0].replace("RAW", target), *EARS[1:], *rows(" ", third="0")]
    with pytest.raises(RecordError, match=f"compensation {target}, which contains a target"):
        read_response(written(tmp_path, lines))

    for first in ("EARS 860-1234", '"Sens Factor =0.9dB, SERNO: 860-1234"'):
        lines = [first, *rows(" ", third="0")]
        for name in (f"{target}_860-1234_R.txt", f"R_{target}_8601234.txt"):
            path = written(tmp_path, lines).rename(tmp_path / name)
            with pytest.raises(RecordError, match=f"compensation {target}"):
                read_response(path)


@pytest.mark.parametrize(
    ("names", "order", "has_phase"),
    [
        ("spl,frequency", "{level},{f}", False),
        ("phase,f,spl", "7,{f},{level}", True),
        ("freq,left_db,right_db", "{f},{level},9", False),
        ("Frequenz,Pegel,Unsicherheit", "{f},{level},0.2", False),
        ("Fréquence (Hz),Niveau (dB),Incertitude", "{f},{level},0.2", False),
        ("corrección,frecuencia,fase,nivel", "9,{f},7,{level}", True),
        ("livello,incertezza,frequenza", "{level},9,{f}", False),
        ("frequentie,niveau,onzekerheid", "{f},{level},0.2", False),
        ("MITTENFREQUENZ,Korrektur,Schalldruckpegel,Phasengang", "{f},9,{level},7", True),
        ("f,phase [rad],frequency response", "{f},9,{level}", False),
        ("f,L,xyz", "{f},{level},0.2", False),
    ],
)
def test_columns_are_found_by_their_names(
    tmp_path: Path, names: str, order: str, has_phase: bool
) -> None:
    lines = [names, *(order.format(f=f, level=db) for f, db in zip(F, DB, strict=True))]
    curve = read_response(written(tmp_path, lines), kind="absolute").channel("left")
    assert (tuple(curve.frequency), tuple(curve.magnitude_db)) == (F, DB)
    assert (curve.phase_deg is not None) == has_phase


# ---- lines that do not fit


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a", "b", "781.25,  0.72", "3,150.796,   4.31"], "line 4: .*3,150.* comma of thousands"),
        (["3,150.796,   4.31", "4,150.796,   4.31"], "line 1: .* comma of thousands"),
        (["20.5\t1.5", "1,000.5\t0.5", "2,000\t0"], "line 2: .*'1,000' has a comma of thousands"),
        (["20 1", "50 1,5 2", "1000 0"], "line 2: '50 1,5 2', separated by blanks: not 2 numbers"),
        (["20\t1", "50\tx", "1000\t0"], r"line 2: .*, separated by tabs: not 2 numbers"),
        (["20,1", "50", "1000,0"], "line 2: '50', separated by commas"),
        (["20,1", "50,nan", "1000,0"], "line 2: '50,nan'"),
        (["20 1 ? 4", "50 ? 3 4"], "line 2"),
        (["20", "50"], "line 1: '20': 2 to 4 numbers are expected"),
        (["20 1 2 3 4", "50 1 2 3 4"], "line 1: .*2 to 4 numbers are expected"),
        (["20 1"], "1 line of numbers; 2 to 200000"),
        ([], "0 lines of numbers"),
        (["20 1", "1000 0", "500 0"], "line 3: 500 Hz after 1000 Hz; ascending"),
        (["20 1", "1000 0", "1000 0"], "line 3: 1000 Hz after 1000 Hz"),
        (["20 1", "1000 0", "2 0", "20 0"], "ascending frequencies in one unit"),
        (["-20 1", "1000 0"], "line 1: -20 Hz; more than 0 Hz"),
        (["20 1", "1000 0", "2000 1e999"], "line 3: .*: a number too large"),
        (["x", "20 0", "1000 0", "9000 -70"], "line 4: -70.0 dB at 9000 Hz; .*another quantity"),
        (["20,0,2,45", "21,0,2,5"], "line 1: '20,0,2,45': commas, and no decimal point in"),
        (["20,2,45", "1000,0,5"], "line 1: .* a comma may be a decimal mark"),
        (["Freq(kHz) SPL", "0.02 0", "1 0"], "frequencies in Hz are expected"),
        (["kHz dB", "0.02 0", "1 0"], "column 'kHz': frequencies in Hz are expected"),
        (["f;magnitude (lin)", "20;1.1", "1000;1"], "column 'magnitude .lin.': levels in dB"),
        (["f;mV/Pa", "20;49", "1000;50"], "column 'mV/Pa': levels in dB are expected"),
        (["0.02 0", "1 0", "20 3"], "no frequency above 20 Hz: kHz, or another column"),
        (["Frequenz;Unsicherheit", "20;0.1", "1000;0.2"], "no column of levels among Frequenz"),
        (["Pegel;Korrektur", "20;0.1", "1000;0.2"], "no column of frequencies among Pegel"),
        (["f;Pegel", "20;0.1;3", "1000;0.2;4"], "names of 2 columns .f, Pegel., but 3 numbers"),
    ],
)  # fmt: skip
def test_lines_that_do_not_fit_are_refused_with_their_number(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(RecordError, match=message) as refused:
        read_response(written(tmp_path, lines))
    assert str(refused.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0 -90", "20 -3", "1000 0", "9000 0"], "line 1: the value at 0 Hz is left out"),
        (["20 -3", "oops 4", "1000 0", "9000 0"], "line 2: 'oops 4' is no line of numbers"),
        (["20 -3", "1000 0", "9000 0", "20k 3"], "line 4: '20k 3' is no line of numbers, and is l"),
        (["f;L;xy", "20;-3;1", "1000;0;6"], r"the column 'L'; not read: xy \(--columns chooses"),
        (["A;B", "20;-3", "1000;0"], "frequency from .* 'A' by its position, level from .* 'B' by"),
        (["f,dB re V/Pa,u", "20,-3,1", "1000,0,1"], "the column 'dB re V/Pa'; not read: u"),
        (["f,coherence,SPL", "20,1,-3", "1000,1,0"], "from the column 'SPL'; not read: coherence"),
        (["20 -3", "1000 0", "1010 11", "9000 12"], r"line 3: \+11.0 dB from 1000 to 1010 Hz; is"),
        (["200 -3", "1000 0", "9000 0"], "known from 200 to 9000 Hz only"),
        (["20 -3", "1000 0", "8000 0"], "known from 20 to 8000 Hz only"),
        (["20 -3", "1000 0", "10000 2.5"], r"-3.00 dB at 20 Hz \(line 1\): .*3.00 dB too lit"),
        (["20 -3", "1000 0", "9000 0"], "only 3 values, at 20, 1000, 9000 Hz"),
        (["20 -3", "41 0", "1000 0", "2000 0", "9000 0"],
         "an octave without a value: 20 to 41 Hz, 41 to 1000 Hz, 2000 to 9000 Hz; the levels"),
        ([f"{f} 0" for f in (20, 50, 120, 250, 600, 1500)], "120 to 250 Hz and 2 more; the le"),
        (["20 -1", "1000 0", "10000 2.5"], r"\+2.50 dB .*\(line 3\): .*2.50 dB too much"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_told_with_its_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    notes = "\n".join(read_response(written(tmp_path, lines)).provenance["notes"])
    assert re.search(message, notes), notes


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"kind": "absolute"}, "+2.50 dB at 9000 Hz (line 3): level at FS re P"),
        ({"source_point": "FS", "target_point": "V"}, "V has 2.50 dB more there than at 1000 Hz"),
        ({"as_": "correction"}, "the microphone reads 2.50 dB too little there"),
    ],
)
def test_the_sentence_on_the_largest_value_follows_ends_and_sign(
    tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, ["20 -1", "1000 0", "9000 2.5"])
    assert message in read_response(path, **asked).provenance["notes"][-1]


def test_values_an_octave_apart_are_not_told(tmp_path: Path) -> None:
    octaves = (1, 16, 31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16000, 96000)
    response = read_response(written(tmp_path, [f"{f} 0" for f in octaves]))
    told = [note for note in response.provenance["notes"] if "without a value" in note]
    assert told == []


def test_a_comment_between_the_numbers_needs_no_remark(tmp_path: Path) -> None:
    response = read_response(written(tmp_path, ["20 -3", "* more", "1000 0", "9000 0"]))
    assert not any("left out" in note for note in response.provenance["notes"])


def test_columns_are_chosen_by_name_or_number(tmp_path: Path) -> None:
    lines = ["frequency,raw,error", "20,-1,5", "1000,0,6", "9000,1,8"]
    path = written(tmp_path, lines)
    assert read_response(path).channel("mono").magnitude_db.tolist() == [-1, 0, 1]
    for columns in (("frequency", "error"), ("1", "3")):
        found = read_response(path, columns=columns)
        assert found.channel("mono").magnitude_db.tolist() == [-1, 0, 2]
        assert found.provenance["column"] == "error"
    with pytest.raises(ParameterError, match="no column 'phase'; the file has frequency, raw"):
        read_response(path, columns=("frequency", "raw", "phase"))


# ---- sign, normalisation, level


def test_a_correction_is_negated_and_the_record_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, ["20 -3 10", "1000 0 0", "10000 3 -20"])
    response, correction = read_response(path), read_response(path, as_="correction")
    assert response.channel("mono").level(1e4) == 3.0
    assert correction.channel("mono").level(1e4) == -3.0
    assert correction.channel("mono").phase(1e4) == 20.0
    assert response.provenance["sign"] == "as found"
    assert correction.provenance["sign"] == "correction, negated"


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("mic_correction.txt", ["20 -3", "1000 0"]),
        ("mic EQ.txt", ["20 -3", "1000 0"]),
        ("Inverse-7.txt", ["20 -3", "1000 0"]),
        ("mic.csv", ["frequency,compensation (dB)", "20,-3", "1000,0"]),
        ("mic.csv", ["20,1.5", "1000,0"]),
        ("mic.csv", ["Frequenz;Korrektur", "20;-3", "1000;0"]),
        ("mic.csv", ["Frequenz;Freifeldkorrektur [dB];Unsicherheit", "20;-3;1", "1000;0;1"]),
        ("mic.csv", ["fréquence;correction;incertitude", "20;-3;1", "1000;0;1"]),
        ("mic.csv", ["frequenza\tcorrezione", "20\t-3", "1000\t0"]),
        ("mic.csv", ["Frequenz [Hz] Entzerrung [dB]", "20 -3", "1000 0"]),
        ("mic.csv", ["Korrektur", "20 -3", "1000 0"]),
        ("mic.csv", ["f;K(f)", "20;-3", "1000;0"]),
        ("mic.csv", ["Hz;helyesbítés (dB)", "20;-3", "1000;0"]),
        ("mic.csv", ["frekvencia;helyesbítés", "20;-3", "1000;0"]),
    ],
)
def test_a_doubtful_sign_must_be_stated(tmp_path: Path, name: str, lines: list[str]) -> None:
    path = tmp_path / name
    path.write_text("\n".join(lines))
    with pytest.raises(
        ParameterError, match=r"is this a correction.*--as response.*--as correction"
    ):
        read_response(path)
    as_response, as_correction = (
        read_response(path, as_=sign).channel("mono").level(20.0)
        for sign in ("response", "correction")
    )
    assert as_response == -as_correction != 0


def test_normalised_at_the_frequency_of_the_calibrator(tmp_path: Path) -> None:
    path = written(tmp_path, ["20 67", "250 70", "1000 72", "9000 68"])
    assert read_response(path, normalise_at=250.0).channel("mono").magnitude_db.tolist() == [
        -3,
        0,
        2,
        -2,
    ]
    way_out = r"at 10 Hz, but the file has 20 to 9000 Hz; name a frequency of that .*normalise"
    with pytest.raises(ParameterError, match=way_out) as refused:
        read_response(path, normalise_at=10.0)
    assert "absolute" not in str(refused.value)  # which undoes nothing of a microphone
    with pytest.raises(ParameterError, match=r"or import it as absolute"):
        read_response(path, normalise_at=10.0, source_point="FS", target_point="DRP")
    absolute = read_response(path, kind="absolute")
    assert absolute.channel("mono").magnitude_db.tolist() == [67, 70, 72, 68]


def test_a_relative_curve_between_pressures_is_told_to_refer_nothing(tmp_path: Path) -> None:
    path, told = written(tmp_path, ["20 0", "100 0", "1000 3.8", "9000 8"]), "(--kind absolute)"
    for ends, kind, count in (
        ("DF DRP", "relative", 1),
        ("DF DRP", "absolute", 0),
        ("P FS", "", 0),
    ):
        source, target = ends.split()
        more: dict[str, Any] = {"kind": kind} if kind else {}
        response = read_response(path, source_point=source, target_point=target, **more)
        assert sum(told in note for note in response.provenance["notes"]) == count


def test_from_field_to_drum_is_0_db_where_a_head_is_small(tmp_path: Path) -> None:
    path = written(tmp_path, ["20 -4.1", "100 -4.1", "1000 0", "9000 2"])
    ends: dict[str, Any] = {"source_point": "DF", "target_point": "DRP", "kind": "absolute"}
    with pytest.raises(RecordError, match=r"-4.10 dB at 100 Hz, .* Then add --shift 4\.1"):
        read_response(path, **ends)
    shifted = read_response(path, shift=4.1, **ends)
    assert shifted.channel("mono").level([100.0, 1000.0]).tolist() == [0.0, 4.1]
    with pytest.raises(ParameterError, match="shift is for an absolute response"):
        read_response(path, shift=4.1)


def test_a_table_of_autoeq_has_no_level_and_may_fall_deep(tmp_path: Path) -> None:
    path = written(tmp_path, ["frequency,raw", "20,-3", "1000,0", "19000,-24"])
    with pytest.raises(ParameterError, match="its level is lost"):
        read_response(path, kind="absolute")
    headphones = read_response(path)
    assert any("line 4: -24.0 dB at 19000 Hz" in note for note in headphones.provenance["notes"])
    assert headphones.channel("left").uncertainty([500.0, 1000.0, 19000.0]).tolist() == [
        0.3,
        0.3,
        4.0,
    ]


def test_uncertainty_where_a_file_states_none(tmp_path: Path) -> None:
    lines = ["20 -1", "1000 0", "1001 0", "5000 0", "10000 0", "10001 0"]
    curve = read_response(written(tmp_path, lines)).channel("mono")
    halves = [0.3, 0.3, 0.5, 0.5, 1.0, 2.0]
    assert curve.u_db == pytest.approx(np.array(halves) / np.sqrt(3.0))
    assert curve.correlation_octaves == 1.0
    for source in ("FS", "V"):  # headphones, at constant samples or voltage
        published = read_response(written(tmp_path, lines), source_point=source, target_point="DRP")
        assert published.channel("mono").u_db.tolist() == [0.3, 0.3, 1.0, 1.0, 4.0, 4.0]


# ---- soundcal's own CSV

OWN = """# soundcal-response 1
# from: P
# to: FS
# kind: relative
# normalised_at_hz: 250
# incidence: 0deg
# channel: left
# source: certificate 123
frequency_hz,magnitude_db,u_db,dof
20,-1.5,0.2,9
250,0.25,0.1,inf
20000,3.25,0.4,9
"""


def test_columns_of_two_ears_are_the_channels_left_and_right(tmp_path: Path) -> None:
    lines = ["frequency,right,left", "20,-2,-1", "1000,0.5,0", "9000,3,4"]
    path = written(tmp_path, lines)
    both = read_response(path)
    levels = {ear: both.channel(ear).level(9000.0) for ear in both.channels}
    assert levels == {"left": 4.0, "right": 2.5}
    assert both.provenance["parts"]["right"]["column"] == "right"
    choices: tuple[dict[str, Any], ...] = ({"channel": "right"}, {"columns": ("1", "right")})
    for asked in choices:
        one = read_response(path, **asked)
        assert {ear: one.channel(ear).level(9000.0) for ear in one.channels} == {"right": 2.5}
    with pytest.raises(
        ParameterError, match="channel 'all' is asked for, but the file says 'left'"
    ):
        read_response(path, channel="all")
    path.write_text("\n".join(lines).replace("right,left", "L,u").replace(",-1", ",0.1"))
    assert list(read_response(path).channels) == ["mono"]  # L is the symbol of a level


@pytest.mark.parametrize("name", ["", "frequency magnitude", "Frequenz Betrag"])
def test_a_linear_magnitude_is_not_read_as_levels(tmp_path: Path, name: str) -> None:
    ratios = [f"{f} {10 ** (0.05 * (db - 0.5844)):.5f}" for f, db in zip(F, DB, strict=True)]
    path = written(tmp_path, [name, *ratios])
    with pytest.raises(ParameterError, match=r"1 at 1 kHz: is it a ratio .*--columns 1,2"):
        read_response(path)
    assert read_response(path, columns=["1", "2"]).channel("mono").level(50.0) < 0.0
    named = written(tmp_path, ["Frequency SPL(dB)", *ratios])  # the file says what they are
    read_response(named)
    with pytest.raises(RecordError, match="column 'linear': levels in dB"):
        read_response(written(tmp_path, ["frequency linear", *ratios]))


def test_a_chart_is_typed_as_csv(tmp_path: Path) -> None:
    path = tmp_path / "chart.csv"
    path.write_text(OWN)
    response = read_response(path)
    assert (response.source_point, response.target_point, response.kind) == ("P", "FS", "relative")
    assert (response.normalised_at, response.incidence) == (250.0, "0deg")
    left = response.channel("left")
    assert left.magnitude_db.tolist() == [-1.75, 0.0, 3.0]
    assert left.u_db.tolist() == [0.2, 0.1, 0.4]
    assert left.degrees_of_freedom([20.0, 250.0]).tolist() == [9.0, np.inf]
    assert response.provenance["text"] == "certificate 123"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# to: FS\n", "", "no line '# to: …'"),
        ("# kind", "# sort", "line 4: .*unknown key; one of id, name, from"),
        ("relative", "correction", "kind 'correction'"),
        ("250\n", "1kHz\n", "line 5"),
        (",u_db", ",u", "line 9: .*names of the columns"),
        ("20,-1.5", "20;-1.5", "line 10: .*4 numbers with decimal points"),
        ("250,0.25", "250,0,25", "line 11"),
        ("3.25,0.4", "3.25,-0.4", "negative standard uncertainty"),
        ("from: P", "from: mic", "reference point 'mic'"),
        ("20000,3.25", "2e400,3.25", "line 12: .*too large"),
        ("20000", "200", "line 12: 200 Hz after 250 Hz"),
    ],
)
def test_charts_with_slips_are_refused_with_the_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "chart.csv"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(RecordError, match=message):
        read_response(path)


def test_a_response_comes_back_from_csv_exactly(tmp_path: Path) -> None:
    path = written(tmp_path, FORMATS["EARS"])
    response = read_response(path, kind="absolute")
    write_own_csv(tmp_path / "own.csv", response)
    assert read_response(tmp_path / "own.csv").to_dict() == response.to_dict()
    text = (tmp_path / "own.csv").read_text()
    (tmp_path / "own.csv").write_text(text.replace("\n20.0,-4.25", "\n20.0,-4.5"))
    assert read_response(tmp_path / "own.csv").provenance["changed"] is True


def test_one_of_several_channels_is_written(tmp_path: Path) -> None:
    curve = ChannelResponse(np.array([20.0, 2e4]), np.array([0.0, -1.0]), u_db=0.1)
    both: Response = new_response("x", "DRP", "FS", "absolute", {"left": curve, "right": curve})
    with pytest.raises(ParameterError, match="one channel; name one of left, right"):
        write_own_csv(tmp_path / "x.csv", both)
    write_own_csv(tmp_path / "x.csv", both, channel="right")
    assert list(read_response(tmp_path / "x.csv").channels) == ["right"]
