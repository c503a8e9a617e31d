#!/usr/bin/env bash
# scripts/tour.sh [DUNLIN]: a newcomer's way through Dunlin, from an empty folder to an audit: start a server, load a portfolio, apply a bundle, lease a task
# with curl, post its outcome, change a rule, plan, apply, watch the task list change, roll back, read the audit. Every step checks what came of it, so this
# is also a test. Needs curl, python3 and a built dunlin; leaves nothing behind.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dunlin=${1:-}
for found in "$top/build/release/dunlin" "$top/build/dev/dunlin" "$(command -v dunlin || true)"; do [ -n "$dunlin" ] || { [ -x "$found" ] && dunlin=$found; }; done
[ -n "$dunlin" ] || { echo "no dunlin was found; build it first (scripts/build.sh dev dunlin)" >&2; exit 3; }
export DUNLIN_STDLIB=${DUNLIN_STDLIB:-$top/stdlib}
work=$(mktemp -d)
chmod 755 "$work"  # a private database that root starts runs as the user postgres
export DUNLIN_DATA=$work/database
unset DUNLIN_DATABASE
server=
leave() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap leave EXIT
say() { printf '\n== %s\n' "$*"; }
die() { echo "tour: $*" >&2; tail -20 "$work/server.log" >&2 || true; exit 1; }

say "A bundle: who owes is written to, then called"
mkdir "$work/bundle"
cat >"$work/bundle/tour.dun" <<'DUN'
bundle tour "A first bundle" { timezone Europe/Warsaw, currency PLN, calendar none, day starts 06:00 }
entity account {
  key id        : text
  holder        : text personal
  overdue       : money
  overdue_since : date?
  dpd           = days(overdue_since, today) default 0
}
outcomes call of account { promises (amount : money, due : date), refuses, no_answer }
queue mail { cost 2 }
queue call { outcomes call, cost 12, lease 10 minutes }
strategy soft "Soft collection" for account {
  enrol when dpd > 0 and overdue > 0
  when overdue <= 0 : go cured
  stage letters {
    on entry : mail "reminder"
    when dpd > 10 : go calling
  }
  stage calling {
    keep call "script" while overdue > 0 { priority { late: dpd } }
    on call.promises : go promised
  }
  stage promised { after 14 days : go calling }
  final stage cured { enrol again when dpd > 0 and overdue > 0 }
}
DUN
"$dunlin" check "$work/bundle"

say "A portfolio: six invented accounts, imported"
today=2026-03-20
cat >"$work/accounts.csv" <<'CSV'
id,holder,overdue,overdue_since
A1,Invented Anna,1200.00,2026-03-01
A2,Invented Bruno,300.00,2026-03-12
A3,Invented Celia,0.00,
A4,Invented Dario,90.00,2026-03-15
A5,Invented Emma,2500.00,2026-02-20
A6,Invented Fritz,700.00,2026-03-13
CSV
cat >"$work/accounts.toml" <<'TOML'
[[entity]]
name = "account"
key = "{id}"
[entity.fields]
holder = "{holder}"
overdue = "{overdue}"
overdue_since = "{overdue_since}"
TOML
"$dunlin" import "$work/bundle" "$work/accounts.csv" --mapping "$work/accounts.toml" --as-of $today

say "Tokens: one that may change strategies, one that works tasks, one that audits"
admin=$("$dunlin" token create --role administrator --name head 2>/dev/null)
anna=$("$dunlin" token create --role operator --name anna 2>/dev/null)
auditor=$("$dunlin" token create --role auditor --name aud 2>/dev/null)

say "The server, on a free port, its clock set to the morning of $today"
"$dunlin" serve --port 0 --clock ${today}T06:00:00Z --set engine.poll_ms=200 2>"$work/server.log" &
server=$!
for _ in $(seq 300); do
  url=$(sed -n 's/.*"url":"\([^"]*\)".*/\1/p' "$work/server.log" | head -1)
  [ -z "$url" ] || break
  kill -0 $server 2>/dev/null || die "the server ended"
  sleep 0.2
