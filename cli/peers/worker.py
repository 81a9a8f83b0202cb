# SPDX-License-Identifier: Apache-2.0
"""One engine beside Ferry, in a process of its own. `ferry bench --vs` holds this file and starts it.

argv[1] is a JSON object: engine, model, threads, inputs (.npz of i0, i1, ...), input_names, reference
(.npz of Ferry's outputs o0, o1, ...), torch (module:function or ""), folder (for temporary files).

It answers one JSON line when ready or failed, then one per line of its stdin: a number N gives the
seconds of N runs, `memory` the resident bytes.
"""

import importlib.util
import json
import os
import subprocess
import sys
import time

answers = sys.stdout
sys.stdout = sys.stderr  # engines print


def answer(value):
    print(json.dumps(value), file=answers, flush=True)


class Missing(Exception):
    """The engine is not installed, or lacks what it needs to take this model."""


def status_bytes(key):
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(key):
                return int(line.split()[1]) * 1024
    return 0


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass  # then the peak includes what was done to prepare the model


class Engine:
    """open() returns a function without arguments that runs the model and returns its outputs."""

    version, precision, note, loaded = "", "f32", "", None

    def timed(self, load):
        start = time.perf_counter()
        result = load()
        self.loaded = time.perf_counter() - start
        return result


class OnnxRuntime(Engine):
    def imports(self):
        import onnxruntime

        onnxruntime.disable_telemetry_events()
        self.module, self.version = onnxruntime, onnxruntime.__version__

    def open(self, config, feed):
        options = self.module.SessionOptions()
        options.intra_op_num_threads = config["threads"]
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = self.timed(
            lambda: self.module.InferenceSession(config["model"], options, ["CPUExecutionProvider"])
        )
        return lambda: session.run(None, feed)


