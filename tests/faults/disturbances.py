"""What happens to a run: each function lets it happen once, mends the box, and tells how the run ended."""

import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.commands import Command
from tests.faults.process import Ended, Run, bounded_memory


@dataclass(frozen=True)
class Scene:
    """A command that is ready to run in its box.

    Args:
        box: The folder.
        command: The command.
        chance: Decides when and how much.
        calm_s: How long the command takes in peace.
        calm_bytes: How much it writes.
    """

    box: Path
    command: Command
    chance: random.Random
    calm_s: float
    calm_bytes: int

    def run(self, **more) -> Run:
        """Begin to run the command."""
        return Run(self.box, self.command.words, **more)

    def moment(self) -> float:
        """Some moment of its time, or shortly after."""
        return self.chance.uniform(0, 1.1 * self.calm_s)

    def whole(self, **more) -> Ended:
        """Run the command to its end."""
        run = self.run(**more)
        return run.ended(run.wait())


def _signalled(number: int) -> Callable[[Scene], list[Ended]]:
    def disturb(scene: Scene) -> list[Ended]:
        run = scene.run()
        code = run.wait(scene.moment())
        if code is None:
            run.send(number)
            code = run.wait()
        return [run.ended(code)]

    return disturb


def _mounted(scene: Scene, folder: Path, kilobytes: int) -> Callable[[], None]:
    """Put a small file system over a folder; the way back."""
    kept = folder.with_name(f"{folder.name}.kept")
    owner = folder.stat()
    shutil.copytree(folder, kept, symlinks=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", folder], check=True)
    os.chown(folder, owner.st_uid, owner.st_gid)
    _copy(kept, folder)

    def back() -> None:
        shutil.rmtree(kept)
        _copy(folder, kept)
        subprocess.run(["mount", "-o", "remount,rw", folder], check=False)
        subprocess.run(["umount", "-l", folder], check=True)
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        _copy(kept, folder)
        shutil.rmtree(kept)

    return back


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)


def disk_full(scene: Scene) -> list[Ended]:
    """The disk is full after some of what is written: a small tmpfs, or without the right to mount a largest file."""
    return _full(scene, scene.box / "place", scene.calm_bytes)


def temporary_full(scene: Scene) -> list[Ended]:
    """The disk of the temporary folder is full."""
    return _full(scene, scene.box / "tmp", 200_000)


def _full(scene: Scene, folder: Path, most: int) -> list[Ended]:
    room = int(scene.chance.uniform(0, 1.1 * most))
    if not may_mount():
        return [scene.whole(limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))]
    there = sum(path.stat().st_size + 4096 for path in folder.rglob("*"))
    back = _mounted(scene, folder, 8 + (there + room) // 1024)
    try:
        return [scene.whole()]
    finally:
        back()


def read_only_disk(scene: Scene) -> list[Ended]:
    """The disk may be read only; without the right to mount, the folder."""
    folder = scene.box / "place"
    if not may_mount():
        return read_only_folder(scene)
    back = _mounted(scene, folder, 2**20)
    try:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        return [scene.whole()]
    finally:
        back()


def read_only_folder(scene: Scene) -> list[Ended]:
    """The folder around the output, or the output itself, may not be written."""
    out = scene.box / scene.command.out
    return _with_mode(scene, out if out.exists() and scene.chance.random() < 0.5 else out.parent, 0o555)


def unsearchable(scene: Scene) -> list[Ended]:
    """A folder on the way may not be searched."""
    ways = [scene.box / scene.command.out, *_inputs(scene)]
    way = scene.chance.choice(ways)
    return _with_mode(scene, way.parent, scene.chance.choice([0o000, 0o600, 0o400]))


def denied(scene: Scene) -> list[Ended]:
    """A file that is needed may not be read."""
    return _with_mode(scene, scene.chance.choice(_inputs(scene) or [scene.box / "place"]), 0)


def _with_mode(scene: Scene, path: Path, mode: int) -> list[Ended]:
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        return [scene.whole()]
    finally:
        path.chmod(before)


def vanishing(scene: Scene) -> list[Ended]:
    """A file goes while it is, or is not yet, read."""
    files = _inputs(scene)
    if not files:
        return [scene.whole()]
    file = scene.chance.choice(files)
    aside = scene.box.parent / "vanished"
    run = scene.run()
    code = run.wait(scene.moment())
    shutil.move(file, aside)
    try:
        return [run.ended(code if code is not None else run.wait())]
    finally:
        shutil.move(aside, file)


def memory_refused(scene: Scene) -> list[Ended]:
    """The process gets no more than so much memory."""
    extra = int(2 ** scene.chance.uniform(20, 28.5))
    return [scene.whole(limit=bounded_memory(extra))]


def little_memory_from_the_start(scene: Scene) -> list[Ended]:
    """The process starts anew with so much memory, as under a queue's limit."""
    most = int(scene.chance.uniform(0.15, 2.5) * 1e9)
    return [scene.whole(cold=(), limit=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)))]


def clock(scene: Scene) -> list[Ended]:
    """The wall clock is wrong, jumps while the command runs, or runs backwards."""
    if shutil.which("faketime") is None:
        return [scene.whole()]
    how = scene.chance.choice(["-400d", "+400d", "-0 x-3", "-0 x40", "jump"])
    set_by = scene.box.parent / "clock"
    set_by.write_text("-0" if how == "jump" else how)
    variables = ("FAKETIME_DONT_FAKE_MONOTONIC=1", f"FAKETIME_TIMESTAMP_FILE={set_by}", "FAKETIME_NO_CACHE=1")
    run = scene.run(cold=("env", *variables, f"LD_PRELOAD={_faketime_library()}"))
    code = run.wait(scene.moment())
    if how == "jump":
        set_by.write_text(scene.chance.choice(["-3600", "-40d", "+3600", "+4000d"]))
    return [run.ended(code if code is not None else run.wait())]


def _faketime_library() -> str:
    return str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")))


def two_at_once(scene: Scene) -> list[Ended]:
    """The same command runs twice on one output; one may be killed."""
    runs = [scene.run()]
    codes: list[int | None] = [runs[0].wait(scene.moment() / 2)]
    runs.append(scene.run(number=1))
    if codes[0] is None and scene.chance.random() < 0.3:
        time.sleep(scene.moment() / 2)
        with contextlib.suppress(ProcessLookupError):
            runs[0].send(signal.SIGKILL)
    codes[0] = runs[0].wait() if codes[0] is None else codes[0]
    codes.append(runs[1].wait())
    return [run.ended(code) for run, code in zip(runs, codes, strict=True)]


def _inputs(scene: Scene) -> list[Path]:
    return sorted(scene.box.glob(scene.command.inputs)) if scene.command.inputs else []


def may_mount() -> bool:
    """Whether this process may mount a file system."""
    return os.getuid() == 0 and "ONFH_MOUNTS" in os.environ


DISTURBANCES: dict[str, Callable[[Scene], list[Ended]]] = {
    "SIGKILL": _signalled(signal.SIGKILL),
    "SIGTERM": _signalled(signal.SIGTERM),
    "SIGINT": _signalled(signal.SIGINT),
    "disk full": disk_full,
    "temporary folder full": temporary_full,
    "read-only disk": read_only_disk,
    "read-only folder": read_only_folder,
    "unsearchable folder": unsearchable,
    "file denied": denied,
    "file vanishes": vanishing,
    "memory refused": memory_refused,
    "little memory": little_memory_from_the_start,
    "clock": clock,
    "two at once": two_at_once,
}
COLD = ("little memory", "clock")
"""They need a new Python, which takes seconds to import."""
