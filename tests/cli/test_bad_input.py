"""Bad input, through the command line: what is said, how it ends, and that nothing is left behind.

One row per case: the command, the exit code (see soundcal.errors), what standard error must say. A
refused command must leave the working folder as it was, byte for byte; no case may end in a
traceback. Files and devices that the rows name are made by the fixtures.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.calibration.tone import sine
from soundcal.cli import main
from soundcal.devices.portaudio import supervisor
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.session import Event, Session

FAKE = Path(__file__).parents[1] / "fake_portaudio"
FS = 8000


def calibration(path: Path, direction: str, device: str) -> None:
    chains = {ear: Chain((Link("sensitivity", 20.0),)) for ear in ("left", "right")}
    made = new_calibration("stated", direction, chains, device=device)  # type: ignore[arg-type]
    path.write_text(json.dumps(made.to_dict()))


def noise(n_channels: int = 2, fs: int = FS, seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(1).normal(0.0, 0.05, (n_channels, round(seconds * fs)))


def calibrator(level: float = -20.0, frequency: float = 1000.0) -> np.ndarray:
    return sine(level, frequency, fs=FS, duration=10.5)


def make_tones(folder: Path) -> None:
    """Recordings of a calibrator, good and bad, in the names of the rows."""
    good = calibrator()
    ripple = 1.0 + 0.05 * np.sin(2 * np.pi * 1.5 * np.arange(good.size) / FS)
    tones = {
        "good": good,
        "clipped": np.clip(good * 20.0, -1.0, 1.0),
        "wrong-frequency": calibrator(frequency=1050.0),
        "weak": calibrator(-28.0),
        "unstable": good * ripple,
        "silent": 0.0 * good,
        "noise": noise(1, seconds=10.5)[0],
    }
    for name, tone in tones.items():
        audio.write(folder / f"tone-{name}.wav", tone[np.newaxis], FS, subtype="FLOAT")
    # put on the right ear instead of the left: two channels, the tone on the second
    swapped = np.stack([1e-5 * noise(1, seconds=10.5)[0], good])
    audio.write(folder / "tone-swapped.wav", swapped, FS, subtype="FLOAT")


def make_audio(folder: Path) -> None:
    audio.write(folder / "fine.wav", noise(), FS, subtype="FLOAT")
    audio.write(folder / "silence.wav", 0.0 * noise(), FS, subtype="FLOAT")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("no audio in here")
    (folder / "truncated.wav").write_bytes((folder / "fine.wav").read_bytes()[:-1000])
    (folder / "header.wav").write_bytes((folder / "fine.wav").read_bytes()[:30])
    for name, value in (("nan", np.nan), ("inf", np.inf)):
        samples = noise().T.copy()
        samples[7, 1] = value
        soundfile.write(folder / f"{name}.wav", samples, FS, subtype="FLOAT")
    (folder / "folder.wav").mkdir()


def make_records(folder: Path) -> None:
    calibration(folder / "ears.json", "input", "sim:lab")
    calibration(folder / "output.json", "output", "sim:lab")
    (folder / "broken.json").write_text('{"schema": "soundcal/calibration/1", ')
    other = json.loads((folder / "ears.json").read_text())
    (folder / "schema.json").write_text(json.dumps(other | {"schema": "soundcal/gains/1"}))
    (folder / "chains.json").write_text(json.dumps(other | {"chains": {"left": []}}))
    session = Session.create(folder / "session", "compare_methods", {}, "sim:lab")
    session.add_audio("rec-N1", noise(), FS, {"stimulus": "N1", "condition": "ocv"})
    session.stop("done")
    shutil.copytree(folder / "session", folder / "tampered")
    audio.write(folder / "tampered/rec-N1.wav", 0.5 * noise(), FS, subtype="FLOAT", force=True)
    shutil.copytree(folder / "session", folder / "log")
    (folder / "log/session.jsonl").write_text("no events\n")
    entry = """
    [[stimulus]]
    id = "own"
    kind = "file"
    title = "own"
    parameters = { path = "fine.wav" }
    seed = 0
    duration = 1.0
    level = 65.0
    weighting = "A"
    licence = "CC0-1.0"
    sha256 = "SHA"
    """
    digest = file_digest(folder / "fine.wav")
    catalogue = 'schema = "soundcal/catalogue/1"\n' + entry.replace("SHA", digest)
    (folder / "catalogue.toml").write_text(catalogue)
    (folder / "checksum.toml").write_text(catalogue.replace(digest, "0" * 64))
    (folder / "leaves.toml").write_text(catalogue.replace("fine.wav", "../fine.wav"))
    (folder / "twice.toml").write_text(catalogue + entry.replace("SHA", digest))
    (folder / "old.toml").write_text(catalogue.replace("catalogue/1", "catalogue/0"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    make_audio(folder)
    make_tones(folder)
    make_records(folder)
    (folder / "taken.wav").write_text("precious")
    (folder / "taken.json").write_text("precious")
    (folder / "taken.csv").write_text("precious")
    (folder / "rendered").mkdir()
    (folder / "rendered/tone-1k.wav").write_text("precious")
    return folder


@pytest.fixture
def work(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with all files, and two soundcards of almost the same name."""
    folder = tmp_path / "work"
    shutil.copytree(files, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKE), os.environ["PYTHONPATH"]]))
    cards = [{"name": "Fake Card (hw:1,0)"}, {"name": "Fake Card (hw:2,0)"}]
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps({"devices": cards}))
    monkeypatch.setattr(supervisor, "LIMITS", supervisor.SilenceLimits(running=0.7))
    return folder


