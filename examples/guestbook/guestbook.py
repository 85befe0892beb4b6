#!/usr/bin/env python3
"""A guestbook: the Python standard library and one SQLite file.

GET / shows the entries, POST /sign adds one; GET /health and GET /stats answer in JSON.
"""

import json
import os
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

RELEASE = Path(__file__).resolve().parent
SHOWN = 100  # entries on the front page, or it would grow for ever
MAX_NAME, MAX_MESSAGE = 80, 2000  # characters
MAX_BODY = 32 * 1024  # bytes: room for both, were every character four bytes long and percent-encoded
MAX_DRAIN = 1024 * 1024  # bytes that are read of a body only to refuse it

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    signed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
)
"""

PAGE = Template("""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guestbook</title>
<style>
  body { max-width: 36rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.6 Georgia, serif }
  body { color: #2b2622; background: #fbf8f2 }
  form, article { padding: 1rem 0; border-bottom: 1px solid #ddd5c8 }
  label, input, textarea { display: block; margin-bottom: .4rem }
  input, textarea { box-sizing: border-box; width: 100%; padding: .4rem; font: inherit }
  article p { margin: .3rem 0; white-space: pre-line; overflow-wrap: anywhere }
  time, footer { color: #6f665c; font-size: .85rem }
</style>
<h1>Guestbook</h1>
<form method="post" action="/sign">
  <label>Your name <input name="name" maxlength="$max_name" required></label>
  <label>Your message <textarea name="message" rows="3" maxlength="$max_message" required></textarea></label>
  <button>Sign</button>
</form>
$entries
<footer><p>Running commit <code>$commit</code></p></footer>
</html>
""")
ENTRY = Template("<article><strong>$name</strong> <time>$signed_at</time><p>$message</p></article>")


class Refusal(Exception):
    """The request gets this status and this sentence instead of what it asked for."""

    def __init__(self, status, sentence, **headers):
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers


def parse_entry(body):
    """The name and the message in the body of a form, or a Refusal that says what is wrong with it."""
    try:
        form = parse_qs(body.decode(), errors="strict", max_num_fields=10)
    except ValueError:
        raise Refusal(400, "The form is not URL-encoded UTF-8 text.") from None
    name = " ".join(form.get("name", [""])[0].split())
    # A browser counts a line break as one character and sends two.
    message = form.get("message", [""])[0].replace("\r\n", "\n").strip()
    if not name or not message:
        raise Refusal(400, "A name and a message are needed.")
    if len(name) > MAX_NAME or len(message) > MAX_MESSAGE:
        raise Refusal(413, f"A name has up to {MAX_NAME} characters, a message up to {MAX_MESSAGE}.")
    return name, message


class Handler(BaseHTTPRequestHandler):
    """One request. HTTP/1.0 closes its connection afterwards, so no idle client holds up a stop."""

    server_version, sys_version = "guestbook", ""
    timeout = 5  # seconds without a byte from the client, then the connection is closed

    def front_page(self):
        rows = self.query("SELECT name, signed_at, message FROM entries ORDER BY id DESC LIMIT ?", (SHOWN,))
        entries = [ENTRY.substitute(name=escape(n), signed_at=at, message=escape(m)) for n, at, m in rows]
        page = PAGE.substitute(
            max_name=MAX_NAME,
            max_message=MAX_MESSAGE,
            entries="\n".join(entries) or "<p>Nobody has signed yet. Be the first.</p>",
            commit=escape(self.server.commit[:12]),
        )
        self.reply(200, page, "text/html")

    def sign(self):
        self.query("INSERT INTO entries (name, message) VALUES (?, ?)", parse_entry(self.body))
        self.reply(303, "Thank you.\n", Location="/")

    def health(self):
        try:
            self.query("SELECT id, name, message, signed_at FROM entries LIMIT 1")
            status, word = 200, "ok"
        except sqlite3.Error as error:
            self.log_error("database: %s", error)
            status, word = 503, "error"
        self.reply_json(status, {"status": word, "database": word, "commit": self.server.commit})

    def stats(self):
        [(count, first, last)] = self.query("SELECT count(*), min(signed_at), max(signed_at) FROM entries")
        self.reply_json(200, {"entries": count, "first_signed_at": first, "last_signed_at": last})

    ROUTES = {"/": ("GET", front_page), "/sign": ("POST", sign), "/health": ("GET", health), "/stats": ("GET", stats)}

    def respond(self):
        try:
            self.body = self.read_body() if self.command == "POST" else b""
            method, action = self.ROUTES.get(self.path.partition("?")[0], (None, None))
            if action is None:
                raise Refusal(404, "There is no such page.")
            if method != self.command:
                raise Refusal(405, f"This page answers {method} only.", Allow=method)
            action(self)
        except Refusal as no:
            self.reply(no.status, no.sentence + "\n", **no.headers)
        except sqlite3.Error as error:
            self.log_error("database: %s", error)
            self.reply(503, "The guestbook cannot reach its database. Please try again later.\n")

    do_GET = do_POST = respond  # the base class answers any other method with 501

    def read_body(self):
        """The whole body. One that will be refused is read as well, within reason: to close a connection that holds
        unread input resets it, and the client may never see the answer."""
        length = self.headers.get("Content-Length", "").strip()
        if not length.isdecimal():
            raise Refusal(400, "The request needs a Content-Length.")
        size = int(length[:10])  # ten digits are too much already
        body = self.rfile.read(min(size, MAX_DRAIN))
        if size > MAX_BODY:
            raise Refusal(413, f"The body of a request has up to {MAX_BODY} bytes.")
        if len(body) < size:
            raise Refusal(400, "The body ended before its Content-Length.")
        return body

    def query(self, sql, values=()):
        """Runs a statement in a connection and a transaction of its own; waits up to 5 s for another writer."""
        # mode=rw: a file that has vanished is an error, not a new and empty guestbook.
        with closing(sqlite3.connect(self.server.database.as_uri() + "?mode=rw", uri=True, timeout=5)) as db, db:
            return db.execute(sql, values).fetchall()

    def reply_json(self, status, value):
        self.reply(status, json.dumps(value, separators=(",", ":")) + "\n", "application/json")

    def reply(self, status, text, content_type="text/plain", **headers):
        body = text.encode()
        headers = {
            "Content-Type": f"{content_type}; charset=utf-8",
            "Content-Length": len(body),
            "Cache-Control": "no-store",
            # Should foreign text ever slip through unescaped, a browser still runs none of it.
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
            **headers,
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        # What a client sends is escaped: it can neither forge a line nor steer the terminal of whoever reads the log.
        words = (format % args).encode("unicode_escape").decode()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stderr.write(f"{now} {self.address_string()} {words}\n")


class Server(ThreadingHTTPServer):
    """A thread for each request; the end of its `with` block waits for those in flight."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port, database, commit):
        super().__init__(("127.0.0.1", port), Handler)
        self.database, self.commit = database, commit

    def handle_error(self, request, client_address):
        # A client that went away is no error of ours; anything else gets its traceback.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def stop(self, *_):
        # shutdown() waits for the serving loop, which a signal handler interrupts: so another thread calls it.
        threading.Thread(target=self.shutdown).start()


def create_database(path):
    """Makes the database and its table where they are missing, and returns its path with links resolved: data/ is a
    link to what the releases share, and the release it stands in may be removed under a running server."""
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=5)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")  # kept in the file; readers and the writer do not block each other
        db.execute(SCHEMA)
    return path


def running_commit(environment, release):
    """The commit that runs: PUSHBACK_COMMIT, else the file REVISION in the release, else "unknown"."""
    revision = release / "REVISION"
    written = revision.read_text() if revision.is_file() else ""
    return environment.get("PUSHBACK_COMMIT", "").strip() or written.strip() or "unknown"


def main():
    port = os.environ.get("PORT") or "8000"
    database = RELEASE / (os.environ.get("GUESTBOOK_DB") or "data/guestbook.sqlite")
    try:
        database = create_database(database)
        server = Server(int(port), database, running_commit(os.environ, RELEASE))
    except (OSError, OverflowError, ValueError, sqlite3.Error) as error:
        sys.exit(f"guestbook: cannot start with port {port} and database {database}: {error}")
    with server:
        signal.signal(signal.SIGTERM, server.stop)
        signal.signal(signal.SIGINT, server.stop)
        address = f"http://127.0.0.1:{server.server_port}"
        print(f"guestbook: {address}, commit {server.commit}, database {database}", file=sys.stderr)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
