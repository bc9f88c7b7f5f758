#!/usr/bin/env bash
# distilld against the others on one generated file: row → record → one category → JSONL, all in one run, by turns.
#
#   benches/compare/run.sh            both mixes of 256 MiB, 6 rounds of which 5 count; some minutes
#   benches/compare/run.sh --smoke    4 MiB, one round: whether every contender writes every row
#
# MIB sizes the file (256), ROUNDS those that count (5), MIXES is "lean rich" or one of them, ONLY leaves out all contenders but these.
# PLACE is the folder for everything (target/compare), DISTILLD a binary to use instead of the one that cargo builds.
#
# Wants python3 with venv; rsyslog is installed by apt-get when it is missing (as root), the others come from PyPI.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=benches/compare
case "${1-}" in
  "") mib=${MIB:-256} rounds=${ROUNDS:-5} ;;
  --smoke) mib=${MIB:-4} rounds=0 ;;
  *) echo "usage: benches/compare/run.sh [--smoke]" >&2; exit 64 ;;
esac

place=${PLACE:-target/compare}
python=$place/venv/bin/python
mkdir -p "$place"
[ -x "$python" ] || python3 -m venv "$place/venv"
if ! cmp -s $here/packages.txt "$place/packages.done"; then
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps -r $here/packages.txt
  cp $here/packages.txt "$place/packages.done"
fi
PATH=$PATH:/usr/sbin
if ! command -v rsyslogd >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rsyslog >/dev/null
fi

target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked --quiet --example floor
if [ -z "${DISTILLD-}" ]; then
  cargo build --release --locked --quiet
  DISTILLD=$target/release/distilld
fi

for mix in ${MIXES:-lean rich}; do
  case $mix in
    lean) shares="0.09 0" ;;
    rich) shares="0.5 0.2" ;;
    *) echo "run.sh: there is no mix $mix" >&2; exit 64 ;;
  esac
  data=$place/$mix-$mib
  # shellcheck disable=SC2086 # two arguments
  [ -f "$data/rows" ] || python3 $here/generate.py "$data" "$mib" $shares
  python3 $here/drive.py --mix "$mix" --data "$data" --work "$place/work" --rounds "$rounds" --python "$python" \
    --distilld "$DISTILLD" --floor "$target/release/examples/floor" --only "${ONLY-}"
done
