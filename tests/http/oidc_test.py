#!/usr/bin/env python3
"""Tokens of an identity provider: a small issuer of the test's own, keys that rotate, and every way of cheating: oidc_test.py DUNLIN STDLIB

Signs with the program `openssl`.
"""
import base64, collections, hashlib, hmac, http.server, json, os, shutil, subprocess, sys, threading, time
from served import BUNDLE, Served

if not shutil.which("openssl"):
    print("skipped: there is no openssl to sign with")
    sys.exit(77)
s = Served(sys.argv[1], sys.argv[2])


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Key:
    def __init__(self, kid, kind="RS256", bits=2048):
        self.kid, self.kind, self.file = kid, kind, f"{s.work}/{kid}.pem"
        words = ["-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"] if kind == "RS256" else ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subprocess.run(["openssl", "genpkey", *words, "-out", self.file], check=True, capture_output=True)
        der = subprocess.run(["openssl", "pkey", "-in", self.file, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
        if kind == "RS256":
            text = subprocess.run(["openssl", "rsa", "-in", self.file, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
            self.jwk = {"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": b64(bytes.fromhex(text.strip().split("=")[1])), "e": "AQAB"}
        else:
            self.jwk = {"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(der[-64:-32]), "y": b64(der[-32:])}
        self.public = subprocess.run(["openssl", "pkey", "-in", self.file, "-pubout"], check=True, capture_output=True).stdout

    def sign(self, text):
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.file], input=text.encode(), check=True, capture_output=True).stdout
        if self.kind == "RS256":
            return signature
        numbers, at = [], 2  # DER: 30 len 02 len r 02 len s
        for _ in range(2):
            size = signature[at + 1]
            numbers.append(int.from_bytes(signature[at + 2:at + 2 + size], "big").to_bytes(32, "big"))
            at += 2 + size
        return b"".join(numbers)

    def token(self, header=None, signed_by=None, **claims):
        body = {"iss": issuer, "aud": "dunlin", "sub": "erin", "exp": int(time.time()) + 300, "iat": int(time.time()), "roles": ["analyst"]}
        body.update(claims)
        head = {"alg": self.kind, "kid": self.kid, "typ": "JWT"}
        head.update(header or {})
        text = b64(json.dumps(head).encode()) + "." + b64(json.dumps({k: v for k, v in body.items() if v is not None}).encode())
        return text + "." + b64((signed_by or self.sign)(text))


class Issuer(http.server.BaseHTTPRequestHandler):
    keys, asked, broken = [], collections.Counter(), False

    def do_GET(self):
        self.asked[self.path] += 1
        body = {"/realm/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": issuer + "/keys"}, "/realm/keys": {"keys": [k.jwk if isinstance(k, Key) else k for k in self.keys]}}.get(self.path)
        data = json.dumps(body).encode()
        self.send_response(500 if self.broken else 200 if body else 404)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


provider = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Issuer)
issuer = f"http://127.0.0.1:{provider.server_address[1]}/realm"
threading.Thread(target=provider.serve_forever, daemon=True).start()
first, second, third, elliptic, strange, weak = Key("k1"), Key("k2"), Key("k3"), Key("e1", "ES256"), Key("k1-of-somebody-else"), Key("weak", bits=1024)
Issuer.keys = [first, elliptic, weak, {"kty": "oct", "kid": "secret", "k": b64(b"x" * 32)}, {"kty": "RSA", "kid": "rubbish", "n": "!!", "e": "AQAB"}, {"kid": 7}, 3]

s.portfolio(3)
s.run("serve", "--set", f"oidc.issuer={issuer}", "--check-config", expect=1)  # https is asked for
s.run("serve", "--set", "oidc.issuer=https://id.example", "--set", "oidc.role_names=clerks=king", "--check-config", expect=1)
settings = ["--set", f"oidc.issuer={issuer}", "--set", "oidc.allow_http=true", "--set", "oidc.refresh_seconds=2", "--set", "oidc.unknown_key_seconds=1"]
s.start(*settings)
me = lambda token: s.call("GET", "/v1/me", token)

# ---- good ones ----
for key in (first, elliptic):
    status, text, _ = me(key.token())
    s.check(f"{key.kind} lets in", status == 200 and json.loads(text) == {"name": "erin", "role": "analyst", "rights": ["read"]}, f"{status} {text}")
s.check("an audience among several", me(first.token(aud=["other", "dunlin"]))[0] == 200)
s.check("several roles", set(json.loads(me(first.token(roles=["operator", "auditor", "unknown"]))[1])["rights"]) == {"work", "personal", "read", "audit"})
s.check("roles in one text", set(json.loads(me(first.token(roles="operator auditor"))[1])["rights"]) == {"work", "personal", "read", "audit"})
for roles in ([], None, 7, {"a": 1}, ["king"], [["administrator"]]):
    token = first.token(roles=roles)
    s.check(f"no rights of {roles}", json.loads(me(token)[1])["rights"] == [] and s.call("GET", "/v1/accounts", token)[0] == 403)
s.check("rights are held", s.call("GET", "/v1/accounts", first.token())[0] == 200 and s.call("GET", "/v1/audit", first.token())[0] == 403)

# ---- bad ones ----
now = int(time.time())
good = first.token()
head, body, signature = good.split(".")
none = b64(json.dumps({"alg": "none", "kid": "k1"}).encode())
with_public_key = lambda text: hmac.new(first.public, text.encode(), hashlib.sha256).digest()
bad = {
    "expired": first.token(exp=now - 120), "no exp": first.token(exp=None), "exp is text": first.token(exp="tomorrow"), "exp is huge": first.token(exp=1e300), "not yet": first.token(nbf=now + 300),
    "issued in the future": first.token(iat=now + 300), "another audience": first.token(aud="other"), "no audience": first.token(aud=None), "audience within": first.token(aud="dunlin-other"),
    "another issuer": first.token(iss="https://evil.example"), "no issuer": first.token(iss=None), "issuer with a slash": first.token(iss=issuer + "/"), "no name": first.token(sub=None), "empty name": first.token(sub=""),
    "alg none": none + "." + body + ".", "alg none with a signature": none + "." + body + "." + signature, "alg None": b64(b'{"alg":"None","kid":"k1"}') + "." + body + ".",
    "HS256 with the public key": first.token({"alg": "HS256"}, with_public_key), "RS256 with another key": first.token(signed_by=strange.sign), "ES256 header, RSA key": first.token({"alg": "ES256"}),
    "RS256 header, EC key": elliptic.token({"alg": "RS256"}), "unknown kid": strange.token(), "no kid": first.token({"kid": None}), "kid is a number": first.token({"kid": 1}), "weak key": weak.token(),
    "crit": first.token({"crit": ["exp"]}), "no signature": head + "." + body + ".", "two parts only": head + "." + body, "four parts": good + ".x", "changed body": head + "." + b64(b'{"roles":["administrator"]}') + "." + signature,
    "cut signature": good[:-4], "longer signature": good + "AAAA", "not base64": good[:-1] + "=", "symmetric key of the set": first.token({"kid": "secret"}), "body is a list": head + "." + b64(b"[]") + "." + b64(first.sign(head + "." + b64(b"[]"))),
    "all zero": elliptic.token(signed_by=lambda text: b"\0" * 64),
}
for what, token in bad.items():
    status, text, headers = me(token)
    s.check(f"refused: {what}", status == 401 and "WWW-Authenticate" in headers, f"{status} {text}")
s.check("a token of our own still works", me(s.token("analyst", "ours"))[0] == 200)

# ---- rotation ----
s.check("not known yet", me(second.token())[0] == 401)
Issuer.keys = [first, second]
s.until("a new key is found without a restart", lambda: me(second.token())[0] == 200, 10)
s.check("the old one holds as long as it is listed", me(first.token())[0] == 200)
Issuer.keys = [second]
s.until("and goes when it is withdrawn", lambda: me(first.token())[0] == 401, 10)
before = Issuer.asked["/realm/keys"]
for _ in range(100):
    me(good)  # of a key that is gone
s.check("unknown keys do not make us ask without end", Issuer.asked["/realm/keys"] - before <= 6, Issuer.asked["/realm/keys"] - before)
Issuer.broken = True
time.sleep(2.5)
s.check("known keys hold while the issuer is away", all(me(second.token())[0] == 200 for _ in range(5)))
Issuer.broken = False
issuer_real, issuer = issuer, issuer + "x"  # its description names another issuer
Issuer.keys = [third]
time.sleep(2.5)
issuer = issuer_real
token = third.token()
issuer += "x"
s.check("keys of another issuer are not taken", me(token)[0] == 401)
issuer = issuer_real
s.until("found in the end", lambda: me(third.token())[0] == 200, 10)
s.check("no token in the log", good not in s.log() and signature not in s.log())
s.stop()

# ---- bound by a claim ----
for wrong in ("north", "north=account:x", "north=queues:a&account.:x"):
    s.run("serve", *settings, "--set", "oidc.bindings=" + wrong, "--check-config", expect=1)
s.start(*settings, "--set", "oidc.bindings_claim=desks", "--set", "oidc.bindings=north=account.region:north,south=account.region:south,calls=queues:call,north-calls=queues:call&account.region:north,call-sms=queues:call+sms")
scope = lambda *desks, roles=("analyst",): json.loads(me(third.token(desks=list(desks), roles=list(roles)))[1])
only = lambda *values: [{"entity": "account", "field": "region", "values": sorted(values)}]
s.check("not bound", "bound_to" not in scope() and "bound_to" not in scope("elsewhere"))
s.check("one", scope("north")["bound_to"] == {"cases": only("north")}, scope("north"))
s.check("two values of one field are one part", scope("south", "north")["bound_to"] == {"cases": only("north", "south")})
s.check("the wider of two", scope("north-calls", "north")["bound_to"] == {"cases": only("north")} and scope("north-calls", "calls", "call-sms")["bound_to"] == {"queues": ["call", "sms"]}, scope("north-calls", "calls", "call-sms"))
s.check("two that are no part together", "cannot be one" in scope("north", "calls").get("title", ""), scope("north", "calls"))
s.check("rights to everything", "concerns the whole" in scope("north", roles=["analyst", "designer"]).get("title", ""))
s.check("closed", s.call("GET", "/v1/bundles", third.token(desks=["north"]))[0] == 403 and s.call("GET", "/v1/accounts", third.token(desks=["north"]))[0] == 200)
s.stop()

# ---- names of theirs, claims within claims, four eyes ----
Issuer.keys = [first]
s.start(*settings, "--set", "oidc.roles_claim=realm_access.roles", "--set", "oidc.role_names=change=operations,look=analyst", "--set", "oidc.name_claim=preferred_username", "--set", "bundles.second_person=true")
person = lambda name, *roles: first.token(preferred_username=name, realm_access={"roles": roles}, roles=["administrator"])
s.check("only named roles count", json.loads(me(person("nina", "look", "administrator"))[1])["role"] == "analyst")
number = s.ask("POST", "/v1/bundles/apply", person("nina", "change"), {"files": [{"path": "api.dun", "text": BUNDLE}]}, expect=202)["proposal"]
s.ask("POST", f"/v1/proposals/{number}/approve", person("nina", "change"), {}, expect=403)
s.ask("POST", f"/v1/proposals/{number}/approve", person("nora", "look"), {}, expect=403)
s.check("two people", s.ask("POST", f"/v1/proposals/{number}/approve", person("nora", "change"), {})["activated"])
s.stop()

# ---- an issuer that was never there ----
Issuer.broken = True
s.start(*settings)
s.check("nobody can know", me(first.token())[0] == 503)
Issuer.broken = False
s.until("until it is there", lambda: me(first.token())[0] == 200, 10)
s.end()
