"""A server of the embedded model for a test, and plain HTTP to it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "anemone-tiny-anemll"
VENV = ROOT / "build" / "serve" / "venv" / "bin" / "python"  # made by scripts/peers/serve
SKIPPED = 77  # what ctest takes for a skip


class RunningServer:
    """`with RunningServer(program, "--queue", "4") as server`: listens when the block begins, has ended after it."""

    def __init__(self, program, *flags, model=MODEL, environment=()):
        self.command = [str(program), "serve", str(model), "--port", "0", *([] if "-v" in flags else ["-q"]), *flags]
        self.environment = dict(os.environ, **dict(environment))

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=self.environment)
        self.url = self.process.stdout.readline().strip()
        if not self.url.startswith("http://"):
            raise AssertionError(f"no address: {self.url!r} {self.process.stderr.read()}")
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        self.host, self.port = host.strip("[]"), int(port)
        # Read all the while: a full pipe would stop the server.
        self.words = []
        self.reader = threading.Thread(target=lambda: self.words.extend(self.process.stderr), daemon=True)
        self.reader.start()
        return self

    def __exit__(self, *_):
        code = self.stop()
        if code != 0:
            raise AssertionError(f"the server ended with {code}: {''.join(self.words)[-4000:]}")

    def stop(self, sent=signal.SIGTERM, seconds=60):
        if self.process.poll() is None:
            self.process.send_signal(sent)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def connection(self, seconds=120):
        return http.client.HTTPConnection(self.host, self.port, timeout=seconds)

    def request(self, method, path, body=None, headers=None):
        """(status, headers, text) of one request on a connection of its own."""
        with contextlib.closing(self.connection()) as connection:
            headers = dict(headers or {})
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                headers.setdefault("Content-Type", "application/json")
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()

    def post(self, path, body, headers=None):
        """(status, document)"""
        status, _, text = self.request("POST", path, body, headers)
        return status, json.loads(text)

    def events(self, path, body):
        """The documents of an event stream; asserts that it ends as it should."""
        status, headers, text = self.request("POST", path, dict(body, stream=True))
        assert status == 200, text
        assert headers["Content-Type"].startswith("text/event-stream"), headers
        lines = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
        if path != "/v1/responses":
            assert lines.pop() == "[DONE]", text[-200:]
        return [json.loads(line) for line in lines]

    def metric(self, name):
        _, _, text = self.request("GET", "/metrics")
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
                   if line.split("{")[0].split(" ")[0] == f"anemone_{name}")

    def resident_kib(self, field="VmRSS"):
        """VmRSS: now; VmHWM: the most so far."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(field)).split()[1])

    def wait_for(self, name, value, seconds=30):
        """Until a metric has a value."""
        end = time.monotonic() + seconds
        while (found := self.metric(name)) != value:
            assert time.monotonic() < end, f"{name} is {found}, expected {value}"
            time.sleep(0.05)
