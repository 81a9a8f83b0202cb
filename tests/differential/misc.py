# SPDX-License-Identifier: Apache-2.0
"""Signals, detection, losses, optimizers, text, ai.onnx.ml, random numbers: the rest of the table."""

import io

import numpy as np
from PIL import Image

from . import elements as el
from .builder import Builder, Reject
from .elementwise import bring_into
from .templates import template

ML = "ai.onnx.ml"
TRAINING = "ai.onnx.preview.training"


# ---- signals ----


@template(0.5)
def windows(b: Builder) -> None:
    op = b.r.choice(["HannWindow", "HammingWindow", "BlackmanWindow"])
    target = b.r.choice([t for t in el.allowed(op, "T2") if t in el.FLOATS])
    size = b.leaf(b.element(el.allowed(op, "T1")), (), 2, 12, make=lambda s, g: np.asarray(g.integers(2, 12, s)), constant=True)
    b.one(op, b.const(size.data, size.element), output_datatype=target, periodic=b.r.randint(0, 1))


@template(0.6)
def fourier(b: Builder) -> None:
    element = b.element(el.allowed("DFT", "T1"))
    if b.r.random() < 0.35:
        n, frame, hop = b.r.randint(8, 20), b.r.choice([4, 8]), b.r.choice([2, 3, 4])
        x = b.leaf(element, (b.r.randint(1, 2), n, 1))
        window = b.leaf(element, (frame,), 0.2, 1, constant=True) if b.r.random() < 0.6 else None
        kind = b.element((el.I64, el.I32))
        b.one("STFT", x, b.const(np.array(hop), kind), window, b.const(np.array(frame), kind) if window is None or b.r.random() < 0.5 else None, onesided=b.r.randint(0, 1))
        return
    rank = b.r.randint(1, 3)
    complex_in = b.r.random() < 0.5
    inverse = b.r.random() < 0.3
    shape = (*[b.r.randint(1, 7) for _ in range(rank)], 2 if complex_in or inverse else 1)
    x = b.leaf(element, shape)
    axis = b.const(np.array(b.r.randrange(rank)))
    length = b.const(np.array(b.r.choice([4, 5, 8])), b.element((el.I64, el.I32))) if b.r.random() < 0.3 else None
    extra = {"inverse": 1} if inverse else {"onesided": b.r.randint(0, 1)} if not complex_in else {}
    b.one("DFT", x, length, axis, **extra)


@template(0.2)
def mel(b: Builder) -> None:
    kind = b.r.choice([el.I32, el.I64])
    floats = b.r.choice(el.FLOATS[:1])
    numbers = [b.const(np.array(v), kind) for v in (b.r.randint(2, 8), b.r.choice([16, 32]), 8192)]
    bounds = [b.const(np.array(v), floats) for v in (0.0, 4000.0)]
    b.one("MelWeightMatrix", *numbers, *bounds, output_datatype=b.r.choice([el.F32, el.F64]))


# ---- pictures and boxes ----


@template(0.6)
def grid_sample(b: Builder) -> None:
    element = b.element([t for t in el.allowed("GridSample", "T1") if t in el.FLOATS and t in el.allowed("GridSample", "T2")])
    spatial = b.r.choice([2, 2, 2, 3])
    x = b.leaf(element, (b.r.randint(1, 2), b.r.randint(1, 3), *[b.r.randint(2, 5) for _ in range(spatial)]))
    grid = b.leaf(element, (x.shape[0], *[b.r.randint(1, 4) for _ in range(spatial)], spatial), -1.1, 1.1, make=lambda s, g: el.as_array(g.uniform(-1.1, 1.1, s), element))
    mode = b.r.choice(["linear", "nearest", "cubic"] if spatial == 2 else ["linear", "nearest"])
    b.one("GridSample", x, grid, mode=mode, padding_mode=b.r.choice(["zeros", "border", "reflection"]), align_corners=b.r.randint(0, 1))


