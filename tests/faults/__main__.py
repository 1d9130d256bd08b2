"""Randomised runs under faults: ``python -m tests.faults --runs 300``.

Each run is disturbed once and then repeated in peace. Afterwards must hold: no traceback, no crash, no hang, one
message where the command stops; nothing is left behind and no process goes on; the repetition gives the bytes of a
calm run.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.commands import COMMANDS, Command
from tests.faults.disturbances import COLD, DISTURBANCES, Scene
from tests.faults.process import Ended, Run, adopt_orphans, import_what_it_imported
from tests.faults.verdict import Content, faults_of, faults_of_repetition


def main() -> None:
    """Run, print each fault as it is found, and a table at the end."""
    asked = _asked()
    if os.getuid() == 0 and "ONFH_MOUNTS" not in os.environ:
        _with_own_mounts()
    adopt_orphans()
    chance = random.Random(asked.seed)
    root = Path(tempfile.mkdtemp(prefix="onfh-faults-"))
    root.chmod(0o755)
    try:
        bench = Bench(root)
        commands = [one for one in COMMANDS if one.name in asked.only]
        for command in commands:
            bench.prepare(command)
        rows = []
        for number in range(asked.runs):
            command = chance.choices(commands, [1 if one.slow else 4 for one in commands])[0]
            kind = chance.choices(asked.kinds, [1 if one in COLD else 4 for one in asked.kinds])[0]
            stopped, faults = bench.disturbed(command, kind, random.Random(chance.random()))
            rows.append((command.name, kind, stopped, faults))
            for fault in faults:
                print(f"{number} {command.name}, {kind}: {fault}", flush=True)
            if number % 10 == 9:
                print(f"{number + 1} of {asked.runs} runs", flush=True)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    _print_table(rows)
    sys.exit(any(faults for *_, faults in rows))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=[one.name for one in COMMANDS], type=_names)
    parser.add_argument("--kinds", default=list(DISTURBANCES), type=_names)
    parser.add_argument("--warm", action="store_true", help="leave out what needs a new Python, which takes seconds")
    asked = parser.parse_args()
    asked.kinds = [kind for kind in asked.kinds if not (asked.warm and kind in COLD)]
    return asked


def _names(text: str) -> list[str]:
    return text.split(",")


def _with_own_mounts() -> None:
    """Start again where what is mounted goes with this process, if the system lets us."""
    unshare = ["unshare", "--mount", "--"]
    if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode == 0:
        os.environ["ONFH_MOUNTS"] = "own"
        os.execvp("unshare", [*unshare, sys.executable, "-m", "tests.faults", *sys.argv[1:]])


class Bench:
    """The box, and what each command finds in it and leaves in it when all is calm."""

    def __init__(self, root: Path) -> None:
        self.root, self.box = root, root / "box"
        self.calm: dict[str, tuple[Content, float]] = {}

    def prepare(self, command: Command) -> None:
        """Run the command calmly twice: what differs then is not compared later."""
        contents = []
        for _ in range(2):
            ended = self._calm(command)
            contents.append(Content.of(self.box))
        same = contents[0].same_in(contents[1])
        self.calm[command.name] = same, ended.seconds
        unlike = sorted(set(contents[0].digests) - set(same.digests))
        print(f"{command.name}: {ended.seconds:.2f} s; {len(same.digests)} files, not compared: {unlike}", flush=True)

    def start(self, name: str) -> Path:
        """The folder of what a command finds; it is filled when it is asked for first."""
        folder = self.root / "starts" / name
        if not folder.exists():
            for part in ("place", "tmp"):
                (folder / part).mkdir(parents=True)
            next(one for one in COMMANDS if one.name == name).prepare(folder, self.start, self._onfh)
            (folder / "in").mkdir(exist_ok=True)
        return folder

    def disturbed(self, command: Command, kind: str, chance: random.Random) -> tuple[bool, list[str]]:
        """Disturb the command once and repeat it in peace: whether that stopped it, and what is wrong."""
        calm, seconds = self.calm[command.name]
        self._lay_out(command)
        scene = Scene(self.box, command, chance, seconds, calm.n_bytes)
        ended = DISTURBANCES[kind](scene)
        faults = [fault for one in ended for fault in faults_of(one, self.box, kind)]
        stopped = any(one.code != 0 for one in ended)
        if command.once and (self.box / command.out).exists():
            return stopped, faults + faults_of_repetition(ended[0], Content.of(self.box), calm, done=True)
        again = Run(self.box, command.words)
        repeated = again.ended(again.wait())
        return stopped, faults + faults_of_repetition(repeated, Content.of(self.box), calm)

    def _calm(self, command: Command) -> Ended:
        self._lay_out(command)
        run = Run(self.box, command.words)
        ended = run.ended(run.wait())
        if ended.code != 0:
            raise SystemExit(f"{command.name} fails in peace:\n{ended.said}")
        import_what_it_imported(self.box)
        return ended

    def _lay_out(self, command: Command) -> None:
        shutil.rmtree(self.box, ignore_errors=True)
        shutil.copytree(self.start(command.name), self.box)

    def _onfh(self, *words: object) -> None:
        """Run a command that prepares another one's box."""
        environment = os.environ | {"TMPDIR": str(self.root)}
        command = [sys.executable, "-m", "onfh_nnunet", *map(str, words)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _print_table(rows: list[tuple[str, str, bool, list[str]]]) -> None:
    print("\n| disturbed by | runs | stopped | with a fault |\n|---|---|---|---|")
    for place in (1, 0):
        for name in sorted({row[place] for row in rows}):
            _print_row(name, [row for row in rows if row[place] == name])
    _print_row("all", rows)


def _print_row(name: str, rows: list[tuple[str, str, bool, list[str]]]) -> None:
    print(f"| {name} | {len(rows)} | {sum(row[2] for row in rows)} | {sum(bool(row[3]) for row in rows)} |")


if __name__ == "__main__":
    main()
