#!/usr/bin/env python3
"""People of a directory: slapd from Debian with invented people, groups that become roles, and every way in that must stay shut: ldap_test.py DUNLIN STDLIB"""
import base64, json, os, shutil, socket, subprocess, sys, time
from served import BUNDLE, Served

SLAPD = shutil.which("slapd") or next((p for p in ("/usr/sbin/slapd", "/usr/lib/slapd") if os.path.exists(p)), None)
if not (SLAPD and shutil.which("ldapadd") and shutil.which("openssl")):
    print("skipped: there is no slapd, ldapadd or openssl")
    sys.exit(77)
s = Served(sys.argv[1], sys.argv[2])
BASE = "dc=house,dc=example"
PEOPLE = {"anna": "green ladder", "Boris": "blue, ladder", "o(d)d*": "odd one", "eve": "nobody", "su,per=x": "comma"}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Directory:
    def __init__(self):
        self.folder, self.port, self.tls_port = s.work + "/directory", free_port(), free_port()
        os.makedirs(self.folder + "/data")
        run = lambda *words: subprocess.run(words, cwd=self.folder, check=True, capture_output=True)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Invented Authority", "-days", "2")
        run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "req.pem", "-subj", "/CN=localhost")
        with open(self.folder + "/names", "w") as file:
            file.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        run("openssl", "x509", "-req", "-in", "req.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem", "-days", "2", "-extfile", "names")
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=Another Authority", "-days", "2")
        with open(self.folder + "/slapd.conf", "w") as file:
            file.write(f"""include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {self.folder}/pid
TLSCACertificateFile {self.folder}/ca.pem
TLSCertificateFile {self.folder}/cert.pem
TLSCertificateKeyFile {self.folder}/key.pem
database mdb
suffix "{BASE}"
rootdn "cn=keeper,{BASE}"
rootpw keeper-secret
directory {self.folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
""")
        self.process = None
        self.start()
        entries = [f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: House\ndc: house\n"]
        entries += [f"dn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}\n" for name in ("people", "groups")]
        member = lambda name: base64.b64encode(self.dn(name).encode()).decode()
        for name, password in PEOPLE.items():
            entries.append(f"dn:: {member(name)}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: Invented {name}\nsn: {name}\nuserPassword: {password}\n")
        for group, names in {"Callers": ["anna"], "Change": ["Boris", "su,per=x"], "Readers": ["anna", "o(d)d*"], "administrator": ["eve"]}.items():
            entries.append(f"dn: cn={group},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {group}\n" + "".join(f"member:: {member(name)}\n" for name in names))
        with open(self.folder + "/people.ldif", "w") as file:
            file.write("\n".join(entries))
        run("ldapadd", "-x", "-H", self.plain, "-D", f"cn=keeper,{BASE}", "-w", "keeper-secret", "-f", "people.ldif")

    @staticmethod
    def dn(name):
        return "uid=" + "".join("\\" + c if c in ',=+<>#;"\\' else c for c in name) + ",ou=people," + BASE

    def start(self):
        self.plain, self.tls = f"ldap://127.0.0.1:{self.port}/", f"ldaps://127.0.0.1:{self.tls_port}/"
        self.process = subprocess.Popen([SLAPD, "-d", "0", "-f", self.folder + "/slapd.conf", "-h", f"{self.plain} {self.tls}"], stderr=subprocess.DEVNULL)
        end = time.time() + 30
        while time.time() < end:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def me(name, password):
    status, text, _ = s.call("GET", "/v1/me", headers=basic(name, password))
    return status, json.loads(text)


def settings(**given):
    words = []
    for name, value in given.items():
        words += ["--set", f"ldap.{name}={value}"]
    return words


directory = Directory()
try:
    direct = dict(user="uid={name},ou=people," + BASE, group_base="ou=groups," + BASE, role_names="Callers=operator,Readers=analyst,Change=operations", remember_seconds=1, failures_a_minute=4, seconds=2)
    # ---- settings that would let passwords be heard, or nobody in ----
    for wrong in ({"url": directory.plain}, {"url": "http://x"}, {"url": directory.tls, "start_tls": "true"}, {"url": directory.tls, "role_names": "Callers=king"}, {"url": directory.tls, "user": "uid=anna"},
                  {"url": directory.tls, "user": ""}, {"url": directory.tls, "group_base": ""}):
        s.run("serve", *settings(**dict(direct, **wrong)), "--check-config", expect=1)
    s.run("serve", *settings(**dict(direct, url=directory.tls)), "--check-config")
    s.run("serve", "--address", "0.0.0.0", *settings(**dict(direct, url=directory.tls)), "--check-config", expect=1)
    shown = s.run("serve", *settings(**dict(direct, url=directory.tls, service="cn=x", service_password="hush-hush")), "--check-config")
    s.check("no secret is shown", "hush-hush" not in shown)

    for what, road in {"ldaps": dict(url=directory.tls, authorities_file=directory.folder + "/ca.pem"), "StartTLS": dict(url=directory.plain, start_tls="true", authorities_file=directory.folder + "/ca.pem"),
                       "plain": dict(url=directory.plain, allow_plain="true")}.items():
        s.start(*settings(**direct, **road))
        s.check(f"{what}: groups are roles", me("anna", "green ladder") == (200, {"name": "anna", "role": "operator, analyst", "rights": ["personal", "read", "work"]}), me("anna", "green ladder"))
        s.check(f"{what}: a wrong password", me("anna", "green Ladder")[0] == 401)
        if what != "plain":
            s.stop()
    # ---- one person, however the name is typed ----
    for typed in ("ANNA", "Anna", "anna"):
        s.check(f"{typed} is anna", me(typed, "green ladder")[1].get("name") == "anna")
    s.check("Boris", me("boris", "blue, ladder")[1].get("name") == "Boris")
    s.check("awkward names", me("o(d)d*", "odd one")[1].get("role") == "analyst" and me("su,per=x", "comma")[1].get("role") == "operations")
    s.check("a group called as our role gives nothing", me("eve", "nobody")[1].get("rights") == [])
    s.check("rights are held", s.call("GET", "/v1/accounts", headers=basic("anna", "green ladder"))[0] == 200 and s.call("GET", "/v1/audit", headers=basic("anna", "green ladder"))[0] == 403)
    # ---- ways in that stay shut ----
    for name, password in (("anna", ""), ("", ""), ("", "x"), ("*", "green ladder"), ("an*", "green ladder"), ("anna)(uid=*", "green ladder"), ("anna,ou=people", "green ladder"), ("anna\0", "green ladder"), ("anna", "green ladder\0"),
                           ("x" * 200, "x"), ("anna", "x" * 3000), ("ghost", "green ladder"), (f"cn=keeper,{BASE}", "keeper-secret")):
        s.check(f"shut: {name[:20]!r}", me(name, password)[0] == 401)
    for header in ("Basic", "Basic ", "Basic !!!!", "Basic YW5uYQ==", "Basic " + "A" * 9000, "basic x", "Digest x"):
        s.check(f"shut: {header[:12]}", s.call("GET", "/v1/me", headers={"Authorization": header})[0] == 401)
    # ---- guessing ----
    answers = [me("boris", f"guess {i}")[1]["title"] for i in range(6)]
    s.check("guessing has to wait", "too many" not in answers[3] and "too many" in answers[4], answers)
    s.check("the right one too", me("BORIS", "blue, ladder")[0] in (200, 401) and "too many" in me("boris", "another")[1]["title"])
    s.check("others need not", me("anna", "green ladder")[0] == 200)
    # ---- a group that somebody has left, a directory that is away ----
    change = f"dn: cn=Callers,ou=groups,{BASE}\nchangetype: modify\nreplace: member\nmember: {Directory.dn('eve')}\n"
    subprocess.run(["ldapmodify", "-x", "-H", directory.plain, "-D", f"cn=keeper,{BASE}", "-w", "keeper-secret"], input=change, text=True, check=True, capture_output=True)
    s.until("a right that was taken away is gone", lambda: me("anna", "green ladder")[1].get("role") == "analyst", 10)
    token = s.token("analyst", "ours")
    directory.stop()
    time.sleep(1.5)
    begin = time.time()
    s.check("nobody can know", me("anna", "green ladder")[0] == 503 and time.time() - begin < 10)
    s.check("our own tokens work", s.call("GET", "/v1/me", token)[0] == 200)
    # A directory that takes the connection and says nothing.
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        silent.bind(("127.0.0.1", directory.port))
        silent.listen(8)
        begin = time.time()
        s.check("silence ends", me("anna", "green ladder")[0] == 503 and time.time() - begin < 12, time.time() - begin)
    directory.start()
    s.until("it is back", lambda: me("anna", "green ladder")[0] == 200, 20)
    s.stop()

    # ---- bound by their groups ----
    for wrong in ("Callers", "Callers=", "Callers=queues", "Callers=queues:", "Callers=call", "=queues:call", "Callers=queues:call&queues:x", "Callers=queues:a,Callers=queues:b"):
        s.run("serve", *settings(**dict(direct, url=directory.tls, bindings=wrong)), "--check-config", expect=1)
    s.start(*settings(**dict(direct, url=directory.plain, allow_plain="true", bindings="Readers=queues:call+sms&account.region:north,Change=queues:call", failures_a_minute=50)))
    s.check("a group binds", me("anna", "green ladder")[1].get("bound_to") == {"queues": ["call", "sms"], "cases": [{"entity": "account", "field": "region", "values": ["north"]}]}, me("anna", "green ladder"))
    s.check("what concerns everything is closed", s.call("GET", "/v1/bundles", headers=basic("anna", "green ladder"))[0] == 403)
    status, body = me("boris", "blue, ladder")
    s.check("a right to everything cannot be bound", status == 401 and "concerns the whole" in body["title"], body)
    s.check("who is in no such group is not bound", "bound_to" not in me("eve", "nobody")[1])
    s.stop()

    # ---- searched for by a service; the certificate of somebody else ----
    searched = dict(direct, user="", search_base="ou=people," + BASE, service=f"cn=keeper,{BASE}", service_password="keeper-secret", url=directory.tls)
    s.start(*settings(**dict(searched, authorities_file=directory.folder + "/ca.pem", user_filter="(|(uid={name})(cn=Invented {name}))")))
    s.check("searched", me("anna", "green ladder")[1].get("role") == "analyst" and me("Boris", "blue, ladder")[1].get("role") == "operations")
    s.check("searched in vain", me("*", "green ladder")[0] == 401 and me("anna", "x")[0] == 401 and me("ghost", "x")[0] == 401)
    s.stop()
    s.start(*settings(**dict(searched, authorities_file=directory.folder + "/other.pem")))
    s.check("not the directory of the house", me("anna", "green ladder")[0] == 503)
    said = s.log()
    s.check("no password in the log", not any(word in said for word in [*PEOPLE.values(), "keeper-secret", "guess 1", base64.b64encode(b"anna:green ladder").decode()]))
    s.stop()
finally:
    directory.process.terminate()
s.end()