@template(0.3)
def affine_grid(b: Builder) -> None:
    element = b.element(el.allowed("AffineGrid", "T1"))
    n, spatial = b.r.randint(1, 2), b.r.choice([2, 3])
    theta = b.leaf(element, (n, spatial, spatial + 1))
    b.one("AffineGrid", theta, b.const(np.array([n, 2, *[b.r.randint(2, 4) for _ in range(spatial)]])), align_corners=b.r.randint(0, 1))


def boxes(b: Builder, element: int, n: int, batches: int | None = None):
    def make(s, g):
        low = g.uniform(0, 4, (n, 2))
        size = g.uniform(1.3, 4, (n, 2))
        columns = [low, low + size]
        if batches:
            columns.insert(0, g.integers(0, batches, (n, 1)))
        return el.as_array(np.concatenate(columns, 1), element)

    return b.leaf(element, (n, 5 if batches else 4), make=make, constant=True if b.dynamic else None)


@template(0.6)
def roi(b: Builder) -> None:
    op = b.r.choice(["RoiAlign", "RoiAlign", "MaxRoiPool"])
    element = b.element(el.allowed(op, "T1" if op == "RoiAlign" else "T"))
    x = b.leaf(element, (b.r.randint(1, 2), b.r.randint(1, 3), 9, 9))
    n = b.r.randint(1, 3)
    if op == "MaxRoiPool":
        b.one(op, x, boxes(b, element, n, x.shape[0]), pooled_shape=[b.r.randint(1, 3), b.r.randint(1, 3)], spatial_scale=1.0)
        return
    batch = b.leaf(el.I64, (n,), make=lambda s, g: g.integers(0, x.shape[0], s), constant=True if b.dynamic else None)
    extra = {"coordinate_transformation_mode": b.r.choice(["half_pixel", "output_half_pixel"])} if b.r.random() < 0.6 else {}
    b.one(op, x, boxes(b, element, n), batch, output_height=b.r.randint(1, 3), output_width=b.r.randint(1, 3), sampling_ratio=b.r.choice([1, 2]), spatial_scale=b.r.choice([1.0, 0.5]),
          mode=b.r.choice(["avg", "max"]), **extra)


@template(0.4)
def suppression(b: Builder) -> None:
    n, batch, classes = b.r.randint(1, 8), b.r.randint(1, 2), b.r.randint(1, 3)
    data = lambda s, g: np.concatenate([c := g.uniform(0, 4, (*s[:2], 2)), c + g.uniform(1, 3, (*s[:2], 2))], -1).astype(np.float32)
    box = b.leaf(el.F32, (batch, n, 4), make=data, constant=True if b.dynamic else None)
    scores = b.leaf(el.F32, (batch, classes, n), 0, 1, make=lambda s, g: g.permutation(np.linspace(0.05, 0.95, int(np.prod(s)), dtype=np.float32)).reshape(s), constant=True if b.dynamic else None)
    b.one("NonMaxSuppression", box, scores, b.const(np.array([b.r.randint(1, 4)])), b.const(np.array([0.45]), el.F32), b.const(np.array([0.2]), el.F32) if b.r.random() < 0.6 else None,
          center_point_box=b.r.randint(0, 1))


@template(0.4)
def columns(b: Builder) -> None:
    element = b.element([t for t in el.allowed("Col2Im", "T") if t != el.STRING])
    block, size = [b.r.randint(1, 3), b.r.randint(1, 3)], [b.r.randint(3, 6), b.r.randint(3, 6)]
    blocks = int(np.prod([s - k + 1 for s, k in zip(size, block)]))
    x = b.leaf(element, (b.r.randint(1, 2), b.r.randint(1, 2) * block[0] * block[1], blocks))
    if element not in (*el.FLOATS, *el.INTS):
        raise Reject("sums of such types")
    b.one("Col2Im", x, b.const(np.array(size)), b.const(np.array(block)))


