# SPDX-License-Identifier: Apache-2.0
"""Programs of the cache with changed bytes and a digest that fits them: whoever may write to the folder can make such.

    python -m tests.hostile.forged_programs [--rounds 5] [--only REGEX] [--seed 1]

Every model of the backend suite is made with a cache; then bytes of the program's table are changed, the digest is made anew, and
the model is made again and run. Any typed error will do, and any result; a signal is a finding.
"""

import argparse
import hashlib
import multiprocessing
import pathlib
import random
import re
import signal
import struct
import tempfile

import numpy as np

import ferry

HEAD_BYTES, TABLE_BYTES_AT, DIGEST_AT = 64, 24, 32
RUN_SECONDS = 0.2
SESSION = {"threads": 1, "memory_limit": 256 << 20}


def forge(program, rng):
    """Between one and four changed places in the table, behind the key."""
    bad = bytearray(program)
    table = struct.unpack_from("<Q", bad, TABLE_BYTES_AT)[0]
    key = struct.unpack_from("<I", bad, HEAD_BYTES)[0]
    first, last = HEAD_BYTES + 4 + key, HEAD_BYTES + table
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(first, last)
        kind = rng.randrange(4)
        if kind == 0:
            bad[at] = rng.randrange(256)
        elif kind == 1:
            bad[at] ^= 1 << rng.randrange(8)
        elif kind == 2:  # a small number where one of eight bytes may be
            bad[at] = rng.choice((0, 1, 2, 3, 4, 7, 8, 127, 255))
        elif at + 8 <= last:  # a piece from elsewhere
            source = rng.randrange(first, last - 8)
            length = rng.choice((1, 4, 8))
            bad[at:at + length] = bad[source:source + length]
    sizes = struct.pack("<QQ", len(bad), table)
    digest = hashlib.blake2b(sizes + bytes(bad[HEAD_BYTES:HEAD_BYTES + table]), digest_size=32).digest()
    bad[DIGEST_AT:DIGEST_AT + 32] = digest
    return bytes(bad)


def attempt(model, inputs, folder):
    """The state of the cache that the session reports, or the name of the error."""
    try:
        session = ferry.Session(model, cache=str(folder), **SESSION)
    except ferry.Error as error:
        return type(error).__name__
    try:
        session.run(inputs, timeout=RUN_SECONDS)
    except ferry.Error:
        pass
    return session.report().cache


def named(case, session):
    names = [i.name for i in session.inputs]
    return {n: v for n, v in zip(names, case.inputs) if v is not None}


def try_case(case, rounds, seed, states):
    """Calls states(state) for each forged program."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            session = ferry.Session(case.model, cache=str(folder), **SESSION)
        except ferry.Error:
            return
        inputs = named(case, session)
        path = next(folder.glob("*.ferryprogram"), None)
        if path is None:
            return
        good = path.read_bytes()
        for i in range(rounds):
            path.write_bytes(forge(good, random.Random(f"{case.name} {seed + i}")))
            states(attempt(case.model, inputs, folder))


def work(cases, rounds, seed, ended):
    for i, case in cases:
        ended.send(("begins", i))
        try_case(case, rounds, seed, lambda state: ended.send(("state", state)))
    ended.send(("done", None))


def search(cases, rounds, seed=1):
    """The names of the cases that ended in a signal, and how often each state was reported."""
    todo, findings, states = list(enumerate(cases)), [], {}
    context = multiprocessing.get_context("spawn")
    while todo:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(todo, rounds, seed, there))
        process.start()
        there.close()
        at, done = None, False
        while not done:
            try:
                what, value = here.recv()
            except EOFError:
                break
            if what == "state":
                states[value] = states.get(value, 0) + 1
            at = value if what == "begins" else at
            done = what == "done"
        process.join()
        if not done:
            findings.append((cases[at].name if at is not None else "start", signal_name(process.exitcode)))
            todo = [(i, c) for i, c in todo if at is not None and i > at]
        else:
            todo = []
    return findings, states


def signal_name(code):
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def suite_cases():
    from tests.conformance import suite

    return [c for c in suite.cases() if all(isinstance(v, np.ndarray) or v is None for v in c.inputs)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    findings, states = search([c for c in suite_cases() if re.search(args.only, c.name)], args.rounds, args.seed)
    for name, what in findings:
        print(f"{name}: {what}")
    print(", ".join(f"{count} {state}" for state, count in sorted(states.items())))
    return bool(findings)


if __name__ == "__main__":
    raise SystemExit(main())
