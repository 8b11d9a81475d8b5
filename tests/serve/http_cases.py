#!/usr/bin/env python3
"""Sends the cases of one text file to a server, each on a connection of its own.

    http_cases.py ANEMONE FILE [--no-memory]

    = what the case is about
    > GET /health HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n   bytes that are sent; \\r \\n \\0 \\xHH \\\\ as in Python; lines are joined
    repeat: 20000 a                                    sends so many of the text
    body: {"prompt": "x"}                              a whole POST of this JSON to `path`
    path: /v1/completions                              for `body`; the default is /v1/chat/completions
    end                                                closes the sending side
    status: 400                                        what must come back; `none`: the server just ends; several: in a row
    has: text                                          the response holds it
    lacks: text
    error: code                                        `error.code` of the document
    most: 8                                            the server's memory grows by no more MiB

--no-memory is for sanitizers, which keep what is freed. After each case the server must still answer /health.
"""
import json
import re
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from running_server import RunningServer

FLAGS = ("--max-header-bytes", "4096", "--max-body-bytes", "20000", "--transfer-seconds", "2", "--idle-seconds", "2",
         "--max-tokens", "64", "--parallel", "4", "--queue", "8")


def bytes_of(text):
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1")


def parse(path):
    cases = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition(" " if line[0] in "=>" else ": ")
        if key == "=":
            cases.append({"line": number, "about": value, "sent": b"", "path": "/v1/chat/completions", "checks": [],
                          "statuses": [], "end": False, "most": None})
            continue
        case = cases[-1]
        if key == ">":
            case["sent"] += bytes_of(value)
        elif key == "repeat":
            count, _, text = value.partition(" ")
            case["sent"] += bytes_of(text) * int(count)
        elif key == "path":
            case["path"] = value
        elif key == "body":
            body = value.encode()
            case["sent"] += (f"POST {case['path']} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                             f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n").encode() + body
        elif key == "end":
            case["end"] = True
        elif key == "most":
            case["most"] = int(value)
        elif key == "status":
            case["statuses"] = value.split()
        elif key in ("has", "lacks", "error"):
            case["checks"].append((number, key, value))
        else:
            sys.exit(f"{path}:{number}: cannot read this line")
    return cases


def exchange(port, case):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        received = b""
        try:
            client.sendall(case["sent"])
            if case["end"]:
                client.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what was answered before can be read all the same
        try:
            while piece := client.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received.decode("utf-8", "replace")


def faults_of(case, text):
    faults = []
    statuses = re.findall(r"HTTP/1\.[01] (\d{3}) ", text) or ["none"]
    if statuses != case["statuses"]:
        faults.append(f"status {' '.join(statuses)}, expected {' '.join(case['statuses'])}")
    for number, key, value in case["checks"]:
        if key == "error":
            try:
                held = json.loads(text[text.index("\r\n\r\n"):])["error"]["code"] == value
            except (ValueError, KeyError, TypeError):
                held = False
        else:
            held = (value in text) == (key == "has")
        if not held:
            faults.append(f"line {number}: not true: {key}: {value}")
    return faults


def main():
    failed = 0
    measures = "--no-memory" not in sys.argv
    cases = parse(Path(sys.argv[2]))
    with RunningServer(sys.argv[1], *FLAGS) as server:
        for case in cases:
            before = server.resident_kib("VmHWM")
            text = exchange(server.port, case)
            faults = faults_of(case, text)
            grown = server.resident_kib("VmHWM") - before
            if measures and case["most"] is not None and grown > case["most"] * 1024:
                faults.append(f"memory grew by {grown} KiB")
            if server.request("GET", "/health")[0] != 200:
                faults.append("the server is not well")
            if faults:
                failed += 1
                print(f"[FAIL] line {case['line']}: {case['about']}", *faults, text[:800], sep="\n    ")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
