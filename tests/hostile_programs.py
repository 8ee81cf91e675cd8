"""Programs that a model might write and nobody should run: what they try, and what has to come of them. Runs none of them.

Each is asked for ``f`` with ``f(1) == 2``. An attempt that the kernel refuses raises an error; the program then goes on and defines ``f``
as asked, so that it passes exactly if it was refused.

Braces: {outside} is a folder that it must not touch, with a file "secret"; {parent} the process that runs the evaluation; {port} a port on
which somebody listens.
"""

from interlat.evaluation.answers.sandbox.confined import landlock, seccomp

CONFINES = seccomp.available() and landlock.version() > 0  # what the kernel has, and not what we make of it

_ATTEMPT = """
def attempt():
    import ctypes, os, pathlib, resource, shutil, signal, socket, subprocess, sys, threading, time
{body}

try:
    attempt()
except (OSError, RuntimeError, MemoryError, ValueError):
    refused = True
else:
    refused = False

def f(x):
    return x + 1 if refused else "not refused"
"""

_ATTEMPTS = {
    "fork bomb": "while True: os.fork()",
    "thread bomb": "while True: threading.Thread(target=time.sleep, args=(60,)).start()",
    "thread bomb of small stacks": "threading.stack_size(32768)\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()",
    "a grandchild that outlives all": "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)",
    "a program": "subprocess.run(['/bin/sh', '-c', 'echo > {outside}/made'], check=True)",
    "a program in its own place": "os.execv('/bin/sh', ['/bin/sh', '-c', 'exit 0'])",
    "a pool of processes": "import multiprocessing\nmultiprocessing.Process(target=int).start()",
    "8 GB": "bytearray(8 * 2**30)",
    "8 GB, mapped": "import mmap\nmmap.mmap(-1, 8 * 2**30)",
    "8 GB behind the limits": "os.ftruncate(os.memfd_create('hidden'), 8 * 2**30)",
    "a zip bomb": "import zlib\nsmall = zlib.compress(bytes(2**25))\nzlib.decompress(small) * 128",
    "limits raised": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "a file written outside": "pathlib.Path('{outside}/made').write_text('here')",
    "a file overwritten outside": "pathlib.Path('{outside}/secret').write_text('gone')",
    "a file removed outside": "os.unlink('{outside}/secret')",
    "a folder removed outside": "shutil.rmtree('{outside}')",
    "a file renamed outside": "os.rename('{outside}/secret', 'mine')",
    "a file shortened outside": "os.truncate('{outside}/secret', 0)",
    "a mode changed outside": "os.chmod('{outside}/secret', 0o777)",
    "an owner changed outside": "os.chown('{outside}/secret', 1, 1)",
    "a time changed outside": "os.utime('{outside}/secret', (0, 0))",
    "a file read outside": "pathlib.Path('{outside}/secret').read_text()",
    "a file read by going up": "pathlib.Path('../' * 40 + '{outside}'[1:] + '/secret').read_text()",
    "a folder listed outside": "os.listdir('{outside}')",
    "a file read through a link": "os.symlink('{outside}/secret', 'link')\npathlib.Path('link').read_text()",
    "a file written through a link": "os.symlink('{outside}', 'link')\npathlib.Path('link/made').write_text('here')",
    "a file read by a hard link": "os.link('{outside}/secret', 'link')\npathlib.Path('link').read_text()",
    "the tests, where they may lie": "os.listdir('..')",
    "a password file": "pathlib.Path('/etc/passwd').read_text()",
    "the environment of its parent": "pathlib.Path('/proc/{parent}/environ').read_bytes()",
    "the environment by its own": "pathlib.Path('/proc/self/../{parent}/environ').read_bytes()",
    "the memory of its parent": "open('/proc/{parent}/mem', 'rb').read(1)",
    "a debugger on its parent": "if ctypes.CDLL(None, use_errno=True).ptrace(16, {parent}, 0, 0) < 0: raise OSError",
    "a connection": "socket.create_connection(('127.0.0.1', {port}), timeout=2)",
    "a connection by number 41": "if ctypes.CDLL(None).syscall(41, 2, 1, 0) < 0: raise OSError",
    "a listener": "socket.create_server(('127.0.0.1', 0))",
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))",
    "a name looked up": "socket.getaddrinfo('example.com', 80)",
    "a socket of files": "socket.socket(socket.AF_UNIX).connect('/run/docker.sock')",
    "a signal to its parent": "os.kill({parent}, signal.SIGKILL)",
    "a signal to all": "os.kill(-1, signal.SIGKILL)",
    "a signal to its group": "os.killpg(0, signal.SIGKILL)",
    "a signal by ctypes": "if ctypes.CDLL(None).kill({parent}, 9) < 0: raise OSError",
    "a signal by a handle": "signal.pidfd_send_signal(os.pidfd_open({parent}), signal.SIGKILL)",
    "a signal sent by the kernel": (
        "import fcntl\nreads, writes = os.pipe()\nfcntl.fcntl(reads, 8, {parent})\nfcntl.fcntl(reads, 10, signal.SIGKILL)\n"
        "fcntl.fcntl(reads, fcntl.F_SETFL, os.O_ASYNC)\nos.write(writes, b'x')"
    ),
    "limits of its parent": "resource.prlimit({parent}, resource.RLIMIT_CPU, (1, 1))",
    "the priority of its parent": "os.setpriority(os.PRIO_PROCESS, {parent}, 19)",
    "namespaces": "if ctypes.CDLL(None).unshare(0x10000000) < 0: raise OSError",
    "one huge file": "with open('large', 'wb') as file:\n    while True: file.write(bytes(2**20))",
}

