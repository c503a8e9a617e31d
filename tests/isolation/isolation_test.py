"""Isolation: two sessions, every interleaving of their steps, and what must hold after each.

A specification is a list of steps a session; a step is SQL, with {names} that earlier steps of the same session gave. A step that waits for a lock is
left waiting while the other session goes on, and is looked at again after each step. At the end of every interleaving both sessions are committed or
rolled back as their steps say, check_sound() holds, and so does the specification's own judgement."""
import itertools
import os
import re
import select
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "queue"))
import psycopg2
import psycopg2.extensions
import psycopg2.extras

from desk import BUNDLE, CAPPED, SERVER, Client, check_sound, new_database, run_all, step

JUDGE = os.environ.get("DUNLIN_JUDGE")  # the program
ACCOUNTS = [("D1", "A1", 100, 50, "North"), ("D1", "A1b", 100, 40, "North"), ("D2", "A2", 100, 30, "South")]
BASE = new_database(ACCOUNTS)
# One call a debtor, by the limits of its bundle.
ONCE = new_database(ACCOUNTS, bundle=CAPPED)

ONE_A_CASE = """create or replace function dunlin.hand_out_refusal(bucket int4, case_id int8, task uuid, at timestamptz) returns text language sql stable as
  $$ select 'one contact is enough' where exists (select 1 from dunlin.contact c where c.bucket = $1 and c.case_id = $2 and c.kind <> 'none'
                                                  and not (c.task is not distinct from $3 and c.kind = 'reserved')) $$"""


class Session:
    """Runs statements without waiting for them, so that one may be left behind a lock."""

    def __init__(self, name):
        self.connection = psycopg2.connect(f"{SERVER} dbname={name}", async_=1)
        self._wait(5)
        self.cursor = self.connection.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor)
        self.names = {}
        self.log = []
        self.waited = []
        self.waiting = None
        self._send("select pg_backend_pid() as pid")
        assert self._wait(5)
        self.pid = self._rows()[0].pid

    def _send(self, sql):
        self.cursor.execute(sql)

    def _wait(self, seconds):
        """True when the statement is over."""
        end = time.monotonic() + seconds
        while True:
            try:
                state = self.connection.poll()
            except psycopg2.Error:
                raise
            if state == psycopg2.extensions.POLL_OK:
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            sets = ([self.connection], []) if state == psycopg2.extensions.POLL_READ else ([], [self.connection])
            select.select(*sets, [], left)

    def _rows(self):
        return self.cursor.fetchall() if self.cursor.description else []

    def start(self, step):
        label, sql = step
        self.waiting = label
        try:
            sql = sql.format(**self.names)
        except KeyError:  # an earlier step gave nothing to work on
            self.log.append((label, "nothing to do"))
            self.waiting = None
            return True
        self._send(sql)
        over = self.go_on(blocked_is_enough=True)
        if not over:
            self.waited.append(label or sql)
        return over

    def go_on(self, blocked_is_enough=False):
        """True when the step is over; False while it waits for the other session."""
        for _ in range(400):
            try:
                if self._wait(0.01):
                    rows = self._rows()
                    if self.waiting and rows:
                        for name, value in rows[0]._asdict().items():
                            self.names[f"{self.waiting}_{name}"] = value
                    self.log.append((self.waiting, rows))
                    return True
            except psycopg2.Error as error:
                self.log.append((self.waiting, f"{error.pgcode} {error.diag.message_primary}"))
                return True
            if blocked_is_enough and self.judge.value("select cardinality(pg_blocking_pids(%s)) > 0", self.pid):
                return False
        raise AssertionError(f"a step neither ends nor waits for a lock: {self.waiting}")


def interleavings(a, b):
    for places in itertools.combinations(range(a + b), a):
        yield ["a" if n in places else "b" for n in range(a + b)]


def fused(steps):
    """A begin goes with the statement after it: nothing happens between the two that another session could see."""
    joined = []
    for step in steps:
        label, sql = step if isinstance(step, tuple) else (None, step)
        if joined and joined[-1] == (None, "begin"):
            joined[-1] = (label, "begin; " + sql)
        else:
            joined.append((label, sql))
    return joined


def judged(name, bundle):
    """What is due is stepped; then the judge of all harnesses looks at what was recorded."""
    step(name, bundle)
    done = subprocess.run([JUDGE, f"{SERVER} dbname={name}"], capture_output=True, text=True)
    assert done.returncode == 0, f"the judge: exit {done.returncode}: {done.stdout}{done.stderr}"


