"""Cluster files: how workers are started by a queueing system or by Kubernetes, as data.

A file names the kind of the cluster and how many workers it has; its table ``options`` goes to
dask-jobqueue or dask-kubernetes, which alone know what the options mean. Only options that these
libraries document are accepted. Some of them are lines of a shell script that the jobs execute
(``job_script_prologue``), so a cluster file must be trusted like a script.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files.text import read_toml
from soundcal.runs.cluster import DaskWorkers
from soundcal.runs.versions import check_installed

__all__ = ["CLUSTER_KINDS", "ClusterFile", "cluster_example", "read_cluster_file"]

_QUEUE: Final[Mapping[str, type]] = {
    "cores": int,
    "memory": str,
    "processes": int,
    "queue": str,
    "walltime": str,
    "interface": str,
    "nanny": bool,
    "local_directory": str,
    "death_timeout": int,
    "worker_extra_args": list,
    "job_script_prologue": list,
    "job_extra_directives": list,
    "job_directives_skip": list,
    "log_directory": str,
    "shebang": str,
    "python": str,
    "name": str,
    "scheduler_options": dict,
    "security": bool,
    "shared_temp_directory": str,
}
"""Options of all clusters of dask-jobqueue 0.9, and their types."""

_NAMES: Final[Mapping[type, str]] = {
    int: "a whole number",
    str: "a text",
    bool: "true or false",
    list: "a list of texts",
    dict: "a table",
}

_HEAD: Final = """\
# soundcal measure … --out results/ --cluster {kind}.toml
# Needs {library}, which passes the options on: {documented}
kind = "{kind}"

# number of workers, each of which measures one piece at a time with one core;
# or minimum = 10 and maximum = 400, for as many as there is work for
workers = 64

[options]
"""

_JOB: Final = """\
cores = 16
processes = 16                  # one worker for each core
memory = "32GB"                 # of a job: 2 GB for a worker
walltime = "{walltime}"
log_directory = "logs"
# security = true               # TLS with certificates for this run (needs cryptography); without
# shared_temp_directory = "tls" # it, everybody in the network can have the scheduler execute code
# lines of the script of a job before the worker starts
job_script_prologue = ["source /home/me/soundcal/bin/activate"]
"""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of cluster: its library, where that is documented, its options, and an example."""

    library: str
    documented: str
    options: Mapping[str, type]
    example: str


def _queue(example: str, walltime: str = "12:00:00", **own: type) -> _Kind:
    """Return a kind of cluster of dask-jobqueue 0.9, with options that only this kind has."""
    whole = example + _JOB.format(walltime=walltime)
    return _Kind("dask-jobqueue", "https://jobqueue.dask.org", {**_QUEUE, **own}, whole)


_KINDS: Final[Mapping[str, _Kind]] = {
    "slurm": _queue(
        'queue = "standard"\naccount = "acoustics"\n', account=str, job_cpu=int, job_mem=str
    ),
    "pbs": _queue('queue = "standard"\naccount = "acoustics"\n', account=str, resource_spec=str),
    "lsf": _queue(
        'queue = "standard"\nproject = "acoustics"\n',
        "12:00",
        project=str,
        ncpus=int,
        mem=int,
        lsf_units=str,
        use_stdin=bool,
    ),
    "kubernetes": _Kind(
        "dask-kubernetes",
        "https://kubernetes.dask.org",
        {
            "name": str,
            "namespace": str,
            "image": str,
            "resources": dict,
            "env": dict,
            "worker_command": list,
            "idle_timeout": int,
            "resource_timeout": int,
            "scheduler_service_type": str,
            "quiet": bool,
        },
        """\
name = "soundcal"
namespace = "acoustics"
# an image with Python, soundcal[cluster] and the library of the storage, such as s3fs
image = "registry.example.org/soundcal:0.1.0"
worker_command = ["dask", "worker", "--nthreads", "1"]
resources = { requests = { cpu = "1", memory = "2Gi" }, limits = { cpu = "1", memory = "2Gi" } }
env = { OPENBLAS_NUM_THREADS = "1" }
""",
    ),
}
"""Kinds of clusters by the name that a file gives them. The options are those of ``SLURMCluster``,
``PBSCluster`` and ``LSFCluster`` of dask-jobqueue 0.9 and ``KubeCluster`` of dask-kubernetes
2026.3."""

CLUSTER_KINDS: Final = tuple(_KINDS)
"""Kinds of clusters that a file may describe."""


