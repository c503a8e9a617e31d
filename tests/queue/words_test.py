"""A version calls outcomes otherwise, or has events that another one does not have. Limits go on counting what was a contact, nothing that is told is swallowed, and a
recorded step is taken again as it was."""
import os
import shutil
import tempfile

from desk import CAPPED, HERE, Client, dunlin, new_database, run_all

ROWS = [(f"D{i}", f"A{i}", 100 * i, 10 * i, "North") for i in range(1, 7)]
FOLDER = tempfile.mkdtemp(prefix="dunlin_words_")


def changed(name, *pairs):
    """The bundle under limits with some of its text replaced."""
    folder = os.path.join(FOLDER, name)
    if not os.path.isdir(folder):
        shutil.copytree(CAPPED, folder)
        path = os.path.join(folder, "capped.dun")
        with open(path) as file:
            text = file.read()
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        with open(path, "w") as file:
            file.write(text)
    return folder


DAILY = changed("daily", ("call at most 1 in any 30 days per debtor", "call at most 1 per day per debtor"))
RENAMED = changed("renamed", ("call at most 1 in any 30 days per debtor", "call at most 1 per day per debtor"), ("missed  { busy, no_answer }", "unreached { busy, no_answer }"))
REFUNDS = changed("refunds", ("call at most 1 in any 30 days per debtor", "call at most 1 per day per debtor"), ("event payment of account { amount : money }", "event payment of account { amount : money }\nevent refund of account { amount : money }"),
                  ("    on promise : note", "    on refund : go settled\n    on promise : note"))
RETYPED = changed("retyped", ("call at most 1 in any 30 days per debtor", "call at most 1 per day per debtor"), ("event payment of account { amount : money }", "event payment of account { amount : text }"),
                  ("on payment where amount >= 100", "on payment where amount = \"100\""))
RENAMED_FIELD = changed("renamed_field", ("call at most 1 in any 30 days per debtor", "call at most 1 per day per debtor"), ("event payment of account { amount : money }", "event payment of account { value : money }"),
                        ("on payment where amount >= 100", "on payment where value >= 100"))
# A queue, and an event that has its name and is no outcome.
PHONE = (("call at most 1 in any 30 days per debtor", "phone at most 1 per day per debtor"), ("call at most 2 in any 90 days", "phone at most 2 in any 90 days"), ("queue call {", "queue phone {"),
         ("keep call \"script\"", "keep phone \"script\""))
NUMBERS = changed("numbers", *PHONE, ("event payment of account { amount : money }", "event payment of account { amount : money }\nevent phone of account { number : text }"))
NO_NUMBERS = changed("no_numbers", *PHONE)


def fresh(bundle=DAILY):
    name = new_database(ROWS, bundle=bundle)
    return name, Client(name)


def apply(name, bundle, *words, check=True):
    return dunlin(name, "apply", bundle, "--reason", "other words", "--yes", *words, check=check)


def night(name, bundle):
    return dunlin(name, "run", bundle, "--summary").stdout


def aside(sql):
    return sql.all("select kind, location, reason, body from dunlin.quarantine where resolved_at is null order by id")


def held(sql, keys):
    """Which of these accounts a hand-out gives now."""
    return sorted(row.key for row in sql.lease(worker="zed", n=40) if row.key in keys)


