"""Runs commands in forks of one process that has the big libraries imported: seconds less a run.

Reads one JSON object a line: `module` and `arguments` (as `python -m`), `folder`, `environment`,
`path` (what PYTHONPATH adds), `stdout`, `stderr` (files). Answers with the exit code. Nothing of
mimic_checks or of anybody's package is imported before the fork.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from typing import Any

import hypothesis.strategies
import numpy
import PIL.Image
import pydantic
import pytest
import scipy.stats

PRELOADED = (hypothesis.strategies, numpy, PIL.Image, pydantic, pytest, scipy.stats)


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(_run(request))
        status = os.waitpid(child, 0)[1]
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(request: dict[str, Any]) -> int:
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # as `python -m` has it: the folder first, then PYTHONPATH, in place of this file's folder
    sys.path[:1] = [request["folder"], *request["path"]]
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        opened = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, stream.fileno())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [request["module"], *request["arguments"]]
    code: Any = 0
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    main()
