#!/usr/bin/env bash
# scripts/package.sh [PRESET]: builds dunlin and packs it: build/PRESET/dunlin_VERSION_ARCHITECTURE.deb.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
preset=${1:-release}
cd "$top"
scripts/build.sh "$preset" dunlin
cd "build/$preset"
cpack -G DEB
