"""Types that a checker reads: mypy over an example that is right, and one that is wrong line by line."""

import inspect
import pathlib
import re
import subprocess
import sys
import tempfile
import typing
import unittest

import ilk_plugin
from ilk_plugin.settings import Source

EXAMPLES = pathlib.Path(__file__).parent / "typed"
ERROR = re.compile(r"^([^:]+):(\d+): error: (.*)$", re.M)


def errors() -> dict[str, list[tuple[int, str]]]:
    """Checks both examples; returns the errors of each, by line."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "--config-file", ""]
        done = subprocess.run([*command, "good.py", "bad.py"], capture_output=True, text=True, cwd=EXAMPLES)
    assert done.returncode == 1 and not done.stderr, done.stdout + done.stderr
    found: dict[str, list[tuple[int, str]]] = {"good.py": [], "bad.py": []}
    for name, line, text in ERROR.findall(done.stdout):
        found[name].append((int(line), text))
    return found


class Types(unittest.TestCase):
    def test_what_is_wrong_is_an_error_of_its_line_and_nothing_else_is(self):
        errors_of = errors()
        self.assertEqual(errors_of["good.py"], [])
        lines = (EXAMPLES / "bad.py").read_text().splitlines()
        expected = {n: line.partition("# error: ")[2] for n, line in enumerate(lines, 1) if "# error: " in line}
        self.assertGreater(len(expected), 9)
        found = errors_of["bad.py"]
        self.assertEqual({line for line, _ in found}, set(expected))
        for line, text in expected.items():
            self.assertTrue(any(text in said for number, said in found if number == line), (line, found))

    def test_every_way_in_takes_the_settings_of_a_source(self):
        source = typing.get_type_hints(Source)
        for function in [ilk_plugin.similar_items, ilk_plugin.Session.__init__]:
            taken = typing.get_type_hints(function)
            self.assertEqual({name: taken.get(name) for name in source}, source)

    def test_everything_public_says_what_it_takes_and_returns(self):
        for name in ilk_plugin.__all__:
            thing = getattr(ilk_plugin, name)
            functions = [thing] if inspect.isfunction(thing) else []
            if inspect.isclass(thing):
                own = vars(thing).items()
                functions = [f for key, f in own if inspect.isfunction(f) and not key.startswith("_")]
            for function in functions:
                signature = inspect.signature(function)
                untyped = [p for p in signature.parameters.values() if p.annotation is p.empty and p.name != "self"]
                self.assertEqual(untyped, [], function)
                self.assertIsNot(signature.return_annotation, signature.empty, function)


if __name__ == "__main__":
    unittest.main()
