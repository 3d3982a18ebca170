"""Seeded mutations of files: bytes, cuts, lying headers, JSON trees, tensors, foreign formats."""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

#: A module that does not exist for anybody but these tests: importing it leaves a mark.
TRAP = "mutation_trap"
LIMIT = 10**9
STRANGE: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 3, 2**31, LIMIT, 2**63, 10**30, -0.5, 1e308, float("nan"),
    float("inf"), "", "x", "é" * 50, "a" * 10_000, "../../../../etc/passwd", "/dev/zero",
    "os:system", "os.system", "builtins.eval", "__import__('os').system('touch executed')",
    f"{TRAP}:Trap", f"{TRAP}.Trap", "three-player", "smote", "no-such-method", "shift",
    "<U100000000", "V1000000000", "O", "M8[s]", "f4,f4", [], [[]], {}, [0] * 100_000,
    {"__items__": [[1, 2]]}, {"__items__": 5}, {"__repr__": "eval('1')"},
    {"name": "shift", "parameters": {}}, {"name": f"{TRAP}:Trap", "parameters": {"n": 1}},
)  # fmt: skip


class Trap:
    """What a pickle in the place of a file would call."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, (f"import {TRAP}",)


# ----------------------------------------------------------------------------------------- bytes


def flip(content: bytes, rng: np.random.Generator, first: int = 0, last: int = -1) -> bytes:
    """Flip one to eight bits between two places."""
    out = bytearray(content)
    last = len(out) if last < 0 else min(last, len(out))
    for place in rng.integers(first, last, int(rng.integers(1, 9))) if last > first else ():
        out[place] ^= 1 << int(rng.integers(8))
    return bytes(out)


def cut(content: bytes, rng: np.random.Generator, header: int = 0) -> bytes:
    """Cut the file off: at the ends of its parts, or anywhere."""
    ends = [0, 1, 7, 8, 9, header - 1, header, header + 1, len(content) // 2, len(content) - 1]
    if rng.random() < 0.5:
        return content[: max(0, ends[rng.integers(len(ends))])]
    return content[: rng.integers(len(content))]


def rearranged(content: bytes, rng: np.random.Generator) -> bytes:
    """Zero, drop, repeat or swap a block, or append something."""
    a, b = sorted(rng.integers(0, len(content) + 1, 2).tolist())
    b = min(b, a + int(rng.integers(1, 4096)))
    block, noise = content[a:b], rng.bytes(int(rng.integers(1, 200)))
    choices = (
        content[:a] + bytes(len(block)) + content[b:],
        content[:a] + content[b:],
        content[:b] + block + content[b:],
        content[:a] + noise + content[b:],
        content + noise,
        content + content,
        content[b:] + content[:b],
    )
    return choices[rng.integers(len(choices))]


def foreign(content: bytes, rng: np.random.Generator) -> bytes:
    """Another format under the same name: pickles, archives, torch and NumPy files, text."""
    import torch

    def saved(write: Callable[[Any], Any]) -> bytes:
        stream = io.BytesIO()
        write(stream)
        return stream.getvalue()

    def archive(stream: Any) -> None:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("../../data.pkl", pickle.dumps(Trap()))
            file.writestr("bomb", bytes(1 << 20))

    choices: tuple[Callable[[], bytes], ...] = (
        lambda: b"",
        lambda: b"\n" * 20,
        lambda: bytes(len(content)),
        lambda: rng.bytes(len(content)),
        lambda: pickle.dumps(Trap()),
        lambda: pickle.dumps({"method": "smote", "trap": Trap()}, 0),
        lambda: saved(archive),
        lambda: saved(lambda stream: torch.save({"weights": Trap()}, stream)),
        lambda: saved(lambda s: torch.save(Trap(), s, _use_new_zipfile_serialization=False)),
        lambda: saved(lambda s: np.save(s, np.array([Trap()], object), allow_pickle=True)),
        lambda: f"import {TRAP}\n".encode(),
        lambda: f"!!python/object/apply:exec ['import {TRAP}']\n".encode(),
        lambda: json.dumps({"format": "hs_specaug.generator", "header": {}}).encode(),
        lambda: b"\x89HDF\r\n\x1a\n" + content,
        lambda: b"\xef\xbb\xbf" + content,
        lambda: content.decode("latin-1").encode("utf-16"),
    )
    return choices[rng.integers(len(choices))]()


# ------------------------------------------------------------------------------------------ JSON


def a_place(tree: Any, rng: np.random.Generator) -> tuple[Any, Any] | None:
    """Return a container of the tree and a key in it; large lists do not crowd out the rest."""
    place = None
    while isinstance(tree, dict | list) and tree:
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        key = keys[int(rng.integers(len(keys)))]
        place = tree, key
        if rng.random() < 0.25:
            break
        tree = tree[key]
    return place


def strange(value: Any, rng: np.random.Generator) -> Any:
    """Return something else: of the same kind but wrong, or of another kind."""
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.5:
        return [value + 1, value - 1, -value, value * 1000, str(value), [value], float(value)][
            rng.integers(7)
        ]
    if isinstance(value, str) and value and rng.random() < 0.3:
        return [value[:-1], value + "s", value.upper(), [value], value * 1000][rng.integers(5)]
    if isinstance(value, list) and value and rng.random() < 0.4:
        return [value[:-1], value + value[-1:], value[::-1], [value], dict(enumerate(value))][
            rng.integers(5)
        ]
    return copy.deepcopy(STRANGE[rng.integers(len(STRANGE))])


def changed_tree(tree: Any, rng: np.random.Generator) -> Any:
    """Return a copy in which one to three values are other ones, gone, new or exchanged."""
    tree = copy.deepcopy(tree)
    for _ in range(int(rng.integers(1, 4))):
        place = a_place(tree, rng)
        if place is None:
            return tree
        container, key = place
        action = rng.random()
        if action < 0.6:
            container[key] = strange(container[key], rng)
        elif action < 0.75:
            del container[key]
        elif action < 0.85 and isinstance(container, dict):
            container[STRANGE[rng.integers(15, 30)]] = strange(None, rng)
        elif (other := a_place(tree, rng)) is not None:
            swapped = other[0][other[1]]
            other[0][other[1]] = copy.deepcopy(container[key])
            container[key] = copy.deepcopy(swapped)
    return tree


def nested(depth: int, brackets: str = "[]") -> str:
    """Return JSON as deep as asked."""
    opening = "[" if brackets == "[]" else '{"a":'
    return opening * depth + "1" + brackets[1] * depth


def changed_text(tree: Any, rng: np.random.Generator, **options: Any) -> str:
    """Return JSON text of a changed tree, or of one that only text can be: bombs, twins, NaN."""
    text = json.dumps(tree, **options)
    if rng.random() < 0.6:
        return json.dumps(changed_tree(tree, rng), **options)
    tree = copy.deepcopy(tree)
    place = a_place(tree, rng)
    assert place is not None
    mark = "@here@"
    place[0][place[1]] = mark
    text = json.dumps(tree, **options)
    bombs = (
        nested(10 ** int(rng.integers(2, 6))),
        nested(10 ** int(rng.integers(2, 6)), "{}"),
        "[" + "[]," * 10 ** int(rng.integers(3, 6)) + "1]",
        "1" * 10 ** int(rng.integers(2, 6)),
        "1e999",
        "NaN",
        "-Infinity",
        '"\\ud800"',
        '"\\u0000"',
        "",
        "{",
        "undefined",
        '{"a": 1, "a": 2}',
    )
    if isinstance(place[0], dict) and rng.random() < 0.3:
        name = json.dumps(place[1])
        return text.replace(f'"{mark}"', f"1, {name}: 2", 1)
    return text.replace(f'"{mark}"', bombs[rng.integers(len(bombs))], 1)


# -------------------------------------------------------------------------------------- tensors


def changed_tensors(
    tensors: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Return tensors of which some have another type, shape, place or content, or are gone."""
    out = dict(sorted(tensors.items()))  # safetensors gives them in any order
    names = list(out)
    name, other = (names[i] for i in rng.integers(0, len(names), 2))
    value = np.atleast_1d(out[name])
    choices: tuple[Callable[[], Any], ...] = (
        lambda: out[other],
        lambda: value.T.copy(),
        lambda: value.reshape(-1),
        lambda: value[None],
        lambda: value[:0],
        lambda: np.concatenate([value, value]),
        lambda: np.array(1.0, np.float32),
        lambda: value.astype(np.float16),
        lambda: value.astype(np.float64),
        lambda: value.astype(np.int64),
        lambda: value.astype(np.int8),
        lambda: value.astype(bool),
        lambda: np.full_like(value, -1),
        lambda: np.full(value.shape, np.nan),
        lambda: np.full_like(value, np.iinfo(np.int64).max if value.dtype.kind == "i" else 3e38),
        lambda: np.zeros((0, LIMIT, LIMIT), np.float32),
        lambda: np.zeros((1,) * 60, np.float32),
        lambda: rng.normal(size=value.shape),
    )
    with np.errstate(all="ignore"):
        chosen = rng.integers(len(choices) + 3)
        if chosen < len(choices):
            out[name] = np.atleast_1d(choices[chosen]())
            if chosen == 0:
                out[other] = value
        elif chosen == len(choices):
            del out[name]
        else:
            out[["networks.x", "state.networks.0", "../x", "axis.7"][rng.integers(4)]] = value
    return out
