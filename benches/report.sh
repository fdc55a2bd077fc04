#!/usr/bin/env bash
# Measures everything and writes benches/REPORT.md and benches/plots/.
#
#   benches/report.sh                      everything; what was measured before (see below) is kept
#   benches/report.sh --fresh              everything anew
#   benches/report.sh growth prune         only these sections, and the report
#   benches/report.sh --write              only the report, from what is there
#
# Sections: operations instructions growth concurrency async prune stock, which is concurrency and prune again with SQLite
# as libsqlite3-sys builds it without .cargo/config.toml. Each leaves a file a database in target/bench-report, so a
# run that was stopped goes on where it was. The variables are those of benches/src/settings.rs; the default sizes take
# about twenty minutes, and
#
#   DIESEL_OAUTH2_BENCH_GROWTH="10000 100000 1000000 10000000" benches/report.sh growth
#
# an hour and 20 GB of disk more. Without DIESEL_OAUTH2_TEST_POSTGRES_URL and DIESEL_OAUTH2_TEST_MYSQL_URL it starts two
# servers of its own by ./test.sh, with buffers of a quarter of the machine's memory each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n[%s] %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

target=${CARGO_TARGET_DIR:-$PWD/target}
export DIESEL_OAUTH2_BENCH_RESULTS=${DIESEL_OAUTH2_BENCH_RESULTS:-$target/bench-report}
export DIESEL_OAUTH2_BENCH_RESUME=1
databases=${DIESEL_OAUTH2_BENCH_ONLY:-sqlite postgres mysql}
cargo_flags=(--quiet --package diesel_oauth2_benches --all-features)

sections=() fresh=no
for argument in "$@"; do
    case $argument in
        --fresh) fresh=yes ;;
        --write) sections=(none) ;;
        operations | instructions | growth | concurrency | async | prune | stock) sections+=("$argument") ;;
        *) sed -n '2,/^set /{/^#/p}' "$0" >&2; exit 2 ;;
    esac
done
(( ${#sections[@]} )) || sections=(operations instructions growth concurrency async prune stock)

servers_pid='' servers_output=''
stop_servers() {
    [[ -z $servers_pid ]] || { kill -TERM "$servers_pid" 2>/dev/null && wait "$servers_pid" 2>/dev/null || true; }
    [[ -z $servers_output ]] || rm -f "$servers_output"
}
trap stop_servers EXIT
trap 'exit 130' INT TERM

start_servers() {
    local waited megabytes
    megabytes=$(( $(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) / 1024 / 4 ))
    export DIESEL_OAUTH2_TEST_BUFFER_MB=${DIESEL_OAUTH2_TEST_BUFFER_MB:-$megabytes}
    servers_output=$(mktemp)
    say "starting PostgreSQL and MariaDB with buffers of $DIESEL_OAUTH2_TEST_BUFFER_MB MB each"
    ./test.sh servers >"$servers_output" &
    servers_pid=$!
    for (( waited = 0; waited < 300; waited++ )); do
        if grep -q DIESEL_OAUTH2_TEST_MYSQL_URL "$servers_output"; then
            # shellcheck disable=SC1090 # what test.sh prints
            source <(grep '^export ' "$servers_output")
            return
        fi
        kill -0 "$servers_pid" 2>/dev/null || break
        sleep 1
    done
    say "the servers did not start"
    exit 1
}

if [[ ${sections[0]} != none ]]; then
    if [[ $fresh == yes ]]; then
        for section in "${sections[@]}"; do
            [[ $section != stock ]] || rm -f "$DIESEL_OAUTH2_BENCH_RESULTS"/stock/*.json
            for database in $databases; do rm -f "$DIESEL_OAUTH2_BENCH_RESULTS/$section-$database.json"; done
        done
    fi
    say "building"
    cargo bench "${cargo_flags[@]}" --no-run
    if [[ $databases != sqlite && -z ${DIESEL_OAUTH2_TEST_POSTGRES_URL:-}${DIESEL_OAUTH2_TEST_MYSQL_URL:-} ]]; then
        start_servers
    fi
fi

# In a target folder of its own: other flags for SQLite are another build of everything above it.
measure_stock() {
    local section
    for section in concurrency prune; do
        say "$section, SQLite as libsqlite3-sys builds it ($SECONDS s so far)"
        LIBSQLITE3_FLAGS='' CARGO_TARGET_DIR=$target/stock DIESEL_OAUTH2_BENCH_RESULTS=$DIESEL_OAUTH2_BENCH_RESULTS/stock \
            DIESEL_OAUTH2_BENCH_ONLY=sqlite cargo bench --quiet --package diesel_oauth2_benches --no-default-features \
            --features sqlite --bench "$section" >&2 || failed+=("$section on SQLite, stock")
    done
}

failed=()
for section in "${sections[@]}"; do
    case $section in
        none) continue ;;
        stock) measure_stock; continue ;;
    esac
    for database in $databases; do
        say "$section, $database ($SECONDS s so far)"
        DIESEL_OAUTH2_BENCH_ONLY=$database cargo bench "${cargo_flags[@]}" --bench "$section" >&2 \
            || failed+=("$section on $database")
    done
done

say "writing the report"
cargo run "${cargo_flags[@]}" --release --bin report
say "done in $SECONDS s"
if (( ${#failed[@]} )); then
    say "failed: ${failed[*]}"
    exit 1
fi
