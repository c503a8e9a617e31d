"""What the server answers against what /openapi.json says of it: every good answer that a test of this folder sees is compared, both ways: no field that is not
described, none missing that is said to be always there, each of a described type. So neither can change without the other. DUNLIN_RECORD_ANSWERS=FILE keeps what was seen, a
line each: for who describes a new one."""
import json, os, re, urllib.request


def wrong(schema, value, where, document):
    """Sentences, one for each place where `value` is not what `schema` says."""
    if "$ref" in schema:
        return wrong(document["components"]["schemas"][schema["$ref"].split("/")[-1]], value, where, document)
    if "oneOf" in schema:
        tried = [wrong(one, value, where, document) for one in schema["oneOf"]]
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
            found += wrong(schema["items"], one, f"{where}[{i}]", document)
    if isinstance(value, dict):
        described = schema.get("properties", {})
        found += [f"{where}: `{name}` is missing" for name in schema.get("required", []) if name not in value]
        for name, one in value.items():
            if name in described:
                found += wrong(described[name], one, f"{where}.{name}", document)
            elif isinstance(schema.get("additionalProperties"), dict):
                found += wrong(schema["additionalProperties"], one, f"{where}.{name}", document)
            elif described:  # no fields at all: they are the bundle's
                found.append(f"{where}: `{name}` is not described")
    return found


class Answers:
    def __init__(self):
        self.documents = {}

    def document(self, url):
        if url not in self.documents:
            with urllib.request.urlopen(url + "/openapi.json", timeout=60) as answer:
                document = json.load(answer)
            routes = [(re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(path)) + "$"), path) for path in document["paths"]]
            # /v1/events/batch before /v1/events/{event}
            self.documents[url] = document, sorted(routes, key=lambda one: one[1].count("{"))
        return self.documents[url]

    def wrong(self, url, method, path, status, kind, text):
        """What in a good answer is not as described; other answers are problems and have their own tests."""
        if not 200 <= status < 300 or method not in ("GET", "POST", "PUT", "DELETE"):
            return []
        document, routes = self.document(url)
        route = next((named for pattern, named in routes if pattern.match(path.split("?")[0]) and method.lower() in document["paths"][named]), None)
        if route is None:
            return [f"{method} {path}: answered, and not described"]
        described = document["paths"][route][method.lower()]["responses"].get(str(status), {}).get("content", {})
        kind = kind.split(";")[0].strip()
        if kind not in described:
            return [f"{method} {route}: {status} with {kind} is not described"]
        if kind != "application/json":
            return []
        value = json.loads(text)
        if "DUNLIN_RECORD_ANSWERS" in os.environ:
            with open(os.environ["DUNLIN_RECORD_ANSWERS"], "a") as file:
                file.write(json.dumps([method, route, status, value]) + "\n")
        return wrong(described[kind].get("schema", {}), value, f"{method} {route} {status}", document)[:5]
