"""`dunlin doctor` on a database that is in use, and on copies of it that are each damaged in one way.

Environment: as in tests/queue/desk.py.
"""
import json, os, re, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../queue"))
from desk import BUNDLE, CAPPED, SERVER, Client, bare_database, connect, dunlin, import_accounts, new_database, run_all, step

CARDS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../strategies/card_collections")


def doctor(name, *words):
    """(exit code, {name: found} of what is bad, {name: found} of what is good). The test's server is not durable, which is not its damage."""
    done = dunlin(name, "doctor", "--json", *words, check=False)
    findings = [f for f in json.loads(done.stdout)["findings"] if f["name"] != "durable"]
    return done.returncode, {f["name"]: f["found"] for f in findings if not f["good"]}, {f["name"]: f["found"] for f in findings if f["good"]}


def make_used():
    """Accounts, events of two sources, tasks open, held and over, contacts, months of history, a login that reads."""
    name = new_database([(f"D{i // 2}", f"A{i}", 100 + i, 1500 if i % 5 == 0 else 0, "x") for i in range(60)])
    sql = Client(name)
    for i in range(20):
        assert sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', %s, now(), '{\"amount\": 1}')", f"p{i}", f"A{i}") == "accepted"
    step(name)
    for task in sql.lease(n=6)[:4]:
        assert sql.value("select dunlin.complete(%s, %s, 'busy')", task.task, task.epoch) == "accepted"
    step(name)
    import_accounts(name, [("D0", "A0", 0, 0, "x")])
    sql.run("select dunlin.make_month('transition', '2025-01-01')")
    role = f"reads_{name}"
    sql.run(f"create role {role}")
    sql.run("select dunlin.let_read(%s, 'account', 'client', 'x')", role)
    # Something waits for the next step.
    assert sql.value("select dunlin.post_event('bank', 'waits', 'payment', 'account', 'A30', now(), '{\"amount\": 1}')") == "accepted"
    sql.connection.close()
    return name


USED = make_used()


def copy_of(source=None):
    return new_database(None, template=source or USED)


