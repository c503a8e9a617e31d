#!/usr/bin/env python3
"""Live changes: WebSocket and server-sent events tell the same, to those who may, and to nobody who reads too slowly. Against a real server."""
import json, sys, time
from served import BUNDLE, Served
from streams import Stream

s = Served(*sys.argv[1:3])
two = BUNDLE.replace("queue call {", "queue field { cost 5, fields { holder : text? personal } }\nqueue call {").replace(
    "on call.promises", 'keep field "visit" while overdue > 200 { fields { holder: holder } }\n    on call.promises')
folder = s.portfolio(bundle=two)
s.start("--set", "limits.streams_of_client=3", "--set", "server.stream_beat_seconds=1")
admin, operator, analyst = (s.token(role, role) for role in ("administrator", "operator", "analyst"))
events_only = s.run("token", "create", "--rights", "events", "--name", "gateway")

# ---- who may ----
s.check("no token", Stream(s).status == 401 and Stream(s, web=True).status == 401)
s.check("a wrong token", Stream(s, token="dun_x", web=True).status == 401)
s.check("neither reads nor works", Stream(s, token=events_only).status == 403)
s.check("unknown field", Stream(s, "/v1/stream?nonsense=1", admin).status == 422)

# ---- before there is a version; then a switch is told at once ----
sse, web = Stream(s, token=analyst).read(), Stream(s, token=admin, web=True).read()
browser = Stream(s, web=True, offered="dunlin, token." + operator).read()
s.check("the token as browsers send it", browser.status == 101 and browser.headers.get("sec-websocket-protocol") == "dunlin", browser.headers)
s.check("status", sse.status == 200 and sse.headers["content-type"] == "text/event-stream" and web.status == 101)
s.until("all is told at first", lambda: all(r.last("version") == {"version": 0, "bundle": None, "in_use": 0} and r.last("database") == {"there": True} for r in (sse, web, browser)), 20)
s.ask("POST", "/v1/bundles/apply", admin, {"files": [{"path": "api.dun", "text": two}]})
for reader, who in ((sse, "server-sent events"), (web, "WebSocket"), (browser, "the browser")):
    s.until(who + " hears of the version", lambda: (reader.last("version") or {}).get("in_use") == 1, 60)
    s.until(who + " hears of the tasks", lambda: (reader.last("queue", "call") or {}).get("ready") == 19 and (reader.last("queue", "field") or {}).get("ready") == 9, 60)

# ---- what people do is told, and only what changed ----
seen = len(web.events)
begin = time.time()
leased = s.ask("POST", "/v1/queues/call/lease", operator, {"n": 2})["items"]
s.until("leased", lambda: sse.last("queue", "call") == {"queue": "call", "ready": 17, "leased": 2, "held": 0, "paused": False}, 20)
s.until("leased, on the socket", lambda: web.last("queue", "call")["leased"] == 2, 20)
print(f"told {next(at for kind, data, at in web.events[seen:] if data.get('leased') == 2) - begin:.3f} s after the call began")
s.check("nothing is said twice", [e for e in web.events[seen:] if e[1].get("queue") == "field"] == [], web.events[seen:])
s.ask("POST", "/v1/queues/field/pause", admin, {"reason": "rain"})
s.until("paused", lambda: web.last("queue", "field")["paused"] is True, 20)
only = Stream(s, "/v1/stream?queue=call", analyst).read()
s.until("one queue", lambda: only.last("queue", "call"), 20)
s.check("and no other", only.last("queue", "field") is None)

# ---- what others do is told too: the truth is looked up ----
s.write("bundle/api.dun", two.replace("overdue > 200", "overdue > 250"))
s.run("apply", folder, "--yes", "--reason", "fewer visits")
s.until("a version from the command line", lambda: (web.last("version") or {}).get("version") == 2, 20)
s.until("and its tasks", lambda: web.last("queue", "field")["ready"] == 4, 30)

# ---- nothing personal is in it ----
told = json.dumps([r.events for r in (sse, web, browser)])
s.check("nothing personal", "Invented" not in told and "A02" not in told)

# ---- limits, ends ----
more = [Stream(s, token=analyst) for _ in range(2)]
s.check("no more than three of one client", [m.status for m in more] == [200, 429], [m.status for m in more])
more[0].close()
s.until("a place is free again", lambda: (lambda again: again.status == 200 and (again.close() or True))(Stream(s, token=analyst)), 20)
metrics = s.call("GET", "/metrics", admin)[1]
s.check("counted", "dunlin_http_streams " in metrics and "dunlin_http_streams 0" not in metrics)
talker = Stream(s, token=operator, web=True).read()
talker.say(1, b"hello")
s.until("nothing is taken from readers", lambda: talker.close_code == 1008, 20)
time.sleep(2.5)  # beats and pings go by
s.check("quiet streams live", not sse.over and not web.over)
listed = json.loads(s.run("token", "list", "--json"))["tokens"]
s.run("token", "revoke", str(next(t["id"] for t in listed if t["name"] == "operator")))
s.until("a revoked token ends its stream", lambda: browser.over, 30)
s.check("the others go on", not web.over and not sse.over)
s.check("no token in the log", operator not in s.log())

# ---- a stop says goodbye ----
s.server.terminate()
s.until("the streams end", lambda: sse.over and web.over, 30)
s.check("going away", web.close_code == 1001, web.close_code)
s.check("ends well", s.server.wait(60) == 0)
s.end()
