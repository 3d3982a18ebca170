"""Import times: HyperSpy with and without the package, and the package itself.

Each is a fresh process; medians, alternating. "Without" hides the extension's entry point.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from _machine import machine, parser, write

HIDE = """
import importlib.metadata as m
original = m.entry_points
m.entry_points = lambda **k: [e for e in original(**k) if e.name != "hs_specaug"]
"""
STATEMENTS = {
    "python alone": "pass",
    "hyperspy.api with the package": "import importlib.metadata; import hyperspy.api",
    "hyperspy.api without the package": HIDE + "import hyperspy.api",
    "hs_specaug": "import hs_specaug",
    "hs_specaug.signals": "import hs_specaug.signals",
    "torch": "import torch",
}


def main() -> None:
    options = parser(__doc__).parse_args()
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(2 if options.quick else 9):
        for name, statement in STATEMENTS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", statement], check=True)
            times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in times.items()}
    start = medians.pop("python alone")
    write(
        options.output,
        {
            "median_seconds_over_a_bare_interpreter": {n: t - start for n, t in medians.items()},
            "repeats": len(times["torch"]),
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
