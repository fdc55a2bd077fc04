#!/usr/bin/env bash
# Runs every check of the project, from a fresh Debian machine onwards:
#
#   ./test.sh            all checks, with PostgreSQL and MariaDB servers started for the run and removed after it
#   ./test.sh servers    only the two servers, until Ctrl-C; prints the lines that make `cargo test` use them:
#                          ./test.sh servers > .env &   then, once it is filled,   source .env && cargo test
#
# What is missing on the machine is installed when the user may (root, or sudo without a password); otherwise its
# names are printed. The servers listen on loopback only, behind a random password, in a temporary folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# ---------------------------------------------------------------------------------------------------- what is needed

# The newest PostgreSQL of Debian's layout: another `postgres` may come first in PATH.
postgres_bin() {
    local dir newest=
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
        if [[ -x $dir/initdb && -x $dir/postgres ]]; then newest=$dir; fi
    done
    if [[ -z $newest ]] && command -v initdb >/dev/null; then
        newest=$(dirname "$(command -v initdb)")
    fi
    [[ -n $newest ]] && printf '%s\n' "$newest"
}

# Debian's package names of what is not there. MariaDB's server lives in sbin, which not every user has in PATH.
missing_packages() {
    command -v cc >/dev/null || echo gcc libc6-dev
    if command -v pkg-config >/dev/null; then
        pkg-config --exists libpq || echo libpq-dev
        pkg-config --exists libmariadb || pkg-config --exists mysqlclient || echo libmariadb-dev
    else
        echo pkg-config libpq-dev libmariadb-dev
    fi
    postgres_bin >/dev/null || echo postgresql
    if ! command -v mariadbd >/dev/null || ! command -v mariadb-install-db >/dev/null; then echo mariadb-server; fi
    # For the tests of faults: a pooler, and a locale in which PostgreSQL does not speak English.
    command -v pgbouncer >/dev/null || [[ -x /usr/sbin/pgbouncer ]] || echo pgbouncer
    command -v localedef >/dev/null || echo libc-bin
    [[ -e /usr/share/i18n/locales/de_DE ]] || echo locales
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3 python3-venv python3-pip
    # For the end-to-end tests of examples/server.
    command -v curl >/dev/null || echo curl
    command -v chromium >/dev/null || echo chromium
    command -v chromedriver >/dev/null || echo chromium-driver
}

