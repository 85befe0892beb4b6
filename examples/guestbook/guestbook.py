#!/usr/bin/env python3
"""A guestbook: the Python standard library and one SQLite file.

GET / shows the entries, POST /sign adds one; GET /health and GET /stats answer a program in JSON.
An entry is either stored whole or was refused with a sentence that says why.
"""

import html
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import parse_qs

RELEASE = Path(__file__).resolve().parent
MAX_NAME, MAX_MESSAGE = 80, 2000  # characters
MAX_BODY = 32 * 1024  # bytes: room for both, were every character four bytes long and percent-encoded
MAX_DRAIN = 1024 * 1024  # bytes read of a body that is refused, see read_body
SHOWN = 100  # entries on the front page, or it would grow for ever

SCHEMA = """CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    signed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
)"""

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guestbook</title>
<style>
  body { max-width: 36rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.6 Georgia, serif; color: #2b2622; background: #fbf8f2 }
  form, article { padding: 1rem 0; border-bottom: 1px solid #ddd5c8 }
  label { display: block; margin-bottom: .6rem }
  input, textarea { display: block; width: 100%; box-sizing: border-box; padding: .4rem; font: inherit }
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


class Book:
    """The entries, in an SQLite file that is there, with its table, once the book has been opened."""

    def __init__(self, path):
        # Resolved once: data/ is a link into the shared directory, and the release it stands in may be removed.
        self.path = Path(path).resolve()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=5)) as db, db:
            db.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not wait for each other
            db.execute(SCHEMA)

    def query(self, sql, values=()):
        """Runs one statement in a connection and a transaction of its own; waits up to 5 s for another writer."""
        # mode=rw: a file that has vanished is an error, not a new and empty book.
        with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, timeout=5)) as db, db:
            return db.execute(sql, values).fetchall()

    def sign(self, name, message):
        self.query("INSERT INTO entries (name, message) VALUES (?, ?)", (name, message))

    def newest(self, limit):
        return self.query("SELECT name, message, signed_at FROM entries ORDER BY id DESC LIMIT ?", (limit,))

    def stats(self):
        [(entries, first, last)] = self.query("SELECT count(*), min(signed_at), max(signed_at) FROM entries")
        return {"entries": entries, "first_signed_at": first, "last_signed_at": last}

    def check(self):
        """Raises sqlite3.Error unless the entries can be read."""
        self.query("SELECT id, name, message, signed_at FROM entries LIMIT 1")


def parse_entry(body):
    """The name and the message in a form's body, or a Refusal that says what is wrong with it."""
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
    """One request on one connection (HTTP/1.0: an idle client never holds up a stop)."""

    server_version, sys_version = "guestbook", ""
    timeout = 5  # seconds of silence from a client, then its connection is closed

    def front_page(self):
        entries = [
            ENTRY.substitute(name=html.escape(name), message=html.escape(message), signed_at=signed_at)
            for name, message, signed_at in self.server.book.newest(SHOWN)
        ]
        page = PAGE.substitute(
            max_name=MAX_NAME,
            max_message=MAX_MESSAGE,
            entries="\n".join(entries) or "<p>Nobody has signed yet. Be the first.</p>",
            commit=html.escape(self.server.commit[:12]),
        )
        self.reply(200, "text/html", page)

    def sign(self):
        self.server.book.sign(*parse_entry(self.read_body()))
        self.reply(303, "text/plain", "Thank you.\n", Location="/")

    def health(self):
        try:
            self.server.book.check()
            status, words = 200, {"status": "ok", "database": "ok"}
        except sqlite3.Error as error:
            self.log_error("database: %s", error)
            status, words = 503, {"status": "error", "database": "error"}
        self.reply_json(status, {**words, "commit": self.server.commit})

    def stats(self):
        self.reply_json(200, self.server.book.stats())

    ROUTES = {"/": ("GET", front_page), "/sign": ("POST", sign), "/health": ("GET", health), "/stats": ("GET", stats)}

    def respond(self):
        try:
            method, action = self.ROUTES.get(self.path.partition("?")[0], (None, None))
            asked = "GET" if self.command == "HEAD" else self.command
            if asked != method and asked == "POST":
                self.read_body()
            if action is None:
                raise Refusal(404, "There is no such page.")
            if asked != method:
                raise Refusal(405, f"This page answers {method} only.", Allow=method)
            action(self)
        except Refusal as no:
            self.reply(no.status, "text/plain", no.sentence + "\n", **no.headers)
        except sqlite3.Error as error:
            self.log_error("database: %s", error)
            self.reply(503, "text/plain", "The guestbook cannot reach its database. Please try again later.\n")

    do_GET = do_HEAD = do_POST = respond  # any other method: 501, by the base class

    def read_body(self):
        """The whole body of the request. A body that is too large is read too, as far as is sensible:
        closing a connection with input unread resets it, and the client would lose the answer."""
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

    def reply_json(self, status, value):
        self.reply(status, "application/json", json.dumps(value, separators=(",", ":")) + "\n")

    def reply(self, status, content_type, text, **headers):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        # Should foreign text ever slip through unescaped, a browser still runs none of it.
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *args):
        # What a client sends is escaped: it cannot forge a line or steer the terminal of whoever reads the log.
        words = (format % args).encode("unicode_escape").decode("ascii")
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stderr.write(f"{now} {self.address_string()} {words}\n")


class Server(ThreadingHTTPServer):
    """A thread per request; leaving its `with` block waits for the requests in flight."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port, book, commit):
        super().__init__(("127.0.0.1", port), Handler)
        self.book, self.commit = book, commit

    def handle_error(self, request, client_address):
        # A client that goes away is no error of ours; everything else gets its traceback.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def stop(self, *_signal):
        # shutdown() waits for the loop that this very thread may be running, so another thread has to call it.
        threading.Thread(target=self.shutdown).start()


def running_commit(environment, release):
    """The deployed commit: PUSHBACK_COMMIT, else the file REVISION of the release. Read once, at the start: a process
    that was not restarted goes on telling the commit it really runs."""
    revision = release / "REVISION"
    written = revision.read_text() if revision.is_file() else ""
    return environment.get("PUSHBACK_COMMIT", "").strip() or written.strip() or "unknown"


def main():
    try:
        port = int(os.environ.get("PORT") or 8000)
        book = Book(RELEASE / (os.environ.get("GUESTBOOK_DB") or "data/guestbook.sqlite"))
        server = Server(port, book, running_commit(os.environ, RELEASE))
    except (OSError, OverflowError, ValueError, sqlite3.Error) as error:
        sys.exit(f"guestbook: cannot start: {error}")
    with server:
        signal.signal(signal.SIGTERM, server.stop)
        signal.signal(signal.SIGINT, server.stop)
        address = f"http://127.0.0.1:{server.server_port}"
        print(f"guestbook: {address} commit {server.commit} database {book.path}", file=sys.stderr)
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
