"""Responses measured in the simulated lab, against its true values."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.arrays import Array
from soundcal.calibration import ocv, stated
from soundcal.devices import open_device
from soundcal.devices.simulated.lab import SimulatedLab, list_labs
from soundcal.dsp.convolve import fir_gain
from soundcal.errors import ParameterError, ProtocolAborted, SignalError
from soundcal.files import audio
from soundcal.files.calibrations import save_calibration
from soundcal.files.session import Session
from soundcal.headphone import Headphone
from soundcal.lab import protocol
from soundcal.lab.effort import playing
from soundcal.lab.operator import PreparedOperator, SimulatedOperator
from soundcal.lab.responses import SweepPath, level_below, measure_headphones, measure_response
from soundcal.recording import DELAY_NOT_MEASURED, EARS, Capture, Flag
from soundcal.response import (
    ChannelResponse,
    Response,
    load_response,
    new_response,
    save_response,
)
from soundcal.response.deconvolution import log_grid, window_high_pass
from soundcal.response.measurement import SweepTest
from soundcal.response.sweep import Sweep
from soundcal.units import db

FS = 48000
SHORT = SweepTest(Sweep(FS, duration=0.5))
F = log_grid(20.0, 20000.0)
MIDDLE = (F >= 100.0) & (F <= 10000.0)


def assert_true(lab: SimulatedLab, response: Response) -> None:
    """Compare a response from FS to FS with the lab's truth."""
    truth = lab.truth
    for ear in EARS:
        true = db(np.abs(truth.transfer(ear, F) * truth.ear(ear, F)))
        error = np.abs(response.channels[ear].magnitude_db - true)
        assert error.max() <= 0.1
        assert error[MIDDLE].max() <= 0.02


def measured(lab: SimulatedLab, test: SweepTest, **more: Any) -> Response:
    path = SweepPath(lab, test, averages=1, **more)
    return measure_response(SimulatedOperator(lab), path, name="x").response


def test_one_seating_against_the_truth() -> None:
    with SimulatedLab("lab", seed=1) as lab:
        response = measured(lab, SweepTest(Sweep(FS)))
        assert_true(lab, response)
        assert response.conditions["flags"] == response.conditions["unmet_limits"] == []


@pytest.mark.long  # one combination is tested above
@pytest.mark.parametrize("name", [info.name.removeprefix("sim:") for info in list_labs()[1:]])
def test_one_seating_of_every_combination_against_the_truth(name: str) -> None:
    with SimulatedLab(name, seed=1) as lab:
        assert_true(lab, measured(lab, SweepTest(Sweep(FS))))


def ears_of(lab: SimulatedLab) -> Response:
    """Return the lab's ears as a relative response."""
    curves = {}
    for ear in EARS:
        level = db(np.abs(lab.truth.ear(ear, F))) - db(float(np.abs(lab.truth.ear(ear, 1000.0))))
        curves[ear] = ChannelResponse(F, level - np.interp(1000.0, F, level), u_db=0.0)
    return new_response("ears", "DRP", "FS", "relative", curves, normalised_at=1000.0)


def test_headphones_at_the_ears_over_seatings() -> None:
    class Noting(SimulatedOperator):
        def seat_headphones(self) -> None:
            super().seat_headphones()
            true.append([db(np.abs(lab.truth.transfer(ear, F))) for ear in EARS])

    true: list[list[Array]] = []
    with SimulatedLab("interface+closed-16,seating=1", seed=1) as lab:
        ears = stated.from_sensitivity(
            dict(zip(EARS, lab.truth.ear_pa_per_fs, strict=True)), u_db=0.0
        )
        response = measure_headphones(
            lab, Noting(lab), ears=ears, ears_response=ears_of(lab), averages=1, test=SHORT
        )
    assert (response.source_point, response.target_point, response.kind) == (
        "FS",
        "DRP",
        "absolute",
    )
    assert response.conditions["seatings"] == len(true) == 5
    for index, ear in enumerate(EARS):
        levels = np.array([seating[index] for seating in true])
        curve = response.channel(ear)
        assert np.abs(curve.level(F) - levels.mean(axis=0))[MIDDLE].max() <= 0.02
        spread = levels.std(axis=0, ddof=1)
        assert curve.spread_db is not None
        assert np.abs(curve.at(F).spread_db - spread)[MIDDLE].max() <= 0.02
        np.testing.assert_allclose(
            curve.uncertainty(F)[MIDDLE], (spread / np.sqrt(5))[MIDDLE], atol=0.01
        )
        assert spread[(F > 8000) & (F < 11000)].max() > 2.0  # the notches move


class Cabled(SimulatedLab):
    """A lab whose takes something happens to."""

    swapped = False
    broken = 0  # takes of the sweep

    def play_and_record(self, samples: Array, **options: Any) -> Capture:
        take = super().play_and_record(samples, **options)
        if self.swapped:
            take = replace(take, samples=take.samples[::-1])
        if self.broken and samples.any():
            self.broken -= 1
            flags = (Flag(DELAY_NOT_MEASURED, "delay not measured"),)
            take = replace(take, latency=None, flags=flags)
        return take


