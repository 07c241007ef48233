"""Whatever stands in a folder or a file of a stranger, nothing of it runs: tried under Python's audit hook.

    python tests/security/audit.py --number 100 [--seed 0]

A good run is copied and tampered with, each time otherwise: values of its documents replaced, nested deep
or cut off, files made links and pipes, pickles that call something, names of code, Python files beside.
Then one of load, predict, evaluate, inspect, resume, train --from is done with it, in a current folder that
is full of traps. Every case is a process of its own. What would be a breach:

- a process is started (the reader of weights apart), a connection opened, or anything of the folder is
  compiled, executed or imported;
- anything is written, renamed or removed outside of the run, --out and the cache, or a file outside changes;
- it ends in anything but an answer or one line for the user;
- it takes 2 s or 600 MB more than the same thing done with the run as it was.

Linux only, as it forks.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import pickle
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECONDS, MEGABYTES, HANGING = 2.0, 600, 30
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
TORCHS_OWN = f"{tempfile.gettempdir()}/torchinductor_"
"""A folder that torch makes when an optimiser is made, whatever it is for."""
STARTING = ("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn")
CALLING = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request")
CHANGING = (
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
)
TRAPS = ("torch", "numpy", "safetensors", "PIL", "hubconf", "conftest", "sitecustomize", "usercustomize",
         "pyarrow", "timm", "triton", "tensorboard", "pandas", "sprung_trap")  # fmt: skip


@dataclasses.dataclass(frozen=True)
class World:
    """root: of everything; good: the run as it was; data: its pictures; outside: what must not change."""

    root: Path

    @property
    def good(self) -> Path:
        return self.root / "good"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def outside(self) -> Path:
        return self.root / "outside"

    @property
    def ran(self) -> Path:
        """Where whatever should never run says that it ran."""
        return self.root / "outside" / "ran"


class Reduced:
    """Unpickled, it calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


# --- what is tampered with ------------------------------------------------------------------------


def nasty(world: World, chance: random.Random) -> Any:
    """A value that no document of ours holds where it will stand."""
    nested: Any = []
    for _ in range(chance.choice([5, 40, 900])):
        nested = [nested]
    return chance.choice([
        "torch.hub:load", "sprung_trap:f", "os:system", "builtins:exec", "timm:hf-hub:a/b",
        "timm:../sprung_trap", "../outside/secret",
        str(world.outside / "secret"), "/dev/zero", "/dev/stdin", "..", "", "x" * 100_000, "\x1b]0;owned\x07",
        "a\0b",
        "\ud800", "__import__('sprung_trap')", "{0.__class__}", "%n%s", "no such name", "file:///etc/passwd",
        "http://127.0.0.1:9/x", None, True, -1, 0, 3, 10**6, 10**18, 2**63, 1e300, -0.0, [], {}, [[]], [0, 0],
        {"name": "sprung_trap:f"}, ["sprung_trap:f"], [10**4, 10**4], [1, 10**9], {"width": 10**5},
        {"width": 3000}, nested,
    ])  # fmt: skip


