"""Every SQL function that somebody may call, with arguments that nobody means well by: it succeeds, or refuses in Dunlin's own words (class DU); never an error
of the database's from inside, never a change or a word of what is not the caller's, and the engine goes on.

The functions are those of the catalogue that each role may execute, so a new one is tried by itself. DUNLIN_SEED begins elsewhere; DUNLIN_FUZZ_SECONDS / 3 of it.
"""
import json
import math
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "queue"))
import psycopg2

from desk import SERVER, Client, check_sound, connect, dunlin, new_database, step

SECONDS = min(float(os.environ.get("DUNLIN_FUZZ_SECONDS", "60")) / 3, 300)
SEED = int(os.environ.get("DUNLIN_SEED", "20261122"))
NORTH = [f"N{i}" for i in range(1, 7)]
SOUTH = [f"S{i}" for i in range(1, 7)]
ROWS = [(f"D{k}", k, 100, 40 + n, "North" if k in NORTH else "South") for n, k in enumerate(NORTH + SOUTH)]
BASE = new_database(ROWS)
OTHERS_TEXT = SOUTH + ["D" + key for key in SOUTH]

admin = Client(BASE)
for role in ("arguments_consumer", "arguments_supervisor", "arguments_bound", "arguments_leader", "arguments_reader", "arguments_stranger"):
    if not admin.value("select count(*) from pg_roles where rolname = %s", role):
        admin.run(f"create role {role} login")
admin.run("grant dunlin_consumer to arguments_consumer; grant dunlin_supervisor to arguments_supervisor")
admin.run("""select dunlin.put_workers('[{"worker": "anna", "capacity": "5", "queues": "call"}, {"worker": "bert", "schedule": "5/2 from 9 to 18"}]')""")
admin.run("select dunlin.post_event('bank', 'aside', 'payment', 'account', 'N99', now(), '{\"amount\": 1}')")
admin.run("""select dunlin.campaign_start(jsonb_build_object('name', 'payday', 'entity', 'account', 'queue', 'call', 'from_day', current_date, 'to_day', current_date + 2, 'from_s', 0, 'to_s', 86400,
             'who', 'x', 'reason', 'x'), '[{"nth": 1, "key": "N1"}, {"nth": 2, "key": "S1"}]')""")
admin.connection.close()

ROLES = {  # who, what it is bound to in `setup`, whether South is beyond it
    "arguments_consumer": (None, False),
    "arguments_supervisor": (None, False),
    "arguments_bound": ("select dunlin.let_work('arguments_bound', array['call'], 'account', 'client', '{North}')", True),
    "arguments_leader": ("select dunlin.let_work('arguments_leader', entity => 'account', field => 'client', \"values\" => '{North}', supervise => true)", True),
    "arguments_reader": ("select dunlin.let_read('arguments_reader', 'account', 'client', 'North')", True),
    "arguments_stranger": (None, True),
}

TEXTS = ["", " ", "'", "''; drop table dunlin.bundle; --", '"', "\\", "%", "%s%n", "$1", "{}", "null", "now", "infinity", "a\nb", "x" * 300, "x" * 70_000, "\u202e🦆", "call", "errand", "nothing", "payment", "account", "debtor",
         "promise", "busy", "reached", "call.reached.promises", "refuses", "anna", "bert", "payday", "1", "-1", "worker", "priority", "exclude", "attempt", "conversation", "unknown", "balances", "client", "North", "South", "owed",
         "10:00-14:00", "25:00-26:00", "bank", "aside", "queue", "dunlin approval", "taken", "refused", "2/2 from 07:00 to 19:00 since 2026-01-05"] + NORTH
