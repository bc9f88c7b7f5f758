#!/usr/bin/env bash
# Kills a replay 100 times with kill -9, at points spread over all of it and, every fourth time, around the moment that decides.
# Each time the output must be the old one, byte for byte, or the new one, whole; and the next replay must end well: it goes
# on where the killed one was or begins anew, and what it puts in place is what an undisturbed one makes. Exits 1 on any difference.
#
#   tests/kill-replay-100.sh        DISTILLD=path/to/distilld  KILLS=100  ROWS=8000  SEED=7  tests/kill-replay-100.sh
set -euo pipefail
cd "$(dirname "$0")/.."

kills_wanted=${KILLS:-100}
rows=${ROWS:-8000}
seed=${SEED:-$RANDOM}
if [ -z "${DISTILLD:-}" ]; then
    cargo build --release --locked --quiet
    DISTILLD=${CARGO_TARGET_DIR:-target}/release/distilld
fi
DISTILLD=$(realpath "$DISTILLD")
lab=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill -9 "$child" 2>/dev/null || true; rm -rf "$lab"' EXIT
# Small commits, so that a killed replay has receipts to go on from.
printf '[batch]\nbytes_max = "256 KiB"\n' > "$lab/config.toml"
journal=$lab/live/out/.replay/swap.json

fail() {
    echo "kill-replay-100: point $point: $*" >&2
    exit 1
}

distilld() { # on $lab/live
    "$DISTILLD" --config "$lab/config.toml" --kb "$lab/in/kb" --output "$lab/live/out" --state "$lab/live/state" "$@"
}

hashes() { # every file of the output but the work folder of the replay
    (cd "$lab/live/out" && find . -type f ! -path './.replay/*' -print0 | sort -z | xargs -0 sha256sum)
}

# What two replays of the same rows have alike: the files of promise 2, and the samples, in whatever order they came.
records() {
    (
        cd "$lab/live/out"
        find evidence scored-runs quarantine scratchpads -name '*.jsonl' ! -path scored-runs/rescored.jsonl -print0 2> /dev/null | sort -z | xargs -0 sha256sum || true
        for file in exports/{rag/samples,sft/instruction_response,preference/chosen_rejected}.jsonl; do
            echo "$(LC_ALL=C sort "$file" 2> /dev/null | sha256sum) $file"
        done
    )
}

check_old_or_new() {
    hashes > "$lab/now"
    if cmp -s "$lab/now" "$lab/base"; then
        old=$((old + 1))
        return
    fi
    diff "$lab/records" <(records) >&2 || fail "neither the old output nor the new one"
    [ "$(tail -1 "$lab/live/out/receipts/receipts.jsonl" | jq -r .kind)" = replay ] || fail "the new output is not whole"
    new=$((new + 1))
}

point=0 old=0 cut=0 new=0 resumed=0
echo "corpus of $rows rows, seed $seed, in $lab"
"$DISTILLD" generate --seed "$seed" --rows "$rows" --into "$lab/in/kb" | tail -1
mkdir "$lab/live"
distilld run --once > /dev/null
cp -a "$lab/live" "$lab/kept"
hashes > "$lab/base"
records > "$lab/records"
began=$(date +%s%N)
distilld replay > /dev/null 2> "$lab/log" || fail "the undisturbed replay failed: $(cat "$lab/log")"
took_ms=$((($(date +%s%N) - began) / 1000000))
diff "$lab/records" <(records) >&2 || fail "a replay makes other records"
distilld verify > /dev/null 2> "$lab/log" || fail "verify refuses an undisturbed replay: $(cat "$lab/log")"
echo "undisturbed: $took_ms ms"

kills=0
while [ "$kills" -lt "$kills_wanted" ]; do
    point=$((point + 1))
    rm -rf "$lab/live"
    cp -a "$lab/kept" "$lab/live"
    (exec "$DISTILLD" --config "$lab/config.toml" --kb "$lab/in/kb" --output "$lab/live/out" --state "$lab/live/state" replay) > /dev/null 2> "$lab/log" &
    child=$!
    if [ $((point % 4)) = 0 ]; then
        # The swap takes milliseconds: waited for, not timed.
        while [ ! -e "$journal" ] && kill -0 "$child" 2>/dev/null; do :; done
        [ $((point % 8)) = 0 ] || sleep "0.00$((RANDOM % 10))"
    else
        pause=$((took_ms * kills / kills_wanted + RANDOM % (took_ms / kills_wanted + 2)))
        sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
    fi
    kill -9 "$child" 2>/dev/null || true
    status=0
    wait "$child" 2>/dev/null || status=$?
    child=
    case $status in
        137) kills=$((kills + 1)) ;;
        0) [ $((point - kills)) -lt $((kills_wanted * 3)) ] || fail "replays end before they can be killed" ;;
        *) fail "exit $status: $(cat "$lab/log")" ;;
    esac
    if [ -e "$journal" ]; then
        # Decided and not finished: readers are told so, and whoever takes the lock next finishes it.
        cut=$((cut + 1))
        refused=0
        distilld status > /dev/null 2> "$lab/log" || refused=$?
        [ "$refused" = 75 ] || fail "status answers $refused in the middle of a swap: $(cat "$lab/log")"
    else
        check_old_or_new
    fi
    # The first commit after the genesis tells whether the next replay goes on with what is there.
    begun=$(sed -n 2p "$lab/live/out/.replay/out/receipts/receipts.jsonl" 2> /dev/null || true)
    distilld replay > /dev/null 2> "$lab/log" || fail "the next replay failed: $(cat "$lab/log")"
    diff "$lab/records" <(records) >&2 || fail "the next replay makes other records"
    if [ -n "$begun" ] && [ "$(sed -n 2p "$lab/live/out/receipts/receipts.jsonl")" = "$begun" ]; then
        resumed=$((resumed + 1))
    fi
    [ ! -e "$lab/live/out/.replay" ] || fail "the next replay leaves its work folder"
    distilld verify > /dev/null 2> "$lab/log" || fail "verify: $(cat "$lab/log")"
done
echo "$kills kills: the old output $old times, the new one $new times, cut short within the swap $cut times; $resumed of the next replays went on where the killed one was"
