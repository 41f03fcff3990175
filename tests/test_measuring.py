"""``soundcal.measure``: recordings on disk into a pandas table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import soundcal
from soundcal.calibration import stated
from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files import audio
from soundcal.indicators import COLUMNS

FS = 48000


@pytest.fixture
def ears(tmp_path: Path) -> Path:
    made = stated.from_sensitivity({"left": 2.0, "right": 4.0}, u_db=0.1)
    soundcal.save_calibration(tmp_path / "ears.json", made)
    return tmp_path / "ears.json"


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    (tmp_path / "takes").mkdir()
    for name, seconds in (("b", 0.5), ("a", 1.0)):
        x = 0.05 * np.random.default_rng(len(name)).standard_normal((2, round(seconds * FS)))
        audio.write(tmp_path / "takes" / f"{name}.wav", x, FS)
    return tmp_path / "takes"


def test_the_table_is_that_of_the_command(ears: Path, takes: Path, tmp_path: Path) -> None:
    files = [str(takes / "a.wav"), str(takes / "b.wav")]
    table = soundcal.measure(files, calibration=ears, indicators="LA, N5", ears="mean")
    command = ["measure", *files, "--calibration", str(ears), "--indicators", "LA,N5"]
    assert main([*command, "--ears", "mean", "--out", str(tmp_path / "table.csv")]) == 0
    pd.testing.assert_frame_equal(table, pd.read_csv(tmp_path / "table.csv"), check_exact=True)
    assert tuple(table.columns) == COLUMNS


def test_a_folder_stands_for_its_audio_files(ears: Path, takes: Path) -> None:
    (takes / "notes.txt").write_text("not audio")
    table = soundcal.measure(
        takes, calibration=soundcal.load_calibration(ears), indicators=["LAeq"]
    )
    names = [str(takes / name) for name in ("a.wav", "b.wav")]
    assert list(dict.fromkeys(table["recording"])) == names
    assert list(table["channel"]) == ["left", "right"] * 2
    one = soundcal.measure(takes / "b.wav", calibration=ears, indicators="LAeq")
    assert list(one["value"]) == list(table["value"][2:])


def test_flags_and_failures_stay_with_the_table(ears: Path, takes: Path) -> None:
    clipped = np.ones((2, FS)) * np.where(np.arange(FS) % 100 < 50, 1.0, -1.0)
    audio.write(takes / "c.wav", clipped, FS)
    (takes / "d.wav").write_bytes(b"no audio")
    table = soundcal.measure(takes, calibration=ears, indicators="LAeq")
    failed = table[table["indicator"] == "failed"]
    assert list(failed["recording"]) == [str(takes / "d.wav")]
    assert "cannot be read as audio" in failed["statistic"].iloc[0]
    assert np.isnan(failed["value"].iloc[0])
    assert list(table.attrs["flags"]) == [str(takes / "c.wav")]
    assert "full scale" in table.attrs["flags"][str(takes / "c.wav")][0]


def test_what_cannot_be_measured_is_refused(ears: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match="no audio files"):
        soundcal.measure(tmp_path / "empty", calibration=ears)
    with pytest.raises(ParameterError, match="no indicator 'loud'"):
        soundcal.measure(tmp_path / "x.wav", calibration=ears, indicators="loud")
    with pytest.raises(ParameterError, match="no files"):
        soundcal.measure([], calibration=ears)
    with pytest.raises(ParameterError, match="5: the path of a file or folder is expected"):
        soundcal.measure(5)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=r"calibration 12\.5: .*a sensitivity in Pa"):
        soundcal.read(tmp_path / "a.wav", calibration=12.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("wide", [True, False])
def test_a_table_without_any_value_is_an_error_with_the_reason(takes: Path, wide: bool) -> None:
    with pytest.raises(SignalError, match=r"a\.wav: not calibrated.*1 further file not measured"):
        soundcal.measure(takes, indicators="LAeq", wide=wide)


def test_a_stated_sensitivity_calibrates_all_files(ears: Path, takes: Path) -> None:
    known = soundcal.measure(takes, calibration=ears, indicators="LAeq, N5")
    typed = soundcal.measure(takes, sensitivity=[2.0, 4.0], indicators="LAeq, N5")
    assert list(typed["value"]) == list(known["value"])
    one = soundcal.measure(takes, sensitivity=2.0, indicators="LAeq", wide=True)
    assert one["LAeq"].unstack()["right"].to_numpy() == pytest.approx(
        soundcal.measure(takes, calibration=ears, indicators="LAeq", wide=True)["LAeq"]
        .unstack()["right"]
        .to_numpy()
        - 6.0206,
        abs=1e-4,
    )
    with pytest.raises(ParameterError, match="calibration and sensitivity"):
        soundcal.measure(takes, calibration=ears, sensitivity=2.0)


def test_a_wide_table_has_the_values_of_the_tidy_one(ears: Path, takes: Path) -> None:
    options = {"calibration": ears, "indicators": "LA, N5", "ears": "each,max"}
    tidy = soundcal.measure(takes, **options)
    wide = soundcal.measure(takes, **options, wide=True)
    assert list(wide.index.names) == ["recording", "channel"]
    assert [*wide.index.unique("channel")] == ["left", "right", "max"]
    assert wide.notna().all(axis=None)
    assert len(tidy) == wide.size
    for row in tidy.to_dict("records"):
        name, label = Path(row["recording"]).stem, row["indicator"] + row["statistic"]
        assert wide.loc[(name, row["channel"]), label] == row["value"]
        assert wide.attrs["units"][label] == row["unit"]
        assert wide.attrs["paths"][name] == row["recording"]
        assert wide.attrs["calibrations"][name] == row["calibration"]


def test_a_wide_table_is_used_as_pandas_tables_are(ears: Path, takes: Path) -> None:
    wide = soundcal.measure(takes, calibration=ears, indicators="LAeq", wide=True)
    assert wide.loc["a", "left"]["LAeq"] == wide["LAeq"]["a"]["left"]
    levels = wide["LAeq"].unstack()
    assert levels.shape == (2, 2)
    # the right ear is twice as sensitive
    assert (levels["right"] - levels["left"]).to_numpy() == pytest.approx(6.02, abs=0.1)


def test_what_failed_is_missing_from_a_wide_table_with_its_reason(ears: Path, takes: Path) -> None:
    (takes / "d.wav").write_bytes(b"no audio")
    wide = soundcal.measure(takes, calibration=ears, indicators="LAeq", wide=True)
    assert wide.loc["d"].isna().all(axis=None)
    assert wide.loc[["a", "b"]].notna().all(axis=None)
    assert list(wide.attrs["failed"]) == ["d"]
    assert "cannot be read as audio" in wide.attrs["failed"]["d"][0]
    assert wide.index.is_unique


def test_recordings_of_one_name_keep_their_folders(ears: Path, takes: Path) -> None:
    other = takes.parent / "others"
    other.mkdir()
    (other / "a.wav").write_bytes((takes / "a.wav").read_bytes())
    wide = soundcal.measure([takes, other], calibration=ears, indicators="LAeq", wide=True)
    assert [*wide.index.unique("recording")] == ["takes/a", "takes/b", "others/a"]
    assert wide.loc["takes/a"].equals(wide.loc["others/a"])