def explore(first, second, judgement, prepare=(), base=BASE, by_the_judge=True):
    """Runs every interleaving on a database of its own schema state; returns how many. `by_the_judge`: false where a session plays a step without its record, or tasks are changed by hand before."""
    count = 0
    first, second = fused(first), fused(second)
    for order in interleavings(len(first), len(second)):
        name = new_database(None, template=base)
        judge = Client(name)
        for sql in prepare:
            judge.run(sql)
        sessions = {"a": Session(name), "b": Session(name)}
        steps = {"a": list(first), "b": list(second)}
        stuck = {"a": False, "b": False}
        for session in sessions.values():
            session.judge = judge
        plan = list(order)
        while plan or any(stuck.values()):
            for who in "ab":
                if stuck[who] and sessions[who].go_on(blocked_is_enough=True):
                    stuck[who] = False
            ready = [n for n, who in enumerate(plan) if not stuck[who]]
            if not ready:
                assert plan or not all(stuck.values()), f"both wait for each other: {order}"
                if not plan:
                    continue
                raise AssertionError(f"both wait: {order}")
            who = plan.pop(ready[0])
            stuck[who] = not sessions[who].start(steps[who].pop(0))
        try:
            for who, session in sessions.items():
                for label, result in session.log:
                    assert not (isinstance(result, str) and result.startswith(("40P01", "XX", "42", "23"))), (who, label, result)
            check_sound(judge)
            judgement(judge, sessions["a"], sessions["b"])
        except AssertionError as failure:
            raise AssertionError(f"order {''.join(order)}: {failure}\n  a: {sessions['a'].log}\n  b: {sessions['b'].log}") from failure
        for session in sessions.values():
            session.connection.close()
        judge.connection.close()
        # One order of each pair: it takes as long as all the others. Under limits the tables are prepared by hand (IN_LINE), which no step has recorded.
        if by_the_judge and JUDGE and count == 0 and base == BASE:
            judged(name, BUNDLE)
        admin = Client("postgres")
        admin.run(f"drop database {name} with (force)")
        admin.connection.close()
        count += 1
    print(f"      {count} interleavings")


def found(words, *specification, **more):
    """The specification does not hold, and says so in these words."""
    try:
        explore(*specification, by_the_judge=False, **more)
    except AssertionError as failure:
        assert words in str(failure), failure
        return
    raise AssertionError("what was broken on purpose was found to be sound")


def without(function, lock, instead):
    """The function without one of its locks."""
    return f"""do $$ declare was text := pg_get_functiondef('dunlin.{function}'::regproc); begin
        if strpos(was, $lock${lock}$lock$) = 0 then raise exception 'the lock is not where it was'; end if;
        execute replace(was, $lock${lock}$lock$, $lock${instead}$lock$); end $$"""


UNLOCKED_LEASE = without("lease", "f.case_id = open.case_id for no key update skip locked;", "f.case_id = open.case_id;")


def as_a_commit(statement, table, *columns):
    """A statement of the store's own, for the tasks of a table."""
    source = open(os.path.join(HERE, "..", "..", "runtime", "store", "postgres_tasks.cpp")).read()
    source = source[source.index(f"constexpr auto {statement} ="):]
    statement = "".join(re.findall(r'"((?:[^"\\\\]|\\\\.)*)"', source[:source.index(";\n")]))
    for n, column in enumerate(columns, 1):
        statement = statement.replace(f"${n}", f"(select array_agg({column}) from {table})", 1)
    return statement


def as_a_commit_ends(table):
    """What a step does whose task has no reason any more."""
    return as_a_commit("end_open", table, "bucket", "case_id", "task", "3::int2", "now()", "'its reason is gone'::text", "null::text")


def rows_of(session, label):
    return next((rows for name, rows in session.log if name == label and not isinstance(rows, str)), [])


def lease(worker, n=1, lasting="10 minutes"):
    return ("lease", f"select task, epoch, key, debtor from dunlin.lease('call', '{worker}', {n}, '{lasting}')")


def test_two_leases():
    def judge(sql, a, b):
        ours, theirs = {r.task for r in rows_of(a, "lease")}, {r.task for r in rows_of(b, "lease")}
        assert not ours & theirs, "one task for two workers"

    explore(["begin", lease("a", 2), "commit"], ["begin", lease("b", 2), "commit"], judge)