REFUSED = {
    name: _ATTEMPT.format(
        body="\n".join(f"    {line}" for line in body.splitlines()).replace("{", "{{").replace("}", "}}")
    )
    .replace("{{", "{")
    .replace("}}", "}")
    for name, body in _ATTEMPTS.items()
}

WRONG = "\ndef f(x):\n    return 'wrong'\n"
# What they are, and what has to be said of them.
FAILING = {
    "an endless loop": ("while True: pass", "out of processor time"),
    "an endless loop in the function": ("def f(x):\n    while True: pass", "out of processor time"),
    "a number without end": ("x = 10 ** 10 ** 9" + WRONG, "out of processor time|MemoryError"),
    "a sleep that no signal ends": (
        "import signal, time\nfor number in range(1, 65):\n    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\ntime.sleep(600)",
        "no end within",
    ),
    "deep recursion": ("def f(x): return f(x + 1)", "RecursionError"),
    "recursion without a limit": (
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return [f(x + 1)]",
        "SIGSEGV|MemoryError|RecursionError|out of processor",
    ),
    "a crash": ("import ctypes\nctypes.string_at(0)", "SIGSEGV"),
    "an exit that says all is well": ("import os\nos._exit(0)", "ended before its tests"),
    "an exit in the function": ("import os\ndef f(x): os._exit(0)", "ended before its tests"),
    "an early exit": ("import sys\nsys.exit(0)", "SystemExit"),
    "an early exit in the function": ("import sys\ndef f(x): sys.exit(0)", "SystemExit"),
    "something for the end": ("import atexit, os\natexit.register(os._exit, 0)" + WRONG, "AssertionError"),
    "the word of success": (
        'import os\nfor number in range(64):\n    try: os.write(number, b\'{"passed": true, "reason": "passed", "trouble": ""}\\n\')\n'
        "    except OSError: pass\nprint('passed')" + WRONG,
        "KeyError|AssertionError|ended|TypeError",
    ),
    "all pipes closed": ("import os\nos.closerange(0, 64)" + WRONG, "ended before its tests"),
    "other builtins": (
        "import builtins, os, sys\nclass Yes(type):\n    def __instancecheck__(*_): return True\n"
        "builtins.AssertionError = type('AssertionError', (BaseException,), {'__new__': lambda *_: None})\n"
        "builtins.all = builtins.any = builtins.isinstance = builtins.abs = lambda *_: True\nos._exit = sys.exit = lambda *_: None"
        + WRONG,
        "AssertionError|ended before its tests",
    ),
    "tests of its own": ("def check(candidate): pass\ndef __eq__(a, b): return True" + WRONG, "AssertionError"),
    "a value that equals all": (
        "class Yes:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n"
        "    __lt__ = __gt__ = __le__ = __ge__ = __contains__ = __eq__\n    def __hash__(self): return hash(2)\ndef f(x): return Yes()",
        "AssertionError",
    ),
    "a number that equals all": (
        "class Yes(int):\n    def __eq__(self, other): return True\n    def __hash__(self): return 2\ndef f(x): return Yes(7)",
        "AssertionError",
    ),
    "a look into its callers": (
        "import gc, sys\ndef f(x):\n    frame = sys._getframe()\n    while frame.f_back:\n        frame = frame.f_back\n"
        "        for name in ('passed', 'tests', 'told', 'verdict'):\n            frame.f_locals[name] = True\n"
        "    return [thing for thing in gc.get_objects() if isinstance(thing, str) and 'assert f(1)' in thing] or 'nothing'",
        "AssertionError",
    ),
    "an answer without end": ("def f(x):\n    return 'x' * (100 * 2**20)", "ended|MemoryError"),
    "an answer of great depth": (
        "def f(x):\n    a = []\n    for _ in range(10**5): a = [a]\n    return a",
        "RecursionError",
    ),
    "an error that cannot be told": (
        "class Bad(Exception):\n    def __str__(self): raise SystemExit\ndef f(x): raise Bad",
        "Exception|Bad",
    ),
    "many files": ("number = 0\nwhile True:\n    open(f'{number}', 'w').close()\n    number += 1", "filled its folder"),
    "many large files": (
        "number = 0\nwhile True:\n    open(f'{number}', 'wb').write(bytes(2**22))\n    number += 1",
        "filled its folder",
    ),
    "a folder of great depth": (
        "import os, time\nwhile True:\n    os.mkdir('a')\n    os.chdir('a')\n    time.sleep(0.001)",
        "filled its folder",
    ),
}

PASSING = {
    "a flood of output": (
        "import sys\nfor _ in range(200):\n    for stream in (sys.stdout, sys.stderr):\n        stream.write('x' * 10**6)\n"
        "def f(x): return x + 1"
    ),
    "a look at the environment": (
        "import os\ndef f(x): return x + 1 if not set(os.environ) - {'LANG', 'LC_CTYPE', 'HOME', 'TMPDIR', 'OPENBLAS_NUM_THREADS', "
        "'OMP_NUM_THREADS', 'PYTHONHASHSEED', 'LD_LIBRARY_PATH'} and not any('secret' in value for value in os.environ.values()) else 0"
    ),
    "a question to the user": "try: input()\nexcept EOFError: pass\ndef f(x): return x + 1",
    "files in its own folder": (
        "import os, tempfile\nos.mkdir('a')\nwith open('a/b', 'w') as file: file.write('1')\nos.rename('a/b', 'c')\n"
        "with tempfile.TemporaryFile() as file: file.write(b'1')\ndef f(x): return x + int(open('c').read())"
    ),
}
