#!/usr/bin/env python3
"""Runs a command with stdout and stderr on one terminal and prints what it wrote there; an escape is <ESC>."""
import os
import pty
import sys

written = b""
process, terminal = pty.fork()
if process == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
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
