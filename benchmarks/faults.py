"""Kill processes at random moments and read mutated files; count tried and failed.

The work and the mutations are those of ``tests/faults``. Results are written after every row, and
the tables of ``docs/faults.md`` with them; ``--go-on`` keeps the rows that are there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _machine import machine, parser, write

ROOT = Path(__file__).resolve().parents[1]
FAULTS = ROOT / "tests" / "faults"
PAGE = ROOT / "docs" / "faults.md"
BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def names(module: str, table: str) -> list[str]:
    """Return what `tests/faults` has: jobs, or kinds of files."""
    command = f"import {module}, json; print(json.dumps(list({module}.{table})))"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=FAULTS, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout)


def rows(script: str, *arguments: Any) -> Iterator[dict[str, Any]]:
    """Run a script of `tests/faults` in a fresh process and yield its lines as they come."""
    command = [sys.executable, "-W", "ignore", str(FAULTS / script), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise RuntimeError(f"{script} ended with {process.returncode}")


def killed(results: dict[str, Any]) -> str:
    """Return the table of killed processes."""
    lines = [
        "| killed while | kills | in the middle of a file | failures |",
        "| --- | --: | --: | --: |",
    ]
    every = results["killed"].values()
    for found in every:
        writing = found["while_writing"]
        lines.append(
            f"| {found['job']} | {found['killed']} | {writing} | {len(found['failures'])} |"
        )
    sums = [sum(f["killed"] for f in every), sum(f["while_writing"] for f in every)]
    failures = sum(len(f["failures"]) for f in every)
    return "\n".join([*lines, f"| **together** | {sums[0]} | {sums[1]} | {failures} |", ""])


def mutated(results: dict[str, Any]) -> str:
    """Return the table of mutated files."""
    lines = [
        "| file | tried | refused | read | longest, s | largest, MiB | failures |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    every = results["mutated"].values()
    for found in every:
        read = found["loaded"] + found["unchanged"]
        lines.append(
            f"| {found['kind']} | {found['tried']} | {found['refused']} | {read} | "
            f"{found['most_seconds']:.1f} | {found['most_MiB']:.0f} | {len(found['failures'])} |"
        )
    sums = [sum(f[name] for f in every) for name in ("tried", "refused", "loaded", "unchanged")]
    failures = sum(len(f["failures"]) for f in every)
    total = f"| **together** | {sums[0]} | {sums[1]} | {sums[2] + sums[3]} | | | {failures} |"
    return "\n".join([*lines, total, ""])


def filled(text: str, results: dict[str, Any]) -> str:
    """Return the page with the tables of `results`."""
    tables = {"killed": killed, "mutated": mutated}
    return BLOCK.sub(lambda m: f"{m[1]}\n{tables[m[2]](results)}\n{m[3]}", text)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--kills", type=int, default=30, help="of each job")
    options.add_argument("--mutations", type=int, default=1000, help="of each kind of file")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--go-on", action="store_true", help="keep the rows that are there")
    given = options.parse_args()
    kills, mutations = (1, 12) if given.quick else (given.kills, given.mutations)
    results: dict[str, Any] = {
        "seed": given.seed, "machine": machine(), "killed": {}, "mutated": {}
    }  # fmt: skip
    if given.go_on and given.output.is_file():
        results |= json.loads(given.output.read_text())
    parts = (
        (
            "mutated",
            "mutating.py",
            "kind",
            names("_files", "KINDS"),
            "mutations",
            mutations,
            "tried",
        ),
        ("killed", "killing.py", "job", names("_jobs", "JOBS"), "kills", kills, "killed"),
    )
    for part, script, option, known, number, wanted, done in parts:
        left = [name for name in known if results[part].get(name, {}).get(done) != wanted]
        chosen = [word for name in left for word in (f"--{option}", name)]
        arguments = (*chosen, f"--{number}", wanted, "--seed", given.seed)
        for found in rows(script, *arguments) if left else ():
            results[part] = {
                name: found if name == found[option] else results[part][name]
                for name in known
                if name == found[option] or name in results[part]
            }
            write(given.output, results)
    if not given.quick:
        PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