@pytest.fixture(autouse=True, scope="module")
def importable() -> Iterator[None]:
    """Let subprocesses import soundcal from where the tests found it."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    yield
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


OCV = "calibrate --method ocv --impedance 300 --sensitivity 103 --per V"
SIM = f"--device sim:lab --fs {FS}"

CASES = [
    # device
    ("record --device nothing --duration 1 new.wav", 3, "nothing"),
    ("record --device 7 --duration 1 new.wav", 3, "7"),
    ("record --device card --duration 1 new.wav", 3, "hw:2,0"),
    ("record --device sim:nothing --duration 1 new.wav", 3, "no simulated lab 'nothing'"),
    ("play --device nothing --fs 8000 fine.wav", 3, "nothing"),
    ("calibrate --device nothing --ready", 3, "nothing"),
    ("record --device hw:1 --fs 96000 --duration 1 new.wav", 3, "44100, 48000"),
    ("record --device sim:lab --fs 100 --duration 1 new.wav", 3, "100"),
    ("record --device hw:1 --inputs 9 --duration 1 new.wav", 3, "inputs 1 to 4"),
    (f"record {SIM} --inputs 9 --duration 1 new.wav", 3, "9"),
    (f"play {SIM} --outputs 1,9 fine.wav", 3, "9"),
    # audio files
    ("measure missing.wav --sensitivity 1", 5, "no such file"),
    ("measure empty.wav --sensitivity 1", 5, "empty"),
    ("measure text.wav --sensitivity 1", 5, "cannot be read as audio"),
    ("measure header.wav --sensitivity 1", 5, "header.wav"),
    ("measure truncated.wav --sensitivity 1", 5, "truncated"),
    ("measure folder.wav --sensitivity 1", 5, "no audio files"),
    ("measure nan.wav --sensitivity 1", 5, "NaN"),
    ("measure inf.wav --sensitivity 1", 5, "infinite"),
    (f"play {SIM} missing.wav", 5, "no such file"),
    (f"play {SIM} truncated.wav", 5, "truncated"),
    (f"play {SIM} nan.wav", 5, "NaN"),
    (f"play {SIM} --level 65 --calibration output.json silence.wav", 5, "silent"),
    ("measure fine.wav", 5, "not calibrated"),
    # calibrator
    ("calibrate --left tone-clipped.wav", 5, "clipped samples in the take"),
    ("calibrate --left tone-wrong-frequency.wav", 4, "1050"),
    ("calibrate --left tone-unstable.wav", 4, "fluctuates by"),
    ("calibrate --left tone-silent.wav", 5, "exactly zero"),
    ("calibrate --left tone-noise.wav", 4, "tone"),
    ("calibrate --left tone-swapped.wav", 4, "tone"),
    ("calibrate --left tone-weak.wav --expected expected.json", 4, "+8.00 dB from the expected"),
    ("calibrate --left fine.wav", 5, "10 s"),
    ("calibrate --left missing.wav", 5, "no such file"),
    # voltage
    (f"{OCV} --voltage=-0.1 --voltage-right 0.1", 2, "-0.1"),
    (f"{OCV} --voltage 0 --voltage-right 0.1", 2, "0"),
    (f"{OCV} --voltage nan --voltage-right 0.1", 2, "nan"),
    (f"{OCV} --voltage 1e6 --voltage-right 0.1", 2, "at most 100 V"),
    (f"{OCV} --voltage volt --voltage-right 0.1", 2, "invalid float value"),
    # targets
    (f"play {SIM} --level 150 --calibration output.json fine.wav", 5, "would clip"),
    (f"play {SIM} --gain-db 40 fine.wav", 5, "would clip"),
    # records and catalogues
    ("measure fine.wav --calibration missing.json", 5, "no such file"),
    ("measure fine.wav --calibration broken.json", 5, "JSON"),
    ("measure fine.wav --calibration schema.json", 5, "'soundcal/calibration/1' expected"),
    ("measure fine.wav --calibration chains.json", 5, "chains"),
    ("report tampered", 5, "changed after it was written"),
    ("report log", 5, "damaged"),
    ("report missing", 5, "no such folder"),
    ("stimuli list --catalogue missing.toml", 5, "no such catalogue"),
    ("stimuli list --catalogue fine.wav", 5, "cannot be read as text"),
    ("stimuli list --catalogue old.toml", 5, "'soundcal/catalogue/1' expected"),
    ("stimuli list --catalogue twice.toml", 5, "used twice"),
    ("stimuli list --catalogue leaves.toml", 5, "leaves the folder"),
    ("stimuli render --catalogue checksum.toml --fs 8000 --out .", 5, "not the file"),
    ("stimuli render --catalogue catalogue.toml --out .", 2, "8000 Hz, not 48000"),
    ("stimuli render nothing --out .", 2, "no stimulus 'nothing'"),
    ("stimuli render tone-1k --fs 1 --out .", 2, "8000 to 192000"),
    ("stimuli render tone-1k --duration 0 --out .", 2, "duration"),
    # protocols
    ("protocol show nothing", 2, "no protocol 'nothing'"),
    ("protocol run missing.py --device sim:lab", 2, "no such protocol file"),
    ("protocol run fine.json --device sim:lab", 2, "no protocol 'fine.json'"),
    (f"protocol run microphone_check {SIM} --set loud=1 --out new", 2, "no setting loud"),
    (f"protocol run microphone_check {SIM} --set insertions=few --out new", 2, "'few'"),
    (f"protocol run microphone_check {SIM} --set insertions --out new", 2, "KEY=VALUE"),
    (f"protocol run compare_methods {SIM} --resume --out missing", 5, "no session"),
    (f"protocol run compare_methods {SIM} --resume --out session", 5, "nothing to resume"),
    (f"protocol run microphone_check {SIM} --out session", 5, "already holds a session"),
    (f"protocol run hats_headphones {SIM} --resume --out session", 5, "not 'hats_headphones'"),
    # outputs
    (f"record {SIM} --duration 1 taken.wav", 5, "--force"),
    ("calibrate --left tone-good.wav --out taken.json", 5, "--force"),
    ("measure fine.wav --sensitivity 1 --out taken.csv", 5, "--force"),
    ("stimuli render tone-1k --out rendered", 5, "--force"),
    ("stimuli render tone-1k --out text.wav", 5, "cannot be made"),
    (f"record {SIM} --duration 1 nowhere/new.wav", 5, "no such folder; make it first"),
    (f"record {SIM} --duration 1 new.mp3", 2, ".wav or .flac"),
    ("measure fine.wav --sensitivity 1 --out nowhere/new.csv", 5, "no such folder"),
]


@pytest.mark.parametrize(("command", "code", "said"), CASES, ids=[case[0] for case in CASES])
def test_refused(
    work: Path, capsys: pytest.CaptureFixture[str], command: str, code: int, said: str
) -> None:
    if "expected.json" in command:
        assert main(["calibrate", "--left", "tone-good.wav", "--out", "expected.json"]) == 0
        capsys.readouterr()
    before = snapshot(work)
    try:
        found = main(command.split())
    except SystemExit as stop:  # argparse
        found = int(stop.code or 0)
    err = capsys.readouterr().err
    assert found == code, err
    assert said in err
    assert "Traceback" not in err
    assert snapshot(work) == before


# ---- what has to work


@pytest.mark.parametrize(
    ("subtype", "n_channels", "fs"),
    [
        *(("PCM_16", n, 48000) for n in range(1, 9)),
        *((subtype, 2, 48000) for subtype in ("PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
        *(("PCM_24", 1, fs) for fs in (8000, 11025, 16000, 22050, 32000, 44100, 88200, 96000)),
        ("FLOAT", 8, 192000),
    ],
)
def test_accepted(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    subtype: str,
    n_channels: int,
    fs: int,
) -> None:
    wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(fs) / fs)
    path = tmp_path / "x.wav"
    soundfile.write(path, np.tile(wave[:, np.newaxis], n_channels), fs, subtype=subtype)
    command = ["measure", str(path), "--sensitivity", "2", "--indicators", "LZeq", "--json"]
    assert main(command) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == n_channels
    # 1 Pa peak
    level = 20 * np.log10(np.sqrt(0.5) / 20e-6)
    assert [row["value"] for row in rows] == pytest.approx([level] * n_channels, abs=0.001)


def test_silence_is_a_level(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = "measure silence.wav --sensitivity 1 --indicators LAeq --json"
    assert main(command.split()) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["value"] for row in rows} <= {None, "-inf", -np.inf}


# ---- PortAudio is missing


@pytest.mark.parametrize("fault", ["missing", "library", "broken", "crash"])
def test_without_portaudio_the_simulated_lab_remains(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps({"import": fault}))
    before = snapshot(work)
    assert main(["devices"]) == 0
    out, err = capsys.readouterr()
    assert "sim:lab" in out
    assert "no soundcards" in err
    assert main(["record", "--device", "card", "--duration", "1", "new.wav"]) == 3
    err = capsys.readouterr().err
    assert "the simulated lab is --device sim:lab" in err
    assert "Traceback" not in err
    assert snapshot(work) == before
    assert main(f"record {SIM} --duration 1 new.wav".split()) == 0


# ---- the disk is full

LIMITED = """
import pathlib, resource, sys
from soundcal.cli import main
folder, *words = sys.argv[1:]
# once without a limit, so that what is compiled on first use lies in its own cache
pathlib.Path("warm").mkdir()
main([word.replace("OUT", "warm") for word in words])
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
sys.exit(main([word.replace("OUT", folder) for word in words]))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path | None]:
    """A file system of 64 kB, nearly full; None if this system does not let us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if mounted:
        (folder / "filler").write_bytes(b"0" * 60 * 1024)
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=True)


REASON = ("no space left on the disk", "larger than this system")
DISK_FULL = [
    f"stimuli render tone-1k --fs {FS} --out OUT/stimuli",
    "measure fine.wav --sensitivity 1 --out OUT/table.csv",
    "calibrate --left tone-good.wav --out OUT/cal.json",
]


@pytest.mark.parametrize("command", DISK_FULL)
@pytest.mark.parametrize("way", ["disk", "limit"])
def test_a_full_disk_leaves_no_half_file(
    work: Path,
    small_disk: Path | None,
    capsys: pytest.CaptureFixture[str],
    command: str,
    way: str,
) -> None:
    """On a full tmpfs, where one can be mounted, and against a limit on the size of files."""
    if way == "disk":
        if small_disk is None:
            pytest.skip("no file system may be mounted here; the limit on file sizes is tested")
        out = small_disk
        (out / "rest").write_bytes(b"0" * shutil.disk_usage(out).free)
    else:
        pytest.importorskip("resource", reason="limits on file sizes are a matter of POSIX")
        out = work / "out"
        out.mkdir()
    before = snapshot(out)
    if way == "disk":
        code, err = main(command.replace("OUT", str(out)).split()), capsys.readouterr().err
    else:
        limited = [sys.executable, "-c", LIMITED, str(out), *command.split()]
        done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
        code, err = done.returncode, done.stderr
    assert code == 5, err
    assert "Traceback" not in err
    assert "cannot be written" in err
    assert any(reason in err for reason in REASON)
    assert snapshot(out) == before


FULL_ANYWAY = [
    f"record {SIM} --duration 20 OUT/new.wav",
    f"record {SIM} --duration 20 OUT/new.flac",
    f"protocol run microphone_check {SIM} --set insertions=1 --out OUT/s",
    "measure fine.wav --sensitivity 1 --indicators LA,N --plots OUT/plots",
    "devices --test sim:lab --minutes 0 --plays 2 --out OUT/card.html",
    "verify --family calibrator --no-mosqito --report OUT/verify.html",
]


@pytest.mark.parametrize("command", FULL_ANYWAY)
def test_a_full_disk_is_named(
    work: Path, small_disk: Path | None, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """Also where the samples or steps that fitted are kept."""
    if small_disk is None:
        pytest.skip("no file system may be mounted here")
    code, err = main(command.replace("OUT", str(small_disk)).split()), capsys.readouterr().err
    assert code == 5, err
    assert "no space left on the disk" in err
    assert "bytes are free" in err
    assert "Traceback" not in err


NOWHERE = ["fine.wav/x", "missing/x", "a" * 300]


@pytest.mark.parametrize("out", NOWHERE, ids=["in a file", "no folder", "long name"])
@pytest.mark.parametrize(
    "command",
    [
        "measure fine.wav --sensitivity 1 --indicators LAeq --out OUT.csv",
        "measure fine.wav --sensitivity 1 --indicators LAeq --plots OUT",
        "calibrate --left tone-good.wav --out OUT.json",
        f"calibrate {SIM} --insertions 1 --out OUT.json",
        f"record {SIM} --duration 1 OUT.wav",
        f"record {SIM} --duration 1 OUT.flac",
        f"protocol run microphone_check {SIM} --set insertions=1 --out OUT",
        f"stimuli render tone-1k --fs {FS} --out OUT",
        f"monitor {SIM} --duration 1 --log OUT.csv",
        "verify --family calibrator --no-mosqito --report OUT.html",
        "devices --test sim:lab --minutes 0 --plays 2 --out OUT.html",
    ],
)
def test_a_place_that_cannot_be_written(
    work: Path, capsys: pytest.CaptureFixture[str], command: str, out: str
) -> None:
    made = main(command.replace("OUT", out).split())
    err = capsys.readouterr().err
    if out == NOWHERE[1] and made == 0:
        assert Path("missing").is_dir()  # commands that write a folder make those above it
    else:
        assert made == 5, err
        assert err.startswith("soundcal: ") or "\nsoundcal: " in err


# ---- Ctrl-C


def interrupted(command: str, started: str, env: dict[str, str]) -> tuple[int, str]:
    """Run a command, interrupt it when standard error or the file ``started`` says it works."""
    process = subprocess.Popen(
        [sys.executable, "-m", "soundcal", *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | env,
    )
    end = time.monotonic() + (30 if "*" in started or "." in started else 3)
    while time.monotonic() < end and process.poll() is None and not list(Path().glob(started)):
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, err


@pytest.mark.parametrize(
    ("command", "started"),
    [
        (f"record {SIM} --realtime --duration 60 new.wav", "new.wav"),
        ("record --device hw:1 --duration 600 new.wav", "new.wav"),
    ],
)
def test_an_interrupted_recording_is_kept(work: Path, command: str, started: str) -> None:
    code, err = interrupted(command, started, {"FAKE_PORTAUDIO": json.dumps({"speed": 2})})
    assert code == 130, err
    assert "Traceback" not in err
    capture = audio.read("new.wav")
    record = json.loads(Path("new.json").read_text())
    assert record["capture"]["n_samples"] == capture.n_samples
    assert record["sha256"] == file_digest("new.wav")
    assert "stopped by the operator" in record["flags"][0]["text"]


def test_interrupted_rendering_leaves_whole_files_only(work: Path) -> None:
    code, err = interrupted("stimuli render --out new --duration 20", "new/*.wav", {})
    assert code == 130, err
    assert "Traceback" not in err
    names = {path.name for path in Path("new").iterdir()}
    assert names
    assert all(name.endswith(".wav") and not name.startswith(".") for name in names)
    for name in names:
        assert audio.read(Path("new") / name).duration == 20.0


def test_interrupted_calibration_leaves_nothing(work: Path) -> None:
    before = snapshot(work)
    code, err = interrupted(f"calibrate {SIM} --realtime", "never", {})
    assert code == 130, err
    assert "Traceback" not in err
    assert snapshot(work) == before


STUDY = (
    f"protocol run compare_methods {SIM} --set impedance=300 --set sensitivity=103 "
    "--set duration=1 --set insertions=1 --set report=false --out s"
)


def check_aborted(folder: Path) -> None:
    session = Session(folder)
    assert session.exit_status == "aborted"
    session.verify()
    assert session.unfinished() == []
    assert not list(folder.rglob(".*"))
    for path in folder.glob("*.wav"):
        assert audio.read(path).fs == FS
        json.loads(path.with_suffix(".json").read_text())


def test_ctrl_c_at_any_step_of_a_protocol(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupt the n-th use of the device, for every n, and go on with the session."""
    command = [*STUDY.split(), "--set", "stimuli=N1"]
    uses = {"left": -1, "made": 0}

    def counted(name: str) -> None:
        real = getattr(SimulatedLab, name)

        def use(self: SimulatedLab, *values: object, **named: object) -> object:
            uses["left"] -= 1
            uses["made"] += 1
            if uses["left"] == 0:
                raise KeyboardInterrupt
            return real(self, *values, **named)

        monkeypatch.setattr(SimulatedLab, name, use)

    for name in ("record", "play_and_record", "playing", "seat_headphones", "read_voltmeter"):
        counted(name)
    assert main(command) == 0
    total = uses["made"]
    assert total >= 10
    complete = {path.name for path in Path("s").iterdir()}
    for n in range(1, total + 1):
        shutil.rmtree("s")
        uses["left"] = n
        assert main(command) == 130
        check_aborted(Path("s"))
        assert "Traceback" not in capsys.readouterr().err
        assert main(f"protocol run compare_methods {SIM} --resume --out s".split()) == 0
        assert Session(Path("s")).exit_status == "done"
        assert {path.name for path in Path("s").iterdir()} == complete


@pytest.mark.parametrize("started", ["s/session.jsonl", "s/rec-CG07*.json"])
def test_ctrl_c_closes_the_session(work: Path, started: str) -> None:
    code, err = interrupted(STUDY, started, {})
    assert code == 130, err
    assert "Traceback" not in err
    check_aborted(Path("s"))


def test_a_target_out_of_reach_ends_with_4_after_the_session_was_written(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    loud = (work / "catalogue.toml").read_text().replace("level = 65.0", "level = 130.0")
    (work / "loud.toml").write_text(loud)
    assert main([*STUDY.split(), "--set", "catalogue=loud.toml"]) == 4
    err = capsys.readouterr().err
    assert "130 dB" in err
    session = Session(Path("s"))
    session.verify()
    assert session.exit_status == "out of tolerance"
    assert session.events(Event.TARGET_NOT_REACHED)
