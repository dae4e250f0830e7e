"""Fork the jobs of one run of Snakemake, with their imports done.

    python server.py PID        # of Snakemake; standard input is the socket to listen on

Ends when the run has ended, or after an hour without a job. The first job of a script tells what it imported, and that
is imported here before the second is forked, and in later runs before the first. Nothing of the packages is run here:
what they would begin, threads above all, does not survive a fork. A job finds its process as a fresh interpreter would
have made it. One whose environment is not that in which this process started is left to its client, and so are all once
a module of the workflow that was imported here has been edited.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import gc
import importlib
import importlib.abc
import importlib.machinery
import io
import json
import marshal
import os
import selectors
import signal
import site
import socket
import sys
import threading
import types
from collections.abc import Sequence
from typing import Any, NamedTuple

INSTALLED = site.getsitepackages()
LIBRARY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPTS = os.path.dirname(LIBRARY)
OWN = os.path.basename(LIBRARY)
# Read by the allocators of polars and pyarrow when they are loaded.
WITHOUT_THREADS = {
    "_RJEM_MALLOC_CONF": "background_thread:false",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
# Their drivers do not survive a fork once a library has called them, which some do when they are imported.
ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd")
# It waits for files that polars spilled for want of memory, to remove them. In a fork, where it is missing, they stay
# until polars is next imported by another process.
HARMLESS_THREAD = "polars-ooc-clea"
REMEMBERED = os.path.join(".snakemake", "warmline-imports.json")
"""What scripts imported in earlier runs of the study, by script."""
IDLE_SECONDS = 3600
PR_SET_PDEATHSIG = 1


class Job(NamedTuple):
    """What a client asks for."""

    words: list[str]
    environment: dict[bytes, bytes]
    umask: int
    files: list[int]


class Running(NamedTuple):
    """A forked job: its script and process, a descriptor that tells its end, its client, and what it imported."""

    script: str
    process: int
    ended: int
    client: socket.socket
    imported: int

    def close(self) -> None:
        os.close(self.ended)
        os.close(self.imported)
        self.client.close()


class Imported(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """What is imported, and in a job seems not to be until it imports it: whole packages, single modules of our own.

    So sys.modules holds what the job asked for, and what that asks for: its record tells it, and libraries look there.
    """

    def __init__(self) -> None:
        self.visible = {top(name) for name in sys.modules} | sys.stdlib_module_names
        self.hidden: dict[str, dict[str, types.ModuleType]] = {}
        self.imports: dict[str, set[str]] = {}
        self.states: dict[str, tuple[int, ...] | None] = {}

    def load(self, names: Sequence[str]) -> None:
        """Import modules, and note which package imports which. One that cannot be imported is left to the job."""
        if "torch" in names and any(map(os.path.exists, ACCELERATORS)):
            return
        plain = builtins.__import__

        def noting(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
            if level == 0 and globals and "__name__" in globals:
                asked = [name, *(f"{name}.{part}" for part in fromlist or () if is_own(name))]
                self.imports.setdefault(unit(globals["__name__"]), set()).update(map(unit, asked))
            return plain(name, globals, locals, fromlist, level)

        # As they are before they are read; what is imported already was read before.
        paths = [path for name in names if is_own(name) for path in files_of(name)]
        self.states.update({path: state(path) for path in paths if path not in self.states})

        builtins.__import__ = noting
        for name in names:
            if name in sys.modules:
                continue
            before = {*map(unit, sys.modules)}
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(name)
            # Compiled modules put themselves there under further names, which nobody imports.
            named = {package for packages in self.imports.values() for package in packages}
            if not is_own(name):
                self.imports.setdefault(top(name), set()).update({*map(unit, sys.modules)} - before - named)
        builtins.__import__ = plain
        # And those of our own that these imported.
        loaded = [path for name in sys.modules if is_own(name) for path in files_of(name)]
        self.states.update({path: state(path) for path in loaded if path not in self.states})

    def are_as_read(self) -> bool:
        """Whether our own modules are as they were when they were imported."""
        return all(state(path) == known for path, known in self.states.items())

    def hide(self) -> None:
        """Take them out of sys.modules."""
        for name in [name for name in sys.modules if top(name) not in self.visible]:
            self.hidden.setdefault(unit(name), {})[name] = sys.modules.pop(name)
        for name in list(self.hidden):
            # Else the import of a module from its package would find it there, and not ask for it.
            if is_own(name) and "." in name:
                parent, _, child = name.rpartition(".")
                vars(self.hidden[parent][parent]).pop(child, None)
                self.imports.setdefault(name, set()).add(parent)
        sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        module = self.hidden.get(unit(fullname), {}).get(fullname)
        if module is None or module.__spec__ is None:
            return None
        # Who only asks whether there is a package gets it no sooner.
        spec = importlib.machinery.ModuleSpec(
            fullname, self, origin=module.__spec__.origin, loader_state=(module, module.__spec__)
        )
        spec.submodule_search_locations = module.__spec__.submodule_search_locations
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        waiting = [unit(spec.name)]
        while waiting:
            name = waiting.pop()
            sys.modules.update(self.hidden.pop(name, {}))
            parent, _, child = name.rpartition(".")
            if is_own(name) and parent in sys.modules:
                setattr(sys.modules[parent], child, sys.modules[name])
            waiting += self.imports.get(name, set()) & self.hidden.keys()
        module: types.ModuleType = spec.loader_state[0]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        assert module.__spec__
        module.__spec__ = module.__spec__.loader_state[1]


class Server:
    """The socket of a run, and its jobs."""

    def __init__(self, listener: socket.socket, run: int) -> None:
        self.listener = listener
        self.environment = told(dict(os.environb))
        self.packages = Imported()
        self.running: set[Running] = set()
        self.imported: dict[str, list[str]] = {}
        self.remembered = remembered()
        self.selector = selectors.DefaultSelector()
        self.run = os.pidfd_open(run)
        self.selector.register(self.run, selectors.EVENT_READ)

    def serve(self) -> Job | None:
        """Fork a process for each job. Returns the job in the new process, and None in this one at its end."""
        os.environ.update(WITHOUT_THREADS)
        self.selector.register(self.listener, selectors.EVENT_READ)
        over = False
        while self.running or not over:
            events = self.selector.select(None if self.running else IDLE_SECONDS)
            if not events:
                break
            for key, _ in events:
                if key.fileobj == self.run:
                    self.selector.unregister(self.run)
                    over = True
                elif key.fileobj == self.listener:
                    if job := self.accept():
                        return job
                elif key.data in self.running:
                    self.attend(key.data, ended=key.fileobj == key.data.ended)
        return None

    def accept(self) -> Job | None:
        """Take a job, or leave it to its client. Returns it in the new process, and None in this one."""
        client, _ = self.listener.accept()
        job = received(client)
        if job is None or told(job.environment) != self.environment:
            client.close()
            return None
        script = job.words[0]
        told_here = self.imported.get(script)
        if names := told_here or self.remembered.pop(script, None):
            self.packages.load(names)
            gc.freeze()
        if not (forks_safely() and self.packages.are_as_read()):
            # Still bound, it keeps jobs from starting another server in vain.
            self.selector.unregister(self.listener)
            self.listener.shutdown(socket.SHUT_RDWR)
            client.close()
            return None
        if told_here:
            self.imported[script] = []
            remember(script, told_here)
        imported = os.memfd_create("imported")
        server = os.getpid()
        process = os.fork()
        if process == 0:
            die_with(server)
            self.close()
            client.close()
            if script in self.imported:
                os.close(imported)
            else:
                atexit.register(lambda: os.write(imported, "\n".join(modules_in(*INSTALLED, LIBRARY)).encode()))
            return job
        for number in job.files:
            os.close(number)
        running = Running(script, process, os.pidfd_open(process), client, imported)
        self.running.add(running)
        self.selector.register(running.ended, selectors.EVENT_READ, running)
        self.selector.register(client, selectors.EVENT_READ, running)
        with contextlib.suppress(OSError):
            client.sendall(b"+")
        return None

    def attend(self, job: Running, ended: bool) -> None:
        """Tell a client how its job ended, or the job which signals its client was sent."""
        if ended:
            status = os.waitstatus_to_exitcode(os.waitpid(job.process, 0)[1])
            with contextlib.suppress(OSError):
                job.client.sendall(status.to_bytes(4, "big", signed=True))
            self.selector.unregister(job.ended)
            with contextlib.suppress(KeyError):
                self.selector.unregister(job.client)
            self.running.remove(job)
            if status == 0 and job.script not in self.imported:
                os.lseek(job.imported, 0, os.SEEK_SET)
                with open(job.imported, closefd=False) as names:
                    self.imported[job.script] = names.read().split()
            job.close()
            return
        try:
            signals = job.client.recv(64)
        except OSError:
            signals = b""
        if not signals:
            self.selector.unregister(job.client)
        # A client that is gone was killed.
        for number in signals or [signal.SIGKILL]:
            os.kill(job.process, number)

    def close(self) -> None:
        """Close what a job must not hold."""
        self.selector.close()
        self.listener.close()
        os.close(self.run)
        for job in self.running:
            job.close()


def top(name: str) -> str:
    return name.partition(".")[0]


def is_name(name: object) -> bool:
    """Whether it can be that of a module."""
    return isinstance(name, str) and all(part.isidentifier() for part in name.split("."))


def is_own(name: str) -> bool:
    return top(name) == OWN


def unit(name: str) -> str:
    """What is imported as one: a module of our own, the whole package of another."""
    first = top(name)
    return name if first == OWN else first


def files_of(name: str) -> list[str]:
    """Where a module of our own may stand."""
    stem = os.path.join(SCRIPTS, *name.split("."))
    return [f"{stem}.py", os.path.join(stem, "__init__.py")]


def state(path: str) -> tuple[int, ...] | None:
    """What shows that a file is as it was; None if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def told(environment: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The variables that may mean something: `_` is only where a shell found the program."""
    return {name: value for name, value in environment.items() if name != b"_"}


def forks_safely() -> bool:
    """Whether no thread runs beside this one but the harmless one."""
    others = [task for task in os.listdir("/proc/self/task") if task != str(os.getpid())]
    names = []
    for task in others:
        with open(f"/proc/self/task/{task}/comm") as comm:
            names.append(comm.read().strip())
    return set(names) <= {HARMLESS_THREAD}


def received(client: socket.socket) -> Job | None:
    """What a client of the same user asks for; None if it is another's, or was killed meanwhile."""
    peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    if int.from_bytes(peer[4:8], sys.byteorder) != os.getuid():
        return None
    size, files, _, _ = socket.recv_fds(client, 4, 4)
    message = b""
    while len(message) < int.from_bytes(size, "big"):
        part = client.recv(1 << 20)
        if not part:
            break
        message += part
    else:
        if message:
            words, environment, umask = marshal.loads(message)
            return Job(words, environment, umask, files)
    for number in files:
        os.close(number)
    return None


def remembered() -> dict[str, list[str]]:
    """What scripts imported in earlier runs of the study; nothing where that cannot be read."""
    try:
        with open(REMEMBERED, encoding="utf-8") as file:
            return {script: list(filter(is_name, names)) for script, names in json.load(file).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def remember(script: str, names: list[str]) -> None:
    """Keep for later runs what a script imports, if it can be forked with that imported."""
    known = remembered()
    if known.get(script) != names and os.path.isdir(os.path.dirname(REMEMBERED)):
        partial = f"{REMEMBERED}.{os.getpid()}"
        with contextlib.suppress(OSError):
            with open(partial, "w", encoding="utf-8") as file:
                json.dump({**known, script: names}, file)
            os.replace(partial, REMEMBERED)


def die_with(parent: int) -> None:
    """Have this process killed when its parent ends, since nobody would learn how it ends itself."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def become(job: Job, packages: Imported) -> tuple[types.CodeType, dict[str, Any]]:
    """Make this process that of `python SCRIPT ...`. Returns the script's code, and where it is to run."""
    for number, file in enumerate(job.files):
        os.dup2(file, number)
        os.close(file)
    if len(job.files) == 3:
        os.close(3)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=os.isatty(1))
    os.umask(job.umask)
    for name in WITHOUT_THREADS:
        del os.environ[name]
    os.environb.update(job.environment)
    sys.argv = job.words
    sys.orig_argv = ["python", *job.words]
    script = os.path.realpath(job.words[0])
    sys.path[0] = os.path.dirname(script)
    sys.path_importer_cache.clear()
    # Seeded when it was imported.
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed()
    packages.hide()
    main = types.ModuleType("__main__")
    loader = importlib.machinery.SourceFileLoader("__main__", os.path.abspath(job.words[0]))
    vars(main).update(
        __file__=loader.path, __loader__=loader, __builtins__=builtins, __cached__=None, __annotations__={}
    )
    sys.modules["__main__"] = main
    site.execsitecustomize()
    return loader.source_to_code(loader.get_data(loader.path), loader.path), vars(main)


def modules_in(*folders: str) -> list[str]:
    """The names of imported modules whose files lie in folders, in the order in which they were imported."""
    prefixes = tuple(os.path.join(folder, "") for folder in folders)
    files = [(name, getattr(module, "__file__", None)) for name, module in sys.modules.items() if name != "__main__"]
    return [name for name, file in files if file and file.startswith(prefixes)]


def main() -> tuple[types.CodeType, dict[str, Any]] | None:
    """Serve until the run has ended. Returns, in each new process, what is to run there."""
    # Numbers that jobs use are taken, so that nothing else gets them.
    null = os.open(os.devnull, os.O_RDWR)
    while null < 3:
        null = os.dup(null)
    listener = socket.socket(fileno=os.dup(0))
    os.dup2(null, 0)
    # What python read when it started (sitecustomize) each job reads again.
    for name in modules_in(SCRIPTS):
        del sys.modules[name]
    server = Server(listener, int(sys.argv[1]))
    job = server.serve()
    return become(job, server.packages) if job else None


def status_of(ending: SystemExit) -> int:
    """The status with which a program ends, whose message is printed, if it has one."""
    if ending.code is None or isinstance(ending.code, int):
        return ending.code or 0
    print(ending.code, file=sys.stderr)
    return 1


def leave(status: int) -> None:
    """End as an interpreter ends, but for taking apart what was imported: a fork would copy all of it to do so."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status & 0xFF)


if __name__ == "__main__" and (program := main()):
    status = 0
    try:
        exec(*program)
    except SystemExit as ending:
        status = status_of(ending)
    except Exception as error:
        # Without this frame.
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook(type(error), error, error.__traceback__)
        status = 1
    leave(status)
