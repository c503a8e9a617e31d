"""Overrides of a stage: a supervisor moves an account, once or until a day. What the step makes of it is worked out here from the rules of the bundle, and is
the same whether those case files are stepped that woke, natively, or all, interpreted, and again from the record."""
import datetime
import json
import os
import random

from desk import HERE, Client, dunlin, import_accounts, new_database, run_all

STAGED = os.path.join(HERE, "staged")
ROWS = [(f"D{i}", f"A{i}", 100 * i, 10 * i, "North") for i in range(1, 9)]
UTC = datetime.timezone.utc


START = datetime.datetime.now(UTC)


def at(days):
    return START + datetime.timedelta(days=days)


def fresh(rows=ROWS):
    name = new_database(rows, bundle=STAGED)
    return name, Client(name)


def night(name, days=0, *words):
    """A night so many days from now."""
    dunlin(name, "run", STAGED, "--summary", *(["--clock", at(days).strftime("%Y-%m-%d %H:%M:%S")] if days else []), *words)


def stage(sql, key):
    return sql.value("""select n.name from dunlin.state s join dunlin.name n on n.id = s.stage join dunlin.instance_key k
        on k.bucket = s.bucket and k.case_id = s.case_id and k.id = s.instance_id where k.entity = 'account' and k.key = %s""", key)


def put(sql, key, to, until=None, reason="agreed with her lawyer", who="greta"):
    return sql.value("select dunlin.set_override('account', %s, 'stage', %s, %s, %s, who => %s)", key, to, until, reason, who)


def no(sql, key, to, until=None, reason="because"):
    return sql.refusal("select dunlin.set_override('account', %s, 'stage', %s, %s, %s)", key, to, until, reason)


def post(sql, key, event, nth, when=None):
    assert sql.value("select dunlin.post_event('test', %s, %s, 'account', %s, %s)", nth, event, key, when or at(0)) == "accepted"


def urgency(sql, name, **figures):
    rows = [(f"D{key[1:]}", key, owed, urgent, "North") for key, (owed, urgent) in figures.items()]
    import_accounts(name, rows, STAGED)


def test_moves_once():
    name, sql = fresh()
    assert stage(sql, "A1") == "soft.calling"
    number = put(sql, "A1", "talks")
    assert stage(sql, "A1") == "soft.calling", "the step moves it, and nobody else"
    night(name)
    assert stage(sql, "A1") == "soft.talks"
    # What the stage asks for is there, what the other one asked for is not.
    queues = sql.all("""select s.name from dunlin.task_open o join dunlin.queue_setting s on s.queue = o.queue join dunlin.instance_key k on k.id = o.instance_id
        where k.key = 'A1'""")
    assert [q[0] for q in queues] == ["talk"], queues
    assert not sql.all("select * from dunlin.override where lifted_at is null"), "a move for once does not stand"
    told = sql.one("select who, detail from dunlin.audit where action = 'override' order by id desc limit 1")
    assert told.who == "greta" and told.detail["before"] == "soft.calling" and told.detail["after"] == "soft.talks" and told.detail["override"] == number, told
    # Its timers run from then on.
    night(name, 2)
    assert stage(sql, "A1") == "soft.talks"
    night(name, 4)
    assert stage(sql, "A1") == "soft.calling"
    shown = dunlin(name, "explain", STAGED, "A1", "--at", at(5).isoformat()).stdout
    assert "override of the stage" in shown, shown
    dunlin(name, "replay", "--decisions")


def test_what_stands_keeps_it():
    name, sql = fresh()
    number = put(sql, "A2", "talks", at(20))
    night(name)
    urgency(sql, name, A2=(200, 950), A3=(300, 950))
    night(name)
    assert stage(sql, "A2") == "soft.talks" and stage(sql, "A3") == "soft.urgent", "a condition does not take it out"
    why = sql.all("select what, this from dunlin.why((select o.task from dunlin.task_open o join dunlin.instance_key k on k.id = o.instance_id where k.key = 'A2'), null) where what = 'override'")
    assert why and "stage soft.talks until" in why[0].this and "agreed with her lawyer" in why[0].this, why
    post(sql, "A2", "dispute", "d1")
    night(name)
    assert stage(sql, "A2") == "soft.talks", "nor does an event"
    assert sql.value("select count(*) from dunlin.note where body = 'disputed'") == 1, "whose other actions run"
    night(name, 5)
    assert stage(sql, "A2") == "soft.talks", "nor a timer"
    # The last instant of the override wakes the case file by itself.
    wake = sql.value("select f.wake_at from dunlin.case_file f join dunlin.instance_key k using (bucket, case_id) where k.key = 'A2'")
    until = sql.value("select until from dunlin.override where id = %s", number)
    assert wake <= until, (wake, until)
    night(name, 21)
    assert stage(sql, "A2") == "soft.urgent"
    dunlin(name, "replay", "--decisions")


def test_the_end_is_not_kept_back():
    name, sql = fresh()
    put(sql, "A2", "talks", at(20))
    night(name)
    urgency(sql, name, A2=(0, 950))
    night(name)
    assert stage(sql, "A2") == "soft.settled"


