"""Read mutated files in a process whose memory is bounded, and say what came of each.

``python mutating.py --kind "generator smote" --mutations 1000`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

#: Of processor time; a machine may have other things to do.
SECONDS = 30
MEMORY = 1 << 30
#: What no file may bring about, by the names of Python's audit events.
FORBIDDEN = (
    "exec.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile",
    "pickle.find_class", "socket.connect", "socket.bind", "subprocess.Popen",
    "ctypes.dlopen", "urllib.Request", "os.symlink",
)  # fmt: skip


class TooLong(BaseException):
    """A file took longer than any may."""


def _virtual_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _resident_memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _guard(folder: Path) -> list[str]:
    """Bound memory, and note what nothing may do: run code, open sockets, write elsewhere."""
    from _mutations import TRAP

    seen: list[str] = []

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN):
            seen.append(f"{event} {arguments!r:.200}")
        elif event == "import" and str(arguments[0]).startswith((TRAP, "os:", "builtins.")):
            seen.append(f"import {arguments[0]!r}")
        elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            writes = isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            name = os.fsdecode(arguments[0])
            if writes and not name.startswith((str(folder), "/dev/", "/proc/")):
                seen.append(f"open {name!r} to write")

    sys.addaudithook(watch)
    limit = _virtual_memory() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return seen


def _raise_too_long(*_: Any) -> None:
    raise TooLong


def read_one(kind: Any, path: Path, content: bytes) -> tuple[str, str]:
    """Return ``"refused"``, ``"loaded"`` or what went wrong, and the details."""
    path.write_bytes(content)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind.read(path)
    except TooLong:
        return "too long", f"more than {SECONDS} s"
    except MemoryError as error:
        return "out of memory", repr(error)
    except BaseException as error:
        signal.setitimer(signal.ITIMER_PROF, 0)
        said = f"{type(error).__name__}: {error}"
        if type(error).__name__ == kind.error and path.name in said:
            return "refused", said
        return "another error", said + _where(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        for leftover in path.parent.iterdir():
            leftover.unlink()
    return "loaded", ""


def _where(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " @ " + " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(frames))


def _child(kind: Any, jobs: list[tuple[int, str, int]], folder: Path, stream: Any) -> None:
    import numpy as np

    seen = _guard(folder)
    signal.signal(signal.SIGPROF, _raise_too_long)
    inside = folder / "read"
    inside.mkdir(exist_ok=True)
    path = inside / f"mutated{kind.suffix}"
    for number, name, seed in jobs:
        content = kind.mutations[name](kind.content, np.random.default_rng(seed))
        print(json.dumps({"begun": number}), file=stream, flush=True)
        before, started = _resident_memory(), time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        outcome, details = read_one(kind, path, content)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = {
            "number": number,
            "mutation": name,
            "seed": seed,
            "outcome": "unchanged" if content == kind.content else outcome,
            "details": details[:600],
            "seconds": time.process_time() - started,
            "MiB": (grown * 1024 - before) / 2**20 if grown > peak else 0.0,
        }
        if content == kind.content and outcome != "loaded":
            found["outcome"] = outcome
        if seen:
            found |= {"outcome": "forbidden", "details": "; ".join(seen)}
            seen.clear()
        print(json.dumps(found), file=stream, flush=True)


def run(kind: Any, jobs: list[tuple[int, str, int]], folder: Path) -> list[dict[str, Any]]:
    """Read all mutations in children; one that dies is noted, and the next goes on after it."""
    out: list[dict[str, Any]] = []
    record = folder / "record.jsonl"
    while jobs:
        record.write_text("")
        child = os.fork()
        if not child:
            status = 1
            try:
                with record.open("a") as stream:
                    _child(kind, jobs, folder, stream)
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        out += [line for line in lines if "number" in line]
        done = {line["number"] for line in out}
        begun = [line["begun"] for line in lines if "begun" in line]
        if status and not begun:
            raise RuntimeError(f"the process that reads files ended with status {status}")
        if begun and begun[-1] not in done:
            job = next(job for job in jobs if job[0] == begun[-1])
            died = {"outcome": "crash", "details": f"wait status {status}", "seconds": 0.0}
            out.append({"number": job[0], "mutation": job[1], "seed": job[2], "MiB": 0.0, **died})
            done.add(job[0])
        jobs = [job for job in jobs if job[0] not in done]
    return out


def make_jobs(kind: Any, n: int, seed: int) -> list[tuple[int, str, int]]:
    """Return (number, name, seed) of `n` mutations, all names in turn."""
    import numpy as np

    names = list(kind.mutations)
    seeds = np.random.default_rng(seed).integers(0, 2**32, n).tolist()
    first = int(np.random.default_rng((seed, 1)).integers(len(names)))
    return [(i, names[(first + i) % len(names)], s) for i, s in enumerate(seeds)]


GOOD = ("refused", "loaded", "unchanged")


def mutate_and_read(name: str, n: int, seed: int) -> dict[str, Any]:
    """Return the counts of one kind of file, and every failure with the seed that makes it."""
    from _files import KINDS, FileKind

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve()
        kind = KINDS[name](folder)
        good = FileKind(kind.content, kind.suffix, kind.read, {"none": lambda content, _: content})
        if (line := run(good, [(0, "none", 0)], folder)[0])["outcome"] != "unchanged":
            raise RuntimeError(f"the good file {name!r} is not read: {line}")
        found = run(kind, make_jobs(kind, n, seed), folder)
    outcomes = Counter(line["outcome"] for line in found)
    return {
        "kind": name,
        "tried": len(found),
        "refused": outcomes["refused"],
        "loaded": outcomes["loaded"],
        "unchanged": outcomes["unchanged"],
        "failures": [line for line in found if line["outcome"] not in GOOD],
        "most_seconds": max(line["seconds"] for line in found),
        "most_MiB": max(line["MiB"] for line in found),
        "by_mutation": {
            name: dict(Counter(x["outcome"] for x in found if x["mutation"] == name))
            for name in kind.mutations
        },
    }


def main() -> None:
    """Run what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kind", action="append", help="all kinds without it")
    options.add_argument("--mutations", type=int, default=1000, help="of each kind")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    import torch
    from _files import KINDS

    torch.set_num_threads(1)
    for name in given.kind or KINDS:
        print(json.dumps(mutate_and_read(name, given.mutations, given.seed)), flush=True)


if __name__ == "__main__":
    main()
