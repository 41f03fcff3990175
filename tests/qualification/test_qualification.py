"""Qualification of a device: the lab's truth is found, and so is every fault of a loop."""

import contextlib
import functools
import json
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from scipy.signal import butter, freqz, lfilter, resample, resample_poly

from soundcal.cli import main
from soundcal.devices import Block, DeviceInfo, OnBlock
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.dsp.weighting import exact_level
from soundcal.errors import ParameterError, SignalError, StreamError
from soundcal.files.shipped import shipped
from soundcal.qualification import Qualification, QualificationPlan, qualify
from soundcal.recording import Capture
from soundcal.report.html import render_html
from soundcal.report.qualification import qualification_document
from soundcal.takes.check import Check
from soundcal.units import db, from_db

Path = Callable[[np.ndarray, int], np.ndarray]
FS = 16000
SHORT = QualificationPlan(minutes=0.0, plays=2)


class Loop:
    """A device with two outputs cabled to two inputs, through ``path(samples, number of take)``."""

    def __init__(
        self,
        path: Path = lambda x, take: x,
        *,
        fs: int = FS,
        noise_db: float = -110.0,
        obstacle: str = "",
    ) -> None:
        self.info = DeviceInfo("loop", "numpy", 2, 2, obstacle=obstacle)
        self.fs = fs
        self.loudest = 0.0
        self._path, self._noise = path, from_db(noise_db)
        self._takes = 0
        self._rng = np.random.default_rng(7)

    def play_and_record(
        self,
        samples: np.ndarray,
        *,
        outputs: Sequence[int],
        inputs: Sequence[int],
        tail: float = 0.0,
        on_block: OnBlock | None = None,
    ) -> Capture:
        self.loudest = max(self.loudest, float(np.abs(samples).max()))
        played = np.zeros((2, samples.shape[1] + round(tail * self.fs)))
        played[[o - 1 for o in outputs], : samples.shape[1]] = samples
        heard = self._path(played, self._takes)
        heard = heard + self._noise * self._rng.standard_normal(heard.shape)
        heard = np.clip(heard, -1.0, 1.0)[[i - 1 for i in inputs]]
        self._takes += 1
        if on_block is not None:
            on_block(Block(heard, 0, heard.shape[1]))
        latency = None if np.isnan(heard).any() else 100.0
        return Capture(np.nan_to_num(heard), self.fs, device="loop", latency=latency)


def qualified(loop: Loop, plan: QualificationPlan = SHORT, **options: Any) -> Qualification:
    return qualify(loop, plan=plan, **options)  # type: ignore[arg-type]


def failed(found: Qualification) -> dict[tuple[str, str], str]:
    return {(c.name, c.channel): c.verdict for c in found.checks if c.verdict != "pass"}


def one(found: Qualification, name: str, channel: str = "") -> Check:
    (check,) = [c for c in found.checks if (c.name, c.channel) == (name, channel)]
    return check


# ---- the simulated lab, whose truth is known


@pytest.fixture(scope="module")
def loaded() -> tuple[SimulatedLab, Qualification]:
    """A lab whose headphones load the outputs, so that nothing is flat."""
    with SimulatedLab("onboard+closed-16", seed=3) as lab:
        return lab, qualify(lab, inputs=(3, 4), plan=QualificationPlan(minutes=0.3))


@pytest.mark.parametrize("side", [0, 1])
def test_the_response_is_the_truth(loaded: tuple[SimulatedLab, Qualification], side: int) -> None:
    lab, found = loaded
    wiring, frequency = lab.chain.wiring, found.response.frequency
    taps = wiring.volts[side] * wiring.kernels[2 + side]
    _, response = freqz(taps, worN=frequency, fs=lab.fs)
    true = db(np.abs(response))
    at_1k = true[np.argmin(np.abs(frequency - 1000.0))]
    assert np.ptp(true) > 3.0
    assert found.response.level[side] == pytest.approx(true - at_1k, abs=0.005)
    assert found.response.gain[side] == pytest.approx(at_1k, abs=0.002)
    assert frequency[0] == 20.0
    assert frequency[-1] == 0.45 * lab.fs
    check = one(found, "frequency response", found.paths[side])
    worst = np.argmax(np.abs((true - at_1k)[frequency <= 20000.0]))
    assert check.value == pytest.approx((true - at_1k)[worst], abs=0.005)
    assert check.verdict == "suspect"
    assert f"{frequency[worst]:.0f} Hz" in check.reason


