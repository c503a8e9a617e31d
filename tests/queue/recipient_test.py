"""Outcomes of tasks that go `to` somebody: they are about whom they went to, where the outcome belongs to such as they are.

Environment: as in desk.py.
"""
import os, sys, tempfile

from desk import Client, bare_database, check_sound, dunlin, run_all

BUNDLE = """
bundle voices "Whom it is with" { timezone UTC, currency EUR, calendar none, day starts 00:00 }
entity debtor { key id : text }
entity account of debtor { key id : text, owed : money }
entity party of account { key id : text, liable : bool }
extend debtor { lead = first(a in accounts where a.owed > 0 by a.owed desc) }
outcomes call of account { promises (amount : money), refuses }
queue call { outcomes call }
outcomes talk of party { agrees, declines }
queue talk { outcomes talk }
outcomes letter of debtor { sent }
queue letter { outcomes letter }
strategy voice "One call about the largest" for debtor {
  enrol when exists(a in accounts where a.owed > 0)
  stage calling { keep call "lead" to lead while true { again 30 days } }
}
strategy soft "Whoever answers for it" for account {
  enrol when owed > 0
  stage asking {
    keep talk "pay" to p for p in parties where p.liable { again 30 days }
    keep letter "demand" while true { again 30 days }
  }
}
"""
MAPPING = '''
[[entity]]
name = "debtor"
key = "{debtor}"
[[entity]]
name = "account"
key = "{account}"
of = "{debtor}"
[entity.fields]
owed = "{owed}"
[[entity]]
name = "party"
key = "{party}"
of = "{account}"
root = "{debtor}"
[entity.fields]
liable = "true"
'''
TOLD = "select n.name, k.entity, k.key from dunlin.event e join dunlin.name n on n.id = e.type join dunlin.instance_key k on k.bucket = e.bucket and k.case_id = e.case_id and k.id = e.instance_id order by 1"


def test_the_outcome_is_about_whom_it_went_to():
    name = bare_database()
    with tempfile.TemporaryDirectory() as folder:
        for file, text in {"voices.dun": BUNDLE, "rows.toml": MAPPING, "rows.csv": "debtor,account,owed,party\nD1,A1,100,P1\nD1,A2,900,P2\n"}.items():
            with open(os.path.join(folder, file), "w") as out:
                out.write(text)
        dunlin(name, "import", folder, os.path.join(folder, "rows.csv"), "--mapping", os.path.join(folder, "rows.toml"))
        dunlin(name, "run", folder, "--summary")
        sql = Client(name)
        call, talks, letter = sql.lease("call")[0], sql.lease("talk", n=5), sql.lease("letter")[0]
        assert sql.value("select dunlin.complete(%s, %s, 'promises', '{\"amount\": 5}')", call.task, call.epoch) == "accepted"
        for task in talks:
            assert sql.value("select dunlin.complete(%s, %s, 'agrees')", task.task, task.epoch) == "accepted"
            assert sql.value("select dunlin.complete(%s, %s, 'agrees')", task.task, task.epoch) == "duplicate"
        assert sql.value("select dunlin.complete(%s, %s, 'sent')", letter.task, letter.epoch) == "accepted"
        told = [tuple(row) for row in sql.all(TOLD)]
        assert told == [("call.promises", "account", "A2"), ("letter.sent", "debtor", "D1"), ("talk.agrees", "party", "P1"), ("talk.agrees", "party", "P2")], told
        check_sound(sql)
        # The step reads them: nothing is asked for again before its time.
        dunlin(name, "run", folder, "--summary")
        assert sql.value("select count(*) from dunlin.inbox") == 0
        assert sql.value("select count(*) from dunlin.task_open where wakes is null and status = 0") == 1, "the other letter"
        assert sql.value("select count(*) from dunlin.quarantine") == 0


if __name__ == "__main__":
    run_all(sys.modules[__name__])
