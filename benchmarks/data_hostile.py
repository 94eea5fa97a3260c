"""Damaged and hostile images through `netwright data check`, `train` and `predict`: no crash, no hang, bounded memory.

    python benchmarks/data_hostile.py [--files 10000] [--seed 0] [--out table.json]

Makes small JPEG, PNG, WebP, GIF and TIFF files of many kinds, damages each copy (bytes changed, cut, put in, left out,
sizes in headers made huge), adds bombs, and gives the folder to each command as a program of its own. Shows exit
status, seconds and the largest memory of each, beside those of the same number of sound files.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from environment import as_line, environment  # beside this file
from PIL import Image

CLASSES = ("ant", "bee")


def seeds(rng: np.random.Generator) -> list[tuple[str, bytes]]:
    """(ending, file) of each kind."""
    rows, columns = np.indices((64, 80))
    noise = rng.integers(0, 30, (64, 80))
    color = Image.fromarray(np.stack([rows * 3 + noise, columns * 3, 200 - rows], axis=2).clip(0, 255).astype(np.uint8))
    deep = Image.fromarray((rows * 900 + columns).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    made: list[tuple[str, bytes]] = []

    def add(ending: str, image: Image.Image, kind: str, **options: object) -> None:
        file = io.BytesIO()
        image.save(file, kind, **options)
        made.append((ending, file.getvalue()))

    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 2}, {"exif": exif}, {"subsampling": 0}):
        add("jpg", color, "JPEG", **options)
    add("jpg", color.convert("L"), "JPEG")
    add("jpg", color.convert("CMYK"), "JPEG")
    for image in (color, color.convert("P"), color.convert("L"), color.convert("RGBA"), color.convert("1"), deep):
        add("png", image, "PNG")
    add("webp", color, "WEBP")
    add("webp", color, "WEBP", lossless=True)
    add("webp", color, "WEBP", save_all=True, append_images=[color.rotate(90)])
    add("gif", color, "GIF")
    add("gif", color, "GIF", save_all=True, append_images=[color.rotate(90)])
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        add("tif", color, "TIFF", compression=compression)
    add("tif", deep, "TIFF")
    return made


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """A damaged copy."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 3))):
        kind, at = int(rng.integers(7)), int(rng.integers(max(1, len(changed))))
        if kind == 0:
            for place in rng.integers(0, len(changed), int(rng.integers(1, 20))):
                changed[place] = int(rng.integers(256))
        elif kind == 1:  # in the header, where sizes and offsets are
            for place in rng.integers(0, min(200, len(changed)), int(rng.integers(1, 8))):
                changed[place] = int(rng.choice([0, 1, 127, 128, 255, int(rng.integers(256))]))
        elif kind == 2:
            del changed[max(1, at) :]
        elif kind == 3:
            del changed[at : at + int(rng.integers(1, 50))]
        elif kind == 4:
            changed[at:at] = rng.bytes(int(rng.integers(1, 50)))
        elif kind == 5:
            changed[at : at + 40] = bytes(40)
        else:
            start = int(rng.integers(max(1, min(120, len(changed) - 4))))
            changed[start : start + 4] = b"\xff\xff\xff\x7f"[: len(changed) - start]
        if not changed:
            changed = bytearray(b"\xff")
    return bytes(changed)


def bombs() -> list[tuple[str, bytes]]:
    """Small files of many pixels."""
    made = []
    for ending, kind, side in (("png", "PNG", 30_000), ("gif", "GIF", 20_000), ("tif", "TIFF", 20_000)):
        file = io.BytesIO()
        options = {"compression": "tiff_deflate"} if kind == "TIFF" else {}
        Image.new("L", (side, side)).save(file, kind, **options)
        made.append((ending, file.getvalue()))
    return made


def write(folder: Path, count: int, seed: int, *, is_damaged: bool) -> None:
    rng = np.random.default_rng(seed)
    kinds, sound = seeds(rng), seeds(rng)
    for split, images in (("train", count), ("val", 40)):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
        for number in range(images):
            ending, data = kinds[number % len(kinds)]
            if is_damaged and split == "train":
                data = mutated(data, rng)
            (folder / split / CLASSES[number % 2] / f"{number:06d}.{ending}").write_bytes(data)
    for number, (ending, data) in enumerate(sound):  # so that there is something to learn from
        (folder / "train" / CLASSES[number % 2] / f"sound-{number}.{ending}").write_bytes(data)
    for number, (ending, data) in enumerate(bombs() if is_damaged else []):
        (folder / "train" / "ant" / f"bomb-{number}.{ending}").write_bytes(data)


def run(words: list[str], log: Path) -> dict[str, float | str]:
    """Exit status, seconds, and MiB of the largest process."""
    started = time.monotonic()
    with open(log, "wb") as file:
        program = subprocess.Popen([sys.executable, "-m", "netwright", *words], stdout=file, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    last = log.read_text(errors="replace").strip().splitlines()
    return {
        "status": program.returncode,
        "seconds": round(time.monotonic() - started, 1),
        "MiB": round(usage.ru_maxrss / 1024),
        "last line": last[-1][:150] if last else "",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--keep", type=Path, help="write the files here, and leave them (default: removed at the end)")
    options = parser.parse_args()
    print(as_line(environment()))
    table = {}
    with tempfile.TemporaryDirectory() as temporary:
        home = options.keep or Path(temporary)
        for kind in ("sound", "damaged"):
            folder = home / kind
            write(folder, options.files, options.seed, is_damaged=kind == "damaged")
            out = Path(temporary, f"run-{kind}")
            train = [
                "train",
                "--model",
                "regnet_x_200mf",
                "--data_dir",
                str(folder),
                "--out",
                str(out),
                "--epochs",
                "1",
            ]
            train += ["--image_size", "32", "--stem", "cifar", "--batch_size", "64", "--workers", "0"]
            commands = {
                "data check": ["data", "check", str(folder), "--out", f"{out}-checked", "--fail_on", "never"],
                "train": train,
                "predict": ["predict", str(out), str(folder / "train"), "--out", f"{out}.csv", "--workers", "0"],
            }
            for name, words in commands.items():
                table[f"{kind}: {name}"] = result = run(words, Path(temporary, "log"))
                print(f"{kind:<8} {name:<11} {result}", flush=True)
    if options.out is not None:
        facts = {"environment": environment(), "files": options.files, "seed": options.seed, "commands": table}
        options.out.write_text(json.dumps(facts, indent=1) + "\n")
    crashed = [name for name, each in table.items() if int(each["status"]) not in (0, 1)]
    assert not crashed, crashed


if __name__ == "__main__":
    main()
