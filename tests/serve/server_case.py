"""What the tests of the server share. A test is a program: TEST.py ANEMONE [Class.test ...]"""

import sys
import unittest

from running_server import RunningServer

PROGRAM = sys.argv[1]


def greedy(prompt, tokens=24):
    return {"prompt": prompt, "max_tokens": tokens, "temperature": 0}


class ServerCase(unittest.TestCase):
    """One server for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.server = RunningServer(PROGRAM)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
