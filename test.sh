#!/usr/bin/env bash
# Sets up, builds and tests Dunlin. Can be run again; a second run builds only what changed.
#   ./test.sh              release build, all tests
#   ./test.sh --asan       the same under address and undefined-behaviour sanitizers, without packages, figures and what is judged in SQL
#   ./test.sh --long       longer random runs
#   ./test.sh -R pattern   only tests whose name matches
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$top"
preset=release
filter=()
while [ $# -gt 0 ]; do
  case "$1" in
    --asan)
      preset=asan
      filter+=(-LE release_only)  # packages, figures of time, and what is judged in SQL: a sanitizer has nothing to find there
      ;;
    --long)
      export DUNLIN_LONG=1 DUNLIN_FUZZ_SECONDS=600 DUNLIN_DIFFERENTIAL_PAIRS=2000000 DUNLIN_JUDGE_SEEDS=3000 DUNLIN_CRASH_EVERY=1 DUNLIN_LIMIT_SEEDS=40
      export DUNLIN_SIM_SEEDS=100 DUNLIN_STORY_SEEDS=500 DUNLIN_SOLVER_SEEDS=50 DUNLIN_QUEUE_SEEDS=100
      ;;
    -R) filter+=(-R "$2"); shift ;;
    -h | --help) sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) echo "test.sh: unknown option $1 (try --help)" >&2; exit 2 ;;
  esac
  shift
done
: "${DUNLIN_FUZZ_SECONDS:=60}"
export DUNLIN_FUZZ_SECONDS

echo "== set-up"
scripts/setup.sh
echo "== build ($preset)"
scripts/build.sh "$preset"
echo "== test ($preset)"
cd "build/$preset"
exec ctest --output-on-failure --no-tests=error -j "$(nproc)" "${filter[@]}"