def test_lifted_and_replaced():
    name, sql = fresh()
    urgency(sql, name, A2=(200, 950))
    first = put(sql, "A2", "talks", at(20))
    night(name)
    assert stage(sql, "A2") == "soft.talks", "the order comes before what the rules make of the new figure"
    second = put(sql, "A2", "talks", at(20))
    assert second != first and sql.value("select lifted_at is not null from dunlin.override where id = %s", first)
    night(name)
    assert stage(sql, "A2") == "soft.talks"
    sql.run("select dunlin.lift_override(%s, 'greta')", second)
    told = sql.value("select detail from dunlin.audit where action = 'lift override' order by id desc limit 1")
    assert told["before"]["value"] == "soft.talks" and told["override"] == second, told
    night(name)
    assert stage(sql, "A2") == "soft.urgent", "lifted: the rules go on"
    assert sql.refusal("select dunlin.lift_override(%s)", second)[0] == "DU034"


def test_refusals():
    name, sql = fresh(ROWS + [("D9", "A9", 0, 1, "North")])
    code, message, hint = no(sql, "A1", "negotiation")
    assert code == "DU034" and "soft.negotiation" in message and "calling" in hint and "talks" in hint, (code, message, hint)
    assert no(sql, "A1", "other.waiting")[0] == "DU002"
    code, message, _ = no(sql, "A9", "talks")
    assert code == "DU002" and "in no strategy" in message, message
    assert no(sql, "A0", "talks")[0] == "DU034"
    assert no(sql, "A1", "talks", at(-1))[0] == "DU002"
    assert no(sql, "A1", "talks", reason="")[0] == "DU002"
    assert no(sql, "A1", None)[0] == "DU002"
    assert sql.refusal("select dunlin.set_override('account', 'A1', 'stage', 'talks', null, 'x', 'call')")[0] == "DU002"
    assert sql.refusal("select dunlin.set_override('account', 'A1', 'exclude', null, null, 'x')")[0] == "DU002"
    # Nobody reports the engine's own event.
    assert sql.refusal("select dunlin.post_event('x', '1', 'stage of account', 'account', 'A1', now(), '{\"stage\": \"talks\"}')")[0] == "DU030"
    assert not sql.all("select * from dunlin.override")
    urgency(sql, name, A1=(0, 1))
    put(sql, "A1", "talks")
    night(name)  # moved, and then ended: what ends the case is not kept back
    assert stage(sql, "A1") == "soft.settled"
    assert no(sql, "A1", "talks")[0] == "DU002"


def test_whoever_posts_events_cannot_be_in_the_way():
    """Somebody's events may bear the source and the numbers of orders; an order has a key of its own all the same."""
    name, sql = fresh()
    for number in range(1, 6):
        for key in (number, f"{number} lifted"):
            assert sql.value("select dunlin.post_event('override', %s, 'payment', 'account', 'A5', now(), '{\"amount\": 1}')", str(key)) == "accepted"
    number = put(sql, "A1", "talks", at(20))
    assert number <= 5
    night(name)
    assert stage(sql, "A1") == "soft.talks"
    sql.run("select dunlin.lift_override(%s, 'greta')", number)
    assert sql.value("select count(*) from dunlin.event where source = 'override'") == 12
    night(name)
    assert not sql.all("select * from dunlin.quarantine where kind = 'event'")


def test_too_late():
    """What was possible when it was said, and is not when the step comes, is set aside with the reason."""
    name, sql = fresh()
    urgency(sql, name, A1=(0, 1))
    # The step that settles it comes first, then the order that was said before: with an instant that lies behind.
    put(sql, "A1", "talks")
    sql.run("update dunlin.inbox i set at = i.at + interval '1 day' from dunlin.event e where e.bucket = i.bucket and e.seq = i.seq and e.source = 'override'")
    sql.run("update dunlin.event set at = at + interval '1 day' where source = 'override'")
    night(name)
    assert stage(sql, "A1") == "soft.settled"
    night(name, 2)
    assert stage(sql, "A1") == "soft.settled"
    aside = sql.all("select reason from dunlin.quarantine where kind = 'event'")
    assert len(aside) == 1 and "come to its end" in aside[0].reason, aside


def test_by_the_command():
    name, sql = fresh()
    words = ["queue", "override", "A4", "--stage", "talks", "--reason", "asked for"]
    number = json.loads(dunlin(name, *words, "--until", (at(9)).strftime("%Y-%m-%d"), "--json").stdout)
    assert "talks" in dunlin(name, "queue", "overrides").stdout
    dunlin(name, "queue", "lift-override", str(number[0]["override"]))
    dunlin(name, *words)
    assert dunlin(name, "queue", "override", "A4", "--worker", "anna", "--reason", "x", check=False).returncode == 2
    refused = dunlin(name, "queue", "override", "A4", "--stage", "nowhere", "--reason", "x", check=False)
    assert refused.returncode == 1 and "Stages of soft" in refused.stdout + refused.stderr, refused
    night(name)
    assert stage(sql, "A4") == "soft.talks"