def test_two_leases_and_one_limit():
    """A1 and A1b belong to one debtor, who may be contacted once."""
    def judge(sql, a, b):
        debtors = [r.debtor for s in (a, b) for r in rows_of(s, "lease")]
        assert len(debtors) == len(set(debtors)), "a limit of one was taken twice"
        assert not sql.all("select case_id from dunlin.contact where kind <> 'none' group by 1 having count(*) > 1")

    explore(["begin", lease("a", 3), "commit"], ["begin", lease("b", 3), "commit"], judge, [ONE_A_CASE])


def test_a_lease_that_is_rolled_back():
    def judge(sql, a, b):
        assert sql.value("select count(*) from dunlin.task_open where status = 1") == len(rows_of(b, "lease"))
        assert sql.value("select count(*) from dunlin.contact") == len(rows_of(b, "lease"))

    explore(["begin", lease("a", 3), "rollback"], ["begin", lease("b", 3), "commit"], judge)


def test_complete_and_rescue():
    """The worker's outcome and the round that takes its ended lease back: one of them wins, whole."""
    def judge(sql, a, b):
        completed = next(result for label, result in a.log if label == "complete")
        kinds = [r.kind for r in sql.all("select kind from dunlin.contact")]
        if isinstance(completed, str):
            assert completed.startswith("DU011"), completed
            assert kinds == ["unknown"] and sql.value("select count(*) from dunlin.event") == 0
            assert sql.value("select count(*) from dunlin.task_open where returns = 1") == 1
        else:
            assert kinds == ["attempt"] and sql.value("select count(*) from dunlin.event") == 1
            assert sql.value("select count(*) from dunlin.task_done") == 1

    explore([lease("a", 1, "0.001 s"), "begin", ("complete", "select dunlin.complete('{lease_task}', {lease_epoch}, 'busy')"), "commit"],
            ["begin", ("round", "select dunlin.turn_over()"), "commit"], judge)


def test_rescue_and_lease_again():
    """A lease that ended, was taken back and given to another: the first worker's late outcome changes nothing."""
    def judge(sql, a, b):
        assert sql.value("select count(*) from dunlin.task_done") == sql.value("select count(*) from dunlin.event")
        if a.names.get("lease_task") == b.names.get("lease_task") and "complete_complete" in a.names:
            assert "complete_complete" not in b.names, "two outcomes of one task"

    explore([lease("a", 1, "0.001 s"), ("complete", "select dunlin.complete('{lease_task}', {lease_epoch}, 'busy')")],
            ["select dunlin.turn_over()", lease("b", 1), ("complete", "select dunlin.complete('{lease_task}', {lease_epoch}, 'no_answer')")], judge)


def late_outcome(sql, a, b):
    """The first worker's outcome comes when the lease has been given to another."""
    done = next(rows for label, rows in a.log if label == "complete")
    if not isinstance(done, str):
        epoch = sql.value("select lease_epoch from dunlin.task_done where task = %s", a.names["lease_task"])
        assert epoch == a.names["lease_epoch"], f"an outcome of lease {a.names['lease_epoch']} ended lease {epoch}"


LATE = ([lease("a", 1, "0.001 s"), ("complete", "select dunlin.complete('{lease_task}', {lease_epoch}, 'busy')")], ["select dunlin.turn_over()", lease("b", 1)])


def test_an_outcome_under_an_old_epoch():
    explore(*LATE, late_outcome, by_the_judge=False)


def test_an_outcome_without_the_look_at_the_epoch():
    """The specification finds it when nobody looks at the epoch of a lease."""
    found("ended lease 2", *LATE, late_outcome, ["create or replace function dunlin.check_lease(open dunlin.task_open, epoch int4) returns void language sql as ''"])


def test_heartbeat_and_rescue():
    """The worker says that it is alive while the round looks at its ended lease: it keeps the task, or it is told that it has it no more."""
    def judge(sql, a, b):
        alive = next(result for label, result in a.log if label == "alive")
        row = sql.one("select status, returns, lease_until > clock_timestamp() as holds from dunlin.task_open where task = %s", a.names["lease_task"])
        if isinstance(alive, str):
            assert alive.startswith("DU011") and (row.status, row.returns) == (0, 1), (alive, row)
        else:
            assert (row.status, row.returns, row.holds) == (1, 0, True), row

    for call in ("heartbeat('{lease_task}', {lease_epoch})", "extend('{lease_task}', {lease_epoch}, '5 minutes')"):
        explore([lease("a", 1, "0.001 s"), "begin", ("alive", f"select dunlin.{call}"), "commit"], ["begin", ("round", "select dunlin.turn_over()"), "commit"], judge)