# What is done to the database, under which name doctor says it, and words of what it says.
DAMAGES = {
    "a step is missing in between": ("delete from dunlin.schema_version where number = 12", "schema", "step 12 is missing"),
    "the first step is missing": ("delete from dunlin.schema_version where number = 1", "schema", "step 1 is missing"),
    "the last step is missing": ("delete from dunlin.schema_version where number = (select max(number) from dunlin.schema_version)", "schema", "which it makes, stands already"),
    "no step is noted": ("truncate dunlin.schema_version", "schema", "names no step"),
    "the list of steps is gone": ("drop table dunlin.schema_version", "schema", "did not make"),
    "a step of another build": ("update dunlin.schema_version set checksum = md5('x') where number = 7", "schema", "migration 007"),
    "a newer program": ("insert into dunlin.schema_version (number, name, checksum) values (900, 'later', '')", "schema", "schema 900"),
    "buckets": ("delete from dunlin.bucket where bucket in (5, 6)", "buckets", "2 of the 1024 rows of dunlin.bucket are missing, such as 5, 6"),
    "all event keys": ("truncate dunlin.event_key", "event keys", "count them twice"),
    "one event key": ("delete from dunlin.event_key k using dunlin.event e where e.external_id = 'p7' and k.key = dunlin.event_key_of(e.source, e.external_id, e.instance_id)", "event keys", "1 events are not known by their external id any more"),
    "a key, by its example": ("delete from dunlin.event_key k using dunlin.event e where e.external_id = 'p7' and k.key = dunlin.event_key_of(e.source, e.external_id, e.instance_id)", "event keys", "such as bank p7"),
    "an event that waits": ("delete from dunlin.event where external_id = 'waits'", "inbox", "1 rows of dunlin.inbox"),
    "a case file": ("delete from dunlin.case_file c where case_id in (select dunlin_case from portfolio.account where dunlin_key = 'A41')", "portfolio", "account `A4"),
    "a case file with states": ("delete from dunlin.case_file c where case_id in (select dunlin_case from portfolio.account where dunlin_key = 'A41')", "states", "rows of dunlin.state"),
    "bodies of tasks": ("delete from dunlin.task_body where task = (select min(task::text)::uuid from dunlin.task_open)", "tasks", "1 open tasks have lost their body"),
    "tasks whose body stays": ("delete from dunlin.task_open where task = (select min(task::text)::uuid from dunlin.task_open)", "tasks", "1 open tasks"),
    "a queue that is none": ("update dunlin.task_open set queue = 999 where task = (select min(task::text)::uuid from dunlin.task_open where status = 0)", "tasks", "or their queue"),
    "sources of a version": ("delete from dunlin.bundle_file", "versions", "lost their sources"),
    "no version is active": ("update dunlin.bundle set active = false", "bundle", "none is active"),
    "a reservation without its task": ("update dunlin.task_open set lease_epoch = lease_epoch + 1 where status = 1", "reservations", "contacts are reserved"),
    "a month is gone": ("do $$ begin execute 'drop table dunlin.hand_out_' || to_char(now() at time zone 'UTC' + interval '1 month', 'YYYY_MM'); end $$", "months", "no part hand_out_20"),
    "a task behind its cursor": ("insert into dunlin.queue_head select queue, band, max(seq) from dunlin.task_open where status = 0 and wakes is null and assigned is null group by 1, 2",
                                 "queue cursors", "never handed out"),
    "an entry of the audit is changed": ("alter table dunlin.audit disable trigger all; update dunlin.audit set who = 'nobody' where id = (select max(id) from dunlin.audit); "
                                         "alter table dunlin.audit enable trigger all", "audit", "was changed"),
    "the end of the audit is gone": ("alter table dunlin.audit disable trigger all; delete from dunlin.audit where id = (select max(id) from dunlin.audit); "
                                     "alter table dunlin.audit enable trigger all", "audit", "entries are missing"),
    "a table": ("drop table dunlin.event_key", "event keys", "event_key"),
}

# Rows that are lost, all at once: none of these hides another.
INSTANCE = "(bucket, case_id, instance_id) in (select bucket, case_id, id from dunlin.instance_key where entity = 'account' and key = '{}')"
LOST = {
    "what the version says of a queue": ("delete from dunlin.queue_setting where name = 'errand'", "definitions", "rows of dunlin.queue_setting are missing or otherwise, such as errand"),
    "a queue with open tasks": ("", "tasks", "or their queue"),
    "types of events": ("delete from dunlin.event_type where name = 'payment'", "definitions", "dunlin.event_type"),
    "fields of events": ("delete from dunlin.event_field", "definitions", "dunlin.event_field"),
    "stages": ("delete from dunlin.strategy_stage where name = 'calling'", "definitions", "dunlin.strategy_stage"),
    "a rule says something else": ("update dunlin.rule set name = 'mine'", "definitions", "dunlin.rule"),
    "one state, and one way": (f"delete from dunlin.state where {INSTANCE.format('A11')}; delete from dunlin.transition where {INSTANCE.format('A12')}", "ways", "2 instances have lost"),
    "a wake": ("update dunlin.state set wake_at = now() + interval '1 day' where (bucket, case_id) in (select bucket, case_id from dunlin.case_file where wake_at = 'infinity' limit 1)", "wakes",
               "1 case files sleep longer"),
    "records of steps": ("delete from dunlin.decision", "commits", "the record of their last commit"),
    "the place in line": ("select setval('dunlin.turn', 1)", "places in line", "not given yet"),
    "a number": ("select setval('dunlin.name_id_seq', 1)", "numbers", "dunlin.name_id_seq is at 1"),
}

