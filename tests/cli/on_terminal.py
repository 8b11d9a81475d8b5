#!/usr/bin/env python3
"""Runs a command with stdout and stderr on one terminal and prints what it wrote there; an escape is <ESC>.

The command is halted for a while again and again, so that it takes longer than what shows no progress, also where a slow
machine has not begun its work at the first halt.
"""
import contextlib
import os
import pty
import signal
import sys
import threading
import time

RUNNING_SECONDS = 0.4
HALTED_SECONDS = 2.2  # the progress line shows nothing in the first two
HALTS = 5


def halt(process):
    with contextlib.suppress(ProcessLookupError):
        for _ in range(HALTS):
            time.sleep(RUNNING_SECONDS)
            os.kill(process, signal.SIGSTOP)
            time.sleep(HALTED_SECONDS)
            os.kill(process, signal.SIGCONT)


written = b""
process, terminal = pty.fork()
if process == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
halting = threading.Thread(target=halt, args=(process,), daemon=True)
halting.start()
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:  # the other end is closed
        break
    if not data:
        break
    written += data
print(written.decode(errors="replace").replace("\x1b", "<ESC>"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