def places(document: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of a document."""
    found = [above] if above else []
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in list(inner)[:40]:
        found += places(value, (*above, key))
    return found


def change_document(world: World, run: Path, chance: random.Random) -> str:
    """Replace, remove or add values of one document; its seal is made right again."""
    from fieldmark.shipping.integrity import seal

    file = chance.choice(["run.json", "recipe.json", "classifier/classifier.json"])
    document = json.loads((run / file).read_text())
    told = []
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        way = chance.choice(places(document))
        holder = document
        for key in way[:-1]:
            holder = holder[key]
        kind = chance.choice(["replaced", "replaced", "replaced", "removed", "beside"])
        value = nasty(world, chance)
        if kind == "replaced":
            holder[way[-1]] = value
        elif kind == "removed":
            del holder[way[-1]]
        elif isinstance(holder, dict):
            holder[chance.choice(["trap", "__class__", "model ", "sha512"])] = value
        told.append(f"{'.'.join(map(str, way))} {kind}: {ascii(value)[:40]}")
    with contextlib.suppress(RecursionError, ValueError):
        document = seal(document) if file.endswith("classifier.json") else document
    (run / file).write_text(json.dumps(document))
    return f"{file}: {'; '.join(told)}"


def break_document(world: World, run: Path, chance: random.Random) -> str:
    """A document that is no document any more."""
    file = chance.choice(["run.json", "recipe.json", "classifier/classifier.json"])
    text = (run / file).read_bytes()
    how, content = chance.choice([
        ("cut off", text[: len(text) // 2]), ("empty", b""), ("nested", b'{"a":' * 200_000),
        ("lists", b"[" * 200_000),
        ("many lists", b'{"a":[' + b"[]," * 5_000_000 + b"[]]}"), ("no text", b"\xff" * 100),
        ("NaN", b'{"seed": NaN}'),
        ("17 MB", b" " * (17 * 2**20)), ("a long number", b'{"seed": ' + b"9" * 10**6 + b"}"),
        ("twice", text.replace(b"{", b'{"model": "sprung_trap:f", "model": "os:system",', 1)),
        ("zeros", bytes(1000)),
    ])  # fmt: skip
    (run / file).write_bytes(content)
    return f"{file}: {how}"


def plant_links(world: World, run: Path, chance: random.Random) -> str:
    """Links and pipes where files are read or written, or written beside under names to be foreseen."""
    name = chance.choice([
        "run.json", "recipe.json", "history.csv", "metrics.json", "checkpoints/last.pt",
        "classifier/classifier.json",
        "classifier/weights.safetensors", "checkpoints", "figures", "classifier", "run.json.part",
        "recipe.json.part",
        "history.csv.part", "metrics.json.part", "checkpoints/last.pt.part", "figures/curves.png",
        "tensorboard",
    ])  # fmt: skip
    path = run / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    aim = chance.choice(["/dev/zero", "secret", "folder", "itself", "pipe"])
    if name in ("checkpoints", "figures", "classifier", "tensorboard"):
        aim = chance.choice(["folder", "itself"])
    if aim == "pipe":
        os.mkfifo(path)
    else:
        targets = {"secret": world.outside / "secret", "folder": world.outside / "folder", "itself": path}
        path.symlink_to(targets.get(aim, Path("/dev/zero")))
    return f"{name} -> {aim}"


def plant_pickle(world: World, run: Path, chance: random.Random) -> str:
    """A pickle that calls something, a bomb or noise where tensors are expected."""
    import torch

    file = chance.choice(
        ["checkpoints/last.pt", "weights.pth", "weights.pth", "classifier/weights.safetensors"]
    )
    program = f"open({str(world.ran)!r}, 'w')"
    touch = ["touch", str(world.ran)]
    evil = chance.choice([
        Reduced(os.system, " ".join(touch)), Reduced(exec, program), Reduced(eval, program),
        Reduced(subprocess.Popen, touch), Reduced(open, str(world.ran), "w"),
    ])  # fmt: skip
    how = chance.choice(["zip", "legacy", "plain", "inside", "huge", "bomb", "noise", "flipped", "cut off"])
    path = run / file
    if how in ("zip", "legacy"):
        torch.save(evil, path, _use_new_zipfile_serialization=how == "zip")
    elif how == "plain":
        path.write_bytes(pickle.dumps(evil))
    elif how == "inside":
        torch.save({"optimizer": evil, "state_dict": {"weight": torch.zeros(2), "evil": evil}}, path)
    elif how == "huge":
        torch.save({"weight": torch.zeros(1).expand(10**6, 10**6)}, path)
    elif how == "bomb":
        source = io.BytesIO()
        torch.save({"optimizer": {}, "weight": torch.zeros(50_000_000)}, source)
        with (
            zipfile.ZipFile(source) as stored,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb,
        ):
            for entry in stored.namelist():
                bomb.writestr(entry, stored.read(entry))
    else:
        old = bytearray((run / "checkpoints/last.pt").read_bytes())
        for _ in range(20):
            old[chance.randrange(len(old))] ^= 1 << chance.randrange(8)
        path.write_bytes(
            chance.randbytes(5000) if how == "noise" else old[: len(old) // 2] if how == "cut off" else old
        )
    return f"{file}: {how}"


def change_weights(world: World, run: Path, chance: random.Random) -> str:
    """A safetensors file whose header lies; the classifier's description holds its right checksum."""
    from fieldmark.shipping.integrity import seal, sha256_of

    path = run / "classifier" / "weights.safetensors"
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, values = json.loads(content[8 : 8 + length]), content[8 + length :]
    name = chance.choice([one for one in header if one != "__metadata__"])
    change = chance.choice([
        {"shape": [10**9, 10**9]}, {"shape": [-1]}, {"data_offsets": [0, 10**15]}, {"data_offsets": [8, 0]},
        {"dtype": "sprung_trap:f"}, {"dtype": "F64"}, {"shape": nasty(world, chance)},
    ])  # fmt: skip
    header[name] |= change
    with contextlib.suppress(RecursionError):
        text = json.dumps(header).encode()
        path.write_bytes(chance.choice([len(text), 2**62]).to_bytes(8, "little") + text + values)
    file = run / "classifier" / "classifier.json"
    document = json.loads(file.read_text())
    document["files"]["weights.safetensors"] = sha256_of(path)
    file.write_text(json.dumps(seal(document)))
    return f"weights.safetensors: {name} {ascii(change)[:60]}"


def ask_for_much(world: World, run: Path, chance: random.Random) -> str:
    """A description that asks for a vast network or vast pictures."""
    from fieldmark.shipping.integrity import seal

    change: dict[str, Any] = chance.choice([
        {"model": "smiles", "options": {}}, {"model": "all_conv", "options": {}},
        {"model": "resnet18", "options": {}},
        {"options": {"width": 20_000}}, {"model": "densenet201", "options": {"blocks": [900, 90]}},
        {"model": "deep_residual", "options": {"blocks": 1000}},
    ])  # fmt: skip
    side = chance.choice([12, 1000, 4000, 4096, 10_000, 10**9])
    file = run / "classifier" / "classifier.json"
    document = json.loads(file.read_text()) | change
    document["preprocessing"]["image_size"] = [side, side]
    file.write_text(json.dumps(seal(document)))
    return f"classifier.json: {change} for {side}x{side}"


TAMPERING = (change_document, change_document, change_document, break_document, plant_links, plant_links,
             plant_pickle, plant_pickle, change_weights, ask_for_much)  # fmt: skip


# --- what is done with it -------------------------------------------------------------------------


def command(*words: str) -> None:
    from fieldmark.cli import main

    main(list(words))


def load(world: World, run: Path, out: Path) -> None:
    import fieldmark as fm

    for use in (fm.Classifier.load, lambda path: fm.Run(path).recipe, lambda path: fm.Run(path).summary()):
        with contextlib.suppress(fm.UserError):
            use(run)


def resume_in_python(world: World, run: Path, out: Path) -> None:
    import fieldmark as fm

    with contextlib.suppress(fm.UserError):
        fm.resume(run)


def start_in_python(world: World, run: Path, out: Path) -> None:
    import fieldmark as fm

    with contextlib.suppress(fm.UserError):
        fm.train(world.data, start_from=run, out=out, epochs=1, progress=False)


def start_from_recipe(world: World, run: Path, out: Path) -> None:
    import fieldmark as fm

    with contextlib.suppress(fm.UserError):
        recipe = fm.Recipe.load(run / "recipe.json")
        fm.train(world.data, recipe, out=out, epochs=1, limit=20, progress=False)


TRAIN = ("--epochs", "1", "--device", "cpu", "--out")
ACTIONS: dict[str, Callable[[World, Path, Path], None]] = {
    "load": load,
    "predict": lambda w, run, out: command("predict", str(run), str(w.data / "dark"), "--json"),
    "evaluate": lambda w, run, out: command("evaluate", str(run), "--split", "val", "--out", str(out)),
    "inspect": lambda w, run, out: command("inspect", str(run)),
    "resume": lambda w, run, out: command("train", "--resume", str(run), "--device", "cpu"),
    "fm.resume": resume_in_python,
    "train --from": lambda w, run, out: command("train", str(w.data), "--from", str(run), *TRAIN, str(out)),
    "fm.train(start_from)": start_in_python,
    "train --from FILE": lambda w, run, out: command(
        "train", str(w.data), "--model", "baseline", "--from", str(run / "weights.pth"), *TRAIN, str(out)
    ),
    "fm.train(recipe)": start_from_recipe,
}


# --- the hook -------------------------------------------------------------------------------------


class Watch:
    """The audit hook: notes every breach. allowed: folders in which anything may be written."""

    def __init__(self, world: World, folder: Path, allowed: list[Path]) -> None:
        self.world, self.folder, self.allowed = world, folder, allowed
        self.breaches: list[str] = []
        self.on = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        self.on = False  # what is done here is no breach
        try:
            found = self.breach(event, arguments)
            if found:
                self.breaches.append(f"{event}: {found}")
        finally:
            self.on = True

    def breach(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        # subprocess.Popen starts its process by one or the other, as the Python is.
        if event in ("subprocess.Popen", "os.posix_spawn"):
            reader = (
                list(arguments[1])[:3] == [sys.executable, "-I", "-c"] and "pickle_reader" in arguments[1][3]
            )
            return None if reader else ascii(arguments[1])[:200]
        if event in STARTING or event in CALLING:
            return ascii(arguments)[:200]
        if event == "pickle.find_class":
            return ascii(arguments)
        if event == "compile":
            source = ascii(arguments[0])
            return source[:200] if "sprung_trap" in source else self.ours(arguments[1])
        if event == "exec":
            return self.ours(getattr(arguments[0], "co_filename", ""))
        if event == "ctypes.dlopen":
            return self.ours(arguments[0])
        if event == "open":
            path, mode, flags = arguments
            if isinstance(path, str | bytes | os.PathLike):
                if str(os.fsdecode(path)).endswith((".py", ".pyc")) and self.ours(path):
                    return f"read {path!r}"
                if (isinstance(flags, int) and flags & WRITING) or (
                    isinstance(mode, str) and set(mode) & set("wax+")
                ):
                    return self.outside(path)
            return None
        if event in CHANGING:
            numbers = [one for one in arguments[1:] if isinstance(one, int) and one >= 0]
            if (
                event in ("os.remove", "os.rmdir", "os.mkdir")
                and numbers[-1:]
                and not Path(os.fsdecode(arguments[0])).is_absolute()
            ):
                return None  # within a folder that rmtree opened; the test of that folder came before
            paths = arguments[:2] if event in ("os.rename", "os.link") else arguments[:1]
            if event == "os.symlink":
                paths = arguments[1:2]
            return next(filter(None, (self.outside(path, entry=True) for path in paths)), None)
        if event == "shutil.rmtree":
            return self.outside(arguments[0])
        return None

    def ours(self, path: Any) -> str | None:
        """The path when it is in the folder of this case."""
        given = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        name = "" if given.startswith("<") else str(Path(given).absolute())
        # Some modules of torch call themselves by a file that is nowhere.
        return name if name.startswith(f"{self.folder}{os.sep}") and Path(name).exists() else None

    def outside(self, path: Any, entry: bool = False) -> str | None:
        """The path when nothing may be written there; of an `entry` that is a link, the link is meant."""
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        given = Path(os.fsdecode(path))
        name = str(given.parent.resolve() / given.name if entry else given.resolve())
        inside = any(name == str(one) or name.startswith(f"{one}{os.sep}") for one in self.allowed)
        inside = inside or name.startswith(TORCHS_OWN) or name == os.devnull
        return None if inside else f"{os.fsdecode(path)} is {name}"


# --- one case -------------------------------------------------------------------------------------


def set_traps(world: World, folder: Path) -> None:
    """Modules and settings that a careless program would pick up from the current folder or from the run."""
    leave = f"open({str(world.ran)!r}, 'a').write(__name__ + ' ')"
    program = f"{leave}\ndef f(*_, **__): {leave}\n"
    for name in TRAPS:
        (folder / f"{name}.py").write_text(program)
    for name in ("__init__", "__main__", "weights/__init__", "weights/pickle_reader"):
        path = folder / "fieldmark" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(program)
    (folder / "matplotlibrc").write_text("backend: module://sprung_trap\ntext.usetex: True\n")
    (folder / ".env").write_text(f"PYTHONPATH={folder}\n")


def done_alone(world: World, name: str, run: Path, folder: Path) -> dict[str, Any]:
    """Do one thing with a run in a forked process under the hook: {seconds, megabytes, output, breaches}."""
    answer = folder / "answer.json"
    out = folder / "out"
    child = os.fork()
    if child == 0:
        with (folder / "output").open("wb") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.chdir(folder)
        cache = folder / "cache"
        os.environ |= {"FIELDMARK_CACHE": str(cache), "FIELDMARK_DATA": str(folder / "data")}
        watch = Watch(world, folder, [run, out, cache, folder / "out.svg"])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        sys.addaudithook(watch)
        try:
            ACTIONS[name](world, run, out)
        except BaseException:  # whatever it is, it is the answer
            traceback.print_exc()
        watch.on = False
        used = resource.getrusage(resource.RUSAGE_SELF)
        reader = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = {
            "seconds": time.process_time() - began,
            "megabytes": max(used.ru_maxrss - before, reader.ru_maxrss - before) / 1024,
            "breaches": watch.breaches,
        }
        found["breaches"] += [
            f"imported {module}"
            for module, one in list(sys.modules.items())
            if watch.ours(getattr(one, "__file__", None))
        ]
        sys.stdout.flush()
        answer.write_text(json.dumps(found))
        os._exit(0)
    ended = wait(child)
    document = (
        json.loads(answer.read_text()) if answer.is_file() else {"seconds": 0, "megabytes": 0, "breaches": []}
    )
    document["output"] = (folder / "output").read_bytes().decode("utf-8", "replace")
    if ended != 0:
        document["breaches"].append("it hung" if ended is None else f"it ended with {ended}")
    return document


def wait(child: int) -> int | None:
    """The exit status of a process; None for one that had to be killed."""
    until = time.monotonic() + HANGING
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def tried(world: World, number: int, seed: int, usual: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One case, and what was wrong with it."""
    chance = random.Random(f"{seed}/{number}")
    folder = world.root / f"case-{number}"
    run = folder / "run"
    folder.mkdir()
    set_traps(world, folder)
    shutil.copytree(world.good, run)
    for name in TRAPS:
        shutil.copy(folder / f"{name}.py", run)
    action = list(ACTIONS)[number % len(ACTIONS)]
    before = state(world.outside)
    tampering = plant_pickle if action.endswith("FILE") else chance.choice(TAMPERING)
    told = tampering(world, run, chance)
    found = done_alone(world, action, run, folder)
    breaches = list(found["breaches"])
    if state(world.outside) != before:
        breaches.append("files outside are others now")
    if "Traceback" in found["output"] or "bug of fieldmark" in found["output"]:
        breaches.append(f"no line for the user: {found['output'].strip()[-600:]}")
    if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in found["output"]):
        breaches.append(f"control characters: {ascii(found['output'])[-300:]}")
    if told.startswith("recipe.json"):  # a recipe says how much is to be computed
        found |= {name: min(found[name], usual[action][name]) for name in ("seconds", "megabytes")}
        breaches = [breach for breach in breaches if breach != "it hung"]
    for name, most, unit in (("seconds", SECONDS, "s"), ("megabytes", MEGABYTES, "MB")):
        more = found[name] - usual[action][name]
        if more > most:
            breaches.append(f"it took {more:.1f} {unit} more than the run as it was")
    shutil.rmtree(folder)
    return {**found, "number": number, "action": action, "tampering": told, "breaches": breaches}


def state(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def make_world(root: Path) -> World:
    """Pictures, a good run on them that can be resumed, and files that are nobody's business."""
    import numpy as np
    from PIL import Image

    world = World(root)
    (world.outside / "folder").mkdir(parents=True)
    (world.outside / "secret").write_text("secret")
    (world.outside / "folder" / "kept").write_text("kept")
    chance = np.random.default_rng(0)
    for label, brightness in (("dark", 0), ("light", 150)):
        (world.data / label).mkdir(parents=True)
        for number in range(30):
            pixels = chance.integers(brightness, brightness + 100, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(world.data / label / f"{number}.png")
    # In another process, so that this one has no threads when it forks.
    program = (
        "import fieldmark as fm, sys, torch, safetensors.torch; torch.set_num_threads(1);"
        "settings = dict(model='baseline', epochs=2, batch_size=8, progress=False);"
        "run = fm.train(sys.argv[1], out=sys.argv[2], **settings);"
        "torch.save(run.classifier.model.state_dict(), sys.argv[2] + '/weights.pth')"
    )
    environment = os.environ | {"FIELDMARK_CACHE": str(root / "cache")}
    subprocess.run(
        [sys.executable, "-c", program, str(world.data), str(world.good)], check=True, env=environment
    )
    text = (world.good / "run.json").read_text()
    (world.good / "run.json").write_text(text.replace('"status": "finished"', '"status": "stopped"'))
    return world


def import_everything() -> None:
    """So that no case is charged for imports."""
    import torch

    import fieldmark.cli.evaluate
    import fieldmark.cli.inspect
    import fieldmark.cli.predict
    import fieldmark.cli.train
    import fieldmark.data.load
    import fieldmark.diagram.drawing
    import fieldmark.inspection.inspector
    import fieldmark.runs.keywords
    import fieldmark.runs.screen
    import fieldmark.runs.sitting
    import fieldmark.shipping.classifier  # noqa: F401

    torch.set_num_threads(1)


def audit(number: int, seed: int = 0, only: int | None = None) -> list[dict[str, Any]]:
    """Try so many cases; those that were breaches come back."""
    with tempfile.TemporaryDirectory() as name:
        world = make_world(Path(name).resolve())
        import_everything()
        usual = {}
        for i, action in enumerate(ACTIONS):
            folder = world.root / f"usual-{i}"
            folder.mkdir()
            shutil.copytree(world.good, folder / "run")
            usual[action] = done_alone(world, action, folder / "run", folder)
            if usual[action]["breaches"] or "fieldmark:" in usual[action]["output"]:
                raise AssertionError(f"{action} of the run as it was: {usual[action]}")
        cases = [tried(world, i, seed, usual) for i in (range(number) if only is None else [only])]
    largest = {
        unit: max(case[unit] - usual[case["action"]][unit] for case in cases)
        for unit in ("seconds", "megabytes")
    }
    print(
        f"{len(cases)} cases, at most {largest['seconds']:.1f} s and {largest['megabytes']:.0f} MB more than "
        "the same with the run as it was"
    )
    return [case for case in cases if case["breaches"] or only is not None]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--number", type=int, default=100, help="how many cases")
    parser.add_argument("--seed", type=int, default=0, help="other cases")
    parser.add_argument("--only", type=int, help="this case alone, with what it printed")
    given = parser.parse_args()
    broken = audit(given.number, given.seed, given.only)
    for case in broken:
        print(f"{case['number']}. {case['action']}, {case['tampering']}")
        print(*(f"    {breach}" for breach in case["breaches"]), sep="\n")
        if given.only is not None:
            print(case["output"])
    sys.exit(1 if any(case["breaches"] for case in broken) else 0)