def test_withdrawal_by_a_supervisor_and_completion():
    """What the worker did counts, whatever the supervisor decided meanwhile."""
    def judge(sql, a, b):
        assert sql.all("select status, outcome from dunlin.task_done") == [(2, "call.missed.busy")]
        told = next(result for label, result in b.log if label == "withdraw")
        assert told.startswith("DU012") if isinstance(told, str) else told[0][0] == "marked", told

    explore(["begin", ("complete", "select dunlin.complete(task, epoch, 'busy') from public.held"), "commit"],
            ["begin", ("withdraw", "select dunlin.withdraw(task, 'the client wants it', 'eva') from public.held"), "commit"], judge,
            ["create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)"])


def test_two_who_end_one_and_take_the_next():
    """Two workers go from one task to the next, and one calls again because the answer was lost: nothing goes out twice."""
    def judge(sql, a, b):
        nexts = [r.task for s in (a, b) for label, rows in s.log if (label or "").startswith("next") and not isinstance(rows, str) for r in rows]
        held = [r.task for r in sql.all("select task from dunlin.task_open where status = 1")]
        assert len(nexts) == len(set(nexts)) and sorted(map(str, nexts)) == sorted(map(str, held)), (nexts, held)
        assert sql.value("select count(*) from dunlin.task_done where status = 2") == 2

    ends = "select x.task, x.epoch from public.held h, dunlin.complete_and_lease(h.task, h.epoch, 'busy') x where h.worker = '{}'"
    explore(["begin", ("next", ends.format("a")), "commit"], ["begin", ("next", ends.format("b")), "commit", ("next_again", ends.format("b"))], judge,
            ["create table public.held as select 'a' as worker, task, epoch from dunlin.lease('call', 'a', 1)", "insert into public.held select 'b', task, epoch from dunlin.lease('call', 'b', 1)"])


def test_two_completions():
    """The same worker twice, over two connections, because an answer was lost."""
    def judge(sql, a, b):
        answers = sorted(rows[0][0] for s in (a, b) for label, rows in s.log if label == "complete" and not isinstance(rows, str))
        assert answers == ["accepted", "duplicate"], answers
        assert sql.value("select count(*) from dunlin.event") == 1

    taken = ["create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)"]
    one = ["begin", ("complete", "select dunlin.complete(task, epoch, 'busy') from public.held"), "commit"]
    explore(one, one, judge, taken)


def test_release_and_withdrawal_by_a_step():
    """The engine withdraws what a worker gives back at this moment: withdrawn either way, never ready with its reason gone."""
    def judge(sql, a, b):
        assert sql.value("select count(*) from dunlin.task_open o join public.held h using (task)") == 0
        assert sql.value("select status from dunlin.task_done d join public.held h using (task)") == 3

    explore(["begin", ("release", "select dunlin.release(task, epoch) from public.held"), "commit"],
            # As a commit does it: the case file first, then its tasks.
            ["begin", "update dunlin.case_file c set step_no = step_no + 1 from public.held h where (c.bucket, c.case_id) = (h.bucket, h.case_id)",
             as_a_commit_ends("public.held"), "commit"],
            judge, ["create table public.held as select l.task, l.epoch, o.bucket, o.case_id from dunlin.lease('call', 'a', 1) l join dunlin.task_open o using (task)"],
            by_the_judge=False)


def test_lease_and_withdrawal_by_a_step():
    """Either the lease comes first and the task is marked, or the step does and the task is over."""
    def judge(sql, a, b):
        leased = {r.task for r in rows_of(a, "lease")}
        known = sql.value("select task from public.known")
        row = sql.one("select status, marked from dunlin.task_open where task = %s", known)
        if known in leased:
            assert row and row.status == 1 and row.marked, row
        else:
            assert row is None and sql.value("select status from dunlin.task_done where task = %s", known) == 3

    explore(["begin", lease("a", 3), "commit"],
            ["begin", "update dunlin.case_file c set step_no = step_no + 1 from public.known h where (c.bucket, c.case_id) = (h.bucket, h.case_id)",
             as_a_commit_ends("public.known"), "commit"],
            judge, ["create table public.known as select task, bucket, case_id from dunlin.task_open order by priority desc limit 1"],
            by_the_judge=False)


def test_event_and_lease():
    """A payment that is committed before the hand-out is respected by it."""
    def judge(sql, a, b):
        taken = sql.value("select min(leased_at) from dunlin.hand_out h join dunlin.task_open o using (task) join dunlin.instance_key k on k.id = o.instance_id where k.key = 'A1'")
        committed = rows_of(a, "committed")
        assert committed
        assert taken is None or taken < committed[0].at, "handed out with a payment unread"

    explore(["begin", "select dunlin.post_event('bank', '1', 'payment', 'account', 'A1', now() - interval '1 s', '{{\"amount\": 1}}')", "commit",
             ("committed", "select clock_timestamp() as at")],
            [lease("b", 3)], judge)