def test_the_noise_is_the_truth(loaded: tuple[SimulatedLab, Qualification]) -> None:
    lab, found = loaded
    wiring = lab.chain.wiring
    for side in range(2):
        of_output = wiring.output_noise * np.linalg.norm(wiring.kernels[2 + side])
        true = float(db(np.hypot(wiring.noise[2 + side], of_output)))
        f = (np.arange(4096) + 0.5) * lab.fs / 8192
        share = 10.0 * np.log10(np.mean(10.0 ** (exact_level(f, "A") / 10.0)))
        assert found.noise.unweighted[side] == pytest.approx(true, abs=0.05)
        assert found.noise.a_weighted[side] == pytest.approx(true + share, abs=0.15)
        k = int(np.argmin(np.abs(found.noise.mid - 8000.0)))
        width = found.noise.mid[k] * (10.0**0.05 - 10.0**-0.05)
        band = true + 10.0 * np.log10(width / (lab.fs / 2))
        assert found.noise.bands[side, k] == pytest.approx(band, abs=0.3)
        # full scale is 3.01 dB above the rms of a full-scale sine
        dynamic = one(found, "dynamic range", found.paths[side]).value
        assert dynamic == pytest.approx(-(true + share) - 3.01, abs=0.3)


def test_the_rest_of_the_lab_is_clean(loaded: tuple[SimulatedLab, Qualification]) -> None:
    lab, found = loaded
    assert {name for name, _ in failed(found)} <= {"frequency response", "level at 0.45 fs"}
    assert found.response.polarity.tolist() == [1.0, 1.0]
    for k, path in enumerate(("1→4", "2→3")):
        # the other output's voltage through the input's own filter, re the output's own path
        kernels = found.response.gain - db(lab.chain.wiring.volts)
        true = db(lab.chain.wiring.crosstalk) + kernels[1 - k] - kernels[k]
        # the noise, 20 dB below it, adds to it
        assert -0.3 < one(found, "crosstalk at 1 kHz", path).value - true < 1.0
    assert one(found, "clock drift", "1→3").value == pytest.approx(0.0, abs=0.1)
    assert found.timing.latency.size > 10
    assert found.stability is not None
    assert found.stability.level == pytest.approx(0.0, abs=0.001)
    assert one(found, "level range", "2→4").value < 0.001


# ---- loops in pure numpy, each with one fault


def test_a_perfect_loop_passes_everything() -> None:
    found = qualified(Loop(fs=48000), QualificationPlan(minutes=0.3, plays=2))
    assert failed(found) == {}
    assert found.verdict == "pass"
    assert found.level == -6.0


def test_a_digital_loop_passes_and_is_written_as_json() -> None:
    found = qualified(Loop(noise_db=-np.inf), QualificationPlan(minutes=0.3, plays=2))
    assert failed(found) == {}
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(text)["noise"]["a_weighted"] == [None, None]


@pytest.mark.parametrize("c", [-0.01, 0.001])
def test_a_cubic_term_gives_its_third_harmonic(c: float) -> None:
    found = qualified(Loop(lambda x, take: x + c * x**3, noise_db=-200.0))
    for at in found.distortion:
        a = from_db(at.level)
        true = db(abs(c) * a**3 / 4.0 / (a + 0.75 * c * a**3))
        assert at.tones[0].harmonics[1] == pytest.approx(true, abs=0.01)
        assert at.tones[1].thd == pytest.approx(true, abs=0.05)
        assert at.tones[0].level == pytest.approx(db(a + 0.75 * c * a**3), abs=1e-3)
    wrong = c == -0.01
    assert failed(found).get(("THD", "1→1")) == ("suspect" if wrong else None)