INSTANTS = ["now", "2026-01-05T12:00:00Z", "1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "4713-01-01T00:00:00Z BC", "294276-12-31T23:59:59Z", "infinity", "-infinity", "2099-12-31T23:59:59.999999Z", "epoch"]
DAYS = ["2026-01-05", "today", "0001-01-01", "4713-01-01 BC", "5874897-12-31", "infinity", "-infinity", "2024-02-29"]
INTERVALS = ["0", "1 second", "-1 second", "10 minutes", "8 hours", "1 year", "100000000 years", "-178000000 years", "2147483647 days", "1 microsecond"]
WHOLE = [0, 1, -1, 2, 3, 7, 100, 1000, 1001, 10**4]
VALUES = ["{}", "[]", "null", "1", "-0.5", '"text"', "[null]", "[1, 2]", "[[]]", "[{}]", '{"amount": 50, "due": "2026-12-24"}', '{"amount": "x"}', '{"amount": 1e400}', '{"amount": -99999999999999999999}', '{"amount": null, "due": []}',
          '{"due": "infinity"}', '{"due": "2026-02-30"}', '{"treatment": {}, "task_identity": "x", "cost": "y"}', '{"reason": "' + "x" * 5000 + '"}', "[" * 200 + "]" * 200]
KEYS = ["task", "epoch", "outcome", "payload", "external_id", "at", "source", "event", "entity", "key", "number", "status", "worker", "name", "head", "schedule", "timezone", "territories", "queues", "capacity", "skills", "tests",
        "active", "queue", "treatment", "priority", "from_day", "to_day", "from_s", "to_s", "per_day", "who", "reason", "file", "nth"]


def read(text):
    """JSON, without figures that have no JSON of their own."""
    return json.loads(text, parse_float=lambda figure: float(figure) if math.isfinite(float(figure)) else 0.5)


class Trial:
    """One role on a database of its own."""

    def __init__(self, role, seed):
        self.role, self.chance = role, random.Random(f"{seed} {role}")
        setup, self.bound = ROLES[role]
        self.name = new_database(None, template=BASE)
        self.owner = Client(self.name)
        if setup:
            self.owner.run(setup)
        self.tasks = {row.task: row.key for row in self.owner.all("select task, key from dunlin.queue")}
        self.functions = self.owner.all(
            """select p.oid::regprocedure::text as what, p.proname as name, p.prokind, coalesce(p.proargnames, '{}') as names, coalesce(p.proargmodes::text[], '{}') as modes, p.pronargdefaults as defaults,
                      array(select t::regtype::text from unnest(p.proargtypes) with ordinality x(t, n) order by n) as types
               from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'dunlin' and has_function_privilege(%s, p.oid, 'execute') order by 1""", role)
        self.calls, self.answers, self.failures = 0, {}, []
        self.login()

    def login(self):
        self.connection = psycopg2.connect(f"{SERVER} dbname={self.name} user={self.role}")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute("set statement_timeout = '20s'; set client_min_messages = error")

    # ---- arguments ----

    def text(self):
        # What a bound caller has written itself may come back to it, so it does not write others' keys where no key is asked for.
        return self.chance.choice(TEXTS + ([] if self.bound else SOUTH) + [str(t) for t in self.tasks])

    def json(self, depth=0):
        if depth == 0 and self.chance.random() < 0.25:
            return self.chance.choice(VALUES)
        kind = self.chance.randrange(7 if depth < 3 else 4)
        if kind == 0:
            made = self.text()
        elif kind == 1:
            made = self.chance.choice(WHOLE + [2**31, 2**63, -(10**30), 0.5, 1e308])
        elif kind == 2:
            made = self.chance.choice([None, True, False])
        elif kind == 3:
            made = self.chance.choice(INSTANTS + DAYS + NORTH + ([] if self.bound else SOUTH))
        elif kind < 6:
            made = {self.chance.choice(KEYS): read(self.json(depth + 1)) for _ in range(self.chance.randrange(7))}
        else:
            made = [read(self.json(depth + 1)) for _ in range(self.chance.randrange(4))]
        if depth == 0 and not isinstance(made, list) and self.chance.random() < 0.4:
            made = [made]
        return json.dumps(made)

    def value(self, kind, name):
        if self.chance.random() < 0.12:
            return None
        if kind == "text":
            near = {"queue": ["call", "call", "errand"], "worker": ["anna", "bert"], "entity": ["account", "debtor"], "key": NORTH + SOUTH, "outcome": ["promise", "busy", "refuses"], "kind": ["worker", "priority", "exclude", "attempt"],
                    "type": ["payment", "promise"], "campaign": ["payday"], "external_id": [f"x{self.chance.randrange(5)}"]}.get(name)
            return self.chance.choice(near) if near and self.chance.random() < 0.6 else self.text()
        if kind == "uuid":
            return str(self.chance.choice([*self.tasks, "00000000-0000-0000-0000-000000000000"]))
        if kind in ("integer", "bigint", "smallint"):
            most = {"integer": 2**31, "bigint": 2**63, "smallint": 2**15}[kind]
            return str(self.chance.choice([n for n in [*WHOLE, 1, 1, most - 1, -most] if -most <= n < most]))
        if kind == "boolean":
            return self.chance.choice(["true", "false"])
        if kind == "timestamp with time zone":
            return self.chance.choice(INSTANTS)
        if kind == "date":
            return self.chance.choice(DAYS)
        if kind == "interval":
            return self.chance.choice(INTERVALS)
        if kind == "jsonb":
            made = self.near(name) if self.chance.random() < 0.7 else None
            return made or self.json()
        if kind == "numeric":
            return self.chance.choice(["0", "1", "-1", "1e400", "NaN", "Infinity"])
        if kind == "text[]":
            return [self.text() for _ in range(self.chance.randrange(4))]
        if kind == "name":
            return self.chance.choice(["arguments_bound", "dunlin", "nobody"])
        raise AssertionError(f"{kind}: the fuzzer has no values of this type yet; add some")

    def near(self, name):
        """What the function would like, with something else in one place or two."""
        chance, key = self.chance, self.chance.choice(NORTH + SOUTH)
        task = str(chance.choice(list(self.tasks)))
        event = {"source": "bank", "external_id": f"e{chance.randrange(9)}", "event": "payment", "entity": "account", "key": key, "at": "2026-01-05T12:00:00Z", "payload": {"amount": 5}}
        whole = {
            "settings": {"name": f"c{chance.randrange(3)}", "entity": "account", "queue": "call", "treatment": "x", "from_day": "2026-11-20", "to_day": "2026-12-24", "from_s": 0, "to_s": 86400, "per_day": 3, "priority": 5, "who": "x",
                         "reason": "x"},
            "cases": [{"nth": 1, "key": key}, {"nth": 2, "key": chance.choice(NORTH)}],
            "rows": [{"worker": "anna", "name": "A", "head": "h", "schedule": "5/2 from 9 to 18", "timezone": "UTC", "territories": "", "queues": "call", "capacity": "5", "skills": "soft 2026-01-10", "tests": "", "active": "yes"}],
            "events": [event],
            "results": [{"task": task, "epoch": 1, "outcome": "busy", "payload": {}, "external_id": "r1", "at": "2026-11-22T10:00:00Z"}],
            "changes": {"key": key, "payload": {"amount": 7}, "at": "2026-01-05T12:00:00Z"},
            "payload": {"amount": 5, "due": "2026-12-24"},
        }.get(name)
        if whole is None:
            return None
        for _ in range(chance.choice([0, 1, 1, 2])):
            item = chance.choice(whole) if isinstance(whole, list) else whole
            at = chance.choice([*item, chance.choice(KEYS)])
            item[at] = read(self.json(chance.choice([0, 1, 2]))) if chance.random() < 0.8 else chance.choice(INSTANTS + DAYS + INTERVALS)
        return json.dumps(whole)

    # ---- a call, and what is judged ----

    def others(self):
        """All that is South's, by the owner: what no call of a bound role may change."""
        return self.owner.value("""select md5(string_agg(x, E'\\n' order by x)) from (
            with south as (select x.dunlin_bucket as bucket, x.dunlin_case as case_id from portfolio.account x where x.client = 'South')
            select 'open ' || t::text as x from dunlin.task_open t join south using (bucket, case_id) union all select 'body ' || t::text from dunlin.task_body t join south using (bucket, case_id)
            union all select 'done ' || t::text from dunlin.task_done t join south using (bucket, case_id) union all select 'contact ' || t::text from dunlin.contact t join south using (bucket, case_id)
            union all select 'event ' || t::text from dunlin.event t join south using (bucket, case_id) union all select 'inbox ' || t::text from dunlin.inbox t join south using (bucket, case_id)
            union all select 'case ' || t::text from dunlin.case_file t join south using (bucket, case_id) union all select 'override ' || t::text from dunlin.override t join south using (bucket, case_id)
            union all select 'closed ' || t::text from dunlin.closed_instance t where t.key like '%%S%%' union all select 'setting ' || t::text from dunlin.queue_setting t union all select 'stop ' || t::text from dunlin.contact_stop t
            union all select 'campaign ' || t::text from dunlin.campaign t union all select 'bound ' || t::text from dunlin.bound_login t union all select 'reader ' || t::text from dunlin.reader t
            union all select 'token ' || t::text from dunlin.api_token t union all select 'bundle ' || t.number || t.active from dunlin.bundle t) y""")

    def fail(self, what):
        if len(self.failures) < 12:
            print(f"FAIL  {self.role}: {what}"[:1500], flush=True)
        self.failures.append(what)

    def call(self, function):
        taken = [n for n, mode in zip(function.names, function.modes) if mode in "iv"] if function.modes else list(function.names)
        taken = taken[: len(function.types)]
        words, values = [], []
        for place, (name, kind) in enumerate(zip(taken, function.types)):
            if place >= len(function.types) - function.defaults and self.chance.random() < 0.5:
                continue
            words.append(f'"{name}" => %s::{kind}')
            values.append(self.value(kind, name))
        shown = f"{function.name}({', '.join(f'{w.split()[0]} => {str(v)[:200]!r}' for w, v in zip(words, values))})"
        before = self.others() if self.bound else None
        given = json.dumps(values, default=str)
        try:
            self.cursor.execute(f"select r::text from dunlin.{function.name}({', '.join(words)}) r", values)
            rows = [str(row[0]) for row in self.cursor.fetchall()]
            code = "success"
            if self.bound:
                seen = [key for key in OTHERS_TEXT if any(f"{sign}{key}{end}" in row for row in rows for sign in ('"', ",", "(", " ") for end in ('"', ",", ")", " ")) and key not in given]
                if seen:
                    self.fail(f"{shown} shows {seen}: {rows[:3]}")
        except psycopg2.Error as error:
            code = error.pgcode or "lost"
            if self.connection.closed:
                self.fail(f"{shown} broke the connection: {error}")
                self.login()
            elif not code.startswith("DU"):
                self.fail(f"{shown} ended with {code}: {error.diag.message_primary} [{(error.diag.context or '').splitlines()[0] if error.diag.context else ''}]")
            elif not error.diag.message_primary:
                self.fail(f"{shown} refuses without a word")
            elif self.bound and any(f"`{key}`" in (error.diag.message_primary + (error.diag.message_hint or "")) and key not in given for key in OTHERS_TEXT):
                self.fail(f"{shown} names what is not theirs: {error.diag.message_primary}")
        if self.bound and self.others() != before:
            self.fail(f"{shown} changed what is not theirs ({code})")
        self.calls += 1
        self.answers[code] = self.answers.get(code, 0) + 1
        return code

    def leave_the_scope(self):
        """A bound login cannot widen what it was given by settings of its own."""
        for statement in ("set dunlin.scope = ''", "set dunlin.scope = '{}'", "set session dunlin.scope = '{\"queues\": [\"errand\"]}'"):
            self.cursor.execute(statement)
        self.cursor.execute("select key from dunlin.lease('call', 'arguments', 50)")
        keys = {row[0] for row in self.cursor.fetchall()}
        if not keys <= set(NORTH):
            self.fail(f"after setting dunlin.scope itself it leased {keys}")
        if not keys:
            self.fail("a bound login got none of its own tasks")
        for statement in ("select * from dunlin.task_open", "select * from dunlin.queue", "select * from dunlin.bound_login", "select dunlin.let_work('arguments_bound', '{call}')", "select * from dunlin.may_contact_within(gen_random_uuid())",
                          "select dunlin.stop_working('arguments_bound')", "select dunlin.enter()", "select dunlin.put_guard('lease')", "update dunlin.bound_login set scope = '{}'", "select dunlin.pause_queue('call', 'x')"):
            try:
                self.cursor.execute(statement)
                self.fail(f"{statement} was not refused")
            except psycopg2.Error as error:
                if error.pgcode != "42501":
                    self.fail(f"{statement} ended with {error.pgcode}")

    def change_who_it_is(self):
        """Neither a member of a bound login nor the login under another name works with what was given; and no login is bound through others."""
        refused = lambda name, statement: self.owner.run(f"set session authorization {name}") or (self.owner.refusal(statement)[0], self.owner.run("reset session authorization"))[0]
        self.owner.run("create role arguments_member; grant arguments_bound to arguments_member; create role arguments_group; grant arguments_group to arguments_stranger")
        try:
            for statement in ("select * from dunlin.lease('call', 'member', 5)", "select dunlin.post_event('bank', 'm1', 'payment', 'account', 'N1', now(), '{\"amount\": 1}')"):
                if (code := refused("arguments_member", statement)) != "DU037":
                    self.fail(f"a member of a bound login: {statement} ended with {code}")
            if (code := self.owner.refusal("select dunlin.let_work('arguments_bound', '{call}', who => 'x'); select dunlin.let_work('arguments_group', '{call}')")[0]) != "DU034":
                self.fail(f"a group was bound: {code}")
            self.owner.run("alter role arguments_bound rename to arguments_renamed")
            try:
                if (code := refused("arguments_renamed", "select * from dunlin.lease('call', 'renamed', 5)")) != "DU037":
                    self.fail(f"under another name: {code}")
            finally:
                self.owner.run("alter role arguments_renamed rename to arguments_bound")
        finally:
            self.owner.run("drop role arguments_member; drop role arguments_group")

    def afterwards(self):
        """The engine goes on, and the queues are sound."""
        self.connection.close()
        check_sound(self.owner)
        if not self.owner.value("select good from dunlin.audit_verify()"):
            self.fail("the audit is broken")
        done = dunlin(self.name, "run", os.path.join(HERE, "..", "queue", "desk"), "--json", check=False)
        if done.returncode != 0:
            self.fail(f"the engine does not go on: {done.stdout[-500:]}{done.stderr[-500:]}")
        elif json.loads(done.stdout).get("faults"):
            self.fail(f"case files can be stepped no more: {done.stdout[-800:]}")
        self.owner.connection.close()


def main():
    # What each may call: the catalogue says, not this file.
    trials = [Trial(role, SEED) for role in ROLES]
    by_role = {trial.role: {function.name for function in trial.functions} for trial in trials}
    for trial in trials:
        print(f"{trial.role}: {len(trial.functions)} functions", flush=True)
        odd = [function.what for function in trial.functions if function.prokind != "f"]
        assert not odd, odd
    assert {"lease", "complete", "post_event"} <= by_role["arguments_bound"] < by_role["arguments_leader"], by_role["arguments_bound"]
    assert "pause_queue" not in by_role["arguments_leader"] and "put_workers" not in by_role["arguments_consumer"] and len(by_role["arguments_supervisor"]) > 25
    assert not by_role["arguments_reader"] and not by_role["arguments_stranger"], (by_role["arguments_reader"], by_role["arguments_stranger"])
    for trial in trials:
        if trial.role in ("arguments_bound", "arguments_leader"):
            trial.leave_the_scope()
        if trial.role == "arguments_bound":
            trial.change_who_it_is()
    end = time.time() + SECONDS
    callers = [trial for trial in trials if trial.functions]
    rounds = 0
    while time.time() < end or rounds < 3:
        rounds += 1
        for trial in callers:
            for function in trial.chance.sample(trial.functions, len(trial.functions)):
                trial.call(function)
    for trial in trials:
        trial.afterwards()
        print(f"{trial.role}: {trial.calls} calls, " + ", ".join(f"{code} {count}" for code, count in sorted(trial.answers.items())))
        codes = set(trial.answers)
        if trial.calls and ("success" not in codes or len(codes) < 4):
            trial.fail(f"nothing much was tried: {codes}")
    failed = sum(len(trial.failures) for trial in trials)
    print(f"{sum(trial.calls for trial in trials)} calls (seed {SEED}), {failed} failures")
    sys.exit(1 if failed else 0)


main()
