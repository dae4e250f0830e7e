"""Hand a job to the fork server of this run, and end as the job ends.

    python client.py SCRIPT [ARGUMENT ...]

A signal goes on to the job, and the job dies with this process. Where there is no server that takes the job, this
process becomes `python SCRIPT [ARGUMENT ...]`: then, and before, nothing has been done.

A server belongs to one run: its address holds the study's folder and the process id of Snakemake. The address is an
abstract one of Linux, so it is seen on this host alone and vanishes with the server. Who binds it first starts the
server, and then is a client as others are. Only a server of the same user is trusted.
"""

# Every job waits for these imports: they take a millisecond, `socket` and `signal` ten.
import _signal
import _socket
import marshal
import os
import sys

SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "server.py")
FORWARDED = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT, _signal.SIGUSR1, _signal.SIGUSR2)


def main(words: list[str]) -> None:
    """Run `python` with these words, forked or not."""
    # Only a process without threads can be forked, and with more than one processor libraries start some.
    alone = os.environ.get("OMP_NUM_THREADS") == "1" and sys.platform == "linux"
    if alone and os.environ.get("WARMLINE_FORK") != "off":
        # Until the job has begun, a signal waits for whoever runs it.
        _signal.pthread_sigmask(_signal.SIG_BLOCK, FORWARDED)
        connection = begin(words)
        if connection:
            end(connection)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, FORWARDED)
    os.execv(sys.executable, ["python", *words])


def begin(words: list[str]) -> "_socket.socket | None":
    """The connection to the server, once it has taken the job; None if there is none that takes it."""
    folder = os.stat(".")
    address = f"\0warmline {os.getuid()} {folder.st_dev} {folder.st_ino} {os.getppid()}"
    files = [number for number in (0, 1, 2, 3) if inherited(number)]
    if files[:3] != [0, 1, 2]:
        return None
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        if connection.connect_ex(address):
            start_server(address)
            connection.connect(address)
        peer = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
        if int.from_bytes(peer[4:8], sys.byteorder) != os.getuid():
            return None
        umask = os.umask(0o077)
        os.umask(umask)
        job = marshal.dumps((words, dict(os.environb), umask))
        numbers = b"".join(number.to_bytes(4, sys.byteorder) for number in files)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)]
        connection.sendmsg([len(job).to_bytes(4, "big")], rights)
        connection.sendall(job)
        return connection if connection.recv(1) else None
    except OSError:
        pass
    return None


def inherited(number: int) -> bool:
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


def start_server(address: str) -> None:
    """Start the server of this run, unless another job has begun to."""
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        listener.bind(address)
    except OSError:
        return
    # From here on clients wait for the server to begin.
    listener.listen(_socket.SOMAXCONN)
    run = os.getppid()
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        listener.close()
        return
    # In a session of its own, so that Ctrl-C reaches a job by its client alone; and without the job's files, which
    # would seem to be in use as long as the server lives.
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for number, source in ((0, listener.fileno()), (1, null), (2, null)):
        os.dup2(source, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, FORWARDED)
    os.execv(sys.executable, ["python", SERVER, str(run)])


def end(connection: _socket.socket) -> None:
    """Wait for the job and end as it ends: with its status, or by its signal."""
    for number in FORWARDED:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, FORWARDED)
    try:
        answer = connection.recv(4)
    except ConnectionError:
        answer = b""
    if len(answer) < 4:
        os.write(2, b"error: the job was lost, because the process that it was forked from was killed. Run again.\n")
        os._exit(1)
    status = int.from_bytes(answer, "big", signed=True)
    if status < 0:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, FORWARDED)
        if -status not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(-status, _signal.SIG_DFL)
        os.kill(os.getpid(), -status)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, FORWARDED)
    os._exit(status & 0xFF)


main(sys.argv[1:])