def test_swapped_ears_are_refused() -> None:
    with Cabled("lab") as lab:
        lab.swapped = True
        with pytest.raises(SignalError, match="left and right are swapped"):
            measured(lab, SHORT)


def test_a_refused_take_is_recorded_again_if_the_operator_agrees() -> None:
    class Patient(SimulatedOperator):
        def again(self, reason: str) -> bool:
            reasons.append(reason)
            return True

    reasons: list[str] = []
    with Cabled("lab") as lab:
        lab.broken = 1
        path = SweepPath(lab, SHORT, averages=1)
        response = measure_response(Patient(lab), path, name="x").response
    assert reasons == ["recording of the sweep: delay not measured"]
    assert response.conditions["flags"] == []


def test_a_path_without_noise_and_without_sound() -> None:
    with SimulatedLab("lab,noise=0") as lab:
        response = measured(lab, SHORT)
        assert min(response.conditions["snr_db"]["left"]) > 60.0
        lab.remove_headphones()
        with pytest.raises(SignalError):
            measured(lab, SHORT)


class Clumsy(SimulatedOperator):
    """An operator whose seatings of some numbers leave a cushion off the head."""

    def __init__(self, lab: SimulatedLab, bad: Sequence[int], *, agrees: bool = True) -> None:
        super().__init__(lab)
        self.bad, self.agrees, self.seated = bad, agrees, 0
        self.reasons: list[str] = []

    def seat_headphones(self) -> None:
        super().seat_headphones()
        self.seated += 1
        if self.seated in self.bad:
            setup = self._lab._setup
            assert setup.seating is not None
            left, right = setup.seating
            self._lab._change(replace(setup, seating=(replace(left, leak_hz=400.0), right)))

    def again(self, reason: str) -> bool:
        self.reasons.append(reason)
        return self.agrees


def session_of(
    tmp_path: Path, lab: SimulatedLab, operator: SimulatedOperator, **changes: str
) -> Session:
    save_calibration(
        tmp_path / "ears.json",
        stated.from_sensitivity(dict(zip(EARS, lab.truth.ear_pa_per_fs, strict=True))),
        force=True,
    )
    settings = {"ears": str(tmp_path / "ears.json"), "sweep": "0.5", "averages": "1"}
    return protocol.run(
        protocol.load("headphone_response"),
        lab,
        operator,
        tmp_path / "s",
        changes={**settings, "seatings": "3", **changes},
    )


def test_a_seating_that_does_not_fit_is_replaced(tmp_path: Path) -> None:
    with SimulatedLab("interface+open-300", seed=1) as lab:
        operator = Clumsy(lab, bad=[1])
        session = session_of(tmp_path, lab, operator)
    assert session.exit_status == "done"
    assert operator.seated == 4
    assert len(operator.reasons) == 1
    assert "seating 1, left: -" in operator.reasons[0]
    assert "seat the headphones again" in operator.reasons[0]
    seatings = sorted(file for file in session.files if file.startswith("seating"))
    assert seatings == [f"seating-{n}.{end}" for n in (2, 3, 4) for end in ("json", "wav")]
    assert not (session.folder / "seating-1.wav").exists()
    session.verify()
    response = load_response(session.folder / "headphones.json")
    assert [impulse["wav"] for impulse in response.provenance["impulses"]] == seatings[1::2]
    first = load_response(session.folder / "seating-2.json")
    impulse = audio.read(session.folder / "seating-2.wav")
    assert audio.info(session.folder / "seating-2.wav").subtype == "DOUBLE"
    np.testing.assert_allclose(
        db(np.abs(fir_gain(impulse.samples[0], F, FS) / window_high_pass(F, 20.0))),
        first.channels["left"].magnitude_db,
    )
    assert first.provenance["impulse"]["first_sample"] == -240
    assert first.provenance["impulse"]["high_pass_hz"] == 20.0


def test_the_operator_is_told_how_long_it_takes(tmp_path: Path) -> None:
    class Timed(SimulatedLab):
        seconds = 0.0

        def play_and_record(self, samples: Array, **options: Any) -> Capture:
            self.seconds += playing(samples.shape[1] / FS + options["tail"]).seconds
            return super().play_and_record(samples, **options)

    with Timed("lab", seed=1) as lab:
        operator = Clumsy(lab, bad=[])
        session_of(tmp_path, lab, operator)
        found = protocol.load("headphone_response")
        settings = found.resolve({"ears": "x", "sweep": "0.5", "averages": "1", "seatings": "3"})
        assert found.effort is not None
        effort = found.effort(settings)
    assert effort.seconds == pytest.approx(lab.seconds, abs=1e-3)
    assert effort.hands == operator.seated == 3


def test_without_a_replacement_the_series_stops_and_keeps_the_others(tmp_path: Path) -> None:
    with SimulatedLab("interface+open-300", seed=1) as lab:
        with pytest.raises(SignalError, match="relative to the median of the others"):
            session_of(tmp_path, lab, Clumsy(lab, bad=[3], agrees=False))
        session = Session(tmp_path / "s")
        assert session.exit_status == "failed"
        assert [f for f in session.files if f.startswith("seating") and f.endswith(".json")] == [
            "seating-1.json",
            "seating-2.json",
        ]