@template(0.4)
def determinant(b: Builder) -> None:
    n = b.r.randint(1, 4)
    batch = b.shape((0, 2), 0)
    element = b.element(el.allowed("Det", "T"))
    b.one("Det", b.leaf(element, (*batch, n, n), make=lambda s, g: el.as_array(g.uniform(-1, 1, s) + 2.5 * np.eye(n), element)))


# ---- losses, optimizers ----


@template(0.6)
def losses(b: Builder) -> None:
    op = b.r.choice(["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"])
    element = b.element([t for t in el.allowed(op, "T")])
    n, c, rest = b.r.randint(1, 3), b.r.randint(1, 5), [b.r.randint(1, 3) for _ in range(b.r.randint(0, 2))]
    x = b.pick([element], shape=(n, c, *rest), fresh=0.6)
    kind = b.r.choice([el.I64, el.I32])
    ignore = b.r.random() < 0.3
    target = b.leaf(kind, (n, *rest), make=lambda s, g: el.as_array(g.integers(0, c, s), kind), constant=True if b.dynamic else None)
    weight = b.leaf(element, (c,), 0.5, 1.5) if b.r.random() < 0.5 else None
    extra = {"reduction": b.r.choice(["none", "mean", "sum"])}
    if ignore and c > 1:
        extra["ignore_index"] = c - 1
        if extra["reduction"] == "mean":
            extra["reduction"] = "sum"
    if op == "SoftmaxCrossEntropyLoss":
        b.node(op, [x, target, weight], b.r.choice([1, 2]), **extra)
    else:
        b.one(op, x, target, weight, **extra)


@template(0.4)
def optimizers(b: Builder) -> None:
    op = b.r.choice(["Adagrad", "Adam", "Momentum"])
    element = b.r.choice([el.F32, el.F64])
    shape = b.shape((1, 2), 0)
    count = b.r.randint(1, 2)
    rate, step = b.leaf(b.r.choice([el.F32, el.F64]), (), 0.05, 0.2), b.leaf(el.I64, (), 0, 9)
    tensors = [b.leaf(element, shape) for _ in range(2 * count)]
    positive = [b.leaf(element, shape, 0.2, 1) for _ in range(count * (2 if op == "Adam" else 1))]
    extra = {"Adagrad": {"norm_coefficient": 0.1, "decay_factor": 0.1, "epsilon": 1e-3},
             "Adam": {"norm_coefficient": 0.1, "alpha": 0.9, "beta": 0.95, "epsilon": 1e-3},
             "Momentum": {"norm_coefficient": 0.1, "alpha": 0.9, "beta": 0.8, "mode": b.r.choice(["standard", "nesterov"])}}[op]
    b.node(op, [rate, step, *tensors, *positive], count * (3 if op == "Adam" else 2), TRAINING, **extra)


@template(0.3)
def dropout(b: Builder) -> None:
    x = b.pick(el.allowed("Dropout", "T"), (0, 4))
    ratio = b.const(np.array(0.4), b.r.choice([el.F32, el.F64])) if b.r.random() < 0.5 else None
    b.node("Dropout", [x, ratio, b.const(np.array(False), el.BOOL) if ratio and b.r.random() < 0.5 else None], b.r.choice([1, 1, 2]))


