#!/usr/bin/env python3
"""What is typed into `anemone chat` on a terminal: letters beyond ASCII, and Ctrl-C before the line is done.

    chat_on_terminal_test.py build/anemone
"""

import contextlib
import json
import os
import pty
import select
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = sys.argv.pop(1)
MODEL = Path(__file__).resolve().parents[2] / "models" / "anemone-tiny-anemll"
MOST_SECONDS = 120


class Chat:
    def __init__(self, **environment):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ.update(environment, TERM="dumb")
            os.execv(PROGRAM, [PROGRAM, "chat", str(MODEL), "-n", "3", "--temperature", "0"])
        self.written = b""

    def wait_for(self, text, times=1):
        deadline = time.monotonic() + MOST_SECONDS
        while self.written.count(text) < times:
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                os.kill(self.process, signal.SIGKILL)
                raise AssertionError(f"no {text} in {self.written}")
            data = os.read(self.terminal, 65536)
            if not data:
                raise OSError("the other end is closed")
            self.written += data

    def type(self, text):
        os.write(self.terminal, text)

    def end(self):
        self.type(b"/quit\n")
        with contextlib.suppress(OSError):  # the other end is closed
            self.wait_for(b"nothing writes this")
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])


class OnTerminal(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.saved = Path(self.folder.name) / "saved.json"

    def messages(self, chat):
        chat.type(f"/save {self.saved}\n".encode())
        chat.wait_for(b"messages in")
        self.assertEqual(chat.end(), 0)
        document = json.loads(self.saved.read_text())
        messages = document["messages"] if isinstance(document, dict) else document
        return [one["content"] for one in messages if one["role"] == "user"]

    def test_letters_beyond_ascii_stay(self):
        for locale in ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C"}):
            chat = Chat(**locale)
            chat.wait_for(b"> ")
            chat.type("grüße 日本\n".encode())
            chat.wait_for(b"> ", 2)
            self.assertEqual(self.messages(chat), ["grüße 日本"])

    def test_ctrl_c_takes_a_line_back_and_nothing_else(self):
        chat = Chat(LC_ALL="C.UTF-8")
        chat.wait_for(b"> ")
        chat.type(b"first\n")
        chat.wait_for(b"> ", 2)
        for times in (1, 2):
            chat.type(b"half a li")
            time.sleep(0.2)
            chat.type(b"\x03")
            chat.wait_for(b"ends the chat", times)
        self.assertEqual(self.messages(chat), ["first"])


if __name__ == "__main__":
    unittest.main()