def agc(x: np.ndarray, take: int) -> np.ndarray:
    """A compressor: gain of a third of a dB per 10 dB, following the level within 50 ms."""
    power = lfilter([1 - np.exp(-1 / (0.05 * FS))], [1, -np.exp(-1 / (0.05 * FS))], x**2, axis=1)
    return np.asarray(x * np.maximum(power, 1e-12) ** (-0.03 / 20))


def drifting(x: np.ndarray, take: int) -> np.ndarray:
    return np.asarray(x * from_db(0.03 * take))


def highpass(x: np.ndarray, take: int) -> np.ndarray:
    return np.asarray(lfilter(*butter(1, 60.0, "high", fs=FS), x, axis=1))


def other_rate(x: np.ndarray, take: int) -> np.ndarray:
    """To 14.7 kHz and back, as 44.1 kHz is to 48 kHz."""
    there = resample_poly(x, 147, 160, axis=1)
    return np.asarray(resample_poly(there, 160, 147, axis=1)[:, : x.shape[1]])


def beep(x: np.ndarray, take: int) -> np.ndarray:
    """Another program sounds in the silence, at -80 dB."""
    if not x.any():
        time = np.arange(2000) / FS
        x[:, 6 * FS : 6 * FS + 2000] = 1e-4 * np.sin(2 * np.pi * 880 * time)
    return x


FAULTS: dict[str, tuple[Path, dict[str, str]]] = {
    "agc": (agc, {"level linearity": "invalid"}),
    "high-pass filter": (highpass, {"frequency response": "suspect"}),
    "resampled": (
        other_rate,
        {"level at 0.45 fs": "suspect", "frequency response": "suspect", "THD+N": "suspect"},
    ),
    "crosstalk": (
        lambda x, take: x + 0.01 * x[::-1],
        {f"crosstalk at {f}": "suspect" for f in ("100 Hz", "1 kHz")},
    ),
    "DC": (lambda x, take: x + 0.02, {"DC": "suspect"}),
    "16 bits": (lambda x, take: np.round(x * 2**15) / 2**15, {"bits used": "suspect"}),
    "beep": (beep, {"sounds in the silence": "suspect"}),
    "inverted": (lambda x, take: -x, {"polarity": "suspect"}),
    "clipped": (lambda x, take: np.clip(x, -0.4, 0.4), {"THD": "suspect", "THD+N": "suspect"}),
}


@functools.cache
def faulty(name: str) -> Qualification:
    return qualified(Loop(FAULTS[name][0], noise_db=-np.inf if name == "16 bits" else -110.0))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_nothing_else_is_blamed(name: str) -> None:
    expected, found = FAULTS[name][1], faulty(name)
    blamed = {check: verdict for (check, _), verdict in failed(found).items()}
    also = {"plateaus", "level linearity", "frequency response"} if name == "clipped" else set()
    assert {k: v for k, v in blamed.items() if k not in also} == expected
    assert all(c.reason for c in found.checks if c.verdict != "pass")


def test_values_of_faults() -> None:
    found = faulty("high-pass filter")
    _, h = freqz(*butter(1, 60.0, "high", fs=FS), worN=[20.0, 1000.0], fs=FS)
    true = db(abs(h[0] / h[1]))
    assert one(found, "frequency response", "1→1").value == pytest.approx(true, abs=0.05)
    found = faulty("crosstalk")
    assert one(found, "crosstalk at 1 kHz", "1→2").value == pytest.approx(-40.0, abs=0.01)
    found = qualified(Loop(lambda x, take: x * [[1.0], [1.2]]))
    assert failed(found) == {("channel balance", ""): "suspect"}
    assert one(found, "channel balance").value == pytest.approx(db(1.2), abs=1e-3)


@pytest.mark.parametrize("ppm", [100.0, -40.0])
def test_clock_difference_is_measured(ppm: float) -> None:
    def stretched(x: np.ndarray, take: int) -> np.ndarray:
        n = x.shape[1]
        # a length that makes whole samples of the difference
        whole = round(round(1e-6 * abs(ppm) * n + 1) / (1e-6 * abs(ppm)))
        padded = np.pad(x, ((0, 0), (0, whole - n)))
        longer = round(whole * (1.0 + 1e-6 * ppm))
        return np.asarray(resample(padded, longer, axis=1)[:, :n])

    found = qualified(Loop(stretched))
    assert found.timing.drift_ppm == pytest.approx(ppm, rel=0.03)
    assert failed(found) == {("clock drift", p): "suspect" for p in ("1→1", "2→2")}


