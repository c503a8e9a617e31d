#!/usr/bin/env bash
# Sets up and builds Dunlin, then shows its main job: a card portfolio carried through six months by a strategy bundle.
#   ./demo.sh [ACCOUNTS]     default 5000
# Everything it makes stands in build/demo and is made anew each time.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$top"
case "${1:-}" in -h | --help) sed -n '2,4p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;; esac
accounts=${1:-5000}

echo "== set-up"
scripts/setup.sh
echo "== build (release)"
scripts/build.sh release dunlin
dunlin=$top/build/release/dunlin
bundle=strategies/card_collections
work=$top/build/demo
rm -rf "$work"
mkdir -p "$work"
export DUNLIN_DATA=$work/data

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() { printf '$ dunlin %s\n' "$*"; "$dunlin" "$@"; }

say "The compiler reads the bundle and finds its mistakes"
show check "$bundle"
say "The tests that stand beside the rules"
show test "$bundle"
say "A generated portfolio of $accounts accounts, six months of statements and payments"
show import --generate "$accounts" --seed 1 "$bundle"
say "Six months, day by day"
show run "$bundle" --from 2005-04-01 --to 2005-09-30
say "The call queue as it stands"
show queue call --limit 8
account=$("$dunlin" queue call --limit 1 --json | sed -n 's/.*"key": *"\([^"]*\)".*/\1/p' | head -1)
say "One account's story: $account"
show explain "$bundle" "$account"

say "One line of a rule changes: calls from 40_000 billed only"
cp -r "$bundle" "$work/changed"
sed -i 's/while behaviour != settled {/while behaviour != settled and billed >= 40_000 {/' "$work/changed/strategies.dun"
diff -u "$bundle/strategies.dun" "$work/changed/strategies.dun" | grep '^[-+] ' || true
before=$("$dunlin" queue call --json --count | tr -dc '0-9')
show run "$work/changed" --clock 2005-10-01T06:00 --summary
after=$("$dunlin" queue call --json --count | tr -dc '0-9')
echo
echo "open call tasks before: $before, after: $after"