def test_a_renamed_outcome_counts():
    name, sql = fresh()
    tasks = sql.lease(n=3)
    keys = [row.key for row in tasks]
    for row in tasks[:2]:
        sql.run("select dunlin.complete(%s, %s, 'busy')", row.task, row.epoch)
    night(name, DAILY)
    sql.run("select dunlin.complete(%s, %s, 'busy')", tasks[2].task, tasks[2].epoch)  # nobody reads it before the words change
    told = apply(name, RENAMED).stdout
    assert "limits go on counting it as some `call`" in told and "WIDER" not in told, told
    assert held(sql, keys) == [], "before any step"
    summary = night(name, RENAMED)
    assert "in words that this version does not have, and kept in table dunlin.quarantine: 1 event" in summary, summary
    assert held(sql, keys) == [], "all had their call of the day"
    # What was not read has gone nowhere.
    (kind, where, reason, _), = aside(sql)
    assert (kind, where) == ("event", f"account {keys[2]}") and "no event `call.missed.busy`" in reason, (where, reason)
    assert not sql.all("select * from dunlin.inbox")
    shown = dunlin(name, "explain", RENAMED, keys[2]).stdout
    assert "no event `call.missed.busy`" in shown, shown
    # It stays there while the version has other words, and comes back with those that it was told in.
    assert "1 still set aside" in dunlin(name, "import", "replay").stdout
    apply(name, DAILY)
    night(name, DAILY)
    assert "1 events taken" in dunlin(name, "import", "replay").stdout
    night(name, DAILY)
    assert aside(sql) == []
    assert sql.value("select count(*) from dunlin.event e join dunlin.event_type t on t.id = e.type where t.name = 'call.missed.busy'") == 3
    assert held(sql, keys) == []
    dunlin(name, "replay", "--decisions")


def test_words_of_another_version_are_none():
    name, sql = fresh()
    one, two = sql.lease(n=2)
    sql.run("select dunlin.complete(%s, %s, 'busy')", one.task, one.epoch)
    night(name, DAILY)
    apply(name, RENAMED)
    night(name, RENAMED)
    # A repetition is one, in whatever words; a new outcome is one of the version.
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", one.task, one.epoch) == "duplicate"
    assert sql.value("select dunlin.complete(%s, %s, 'missed.busy')", one.task, one.epoch) == "duplicate"
    code, message, hint = sql.refusal("select dunlin.complete(%s, %s, 'missed.busy')", two.task, two.epoch)
    assert code == "DU020" and "in the version that is active now" in message and "unreached.busy" in hint and "missed" not in hint, (code, message, hint)
    assert sql.value("select dunlin.complete(%s, %s, 'busy')", two.task, two.epoch) == "accepted"
    assert sql.value("select d.outcome from dunlin.task_done d where d.task = %s", two.task) == "call.unreached.busy"
    # A machine that still tells it otherwise is not lost; what came before is known.
    post = "select dunlin.post_event(%s, %s, 'call.missed.busy', 'account', %s, now(), '{}')"
    assert sql.value(post, "dialler", "x1", one.key) == "set_aside"
    assert sql.value(post, "dialler", "x1", one.key) == "duplicate"
    assert sql.value(post, "queue", f"{one.task}:{one.epoch}", one.key) == "duplicate"
    assert len(aside(sql)) == 1
    # An agency's contact in such words counts by its channel.
    other = next(key for key in ("A1", "A2", "A3") if key not in (one.key, two.key))
    sql.run("select dunlin.record_contact('agency', 'c1', 'account', %s, 'call', now(), 'attempt', null, null, 'call.missed.busy')", other)
    night(name, RENAMED)
    assert held(sql, [one.key, two.key, other]) == []
    dunlin(name, "replay", "--decisions")


def test_an_event_of_a_version_to_come():
    name, sql = fresh()
    path = os.path.join(FOLDER, "refund.csv")
    with open(path, "w") as file:
        file.write("event,key,at,id,source,amount\nrefund,A3,2026-01-02T10:00:00Z,r1,bank,10.50\n")
    assert "1" in dunlin(name, "import", "events", REFUNDS, path).stdout
    assert "1 event" in night(name, DAILY)
    (kind, where, reason, body), = aside(sql)
    assert (kind, where) == ("event", "account A3") and "no event `refund`" in reason and "10.50" in body, (where, reason, body)
    apply(name, REFUNDS)
    assert "1 events taken" in dunlin(name, "import", "replay").stdout
    night(name, REFUNDS)
    assert sql.value("""select g.name from dunlin.state s join dunlin.name g on g.id = s.stage join dunlin.instance_key k
        on k.bucket = s.bucket and k.case_id = s.case_id and k.id = s.instance_id where k.key = 'A3'""") == "soft.settled"
    assert aside(sql) == []