def test_a_level_that_moves_is_found() -> None:
    found = qualified(Loop(drifting), QualificationPlan(minutes=1.0, plays=2))
    assert failed(found)["level drift", "1→1"] == "suspect"
    assert failed(found)["level range", "1→1"] == "suspect"
    assert one(found, "level range", "1→1").value == pytest.approx(0.06, abs=0.002)
    assert found.stability is not None
    assert found.stability.level[0, -1] == pytest.approx(0.06, abs=0.002)


def test_another_program_beside_the_tone_is_found() -> None:
    def ding(x: np.ndarray, take: int) -> np.ndarray:
        if x.shape[1] > 20 * FS:
            time = np.arange(6000) / FS
            x[0, 8 * FS : 8 * FS + 6000] += 1e-4 * np.sin(2 * np.pi * 1500 * time)
        return x

    found = qualified(Loop(ding), QualificationPlan(minutes=0.3, plays=2))
    assert failed(found) == {("sounds beside the tone", "1→1"): "suspect"}
    check = one(found, "sounds beside the tone", "1→1")
    # 0.125 s of a tone of -83 dB, and the share that the A-weighting leaves of the noise of -110 dB
    f = (np.arange(4096) + 0.5) * FS / 8192
    share = 10.0 * np.log10(np.mean(10.0 ** (exact_level(f, "A") / 10.0)))
    true = -83.0 + float(exact_level(1500.0, "A")) - (-110.0 + share)
    assert check.value == pytest.approx(true, abs=1.0)


def gate(x: np.ndarray, take: int) -> np.ndarray:
    """A gate that mutes everything below -50 dBFS, in a path that is digitally silent then."""
    power = lfilter([1 - np.exp(-1 / (0.05 * FS))], [1, -np.exp(-1 / (0.05 * FS))], x**2, axis=1)
    return np.where(power > 5e-6, x, 0.0)


def pulled(x: np.ndarray, take: int) -> np.ndarray:
    """The plug of the first output comes off in the middle of the test."""
    return x * [[0.0 if take > 2 else 1.0], [1.0]]


@pytest.mark.parametrize("path", [gate, pulled])
def test_exact_zeros_where_a_signal_ought_to_be_are_faults_not_crashes(path: Path) -> None:
    found = qualified(Loop(path, noise_db=-np.inf), QualificationPlan(minutes=0.3, plays=2))
    assert found.verdict == "invalid"
    # a gate needs a signal to be seen; where the plug is off nothing moves any more
    name = "level linearity" if path is gate else "swing"
    assert failed(found)[name, "1→1"] == "invalid"
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    schema = json.loads((shipped("schema") / "qualification.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(
        {"schema": "soundcal/qualification/2", "software": {}, **content}
    )
    assert "<svg" in render_html(qualification_document(found))


def test_swapped_cables_are_said_and_seen_through() -> None:
    found = qualified(Loop(lambda x, take: x[::-1]))
    assert failed(found) == {("swapped channels", ""): "invalid"}
    assert found.paths == ("1→2", "2→1")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (lambda x, take: 0.0 * x, "output 1 is not heard by input 1 or 2"),
        (lambda x, take: x * [[1.0], [0.0]], "output 2 is not heard"),
        (lambda x, take: np.stack([x[0] + x[1], 1e-3 * x[1]]), "both heard by input 1"),
    ],
)
def test_nothing_loud_is_played_where_no_cable_is(path: Path, words: str) -> None:
    loop = Loop(path)
    with pytest.raises(SignalError, match=words):
        qualified(loop)
    assert loop.loudest <= 0.0101