# The same of objects of the schema.
OBJECTS = {
    "a function is gone": ("drop function dunlin.why(uuid, uuid)", "functions", "missing: dunlin.why(uuid, uuid)"),
    "a function says something else": ("create or replace function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text language sql stable as "
                                       "$$ select null::text $$", "functions", "changed by hand: dunlin.hand_out_refusal(integer, bigint, uuid, timestamp with time zone)"),
    "a function runs as another": ("alter function dunlin.hold_buckets(text, uuid, interval, integer) security invoker", "functions", "dunlin.hold_buckets("),
    "a function is searched elsewhere": ("alter function dunlin.turn_over(boolean) set search_path = public", "functions", "dunlin.turn_over(boolean)"),
    "a second function of one name": ("create function dunlin.turn_over(more int) returns int language sql as 'select 1'", "functions", "not made by dunlin: dunlin.turn_over(integer)"),
    "a trigger is gone": ("drop trigger audit_stays on dunlin.audit", "triggers", "missing: dunlin.audit.audit_stays"),
    "a trigger sleeps": ("alter table dunlin.queue_head disable trigger queue_head_moves", "triggers",
                         "dunlin.queue_head.queue_head_moves (is `dunlin.move_head 7 disabled`, was made `dunlin.move_head 7 enabled`)"),
    "a trigger has another condition": ("drop trigger task_moves on dunlin.task_open; create trigger task_moves before update on dunlin.task_open for each row when (false) "
                                        "execute function dunlin.refuse_move()", "triggers", "changed by hand: dunlin.task_open.task_moves"),
    "a trigger too much": ("create function public.mine() returns trigger language plpgsql as 'begin return null; end'; create trigger mine before insert on dunlin.inbox "
                           "for each row execute function public.mine()", "triggers", "not made by dunlin: dunlin.inbox.mine"),
    "a trigger on a month": ("create function public.of_month() returns trigger language plpgsql as 'begin return null; end'; do $$ begin execute format('create trigger mine before "
                             "insert on dunlin.%I for each row execute function public.of_month()', 'transition_' || to_char(now() at time zone 'UTC', 'YYYY_MM')); end $$", "triggers",
                             "not made by dunlin: dunlin.transition_20"),
    "a rule too much": ("create rule mine as on insert to dunlin.note do instead nothing", "rules", "not made by dunlin: dunlin.note.mine"),
    "an index is gone": ("drop index dunlin.task_open_turn", "indexes", "missing: dunlin.task_open.task_open_turn"),
    "an index of other columns": ("drop index dunlin.inbox_at; create index inbox_at on dunlin.inbox (case_id)", "indexes", "changed by hand: dunlin.inbox.inbox_at"),
    "an index that is not valid": ("update pg_index set indisvalid = false where indexrelid = 'dunlin.task_body_standing'::regclass", "indexes", "changed by hand: dunlin.task_body.task_body_standing"),
    "a unique index too much": ("create unique index mine on dunlin.inbox (seq)", "indexes", "not made by dunlin: dunlin.inbox.mine"),
    "a constraint is gone": ("alter table dunlin.task_open drop constraint task_open_stands", "constraints", "missing: dunlin.task_open.task_open_stands"),
    "a constraint is not what it was": ("alter table dunlin.override drop constraint override_reason_check; alter table dunlin.override add constraint override_reason_check "
                                        "check (reason <> 'x')", "constraints", "changed by hand: dunlin.override.override_reason_check"),
    "a constraint was not looked at": ("alter table dunlin.bulk drop constraint bulk_reason_check; alter table dunlin.bulk add constraint bulk_reason_check check "
                                       "(reason <> '') not valid", "constraints", "dunlin.bulk.bulk_reason_check"),
    "a key is gone": ("alter table dunlin.hand_out drop constraint if exists hand_out_pkey; alter table dunlin.event_key drop constraint event_key_pkey", "constraints",
                      "missing: dunlin.event_key.event_key_pkey"),
    "a column has another type": ("alter table dunlin.note alter column whom type varchar(10)", "columns", "dunlin.note.whom (is `character varying(10) not null`, was made `text not null`)"),
    "a column may be empty": ("alter table dunlin.note alter column body drop not null", "columns", "dunlin.note.body (is `text`, was made `text not null`)"),
    "a column is gone": ("alter table dunlin.quarantine drop column tried_at", "columns", "missing: dunlin.quarantine.tried_at"),
    "a column too much": ("alter table dunlin.inbox add column mine text", "columns", "not made by dunlin: dunlin.inbox.mine"),
    "a default is gone": ("alter table dunlin.task_open alter column seq drop default", "columns", "missing: dunlin.task_open.seq"),
    "a default is another": ("alter table dunlin.task_open alter column returns set default 3", "columns", "dunlin.task_open.returns (is `3`, was made `0`)"),
    "a table loses all in a crash": ("alter table dunlin.note set unlogged", "tables", "dunlin.note (is `r unlogged`, was made `r`)"),
    "a view is gone": ("drop view dunlin.history", "views", "missing: dunlin.history"),
    "a view shows something else": ("create or replace view dunlin.clock_jump as select * from (select null::interval as ahead, null::text as node, null::timestamptz as since) x where false",
                                    "views", "dunlin.clock_jump"),
    "a sequence is gone": ("alter table dunlin.inbox alter column seq drop default; alter table dunlin.event alter column seq drop default; alter table dunlin.contact alter column id "
                           "drop default; drop sequence dunlin.arrival cascade", "sequences", "missing: dunlin.arrival"),
    "a sequence skips": ("alter sequence dunlin.turn increment 7", "sequences", "dunlin.turn (is `S bigint from 1 by 7"),
    "a grant is gone": ("revoke execute on function dunlin.turn_over(boolean) from dunlin_supervisor", "grants", "missing: execute on function dunlin.turn_over(boolean) to dunlin_supervisor"),
    "a grant too much": ("grant execute on function dunlin.fail(text, text, text) to public", "grants", "not made by dunlin: execute on function dunlin.fail(text, text, text) to public"),
    "a table is everybody's": ("grant select on dunlin.api_token to public", "grants", "not made by dunlin: select on dunlin.api_token to public"),
    "row security is off": ("alter table dunlin.task_open disable row level security", "row security", "row security of dunlin.task_open is off"),
    "a reader has no policy": ("do $$ begin execute (select format('drop policy %I on dunlin.contact', 'reading ' || role) from dunlin.reader); end $$", "row security",
                               "has no policy on dunlin.contact"),
    "a policy of a reader that is none": ("create policy \"reading nobody\" on dunlin.contact for select using (true)", "row security", "policy \"reading nobody\" on dunlin.contact"),
    "a policy too much": ("create policy mine on dunlin.task_open for select using (true)", "policies", "not made by dunlin: dunlin.task_open.mine"),
    "a policy too much in the portfolio": ("create policy mine on portfolio.account for select using (true)", "policies", "not made by dunlin: portfolio.account.mine"),
}
# What somebody made for their own use and does no harm.
HARMLESS = """create table dunlin.saved as select * from dunlin.task_open; create index own_index on dunlin.task_done (done_at); create view dunlin.own as select 1 as one;
              create function dunlin.own(text) returns text language sql as 'select $1'"""


