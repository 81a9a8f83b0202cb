# SPDX-License-Identifier: Apache-2.0
"""Trains SRCNN on the training side of the split in pictures.py and writes the checkpoint.

    python train.py                 a few minutes on 2 cores; writes srcnn.pt
    python train.py --steps 300     a quick look

The first weights make the network pass the bicubic picture through unchanged: three channels of
each layer carry R, G and B, the others start as noise whose way to the output is nearly closed.
Training starts at about 0 dB instead of -20 dB and minutes are enough, with the plain network: no
residual connection is needed.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from evaluate import evaluate
from model import CHECKPOINT, SCALE, SRCNN
from PIL import Image
from pictures import TRAINING, crop_to_scale, load_rgb, shrink
from torch import nn
from torch.nn import functional

SEED = 1
PATCH = 24  # side of a training patch in low-resolution pixels
BATCH = 8
PEAK_RATE = 2e-3
SIZES = (1.0, 0.75, 0.5)  # every picture is also seen smaller: more scenes, finer detail

Pair = tuple[torch.Tensor, torch.Tensor]  # low and high resolution, uint8 [3, h, w]


def pass_through(model: SRCNN) -> None:
    """Makes the fresh network the identity on the enlarged picture, up to small noise."""
    with torch.no_grad():
        for conv in (model.conv1, model.conv2, model.conv3):
            nn.init.kaiming_normal_(conv.weight)
            nn.init.zeros_(conv.bias)
        model.conv1.weight[:3] = 0
        model.conv2.weight[:3] = 0
        model.conv3.weight *= 0.01
        model.conv3.weight[:, :3] = 0
        for channel in range(3):
            model.conv1.weight[channel, channel, 4, 4] = 1
            model.conv2.weight[channel, channel, 0, 0] = 1
            model.conv3.weight[channel, channel, 2, 2] = 1


def to_pixels(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def load_pairs() -> list[Pair]:
    pairs = []
    for name in TRAINING:
        original = load_rgb(name)
        for size in SIZES:
            width, height = round(original.width * size), round(original.height * size)
            high = crop_to_scale(original.resize((width, height), Image.Resampling.LANCZOS))
            low = shrink(high)
            if min(low.size) >= PATCH:
                pairs.append((to_pixels(low), to_pixels(high)))
    return pairs


def draw_patch(pair: Pair, dice: np.random.Generator) -> Pair:
    """A random patch, mirrored, transposed and with its colours permuted at random."""
    low, high = pair
    y = int(dice.integers(low.shape[1] - PATCH + 1))
    x = int(dice.integers(low.shape[2] - PATCH + 1))
    flips = [axis for axis in (1, 2) if dice.integers(2)]
    turn = dice.integers(2)
    colours = torch.from_numpy(dice.permutation(3))

    def cut(pixels: torch.Tensor, k: int) -> torch.Tensor:
        patch = pixels[colours, k * y : k * (y + PATCH), k * x : k * (x + PATCH)].flip(flips)
        return patch.transpose(1, 2) if turn else patch

    return cut(low, 1), cut(high, SCALE)


def draw_batch(pairs: list[Pair], weights: np.ndarray, dice: np.random.Generator) -> Pair:
    patches = [draw_patch(pairs[i], dice) for i in dice.choice(len(pairs), BATCH, p=weights)]
    low, high = (torch.stack(side).float() / 255 for side in zip(*patches))
    return low.contiguous(memory_format=torch.channels_last), high


def train(steps: int) -> SRCNN:
    torch.manual_seed(SEED)
    dice = np.random.default_rng(SEED)
    pairs = load_pairs()
    # The square root keeps one large smooth picture from filling most batches.
    weights = np.array([math.sqrt(low[0].numel()) for low, _ in pairs])
    weights /= weights.sum()
    model = SRCNN().to(memory_format=torch.channels_last)
    pass_through(model)
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.99))
    started = time.monotonic()
    mean_loss = 0.0
    for step in range(1, steps + 1):
        rate = PEAK_RATE * min(1.0, step / 50) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        low, high = draw_batch(pairs, weights, dice)
        loss = functional.mse_loss(model(low), high)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean_loss += (loss.item() - mean_loss) / min(step, 200)
        if step % 500 == 0 or step == steps:
            seconds = time.monotonic() - started
            print(f"step {step:5d}  loss {mean_loss:.6f}  {seconds:4.0f} s", flush=True)
    return model.to(memory_format=torch.contiguous_format).eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=CHECKPOINT)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = train(options.steps)
    torch.save(model.state_dict(), options.output)
    print(f"wrote {options.output}")

    def run(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(torch.from_numpy(x)).numpy()

    evaluate(run)


if __name__ == "__main__":
    main()
