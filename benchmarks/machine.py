"""What a benchmark ran on: told with its figures, without names or paths."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil


def machine(*packages: str) -> dict[str, object]:
    """Hardware, Python, and the versions of these packages."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: installed(name) for name in packages},
    }


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