@template(0.3)
def random_shapes(b: Builder) -> None:
    """Random numbers differ between libraries: only their shape and type go on."""
    op = b.r.choice(["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli", "Multinomial"])
    variable = {"RandomNormalLike": "T2", "RandomUniformLike": "T2", "Bernoulli": "T2", "Multinomial": "T2"}.get(op, "T")
    target = b.element(el.allowed(op, variable))
    if op in ("RandomNormal", "RandomUniform"):
        y = b.one(op, shape=list(b.shape((1, 3))), dtype=target, seed=1.0)
    elif op == "Multinomial":
        x = b.leaf(b.element(el.allowed(op, "T1")), (b.r.randint(1, 3), 4), -1, 0)
        y = b.one(op, x, dtype=target, sample_size=b.r.randint(1, 4), seed=1.0)
    else:
        x = b.pick(el.allowed(op, "T1"), (1, 3))
        if op == "Bernoulli":
            x = bring_into(b, x, 0, 1)
        y = b.one(op, x, dtype=target, seed=1.0)
    y.uses += 1  # not an output of the graph
    y.kind = "random"
    z = b.one("Shape", y)
    b.one("Cast", z, to=el.F32)


# ---- text ----


@template(0.8)
def text(b: Builder) -> None:
    op = b.r.choice(["StringConcat", "StringNormalizer", "StringSplit", "RegexFullMatch"])
    if op == "StringNormalizer":
        x = b.leaf(el.STRING, b.r.choice([(b.r.randint(1, 5),), (1, b.r.randint(1, 5))]))
        extra = {"case_change_action": b.r.choice(["LOWER", "UPPER", "NONE"]), "is_case_sensitive": b.r.randint(0, 1)}
        if b.r.random() < 0.5:
            extra["stopwords"] = ["a", "Ferry"]
        b.one(op, x, **extra)
        return
    x = b.pick([el.STRING], (0, 3))
    if op == "StringConcat":
        b.one(op, x, b.leaf(el.STRING, b.r.choice([x.shape, ()])))
    elif op == "RegexFullMatch":
        b.one(op, x, pattern=b.r.choice(["[a-z]+", ".*", "[-0-9.]+", "(a|ferry)"]))
    else:
        extra = {"delimiter": b.r.choice([",", " ", "e"])} if b.r.random() < 0.7 else {}
        if b.r.random() < 0.4:
            extra["maxsplit"] = b.r.randint(1, 2)
        b.node(op, [x], 2, **extra)


@template(0.3)
def ngrams(b: Builder) -> None:
    texts = b.r.random() < 0.4
    element = el.STRING if texts else b.r.choice([el.I32, el.I64])
    x = b.leaf(element, b.r.choice([(6,), (2, 5)]), 0, 6, make=None if texts else lambda s, g: el.as_array(g.integers(0, 6, s), element))
    extra = {"mode": b.r.choice(["TF", "IDF", "TFIDF"]), "min_gram_length": 1, "max_gram_length": 2, "max_skip_count": b.r.randint(0, 2), "ngram_counts": [0, 3], "ngram_indexes": [0, 1, 2, 3, 4]}
    if texts:
        extra["pool_strings"] = ["a", "ferry", "", "a", "ferry", "12", "a"]
    else:
        extra["pool_int64s"] = [1, 2, 3, 1, 2, 4, 5]
    if extra["mode"] != "TF":
        extra["weights"] = [0.5, 1.5, 2.0, 0.25, 1.0]
    b.one("TfIdfVectorizer", x, **extra)


# ---- pictures in files ----


@template(0.15)
def picture(b: Builder) -> None:
    height, width = b.r.randint(1, 9), b.r.randint(1, 9)
    shape = b.r.choice([(height, width), (height, width, 3)])
    stream = io.BytesIO()
    Image.fromarray(b.g.integers(0, 256, shape).astype(np.uint8)).save(stream, b.r.choice(["PNG", "BMP", "TIFF", "PPM"]))
    file = np.frombuffer(stream.getvalue(), np.uint8)
    x = b.leaf(el.U8, file.shape, make=lambda s, g: file)
    b.one("ImageDecoder", x, pixel_format=b.r.choice(["RGB", "BGR", "Grayscale"]))


# ---- ai.onnx.ml ----