def test_a_version_without_the_stage():
    """A new version in which the stage is gone: whoever is moved by `migrate` is not kept where nothing keeps it; an order that comes too late is set aside."""
    import shutil
    import tempfile
    name, sql = fresh()
    put(sql, "A2", "talks", at(20))
    night(name)
    with tempfile.TemporaryDirectory() as folder:
        later = os.path.join(folder, "staged")
        shutil.copytree(STAGED, later)
        path = os.path.join(later, "staged.dun")
        with open(path) as file:
            text = file.read().replace("stage talks {", "stage parley {").replace("go talks", "go parley") + "\nmigrate soft.talks -> soft.parley\n"
        with open(path, "w") as file:
            file.write(text)
        put(sql, "A3", "talks")
        dunlin(name, "apply", later, "--yes")
        dunlin(name, "run", later, "--summary")
        assert stage(sql, "A2") == "soft.parley"
        aside = sql.all("select reason from dunlin.quarantine where kind = 'event'")
        assert len(aside) == 1 and "there is no stage `soft.talks`" in aside[0].reason, aside
        code, _, hint = no(sql, "A4", "talks")
        assert code == "DU034" and "parley" in hint
        dunlin(name, "replay", "--decisions")


def test_pinned():
    """Who finishes under an older version goes to the stages of that version, and to no others."""
    import shutil
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        first, later = os.path.join(folder, "first"), os.path.join(folder, "later")
        for to, edit in ((first, lambda text: text), (later, lambda text: text.replace("stage talks {", "stage parley {").replace("go talks", "go parley"))):
            shutil.copytree(STAGED, to)
            path = os.path.join(to, "staged.dun")
            with open(path) as file:
                text = edit(file.read().replace('"Soft" for account {', '"Soft" for account {\n  on change pin'))
            with open(path, "w") as file:
                file.write(text)
        name = new_database(ROWS, bundle=first)
        sql = Client(name)
        dunlin(name, "apply", later, "--yes")
        import_accounts(name, [("D9", "A9", 100, 1, "North")], later)
        dunlin(name, "run", later, "--summary")
        put(sql, "A1", "talks", at(20))
        put(sql, "A2", "parley")
        put(sql, "A9", "parley", at(20))
        dunlin(name, "run", later, "--summary")
        assert [stage(sql, key) for key in ("A1", "A2", "A9")] == ["soft.talks", "soft.calling", "soft.parley"]
        aside = sql.all("select reason from dunlin.quarantine where kind = 'event'")
        assert len(aside) == 1 and "finishes under version 1, where there is no stage `soft.parley`" in aside[0].reason, aside
        dunlin(name, "replay", "--decisions")


def said_on(sql, key, day):
    """The order of this key was given on that day of the story. Behind its key the engine puts something that nobody can have used."""
    sql.run("""with e as (update dunlin.event set at = at + %s * interval '1 day' where source = 'override' and external_id like %s || ' %%' and external_id not like %s || ' lifted %%'
        returning bucket, seq, at) update dunlin.inbox i set at = e.at from e where i.bucket = e.bucket and i.seq = e.seq""", day, key, key)
    assert sql.cursor.rowcount == 1, (key, sql.cursor.rowcount)


def test_all_ways_agree():
    """Random orders, events and data, carried through the same nights: by those that woke, natively, and by all, interpreted."""
    dice = random.Random(7)
    story = []
    for day in range(0, 24, 3):
        for _ in range(dice.randint(2, 6)):
            key = f"A{dice.randint(1, 8)}"
            what = dice.choice(["order", "order", "stay", "stay", "lift", "dispute", "data"])
            story.append((day, key, what, dice.choice(["calling", "talks", "disputed", "urgent"]), dice.randint(1, 15), dice.choice([0, 200, 300]), dice.choice([10, 950])))
    seen = []
    for words in ([], ["--full", "--interpreter"]):
        name, sql = fresh()
        stages = []
        for day in range(0, 27, 3):
            for nth, (when, key, what, to, length, owed, urgent) in enumerate(story):
                if when != day:
                    continue
                if what in ("order", "stay"):
                    try:
                        put(sql, key, to, at(day + length) if what == "stay" else None)
                        said_on(sql, sql.value("select max(id)::text from dunlin.override"), day)
                    except Exception as error:
                        assert getattr(error, "pgcode", "")[:2] == "DU", error
                elif what == "lift":
                    number = sql.value("select max(id) from dunlin.override where key = %s and lifted_at is null", key)
                    if number:
                        sql.run("select dunlin.lift_override(%s)", number)
                        said_on(sql, f"{number} lifted", day)
                elif what == "dispute":
                    post(sql, key, "dispute", f"s{nth}", at(day))
                else:
                    urgency(sql, name, **{key: (owed, urgent)})
            night(name, day + 0.5, *words)
            stages.append([stage(sql, f"A{i}") for i in range(1, 9)])
        dunlin(name, "replay", "--decisions")
        seen.append(stages)
    assert seen[0] == seen[1], seen
    assert len({s for night_of in seen[0] for s in night_of}) >= 4, "the story goes everywhere"


if __name__ == "__main__":
    import sys

    run_all(sys.modules[__name__])