def test_a_killed_series_keeps_its_seatings_and_goes_on(tmp_path: Path) -> None:
    with SimulatedLab("lab") as lab:
        ears = stated.from_sensitivity(dict(zip(EARS, lab.truth.ear_pa_per_fs, strict=True)))
    save_calibration(tmp_path / "ears.json", ears)
    words = ["-m", "soundcal", "protocol", "run", "headphone_response", "--device", "sim:lab"]
    words += ["--out", str(tmp_path / "s")]
    changes = ("ears=ears.json", "sweep=0.5", "averages=1", "seatings=3")
    settings = [word for change in changes for word in ("--set", change)]
    running = subprocess.Popen(
        [sys.executable, *words, *settings], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("seating 3"):  # two are in the session
            running.kill()
    assert running.wait() == -signal.SIGKILL
    running.stderr.close()
    kept = {file: (tmp_path / "s" / file).read_bytes() for file in Session(tmp_path / "s").files}
    assert {"seating-1.json", "seating-1.wav", "seating-2.json", "seating-2.wav"} <= set(kept)
    os.remove(tmp_path / "ears.json")  # the session has its own copy
    resumed = subprocess.run(
        [sys.executable, *words, "--resume"], cwd=tmp_path, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "seatings already measured, kept" in resumed.stderr
    session = Session(tmp_path / "s")
    session.verify()
    for file, content in kept.items():
        assert (tmp_path / "s" / file).read_bytes() == content
    response = json.loads((tmp_path / "s" / "headphones.json").read_text())
    assert response["conditions"]["seatings"] == 3


def test_a_session_that_stopped_after_its_files_were_copied_goes_on(tmp_path: Path) -> None:
    class Leaving(SimulatedOperator):
        def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
            raise KeyboardInterrupt

    headphone = Headphone("h", 300.0, 103.0, "V")
    output = ocv.calibrate({"left": 0.1, "right": 0.1}, headphone, digital_level=-20.0)
    save_calibration(tmp_path / "output.json", output)
    changes = {"output": str(tmp_path / "output.json"), "insertions": "1"}
    changes |= {"sweep": "0.5", "averages": "1", "seatings": "1"}
    found, folder = protocol.load("headphone_response"), tmp_path / "s"
    with SimulatedLab("lab") as lab:
        save_response(tmp_path / "ears.json", ears_of(lab))
        changes["ears_response"] = str(tmp_path / "ears.json")
        with pytest.raises(ProtocolAborted):
            protocol.run(found, lab, Leaving(lab), folder, changes=changes)
        assert {"calibration_output.json", "response_ears.json"} <= set(Session(folder).files)
        session = protocol.run(found, lab, SimulatedOperator(lab), folder, resume=True)
    assert session.exit_status == "done"
    session.verify()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"low": "50", "high": "2000", "sweep": "0.1"}, "sweep='0.1'"),
        ({"ears_response": "generic-df"}, "from DF to DRP, absolute; the response of the inputs"),
        ({"inputs": "1,9"}, "inputs=1,9"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_the_session(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with SimulatedLab("lab") as lab, pytest.raises(ParameterError, match=message):
        session_of(tmp_path, lab, SimulatedOperator(lab), **changes)
    assert not (tmp_path / "s").exists()


def test_the_level_at_the_ears_is_limited_by_the_calibration_of_the_outputs() -> None:
    headphone = Headphone("h", 300.0, 103.0, "V")
    output = ocv.calibrate({"left": 0.1, "right": 0.1}, headphone, digital_level=-20.0)
    loud = db(output.sensitivity("left") / 20e-6) - 3.0103  # of a full-scale sine
    assert level_below(85.0, output, channels=EARS) == pytest.approx(
        min(-20.0, 85.0 - loud), abs=1e-3
    )
    assert level_below(60.0, output, channels=EARS) == pytest.approx(60.0 - loud, abs=1e-3)
    assert level_below(130.0, output, channels=EARS, level_dbfs=-30.0) == -30.0


def test_a_soundcard_is_measured_through_its_loop() -> None:
    with SimulatedLab("interface+open-300", seed=1) as lab:
        lab.remove_headphones()
        path = SweepPath(lab, SHORT, outputs=(1,), inputs=(3,), channels=("line",), averages=2)
        response = measure_response(PreparedOperator(), path, name="loop").response
        level = db(lab.truth.v_fs[0] * np.sqrt(2.0) / lab.truth.line_v_per_fs[0])
    assert np.abs(response.channels["line"].level(F[MIDDLE]) - level).max() <= 0.02


def test_outputs_and_inputs_must_fit() -> None:
    with open_device("sim:lab") as lab:
        wrong: list[dict[str, Any]] = [{"outputs": (1, 2, 3)}, {"channels": ("a",)}]
        for options in wrong:
            with pytest.raises(ParameterError, match="a name for each input"):
                SweepPath(lab, SHORT, **options)
        with pytest.raises(ParameterError, match="0 takes"):
            SweepPath(lab, SHORT, averages=0)