def test_contact_and_lease():
    """A contact told by an agency and a hand-out never share the only place."""
    def judge(sql, a, b):
        told = [result for label, result in a.log if label == "told" and not isinstance(result, str)]
        contacts = sql.all("select source, at, recorded_at from dunlin.contact where case_id = (select case_id from dunlin.instance_key where key = 'A2') and kind <> 'none'")
        assert len(contacts) <= 2 and told
        # Both stand only if the hand-out was decided before the agency's contact was committed.
        if len(contacts) == 2:
            assert b.names, contacts

    explore(["begin", ("told", "select dunlin.record_contact('agency', '1', 'account', 'A2', 'call', now())"), "commit"], ["begin", lease("b", 3), "commit"], judge, [ONE_A_CASE])


def test_reassign_and_complete():
    def judge(sql, a, b):
        completed = next(result for label, result in a.log if label == "complete")
        if isinstance(completed, str):
            assert completed.startswith("DU011")
            assert [r.kind for r in sql.all("select kind from dunlin.contact")] == ["unknown"]
        else:
            assert sql.value("select count(*) from dunlin.task_done") == 1

    explore(["begin", ("complete", "select dunlin.complete(task, epoch, 'busy') from public.held"), "commit"],
            ["begin", ("reassign", "select dunlin.reassign(task, 'bert', 'ill', 'eva') from public.held"), "commit"], judge,
            ["select dunlin.worker_number('bert')", "create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)"])


# ---- a supervisor who says nothing more, and a stop ----

STOP = ("stop", "select * from dunlin.stop_outbound('the court forbids it', 'account', 'A1', null, null, null, null, 'infinity', 'eva')")


def test_a_stop_waits_for_no_entry_of_the_audit():
    """A supervisor's open transaction has entries of the audit, and locks on the task that is stopped."""
    def judge(sql, a, b):
        assert b.waited == [] and rows_of(b, "stop"), (b.waited, b.log)
        verdict = sql.one("select good, entries, what from dunlin.audit_verify()")
        assert verdict.good, verdict
        actions = [row.action for row in sql.all("select action from dunlin.audit order by id desc limit 3")]
        assert sorted(actions) == ["pause queue", "stop contact", "withdraw task"] and actions.index("pause queue") == actions.index("withdraw task") + 1, actions
        # Whoever holds the task is told, by one of both, at the latest with the next round.
        sql.run("select dunlin.turn_over()")
        assert sql.value("select marked from dunlin.task_open o join public.held h using (task)")

    explore(["begin", "select dunlin.pause_queue('errand', 'lunch', 'eva')", "select dunlin.withdraw(task, 'double', 'eva') from public.held", "commit"],
            ["begin", STOP, "commit"], judge, ["create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)"], by_the_judge=False)


def test_a_lease_and_a_stop():
    """Whoever has the task when both have committed hears of it, without any round."""
    def judge(sql, a, b):
        held = sql.all("select o.task, o.lease_epoch from dunlin.task_open o join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (o.bucket, o.case_id, o.instance_id) where k.key = 'A1' and o.status = 1")
        assert [row.task for row in sql.all("select * from dunlin.withdrawn_tasks('a')")] == [row.task for row in held], "somebody works at a stopped account and has not heard of it"
        assert all(sql.value("select withdrawn from dunlin.heartbeat(%s, %s)", *row) for row in held)

    explore(["begin", lease("a", 3), "commit"], ["begin", STOP, "commit"], judge)


def test_a_task_comes_back_while_its_stop_is_lifted():
    """Whichever was first, the task is there, and it is the same one. Somebody else tries to lease it meanwhile, and puts it out of line."""
    def judge(sql, a, b):
        for _ in range(3):
            sql.run("select dunlin.turn_over()")
        sql.lease(worker="c", n=9)
        assert sql.value("select o.status from dunlin.task_open o join public.held h using (task)") == 1 and sql.value("select count(*) from dunlin.task_done") == 0

    explore(["begin", "select dunlin.release(task, epoch) from public.held", lease("b", 1), "commit"], ["begin", "select dunlin.resume_contact(max(id), 'eva') from dunlin.contact_stop", "commit"], judge,
            ["create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)", "select * from dunlin.stop_outbound('a power cut', null, null, null, null, null, null, 'infinity', 'eva')"],
            by_the_judge=False)