def says(found, words):
    """Whether what doctor found has these words; of "missing: x" whether x is among what is missing."""
    for sort in ("missing", "changed by hand", "not made by dunlin"):
        if words.startswith(sort + ": "):
            listed = re.search(f"{sort}: ([^;]*)", found)
            return listed is not None and words[len(sort) + 2 :] in listed[1]
    return words in found


def test_each_object_changed_by_hand_is_named():
    """All at once, since they do not hide each other; a few of them alone, of which nothing else may be said."""
    broken = copy_of()
    sql = Client(broken)
    for damage, _, _ in OBJECTS.values():
        sql.cursor.execute(damage)  # without values: a % is one
    code, bad, _ = doctor(broken)
    assert code == 3
    for what, (_, name, words) in OBJECTS.items():
        assert says(bad.get(name, ""), words), f"{what}: {bad.get(name)} of {sorted(bad)}"
    for what in ("a function says something else", "a trigger sleeps", "an index is gone", "a column has another type", "a grant too much", "row security is off"):
        broken = copy_of()
        sql = Client(broken)
        sql.cursor.execute(OBJECTS[what][0])
        sql.connection.close()
        code, bad, _ = doctor(broken)
        assert code == 3 and list(bad) == [OBJECTS[what][1]], f"{what}: exit {code}, {bad}"


