"""Running many independent jobs: in this process, or in a pool of processes that dies with its parent."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from ganas.spaces.errors import GanasError, InvalidSetting

__all__ = ["run_jobs"]

Job = TypeVar("Job")
Answer = TypeVar("Answer")


def run_jobs(
    work: Callable[[Job], Answer],
    jobs: Iterable[Job],
    *,
    workers: int,
    initializer: Callable[..., None] | None = None,
    initargs: tuple[Any, ...] = (),
) -> Iterator[Answer]:
    """Yield the answers as they come; with one worker in this process and in order.

    Workers are fresh processes (never forked: a fork would copy locks and threads of numerical libraries). When the
    parent dies, however suddenly, they die too.

    Args:
        work: A function of a module (workers import it).
        jobs: What it is called on.
        workers: How many processes.
        initializer: Called once in every process, with ``initargs``.
        initargs: Its arguments; they are sent to the workers.

    Raises:
        InvalidSetting: ``workers`` is below 1.
        GanasError: A worker was killed.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InvalidSetting(f"the number of jobs at a time must be at least 1, not {workers!r}")
    if workers == 1:
        if initializer is not None:
            initializer(*initargs)
        yield from map(work, jobs)
        return
    context = multiprocessing.get_context("spawn")
    # Workers share the processors: numerical libraries, which read this when they load, get one thread in each.
    threads = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update({name: "1" for name, value in threads.items() if value is None})
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(initializer, initargs))
    remaining = iter(jobs)
    running: set[Future[Answer]] = set()
    try:
        with pool:
            while True:
                # A short queue in front of the workers keeps them busy; a long one would hold every job in memory.
                for job in remaining:
                    running.add(pool.submit(work, job))
                    if len(running) >= 4 * workers:
                        break
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
    except BrokenProcessPool:
        raise GanasError("a worker process was killed; run the same command again to go on") from None
    finally:
        for future in running:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in threads.items():
            if value is None:
                os.environ.pop(name, None)


def _start(initializer: Callable[..., None] | None, initargs: tuple[Any, ...]) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*initargs)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
