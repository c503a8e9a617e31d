"""A reader of the live changes: WebSocket or server-sent events, byte by byte, so that nothing of a library stands between."""
import base64, hashlib, json, os, socket, struct, threading, time
from urllib.parse import urlsplit


class Stream:
    """What comes, in the order it came, with the instant: (event, data, seconds). Ends by itself where the connection does."""

    def __init__(self, served, path="/v1/stream", token=None, web=False, offered=None, receive=None):
        parts = urlsplit(served.url)
        self.socket = socket.socket()
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.connect((parts.hostname, parts.port))
        self.socket.settimeout(90)
        self.web, self.events, self.close_code, self.over = web, [], None, False
        head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        if web:
            key = base64.b64encode(os.urandom(16)).decode()
            head += f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            if offered:
                head += f"Sec-WebSocket-Protocol: {offered}\r\n"
        self.socket.sendall((head + "\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while line := self.file.readline().strip():
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        if web and self.status == 101:
            wanted = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
            served.check("the handshake", self.headers["sec-websocket-accept"] == wanted)

    def read(self):
        """Reads in a thread of its own."""
        threading.Thread(target=self.frames if self.web else self.lines, daemon=True).start()
        return self

    def lines(self):
        event = None
        try:
            for line in self.file:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    self.events.append((event, json.loads(line[6:]), time.time()))
        except OSError:
            pass
        self.over = True

    def frames(self):
        try:
            while head := self.file.read(2):
                size = head[1] & 127
                if size == 126:
                    size = struct.unpack(">H", self.file.read(2))[0]
                elif size == 127:
                    size = struct.unpack(">Q", self.file.read(8))[0]
                body, kind = self.file.read(size), head[0] & 15
                if kind == 1:
                    message = json.loads(body)
                    self.events.append((message["event"], message["data"], time.time()))
                elif kind == 9:
                    self.say(10, body)
                elif kind == 8:
                    self.close_code = struct.unpack(">H", body[:2])[0]
                    self.say(8, body)
                    break
        except OSError:
            pass
        self.over = True

    def say(self, kind, body):
        mask = os.urandom(4)
        self.socket.sendall(bytes([128 | kind, 128 | len(body)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))

    def last(self, event, queue=None):
        return next((data for kind, data, _ in reversed(self.events) if kind == event and (queue is None or data.get("queue") == queue)), None)

    def close(self):
        """Goes away without a word; another thread may be reading."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
