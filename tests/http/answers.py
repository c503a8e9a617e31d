"""What the server answers against what /openapi.json says of it: every answer that a test of this folder sees is compared, good ones and problems: no field that is
not described, none missing that is said to be always there, each of a described type. So are the rows of the bodies that were taken. Which described fields were seen at all is
kept for answers_test (DUNLIN_ANSWERS_SEEN=FILE). DUNLIN_RECORD_ANSWERS=FILE keeps what was seen, a line each: for who describes a new one."""
import atexit, json, os, re, sys, urllib.request


def wrong(schema, value, where, document, seen=None, place=""):
    """Sentences, one for each place where `value` is not what `schema` says. `seen` gets the described fields that are there, by the shape they stand in."""
    seen = set() if seen is None else seen
    if "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        return wrong(document["components"]["schemas"][name], value, where, document, seen, name)
    if "oneOf" in schema:
        tried = []
        for one in schema["oneOf"]:
            fields = set()
            tried.append(wrong(one, value, where, document, fields, place))
            if not tried[-1]:
                seen |= fields
        return [] if [] in tried else [f"{where}: nothing of what it may be: {tried}"]
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list, "null": type(None)}
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    fits = lambda kind: isinstance(value, kinds[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if types and not any(fits(kind) for kind in types):
        return [f"{where}: {type(value).__name__} instead of {'/'.join(types)}"]
    found = []
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where}: `{value}` is not of the form {schema['pattern']}")
    if isinstance(value, list) and "items" in schema:
        for i, one in enumerate(value):
            found += wrong(schema["items"], one, f"{where}[{i}]", document, seen, place + "[]")
    if isinstance(value, dict):
        described = schema.get("properties", {})
        found += [f"{where}: `{name}` is missing" for name in schema.get("required", []) if name not in value]
        for name, one in value.items():
            if name in described:
                seen.add(f"{place}.{name}")
                found += wrong(described[name], one, f"{where}.{name}", document, seen, f"{place}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                seen.add(f"{place}.*")
                found += wrong(schema["additionalProperties"], one, f"{where}.{name}", document, seen, f"{place}.*")
            elif described:  # no fields at all: they are the bundle's
                found.append(f"{where}: `{name}` is not described")
    return found


def fields_of(schema, document, place, into):
    """All described fields below a schema, each shape once, as wrong() names them."""
    if "$ref" in schema:
        place = schema["$ref"].split("/")[-1]
        schema = document["components"]["schemas"][place]
        if any(one.startswith((place + ".", place + "[")) for one in into):
            return
    for one in schema.get("oneOf", []):
        fields_of(one, document, place, into)
    if "items" in schema:
        fields_of(schema["items"], document, place + "[]", into)
    for name, one in schema.get("properties", {}).items():
        into.add(f"{place}.{name}")
        fields_of(one, document, f"{place}.{name}", into)
    if schema.get("additionalProperties"):
        into.add(f"{place}.*")
        fields_of(schema["additionalProperties"], document, f"{place}.*", into)


def described_fields(document):
    """Every field of every JSON answer."""
    into = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                for kind, content in answer["content"].items():
                    if kind.endswith("json"):
                        fields_of(content.get("schema", {}), document, f"{method.upper()} {path}", into)
    return into


class Answers:
    def __init__(self):
        self.documents, self.seen = {}, set()
        if "DUNLIN_ANSWERS_SEEN" in os.environ:
            atexit.register(self.keep, os.environ["DUNLIN_ANSWERS_SEEN"])

    def keep(self, file):
        binary = os.stat(sys.argv[1])
        described = set().union(*(described_fields(document) for document, _ in self.documents.values()))
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w") as out:
            json.dump({"binary": [binary.st_mtime_ns, binary.st_size], "described": sorted(described), "seen": sorted(self.seen)}, out)

    def document(self, url):
        if url not in self.documents:
            with urllib.request.urlopen(url + "/openapi.json", timeout=60) as answer:
                document = json.load(answer)
            routes = [(re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(path)) + "$"), path) for path in document["paths"]]
            # /v1/events/batch before /v1/events/{event}
            self.documents[url] = document, sorted(routes, key=lambda one: one[1].count("{"))
        return self.documents[url]

    def route(self, url, method, path):
        document, routes = self.document(url)
        return next((named for pattern, named in routes if pattern.match(path.split("?")[0]) and method.lower() in document["paths"][named]), None)

    def wrong(self, url, method, path, status, kind, text, body=None):
        """What in an answer is not as described, and what in the rows of the body (`body`, as it was sent) that were taken."""
        if method not in ("GET", "POST", "PUT", "DELETE"):
            return []
        document, _ = self.document(url)
        route = self.route(url, method, path)
        kind = kind.split(";")[0].strip()
        if route is None:
            if status < 400:
                return [f"{method} {path}: answered, and not described"]
            described = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}  # there is nothing at this address
        else:
            responses = document["paths"][route][method.lower()]["responses"]
            described = responses.get(str(status), responses["default"] if status >= 400 else {}).get("content", {})
        if kind not in described:
            return [f"{method} {route or path}: {status} with {kind} is not described"]
        if not kind.endswith("json"):
            return []
        value = json.loads(text)
        if "DUNLIN_RECORD_ANSWERS" in os.environ and status < 400:
            with open(os.environ["DUNLIN_RECORD_ANSWERS"], "a") as file:
                file.write(json.dumps([method, route, status, value]) + "\n")
        found = wrong(described[kind].get("schema", {}), value, f"{method} {route or path} {status}", document, self.seen, f"{method} {route}")
        if kind == "application/problem+json" and value.get("status") != status:
            found.append(f"{method} {path}: says {value.get('status')} and is {status}")
        if status < 300 and isinstance(body, dict) and route is not None and method != "GET":
            found += self.wrong_rows(document, document["paths"][route][method.lower()], body, value, f"{method} {route}")
        return found[:5]

    def wrong_rows(self, document, operation, body, answer, where):
        """Rows of lists in a body that was taken, without those that were refused by themselves."""
        found = []
        for name, schema in operation["requestBody"]["content"]["application/json"]["schema"]["properties"].items():
            if schema["type"] != "array" or not isinstance(body.get(name), list):
                continue
            if "items" not in schema:
                found.append(f"{where}: what each of `{name}` looks like is not described")
                continue
            results = answer.get("results", []) if isinstance(answer, dict) else []
            refused = {row["line"] - 1 for row in answer.get("rejected") or [] if isinstance(row, dict) and "line" in row} if isinstance(answer, dict) else set()
            for i, row in enumerate(body[name]):
                if (i >= len(results) or results[i].get("result") != "refused") and i not in refused:
                    found += wrong(schema["items"], row, f"{where} `{name}`[{i}]", document)
        return found
