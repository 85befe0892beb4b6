"""The app that the example checks look at: app.py STATE LOG PORT_FILE.

What it says of itself stands in STATE, which the test changes to break one thing at a time.
"""

import http.server
import json
import os
import pathlib
import secrets
import sys
import urllib.parse

STATE, LOG, PORT_FILE = map(pathlib.Path, sys.argv[1:])

sessions = {}


def page(body):
    return f"<!doctype html><title>App</title><link rel=stylesheet href=/style.css>{body}"


def hidden(session):
    return f'<input type="hidden" name="csrf" value="{session["csrf"]}">'


class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        state = json.loads(STATE.read_text())
        match self.path:
            case "/health":
                self.tell({name: state[name] for name in ("status", "commit", "worker", "scheduler")})
            case "/stats" if self.headers["Authorization"] != f"Bearer {state['token']}":
                self.answer(401, "Who are you?")
            case "/stats":
                self.tell(state["stats"])
            case "/":
                session = self.session()
                form = f"<form method=post action=/logout>{hidden(session)}<button>Sign out</button></form>"
                home = form if session["user"] and state["greets"] else "<a href=/login>Sign in</a>"
                self.answer(200, page(f"<a href=/about>About</a>{home}"))
            case "/login":
                session = self.session()
                body = page(f"<form method=post action=/login>{hidden(session)}<input name=user><input name=password></form>")
                self.answer(200, body, self.cookie(session))
            case "/about" if state["about"]:
                self.answer(200, page("About this app"))
            case "/style.css":
                self.answer(200, "a { color: green }", kind="text/css")
            case _:
                self.answer(404, "Not here")

    def do_POST(self):
        state = json.loads(STATE.read_text())
        length = int(self.headers["Content-Length"] or 0)
        form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
        session = self.session()
        if form.get("csrf") != session["csrf"]:
            self.answer(403, "Not from our form")
        elif self.path == "/logout":
            sessions.pop(session["id"], None)
            self.answer(303, "", {"Location": "/"})
        elif self.path == "/login" and (form["user"], form["password"]) == ("smoke", state["password"]):
            # A session that somebody else has begun is none to log in with.
            sessions.pop(session["id"], None)
            session = {"id": secrets.token_hex(), "csrf": session["csrf"], "user": form["user"]}
            self.answer(303, "", {"Location": "/"} | self.cookie(session))
        else:
            self.answer(403, "Wrong user or password")

    def session(self):
        for part in (self.headers["Cookie"] or "").split("; "):
            name, _, value = part.partition("=")
            if name == "session" and value in sessions:
                return sessions[value]
        return {"id": secrets.token_hex(), "csrf": secrets.token_hex(), "user": None}

    def cookie(self, session):
        sessions[session["id"]] = session
        return {"Set-Cookie": f"session={session['id']}; Path=/; Secure; HttpOnly; SameSite=Lax"}

    def tell(self, value):
        self.answer(200, json.dumps(value), kind="application/json")

    def answer(self, status, body, headers=(), kind="text/html"):
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | dict(headers)).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format, *args):
        with LOG.open("a") as log:
            print("INFO", format % args, file=log)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
fresh = PORT_FILE.with_suffix(".new")
fresh.write_text(str(server.server_port))
os.rename(fresh, PORT_FILE)
server.serve_forever()