@template(2)
def classic(b: Builder) -> None:
    way = b.r.choice(["LinearRegressor", "LinearClassifier", "Scaler", "Normalizer", "Binarizer", "Imputer", "ArrayFeatureExtractor", "OneHotEncoder", "LabelEncoder", "FeatureVectorizer",
                      "SVMRegressor", "SVMClassifier", "TreeEnsemble", "CategoryMapper"])
    numbers = (el.F32, el.F64, el.I64, el.I32)
    n, features = b.r.randint(1, 4), b.r.randint(1, 4)
    draw = lambda k: [float(v) for v in b.g.uniform(-1, 1, k)]
    source = lambda types=numbers: b.leaf(b.element(types), (n, features), constant=False)
    if way == "LinearRegressor":
        targets = b.r.randint(1, 2)
        b.node(way, [source()], 1, ML, coefficients=draw(targets * features), targets=targets, **({"intercepts": draw(targets)} if b.r.random() < 0.7 else {}))
    elif way == "LinearClassifier":
        classes = b.r.randint(2, 3)
        labels = {"classlabels_ints": list(range(classes))} if b.r.random() < 0.6 else {"classlabels_strings": [f"c{i}" for i in range(classes)]}
        b.node(way, [source()], 2, ML, coefficients=draw(classes * features), intercepts=draw(classes), post_transform=b.r.choice(["NONE", "SOFTMAX", "LOGISTIC"]), **labels)
    elif way == "Scaler":
        b.node(way, [source()], 1, ML, offset=draw(b.r.choice([1, features])), scale=draw(b.r.choice([features])))
    elif way == "Normalizer":
        b.node(way, [source()], 1, ML, norm=b.r.choice(["MAX", "L1", "L2"]))
    elif way == "Binarizer":
        b.node(way, [source()], 1, ML, threshold=0.25)
    elif way == "Imputer":
        x = source((el.F32, el.I64))
        if x.element == el.F32:
            b.node(way, [x], 1, ML, imputed_value_floats=draw(b.r.choice([1, features])), replaced_value_float=0.5)
        else:
            b.node(way, [x], 1, ML, imputed_value_int64s=[7], replaced_value_int64=1)
    elif way == "ArrayFeatureExtractor":
        x = b.pick((*numbers, el.STRING), (1, 3), lambda v: 0 not in v.shape)
        b.node(way, [x, indices_from_zero(b, x.shape[-1])], 1, ML)
    elif way == "OneHotEncoder":
        x = b.leaf(b.r.choice([el.I64, el.F32, el.I32]), b.r.choice([(3,), (2, 2)]), make=None)
        x = b.leaf(x.element, x.shape, make=lambda s, g: el.as_array(g.integers(0, 4, s), x.element))
        b.node(way, [x], 1, ML, cats_int64s=[0, 1, 2, 3], zeros=1)
    elif way == "LabelEncoder":
        if b.r.random() < 0.5:
            x = b.pick([el.STRING], (0, 3))
            extra = {"keys_strings": ["a", "ferry", ""], "default_int64": -1, "values_int64s": [1, 2, 3]} if b.r.random() < 0.6 else {"keys_strings": ["a", "12"], "values_floats": [0.5, 2.5]}
        else:
            x = b.leaf(el.I64, b.shape((0, 3)))
            extra = {"keys_int64s": [1, 2, -3], "values_strings": ["one", "two", "three"]} if b.r.random() < 0.5 else {"keys_int64s": [0, 1], "values_floats": [0.5, -0.5], "default_float": 9.0}
        b.node(way, [x], 1, ML, **extra)
    elif way == "CategoryMapper":
        x = b.pick([el.STRING], (0, 2)) if b.r.random() < 0.5 else b.leaf(el.I64, b.shape((0, 2)))
        b.node(way, [x], 1, ML, cats_int64s=[0, 1, 2], cats_strings=["a", "ferry", ""])
    elif way == "FeatureVectorizer":
        t = b.element(numbers)
        widths = [b.r.randint(1, 3) for _ in range(b.r.randint(1, 3))]
        b.node(way, [b.leaf(t, (n, w)) for w in widths], 1, ML, inputdimensions=widths)
    elif way in ("SVMRegressor", "SVMClassifier"):
        support(b, way, source(), features, draw)
    else:
        trees(b, n, features)


