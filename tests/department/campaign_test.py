"""Campaigns: each case of a list at most once, each day at most its cap, under all limits; stopped, nothing of it stays open."""
import csv
import os
import random
import sys
import threading
import time

from department import BUNDLE, ROWS, Client, as_json, balances, bundle_with, dunlin, fresh, instant, leased, new_desk, run_all
from desk import check_sound

DAYS = ["2025-04-15", "2025-04-16", "2025-04-17"]
KEYS = [row[1] for row in ROWS]


def listed(keys, column="key"):
    folder = os.path.dirname(balances([]))
    path = os.path.join(folder, "payday.csv")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{column},why\n")
        file.writelines(f"{key},because\n" for key in keys)
    return path


def start(name, path, *words, cap=7, check=True):
    return dunlin(name, "campaign", "start", path, "--queue", "call", "--treatment", "payday", "--from", DAYS[0], "--to", DAYS[2], "--between", "09:00-12:00",
                  "--per-day", str(cap), "--priority", "50", *words, "--json", check=check)


def open_feeds(sql):
    for n, day in enumerate(["2025-04-14", *DAYS, "2025-04-18"]):
        delivery = sql.one("select * from dunlin.feed_begin('balances', %s, 'f', %s, 'anna', %s)", day, f"hash {n}", instant(day, "06:00"))
        sql.run("select * from dunlin.feed_end(%s, 'taken', 1, 0, 1, 0, 0, null)", delivery.delivery)


def release(name, day, time):
    return as_json(dunlin(name, "campaign", "release", "--at", instant(day, time), "--json"))


def step(name, day, time, bundle=BUNDLE):
    dunlin(name, "run", bundle, "--clock", f"{day} {time}", "--summary")


