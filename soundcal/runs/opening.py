"""The engine that the options of a command name."""

from pathlib import Path

from soundcal.errors import ParameterError
from soundcal.runs.cluster import DaskWorkers, local_cluster, scheduler_at
from soundcal.runs.cluster_file import read_cluster_file
from soundcal.runs.local import LocalProcesses
from soundcal.runs.remote import is_address
from soundcal.runs.versions import check_installed

__all__ = ["engine_for"]


def engine_for(cluster: str, jobs: int) -> LocalProcesses | DaskWorkers:
    """Return the workers that ``--cluster`` names; without it, processes of this machine.

    Parameters
    ----------
    cluster : str
        ``local:N``, the address of a scheduler, or a cluster file; "" for none.
    jobs : int
        Number of processes without a cluster.

    Raises
    ------
    ParameterError
        Not such a name, a library is not installed, nothing answers at the address, or workers
        have other versions.
    RecordError
        The cluster file cannot be read, or its cluster cannot be started.
    """
    check_installed("pyarrow")
    if not cluster:
        return LocalProcesses(jobs)
    kind, _, number = cluster.partition(":")
    if kind == "local" and number.isdecimal():
        return local_cluster(int(number))
    if is_address(cluster):
        return scheduler_at(cluster)
    if cluster.endswith(".toml"):
        return read_cluster_file(Path(cluster)).start()
    raise ParameterError(
        f"--cluster {cluster}: local:N, the address of a scheduler such as tcp://HOST:8786, or a "
        "cluster file FILE.toml is expected"
    )
