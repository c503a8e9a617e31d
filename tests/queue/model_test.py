"""Random operations on the SQL queues and on a model of thirty lines: same answers, same states, after every one of them."""
import os
import random
import sys

from desk import Client, check_sound, new_database, run_all

ROWS = [(f"D{i}", f"A{i}", 100, [5, 50, 50, 95, 950, 0][i % 6] + i % 3, "North") for i in range(1, 31)]
BASE = new_database(ROWS)
RETURNS_MAX = 2
OUTCOMES = ["busy", "no_answer", "friend", "refuses"]


class Model:
    """What a queue is: tasks with a priority and a place in line. Leases end when the test says so."""

    def __init__(self, tasks):
        self.tasks = {t.task: {"priority": t.priority, "place": n, "status": "ready", "epoch": 0, "returns": 0, "worker": None, "assigned": None, "marked": False,
                               "news": False, "later": False, "ending": False} for n, t in enumerate(tasks)}
        self.places = len(tasks)
        self.leases = 0
        self.paused = False

    def lease(self, worker, n, ending):
        if self.paused:
            return []
        free = [(t["assigned"] != worker, -t["priority"], t["place"], id) for id, t in self.tasks.items()
                if t["status"] == "ready" and t["assigned"] in (None, worker) and not t["news"] and not t["later"]]
        taken = [id for *_, id in sorted(free)[:n]]
        for id in taken:
            self.leases += 1
            self.tasks[id].update(status="leased", epoch=self.tasks[id]["epoch"] + 1, worker=worker, ending=ending, nth=self.leases)
        return taken

    def holds(self, id, epoch):
        return self.tasks[id]["status"] == "leased" and self.tasks[id]["epoch"] == epoch

    def back(self, id, counts, later=False):
        task = self.tasks[id]
        if task["marked"]:
            task.update(status="withdrawn")
            return "withdrawn"
        if counts and task["returns"] >= RETURNS_MAX:
            task.update(status="dead_letter", returns=task["returns"] + 1, worker=None)
            return "dead_letter"
        self.places += 1
        task.update(status="ready", place=self.places, returns=task["returns"] + counts, worker=None, later=later)
        return "ready"

    def ended(self):
        return sorted((id for id, t in self.tasks.items() if t["status"] == "leased" and t["ending"]), key=lambda id: self.tasks[id]["nth"])