def test_plan_writes_nothing():
    name = fresh()
    sql = Client(name)
    path = listed(KEYS[:20] + ["A3", "nobody", ""])
    plan = as_json(start(name, path, "--plan"))
    assert plan["good"] == 20 and plan["unreached"] == 0 and [day["cases"] for day in plan["days"]] == [7, 7, 6], plan
    assert plan["witness"][0] == {"day": DAYS[0], "key": "A1"}
    with open(plan["rejected_file"], encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    assert [(row["line"], row["column"]) for row in rejected] == [("22", "key"), ("23", "key"), ("24", "key")], rejected
    assert "line 4" in rejected[0]["reason"] and "nobody" in rejected[1]["reason"] and "no key" in rejected[2]["reason"], rejected
    assert sql.value("select count(*) from dunlin.campaign") == 0
    assert as_json(start(name, path, "--plan", cap=5))["unreached"] == 5


def test_a_replay_knows_what_waits_for_its_step():
    """Between the release and the next step the tasks stand in no record yet; anything else that no step has made is told all the same."""
    name = fresh()
    sql = Client(name)
    open_feeds(sql)
    start(name, listed(KEYS[:20]), "--reason", "payday")
    assert release(name, DAYS[0], "09:00")[0]["released"] == 7
    dunlin(name, "replay", "--decisions")
    forged = sql.one("select m.bucket, m.task, b.rule from dunlin.campaign_case m join dunlin.task_body b using (bucket, case_id, task) where m.status = 'released' limit 1")
    sql.run("update dunlin.task_body set rule = 12345 where bucket = %s and task = %s", forged.bucket, forged.task)
    done = dunlin(name, "replay", "--decisions", check=False)
    assert done.returncode == 1 and str(forged.task) in done.stdout, done
    sql.run("update dunlin.task_body set rule = %s where bucket = %s and task = %s", forged.rule, forged.bucket, forged.task)
    step(name, DAYS[0], "09:05")
    dunlin(name, "replay", "--decisions")


def test_bad_calls_say_what_to_do():
    name = fresh()
    path = listed(KEYS[:3])
    assert "--reason" in start(name, path, check=False).stdout
    for words, says in (
        (["--reason", "x", "--queue", "cal"], "call"),
        (["--reason", "x", "--between", "12-9"], "09:00-12:00"),
        (["--reason", "x", "--from", DAYS[2], "--to", DAYS[0]], "ends before it begins"),
        (["--reason", "x", "--entity", "house"], "house"),
    ):
        base = {"--queue": "call", "--from": DAYS[0], "--to": DAYS[2]}
        for option, value in zip(words[::2], words[1::2]):
            base[option] = value
        done = dunlin(name, "campaign", "start", path, *[word for pair in base.items() for word in pair], check=False)
        assert done.returncode in (1, 2) and says in done.stderr and "ERROR" not in done.stderr, (words, done)
    done = dunlin(name, "campaign", "start", listed(KEYS[:3], column="name"), "--queue", "call", "--from", DAYS[0], "--to", DAYS[1], "--reason", "x", check=False)
    assert done.returncode == 1 and "`key`" in done.stderr
    assert dunlin(name, "campaign", "stop", "nothing", "--reason", "x", check=False).returncode == 1


def test_caps_and_once_each():
    """Random workers over the three days, several releases at once: never more than the cap a day, nobody twice, limits kept."""
    seed = int(os.environ.get("DUNLIN_SEED", 7))
    print(f"      seed {seed}")
    chance = random.Random(seed)
    name = fresh()
    sql = Client(name)
    open_feeds(sql)
    step(name, DAYS[0], "06:00")
    start(name, listed(KEYS[:18]), "--reason", "payday")
    handed = {}
    for day in DAYS:
        for hour in ("08:30", "09:30", "10:30", "11:30", "12:30"):
            others = [threading.Thread(target=lambda: Client(name).all("select * from dunlin.campaign_release(%s)", instant(day, hour))) for _ in range(3)]
            for other in others:
                other.start()
            for other in others:
                other.join()
            step(name, day, hour)
            made = sql.value("select coalesce(max(released), 0) from dunlin.campaign_day")
            assert made <= 7, (seed, day, hour, made)
            for task in leased(sql, instant(day, hour), chance.randrange(1, 6)):
                if task.treatment == "payday":
                    assert "09:00" <= hour < "12:00", (seed, day, hour)
                    handed.setdefault(day, []).append(task.key)
                if chance.random() < 0.8:
                    sql.run("select dunlin.complete(%s, %s, 'missed', at => %s)", task.task, task.epoch, instant(day, hour))
                else:
                    sql.run("select dunlin.release(%s, %s)", task.task, task.epoch)
        twice = sql.all(
            """select c.case_id, (c.at at time zone 'Europe/Warsaw')::date from dunlin.contact c where c.kind <> 'none' and c.channel = 'call' group by 1, 2 having count(*) > 1""")
        assert not twice, (seed, day, twice)
    for day, keys in handed.items():
        assert len(set(keys)) <= 7, (seed, day, keys)
    contacts = sql.all("select instance_id from dunlin.contact where treatment = 'payday' and kind <> 'none' group by 1 having count(*) > 1")
    assert not contacts, (seed, contacts)
    assert any(handed.values()), "nothing was handed out, so nothing was tried"
    release(name, "2025-04-18", "09:00")
    step(name, "2025-04-18", "09:00")
    release(name, "2025-04-18", "09:05")
    left = sql.one("select * from dunlin.campaign_progress")
    assert left.status == "ended" and left.waiting == 0 and left.open == 0 and left.done + left.missed + left.withdrawn == 18, left
    assert sql.value("select count(*) from dunlin.queue where treatment = 'payday'") == 0
    check_sound(sql)
    # Tasks that no step has made are no difference: the steps that met them are on record whole.
    dunlin(name, "replay", "--decisions")


def test_what_nobody_took_comes_again():
    name = fresh()
    sql = Client(name)
    open_feeds(sql)
    start(name, listed(KEYS[:5]), "--reason", "payday", cap=3)
    release(name, DAYS[0], "09:00")
    assert sql.all("select key from dunlin.campaign_case where status = 'released' order by nth") == [("A1",), ("A2",), ("A3",)]
    step(name, DAYS[1], "06:00")
    release(name, DAYS[1], "09:00")
    rows = sql.all("select key, tries, day::text from dunlin.campaign_case where status = 'released' order by nth")
    assert rows == [("A1", 2, DAYS[1]), ("A2", 2, DAYS[1]), ("A3", 2, DAYS[1])], rows
    # Not before a step has judged it.
    early = leased(sql, instant(DAYS[1], "09:01"), 40)
    assert early and "payday" not in [task.treatment for task in early]
    for task in early:
        sql.run("select dunlin.release(%s, %s)", task.task, task.epoch)
    step(name, DAYS[1], "09:05")
    time.sleep(5.5)  # what could not be handed out for unread news is looked at again after five seconds
    sql.run("select dunlin.turn_over()")
    got = [task.key for task in leased(sql, instant(DAYS[1], "09:06"), 3) if task.treatment == "payday"]
    assert sorted(got) == ["A1", "A2", "A3"], got


def test_stop_withdraws():
    name = fresh()
    sql = Client(name)
    open_feeds(sql)
    start(name, listed(KEYS[:10]), "--reason", "payday", cap=4)
    release(name, DAYS[0], "09:00")
    step(name, DAYS[0], "09:01")
    held = leased(sql, instant(DAYS[0], "09:02"))[0]
    assert held.treatment == "payday"
    answer = as_json(dunlin(name, "campaign", "stop", "payday", "--reason", "the wrong list", "--who", "berta", "--json"))
    assert (answer["withdrawn"], answer["marked"], answer["never"]) == (3, 1, 6), answer
    assert sql.one("select * from dunlin.heartbeat(%s, %s)", held.task, held.epoch).withdrawn
    assert [row.task for row in sql.all("select * from dunlin.withdrawn_tasks('anna')")] == [held.task]
    sql.run("select dunlin.complete(%s, %s, 'reached', at => %s)", held.task, held.epoch, instant(DAYS[0], "09:03"))
    assert sql.value("select count(*) from dunlin.queue where treatment = 'payday'") == 0
    assert release(name, DAYS[1], "09:00") == []
    assert sql.value("select who from dunlin.audit where action = 'stop campaign'") == "berta"
    assert dunlin(name, "campaign", "stop", "payday", "--reason", "x", check=False).returncode == 1
    check_sound(sql)


def test_of_a_bundle():
    text = """campaign "spring" { among list "spring.csv"  run 2025-04-15 to 2025-04-17 between 09:00 and 12:00
  call "spring"  priority +60  at most 4 per day }
"""
    keys = KEYS[:6] + ["A2", "ghost"]
    bundle = bundle_with(text, [("spring.csv", "key\n" + "\n".join(keys) + "\n")])
    name = new_desk(bundle)
    sql = Client(name)
    open_feeds(sql)
    row = as_json(dunlin(name, "campaign", "list", "--json"))[0]
    assert (row["name"], row["origin"], row["cases"], row["rejected"], row["per_day"]) == ("spring", "bundle", 6, 1, 4), row
    release(name, DAYS[0], "10:00")
    step(name, DAYS[0], "10:01", bundle)
    got = leased(sql, instant(DAYS[0], "10:02"), 4)
    assert [task.treatment for task in got] == ["spring"] * 4 and got[0].priority == 60, got
    for task in got:
        sql.run("select dunlin.complete(%s, %s, 'missed', at => %s)", task.task, task.epoch, instant(DAYS[0], "10:03"))
    # The next version lists one more; nobody is called a second time.
    longer = bundle_with(text, [("spring.csv", "key\n" + "\n".join(KEYS[:7]) + "\n")])
    step(name, DAYS[0], "10:05", longer)
    release(name, DAYS[1], "10:00")
    assert sql.all("select key, status from dunlin.campaign_case where tries > 0 order by nth") == [
        ("A1", "done"), ("A2", "done"), ("A3", "done"), ("A4", "done"), ("A5", "released"), ("A6", "released"), ("A7", "released")]
    # A version without it ends it.
    step(name, DAYS[1], "10:05")
    assert sql.one("select status, ended_why from dunlin.campaign").status == "ended"
    assert sql.value("select count(*) from dunlin.queue where treatment = 'spring'") == 0
    out = os.path.join(bundle, "out.csv")
    dunlin(name, "campaign", "cases", "spring", "--rejected", out)
    check_sound(sql)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
