"""Files at addresses of fsspec give the rows of the same files on disk."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from run_data import InProcess, measured, rows, write_recordings

from soundcal.errors import ParameterError, RecordError
from soundcal.runs import read_failures
from soundcal.runs.copies import local_copy, remove_unused_copies
from soundcal.runs.listing import common_root, names_of, states_of
from soundcal.runs.remote import stamp

NAMES = ("north/a_20260331_000000.wav", "south/b_20260331_000000.wav")
LEFT_OUT = ("content_id",)  # a server's time of change differs from that of the disk


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    write_recordings(folder, NAMES, 1.5)
    return folder


@pytest.fixture(scope="module")
def expected(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("whole") / "results"
    measured(out, [str(recordings / "**/*.wav")], InProcess())
    return content(out)


def content(out: Path) -> list[str]:
    """Return the rows of a dataset without the identity of the files, sorted."""
    kept = ({k: v for k, v in row.items() if k not in LEFT_OUT} for row in rows(out))
    return sorted(map(str, kept))


def copied(recordings: Path, system: Any, folder: str) -> None:
    for name in NAMES:
        system.makedirs(f"{folder}/{name[:5]}", exist_ok=True)
        system.pipe_file(f"{folder}/{name}", (recordings / name).read_bytes())
    system.pipe_file(f"{folder}/notes.txt", b"not audio")


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_files_in_memory(
    recordings: Path, expected: list[str], memory: Any, tmp_path: Path
) -> None:
    copied(recordings, memory, "/bucket/2026")
    out = tmp_path / "r"
    for pieces in (4, 0):
        totals = measured(out, ["memory://bucket/2026/**"], InProcess())
        assert (totals.pieces, totals.failures, totals.there) == (pieces, 0, 4 - pieces)
        assert content(out) == expected
    memory.pipe_file(f"/bucket/2026/{NAMES[0]}", b"RIFF")
    totals = measured(out, ["memory://bucket/2026/*/*.wav"], InProcess())
    assert (totals.failures, totals.there) == (1, 2)
    reason = read_failures(out)[0]["reason"]
    assert "cannot be read as audio" in reason
    assert "0x" not in reason  # where the file is in memory


def test_files_on_a_disk_by_address(recordings: Path, expected: list[str], tmp_path: Path) -> None:
    measured(tmp_path / "r", [f"file://{recordings}/**/*.wav"], InProcess())
    assert content(tmp_path / "r") == expected


def test_sources_and_their_root(memory: Any, recordings: Path, tmp_path: Path) -> None:
    copied(recordings, memory, "/bucket/2026")
    every = [f"memory:///bucket/2026/{name}" for name in NAMES]
    assert list(names_of(["memory://bucket/**"])) == every
    assert list(names_of(["memory://bucket/2026/n*/*.wav"])) == every[:1]
    assert list(names_of(["memory://bucket/2026/south"])) == every[1:]
    assert common_root(every) == "memory:///bucket/2026"
    (tmp_path / "list").write_text("\n".join(every))
    assert list(names_of([f"@{tmp_path / 'list'}"])) == every
    with pytest.raises(ParameterError, match="cannot be measured in one run"):
        common_root([every[0], str(recordings / NAMES[0])])
    with pytest.raises(ParameterError, match="cannot be opened"):
        common_root(["nosuchthing://a/b.wav"])


def test_a_folder_that_cannot_be_listed_is_told(
    memory: Any, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied(recordings, memory, "/bucket")
    listed, answer = type(memory).ls, OSError("no answer")

    def ls(system: Any, path: str, **options: Any) -> Any:
        if path.endswith("north"):
            raise answer
        return listed(system, path, **options)

    monkeypatch.setattr(type(memory), "ls", ls)
    with pytest.raises(OSError, match="no answer"):
        list(names_of(["memory://bucket/**"]))
    answer = PermissionError("denied")
    told: list[str] = []
    found = list(names_of(["memory://bucket/**"], told.append))
    assert found == [f"memory:///bucket/{NAMES[1]}"]
    assert told == ["memory:///bucket/north: cannot be listed, its files are left out (denied)"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, of this process and those that it starts."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def copy_elsewhere(address: str, content: str, then: str = "") -> str:
    """Return the path of the copy that another process uses."""
    program = f"""
import os, signal
from soundcal.runs.copies import local_copy, remove_unused_copies
print(local_copy({address!r}, {content!r}), flush=True)
{then}
remove_unused_copies()
"""
    return subprocess.run([sys.executable, "-c", program], stdout=-1, text=True).stdout.strip()


posix = pytest.mark.skipif(sys.platform == "win32", reason="processes of Windows share no copies")


@posix
def test_processes_share_a_copy_and_the_last_one_removes_it(
    recordings: Path, place: Path, tmp_path: Path
) -> None:
    source, other = (f"file://{tmp_path}/{name}.wav" for name in "ab")
    for name in NAMES:
        shutil.copy(recordings / name, tmp_path / f"{name[6]}.wav")
    (tmp_path / "a.json").write_text('{"calibration_file": "cal.json"}')
    (tmp_path / "cal.json").write_text("{}")
    copy = local_copy(source, "1")
    assert sorted(path.name for path in copy.parent.iterdir()) == ["a.json", "a.wav", "cal.json"]
    (tmp_path / "a.wav").write_bytes(b"changed")  # is not copied again
    assert copy_elsewhere(source, "1") == str(copy)
    assert copy.read_bytes() == (recordings / NAMES[0]).read_bytes()
    assert local_copy(source, "2").read_bytes() == b"changed"
    assert not copy.exists()
    with pytest.raises(FileNotFoundError):
        local_copy(f"file://{tmp_path}/none.wav", "3")
    assert local_copy(other, "4").read_bytes() == (recordings / NAMES[1]).read_bytes()
    assert len(list(place.rglob("*.wav"))) == 1


@posix
def test_copies_of_a_process_that_was_killed_are_removed(recordings: Path, place: Path) -> None:
    kill = "os.kill(os.getpid(), signal.SIGKILL)"
    copy = Path(copy_elsewhere(f"file://{recordings / NAMES[0]}", "1", kill))
    assert copy.is_file()
    remove_unused_copies()
    assert [path.name for path in place.rglob("*")] == [copy.parent.parent.name]


@posix
def test_a_folder_of_copies_that_others_can_change_is_refused(
    recordings: Path, place: Path
) -> None:
    remove_unused_copies()
    next(place.iterdir()).chmod(0o777)
    with pytest.raises(RecordError, match="can be changed by other users"):
        local_copy(f"file://{recordings / NAMES[0]}", "1")


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")  # of the server and of botocore
def test_files_in_s3(
    recordings: Path, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"endpoint_url": f"http://{host}:{port}", "key": "any", "secret": "any"}
    monkeypatch.setitem(fsspec.config.conf, "s3", settings)
    try:
        system = fsspec.filesystem("s3")
        system.mkdir("bucket")
        copied(recordings, system, "bucket/2026")
        for pieces in (4, 0):
            totals = measured(tmp_path / "r", ["s3://bucket/2026/**"], InProcess())
            assert (totals.pieces, totals.failures) == (pieces, 0)
            assert content(tmp_path / "r") == expected
        addresses = [f"s3://bucket/2026/{name}" for name in NAMES]
        states = [(address, str(stamp(address))) for address in addresses]
        assert list(states_of("s3://bucket/2026/**")) == states
    finally:
        server.stop()
