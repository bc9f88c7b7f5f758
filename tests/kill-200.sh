#!/usr/bin/env bash
# Kills a run 200 times at random moments with kill -9, each time followed by a restart, over a 64 MiB corpus, and
# compares what comes out, byte for byte, with a run that nobody disturbed. Exits 1 on any difference.
#
#   tests/kill-200.sh               DISTILLD=path/to/distilld  KILLS=200  ROWS=62500  SEED=7  tests/kill-200.sh
set -euo pipefail
cd "$(dirname "$0")/.."

kills_wanted=${KILLS:-200}
rows=${ROWS:-62500}
seed=${SEED:-$RANDOM}
if [ -z "${DISTILLD:-}" ]; then
    cargo build --release --quiet
    DISTILLD=${CARGO_TARGET_DIR:-target}/release/distilld
fi
DISTILLD=$(realpath "$DISTILLD")
lab=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill -9 "$child" 2>/dev/null || true; rm -rf "$lab"' EXIT
printf '[batch]\nbytes_max = "256 KiB"\n' > "$lab/config.toml"

fail() {
    echo "kill-200: $*" >&2
    exit 1
}

run_into() { # folder: makes and continues $folder/out
    exec "$DISTILLD" --config "$lab/config.toml" --kb "$lab/in/kb" --output "$1/out" --state "$1/state" run --once --json
}

promise2() { # folder: the files of promise 2 below $folder/out
    (cd "$1/out" && find evidence scored-runs quarantine scratchpads -name '*.jsonl' ! -path scored-runs/rescored.jsonl 2>/dev/null | sort) || true
}

compare() { # folder: with the reference
    diff <(promise2 "$lab/reference") <(promise2 "$1") || fail "not the same files after $kills kills"
    local file
    while read -r file; do
        cmp "$lab/reference/out/$file" "$1/out/$file" || fail "$file differs after $kills kills"
    done < <(promise2 "$lab/reference")
}

check_chain() { # folder: every receipt names the hash of the one before, numbers and counts are whole
    local prev line named number conserved seq=0
    (cd "$1/out/receipts" && find . -name 'receipts-*.jsonl' | sort -t- -k2n | xargs -r cat && cat receipts.jsonl) > "$lab/chain"
    jq -r '[.prev_sha256, .seq, (.record_counts | .in == .evidence + .quarantined + .duplicate + .blank and .out == .evidence + .quarantined)]
        | join(" ")' "$lab/chain" > "$lab/facts"
    prev=$(printf '0%.0s' {1..64})
    while IFS= read -r line <&3 && read -r named number conserved <&4; do
        [ "$named" = "$prev" ] || fail "receipt $seq does not follow the one before"
        [ "$number" = "$seq" ] || fail "receipt $number stands where $seq should"
        [ "$conserved" = true ] || fail "receipt $seq loses rows"
        prev=$(sha256sum <<< "$line")
        prev=${prev%% *}
        seq=$((seq + 1))
    done 3< "$lab/chain" 4< "$lab/facts"
    [ "$seq" = "$(wc -l < "$lab/chain")" ] || fail "$seq receipts were checked, but there are others"
    receipts=$((receipts + seq))
    local path from to sha256
    while read -r path from to sha256; do
        [ "$(tail -c +$((from + 1)) "$1/out/$path" | head -c $((to - from)) | sha256sum | cut -d' ' -f1)" = "$sha256" ] ||
            fail "$path [$from, $to) is not what its receipt says"
        ranges=$((ranges + 1))
    # Of a file that was replaced only what came since: samples come, and go again when a restart reads on.
    done < <(jq -rs '(reduce .[] as $r ({}; reduce ($r.output_files[] | select(.replaces)) as $o (.; .[$o.path] = $r.seq))) as $replaced
        | .[] | .seq as $seq | .output_files[] | select($seq >= ($replaced[.path] // 0))
        | "\(.path) \(.from) \(.to) \(.sha256)"' "$lab/chain" | shuf -n 50)
}

echo "corpus of $rows rows, seed $seed, in $lab"
"$DISTILLD" generate --seed "$seed" --rows "$rows" --into "$lab/in/kb" > "$lab/generated"
tail -1 "$lab/generated"
mkdir "$lab/reference" "$lab/killed"
kills=0 receipts=0 ranges=0 finished=0
began=$(date +%s%N)
(run_into "$lab/reference") > "$lab/summary" 2> "$lab/log" || fail "the reference run failed: $(cat "$lab/log")"
took_ms=$((($(date +%s%N) - began) / 1000000))
check_chain "$lab/reference"
echo "undisturbed: $took_ms ms, $receipts receipts"

while [ "$kills" -lt "$kills_wanted" ]; do
    (run_into "$lab/killed") > "$lab/summary" 2> "$lab/log" &
    child=$!
    # Mostly early, so that a life is many kills long; up to the time that a whole run takes.
    pause=$(((RANDOM * 32768 + RANDOM) % (took_ms / (1 + RANDOM % 8) + 10)))
    sleep "$(printf '%d.%03d' $((pause / 1000)) $((pause % 1000)))"
    kill -9 "$child" 2>/dev/null || true
    status=0
    wait "$child" 2>/dev/null || status=$?
    child=
    case $status in
        137) kills=$((kills + 1)) ;;
        0) # It came to its end first: compared, and the next life begins with nothing.
            compare "$lab/killed"
            check_chain "$lab/killed"
            rm -rf "$lab/killed"
            mkdir "$lab/killed"
            finished=$((finished + 1))
            ;;
        *) fail "exit $status after $kills kills: $(cat "$lab/log")" ;;
    esac
done
(run_into "$lab/killed") > "$lab/summary" 2> "$lab/log" || fail "the last restart failed: $(cat "$lab/log")"
compare "$lab/killed"
check_chain "$lab/killed"
echo "$kills kills in $((finished + 1)) lives: $(promise2 "$lab/killed" | wc -l) files byte-identical in each, $receipts receipts in whole chains, $ranges ranges checked"