done
[ -n "$url" ] || die "the server did not start"
echo "$url"
get() { curl -fsS -H "Authorization: Bearer $1" "$url$2"; }
post() { curl -sS -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d "$3" "$url$2"; }
field() { python3 -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
bundle_json() { python3 -c "
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
print(json.dumps({'files': [{'path': f.name, 'text': f.read_text()} for f in sorted(folder.iterdir())], 'reason': sys.argv[2]}))" "$work/bundle" "$1"; }
plan_json() { bundle_json "" | python3 -c "import json,sys; d=json.load(sys.stdin); del d['reason']; print(json.dumps(d))"; }
# Waits until the shell command in \$2 prints \$1.
until_it_says() {
  for _ in $(seq 150); do
    [ "$(eval "$2")" = "$1" ] && return 0
    sleep 0.2
  done
  die "waited for \`$1\`, but $2 says \`$(eval "$2")\`"
}

say "Apply the bundle through the API"
post "$admin" /v1/bundles/apply "$(bundle_json 'the first version')" | field "'version', d['version'], 'active:', d['activated']"
calls() { get "$admin" '/v1/tasks?queue=call' | field "' '.join(sorted(t['key'] for t in d['items']))"; }
until_it_says "A1 A5" calls
echo "tasks in the queue of calls: $(calls)"

say "Anna leases the most urgent call and posts its outcome"
leased=$(post "$anna" /v1/queues/call/lease '{"n": 1}')
task=$(echo "$leased" | field "d['items'][0]['task']"); epoch=$(echo "$leased" | field "d['items'][0]['epoch']"); who=$(echo "$leased" | field "d['items'][0]['key']")
[ "$who" = A5 ] || die "A5 is latest and should come first, not $who"
post "$anna" "/v1/tasks/$task/complete" "{\"epoch\": $epoch, \"outcome\": \"promises\", \"payload\": {\"amount\": 500, \"due\": \"2026-03-30\"}}"
echo
until_it_says soft.promised "get '$admin' /v1/accounts/A5 | field \"d['stage']\""
echo "$who promised: $(get "$admin" /v1/accounts/A5 | field "d['stage']")"
until_it_says "A1" calls

say "A rule changes: calls begin after five days instead of ten. The plan tells what that does"
sed -i 's/when dpd > 10 : go calling/when dpd > 5 : go calling/' "$work/bundle/tour.dun"
plan=$(post "$admin" /v1/bundles/plan "$(plan_json)")
echo "$plan" | field "[(m['from'], m['to'], m['count']) for m in d['portfolio']['stages']], 'calls created:', sum(t['count'] for t in d['portfolio']['tasks'] if t['queue'] == 'call')"
[ "$(echo "$plan" | field "sum(m['count'] for m in d['portfolio']['stages'])")" = 2 ] || die "the plan should move A2 and A6"

say "Apply it; the task list changes"
post "$admin" /v1/bundles/apply "$(bundle_json 'calls five days earlier')" | field "'version', d['version']"
until_it_says "A1 A2 A6" calls
echo "tasks in the queue of calls: $(calls)"

say "Roll back"
post "$admin" /v1/bundles/rollback '{"reason": "too many calls"}' | field "'version', d['version']"
until_it_says 1 "get '$admin' /v1/bundles | field \"[v['version'] for v in d['items'] if v['active']][0]\""

say "What an account looks like to somebody without the right to personal data"
get "$auditor" /v1/accounts/A1 | field "d['fields']"
[ "$(get "$auditor" /v1/accounts/A1 | field "d['fields']['holder']")" = '***' ] || die "a personal field was not masked"

say "The audit"
get "$auditor" /v1/audit | field "'\n'.join(f\"{e['id']} {e['who']}: {e['action']} {(e['detail'] or {}).get('reason', '')}\" for e in d['items'])"
"$dunlin" audit verify
kill -TERM $server
wait $server || die "the server did not end well"
server=
echo
echo "tour: done"
