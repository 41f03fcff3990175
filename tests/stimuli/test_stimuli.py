"""Stimuli: the same samples everywhere, what they claim to be, and catalogues that are refused."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.indicators import leq
from soundcal.stimuli import Stimulus, digest, file_flags, load_catalogue, render, scenes, select
from soundcal.stimuli.exact import Bits, exact_sine, exp2, rounded

SATP = [
    *("CG01", "CG04", "CG07", "CT301", "E01b", "E02", "E05", "E09", "E10", "E11b", "E12b"),
    *("HR01", "KT01", "LS06", "N1", "OS01c", "OS01d", "RPJ01", "VP01b"),
    *("W01", "W06", "W09", "W11a", "W15", "W16", "W22", "W23a"),
]
CATALOGUE = load_catalogue()
OCTAVES = (63.0, 125.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)


def band_levels(x: np.ndarray, fs: int, centres: tuple[float, ...], half: float) -> np.ndarray:
    """Levels of bands ``centre / half … centre * half`` from the periodogram, dB."""
    power = np.abs(np.fft.rfft(x)) ** 2
    f = np.fft.rfftfreq(x.shape[-1], 1 / fs)
    sums = [power[(f >= c / half) & (f < c * half)].sum() for c in centres]
    return 10.0 * np.log10(np.array(sums) / power.sum())


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_stimulus_has_the_samples_of_the_catalogue(name: str) -> None:
    stimulus = CATALOGUE[name]
    samples = render(replace(stimulus, sha256=""))
    assert digest(samples) == stimulus.sha256
    assert samples.shape == (stimulus.n_channels, round(stimulus.duration * 48000))
    assert 0.89 < np.abs(samples).max() <= 0.9 + 2.0**-23


def test_the_scenes_are_those_of_the_study() -> None:
    chosen = scenes(CATALOGUE)
    assert [s.id for s in chosen] == SATP
    levels = [s.level for s in chosen]
    assert (min(levels), max(levels)) == (50.0, 80.0)
    assert len(set(levels)) >= 24
    assert {s.weighting for s in chosen} == {"A"}


@pytest.mark.long
def test_scenes_differ_in_spectrum_and_in_time() -> None:
    spectra, envelopes = [], []
    for stimulus in scenes(CATALOGUE):
        x = render(stimulus, duration=5.0)
        spectra.append(band_levels(x.mean(axis=0), 48000, OCTAVES, math.sqrt(2.0)))
        envelopes.append((x**2).mean(axis=0)[: 40 * 6000].reshape(40, 6000).mean(axis=1))
    distance = [
        np.abs(np.maximum(a, -40) - np.maximum(b, -40)).max()
        for i, a in enumerate(spectra)
        for b in spectra[:i]
    ]
    assert min(distance) > 3.0
    fluctuation = [10 * np.log10(e.max() / np.median(e)) for e in envelopes]
    assert min(fluctuation) < 1.5
    assert max(fluctuation) > 8.0


@pytest.mark.long
def test_both_ears_are_those_of_one_head() -> None:
    """Alike at low frequencies, where the largest delay, 0.66 ms, is a small part of a period."""
    for stimulus in scenes(CATALOGUE):
        x = render(stimulus, duration=3.0)
        spectra = np.fft.rfft(x)
        f = np.fft.rfftfreq(x.shape[1], 1 / 48000)

        def alike(low: float, high: float, s: np.ndarray = spectra, f: np.ndarray = f) -> float:
            band = (f >= low) & (f < high)
            cross = np.abs((s[0, band] * s[1, band].conj()).real.sum())
            return float(cross / np.sqrt((np.abs(s[:, band]) ** 2).sum(axis=1).prod()))

        assert alike(30.0, 100.0) > 0.9, stimulus.id
        assert alike(3000.0, 12000.0) < 0.85, stimulus.id
        assert not np.array_equal(x[0], x[1])
        left, right = (leq(x[i], 48000, weighting="A").value for i in (0, 1))
        assert abs(left - right) < 12.0, stimulus.id


def test_a_source_at_the_left_is_earlier_and_brighter_there() -> None:
    layer = {"source": "impacts", "level": 0.0, "azimuth": [-90], "modes": [4000.0]}
    layer |= {"decay": 0.05, "every": 5.0, "jitter": 0.0}
    stimulus = replace(CATALOGUE["CG01"], parameters={"layers": [layer]}, seed=7)
    x = render(stimulus, fs=192000, duration=4.0)
    start = [int(np.argmax(np.abs(channel) > 1e-3 * np.abs(channel).max())) for channel in x]
    delay = (start[1] - start[0]) / 192000
    # Woodworth: a/c (cos(left incidence) + right incidence beyond 90 degrees), ears at 100 degrees
    around = math.radians(170 - 90)
    expected = 0.0875 / 343 * (math.cos(math.radians(10)) + around)
    assert delay == pytest.approx(expected, abs=4e-5)
    level = 10 * np.log10((x[0] ** 2).sum() / (x[1] ** 2).sum())
    # Brown and Duda, equations 4 and 5, at 4 kHz: alpha 1.979 and 0.182, w/2w0 3.206
    assert level == pytest.approx(20 * math.log10(6.422 / 1.157), abs=0.5)


def test_pink_noise_has_equal_power_per_third_octave() -> None:
    x = render(CATALOGUE["pink"], duration=60.0)[0]
    centres = tuple(1000.0 * 2.0 ** (k / 3) for k in range(-13, 13))
    levels = band_levels(x, 48000, centres, 2.0 ** (1 / 6))
    assert np.abs(levels - levels.mean()).max() < 0.4
    assert abs(np.polyfit(np.arange(26) / 3, levels, 1)[0]) < 0.05


def test_white_noise_is_white_and_bell_shaped() -> None:
    x = Bits([1]).noise(1 << 20)
    assert abs(x.mean()) < 0.004
    assert x.std() == pytest.approx(1.0, abs=0.003)
    # kurtosis of a sum of four equal distributions: 3 - 1.2 / 4
    assert (x**4).mean() == pytest.approx(2.7, abs=0.03)


def test_speech_shaped_noise_follows_itu_t_p50() -> None:
    x = render(CATALOGUE["speech-shaped"], duration=60.0)[0]
    centres = tuple(1000.0 * 10.0 ** (k / 10) for k in range(-9, 9))
    levels = band_levels(x, 48000, centres, 10.0**0.05)
    lg = np.log10(centres)
    density = -376.44 + 465.439 * lg - 157.745 * lg**2 + 16.7124 * lg**3
    expected = density + 10.0 * lg
    deviation = (levels - levels.mean()) - (expected - expected.mean())
    assert np.abs(deviation).max() < 1.0


@pytest.mark.parametrize(("name", "frequency"), [("tone-1k", 1000), ("tone-250", 250)])
def test_calibration_tones_are_pure(name: str, frequency: int) -> None:
    power = np.abs(np.fft.rfft(render(CATALOGUE[name], duration=1.0)[0])) ** 2
    assert int(power.argmax()) == frequency
    # nothing but the rounding to 24 bits: -146 dB re full scale
    assert 10 * np.log10((power.sum() - power[frequency]) / power[frequency]) < -138.0


def test_modulated_tones_and_bursts_are_what_they_say() -> None:
    x = render(CATALOGUE["am-70"], duration=1.0)[0]
    power = np.abs(np.fft.rfft(x)) ** 2
    # modulation depth 1: side bands of a quarter of the carrier's power
    assert power[930] / power[1000] == pytest.approx(0.25, rel=1e-3)
    assert power[1070] / power[1000] == pytest.approx(0.25, rel=1e-3)
    assert power.argsort()[-3:].tolist()[-1] == 1000
    y = render(CATALOGUE["fm-4"], duration=1.0)[0]
    crossings = np.flatnonzero((y[:-1] < 0) & (y[1:] >= 0))
    periods = np.diff(crossings) / 48000
    assert 1 / periods.min() == pytest.approx(2200, rel=0.06)
    assert 1 / periods.max() == pytest.approx(800, rel=0.06)
    z = render(CATALOGUE["burst-4k"], duration=2.0)[0]
    assert np.flatnonzero(z[48000:])[-1] == pytest.approx(0.2 * 48000, abs=12)
    assert not z[9600:48000].any()


def test_the_sweep_spends_the_same_time_in_every_octave() -> None:
    x = render(CATALOGUE["sweep"])[0]
    levels = band_levels(x, 48000, OCTAVES, math.sqrt(2.0))
    assert np.ptp(levels) < 0.1


@pytest.mark.parametrize("fs", [8000, 44100, 96000, 192000])
def test_other_rates_keep_the_sound(fs: int) -> None:
    for name in ("CG04", "speech-shaped", "sweep"):
        x = render(CATALOGUE[name], fs=fs, duration=1.0)
        assert x.shape[1] == fs
        assert np.isfinite(x).all()
        assert 0.89 < np.abs(x).max() <= 0.9 + 2.0**-23


def test_samples_fit_into_24_bits(tmp_path: Path) -> None:
    x = render(CATALOGUE["E05"], duration=0.5)
    audio.write(tmp_path / "x.wav", x, 48000)
    assert np.array_equal(audio.read(tmp_path / "x.wav").samples, x)


def test_exact_functions_are_accurate() -> None:
    turns = np.linspace(-3.0, 3.0, 100_001)
    assert np.abs(exact_sine(turns) - np.sin(2 * np.pi * turns)).max() < 1e-13
    x = np.linspace(-20.0, 20.0, 10_001)
    assert np.abs(exp2(x) / 2.0**x - 1.0).max() < 1e-14
    # a last bit more or less in a library function changes nothing
    for value in (math.tan(0.3), 10**0.35, 1e-7):
        near = (np.nextafter(value, 0.0), value, np.nextafter(value, 9.0))
        assert len({rounded(float(v)) for v in near}) == 1


@pytest.mark.parametrize(
    ("fs", "duration", "message"),
    [(4000, 1.0, "8000 to 192000"), (48000, 0.0, "duration"), (48000, math.nan, "duration")],
)
def test_impossible_renderings_are_refused(fs: int, duration: float, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        render(CATALOGUE["pink"], fs=fs, duration=duration)


def test_a_changed_entry_no_longer_matches_its_checksum() -> None:
    with pytest.raises(RecordError, match="SHA-256"):
        render(replace(CATALOGUE["white"], seed=99))
    with pytest.raises(ParameterError, match="no stimulus 'x'"):
        select(CATALOGUE, ["x"])


# ---- a lab's own catalogue

ENTRY = """
[[stimulus]]
id = "{id}"
kind = "file"
title = "own"
parameters = {{ path = "{path}" }}
seed = 0
duration = 1.0
level = 65.0
weighting = "A"
licence = "LicenseRef-own"
sha256 = "{sha256}"
"""
HEAD = 'schema = "soundcal/catalogue/1"\n'


def own(folder: Path, **changes: str) -> Path:
    path = folder / "own.wav"
    if not path.exists():
        audio.write(path, np.full((2, 48000), 0.25), 48000)
    values = {"id": "own", "path": "own.wav"}
    values["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path = folder / "catalogue.toml"
    path.write_text(HEAD + ENTRY.format(**(values | changes)))
    return path


def test_own_files_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    stimulus = load_catalogue(own(tmp_path))["own"]
    assert isinstance(stimulus, Stimulus)
    assert np.array_equal(render(stimulus), np.full((2, 48000), 0.25))
    assert render(stimulus, duration=0.5).shape == (2, 24000)
    with pytest.raises(ParameterError, match="44100"):
        render(stimulus, fs=44100)
    with pytest.raises(ParameterError, match="2 s were requested"):
        render(stimulus, duration=2.0)
    audio.write(tmp_path / "own.wav", np.full((2, 48000), 0.5), 48000, force=True)
    with pytest.raises(RecordError, match="not the file that was entered in the catalogue"):
        render(stimulus)
    (tmp_path / "own.wav").unlink()
    with pytest.raises(RecordError, match="cannot be read"):
        render(stimulus)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("right ear dead", "right: every sample is exactly zero"),
        ("clipped", "left: flat tops"),
        ("offset", "left: DC of +0.2 of full scale"),
        ("lossy", "lossy coding (ULAW)"),
        ("header not finished", "192000 bytes (1.0 s) that belong to no chunk"),
        ("", ""),
    ],
)
def test_own_files_are_judged_before_people_hear_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str, said: str
) -> None:
    """``stimuli render``, a protocol and a gain by OCV say the same as ``play`` does."""
    x = 0.05 * np.random.default_rng(1).standard_normal((2, 2 * 48000))
    if fault == "right ear dead":
        x[1] = 0.0
    elif fault == "clipped":
        x = np.clip(x, -0.05, 0.05)
    elif fault == "offset":
        x += 0.2
    path = tmp_path / "own.wav"
    soundfile.write(path, x.T, 48000, subtype="ULAW" if fault == "lossy" else "PCM_16")
    if fault == "header not finished":
        content = bytearray(path.read_bytes())
        content[40:44] = (4 * 48000).to_bytes(4, "little")
        path.write_bytes(content)
    catalogue = own(tmp_path)
    found = " ".join(map(str, file_flags(load_catalogue(catalogue)["own"])))
    assert said in found
    assert bool(found) == bool(fault)
    ocv = ["calibrate", "--method", "ocv", "--device", "sim:lab", "--target", "60"]
    settings = [f"catalogue={catalogue}", "duration=1", "impedance=300", "sensitivity=103"]
    protocol = ["protocol", "run", "ocv_headphones", "--device", "sim:lab"]
    for command in (
        ["stimuli", "render", "--catalogue", str(catalogue), "--out", str(tmp_path / "r")],
        [*ocv, "--stimulus", str(path), "--out", str(tmp_path / "ocv.json")],
        [
            *protocol,
            *("--out", str(tmp_path / "s")),
            *(word for text in settings for word in ("--set", text)),
        ],
    ):
        assert main(command) == 0
        told = capsys.readouterr()
        assert said in told.err + told.out


@pytest.mark.parametrize("path", ["../x.wav", "/etc/passwd", "", "a/../../x.wav", "x\\u0000.wav"])
def test_paths_do_not_leave_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(RecordError, match="path"):
        load_catalogue(own(tmp_path, path=path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "schema"),
        ("schema = 1", "schema"),
        (HEAD, r"no \[\[stimulus\]\]"),
        (HEAD + "stimulus = 3", r"no \[\[stimulus\]\]"),
        (HEAD + "[[stimulus]]\nid = 'x'", "missing key"),
        ("schema = ", "cannot be read"),
    ],
)
def test_files_that_are_no_catalogue_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(RecordError, match=message):
        load_catalogue(path)
    with pytest.raises(RecordError, match="no such catalogue"):
        load_catalogue(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "own"', 'id = "../x"', "may hold letters"),
        ('kind = "file"', 'kind = "song"', "kind 'song'"),
        ('weighting = "A"', 'weighting = "B"', "A, C or Z"),
        ("level = 65.0", "level = 650.0", "0 to 130"),
        ("level = 65.0", "level = nan", "0 to 130"),
        ("level = 65.0", 'level = "65"', "wrong type"),
        ("seed = 0", "seed = -1", "0 or more"),
        ("seed = 0", "seed = true", "wrong type"),
        ("duration = 1.0", "duration = 0.0", "0.1 to 3600"),
        ("seed = 0", "seed = 0\ncolour = 1", "unknown key 'colour'"),
        ('licence = "LicenseRef-own"\n', "", "missing key 'licence'"),
        ('sha256 = "', 'sha256 = "zz', "is not a SHA-256"),
    ],
)
def test_wrong_entries_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = own(tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RecordError, match=message):
        load_catalogue(path)
    path.write_text(text + text.removeprefix(HEAD))
    with pytest.raises(RecordError, match="used twice"):
        load_catalogue(path)


@pytest.mark.parametrize(
    "parameters", [{}, {"layers": []}, {"layers": [{"source": "song"}]}, {"layers": 3}]
)
def test_parameters_that_describe_no_scene_are_refused(parameters: dict[str, object]) -> None:
    stimulus = replace(CATALOGUE["CG01"], parameters=parameters)
    with pytest.raises(RecordError, match="CG01"):
        render(stimulus, duration=1.0)


# ---- the command


def test_stimuli_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stimuli", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["schema"] == "soundcal/stimuli/1"
    assert [s["id"] for s in listed["stimuli"] if s["kind"] == "scene"] == SATP
    assert main(["stimuli", "list"]) == 0
    assert "CG04" in capsys.readouterr().out


def test_stimuli_are_rendered_and_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "b"
    command = ["stimuli", "render", "W01", "tone-1k", "--out", str(out), "--duration", "0.5"]
    assert main([*command, "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [f["id"] for f in files] == ["W01", "tone-1k"]
    assert files[0]["sha256"] == file_digest(out / "W01.wav")
    expected = render(CATALOGUE["W01"], duration=0.5)
    assert np.array_equal(audio.read(out / "W01.wav").samples, expected)
    assert main(command) == 5
    assert "--force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
