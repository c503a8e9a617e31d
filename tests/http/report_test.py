#!/usr/bin/env python3
"""Reports as JSON, CSV and workbooks: the same figures in all three, and the right ones: report_test.py DUNLIN STDLIB"""
import csv, io, json, re, sys, zipfile
from served import BUNDLE, Served

s = Served(sys.argv[1], sys.argv[2])
s.portfolio(30)
admin, analyst, operator = s.token("administrator", "admin"), s.token("analyst", "anton"), s.token("operator", "olaf")
s.start()
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": BUNDLE}]})
s.until("tasks", lambda: len(s.ask("GET", "/v1/tasks?limit=500", admin)["items"]) == 19)
for outcome, payload, n in [("promises", {"amount": 10}, 3), ("refuses", {}, 2)]:
    for task in s.ask("POST", "/v1/queues/call/lease", operator, {"n": n})["items"]:
        s.ask("POST", f"/v1/tasks/{task['task']}/complete", operator, {"epoch": task["epoch"], "outcome": outcome, "payload": payload})
leased = s.ask("POST", "/v1/queues/call/lease", operator, {"n": 4})["items"]
s.until("promised", lambda: any(r["stage"] == "soft.promised" and r["standing"] == 3 for r in s.ask("GET", "/v1/reports/funnel", analyst)["items"]))


def cells(data):
    """Rows of the first sheet of a workbook, as texts."""
    book = zipfile.ZipFile(io.BytesIO(data))
    texts = re.findall(r"<t[^>]*>([^<]*)</t>", book.read("xl/sharedStrings.xml").decode()) if "xl/sharedStrings.xml" in book.namelist() else []
    rows = []
    for row in re.findall(r"<row[^>]*>(.*?)</row>", book.read("xl/worksheets/sheet1.xml").decode(), re.S):
        rows.append([])
        for kind, inner in re.findall(r"<c [^>]*?(t=\"\w+\")?>(.*?)</c>", row, re.S):
            value = re.search(r"<(?:v|t)[^>]*>([^<]*)</(?:v|t)>", inner).group(1)
            rows[-1].append(texts[int(value)] if kind == 't="s"' else value)
    return rows


import urllib.request
for name in ("funnel", "queues", "contacts"):
    body = s.ask("GET", f"/v1/reports/{name}", analyst)
    plain = [body["columns"]] + [["" if row[c] is None else str(row[c]) for c in body["columns"]] for row in body["items"]]
    status, text, headers = s.call("GET", f"/v1/reports/{name}?format=csv", analyst)
    s.check(f"{name}: csv", list(csv.reader(io.StringIO(text))) == plain, f"{text} {plain}")
    s.check(f"{name}: to be saved", headers["Content-Disposition"] == f'attachment; filename="{name}.csv"' and headers["Content-Type"].startswith("text/csv"), headers)
    request = urllib.request.Request(s.url + f"/v1/reports/{name}?format=xlsx", headers={"Authorization": "Bearer " + analyst})
    sheet = cells(urllib.request.urlopen(request).read())
    same = len(sheet) == len(plain) and all(len(a) == len([x for x in b if x != ""]) or len(a) == len(b) for a, b in zip(sheet, plain))
    s.check(f"{name}: workbook", sheet[0] == plain[0] and same and all(float(x) == float(y) for a, b in zip(sheet[1:], plain[1:]) for x, y in zip(a[1:], [v for v in b if v != ""][1:]) if re.fullmatch(r"[\d.]+", y)), f"{sheet} {plain}")
    s.check(f"{name}: an unknown format", s.call("GET", f"/v1/reports/{name}?format=pdf", analyst)[0] == 422)
    s.check(f"{name}: a date that is none", s.call("GET", f"/v1/reports/{name}?from=often", analyst)[0] == 422)
    s.check(f"{name}: no right", s.call("GET", f"/v1/reports/{name}", operator)[0] == 403)
queue = s.ask("GET", "/v1/reports/queues", analyst)["items"][0]
tasks = s.ask("GET", "/v1/tasks?limit=500", admin)["items"]
s.check("done", queue["done"] == 5 and float(queue["cost"]) == 5, queue)
s.check("open as they are", queue["ready"] == sum(t["status"] == "ready" for t in tasks) and queue["leased"] == 4, queue)
s.check("created", queue["created"] == queue["done"] + queue["withdrawn"] + len(tasks), queue)
stages = {r["stage"]: r for r in s.ask("GET", "/v1/reports/funnel", analyst)["items"]}
s.check("funnel", stages["soft.calling"]["standing"] == 26 and stages["soft.calling"]["entered"] == 29 and stages["soft.calling"]["gone"] == 3, stages)
contacts = s.ask("GET", "/v1/reports/contacts", analyst)["items"]
s.check("contacts", sum(c["contacts"] for c in contacts if c["kind"] == "reserved") == 4 and sum(c["contacts"] for c in contacts) == 9, contacts)
s.check("another period", s.ask("GET", "/v1/reports/queues?from=2001-01-01&to=2001-02-01", analyst)["items"][0]["done"] == 0)
s.end()
