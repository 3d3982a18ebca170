"""Kill processes at random moments and look at what they leave behind.

``python killing.py --job "saving a generator" --kills 30`` prints one JSON object. One process
imports everything; each attempt is a fork of it, so that a kill costs what the work costs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

#: Work that has not ended after this many seconds hangs.
SECONDS = 120


class Failed(Exception):
    """What was found is not what must be found."""


def start(work: Callable[[], Any], answer: Path) -> int:
    """Run `work` in a fork, which writes down what it returned or raised; return its number."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(SECONDS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer.write_text(json.dumps({"found": work()}))
        status = 0
    except BaseException:
        answer.write_text(json.dumps({"error": traceback.format_exc()[-1500:]}))
    finally:
        os._exit(status)


def run(work: Callable[[], Any], answer: Path) -> tuple[Any, float]:
    """Run `work` in a fork to its end; return what it returned and the seconds it took."""
    answer.unlink(missing_ok=True)
    started = time.monotonic()
    _, status = os.waitpid(start(work, answer), 0)
    seconds = time.monotonic() - started
    said = json.loads(answer.read_text()) if answer.exists() else {}
    if status or "error" in said:
        raise Failed(said.get("error", f"wait status {status}"))
    return said["found"], seconds


def kill_during(work: Callable[[], Any], seconds: float, answer: Path) -> bool:
    """Kill a fork that runs `work` after so many seconds; return whether it was still running."""
    child = start(work, answer)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def temporary_names(folder: Path) -> list[str]:
    """Return what a killed process left: names that begin with a dot."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def one_kill(job: Any, share: float, whole: tuple[str, float], folder: Path) -> dict[str, Any]:
    """Kill once at `share` of the time that the work takes, look, and go on to the end."""
    answer = folder.with_name("answer.json")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    job.begin(folder)
    found: dict[str, Any] = {"share": share, "failure": None}
    found["killed"] = kill_during(lambda: job.work(folder), share * whole[1], answer)
    found["left"] = temporary_names(folder)
    others = {p.name for p in folder.iterdir()} - {job.name, *found["left"]}
    try:
        if others:
            raise Failed(f"other files: {sorted(others)}")
        found["state"] = run(lambda: job.check(folder), answer)[0]
        if run(lambda: job.finish(folder), answer)[0] != whole[0]:
            raise Failed("went on to another result than without the kill")
        if temporary_names(folder) != found["left"]:
            raise Failed(f"new temporary files: {temporary_names(folder)}")
    except Failed as failure:
        found["failure"] = str(failure)
    return found


def kill_and_look(name: str, kills: int, seed: int) -> dict[str, Any]:
    """Kill one job so many times and count what came of it."""
    import numpy as np
    from _jobs import JOBS

    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as made:
        job, folder = JOBS[name](), Path(made) / "attempt"
        job.prepare(Path(made))
        folder.mkdir()
        job.begin(folder)
        answer = folder.with_name("answer.json")
        seconds = run(lambda: job.work(folder), answer)[1]
        shutil.rmtree(folder)
        folder.mkdir()
        job.begin(folder)
        reference = run(lambda: job.finish(folder), answer)[0]
        attempts: list[dict[str, Any]] = []
        while sum(a["killed"] for a in attempts) < kills and len(attempts) < 3 * kills:
            share = float(rng.uniform(0.02, 0.98))
            attempts.append(one_kill(job, share, (reference, seconds), folder))
    killed = [a for a in attempts if a["killed"]]
    return {
        "job": name,
        "seconds": seconds,
        "killed": len(killed),
        "ended_before": len(attempts) - len(killed),
        "while_writing": sum(bool(a["left"]) for a in killed),
        "states": dict(Counter(a.get("state", "?") for a in killed)),
        "failures": [a for a in attempts if a["failure"]],
    }


def main() -> None:
    """Run what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--job", action="append", help="all of them without it")
    options.add_argument("--kills", type=int, default=30, help="of each")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    import torch
    from _jobs import JOBS, warm_up

    torch.set_num_threads(1)
    warm_up()
    for name in given.job or JOBS:
        print(json.dumps(kill_and_look(name, given.kills, given.seed)), flush=True)


if __name__ == "__main__":
    main()
