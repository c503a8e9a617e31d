#!/usr/bin/env bash
# Checks of the tree itself: the borders between floors, sizes of files, words that must not stand in it.
set -uo pipefail
cd "$1"
failures=0
fail() { echo "tidy: $*"; failures=$((failures + 1)); }

sources=$(find lang compiler stdlib runtime server -name '*.cpp' -o -name '*.h' -o -name '*.hpp' -o -name '*.cc')
[ -n "$sources" ] || fail "found no sources in $1"
border() {  # border PATTERN ALLOWED_PREFIX WHAT
  local found
  found=$(grep -lE "$1" $sources | grep -vE "$2")
  [ -z "$found" ] || fail "$3: $found"
}
border '#include *[<"]llvm/' '^compiler/native/' "llvm is included outside compiler/native"
border '#include *[<"]antlr4' '^lang/syntax/' "antlr4 is included outside lang/syntax"
border '#include *[<"](pqxx/|libpq-fe)' '^runtime/store/' "libpq or pqxx is included outside runtime/store"
border '#include *"(runtime|server)/' '^(runtime|server)/' "a lower floor includes runtime or server"
border '#include *"server/' '^server/' "something below includes server"
border '#include *"compiler/' '^(compiler|stdlib|runtime|server)/' "lang includes compiler"

while read -r lines file; do
  [ "$lines" -le 800 ] || fail "$file has $lines lines; over 800 a wall would help"
done < <(wc -l $sources | grep -v total)

words=$(grep -rnE '\b(TO''DO|FIX''ME|X''XX|HA''CK)\b' $sources stdlib strategies --include='*.cpp' --include='*.h' --include='*.dun' --include='*.sql' | head -5)
[ -z "$words" ] || fail "left open in the code: $words"

for header in $(find lang compiler stdlib runtime server -name '*.h'); do
  head -3 "$header" | grep -qE '^//' || fail "$header does not say what it is for"
done

# A step that a database may have taken never changes; what is to be otherwise is a step of its own, and its line is added here: (cd runtime/migrations && md5sum *.sql >frozen.md5).
changed=$(cd runtime/migrations && md5sum -c --quiet frozen.md5 2>&1) || fail "a migration that stands in frozen.md5 has changed: $changed"
for step in runtime/migrations/*.sql; do
  grep -q "  $(basename "$step")\$" runtime/migrations/frozen.md5 || fail "$step is not in frozen.md5"
done

missing=""
for target in README.md LICENSE CHANGELOG.md CMakePresets.json .clang-format .clang-tidy demo.sh test.sh .ci/run; do [ -e "$target" ] || missing="$missing $target"; done
[ -z "$missing" ] || fail "missing at the root:$missing"

[ "$failures" -eq 0 ] && echo "tidy: $(wc -w <<<"$sources") files, all well"
exit $((failures > 0))
