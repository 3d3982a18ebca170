"""What every benchmark writes down about where it ran, and how results are stored."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path


def machine() -> dict:
    """Return processor, cores, threads and versions."""
    import torch

    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        processor = lines[0].partition(":")[2].strip() if lines else processor
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {
            name: version(name)
            for name in ("hs_specaug", "hyperspy", "torch", "numpy", "scikit-learn")
        },
    }


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks share."""
    out = argparse.ArgumentParser(description=description)
    default = Path(__file__).parent / "results" / f"{Path(sys.argv[0]).stem}.json"
    out.add_argument("--output", type=Path, default=default, help="JSON file to write")
    out.add_argument("--quick", action="store_true", help="minutes less, numbers of no value")
    return out


def write(path: Path, results: dict) -> None:
    """Store results, replacing an earlier file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))
    print(f"written to {path}")
