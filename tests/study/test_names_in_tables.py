"""Names of channels and indicators that people write, and a mapping beside tables without it."""

from pathlib import Path

import pandas as pd
import pytest

from soundcal.errors import RecordError
from soundcal.study import compare_methods, read_table

CHANNELS = {
    ("L", "R"): "",
    ("1", "2"): "channel 1 is taken as the left ear",
    ("Kanal 1", "Kanal 2"): "channel 1 is taken as the left ear",
    ("LE", "RE"): "the channel LE is taken as the left ear",
    ("HMS IV L", "HMS IV R"): "the channel HMS IV R is taken as the right ear",
    ("1 - BHS left", "2 - BHS right"): "the channel 2 - BHS right is taken as the right ear",
}
OTHER = "Sound,LAeq left,LAeq right\na,60,65\nb,61,67\nc,62,69\n"


def bias(tmp_path: Path, text: str, mapping: str = "", other: str = OTHER) -> tuple[float, str]:
    """Return the bias of a table minus another one, and all notes."""
    paths = {"first.csv": text, "second.csv": other, "map.toml": mapping}
    for name, content in paths.items():
        (tmp_path / name).write_text(content)
    table = read_table(
        tmp_path / "first.csv",
        tmp_path / "second.csv",
        mapping=tmp_path / "map.toml" if mapping else None,
    )
    (entry,) = compare_methods(table).entries
    return entry.agreement.bias, "\n".join(table.attrs["notes"])


@pytest.mark.parametrize("names", CHANNELS)
@pytest.mark.parametrize("tidy", [False, True])
def test_channels_are_ears(tmp_path: Path, names: tuple[str, str], tidy: bool) -> None:
    header = "stimulus,channel,indicator,statistic,unit,value" if tidy else "Sound,Channel,LAeq"
    between = "LA,eq,dB," if tidy else ""
    rows = [
        f"{sound},{name},{between}{level}"
        for sound, levels in (("a", (61, 66)), ("b", (62, 68)), ("c", (63, 70)))
        for name, level in zip(names, levels, strict=True)
    ]
    found, notes = bias(tmp_path, "\n".join([header, *rows]))
    assert found == 1.0
    assert CHANNELS[names] in notes


@pytest.mark.parametrize("names", [("A", "B"), ("Kanal 3", "Kanal 4"), ("0", "1")])
def test_other_channels_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    rows = [f"{sound},{name},61" for sound in "abc" for name in names]
    with pytest.raises(RecordError, match="name the channels of a table left and right"):
        bias(tmp_path, "\n".join(["Sound,Channel,LAeq", *rows]))


def test_a_label_in_a_tidy_table_is_symbol_and_statistic(tmp_path: Path) -> None:
    rows = [
        f"{sound},{ear},LAeq,,dB(A),{level}"
        for sound, level in (("a", 60), ("b", 61), ("c", 62))
        for ear, level in (("left", level + 1), ("right", level + 6 + level - 60))
    ]
    header = "stimulus,channel,indicator,statistic,unit,value"
    assert bias(tmp_path, "\n".join([header, *rows]))[0] == 1.0


MAPPING = """
[columns]
stimulus = "Klang"
[wide]
"LAeq left" = "Pegel 1"
"LAeq right" = "Pegel 2"
[stimuli]
Platz = "a"
"""
MAPPED = "Klang;Pegel 1;Pegel 2\nPlatz;61;66\nb;62;68\nc;63;70\n"


@pytest.mark.parametrize("other", [OTHER, "Export\n\n" + OTHER, OTHER.replace("Sound", "Klang")])
def test_a_mapping_leaves_the_tables_of_other_programs_alone(tmp_path: Path, other: str) -> None:
    if "Klang" in other:  # it has one of the columns: the mapping is meant for it
        with pytest.raises(RecordError, match=r"no column 'Pegel 1', which .* asks for"):
            bias(tmp_path, MAPPED, MAPPING, other)
        return
    found, notes = bias(tmp_path, MAPPED, MAPPING, other)
    assert found == 1.0
    assert "never occurs" not in notes


def test_a_mapping_beside_a_wide_table_of_measure(tmp_path: Path) -> None:
    own = pd.DataFrame(
        {
            "recording": ["rec/Platz.wav", "rec/b.wav", "rec/c.wav"],
            "LAeq_left [dB]": [60.0, 61.0, 62.0],
            "LAeq_right [dB]": [65.0, 67.0, 69.0],
            "software": "soundcal",
        }
    )
    found, notes = bias(tmp_path, MAPPED, MAPPING, own.to_csv(index=False))
    assert found == 1.0
    assert "never occurs" not in notes


def test_a_mapping_that_no_table_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"first.csv: no column 'Klang', which .* asks for"):
        bias(tmp_path, OTHER, MAPPING)