install_missing_packages() {
    local packages as_root=()
    read -ra packages <<<"$(missing_packages | xargs)"
    (( ${#packages[@]} )) || return 0
    if (( EUID != 0 )); then as_root=(sudo -n); fi
    if ! command -v apt-get >/dev/null || ! { (( EUID == 0 )) || sudo -n true 2>/dev/null; }; then
        die "these packages are missing (Debian's names): ${packages[*]}
       install them, for example: sudo apt-get install --no-install-recommends ${packages[*]}"
    fi
    say "installing ${packages[*]}"
    "${as_root[@]}" apt-get update -q >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${packages[@]}" >&2
    read -ra packages <<<"$(missing_packages | xargs)"
    (( ${#packages[@]} == 0 )) || die "still missing after the installation: ${packages[*]}"
}

check_toolchain() {
    local tool
    command -v cargo >/dev/null || die "cargo is missing: install Rust from https://rustup.rs, then run this again"
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 || die "cargo $tool is missing: rustup component add rustfmt clippy"
    done
    if ! cargo hack --version >/dev/null 2>&1; then
        say "installing cargo-hack"
        cargo install cargo-hack --locked >&2
    fi
}

# ------------------------------------------------------------------------------------------------------- the servers

scratch=
server_pids=()

# Every path out of this script comes through here.
clean_up() {
    local status=$? pid waited
    trap - EXIT INT TERM HUP
    for pid in "${server_pids[@]}"; do
        # To PostgreSQL INT is "end the sessions and stop"; MariaDB stops on TERM and does not mind the other.
        kill -INT "$pid" 2>/dev/null || true
        kill -TERM "$pid" 2>/dev/null || true
    done
    for pid in "${server_pids[@]}"; do
        for (( waited = 0; waited < 100; waited++ )); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [[ -z $scratch ]] || rm -rf -- "$scratch"
    exit "$status"
}

# Neither server runs as root: under root each gets its own user. `setpriv` and `env` become the command that they run,
# so that a background job's id is the server's own; a function around them would be a process in between.
as_user() {
    if (( EUID == 0 )); then
        as=(setpriv --reuid="$1" --regid="$(id -g "$1")" --clear-groups -- env HOME="$scratch/$1")
    else
        as=(env)
    fi
}

own_folder() {
    mkdir -m 700 "$scratch/$1"
    if (( EUID == 0 )); then chown "$1:$(id -g "$1")" "$scratch/$1"; fi
}

free_port() {
    local port
    while :; do
        # Below the range from which the kernel hands out ports to clients.
        port=$(( 15000 + RANDOM % 15000 ))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s\n' "$port"
            return
        fi
    done
}

# wait_for PID LOG COMMAND...: until the command succeeds; fails when the server ends or a minute is over.
wait_for() {
    local pid=$1 log=$2 tries
    shift 2
    for (( tries = 0; tries < 600; tries++ )); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        if ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.1
    done
    tail -n 30 "$log" >&2
    die "the server did not start; the end of its log is above"
}

start_postgres() {
    local bin port as folder=$scratch/postgres
    bin=$(postgres_bin)
    as_user postgres
    own_folder postgres
    printf '%s' "$password" >"$folder/password"
    if (( EUID == 0 )); then chown postgres "$folder/password"; fi
    "${as[@]}" "$bin/initdb" --pgdata="$folder/data" --username=postgres --pwfile="$folder/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder.log" 2>&1 \
        || { cat "$folder.log" >&2; die "initdb failed"; }
    port=$(free_port)
    # Without fsync a commit still outlives the server's process, only not the machine's power.
    "${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" \
        -c listen_addresses=127.0.0.1 -c unix_socket_directories="$folder" -c max_connections=300 \
        -c shared_buffers="${DIESEL_OAUTH2_TEST_BUFFER_MB:-128}MB" -c fsync=off -c full_page_writes=off >>"$folder.log" 2>&1 </dev/null &
    server_pids+=($!)
    wait_for $! "$folder.log" env PGPASSWORD="$password" PGCONNECT_TIMEOUT=5 \
        "$bin/psql" -h 127.0.0.1 -p "$port" -U postgres -c 'SELECT 1' postgres
    export DIESEL_OAUTH2_TEST_POSTGRES_URL="postgres://postgres:$password@127.0.0.1:$port/postgres"
}

start_mariadb() {
    local port as folder=$scratch/mysql client
    as_user mysql
    own_folder mysql
    "${as[@]}" mariadb-install-db --no-defaults --datadir="$folder/data" --skip-test-db \
        --auth-root-authentication-method=normal >"$folder.log" 2>&1 \
        || { cat "$folder.log" >&2; die "mariadb-install-db failed"; }
    port=$(free_port)
    # The character set is that of Debian's own configuration. At 2, a commit outlives the server's process.
    "${as[@]}" "$(command -v mariadbd)" --no-defaults --datadir="$folder/data" --tmpdir="$folder" \
        --socket="$folder/socket" --pid-file="$folder/pid" --port="$port" --bind-address=127.0.0.1 \
        --skip-name-resolve --max-connections=300 --character-set-server=utf8mb4 \
        --collation-server=utf8mb4_general_ci --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size="${DIESEL_OAUTH2_TEST_BUFFER_MB:-128}M" \
        >>"$folder.log" 2>&1 </dev/null &
    server_pids+=($!)
    client=(mariadb --no-defaults --socket="$folder/socket" --user=root)
    wait_for $! "$folder.log" "${client[@]}" -e 'SELECT 1'
    # Every account that the installation made is root's, without a password. (Not as an argument: `ps` shows those.)
    "${client[@]}" <<<"
        DROP USER IF EXISTS ''@'localhost', ''@'$(hostname)', 'root'@'$(hostname)', 'root'@'::1';
        ALTER USER 'root'@'127.0.0.1' IDENTIFIED BY '$password';
        ALTER USER 'root'@'localhost' IDENTIFIED BY '$password';" \
        || die "could not set the password of MariaDB's root"
    export DIESEL_OAUTH2_TEST_MYSQL_URL="mysql://root:$password@127.0.0.1:$port/mysql"
}

start_servers() {
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/diesel-oauth2-test.XXXXXX")
    chmod 711 "$scratch"
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    start_postgres
    start_mariadb
}

# A Python with authlib for the tests that share a database with it, kept between runs.
prepare_python() {
    local folder=${CARGO_TARGET_DIR:-target}/python wanted=tests/python/requirements.txt
    [[ -e $wanted ]] || return 0
    if ! cmp -s "$wanted" "$folder/installed"; then
        say "installing what tests/python needs"
        rm -rf "$folder"
        mkdir -p "$(dirname "$folder")"
        python3 -m venv "$folder"
        "$folder/bin/python" -m pip install --quiet --requirement "$wanted" >&2
        cp "$wanted" "$folder/installed"
    fi
    DIESEL_OAUTH2_TEST_PYTHON=$(cd "$folder" && pwd)/bin/python
    export DIESEL_OAUTH2_TEST_PYTHON
}

# -------------------------------------------------------------------------------------------------------- the checks

step() {
    local name=$1 began=$SECONDS
    shift
    printf '\n==> %s: %s\n' "$name" "$*"
    if ! "$@"; then
        printf '\n==> FAILED after %d s: %s\n' $(( SECONDS - began )) "$name"
        exit 1
    fi
    printf '==> %s: passed in %d s\n' "$name" $(( SECONDS - began ))
}

run_checks() {
    local example name
    export DIESEL_OAUTH2_TEST_REQUIRE_ALL=1
    # The same features and flags everywhere, so that no step builds anew what another one has built.
    step "format" cargo fmt --all --check
    step "clippy" cargo clippy --workspace --all-targets --all-features -- -D warnings
    # Clippy in place of check: it takes what the step above has compiled, and denies warnings without a rebuild.
    step "each feature alone" cargo hack clippy --workspace --each-feature -- -D warnings
    step "each set of databases" cargo hack clippy --package diesel_oauth2 --feature-powerset \
        --include-features sqlite,postgres,mysql -- -D warnings
    step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps
    # `DIESEL_OAUTH2_TEST_ROUNDS=200 ./test.sh` runs the races as long as a release wants them.
    step "tests" cargo test --workspace --all-features
    # Not for their figures: only to see that each benchmark still runs.
    step "benchmarks, a few calls each" cargo test --package diesel_oauth2_benches --all-features --benches
    for example in examples/*.rs; do
        [[ -e $example ]] || continue
        name=$(basename "$example" .rs)
        # Built by the step above.
        step "example $name" "${CARGO_TARGET_DIR:-target}/debug/examples/$name"
    done
    printf '\n==> all checks passed in %d s\n' "$SECONDS"
}

case ${1:-} in
    '')
        check_toolchain
        install_missing_packages
        prepare_python
        start_servers
        run_checks
        ;;
    servers)
        install_missing_packages
        prepare_python
        start_servers
        printf 'export DIESEL_OAUTH2_TEST_POSTGRES_URL=%q\n' "$DIESEL_OAUTH2_TEST_POSTGRES_URL"
        printf 'export DIESEL_OAUTH2_TEST_MYSQL_URL=%q\n' "$DIESEL_OAUTH2_TEST_MYSQL_URL"
        [[ -z ${DIESEL_OAUTH2_TEST_PYTHON:-} ]] \
            || printf 'export DIESEL_OAUTH2_TEST_PYTHON=%q\n' "$DIESEL_OAUTH2_TEST_PYTHON"
        say "the servers are running; Ctrl-C stops them"
        # In the background, so that a signal is answered at once.
        sleep infinity &
        server_pids+=($!)
        wait -n || true
        die "a server has ended"
        ;;
    *)
        die "unknown argument ${1}; usage: ./test.sh [servers]"
        ;;
esac
