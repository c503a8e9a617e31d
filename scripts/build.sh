#!/usr/bin/env bash
# scripts/build.sh PRESET [TARGET…]: configures once, builds what changed.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
preset=$1
shift
# Checkouts in different folders share one compiler cache.
export CCACHE_BASEDIR="$top" CCACHE_NOHASHDIR=true
if [ ! -e "build/$preset/build.ninja" ]; then
  cmake --preset "$preset" >"/tmp/dunlin-configure-$$.log" 2>&1 || { cat "/tmp/dunlin-configure-$$.log" >&2; exit 3; }
  rm -f "/tmp/dunlin-configure-$$.log"
fi
exec ninja -C "build/$preset" "$@"
