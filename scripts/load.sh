#!/usr/bin/env bash
# scripts/load.sh [DUNLIN] [SECONDS]: what a server does under load, with wrk over loopback: tasks leased and completed, events posted one by one and in batches of
# 100, a task read; each by itself and again while a full night is stepped beside. Prints requests (and tasks, events) a second and latencies in milliseconds,
# as a table and as JSON at the end. A private database with fsync, gone afterwards. Needs wrk, curl, python3.
#
#     nice -n -10 scripts/load.sh build/release/dunlin 15
#
# DUNLIN_LOAD_ACCOUNTS (20000), DUNLIN_LOAD_CONNECTIONS (8).
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
exec python3 "$top/tests/load/load.py" "${1:-$top/build/release/dunlin}" "$top/stdlib" "${2:-15}"
