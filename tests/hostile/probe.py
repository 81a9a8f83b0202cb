# SPDX-License-Identifier: Apache-2.0
"""Loads and runs models, each in a process of its own; says how that ended and what it cost.

Reads one JSON object per line: folder, inputs, timeout, memory_limit, from_bytes. Answers with one JSON object per line:
ended (a list of [mode, code, message], or a signal), seconds (of CPU), growth (bytes at the peak).
"""

import json
import os
import pathlib
import resource
import sys
import time
import traceback

import numpy as np

import ferry

# A runaway must not take the machine with it.
ADDRESS_SPACE = 16 << 30
CPU_SECONDS = 20

MODES = {"default": {}, "as_written": {"optimize": False}}


def memory(field):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def attempt(job, mode):
    folder = pathlib.Path(job["folder"])
    limit = job["memory_limit"]
    try:
        source = str(folder / "model.onnx")
        if job["from_bytes"]:
            source = pathlib.Path(source).read_bytes()
        model = ferry.Model(source, memory_limit=limit)
        session = ferry.Session(model, threads=1, memory_limit=limit, **MODES[mode])
        inputs = folder / "inputs.npz"
        given = dict(np.load(inputs, allow_pickle=True)) if inputs.exists() else {}
        session.run(given, timeout=job["timeout"])
        return mode, "Ok", ""
    except ferry.Error as error:
        return mode, type(error).__name__, str(error)
    except BaseException:  # noqa: BLE001  (whatever it is, it is a finding)
        return mode, "Traceback", traceback.format_exc()


def attempt_all(job):
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    before = memory("VmRSS")
    ended, seconds = [], 0
    for mode in MODES:
        start = time.process_time()
        ended.append(attempt(job, mode))
        seconds = max(seconds, time.process_time() - start)
    return {"ended": ended, "seconds": seconds, "growth": memory("VmHWM") - before}


def main():
    for line in sys.stdin:
        job = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            with open(write, "w") as answer:
                json.dump(attempt_all(job), answer)
            os._exit(0)
        os.close(write)
        with open(read) as answer:
            text = answer.read()
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            text = json.dumps({"ended": [["any", f"Signal{os.WTERMSIG(status)}", ""]], "seconds": 0, "growth": 0})
        print(text, flush=True)


if __name__ == "__main__":
    main()
