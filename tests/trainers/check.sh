#!/usr/bin/env bash
# Whether trainers take what distilld writes, from the shipped fixtures.
#
#   tests/trainers/check.sh --load-only   every export and snapshot file through datasets.load_dataset, early and late: about
#                                         300 MB of packages, half a minute
#   tests/trainers/check.sh               the same; then one step of TRL's SFTTrainer and DPOTrainer on the CPU, and all rows through
#                                         the converters of Axolotl and LLaMA-Factory: 2.2 GB in target/trainers, a few minutes
#
# Wants python3 (3.10 to 3.13) with venv, cc and readelf; packages come from PyPI, no model and no data set is fetched.
# DISTILLD names a binary to use instead of the one that cargo builds.
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1-}" in
  "" | --load-only) ;;
  *) echo "usage: tests/trainers/check.sh [--load-only]" >&2; exit 64 ;;
esac

place=target/trainers
python=$place/venv/bin/python
mkdir -p "$place"
[ -x "$python" ] || python3 -m venv "$place/venv"
# Installs what a file of pinned packages lists, once.
pinned() {
  if ! cmp -s "$1" "$place/$(basename "$1").done"; then
    "$python" -m pip install --quiet --disable-pip-version-check "${@:2}" -r "$1"
    cp "$1" "$place/$(basename "$1").done"
  fi
}
pinned tests/trainers/load.txt

if [ -z "${DISTILLD-}" ]; then
  cargo build --locked --quiet
  DISTILLD=target/debug/distilld
fi
work=$(mktemp -d "$place/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
export TRANSFORMERS_VERBOSITY=error TQDM_DISABLE=1 PYTHONWARNINGS=ignore
export HF_HUB_OFFLINE=1 HF_DATASETS_OFFLINE=1 HF_HOME="$PWD/$work/hf" TOKENIZERS_PARALLELISM=false

# Early in its life the dataset is made of a third of every stream, late of all.
distilld() { "$DISTILLD" --kb "$work/in/kb" --output "$work/out" --state "$work/state" "$@"; }
mkdir -p "$work/in/kb" "$work/in/_observer"
streams=$(cd fixtures && echo kb/*.jsonl _observer/ops.jsonl)
for stream in $streams; do
  head -n $(($(wc -l <"fixtures/$stream") / 3)) "fixtures/$stream" >"$work/in/$stream"
done
distilld run --once >/dev/null
distilld snapshot --into "$work/snapshots"
cp -r "$work/out/exports" "$work/early"
for stream in $streams; do
  tail -c +$(($(stat -c %s "$work/in/$stream") + 1)) "fixtures/$stream" >>"$work/in/$stream"
done
distilld run --once >/dev/null
distilld snapshot --into "$work/snapshots" --seal
mapfile -t versions < <(find "$work/snapshots" -mindepth 1 -maxdepth 1 -type d -name 'v*' | sort -V)
late=${versions[-1]}
(cd "$late" && sha256sum --check --quiet --strict SHA256SUMS)

"$python" tests/trainers/load.py "$work/early" "$work/out/exports" "${versions[0]}" "$late"
[ "${1-}" = --load-only ] && exit

# Without their dependencies, which are GPU libraries and all that comes with them; what the CPU path needs is listed.
pinned tests/trainers/train.txt --no-deps
stubs=$("$python" -c 'import site; print(site.getsitepackages()[0])')
if ! cmp -s tests/trainers/gpu_stubs.py "$place/gpu_stubs.py.done"; then
  "$python" tests/trainers/gpu_stubs.py "$stubs"
  cp tests/trainers/gpu_stubs.py "$place/gpu_stubs.py.done"
fi
"$python" tests/trainers/convert.py "$late"
"$python" tests/trainers/train.py "$late"