@template(0.3)
def maps(b: Builder) -> None:
    way = b.r.choice(["ZipMap", "CastMap", "CastMap", "DictVectorizer", "DictVectorizer"])
    if way == "ZipMap":
        classes = b.r.randint(1, 4)
        labels = {"classlabels_int64s": [7 * i - 3 for i in range(classes)]} if b.r.random() < 0.5 else {"classlabels_strings": [f"c{i}" for i in range(classes)]}
        b.node(way, [b.leaf(el.F32, b.r.choice([(classes,), (b.r.randint(1, 3), classes)]), constant=False)], 1, ML, **labels)
    elif way == "CastMap":
        x = b.map_leaf(el.I64, b.r.choice([el.F32, el.STRING]), least=0)
        extra = {"map_form": "SPARSE", "max_map": 9} if b.r.random() < 0.5 else {}
        b.node(way, [x], 1, ML, cast_to="TO_STRING" if x.element == el.STRING else b.r.choice(["TO_FLOAT", "TO_INT64", "TO_STRING"]), **extra)
    else:
        key, value = b.r.choice([(el.STRING, el.I64), (el.I64, el.STRING), (el.I64, el.F32), (el.I64, el.F64), (el.STRING, el.F32), (el.STRING, el.F64)])
        vocabulary = {"int64_vocabulary": [5, -2, 0, 3]} if key == el.I64 else {"string_vocabulary": ["a", "ferry", "", "12"]}
        b.node(way, [b.map_leaf(key, value)], 1, ML, **vocabulary)


def indices_from_zero(b: Builder, n: int):
    return b.leaf(el.I64, b.r.choice([(1,), (2,), (3,)]), make=lambda s, g: g.integers(0, n, s), constant=True if b.dynamic else None)


def support(b: Builder, op: str, x, features: int, draw) -> None:
    vectors = 3
    kernel = {"kernel_type": b.r.choice(["LINEAR", "RBF", "POLY", "SIGMOID"]), "kernel_params": [0.5, 0.25, 2.0]}
    if op == "SVMRegressor":
        b.node(op, [x], 1, ML, support_vectors=draw(vectors * features), coefficients=draw(vectors), n_supports=vectors, rho=draw(1), **kernel)
        return
    b.node(op, [x], 2, ML, support_vectors=draw(4 * features), vectors_per_class=[2, 2], coefficients=draw(4), rho=draw(1), classlabels_ints=[0, 1], **kernel)


def trees(b: Builder, n: int, features: int) -> None:
    import onnx

    element = b.r.choice([el.F32, el.F64])
    tensor = lambda name, values: onnx.numpy_helper.from_array(np.array(values, el.dtype(element)), name)
    targets = b.r.randint(1, 2)
    x = b.leaf(element, (n, features), constant=False)
    # Two trees of one split each.
    b.node("TreeEnsemble", [x], 1, ML, n_targets=targets, aggregate_function=b.r.choice([0, 1, 2, 3]), post_transform=0, tree_roots=[0, 1],
           nodes_modes=onnx.numpy_helper.from_array(np.array([b.r.randint(0, 3), b.r.randint(0, 3)], np.uint8), "modes"),
           nodes_featureids=[b.r.randrange(features), b.r.randrange(features)], nodes_splits=tensor("splits", [0.3, -0.4]), nodes_truenodeids=[0, 2], nodes_trueleafs=[1, 1],
           nodes_falsenodeids=[1, 3], nodes_falseleafs=[1, 1], leaf_targetids=[b.r.randrange(targets) for _ in range(4)], leaf_weights=tensor("weights", [0.5, -1.5, 2.0, 0.25]))
