# SPDX-License-Identifier: Apache-2.0
"""Random graphs in a short and a long form, and the graphs that once failed."""

from pathlib import Path

import numpy as np
import pytest

from tests.differential import check, replay, run

CASES = sorted(p.with_suffix("") for p in (Path(__file__).parent / "cases").glob("*.onnx"))


def verdict(total: run.Tally) -> str:
    return "\n".join(total.rejected + total.differences + [run.report(total)])


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_random_graphs(first):
    """The same graphs each time; each runs in every way."""
    total = run.some(list(range(first, first + 50)), peers=False)
    assert total.graphs == 50 and not total.rejected and not total.differences, verdict(total)


@pytest.mark.parametrize("stem", CASES, ids=lambda p: p.name)
def test_once_failed(stem):
    outcome = check.check(replay.load(stem), peers=())
    assert not outcome.findings, "\n".join(map(str, outcome.findings))


def test_cases_survive_being_saved(tmp_path):
    """Inputs of every kind: tensors of all types, sequences, maps, sequences of maps."""
    from tests.differential.builder import same
    from tests.differential.generate import graph

    kinds = set()
    for seed in range(3000, 3150):
        case = graph(seed)
        kinds |= {replay.kind_of(i.type)[0] for i in case.model.graph.input}
        replay.save(case, tmp_path / "case")
        back = replay.load(tmp_path / "case")
        assert len(back.runs) == len(case.runs)
        for saved, loaded in zip(case.runs, back.runs, strict=True):
            assert all(same(data, loaded.inputs[name]) for name, data in saved.inputs.items()), seed
    assert {"tensor", "sequence", "map"} <= kinds


def test_a_wrong_result_is_found():
    """The comparison sees an error of a hundredth in one element."""
    from tests.differential.compare import difference
    from tests.differential.generate import graph

    def floats_of(case):
        values = [case.runs[0].values[o.name] for o in case.model.graph.output]
        return [v for v in values if v.element == 1 and isinstance(v.data, np.ndarray) and v.data.size]

    floats = [value for number in range(5) for value in floats_of(graph(number))]
    assert floats
    for value in floats:
        assert not difference(value.data, value)
        moved = value.data.copy()
        moved.flat[0] = moved.flat[0] * 1.01 + 0.01 * np.abs(moved).max() + 1e-3
        assert difference(moved, value)


def test_a_graph_is_the_same_each_time():
    from tests.differential.generate import graph

    assert graph(7).model.SerializeToString() == graph(7).model.SerializeToString()


@pytest.mark.long
def test_many_random_graphs():
    total = run.run(20_000, 1_000_000, 2, peers=False)
    print(run.report(total))
    assert not total.rejected and not total.differences, verdict(total)
    assert min(total.fired.values()) >= 100, total.fired
    assert not run.missing_passes(total) and not run.missing_operators(total)


@pytest.mark.long
def test_peers_agree():
    pytest.importorskip("onnxruntime")
    total = run.run(2_000, 2_000_000, 2, peers=True)
    print(run.report(total))
    assert not total.rejected and not total.differences, verdict(total)
