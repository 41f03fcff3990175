"""Cluster files are data, and are checked before a library sees them."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from soundcal.errors import ParameterError, RecordError
from soundcal.runs.cluster_file import CLUSTER_KINDS, cluster_example, read_cluster_file
from soundcal.runs.opening import engine_for


@pytest.mark.parametrize("kind", CLUSTER_KINDS)
def test_examples_are_cluster_files(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.toml"
    path.write_text(cluster_example(kind))
    found = read_cluster_file(path)
    assert (found.kind, found.minimum, found.maximum) == (kind, 64, 64)
    assert found.options


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (('kind = "slurm"', 'kind = "cloud"'), "kind = 'cloud'; one of slurm, pbs, lsf"),
        (("workers = 64", "workers = 0"), "workers = N is expected"),
        (("workers = 64", "workers = 64\nmaximum = 4"), "workers = N is expected"),
        (("workers = 64", "minimum = 4"), "workers = N is expected"),
        (("workers = 64", 'workers = 64\nrun = "x"'), "run is not known"),
        (("cores = 16", "cores = true"), "cores = True; a whole number is expected"),
        (("cores = 16", 'submit_command = "rm"'), "submit_command is not an option"),
        (("cores = 16", ""), "lacks cores"),
        (('["source', '[1, "source'), "a list of texts is expected"),
        (("[options]", "options = 3\n[more]"), "more is not known"),
    ],
)
def test_what_is_not_expected_is_refused(
    change: tuple[str, str], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "cluster.toml"
    text = cluster_example("slurm")
    assert change[0] in text
    path.write_text(text.replace(*change))
    with pytest.raises(RecordError, match=reason):
        read_cluster_file(path)


def test_a_number_of_workers_may_follow_the_work(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text(cluster_example("pbs").replace("workers = 64", "minimum = 0\nmaximum = 9"))
    found = read_cluster_file(path)
    assert (found.minimum, found.maximum) == (0, 9)


def test_the_library_is_named_if_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)  # also where it is installed
    path = tmp_path / "cluster.toml"
    path.write_text(cluster_example("slurm"))
    with pytest.raises(ParameterError, match="pip install dask-jobqueue"):
        engine_for(str(path), 1)


def test_options_reach_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    class Cluster(SimpleNamespace):
        def __init__(self, **options: Any) -> None:
            seen["options"] = options

        def scale(self, n: int) -> None:
            seen["scaled"] = n

        def close(self) -> None:
            seen["closed"] = True

    library = ModuleType("dask_jobqueue")
    library.SLURMCluster = Cluster  # type: ignore[attr-defined]
    library.__spec__ = SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "dask_jobqueue", library)
    client = SimpleNamespace(
        status="closed", run=lambda function, on_error: {}, close=lambda: None, nthreads=dict
    )
    monkeypatch.setattr("distributed.Client", lambda cluster: client)
    path = tmp_path / "cluster.toml"
    path.write_text(cluster_example("slurm"))
    engine = engine_for(str(path), 1)
    assert seen["options"]["cores"] == seen["options"]["processes"] == 16
    assert seen["options"]["queue"] == "standard"
    assert (seen["scaled"], engine.workers) == (64, 64)
    engine.close()
    assert seen["closed"]


@pytest.mark.parametrize("name", ["local", "local:0", "cluster.yaml", "local:x"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="--cluster"):
        engine_for(name, 1)
