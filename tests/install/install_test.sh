#!/usr/bin/env bash
# install_test.sh BUILD_FOLDER CXX: installs into an empty folder and runs what lies there.
set -euo pipefail
build=$1
cxx=$2
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$build" --prefix "$prefix" >/dev/null
dunlin() { env -i HOME="$prefix" PATH=/usr/bin:/bin "$prefix/bin/dunlin" "$@"; }

say=$(dunlin check "$prefix/share/dunlin/strategies/card_collections") || { echo "$say"; echo "check fails"; exit 1; }
say=$(dunlin test "$prefix/share/dunlin/strategies/card_collections") || { echo "$say"; echo "test fails"; exit 1; }
# The standard library is the installed one: a module that only lies there is found.
mkdir "$prefix/bundle"
echo 'module std.only_here
function twice(x : int) -> int = x + x' >"$prefix/share/dunlin/stdlib/std/only_here.dun"
cat >"$prefix/bundle/bundle.dun" <<'END'
bundle probe "Probe" { timezone UTC, currency EUR, calendar pl, day starts 06:00 }
use std.only_here
entity account { key id : text, n : int, m = twice(n) }
END
say=$(dunlin check "$prefix/bundle") || { echo "$say"; echo "the standard library is not the installed one"; exit 1; }
# A native function builds against the installed headers.
cat >"$prefix/one.cpp" <<'END'
#include "compiler/abi/case_view.h"
#include "compiler/abi/native_function.h"
static int32_t one(const int64_t*, int64_t* result, dunlin_native_host*) { *result = 1; return 0; }
static const dunlin_native_entry entries[] = {{"one", "one() -> int", one}};
extern "C" const dunlin_native_entry* dunlin_native_entries(int64_t* count) { *count = 1; return entries; }
END
"$cxx" -std=c++20 -shared -fPIC -I "$prefix/include/dunlin" "$prefix/one.cpp" -o "$prefix/libone.so"
test -s "$prefix/share/doc/dunlin/LICENSE"
