"""Tests of the guestbook. Each has a server and a database of its own: none touches the data of a running one."""

import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import unittest
from contextlib import closing, redirect_stderr
from io import StringIO
from pathlib import Path
from urllib.parse import urlencode

import guestbook

HERE = Path(__file__).resolve().parent
DEADLINE = 10  # seconds until a test gives up waiting


def ask(port, method, path, body=None, headers=None):
    """The status, the headers and the text of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()


class WithFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        self.database = self.folder / "data" / "guestbook.sqlite"


class WithServer(WithFolder):
    """A server on a free port, in this process."""

    def setUp(self):
        super().setUp()
        self.log = StringIO()
        quiet = redirect_stderr(self.log)
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)
        self.server = guestbook.Server(0, guestbook.create_database(self.database), "3f2a1c9" + "0" * 33)
        self.addCleanup(self.server.server_close)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        self.addCleanup(self.server.shutdown)

    def get(self, path):
        return ask(self.server.server_port, "GET", path)

    def post(self, body, path="/sign", headers=None):
        return ask(self.server.server_port, "POST", path, body, headers)

    def sign(self, name, message):
        return self.post(urlencode({"name": name, "message": message}))

    def entries(self):
        return json.loads(self.get("/stats")[2])["entries"]


class Pages(WithServer):
    def test_an_empty_guestbook_shows_a_form_and_invites(self):
        status, headers, page = self.get("/")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
        self.assertIn("<h1>Guestbook</h1>", page)
        self.assertIn('<form method="post" action="/sign">', page)
        self.assertIn("Nobody has signed yet", page)
        self.assertIn("<code>3f2a1c900000</code>", page)

    def test_signing_leads_back_to_the_page_that_shows_the_entry(self):
        status, headers, _ = self.sign("Ada", "Grüße, 世界 🎉")
        self.assertEqual((status, headers["Location"]), (303, "/"))
        page = self.get("/?from=sign")[2]
        self.assertIn("<strong>Ada</strong>", page)
        self.assertIn("<p>Grüße, 世界 🎉</p>", page)

    def test_the_newest_entry_comes_first_and_the_page_is_bounded(self):
        with closing(sqlite3.connect(self.database)) as db, db:
            rows = ((f"visitor {number}", "hello") for number in range(guestbook.SHOWN + 1))
            db.executemany("INSERT INTO entries (name, message) VALUES (?, ?)", rows)
        page = self.get("/")[2]
        self.assertEqual(page.count("<article>"), guestbook.SHOWN)
        self.assertLess(page.index("visitor 100<"), page.index("visitor 99<"))
        self.assertNotIn("visitor 0<", page)

    def test_what_a_visitor_writes_is_shown_and_never_run(self):
        self.sign("<b>Bob</b>", "<script>alert('$name')</script> & \"quotes\"")
        _, headers, page = self.get("/")
        self.assertNotIn("<script>", page)
        self.assertIn("&lt;b&gt;Bob&lt;/b&gt;", page)
        self.assertIn("&lt;script&gt;alert(&#x27;$name&#x27;)&lt;/script&gt; &amp; &quot;quotes&quot;", page)
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])

    def test_stats_count_the_entries_and_tell_when(self):
        nobody = json.loads(self.get("/stats")[2])
        self.assertEqual(nobody, {"entries": 0, "first_signed_at": None, "last_signed_at": None})
        self.sign("Ada", "one")
        self.sign("Bob", "two")
        stats = json.loads(self.get("/stats")[2])
        self.assertEqual(stats["entries"], 2)
        self.assertRegex(stats["first_signed_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_visitors_who_sign_at_once_are_all_stored(self):
        statuses = []
        visitors = [
            threading.Thread(target=lambda: statuses.append(self.sign("Ada", "hello")[0])) for _ in range(20)
        ]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
        self.assertEqual(statuses, [303] * 20)
        self.assertEqual(self.entries(), 20)


class Refusals(WithServer):
    def test_an_unknown_page_is_404_and_an_unknown_method_405_or_501(self):
        self.assertEqual(self.get("/nowhere")[0], 404)
        self.assertEqual(self.get("/sign/")[0], 404)
        self.assertEqual(self.post("a=b", path="/nowhere")[0], 404)
        self.assertEqual(self.get("/sign")[0], 405)
        status, headers, text = self.post("a=b", path="/health")
        self.assertEqual((status, headers["Allow"], text), (405, "GET", "This page answers GET only.\n"))
        self.assertEqual(ask(self.server.server_port, "DELETE", "/")[0], 501)

    def test_an_entry_needs_a_name_and_a_message(self):
        for body in ["", "name=Ada", "name=Ada&message=", "name=+%0A&message=hello", '{"name": "Ada"}', "&&&"]:
            with self.subTest(body=body):
                self.assertEqual(self.post(body)[::2], (400, "A name and a message are needed.\n"))
        self.assertEqual(self.entries(), 0)

    def test_a_body_that_is_no_form_of_utf_8_text_is_400(self):
        for body in [b"\xff\xfe", b"name=%ff&message=hello", b"name=%ED%A0%80&message=hello", b"a=1&" * 11]:
            with self.subTest(body=body):
                self.assertEqual(self.post(body)[::2], (400, "The form is not URL-encoded UTF-8 text.\n"))

    def test_the_longest_entry_fits_and_one_more_character_is_413(self):
        name, message = "🎉" * guestbook.MAX_NAME, "🎉" * guestbook.MAX_MESSAGE
        self.assertEqual(self.sign(name, message)[0], 303)
        self.assertEqual(self.sign(name + "x", message)[0], 413)
        self.assertEqual(self.sign(name, message + "x")[0], 413)
        self.assertEqual(self.entries(), 1)

    def test_a_line_break_counts_as_one_character(self):
        self.assertEqual(self.sign("Ada", "\r\n".join(["x"] * 1000))[0], 303)

    def test_a_large_body_is_413_and_the_client_gets_to_read_it(self):
        for size in [guestbook.MAX_BODY + 1, guestbook.MAX_DRAIN]:
            with self.subTest(size=size):
                status, _, text = self.post(b"x" * size)
                self.assertEqual((status, text), (413, "The body of a request has up to 32768 bytes.\n"))

    def test_a_length_that_is_none_is_400(self):
        for length in ["", "-1", "+5", "1_0", "0x10", "ten", "²"]:
            with self.subTest(length=length):
                status, _, text = self.post(None, headers={"Content-Length": length})
                self.assertEqual((status, text), (400, "The request needs a Content-Length.\n"))

    def test_a_body_that_ends_early_is_400(self):
        with closing(socket.create_connection(("127.0.0.1", self.server.server_port), DEADLINE)) as client:
            client.sendall(b"POST /sign HTTP/1.0\r\nContent-Length: 100\r\n\r\nname=Ada&message=hello")
            client.shutdown(socket.SHUT_WR)
            self.assertIn(b" 400 ", client.makefile("rb").readline())
        self.assertEqual(self.entries(), 0)

    def test_a_client_that_falls_silent_is_let_go(self):
        self.addCleanup(setattr, guestbook.Handler, "timeout", guestbook.Handler.timeout)
        guestbook.Handler.timeout = 0.1
        with closing(socket.create_connection(("127.0.0.1", self.server.server_port), DEADLINE)) as client:
            client.sendall(b"POST /sign HTTP/1.0\r\nContent-Length: 100\r\n\r\nname=")
            self.assertEqual(client.recv(1), b"")
        self.assertIn("timed out", self.log.getvalue())

    def test_a_request_cannot_forge_a_line_of_the_log(self):
        with closing(socket.create_connection(("127.0.0.1", self.server.server_port), DEADLINE)) as client:
            client.sendall(b"GET /\x1b[31m\rforged\x9b HTTP/1.0\r\n\r\n")
            client.makefile("rb").read()
        log = self.log.getvalue()
        self.assertTrue(log.replace("\n", "").isprintable(), log)
        self.assertIn(r"\x1b[31m\rforged\x9b", log)


class Health(WithServer):
    def test_a_healthy_guestbook_tells_its_commit(self):
        status, headers, text = self.get("/health")
        self.assertEqual((status, headers["Content-Type"]), (200, "application/json; charset=utf-8"))
        self.assertEqual(text, '{"status":"ok","database":"ok","commit":"%s"}\n' % self.server.commit)

    def assert_broken(self):
        status, _, text = self.get("/health")
        words = {"status": "error", "database": "error", "commit": self.server.commit}
        self.assertEqual((status, json.loads(text)), (503, words))
        self.assertEqual(self.get("/")[0], 503)
        self.assertEqual(self.sign("Ada", "hello")[0], 503)
        self.assertIn("database: ", self.log.getvalue())

    def test_a_database_that_has_vanished_is_an_error_and_stays_away(self):
        self.database.unlink()
        self.assert_broken()
        self.assertFalse(self.database.exists())

    def test_a_file_that_is_no_database_is_an_error(self):
        self.database.write_bytes(b"This is not a database. " * 100)
        self.assert_broken()

    def test_a_database_without_the_table_is_an_error(self):
        with closing(sqlite3.connect(self.database)) as db, db:
            db.execute("DROP TABLE entries")
        self.assert_broken()


class Commit(WithFolder):
    def test_the_environment_speaks_first_then_the_file_revision(self):
        self.assertEqual(guestbook.running_commit({}, self.folder), "unknown")
        (self.folder / "REVISION").write_text("3f2a1c9\n")
        self.assertEqual(guestbook.running_commit({}, self.folder), "3f2a1c9")
        self.assertEqual(guestbook.running_commit({"PUSHBACK_COMMIT": ""}, self.folder), "3f2a1c9")
        self.assertEqual(guestbook.running_commit({"PUSHBACK_COMMIT": "42aabbc"}, self.folder), "42aabbc")


class WithRelease(WithFolder):
    """A copy of the release, to run the guestbook as a process of its own."""

    def setUp(self):
        super().setUp()
        shutil.copy(HERE / "guestbook.py", self.folder)
        shutil.copytree(HERE / "bin", self.folder / "bin")
        self.environment = {"PATH": os.environ["PATH"], "PORT": "0"}


class Process(WithRelease):
    def launch(self, **environment):
        command = [sys.executable, "guestbook.py"]
        process = subprocess.Popen(
            command, cwd=self.folder, env={**self.environment, **environment}, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def port_of(self, process):
        line = process.stderr.readline()
        self.assertIn("guestbook: http://127.0.0.1:", line)
        return int(line.split(",")[0].rpartition(":")[2])

    def test_term_and_interrupt_let_a_request_in_flight_finish(self):
        for number in [signal.SIGTERM, signal.SIGINT]:
            with self.subTest(signal=number):
                process = self.launch()
                port = self.port_of(process)
                with closing(socket.create_connection(("127.0.0.1", port), DEADLINE)) as client:
                    client.sendall(b"POST /sign HTTP/1.0\r\nContent-Length: 22\r\n\r\nname=Ada")
                    ask(port, "GET", "/health")  # answered after the first connection was taken
                    process.send_signal(number)
                    client.sendall(b"&message=hello")
                    self.assertIn(b" 303 ", client.makefile("rb").readline())
                self.assertEqual(process.wait(DEADLINE), 0)

    def test_the_revision_is_that_of_the_start(self):
        (self.folder / "REVISION").write_text("3f2a1c9\n")
        port = self.port_of(self.launch())
        (self.folder / "REVISION").write_text("42aabbc\n")
        self.assertEqual(json.loads(ask(port, "GET", "/health")[2])["commit"], "3f2a1c9")

    def test_shared_data_outlives_the_release_it_is_linked_into(self):
        shared = self.folder / "shared"
        shared.mkdir()
        (self.folder / "data").symlink_to(shared)
        port = self.port_of(self.launch())
        (self.folder / "data").unlink()
        self.assertEqual(ask(port, "POST", "/sign", "name=Ada&message=hello")[0], 303)
        self.assertTrue((shared / "guestbook.sqlite").exists())

    def test_what_keeps_it_from_starting_is_said_in_a_line(self):
        (self.folder / "file").write_text("")
        for wrong in [{"PORT": "eighty"}, {"PORT": "99999"}, {"GUESTBOOK_DB": "file/guestbook.sqlite"}]:
            with self.subTest(wrong):
                process = self.launch(**wrong)
                self.assertEqual(process.wait(DEADLINE), 1)
                self.assertRegex(process.stderr.read(), r"^guestbook: cannot start with .*\n$")


@unittest.skipUnless(shutil.which("flock") and shutil.which("setsid"), "bin/start needs flock and setsid (util-linux)")
class StartAndStop(WithRelease):
    def setUp(self):
        super().setUp()
        self.pid_file = self.folder / "data" / "guestbook.pid"
        self.addCleanup(self.run_script, "stop")

    def run_script(self, name):
        """The exit code of bin/NAME and what it said. The app keeps its output, so that has to be a file."""
        with tempfile.TemporaryFile("w+") as log:
            code = subprocess.run(
                [self.folder / "bin" / name], env=self.environment, stdout=log, stderr=log, timeout=2 * DEADLINE
            ).returncode
            log.seek(0)
            return code, log.read()

    def start(self):
        code, said = self.run_script("start")
        pid = int(self.pid_file.read_text())
        self.assertEqual(code, 0)
        self.assertIn(f"guestbook: started, process {pid}\n", said)  # the app may have spoken as well
        return pid

    def stranger(self):
        process = subprocess.Popen(["sleep", "60"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_it_starts_once_in_a_session_of_its_own_and_stops_as_often_as_asked(self):
        pid = self.start()
        self.assertEqual(os.getsid(pid), pid)
        self.assertEqual(self.run_script("start"), (1, f"guestbook: already running, process {pid}\n"))
        self.assertEqual(self.run_script("stop"), (0, f"guestbook: stopped, process {pid}\n"))
        self.assertFalse(self.pid_file.exists())
        self.assertEqual(self.run_script("stop"), (0, "guestbook: nothing is running\n"))

    def test_one_that_was_killed_is_in_nobodys_way(self):
        killed = self.start()
        os.kill(killed, signal.SIGKILL)
        self.assertNotEqual(self.start(), killed)

    def test_a_stale_number_stops_no_stranger(self):
        stranger = self.stranger()
        self.pid_file.parent.mkdir()
        self.pid_file.write_text(f"{stranger.pid}\n")
        self.assertEqual(self.run_script("stop"), (0, "guestbook: nothing is running\n"))
        self.assertIsNone(stranger.poll())

    def test_a_wrong_number_stops_neither_a_stranger_nor_the_app(self):
        stranger, pid = self.stranger(), self.start()
        self.pid_file.write_text(f"{stranger.pid}\n")
        code, said = self.run_script("stop")
        self.pid_file.write_text(f"{pid}\n")
        self.assertEqual(code, 1)
        self.assertIn("does not name it", said)
        self.assertIsNone(stranger.poll())
        os.kill(pid, 0)

    def test_the_next_release_stops_and_replaces_the_one_before(self):
        following = self.folder / "following"
        following.mkdir()
        shutil.copy(self.folder / "guestbook.py", following)
        shutil.copytree(self.folder / "bin", following / "bin")
        pid = self.start()
        (following / "data").symlink_to(self.folder / "data")
        self.folder = following
        self.assertEqual(self.run_script("start")[0], 1)
        self.assertEqual(self.run_script("stop"), (0, f"guestbook: stopped, process {pid}\n"))


if __name__ == "__main__":
    unittest.main()