def test_a_lease_and_the_closing_of_its_account():
    """The lease comes first and its holder is told, or it does not come."""
    def judge(sql, a, b):
        held = sql.one("select o.marked from dunlin.task_open o join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (o.bucket, o.case_id, o.instance_id) where k.key = 'A1' and o.status = 1")
        assert held is None or held.marked, "somebody works at a closed account and has not heard of it"

    explore(["begin", lease("a", 3), "commit"], ["begin", "select dunlin.close_account('account', 'A1', 'sold', null, 'eva')", "commit"], judge)


# ---- limits of a bundle: the engine wrote them with the tasks, the hand-out counts ----

# The engine gave A1b a slot thirty days after A1's; here both are in line, as after slots that were given out before a fact came to light.
IN_LINE = "update dunlin.task_open set wakes = null, not_before = now() - interval '1 minute', seq = nextval('dunlin.turn')"


def never_twice(sql, a, b):
    debtors = [r.debtor for s in (a, b) for r in rows_of(s, "lease")]
    assert len(debtors) == len(set(debtors)), "a limit of one was taken twice"
    twice = sql.all("select case_id from dunlin.contact where kind <> 'none' group by 1 having count(*) > 1")
    assert not twice, twice


def test_limits_two_leases():
    explore(["begin", lease("a", 3), "commit"], ["begin", lease("b", 3), "commit"], never_twice, [IN_LINE], base=ONCE)


def test_limits_two_leases_without_the_lock():
    """The specification finds it when the case file's row is not locked."""
    # One each, so that the second is not kept away by the row of the first's task.
    found("taken twice", ["begin", lease("a", 1), "commit"], ["begin", lease("b", 1), "commit"], never_twice, [IN_LINE, UNLOCKED_LEASE], base=ONCE)


# A1 and A1b belong to one debtor; both stand in line, A1b made first.
IN_ORDER = ["update dunlin.queue_setting set in_order = true where name = 'call'",
            """update dunlin.task_body b set created_at = case k.key when 'A1b' then timestamptz '2026-01-01' else timestamptz '2026-01-02' end
               from dunlin.task_open o join dunlin.instance_key k on (k.bucket, k.case_id, k.id) = (o.bucket, o.case_id, o.instance_id) where o.task = b.task"""]


def one_after_another(sql, a, b):
    keys = [r.key for s in (a, b) for r in rows_of(s, "lease")]
    assert not {"A1", "A1b"} <= set(keys), f"both of one debtor are out: {keys}"
    assert "A1" not in keys, "the later one went first"


def test_order_two_leases():
    explore(["begin", lease("a", 3), "commit"], ["begin", lease("b", 3), "commit"], one_after_another, IN_ORDER, by_the_judge=False)


def test_order_that_is_not_looked_at():
    nothing = """create or replace function dunlin.goes_before(open dunlin.task_open, setting dunlin.queue_setting, at timestamptz) returns uuid
                 language sql as $$ select null::uuid $$"""
    found("", ["begin", lease("a", 1), "commit"], ["begin", lease("b", 3), "commit"], one_after_another, IN_ORDER + [nothing])


# A1b was made first and is not in line before yesterday's evening; by a clock that is a day behind A1 goes out.
LATER_IN_LINE = ["update dunlin.task_open o set not_before = now() - case k.key when 'A1b' then interval '1 hour' else interval '2 days' end from dunlin.instance_key k "
                 "where (k.bucket, k.case_id, k.id) = (o.bucket, o.case_id, o.instance_id)"]


def test_order_two_leases_behind_the_lock():
    """One that comes into line while another of its debtor goes out waits for it; the specification finds it when nobody locks the case file."""
    def not_both(sql, a, b):
        keys = [r.key for s in (a, b) for r in rows_of(s, "lease")]
        assert not {"A1", "A1b"} <= set(keys), f"both of one debtor are out: {keys}"

    sessions = (["begin", ("lease", "select task, epoch, key, debtor from dunlin.lease('call', 'a', 1, '10 minutes', now() - interval '1 day')"), "commit"],
                ["begin", lease("b", 1), "commit"])
    explore(*sessions, not_both, IN_ORDER + LATER_IN_LINE, by_the_judge=False)
    found("both of one debtor", *sessions, not_both, IN_ORDER + LATER_IN_LINE + [UNLOCKED_LEASE])


