"""Every script of benchmarks/ starts: its imports are there, and it says what it is about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
ASK_ALL = """
import contextlib, io, runpy, sys
for script in sys.argv[1:]:
    said, sys.argv = io.StringIO(), [script, "--help"]
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(script, run_name="__main__")
        end = "it went on"
    except SystemExit as left:
        end = left.code
    except BaseException as fault:
        end = repr(fault)
    helps = end == 0 and "usage:" in said.getvalue() and len(said.getvalue().split(chr(10) * 2)) > 2
    print(script, "helps" if helps else f"{end}: {said.getvalue()}")
"""


def test_every_script_starts_and_tells_what_it_is_about() -> None:
    scripts = [str(file) for file in sorted(BENCHMARKS.glob("*.py")) if "if __name__ ==" in file.read_text()]
    done = subprocess.run([sys.executable, "-c", ASK_ALL, *scripts], cwd=BENCHMARKS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"{script} helps" for script in scripts] and len(scripts) > 25
