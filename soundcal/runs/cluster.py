"""Workers of dask.distributed: processes of this machine, or of many machines.

The scheduler tells workers what to execute, and this program executes what results it is sent, so a
scheduler must be trusted like the programs of this machine. Encryption and keys (TLS) are set up in
the configuration of Dask.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.runs.engine import BundleEnd, taken
from soundcal.runs.local import prepare_worker
from soundcal.runs.versions import check_installed, differing, installed
from soundcal.stopping import interrupts_not_inherited, uninterrupted

__all__ = ["DaskWorkers", "local_cluster", "scheduler_at"]

_TOGETHER: Final = 16
"""Bundles whose results are fetched at a time; each may have some megabytes."""

_COUNTED_EVERY_S: Final = 5.0
_CONNECT_S: Final = 30.0
_GONE_S: Final = 60.0
"""Time in s after which a connection to a scheduler that has been lost is given up."""


class DaskWorkers:
    """The workers of a scheduler.

    Parameters
    ----------
    client : distributed.Client
        A client of the scheduler.
    expected : int
        Number of workers that are expected to come; bundles for that many are submitted at once.
    cluster : cluster of distributed, optional
        The cluster if it was started for the run: it is closed with the client.

    Raises
    ------
    ParameterError
        A worker has other versions of soundcal, Python or a library.
    """

    def __init__(self, client: Any, *, expected: int = 1, cluster: Any = None) -> None:
        self._client = client
        # what it has to say is said by this class
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        self._expected = expected
        self._closing = ExitStack()
        if cluster is not None:
            self._closing.callback(cluster.close)
        self._closing.callback(client.close)
        self._ended: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        self._under_way: dict[int, Any] = {}
        self._counted, self._count = float("-inf"), 1
        self._lost_since: float | None = None
        try:
            self.check_versions()
        except BaseException:
            self.close()
            raise

    @property
    def dashboard(self) -> str:
        """Address of Dask's dashboard, whose pages need bokeh where the scheduler runs."""
        return str(self._client.dashboard_link)

    @property
    def workers(self) -> int:
        """Number of bundles that the workers compute at the same time."""
        now = time.monotonic()
        if now - self._counted > _COUNTED_EVERY_S:
            self._counted = now
            self._count = sum(self._client.nthreads().values())
        return max(self._count, self._expected)

    def check_versions(self) -> None:
        """Refuse workers with other versions than those here."""
        here = installed()
        found = self._client.run(installed, on_error="return")
        for address, versions in found.items():
            if isinstance(versions, Exception):
                raise ParameterError(
                    f"the worker {address} cannot run soundcal ({versions}); install soundcal "
                    f"{here['soundcal']} and its extra cluster there"
                )
            if other := differing(versions, here):
                raise ParameterError(
                    f"the worker {address} has {other}; install the same versions on all machines"
                )

    def submit(self, token: int, function: Callable[..., Any], *args: Any) -> None:
        """Have a function called by a worker; it must return something."""
        self._watch(token, self._client.submit(function, *args, pure=False))

    def _watch(self, token: int, future: Any) -> None:
        self._under_way[token] = future
        future.add_done_callback(lambda done: self._ended.put((token, done)))

    def finished(self, timeout: float | None) -> list[BundleEnd]:
        """Return the bundles that have ended, after waiting up to so many seconds for the first.

        Raises
        ------
        RecordError
            The scheduler is no longer there.
        """
        found = dict(taken(self._ended, timeout, _TOGETHER))
        self._check_connection()
        ended: list[BundleEnd] = []
        for token, value in self._values(found).items():
            future = self._under_way.pop(token)
            if value is not None:
                ended.append(BundleEnd(token, value))
            elif future.status in ("error", "cancelled"):
                ended.append(self._failed(token, future))
            else:  # the worker died before its result was fetched: another one computes it again
                self._watch(token, future)
        return ended

    def _values(self, found: Mapping[int, Any]) -> dict[int, Any]:
        """Return the results of bundles; None for those that have failed, or are computed again."""
        finished = {token: future for token, future in found.items() if future.status == "finished"}
        try:
            values: dict[int, Any] = self._client.gather(finished, errors="skip")
        except (OSError, RuntimeError) as error:
            raise self._gone() from error
        return dict.fromkeys(found) | values

    def _failed(self, token: int, future: Any) -> BundleEnd:
        from distributed.scheduler import KilledWorker

        if future.status != "error":
            raise self._gone()
        error = future.exception()
        deaths = error.allowed_failures + 1 if isinstance(error, KilledWorker) else 0
        return BundleEnd(token, error=error, deaths=deaths)

    def _check_connection(self) -> None:
        if self._client.status == "running":
            self._lost_since = None
            return
        self._lost_since = self._lost_since or time.monotonic()
        if self._client.status == "closed" or time.monotonic() - self._lost_since > _GONE_S:
            raise self._gone()

    def _gone(self) -> RecordError:
        return RecordError(
            "the scheduler is no longer there; what is finished is kept, and the same command "
            "continues"
        )

    def close(self) -> None:
        """Forget all bundles; close the client, and the cluster if it was started for the run."""
        if self._client.status == "running":
            self._client.cancel(list(self._under_way.values()))
        self._under_way.clear()
        self._closing.close()


def local_cluster(workers: int) -> DaskWorkers:
    """Start workers on this machine, each a process with one thread.

    Raises
    ------
    ParameterError
        dask.distributed is not installed, or less than one worker.
    """
    check_installed("distributed", "pyarrow")
    if workers < 1:
        raise ParameterError(f"--cluster local:{workers}: at least 1 worker is expected")
    import dask
    from distributed import Client, LocalCluster
    from distributed.diagnostics.plugin import WorkerPlugin

    command = os.getpid()

    class Prepares(WorkerPlugin):  # type: ignore[misc]
        """Every worker is prepared, also one that replaces another."""

        def setup(self, worker: Any) -> None:
            prepare_worker(command)

    with (
        uninterrupted(),  # a cluster that is half started cannot be closed
        interrupts_not_inherited(),
        # a piece is not repeated beside others after it has killed a worker, but by itself; and a
        # process of this machine is known to be there without a sign of life
        dask.config.set(
            {"distributed.scheduler.allowed-failures": 0, "distributed.scheduler.worker-ttl": None}
        ),
    ):
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=0,  # none: by default a worker has the memory of one core of the machine
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        )
        client = Client(cluster)
        client.register_plugin(Prepares())
        return DaskWorkers(client, expected=workers, cluster=cluster)


def scheduler_at(address: str) -> DaskWorkers:
    """Connect to a scheduler that is running.

    Raises
    ------
    ParameterError
        dask.distributed is not installed, or there is no scheduler at the address.
    """
    check_installed("distributed", "pyarrow")
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT_S)
    except (OSError, TypeError, ValueError) as error:  # TypeError: TLS without certificates
        raise ParameterError(
            f"--cluster {address}: no connection to a scheduler of Dask there ({error!s:.200}); "
            "start one with dask scheduler, or check the address and the settings of TLS"
        ) from error
    return DaskWorkers(client)