# A1b, the first of its debtor, was given back until later; a step takes it away.
THE_FIRST_KEPT_BACK = ["update dunlin.task_open o set wakes = now() + interval '1 hour', reason = 'nobody there' from dunlin.instance_key k "
                       "where (k.bucket, k.case_id, k.id) = (o.bucket, o.case_id, o.instance_id) and k.key = 'A1b'",
                       "create table public.known as select o.task, o.bucket, o.case_id from dunlin.task_open o where o.reason = 'nobody there'"]
STEPS_ON = "update dunlin.case_file c set step_no = step_no + 1 from public.known h where (c.bucket, c.case_id) = (h.bucket, h.case_id)"


def test_order_a_step_and_a_lease():
    """Whoever is passed over while a step takes the one before it away does not wait for it."""
    def nobody_waits(sql, a, b):
        rows = sql.all("select key, reason, wakes from dunlin.queue where queue = 'call' and reason like 'in order: %%'")
        assert not rows, f"waits for what is gone: {rows}"

    leases = ["begin", lease("a", 3), "commit"]
    ends, brings = as_a_commit_ends("public.known"), as_a_commit("bring_next", "public.known", "bucket", "case_id")
    explore(leases, ["begin", STEPS_ON, ends, brings, "commit"], nobody_waits, IN_ORDER + THE_FIRST_KEPT_BACK, by_the_judge=False)
    found("waits for what is gone", leases, ["begin", STEPS_ON, ends, "commit"], nobody_waits, IN_ORDER + THE_FIRST_KEPT_BACK)
    found("waits for what is gone", leases, ["begin", STEPS_ON, ends, brings, "commit"], nobody_waits, IN_ORDER + THE_FIRST_KEPT_BACK + [UNLOCKED_LEASE])


def nobody_forgotten(sql, a, b):
    waits = sql.all("select key, reason, wakes from dunlin.queue where queue = 'call' and reason like 'in order: %%'")
    ended = sql.value("select count(*) from dunlin.task_done where status = 2")
    assert not (ended and waits), waits


A_COMPLETION = [lease("a", 1), "begin", ("done", "select dunlin.complete('{lease_task}', {lease_epoch}, 'busy')"), "commit"]
THE_FIRST_FIRST = ["update dunlin.task_open o set priority = 5000 from dunlin.instance_key k where (k.bucket, k.case_id, k.id) = (o.bucket, o.case_id, o.instance_id) and k.key = 'A1b'"]


def test_order_a_completion_and_a_lease():
    """Whoever is passed over while the one before it ends is not forgotten: it is out, or in line, or waits for the outcome to be read."""
    explore(A_COMPLETION, ["begin", lease("b", 3), "commit"], nobody_forgotten, IN_ORDER + THE_FIRST_FIRST, by_the_judge=False)


def test_order_a_completion_without_the_lock():
    """The specification finds it when a completion does not wait for a lease that is passing over the next one."""
    unlocked = without("complete", "and not s.merge and not s.in_order for update of t", "and not s.merge for update of t")
    found("in order", A_COMPLETION, ["begin", lease("b", 3), "commit"], nobody_forgotten, IN_ORDER + THE_FIRST_FIRST + [unlocked])


def excluded(until):
    return f"select dunlin.set_override('account', 'A1', 'exclude', null, now() + interval '{until}', 'she is ill', who => 'eva')"


def test_override_and_its_end():
    """One supervisor ends an override and gives another, one gives it again: in any order one stands, and nobody waits for ever."""
    def one_stands(sql, a, b):
        assert sql.value("select count(*) from dunlin.override where lifted_at is null") == 1
        lifted = next(result for label, result in b.log if label == "lift")
        assert not isinstance(lifted, str) or lifted.startswith("DU034"), lifted

    sessions = ["begin", ("again", excluded("2 days")), "commit"], ["begin", ("lift", "select dunlin.lift_override(1, 'greta')"), ("new", excluded("3 days")), "commit"]
    explore(*sessions, one_stands, [excluded("1 day")], by_the_judge=False)
    unlocked = without("lift_override", "for no key update of f;", ";")
    found("both wait", *sessions, one_stands, [excluded("1 day"), unlocked])


ANNA = """select dunlin.put_workers('[{"worker": "anna", "capacity": "1", "queues": "%s"}]')"""


def test_one_worker_leases_twice():
    """The capacity holds for two calls at once."""
    def judge(sql, a, b):
        held = sql.value("select count(*) from dunlin.task_open where status = 1")
        assert held <= 1, f"{held} held, capacity 1"

    explore(["begin", lease("anna", 1), "commit"], ["begin", lease("anna", 1), "commit"], judge, [IN_LINE, ANNA % ""])


