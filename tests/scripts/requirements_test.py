"""Tests of scripts/requirements.py on small samples of what ctest and GoogleTest write."""

import contextlib
import importlib.util
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "requirements.py"
spec = importlib.util.spec_from_file_location("requirements", SCRIPT)
requirements = importlib.util.module_from_spec(spec)
sys.modules["requirements"] = requirements
spec.loader.exec_module(requirements)

XML = '<?xml version="1.0" encoding="UTF-8"?>'
LIST = """# Requirements

## S0: first document

### Part

- S0.1 [linux] One thing.
- S0.2 [mac] Another thing.

## S1: second document

- S1.1 [linux] A third thing.
- S1.14 [linux] A fourth thing.
- S1.15 [out] A fifth thing.
"""


def googletest(*cases):
    return f"{XML}<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def case(name, result="completed", status="run", inside="", suite="Model"):
    attributes = f'name="{name}" status="{status}" result="{result}" classname="{suite}"'
    return f"<testcase {attributes}>{inside}</testcase>"


def ctest(*cases):
    return f'{XML}<testsuite name="(empty)">{"".join(cases)}</testsuite>'


def ctest_case(name, status="run", inside=""):
    attributes = f'name="{name}" classname="{name}" time="0.1" status="{status}"'
    return f"<testcase {attributes}>{inside}</testcase>"


class RequirementsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_script(self, *results, requirement_list=LIST, flags=("--json",)):
        listing = self.folder / "requirements.md"
        listing.write_text(requirement_list, encoding="utf-8")
        paths = []
        for i, text in enumerate(results):
            paths.append(self.folder / f"results{i}.xml")
            paths[-1].write_text(text, encoding="utf-8")
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = requirements.main(["--requirements", str(listing), *flags, *map(str, paths)])
        return code, out.getvalue(), err.getvalue()

    def status_of(self, *results):
        code, out, _ = self.run_script(*results)
        self.assertEqual(code, 0)
        return {r["id"]: (r["status"], r["proven_by"]) for r in json.loads(out)["requirements"]}

    def test_labels_beside_the_results_prove_what_ran(self):
        listing = {"tests": [
            {"name": "cli.eval", "properties": [{"name": "LABELS", "value": ["slow", "S1.14"]}]},
            {"name": "cli.other", "properties": [{"name": "LABELS", "value": ["S1.1"]}]},
            {"name": "cli.failed", "properties": [{"name": "LABELS", "value": ["S0.1"]}]},
            {"name": "bare"}]}
        (self.folder / "test-labels.json").write_text(json.dumps(listing))
        failed = ctest_case("cli.failed", status="fail", inside="<failure/>")
        status = self.status_of(ctest(ctest_case("cli.eval"), failed, ctest_case("bare")))
        self.assertEqual(status["S1.14"], ("proven", ["cli.eval"]))
        self.assertEqual(status["S1.1"], ("not yet", []))
        self.assertEqual(status["S0.1"], ("not yet", []))
        for broken in ("", "[]", '{"tests": [{}]}', '{"tests": 3}'):
            (self.folder / "test-labels.json").write_text(broken)
            code, _, err = self.run_script(ctest(ctest_case("cli.eval")))
            self.assertEqual(code, 2, broken)
            self.assertIn("not a list of tests", err)

    def test_passed_test_proves_every_id_of_its_name(self):
        status = self.status_of(googletest(case("S1_1_S1_14_StrictInputs")))
        self.assertEqual(status["S1.1"], ("proven", ["Model.S1_1_S1_14_StrictInputs"]))
        self.assertEqual(status["S1.14"], ("proven", ["Model.S1_1_S1_14_StrictInputs"]))
        self.assertEqual(status["S0.1"], ("not yet", []))

    def test_unproven_states_follow_the_kind(self):
        status = self.status_of(googletest(case("Plain")))
        self.assertEqual(status["S0.1"][0], "not yet")
        self.assertEqual(status["S0.2"][0], "needs a Mac")
        self.assertEqual(status["S1.15"][0], "out")

    def test_a_line_may_wait_for_a_part(self):
        listing = "## S0: d\n- S0.1 [linux, waits for serve] x\n- S0.2 [linux, waits for serve] y\n"
        results = googletest(case("S0_2_X"))
        _, out, _ = self.run_script(results, requirement_list=listing)
        document = json.loads(out)
        self.assertEqual(
            [(r["status"], r["waits_for"]) for r in document["requirements"]],
            [("waiting", "serve"), ("proven", "serve")],
        )
        self.assertEqual((document["totals"]["waiting"], document["totals"]["not yet"]), (1, 0))
        _, out, _ = self.run_script(results, requirement_list=listing, flags=())
        lines = [" ".join(line.split()) for line in out.splitlines()]
        self.assertEqual(lines[lines.index("S0.1 waiting x") + 1], "waits for serve")

    def test_failed_skipped_and_disabled_googletests_prove_nothing(self):
        status = self.status_of(
            googletest(
                case("S0_1_Fails", inside='<failure message="x" type=""/>'),
                case("S1_1_Skips", result="skipped", inside='<skipped message="no data"/>'),
                case("DISABLED_S1_14_Off", result="suppressed", status="notrun"),
            )
        )
        for id_ in ("S0.1", "S1.1", "S1.14"):
            self.assertEqual(status[id_], ("not yet", []))

    def test_only_ctest_cases_that_ran_and_passed_prove(self):
        status = self.status_of(
            ctest(
                ctest_case("case.S0_1_runs"),
                ctest_case("case.S0_2_fails", "fail", '<failure message=""/>'),
                ctest_case("case.S1_1_skips", "notrun", '<skipped message="SKIP_RETURN_CODE=77"/>'),
                ctest_case("case.S1_14_off", "disabled"),
            )
        )
        self.assertEqual(status["S0.1"], ("proven", ["case.S0_1_runs"]))
        self.assertEqual(
            [status[i][0] for i in ("S0.2", "S1.1", "S1.14")], ["needs a Mac", "not yet", "not yet"]
        )

    def test_ids_come_from_labels_and_requirement_properties_and_no_other(self):
        status = self.status_of(
            ctest(
                ctest_case(
                    "scripts",
                    inside='<properties><property name="cmake_labels" value="slow;S0.1"/>'
                    "</properties>",
                )
            ),
            googletest(
                case(
                    "Records",
                    inside='<properties><property name="requirement" value="S1.1, S1.14"/>'
                    '<property name="note" value="S0.2"/></properties>',
                )
            ),
        )
        self.assertEqual([status[i][0] for i in ("S0.1", "S1.1", "S1.14")], ["proven"] * 3)
        self.assertEqual(status["S0.2"][0], "needs a Mac")

    def test_output_of_a_test_is_not_read_for_ids(self):
        status = self.status_of(
            ctest(ctest_case("quiet", inside="<system-out>S0.1 S1_1</system-out>"))
        )
        self.assertEqual(status["S0.1"][0], "not yet")
        self.assertEqual(status["S1.1"][0], "not yet")

    def test_id_needs_boundaries(self):
        code, out, _ = self.run_script(
            googletest(case("S1_14abc_XS1_1_S0_1st"), case("MS0_1"), case("s1_1"))
        )
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["totals"]["proven"], 0)

    def test_longer_number_is_another_id(self):
        status = self.status_of(googletest(case("S1_14_Alone")))
        self.assertEqual(status["S1.1"][0], "not yet")

    def test_skip_in_googletest_outweighs_pass_in_ctest(self):
        status = self.status_of(
            ctest(ctest_case("Model.S0_1_Skips")),
            googletest(case("S0_1_Skips", result="skipped", inside="<skipped/>")),
        )
        self.assertEqual(status["S0.1"][0], "not yet")

    def test_failure_in_any_file_outweighs_a_pass(self):
        passing, failing = googletest(case("S0_1_X")), googletest(
            case("S0_1_X", inside="<failure/>")
        )
        self.assertEqual(self.status_of(passing, failing)["S0.1"][0], "not yet")
        self.assertEqual(self.status_of(failing, passing)["S0.1"][0], "not yet")

    def test_instances_of_a_parameterised_test_are_one_test(self):
        instances = [case(f"S0_1_X/{i}", suite="All/P") for i in range(3)]
        self.assertEqual(
            self.status_of(googletest(*instances))["S0.1"], ("proven", ["All/P.S0_1_X"])
        )
        instances[1] = case("S0_1_X/1", suite="All/P", inside="<failure/>")
        self.assertEqual(self.status_of(googletest(*instances))["S0.1"][0], "not yet")

    def test_instances_may_be_named_by_a_value_with_blanks_and_slashes(self):
        passing, failing = 'All/P.S0_1_X/"a b/c"', 'All/P.S0_1_X/"d.e"'
        passing, failing = (name.replace('"', "&quot;") for name in (passing, failing))
        self.assertEqual(
            self.status_of(ctest(ctest_case(passing)))["S0.1"], ("proven", ["All/P.S0_1_X"])
        )
        results = ctest(ctest_case(passing), ctest_case(failing, "fail", "<failure/>"))
        self.assertEqual(self.status_of(results)["S0.1"][0], "not yet")

    def test_cases_of_a_corpus_stay_apart(self):
        results = ctest(ctest_case("ops.all/S0_1_a"), ctest_case("ops.all/b", "fail", "<failure/>"))
        self.assertEqual(self.status_of(results)["S0.1"], ("proven", ["ops.all/S0_1_a"]))

    def test_pytest_names_ids_and_instances_in_its_own_way(self):
        def results(*cases):
            return f'{XML}<testsuites name="pytest tests"><testsuite>{"".join(cases)}</testsuite></testsuites>'

        def pytest_case(name, inside=""):
            return f'<testcase classname="python.tests.test_x" name="{name}" time="0.1">{inside}</testcase>'

        cases = [pytest_case("test_S0_1_takes[a b/c]"), pytest_case("test_S0_1_takes[d]", "<skipped/>")]
        status = self.status_of(results(*cases, pytest_case("test_S1_1_x", '<skipped type="pytest.skip"/>')))
        self.assertEqual(status["S0.1"], ("proven", ["test_S0_1_takes"]))
        self.assertEqual(status["S1.1"], ("not yet", []))
        for fault in ("<failure/>", '<error message="x"/>'):
            faulty = results(*cases, pytest_case("test_S0_1_takes[e]", fault))
            self.assertEqual(self.status_of(faulty)["S0.1"][0], "not yet")

    def test_same_test_in_both_kinds_of_file_is_named_once(self):
        status = self.status_of(ctest(ctest_case("Model.S0_1_X")), googletest(case("S0_1_X")))
        self.assertEqual(status["S0.1"], ("proven", ["Model.S0_1_X"]))

    def test_unknown_id_is_an_error_even_where_the_test_failed(self):
        code, out, err = self.run_script(googletest(case("S1_99_X", inside="<failure/>")))
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)["unknown"], [{"test": "Model.S1_99_X", "id": "S1.99"}])
        self.assertIn("test `Model.S1_99_X` names S1.99, which does not exist", err)

    def test_totals_count_every_requirement_once(self):
        _, out, _ = self.run_script(googletest(case("S0_1_X"), case("S0_2_OnMac")))
        document = json.loads(out)
        self.assertEqual(document["version"], 1)
        self.assertEqual(
            document["totals"],
            {"proven": 2, "not yet": 2, "waiting": 0, "needs a Mac": 0, "out": 1},
        )
        self.assertEqual([d["totals"]["proven"] for d in document["documents"]], [2, 0])

    def test_table_names_proof_and_what_fell_short(self):
        code, out, _ = self.run_script(
            googletest(case("S0_1_X"), case("S1_1_Y", result="skipped", inside="<skipped/>")),
            flags=(),
        )
        self.assertEqual(code, 0)
        lines = [" ".join(line.split()) for line in out.splitlines()]
        self.assertIn("S0: first document", lines)
        self.assertEqual(lines[lines.index("S0.1 proven One thing.") + 1], "by Model.S0_1_X")
        self.assertEqual(
            lines[lines.index("S1.1 not yet A third thing.") + 1], "skipped: Model.S1_1_Y"
        )
        self.assertEqual(lines[-1], "total 1 2 0 1 1 5")

    def test_wrong_lists_are_refused_with_their_line(self):
        for text, message in (
            ("## S0: d\n- S0.1 [windows] x\n", "requirements.md:2: expected"),
            ("## S0: d\n- S0.1 [linux, waits for rain] x\n", "requirements.md:2: expected"),
            (
                "## S0: d\n- S0.1 [linux] x\n- S0.1 [linux] y\n",
                "requirements.md:3: S0.1 is listed twice",
            ),
            ("- S0.1 [linux] x\n", "requirements.md:1: S0.1 stands before the heading"),
            ("# empty\n", "no line of the form"),
        ):
            code, out, err = self.run_script(googletest(), requirement_list=text)
            self.assertEqual((code, out), (2, ""))
            self.assertIn(message, err)

    def test_unreadable_results_are_refused(self):
        for text, message in (
            ("<testsuites><testcase", "results0.xml"),
            ("", "results0.xml"),
            ("<html/>", "root element <html>, expected <testsuite> or <testsuites>"),
        ):
            code, out, err = self.run_script(text)
            self.assertEqual((code, out), (2, ""))
            self.assertIn(message, err)

    def test_no_results_are_refused(self):
        code, out, err = self.run_script(ctest())
        self.assertEqual((code, out), (2, ""))
        self.assertIn("no test ran", err)
        code, out, err = self.run_script(flags=("--root", str(self.folder)))
        self.assertEqual((code, out), (2, ""))
        self.assertIn("run `make test`", err)

    def test_missing_results_file_is_refused(self):
        code, _, err = self.run_script(flags=(str(self.folder / "absent.xml"),))
        self.assertEqual(code, 2)
        self.assertIn("absent.xml", err)

    def test_the_list_of_the_project_is_well_formed_and_complete(self):
        titles, found = requirements.read_requirements(
            SCRIPT.parents[1] / "docs" / "requirements.md"
        )
        self.assertEqual(list(titles), ["S0", "S1", "S2", "S3", "S4"])
        numbers = {document: 0 for document in titles}
        for id_ in found:
            document, number = id_.split(".")
            numbers[document] += 1
            self.assertEqual(int(number), numbers[document])
        self.assertEqual(numbers, {"S0": 68, "S1": 55, "S2": 47, "S3": 79, "S4": 40})


if __name__ == "__main__":
    unittest.main()