def test_what_somebody_made_beside_it_is_told_and_not_bad():
    own = copy_of()
    Client(own).run(HARMLESS)
    code, bad, good = doctor(own)
    assert not bad, bad
    assert "not made by dunlin: " in good["objects"] and "dunlin.saved" in good["objects"] and "dunlin.task_done.own_index" in good["objects"], good


def test_a_restored_database_is_whole():
    """A server writes some conditions with fewer parentheses once they were read from a dump."""
    restored = bare_database()
    dump = subprocess.run(["pg_dump", "-Fc", f"{SERVER} dbname={USED}"], check=True, capture_output=True).stdout
    subprocess.run(["pg_restore", "--exit-on-error", "-d", f"{SERVER} dbname={restored}"], input=dump, check=True, capture_output=True)
    code, bad, _ = doctor(restored)
    assert not bad, bad


def test_an_object_is_made_again_as_the_guide_says():
    fresh, broken = bare_database(), copy_of()
    dunlin(fresh, "history", "list")
    sql, made = Client(broken), Client(fresh)
    sql.cursor.execute(OBJECTS["a function says something else"][0])
    sql.run("drop index dunlin.task_open_turn; alter table dunlin.task_open disable trigger task_moves; drop trigger audit_stays on dunlin.audit; drop function dunlin.why(uuid, uuid)")
    assert len(doctor(broken)[1]) == 3, doctor(broken)[1]
    for function in ("dunlin.hand_out_refusal(integer, bigint, uuid, timestamp with time zone)", "dunlin.why(uuid, uuid)"):
        sql.cursor.execute(made.value("select pg_get_functiondef(%s::regprocedure)", function))
    dump = subprocess.run(["pg_dump", "-s", "-n", "dunlin", f"{SERVER} dbname={fresh}"], check=True, capture_output=True, text=True).stdout
    for begin in ("CREATE INDEX task_open_turn ", "CREATE TRIGGER audit_stays ", "REVOKE ALL ON FUNCTION dunlin.why(", "GRANT ALL ON FUNCTION dunlin.why("):
        for line in dump.splitlines():
            if line.startswith(begin):
                sql.cursor.execute(line)
    sql.run("alter table dunlin.task_open enable trigger task_moves")
    code, bad, _ = doctor(broken)
    assert not bad, bad


def test_a_database_in_use_is_whole():
    for words in ((), ("--whole",)):
        code, bad, good = doctor(USED, *words)
        assert not bad, bad
        assert good["event keys"].endswith("(25 rows, all looked at)"), good  # 21 posted and 4 outcomes
        assert good["buckets"] == "all 1024 are there", good


def test_months_of_cards_are_whole():
    name = bare_database()
    code, bad, good = doctor(name)
    assert not bad and "not set up yet" in good["schema"], (bad, good)
    dunlin(name, "import", CARDS, "--generate", "300", "--months", "5")
    dunlin(name, "run", CARDS, "--from", "2005-04-28", "--to", "2005-06-15", "--summary")
    for words in ((), ("--whole",)):
        code, bad, good = doctor(name, *words)
        assert not bad, bad
    begin = time.monotonic()
    doctor(name)
    print(f"      doctor took {time.monotonic() - begin:.2f} s")


