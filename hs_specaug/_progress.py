"""Progress of work that Dask does, on this machine or on a cluster.

Dask's own bar is silent under a distributed scheduler. Here the tasks themselves say what they
have finished: to a listener in the same process, else through the events of the cluster.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from ._refusals import reading

with warnings.catch_warnings():
    # A notebook without ipywidgets gets bars of text: no reason to warn whoever imports this.
    warnings.filterwarnings("ignore", message="IProgress not found")
    from tqdm.auto import tqdm

_LISTENERS: dict[str, Callable[[Any], None]] = {}


def active_client() -> Any:
    """Return the distributed client that Dask would compute with, or None."""
    if "distributed" not in sys.modules:
        return None
    from dask.base import get_scheduler
    from distributed import Client

    # The schedulers of one machine are functions; that of a cluster is a method of its client.
    owner = getattr(get_scheduler(), "__self__", None)
    return owner if isinstance(owner, Client) else None


def compute_shown(array: Any, wanted: bool) -> Any:
    """Compute one Dask array, with the bar of whatever scheduler does it."""
    if not wanted:
        with reading():
            return array.compute()
    client = active_client()
    if client is None:
        from dask.diagnostics import ProgressBar

        with ProgressBar(), reading():
            return array.compute()
    from distributed import progress as distributed_progress

    future = client.compute(array)
    distributed_progress(future, notebook=False)
    with reading():
        return future.result()


def report_done(topic: str, part: tuple[int, ...]) -> None:
    """Say, inside a task, that a part of `topic` is finished."""
    listener = _LISTENERS.get(topic)
    if listener is not None:
        listener(part)
    elif "distributed" in sys.modules:
        from distributed import get_worker

        with contextlib.suppress(ValueError):  # a client lives here, but the task is local
            get_worker().log_event(topic, list(part))


@contextlib.contextmanager
def progress(topic: str, total: int, description: str, wanted: bool) -> Iterator[None]:
    """Show how many of `total` parts of `topic` are finished while the body computes them.

    A part that a lost worker makes Dask compute again counts once.
    """
    if not wanted:
        yield
        return
    seen: set[tuple[int, ...]] = set()
    lock = threading.Lock()
    bar = tqdm(total=total, desc=description)

    def done(part: Any) -> None:
        with lock:
            if tuple(part) not in seen and bar.n < total:
                seen.add(tuple(part))
                bar.update()

    client = active_client()
    _LISTENERS[topic] = done
    if client is not None:
        client.subscribe_topic(topic, lambda event: done(event[1]))
    try:
        yield
        with lock:
            bar.update(total - bar.n)  # events travel on their own and may come late
    finally:
        del _LISTENERS[topic]
        if client is not None:
            client.unsubscribe_topic(topic)
        bar.close()