def test_the_level_is_lowered_before_the_inputs_clip() -> None:
    loop = Loop(lambda x, take: 3.0 * x)
    found = qualified(loop, replace(SHORT, level=0.0))
    assert found.level == pytest.approx(-1.0 - db(3.0), abs=0.01)
    assert loop.loudest <= from_db(found.level) + 1e-9
    assert failed(found) == {}


def test_a_mixer_in_between_counts_unless_it_is_allowed() -> None:
    found = qualified(Loop(obstacle="a server resamples"))
    assert failed(found) == {("operating system's mixer", ""): "suspect"}
    assert "a server resamples" in one(found, "operating system's mixer").reason
    assert failed(qualified(Loop(obstacle="a server resamples"), os_mixer_allowed=True)) == {}


@pytest.mark.parametrize("fails", [2, 4])
def test_takes_that_fail_are_counted_and_made_again(fails: int) -> None:
    left = [fails]

    def stalling(x: np.ndarray, take: int) -> np.ndarray:
        if take > 1 and left[0] > 0:
            left[0] -= 1
            if left[0] % 2:
                raise StreamError("no answer for 1.5 s")
            return np.full(x.shape, np.nan)  # the marker is not found
        return x

    if fails > 3:
        with pytest.raises(StreamError, match=r"^4 takes failed; the last one"):
            qualified(Loop(stalling))
        return
    found = qualified(Loop(stalling))
    assert failed(found) == {("takes that failed", ""): "invalid"}
    assert found.broken == ("no answer for 1.5 s", "delay not measured")
    reason = one(found, "takes that failed").reason
    assert "takes that failed: 2 (delay not measured), the limit is ≤ 0" in reason


@pytest.mark.parametrize(
    "options", [{"level": 1.0}, {"level": -61.0}, {"minutes": -1.0}, {"plays": 1}]
)
def test_impossible_plans_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        QualificationPlan(**options)
    with pytest.raises(ParameterError, match="one input per output"):
        qualified(Loop(), inputs=(1,))


def test_progress_ends_at_the_seconds_planned() -> None:
    seen: list[float] = []
    qualified(Loop(), on_progress=lambda done, remark: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(SHORT.seconds(2))


# ---- the command


def test_command_tests_the_lab_and_writes_result_and_page(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "card.html"
    arguments = ["devices", "--test", "sim:lab", "--minutes", "0.1", "--plays", "2", "--json"]
    arguments += ["--out", str(page)]
    assert main(arguments) == 0
    told = capsys.readouterr()
    content = json.loads(told.out)
    path = shipped("schema") / "qualification.schema.json"
    Draft202012Validator(json.loads(path.read_text(encoding="utf-8"))).validate(content)
    assert content["paths"] == ["1→3", "2→4"]
    assert "verdict: pass" in told.err
    assert all(
        check["limit"]["source"] for check in content["checks"] if check["limit"] is not None
    )
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 7
    for words in ("Verdict: pass", "AES17-2015, 6.4.1", "IEC 61672-1:2013", "(simulated)"):
        assert words in text
    assert main(["devices", "--out", str(page)]) == 2  # nothing is tested
    assert "--test NAME" in capsys.readouterr().err
    assert main(arguments) == 5
    assert "exists" in capsys.readouterr().err


def test_command_asks_nobody_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loop = Loop()
    opened = contextlib.nullcontext(loop)
    monkeypatch.setattr("soundcal.cli.qualify.open_from", lambda options: opened)
    arguments = ["devices", "--test", "loop", "--minutes", "0", "--plays", "2", "--fs", str(FS)]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert "WARNING: test signals of up to −6 dBFS" in told
    assert "--yes" in told
    assert loop.loudest == 0.0
    assert main([*arguments, "--yes"]) == 0


def test_command_ends_with_4_where_a_limit_is_not_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["devices", "--test", "sim:lab,noise=30", "--minutes", "0", "--plays", "2"]
    assert main(arguments) == 4
    told = capsys.readouterr()
    rows = told.out.splitlines()
    assert any(row.startswith("suspect  noise, A-weighted") for row in rows)
    assert any("level linearity" in row and "dB  (±0.05)" in row for row in rows)
    assert "suspect: 1→3: noise, A-weighted: −84." in told.err
    assert "verdict: suspect" in told.err