class Pair:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.sql = Client(new_database(None, template=BASE))
        self.sql.run("update dunlin.queue_setting set returns_max = %s", RETURNS_MAX)
        # No round by itself: the test says when.
        self.other_round = Client(self.sql.connection.info.dbname)
        self.other_round.run("select pg_advisory_lock(4815162344)")
        self.model = Model(self.sql.all("select task, priority from dunlin.task_open order by seq"))
        self.events = 0

    def any_task(self, *statuses):
        chosen = [id for id, t in self.model.tasks.items() if not statuses or t["status"] in statuses]
        return self.random.choice(chosen) if chosen else None

    def answer(self, sql, *values):
        """The value, or the code of the refusal."""
        import psycopg2

        try:
            return self.sql.value(sql, *values)
        except psycopg2.Error as error:
            return error.pgcode

    # ---- the operations ----

    def do_lease(self):
        worker, n, ending = self.random.choice(["anna", "bert"]), self.random.randint(1, 4), self.random.random() < 0.3
        got = self.sql.lease(worker=worker, n=n, lasting="1 ms" if ending else "1 hour")
        want = self.model.lease(worker, n, ending)
        assert [t.task for t in got] == want, (worker, n, got, [(self.model.tasks[id], self.sql.one("select * from dunlin.queue where task = %s", id)) for id in want])
        assert all(t.epoch == self.model.tasks[t.task]["epoch"] for t in got)

    def do_complete(self):
        id = self.any_task("leased", "leased", "ready", "done") if self.random.random() < 0.3 else self.any_task("leased")
        if id is None:
            return
        task = self.model.tasks[id]
        epoch = task["epoch"] - (self.random.random() < 0.2)
        outcome = self.random.choice(OUTCOMES)
        got = self.answer("select dunlin.complete(%s, %s, %s)", id, epoch, outcome)
        if task["status"] == "done":
            want = "duplicate" if (epoch, outcome) == (task["epoch"], task.get("outcome")) else "DU012"
        elif self.model.holds(id, epoch):
            want = "accepted"
            task.update(status="done", outcome=outcome)
        else:
            want = "DU011"
        assert got == want, (got, want, task)

    def do_release(self):
        id = self.any_task("leased")
        if id is None:
            return
        epoch = self.model.tasks[id]["epoch"] - (self.random.random() < 0.2)
        later = self.random.random() < 0.3
        got = self.answer("select dunlin.release(%s, %s, case when %s then now() + interval '1 hour' end)", id, epoch, later)
        want = self.model.back(id, 0, later) if self.model.holds(id, epoch) else "DU011"
        assert got == want, (got, want)

    def do_round(self):
        ended = self.model.ended()
        self.sql.run("select pg_sleep(0.002)")  # leases that nobody kept last a millisecond
        self.other_round.run("select pg_advisory_unlock(4815162344)")
        got = self.sql.value("select dunlin.turn_over()")
        self.other_round.run("select pg_advisory_lock(4815162344)")
        for id in ended:
            self.model.back(id, 1)
        assert got == len(ended), (got, ended)

    def do_heartbeat(self):
        id = self.any_task("leased", "ready")
        if id is None:
            return
        task = self.model.tasks[id]
        epoch = task["epoch"] - (self.random.random() < 0.3)
        got = self.answer("select lease_until > now() + interval '9 minutes' from dunlin.heartbeat(%s, %s)", id, epoch)
        if self.model.holds(id, epoch):
            task["ending"] = False
            assert got is True, got
        else:
            assert got == "DU011", got

    def do_withdraw(self):
        id = self.any_task("ready", "leased", "dead_letter")
        task = self.model.tasks[id]
        got = self.sql.value("select dunlin.withdraw(%s, 'no longer')", id)
        if task["status"] == "leased":
            task["marked"] = True
            assert got == "marked"
        else:
            task["status"] = "withdrawn"
            assert got == "withdrawn"

    def do_reassign(self):
        id = self.any_task("ready", "leased")
        if id is None:
            return
        task, worker = self.model.tasks[id], self.random.choice(["anna", "bert", None])
        if worker:
            self.sql.run("select dunlin.worker_number(%s)", worker)
        got = self.sql.value("select dunlin.reassign(%s, %s, 'so it is')", id, worker)
        if worker == (task["worker"] if task["status"] == "leased" else task["assigned"]):
            assert got == "unchanged"
            task.update(assigned=worker)  # theirs also when they give it back
            return
        if task["status"] == "leased" and task["worker"] != worker and self.model.back(id, 0) == "withdrawn":
            assert got == "withdrawn"
            return
        self.model.places += 1
        task.update(assigned=worker, place=self.model.places)
        assert got == "reassigned"

    def do_redrive(self):
        got = self.sql.value("select dunlin.redrive('call')")
        dead = sorted((t["place"], id) for id, t in self.model.tasks.items() if t["status"] == "dead_letter")
        for _, id in dead:
            self.model.places += 1
            self.model.tasks[id].update(status="ready", returns=0, place=self.model.places, later=False)
        assert got == len(dead), (got, dead)

    def do_pause(self):
        self.model.paused = not self.model.paused
        self.sql.run("select dunlin.pause_queue('call', 'lunch')" if self.model.paused else "select dunlin.resume_queue('call')")

    def do_news(self):
        id = self.any_task("ready", "leased")
        if id is None:
            return
        self.events += 1
        key = self.sql.value("select key from dunlin.queue where task = %s", id)
        assert self.sql.value("select dunlin.post_event('bank', %s, 'payment', 'account', %s, now() - interval '1 s', '{\"amount\": 1}')", str(self.events), key) == "accepted"
        self.model.tasks[id]["news"] = True

    def compare(self):
        got = {r.task: (r.status, r.lease_epoch, r.returns, r.marked, r.assigned) for r in self.sql.all("select * from dunlin.queue")}
        want = {id: (t["status"], t["epoch"], t["returns"], t["marked"], t["assigned"]) for id, t in self.model.tasks.items() if t["status"] not in ("done", "withdrawn")}
        assert got == want, [(id, got.get(id), want.get(id)) for id in got.keys() | want.keys() if got.get(id) != want.get(id)]


def test_random_operations():
    seeds = range(int(os.environ.get("DUNLIN_QUEUE_SEEDS", "6")))
    steps = 0
    for seed in seeds:
        pair = Pair(seed)
        weights = {pair.do_lease: 8, pair.do_complete: 6, pair.do_release: 3, pair.do_round: 3, pair.do_heartbeat: 2, pair.do_withdraw: 0.5, pair.do_reassign: 1.5,
                   pair.do_redrive: 0.5, pair.do_pause: 0.3, pair.do_news: 0.3}
        trace = []
        for _ in range(120):
            operation = pair.random.choices(list(weights), list(weights.values()))[0]
            trace.append(operation.__name__)
            try:
                operation()
                pair.compare()
            except Exception as failure:
                raise AssertionError(f"seed {seed}, after {trace}") from failure
            steps += 1
        check_sound(pair.sql)
        pair.sql.connection.close()
    print(f"      {steps} operations")


if __name__ == "__main__":
    run_all(sys.modules[__name__])