def cluster_example(name: str) -> str:
    """Return an example of a cluster file.

    Raises
    ------
    ParameterError
        There is no such kind of cluster.

    Examples
    --------
    >>> print(cluster_example("kubernetes").splitlines()[2])
    kind = "kubernetes"
    """
    if name not in _KINDS:
        raise ParameterError(f"{name}: one of {', '.join(CLUSTER_KINDS)} is expected")
    kind = _KINDS[name]
    head = _HEAD.format(kind=name, library=kind.library, documented=kind.documented)
    return head + kind.example


@dataclass(frozen=True, slots=True)
class ClusterFile:
    """The content of a cluster file.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        One of :data:`CLUSTER_KINDS`.
    minimum, maximum : int
        Numbers of workers; equal if they are fixed.
    options : mapping
        Options of the cluster in the library that starts it.
    """

    path: Path
    kind: str
    minimum: int
    maximum: int
    options: Mapping[str, Any]

    def start(self) -> DaskWorkers:
        """Start the cluster and connect to it; workers come when the queue lets them.

        Raises
        ------
        ParameterError
            The library is not installed, or refuses the options.
        RecordError
            The cluster cannot be started.
        """
        library = _KINDS[self.kind].library
        module = library.replace("-", "_")
        check_installed("distributed", "pyarrow")
        check_installed(module, way=f"pip install {library}")
        import dask
        from distributed import Client

        with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
            try:
                cluster = self._cluster()
            except (TypeError, ValueError) as error:
                raise ParameterError(f"{self.path}: {library} refuses it ({error})") from error
            except (OSError, RuntimeError) as error:
                raise RecordError(f"{self.path}: no cluster could be started ({error})") from error
        if self.minimum == self.maximum:
            cluster.scale(self.maximum)
        else:
            cluster.adapt(minimum=self.minimum, maximum=self.maximum)
        return DaskWorkers(Client(cluster), expected=self.maximum, cluster=cluster)

    def _cluster(self) -> Any:
        if self.kind == "kubernetes":
            from dask_kubernetes.operator import KubeCluster

            return KubeCluster(n_workers=0, **self.options)
        import dask_jobqueue

        made = getattr(dask_jobqueue, f"{self.kind.upper()}Cluster")
        return made(**{"processes": self.options["cores"], **self.options})


def read_cluster_file(path: Path) -> ClusterFile:
    """Read and check a cluster file.

    Raises
    ------
    RecordError
        It cannot be read; or an entry is unknown, missing or of another type.
    """
    content = read_toml(path, "a cluster file")
    kind = content.pop("kind", None)
    if kind not in _KINDS:
        raise RecordError(
            f"{path}: kind = {kind!r}; one of {', '.join(CLUSTER_KINDS)} is expected (examples: "
            "soundcal measure --cluster-example KIND)"
        )
    options = content.pop("options", {})
    workers = content.pop("workers", None)
    minimum, maximum = content.pop("minimum", workers), content.pop("maximum", workers)
    if content:
        raise RecordError(
            f"{path}: {next(iter(content))} is not known; there are kind, workers, or minimum and "
            "maximum, and the table [options]"
        )
    given = [minimum, maximum, *([] if workers is None else [workers])]
    whole = all(type(number) is int and number >= 0 for number in given)
    if not whole or (workers is not None and minimum != maximum) or not 1 <= maximum >= minimum:
        raise RecordError(
            f"{path}: workers = N is expected, at least 1; or minimum and maximum instead of it"
        )
    if not isinstance(options, dict):
        raise RecordError(f"{path}: options is a table: [options]")
    for name, value in options.items():
        _check_option(path, kind, name, value)
    if kind != "kubernetes" and (missing := {"cores", "memory"} - set(options)):
        raise RecordError(f"{path}: [options] lacks {' and '.join(sorted(missing))} of a job")
    return ClusterFile(path, kind, minimum, maximum, options)


def _check_option(path: Path, kind: str, name: str, value: Any) -> None:
    known = _KINDS[kind].options
    if name not in known:
        raise RecordError(
            f"{path}: {name} is not an option of {_KINDS[kind].library} that can be given here; "
            f"there are {', '.join(known)}"
        )
    texts = not isinstance(value, list) or all(isinstance(item, str) for item in value)
    if type(value) is not known[name] or not texts:
        raise RecordError(f"{path}: {name} = {value!r:.60}; {_NAMES[known[name]]} is expected")