def test_a_field_of_another_type():
    name, sql = fresh()
    # Nobody has told of one yet: it may change.
    assert "`amount` was money and is text" in dunlin(name, "plan", RETYPED).stdout
    sql.run("select dunlin.post_event('bank', 'p1', 'payment', 'account', 'A1', now(), '{\"amount\": 5}')")
    night(name, DAILY)
    for words in (["plan", RETYPED], ["apply", RETYPED, "--reason", "x", "--yes"]):
        done = dunlin(name, *words, check=False)
        assert done.returncode != 0 and "`payment.amount` is text in the bundle, but events are kept that hold it as money" in done.stderr, (words, done)
    assert "0 cases set aside" in night(name, DAILY)
    assert aside(sql) == []
    # Nor may it come back as something else, as long as the event is kept; under its own type it may.
    apply(name, RENAMED_FIELD)
    night(name, RENAMED_FIELD)
    done = dunlin(name, "apply", RETYPED, "--reason", "x", "--yes", check=False)
    assert done.returncode != 0 and "`payment.amount` is text in the bundle, but events are kept that hold it as money" in done.stderr, done
    assert "lacks the field `value`" in sql.refusal("select dunlin.post_event('bank', 'p2', 'payment', 'account', 'A1', now(), '{\"amount\": 5}')")[1]
    code, _, hint = sql.refusal("select dunlin.post_event('bank', 'p2', 'payment', 'account', 'A1', now(), '{\"amount\": 5, \"value\": 5}')")
    assert code == "DU022" and hint == "Fields: value.", (code, hint)
    apply(name, DAILY)
    assert "0 cases set aside" in night(name, DAILY)


def test_a_field_that_nothing_holds():
    name, _ = fresh()
    apply(name, RENAMED_FIELD)
    apply(name, RETYPED)
    assert "0 cases set aside" in night(name, RETYPED)


def test_an_event_that_is_no_outcome_is_no_contact():
    name, sql = fresh(NUMBERS)
    sql.run("select dunlin.post_event('bank', 'n1', 'phone', 'account', 'A1', now(), '{\"number\": \"5\"}')")
    night(name, NUMBERS)
    told = apply(name, NO_NUMBERS).stdout
    assert "rules do not see what was read under this name" in told and "limits" not in told.split("rules do not see")[1].split("\n")[0], told
    night(name, NO_NUMBERS)
    assert "A1" in [row.key for row in sql.lease("phone", worker="zed", n=40)]
    # Nor is it offered any more.
    _, _, hint = sql.refusal("select dunlin.post_event('bank', 'n2', 'phonecall', 'account', 'A1', now(), '{}')")
    assert "payment" in hint and "phone" not in hint, hint


def test_what_cannot_be_read_is_counted_and_resolved():
    name, sql = fresh()
    sql.run("select dunlin.post_event('bank', 'p1', 'payment', 'account', 'A1', now(), '{\"amount\": 5}')")
    night(name, DAILY)
    sql.run("update dunlin.event set payload = '{\"amount\": \"five\"}' where external_id = 'p1'")
    sql.run("update dunlin.case_file set wake_at = '2000-01-01' where (bucket, case_id) in (select bucket, case_id from dunlin.event where external_id = 'p1')")
    assert "1 cases set aside" in night(name, DAILY)
    assert [row.kind for row in aside(sql)] == ["case"]
    # Released too early it is set aside again; mended and stepped it is done with.
    again = "select dunlin.step_again('account', 'A1', 'greta')"
    sql.run(again)
    assert "1 cases set aside" in night(name, DAILY)
    assert [row.kind for row in aside(sql)] == ["case", "case"]
    sql.run("update dunlin.event set payload = '{\"amount\": 5}' where external_id = 'p1'")
    sql.run(again)
    assert "0 cases set aside" in night(name, DAILY)
    assert aside(sql) == []


if __name__ == "__main__":
    try:
        run_all(__import__("__main__"))
    finally:
        shutil.rmtree(FOLDER)