def test_each_damage_is_named():
    for what, (damage, name, words) in DAMAGES.items():
        broken = copy_of()
        sql = Client(broken)
        sql.run(damage)
        sql.connection.close()
        code, bad, _ = doctor(broken)
        assert code == 3 and words in bad.get(name, ""), f"{what}: exit {code}, {bad}"
        said = dunlin(broken, "doctor", check=False).stdout
        assert any(line.startswith("bad") and words in line for line in said.splitlines()), f"{what}: {said}"
        admin = connect("postgres")
        with admin.cursor() as cursor:
            cursor.execute(f"drop database {broken}")
        admin.close()


def test_each_lost_row_is_named():
    broken = copy_of()
    sql = Client(broken)
    for damage, _, _ in LOST.values():
        if damage:
            sql.run(damage)
    for words in ((), ("--whole",)):
        code, bad, _ = doctor(broken, *words)
        assert code == 3
        for what, (_, name, words) in LOST.items():
            assert words in bad.get(name, ""), f"{what}: {bad.get(name)} of {sorted(bad)}"


def test_lines_of_limits():
    name = new_database([(f"D{i}", f"A{i}", 100 + i, 0, "x") for i in range(5)], bundle=CAPPED)
    assert not doctor(name, "--whole")[1]
    Client(name).run("delete from dunlin.limit_line where strpos(says, '90 days') > 0")
    _, bad, _ = doctor(name)
    assert list(bad) == ["limits"] and "5 open tasks have lost a line of their limits" in bad["limits"], bad


def test_definitions_are_written_again_as_the_guide_says():
    broken = copy_of()
    sql = Client(broken)
    sql.run("delete from dunlin.queue_setting where name = 'call'; delete from dunlin.event_field")
    assert sql.refusal("select dunlin.lease('call', 'anna')")[0] == "DU001"
    assert "dunlin.queue_setting" in doctor(broken)[1]["definitions"]
    dunlin(broken, "run", BUNDLE, "--summary")
    assert "definitions" in doctor(broken)[1], "prepared once"
    sql.run("delete from dunlin.prepared")
    dunlin(broken, "run", BUNDLE, "--summary")
    _, bad, _ = doctor(broken, "--whole")
    assert not bad, bad
    assert len(sql.lease(n=2)) == 2


def test_settings_of_people_are_no_damage():
    own = copy_of()
    Client(own).run("update dunlin.queue_setting set merge = true, returns_max = 7, rate = 5, rate_per = '1 hour', channel = 'phone'; select dunlin.pause_queue('call', 'lunch', 'anna')")
    _, bad, _ = doctor(own)
    assert not bad, bad


def test_a_run_says_that_buckets_are_missing():
    broken = copy_of()
    sql = Client(broken)
    sql.run("delete from dunlin.bucket where bucket in (select bucket from dunlin.inbox)")
    done = dunlin(broken, "run", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../queue/desk"), "--summary", check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 3 and "dunlin.bucket are there" in said and "dunlin doctor" in said, (done.returncode, said)


def test_cursors_are_found_again_as_the_guide_says():
    broken = copy_of()
    sql = Client(broken)
    sql.run(DAMAGES["a task behind its cursor"][0])
    assert not sql.lease(worker="boris", n=5)
    sql.run("delete from dunlin.queue_head")
    assert len(sql.lease(worker="boris", n=5)) == 5
    assert not doctor(broken)[1]


def test_event_keys_are_made_again_as_the_guide_says():
    broken = copy_of()
    sql = Client(broken)
    sql.run("truncate dunlin.event_key")
    sql.run("insert into dunlin.event_key select bucket, dunlin.event_key_of(source, external_id, instance_id) from dunlin.event where external_id <> '' on conflict do nothing")
    _, bad, _ = doctor(broken)
    assert not bad, bad
    assert sql.value("select dunlin.post_event('bank', 'p3', 'payment', 'account', 'A3', now(), '{\"amount\": 1}')") == "duplicate"


if __name__ == "__main__":
    run_all(sys.modules[__name__])