class OpenVino(Engine):
    def __init__(self, precision):
        self.wanted = precision

    def imports(self):
        import openvino

        self.module, self.version = openvino, openvino.__version__.split("-")[0]

    def open(self, config, feed):
        properties = {
            "INFERENCE_NUM_THREADS": config["threads"],
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        if self.wanted:
            properties["INFERENCE_PRECISION_HINT"] = self.wanted
        core = self.module.Core()
        compiled = self.timed(lambda: core.compile_model(config["model"], "CPU", properties))
        used = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.precision = {"bfloat16": "bf16", "float16": "f16"}.get(used, used)
        request = compiled.create_infer_request()
        for name, array in feed.items():
            request.set_tensor(compiled.input(name), self.module.Tensor(array, True))

        def run(feed=feed):  # the tensors view its arrays
            request.infer()
            return [request.get_tensor(port).data for port in compiled.outputs]

        return run


class Ncnn(Engine):
    """Converts the model with pnnx, whose wheel brings the converter."""

    def imports(self):
        import ncnn

        found = importlib.util.find_spec("pnnx")  # importing it would load PyTorch
        if found is None:
            raise Missing("pnnx, which converts for ncnn, is not installed: pip install pnnx")
        self.module, self.version = ncnn, ncnn.__version__
        self.converter = os.path.join(os.path.dirname(found.origin), "pnnx")

    def convert(self, config, feed):
        folder = config["folder"]
        for suffix in ("", ".data"):
            source = os.path.abspath(config["model"]) + suffix
            if os.path.exists(source):
                os.symlink(source, os.path.join(folder, os.path.basename(source)))
        name = os.path.basename(config["model"])
        kinds = {"float32": "f32", "int64": "i64", "int32": "i32", "bool": "bool", "uint8": "u8"}
        shapes = ",".join(
            f"[{','.join(map(str, a.shape))}]{kinds.get(str(a.dtype), 'f32')}" for a in feed.values()
        )
        done = subprocess.run(
            [self.converter, name, f"inputshape={shapes}", "fp16=0"],
            cwd=folder, capture_output=True, text=True, check=False,
        )
        base = os.path.join(folder, os.path.splitext(name)[0].replace("-", "_"))
        if done.returncode != 0 or not os.path.exists(base + ".ncnn.param"):
            text = (done.stderr + done.stdout).strip().splitlines()
            raise Missing(f"pnnx cannot convert it (code {done.returncode}): {(text or ['?'])[-1]}")
        left = [
            line.split()[0]
            for line in open(base + ".ncnn.param").read().splitlines()[2:]
            if line[:5] in ("aten:", "onnx:", "pnnx.", "Tenso") or line[:6] in ("torch.", "prim::")
        ]
        if left:
            raise Missing(f"pnnx left operators that ncnn lacks: {', '.join(sorted(set(left)))}")
        return base

    def open(self, config, feed):
        import numpy as np

        base = self.convert(config, feed)
        net = self.module.Net()
        for option in dir(net.opt):  # fp32 throughout; Winograd and packing stay on
            if option.startswith(("use_fp16", "use_bf16")):
                setattr(net.opt, option, False)
        net.opt.num_threads = config["threads"]
        net.opt.use_vulkan_compute = False

        def load():
            if net.load_param(base + ".ncnn.param") or net.load_model(base + ".ncnn.bin"):
                raise Missing("ncnn refuses what pnnx made of it")

        self.timed(load)
        outputs = net.output_names()
        # ncnn has no batch: pnnx takes the axis of extent 1 away.
        blobs = {}
        for index, array in enumerate(feed.values()):
            array = array.astype(np.int32) if array.dtype == np.int64 else array
            plain = array[0] if array.ndim > 1 and array.shape[0] == 1 else array
            blobs[f"in{index}"] = self.module.Mat(np.ascontiguousarray(plain)).clone()

        def run():
            extractor = net.create_extractor()
            for name, blob in blobs.items():
                extractor.input(name, blob)
            results = []
            for name in outputs:
                code, blob = extractor.extract(name)
                if code != 0:
                    raise Missing(f"ncnn cannot run it: extracting {name} gives {code}")
                results.append(blob)
            return results

        self.arrays = lambda results: [np.array(blob) for blob in results]
        return run


class Torch(Engine):
    def __init__(self, compiled):
        self.compiled = compiled

    def imports(self):
        import torch

        self.module, self.version = torch, torch.__version__

    def open(self, config, feed):
        torch = self.module
        if not config["torch"]:
            raise Missing("PyTorch runs modules, not ONNX files: name one with --torch module:function")
        torch.set_num_threads(config["threads"])
        torch.set_num_interop_threads(1)
        torch.set_grad_enabled(False)
        place, _, function = config["torch"].partition(":")
        sys.path.insert(0, os.getcwd())
        module = getattr(__import__(place, fromlist=["_"]), function)().eval()
        reset_peak()
        if self.compiled:
            import torch._inductor.config as inductor

            inductor.freezing = True
            module = self.timed(lambda: torch.compile(module))
        inputs = [torch.from_numpy(array.copy()) for array in feed.values()]
        self.arrays = lambda results: [
            t.numpy() for t in (results if isinstance(results, (tuple, list)) else [results])
        ]
        return lambda: module(*inputs)


ENGINES = {
    "onnxruntime": OnnxRuntime,
    "openvino": lambda: OpenVino(None),
    "openvino-f32": lambda: OpenVino("f32"),
    "ncnn": Ncnn,
    "torch": lambda: Torch(False),
    "torch-compile": lambda: Torch(True),
}


def relative_error(seen, wanted):
    """The largest difference over the largest reference value, the worst of all outputs."""
    import numpy as np

    if len(seen) != len(wanted):
        raise ValueError(f"{len(seen)} outputs instead of {len(wanted)}")
    worst = 0.0
    for index, (a, b) in enumerate(zip(seen, wanted)):
        a, b = np.asarray(a), np.asarray(b)
        if a.size != b.size or [d for d in a.shape if d != 1] != [d for d in b.shape if d != 1]:
            raise ValueError(f"output {index} is {list(a.shape)}, not {list(b.shape)}")
        if b.size == 0:
            continue
        a, b = a.reshape(b.shape).astype(np.float64), b.astype(np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            difference = np.where(same, 0.0, np.abs(a - b)).max()
        scale = np.abs(b[np.isfinite(b)]).max(initial=0.0)
        if difference != 0:
            worst = max(worst, float(difference / scale) if scale else float("inf"))
    return worst if worst == worst and worst != float("inf") else 1e300


def prepare(config):
    engine = ENGINES[config["engine"]]()
    try:
        import numpy as np

        engine.imports()
    except ImportError as error:
        package = config["engine"].split("-")[0]
        raise Missing(f"not installed for {sys.executable} ({error}): pip install {package}")
    with np.load(config["inputs"]) as file:
        feed = {name: file[f"i{i}"] for i, name in enumerate(config["input_names"])}
    with np.load(config["reference"]) as file:
        reference = [file[f"o{i}"] for i in range(len(file.files))]
    before = status_bytes("VmRSS")
    reset_peak()
    run = engine.open(config, feed)
    start = time.perf_counter()
    results = run()
    first = time.perf_counter() - start
    arrays = getattr(engine, "arrays", list)(results)
    try:
        error, wrong = relative_error(arrays, reference), ""
    except ValueError as reason:
        error, wrong = None, str(reason)
    ready = {
        "status": "ready", "version": engine.version, "precision": engine.precision,
        "load_s": engine.loaded, "first_run_s": first, "error": error, "wrong": wrong,
    }
    return ready, run, before


def serve(run, before):
    for line in sys.stdin:
        if line.strip() == "memory":
            answer({"peak_bytes": status_bytes("VmHWM"), "before_bytes": before})
            continue
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        answer(seconds)


def main():
    try:
        ready, run, before = prepare(json.loads(sys.argv[1]))
    except Missing as reason:
        answer({"status": "failed", "reason": str(reason)})
    except Exception as error:  # whatever an engine throws is the reason it cannot run the model
        text = f"{type(error).__name__}: {error}".strip()
        answer({"status": "failed", "reason": " ".join(text.split())[:400]})
    else:
        answer(ready)
        serve(run, before)


main()