def test_lists_are_filled_twice_and_others_lease():
    """A list has no more than the capacity, and what is on it nobody else has."""
    def judge(sql, a, b):
        rows = sql.all("select o.task, o.status, w.name as worker, x.name as assigned from dunlin.task_open o left join dunlin.worker w on w.id = o.worker join dunlin.worker x on x.id = o.assigned")
        assert len(rows) <= 1, rows
        assert all(r.worker in (None, r.assigned) for r in rows), rows

    fill = "select dunlin.fill_day_lists()"
    explore(["begin", fill, "commit"], ["begin", fill, "commit"], judge, [IN_LINE, ANNA % "call"])
    explore(["begin", fill, "commit"], ["begin", lease("b", 3), "commit"], judge, [IN_LINE, ANNA % "call"])


def test_limits_lease_and_release():
    """A place that is given back is free again, and never given out before."""
    def judge(sql, a, b):
        back = next(rows for label, rows in a.log if label == "release")
        assert not isinstance(back, str), back
        kinds = [r.kind for r in sql.all("select kind from dunlin.contact where kind <> 'none'")]
        assert len(kinds) <= 1, kinds

    explore(["begin", ("release", "select dunlin.release(task, epoch) from public.held"), "commit"], ["begin", lease("b", 1), "commit"], judge,
            [IN_LINE, "create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)", "update dunlin.task_open set wakes = 'infinity' where instance_id = case_id or "
             "case_id in (select case_id from dunlin.instance_key where key = 'D2')"], base=ONCE)


def test_limits_contact_and_lease():
    """A contact told by an agency and a hand-out: both stand only if the hand-out was decided first, and then dialling is refused."""
    def judge(sql, a, b):
        contacts = sql.all("""select source, recorded_at, task from dunlin.contact where kind <> 'none' and case_id = (select case_id from dunlin.instance_key where key = 'A2')
                              order by recorded_at""")
        assert [c.source for c in contacts] in (["agency"], ["queue", "agency"]), contacts
        if len(contacts) == 2:
            answer = sql.one("select * from dunlin.may_contact(%s)", contacts[0].task)
            assert not answer.allowed and "at most 1 in any 30 days" in answer.reason, answer

    explore(["begin", ("told", "select dunlin.record_contact('agency', '1', 'account', 'A2', 'call', now())"), "commit"], ["begin", lease("b", 3), "commit"], judge, [IN_LINE], base=ONCE)


def test_limits_dialling_and_lease():
    """Who holds the only place may dial, whatever others ask for meanwhile; they get none of this debtor."""
    def judge(sql, a, b):
        answers = [rows[0].allowed for label, rows in a.log if label == "ask"]
        assert answers == [True], a.log
        assert {r.debtor for r in rows_of(b, "lease")} <= {"D2"}

    explore(["begin", ("ask", "select allowed, reason from public.held, dunlin.may_contact(task)"), "commit"], ["begin", lease("b", 3), "commit"], judge,
            [IN_LINE, "create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)"], base=ONCE)


def test_limits_dialling_and_contact():
    """What an agency told before the question is in the answer."""
    def judge(sql, a, b):
        allowed, asked = next((rows[0].allowed, rows[0].asked) for label, rows in a.log if label == "ask")
        committed = rows_of(b, "committed")[0].at
        # Between its own statement and the commit of another either answer is right.
        assert allowed or sql.value("select count(*) from dunlin.contact where source = 'agency'") == 1
        assert not (allowed and committed < asked), "an agency's contact was not seen"

    explore([("ask", "select allowed, reason, statement_timestamp() as asked from public.held, dunlin.may_contact(task)")],
            ["begin", "select dunlin.record_contact('agency', '1', 'account', 'A1', 'call', now())", "commit", ("committed", "select clock_timestamp() as at")], judge,
            [IN_LINE, "create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)"], base=ONCE)


def test_limits_outcome_and_lease():
    """Between the outcome and the step that reads it nothing goes out; a contact is counted once, as it was held or as it is known."""
    def judge(sql, a, b):
        assert {r.debtor for r in rows_of(b, "lease")} <= {"D2"}, "the debtor was called already"

    explore(["begin", ("complete", "select dunlin.complete(task, epoch, 'busy') from public.held"), "commit"], ["begin", lease("b", 3), "commit"], judge,
            [IN_LINE, "create table public.held as select task, epoch from dunlin.lease('call', 'a', 1)"], base=ONCE)


if __name__ == "__main__":
    run_all(sys.modules[__name__])
