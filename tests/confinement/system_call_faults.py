#!/usr/bin/env python3
"""Makes every system call of a program fail in turn, and checks the consequences.

system_call_faults.py [--jobs N] [--denied DIRECTORY] [--show] MODE SCENARIO...

Runs inside the sandbox of tests/lib/set.bash.  MODE is
    errors      each call of a clean run, with each error in ERRORS below, and with short reads and writes
    kill        killed before each call, and after each call that touches the clock; then an undisturbed run
    surroundings  strange program names and environments
    limits      resource limits, from the start of the program (with the fake clock: from the start of main)
--denied: mounts DIRECTORY, whose tables deny everybody, over /etc: no fault may let a client in.  In mode errors, child
processes are then killed before each of their calls as well.

Each case has its own room: /run, /dev/log and a clock.  A case that does not end as it must is printed with the
reasons; the last line of each scenario has its counts.
"""
import collections
import concurrent.futures
import errno
import fcntl
import os
import re
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INJECT = TOP + "/build/tests/inject"
FAKE = TOP + "/build/tests/fake-clock.so"
WORK = os.environ["WORK"]

# The errors that each call can plausibly return, by its manual page and known kernels.  "short" reduces the count to
# one, and to one less than requested.  An unknown call makes the test fail: somebody must think about it.
IO = "EINTR EIO"
ERRORS = {
    # no error is possible, whatever happens
    "getpid": "", "gettid": "", "getppid": "", "getuid": "", "geteuid": "", "umask": "", "exit_group": "", "rt_sigreturn": "",
    "clock_gettime": "",
    # descriptors
    "read": "EINTR EIO EAGAIN ENOMEM short", "write": "EINTR EIO EAGAIN ENOSPC EPIPE short",
    "pread64": "EINTR EIO short", "pwrite64": "EINTR EIO ENOSPC EDQUOT short",
    "open": "EINTR EACCES EMFILE ENFILE ENOMEM ENOENT EIO", "openat": "EINTR EACCES EMFILE ENFILE ENOMEM ENOENT EIO",
    "close": "EINTR EIO", "close_range": "ENOSYS EPERM", "lseek": "ESPIPE", "fcntl": "EBADF EPERM", "dup": "EBADF EMFILE", "dup2": "EINTR EMFILE EBUSY",
    "pipe2": "EMFILE ENFILE ENOMEM", "ioctl": "ENOTTY EIO", "flock": "EINTR EWOULDBLOCK ENOLCK ENOMEM",
    "fstat": "EIO ENOMEM", "newfstatat": "EACCES ENOENT ENOMEM EIO", "stat": "EACCES ENOENT ENOMEM EIO",
    "faccessat": "EACCES ENOENT ENOMEM EIO", "faccessat2": "ENOSYS EACCES ENOENT ENOMEM EIO", "access": "EACCES ENOENT ENOMEM EIO",
    "mkdir": "EEXIST EACCES ENOSPC EROFS ENOENT", "chmod": "EPERM EROFS EIO", "readlink": "ENOENT EACCES EIO", "readlinkat": "ENOENT EACCES EIO",
    "ftruncate": "EINTR EIO",
    # memory, and what the C library does before main
    "brk": "nothing", "mmap": "ENOMEM EAGAIN EPERM", "munmap": "ENOMEM", "mprotect": "ENOMEM EACCES", "getrandom": "EINTR EAGAIN ENOSYS short",
    "arch_prctl": "EPERM", "set_tid_address": "", "set_robust_list": "EINVAL", "rseq": "ENOSYS EPERM", "prlimit64": "EPERM ENOSYS",
    "uname": "EFAULT", "sched_getaffinity": "ESRCH", "futex": "EAGAIN", "sched_yield": "",
    # privileges and signals
    "prctl": "EPERM EINVAL", "seccomp": "EINVAL ENOMEM EACCES", "capget": "EPERM EINVAL", "capset": "EPERM EINVAL",
    "rt_sigaction": "EINVAL", "rt_sigprocmask": "EINVAL", "setitimer": "EINVAL", "kill": "ESRCH EPERM",
    # (EINVAL of setresgid: this user namespace has no nobody)
    "setresgid": "EPERM EAGAIN", "setgroups": "EPERM ENOMEM", "setresuid": "EPERM EAGAIN",
    # processes
    "clone": "EAGAIN ENOMEM", "wait4": "EINTR ECHILD",
    "timer_create": "EAGAIN ENOMEM", "timer_settime": "EINVAL", "timer_delete": "EINVAL",
    # sockets
    "socket": "EMFILE ENFILE ENOMEM ENOBUFS EACCES EAFNOSUPPORT", "connect": "EINTR EAGAIN ECONNREFUSED ENETUNREACH EHOSTUNREACH EADDRNOTAVAIL EACCES",
    "bind": "EADDRINUSE ENOMEM", "getsockname": "ENOBUFS", "getpeername": "ENOTCONN ENOBUFS EINVAL",
    "getsockopt": "ENOBUFS ENOPROTOOPT", "setsockopt": "ENOBUFS ENOPROTOOPT ENOMEM", "shutdown": "ENOTCONN",
    "accept4": "EINTR EAGAIN EMFILE ENFILE ENOMEM ENOBUFS ECONNABORTED EPROTO EPERM ENETDOWN",
    "sendto": "EINTR EAGAIN ENOBUFS ENOMEM ECONNREFUSED EPIPE ECONNRESET", "sendmsg": "EINTR EAGAIN ENOBUFS ENOMEM ECONNREFUSED ENETUNREACH EPERM",
    "recvfrom": "EINTR EAGAIN ENOMEM ECONNREFUSED ECONNRESET short", "recvmsg": "EINTR EAGAIN ENOMEM ENOBUFS ECONNREFUSED ENETDOWN",
    "sendmmsg": "EINTR EAGAIN ENOBUFS ENOMEM ECONNREFUSED ENETUNREACH EPERM", "recvmmsg": "EINTR EAGAIN ENOMEM ENOBUFS ECONNREFUSED ENETDOWN short",
    "poll": "EINTR ENOMEM", "ppoll": "EINTR ENOMEM",
    # the clock; the calls are preloaded, see tests/helpers/fake-clock.c
    "adjtimex": "EPERM EINVAL", "clock_adjtime": "EPERM EINVAL EOPNOTSUPP", "clock_settime": "EPERM EINVAL",
}

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
with open(HEADER, encoding="ascii") as file:
    NUMBER = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", file.read())}
NAME = {number: name for name, number in NUMBER.items()}

FIELDS = ["offset_ns", "status", "maxerror_us", "esterror_us", "freq", "tick", "steps", "slews", "last_step_ns",
          "last_slew_us", "tells", "errno", "undone", "no_setoffset", "tell_errno", "raw_ns", "drift_ppb", "since_ns"]
# Whether the tables deny everybody in this run.
denied = False
WRONG_BY = -100 * 10**9
DOCUMENTED = (0, 1, 100, 111)

# Calls whose failure is reported in other words than strerror's.
NAMELESS = {
    "capget": "no CAP_SYS_TIME", "flock": "another request is setting the clock", "read": "could not read or understand all of ",
    "dup2": "ended without a valid answer", "sendto": "syslog did not take a line", "write": "ended without a valid answer",
    # inject does not make the call, but the program takes the error to mean that the connection is in progress.
    "connect": "Transport endpoint is not connected|Destination address required",
}

Fault = collections.namedtuple("Fault", "process call occurrence action arguments")


class Result:
    """The result of one run: the report of inject, and the state that the run left."""
    status = signal = timeout = left = calls = hit = 0
    out = b""
    errors = ""
    trace = ()
    notes = ""

    def __init__(self):
        self.problems = []

    def read(self, path):
        with open(path, encoding="ascii") as report:
            *lines, last = report.read().splitlines() or [""]
        words = last.split()
        for name, value in zip(words[::2], words[1::2]):
            setattr(self, name, int(value))
        self.notes = "; ".join(line for line in lines if line.startswith("alive"))
        self.trace = [tuple(map(int, line.split()[1:])) for line in lines if line.startswith("call")]
        # Skip the execve that started the program: it is not a call of the program's.
        self.trace = [call for call in self.trace if NAME.get(call[1]) != "execve"]


class Room:
    """Private files and a clock for one case at a time."""

    def __init__(self, number, etc=""):
        self.directory = f"{WORK}/room{os.getpid()}.{number}"
        os.mkdir(self.directory)
        self.clock = self.directory + "/clock"
        self.log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.log.bind(self.directory + "/log")
        self.holder = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o mode=755 tmpfs /run && mount --bind "$1/log" /dev/log && '
             '{ [ -z "$2" ] || mount --bind "$2" /etc; } && echo && exec sleep 300', "sh", self.directory, etc], stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.mounts = f"/proc/{self.holder.pid}/ns/mnt"
        self.run = f"/proc/{self.holder.pid}/root/run"

    def close(self):
        self.holder.kill()
        self.holder.wait()

    def set_clock(self, **fields):
        state = dict.fromkeys(FIELDS, 0) | {"status": 0x40, "maxerror_us": 16000000, "tick": 10000, "offset_ns": WRONG_BY} | fields
        with open(self.clock, "wb") as out:
            out.write(struct.pack(f"{len(FIELDS)}q", *state.values()))

    def get_clock(self):
        with open(self.clock, "rb") as state:
            return dict(zip(FIELDS, struct.unpack(f"{len(FIELDS)}q", state.read())))

    def logged(self):
        lines = []
        while True:
            try:
                lines.append(self.log.recv(65536).decode("latin-1"))
            except BlockingIOError:
                return lines

    def lock_free(self):
        try:
            fd = os.open(self.run + "/guestclock/lock", os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            os.close(fd)

    def start(self, command, *, fault=None, tracing=False, options=(), environment=None, extra=(), fake=True, **popen):
        words = [INJECT, "-n", self.mounts, *options]
        if tracing:
            words.append("-t")
        if fake:
            words.append("-m")
        if fault is not None:
            words += ["-f", f"{fault.process}:{NUMBER[fault.call]}:{fault.occurrence}:{fault.action}"]
        # These are for the program, not for inject.
        strings = [f"FAKE_CLOCK={self.clock}", "FAKE_CLOCK_TRACED=1", f"LD_PRELOAD={FAKE}"] if fake else []
        strings += [f"{name}={value}" for name, value in (environment or {}).items()] + list(extra)
        with open(self.directory + "/environment", "wb") as out:
            out.write(b"".join(os.fsencode(string) + b"\0" for string in strings))
        return subprocess.Popen([*words, "-e", self.directory + "/environment", self.directory + "/result", *command], **popen)

    def result(self):
        result = Result()
        result.read(self.directory + "/result")
        return result


def before_main(result, fault):
    """True if the C library could not start the program: it reports that and exits before any code of ours runs."""
    return fault is not None and result.status == 127 and fault.call in ("arch_prctl", "mprotect")


PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38


def goes_on_without(result, fault):
    """True if the program succeeded without a call that it depends on: dropping privileges, the filter, or the lock."""
    if result.status or fault is None or fault.action[0] != "e":
        return False
    if fault.call == "seccomp":
        # Another call may have entered the filter.
        return not any((process, NAME.get(number), first, got) == (fault.process, "prctl", PR_SET_SECCOMP, 0)
                       for process, number, first, _, _, got in result.trace)
    # After a signal, or if another request has the lock, the program tries again.  A failed unlock does no harm: the
    # end of the process releases the lock.
    return fault.call in ("capset", "setresgid", "setgroups", "setresuid") or fault.call == "flock" and fault.arguments[1] != fcntl.LOCK_UN and \
        errno.errorcode[int(fault.action[1:])] not in ("EINTR", "EWOULDBLOCK", "EAGAIN") or \
        fault.call == "prctl" and fault.arguments[0] in (PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS)


# ------------------------------------------------------------------------------------------------ guestclock-set

class Set:
    """A request to guestclock-set."""
    # A step, a slew and a rate get the number of the reply before.
    DIALOG = [("now", "now"), ("raw", "raw"), ("step", "step"), ("slew +0.010000000", "slew"), ("rate -12.500", "rate"),
              ("bound 0.001000000", "bound"), ("now", "now"), ("raw", "raw again")]
    SETS = {"rdate": True, "sntp": True, "udp": True, "rfc868": True, "exchange": True, "status": False, "print": False,
            "static-status": False, "static-print": False, "within": False, "silent": False}
    REQUEST = {"rdate": "rdate -v -t 800 127.0.0.1", "udp": "rdate -uv -t 800 127.0.0.1", "sntp": "rdate -nv -t 800 127.0.0.1",
               "print": "rdate -p -t 800 127.0.0.1", "within": "rdate -v -t 800 127.0.0.1", "static-status": "status",
               "static-print": "rdate -p -t 800 127.0.0.1", "silent": "rdate -t 1500 -o 38 127.0.0.1"}

    def __init__(self, name):
        self.name = name
        self.static = name.startswith("static-")
        self.program = TOP + "/build/guestclock-set" if self.static else os.environ["GUESTCLOCK_SET"]
        self.request = self.REQUEST.get(name, name)
        self.sets = self.SETS[name]

    def run(self, room, fault=None, tracing=False, options=(), fresh=True, extra=()):
        if fresh:
            room.set_clock(**({"offset_ns": 0} if self.name == "within" else {}))
        else:
            # Keep the state that the last run left, but reset the counters.
            room.set_clock(**room.get_clock() | {"steps": 0, "slews": 0})
        room.logged()
        before = room.get_clock()
        ssh = {"SSH_CONNECTION": "127.0.0.1 40022 127.0.0.1 22", "SSH_ORIGINAL_COMMAND": self.request}
        process = room.start([self.program, "--any-port"], fault=fault, tracing=tracing, options=options, fake=not self.static, environment=ssh, extra=extra,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        replies = {}
        if self.name == "exchange":
            out = self.talk(process, replies, before["offset_ns"])
        elif self.name == "rfc868":
            try:
                process.stdin.write(struct.pack("!I", (int(time.clock_gettime(time.CLOCK_REALTIME)) + 2208988800) % 2**32))
                process.stdin.close()
            except BrokenPipeError:
                pass
            process.stdin = None
            out = b""
        else:
            out = b""
        more, errors = process.communicate()
        result = room.result()
        result.out, result.errors, result.replies = out + more, errors.decode("latin-1"), replies
        result.logged, result.before, result.clock, result.lock = room.logged(), before, room.get_clock(), room.lock_free()
        return result

    @staticmethod
    def talk(process, replies, offset):
        """Runs the whole exchange: sends each order after the reply to the one before."""
        out = b""
        sets = ""
        fd = process.stdout.fileno()

        def line():
            nonlocal out
            got = b""
            while not got.endswith(b"\n"):
                if not select.select([fd], [], [], 8)[0]:
                    break
                octets = os.read(fd, 4096)
                if not octets:
                    break
                got += octets
            out += got
            return got.decode("latin-1")
        try:
            if not line():
                return out
            for order, key in Set.DIALOG:
                if key == "step":
                    if offset == 0:
                        continue
                    order = f"step {'-' if offset > 0 else '+'}{abs(offset) // 10**9}.{abs(offset) % 10**9:09}"
                process.stdin.write(f"{order}{sets if key in ('step', 'slew', 'rate') else ''}\n".encode())
                process.stdin.flush()
                replies[key] = line()
                if not replies[key]:
                    return out
                # Like a host: send no bound if the step failed.
                if replies[key].startswith("no ") and key in ("raw", "step"):
                    break
                if found := re.match(r"(?:raw \S+|done) \S+ (\d+)\b", replies[key]):
                    sets = " " + found[1]
            process.stdin.write(b"bye\n")
            process.stdin.flush()
        except BrokenPipeError:
            # The rest of the buffer can no longer be written.
            pass
        finally:
            stdin, process.stdin = process.stdin, None
            try:
                stdin.close()
            except BrokenPipeError:
                pass
        return out

    def right(self, clock):
        # If the kernel cannot step by an offset, the program reads and writes the clock; on a busy machine time passes
        # in between.
        return abs(clock["offset_ns"]) < (100000000 if self.name == "exchange" else 1600000000)

    def check(self, result, fault, clean):
        """Adds the problems of a run that ended by itself."""
        wrong = result.problems
        if self.static and before_main(result, fault):
            return
        lines = result.errors.splitlines()
        # A failure that was reported to the host in a reply need not be repeated on standard error.
        refused = any(reply.startswith("no ") for reply in result.replies.values())
        told = fault is not None and fault.call in ("write", "writev") and fault.arguments[0] == 2
        logs = fault is not None and (fault.call in ("sendto", "socket", "connect"))
        if result.signal:
            wrong.append(f"died of signal {result.signal}")
            return
        if result.status not in DOCUMENTED:
            wrong.append(f"status {result.status}")
        if (result.status == 0) != (not lines) and not told and not refused:
            wrong.append(f"{len(lines)} lines on standard error with status {result.status}")
        if len(lines) > 1 or lines and not (lines[0].startswith("guestclock-set: ") and result.errors.endswith("\n")) and not told:
            wrong.append("standard error is not one line that says who complains")
        if not result.lock:
            wrong.append("the lock is held")
        if goes_on_without(result, fault):
            wrong.append("goes on without")
        if result.status and fault is not None and fault.action[0] == "e" and not told and not denied:
            said = result.errors + "".join(result.replies.values()) + "".join(result.logged)
            if os.strerror(int(fault.action[1:])) not in said and not re.search(NAMELESS.get(fault.call, "^$"), said):
                wrong.append("does not say what failed")
        self.check_clock(result, logs)
        if fault is not None and fault.call in ("write", "writev") and fault.arguments[0] == 1:
            return
        if result.status == 0 and clean is not None and result.out.count(b"\n") != clean.out.count(b"\n"):
            wrong.append("what it prints is not whole")

    def check_limited(self, result):
        """Under a limit the program may fail, but must report the failure as always."""
        log = Fault(0, "socket", 1, "L", ())
        self.check(result, log, None)

    def check_clock(self, result, logs):
        wrong, clock = result.problems, result.clock
        if denied and (result.status == 0 or result.out or clock["steps"]):
            wrong.append("a client that is denied was served")
        moved = clock["steps"] + clock["slews"] > 0
        steps = [line for line in result.logged if "step: offset" in line or "step by" in line and "failed" not in line]
        if self.name == "exchange":
            self.check_orders(result)
        elif not self.sets:
            if moved:
                wrong.append("the clock was moved")
        elif result.status == 0 and self.name == "within":
            if moved:
                wrong.append("a right clock was moved")
        elif result.status == 0 and not (clock["steps"] == 1 and not clock["slews"] and self.right(clock)):
            wrong.append("reported as set, and is not")
        elif result.status != 0 and moved:
            wrong.append("reported as failed, and was moved")
        if clock["steps"] and not self.right(clock):
            wrong.append(f"the clock was set wrong: by {clock['last_step_ns']} ns")
        if result.status == 0 and moved and clock["status"] & 0x40 and not logs and not [line for line in result.logged if "cannot set the kernel's error bound" in line]:
            wrong.append("that the kernel was not told is not in the log")
        if clock["steps"] and not steps and not logs:
            wrong.append("the step is not in the log")
        if not clock["steps"] and steps:
            wrong.append("a step is in the log that was not done")
        if not clock["status"] & 0x40 and not (self.right(clock) and 0 < clock["maxerror_us"] < 16000000):
            wrong.append("the kernel was told that a wrong clock is right")
        if result.status and not [line for line in result.logged if "from 127.0.0.1" in line or "from unknown" in line or "from ?" in line] and not logs:
            wrong.append("the failure is not in the log")

    @staticmethod
    def check_orders(result):
        clock, wrong = result.clock, result.problems
        done = {"step": clock["steps"] == 1, "slew": clock["slews"] == 1, "rate": clock["freq"] != 0 or clock["tick"] != 10000,
                "bound": not clock["status"] & 0x40}
        for order, is_done in done.items():
            reply = result.replies.get(order)
            if reply is None or not reply.endswith("\n"):
                # No complete reply: the order may be done or not.  If it was sent, the status must show the failure.
                if reply is not None and result.status == 0:
                    wrong.append(f"{order} unanswered, and status 0")
                continue
            if reply.startswith("done ") != is_done:
                wrong.append(f"{order}: answered \"{reply.strip()}\", and is {'done' if is_done else 'not done'}")
            if not reply.startswith(("done ", "no ")):
                wrong.append(f"{order}: answered \"{reply.strip()}\"")
        if clock["steps"] > 1 or clock["slews"] > 1:
            wrong.append("an order was carried out twice")
        if result.status == 0 and not all(reply.startswith(("done ", "now ", "raw ")) for reply in result.replies.values()):
            wrong.append("an order failed, and the status is 0")

    def check_killed(self, result):
        """After a kill the clock must be as it was or as ordered, and the lock free."""
        wrong, clock = result.problems, result.clock
        if clock["offset_ns"] != result.before["offset_ns"] and not self.right(clock):
            wrong.append(f"the clock is neither as it was nor right: {clock['offset_ns']} ns")
        if clock["steps"] > 1 or clock["slews"] > 1:
            wrong.append("moved twice")
        if not clock["status"] & 0x40 and not self.right(clock):
            wrong.append("the kernel was told that a wrong clock is right")
        if not result.lock:
            wrong.append("the lock is held")

    def check_next(self, again):
        """The next, undisturbed run must find everything that it needs."""
        if again.status or again.signal or again.errors:
            again.problems.append(f"the next run ended with status {again.status}, signal {again.signal}, {again.errors!r}")
        elif self.name == "exchange":
            self.check_orders(again)
            if not self.right(again.clock):
                again.problems.append("the next session left the clock wrong")
        elif not self.right(again.clock):
            again.problems.append("the next run left the clock wrong")


# ------------------------------------------------------------------------------------------------------ in.timed

class Timed:
    """in.timed with one kind of standard input."""
    static = True
    # If one of these fails, in.timed does not start to wait for clients.  If another call fails, it continues.
    START = ("getsockopt", "prctl", "capset", "seccomp", "setitimer", "rt_sigaction", "rt_sigprocmask")

    def __init__(self, name):
        self.name = name
        self.kind = name.removeprefix("timed-")
        self.program = os.environ["IN_TIMED"]

    def run(self, room, fault=None, tracing=False, options=(), fresh=True, extra=()):
        room.logged()
        heard = []
        start = dict(fault=fault, tracing=tracing, options=options, fake=False, extra=extra)
        command = [self.program, "-l", "-i", "8", "-n", "in.timed"]
        if self.kind == "pipe":
            process = room.start(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **start)
            heard.append(process.communicate()[0])
        elif self.kind.startswith("nowait"):
            heard.append(self.nowait(room, command, start))
        else:
            heard = self.wait(room, command, start, self.kind.startswith("dgram"))
        result = room.result()
        result.logged, result.heard = room.logged(), heard
        result.errors = repr(heard)
        return result

    @staticmethod
    def nowait(room, command, start):
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
            connection, _ = listener.accept()
            client.sendall(b"hello")
            # Like inetd: the connection is all three descriptors.
            process = room.start(command, stdin=connection, stdout=connection, stderr=connection, **start)
            connection.close()
            client.settimeout(10)
            heard = b""
            try:
                while got := client.recv(64):
                    heard += got
            except ConnectionResetError:
                pass
            client.close()
            process.wait()
            return heard

    def wait(self, room, command, start, dgram):
        ask = self.ask_dgram if dgram else self.ask_stream
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if dgram else socket.SOCK_STREAM) as server:
            server.bind(("127.0.0.1", 0))
            if not dgram:
                server.listen(16)
            process = room.start(command, stdin=server, stdout=server, stderr=subprocess.DEVNULL, **start)
            heard = []
            for ticks in signal.SIGUSR1, signal.SIGUSR1, signal.SIGUSR2:
                heard.append(ask(process, server.getsockname()))
                process.send_signal(ticks)
                # Wait until inject has seen the signal.
                time.sleep(0.015)
            process.wait()
            return heard

    @staticmethod
    def ask_stream(process, address):
        """The octets that it answers; None if it has ended."""
        with socket.create_connection(address, timeout=10) as client:
            client.settimeout(0.05)
            heard = b""
            for _ in range(20):
                try:
                    got = client.recv(64)
                except TimeoutError:
                    if process.poll() is not None:
                        return None
                    continue
                except ConnectionResetError:
                    return heard
                if not got:
                    return heard
                heard += got
            return b""

    @staticmethod
    def ask_dgram(process, address):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(address)
            for _ in range(1 if denied else 4):
                if process.poll() is not None:
                    return None
                try:
                    client.send(b"")
                    client.settimeout(0.1 if denied else 0.25)
                    return client.recv(64)
                except TimeoutError:
                    continue
                except ConnectionRefusedError:
                    return None
            return b""

    def check_limited(self, result):
        """Without resources it need not answer."""
        self.check(result, None, None, True)

    def check(self, result, fault, _clean, limited=False):
        wrong = result.problems
        logs = fault is not None and fault.call in ("sendto", "socket", "connect")
        if before_main(result, fault):
            return
        now = int(time.clock_gettime(time.CLOCK_REALTIME)) + 2208988800
        for octets in result.heard:
            if octets and (len(octets) != 4 or not 0 <= (now - struct.unpack("!I", octets)[0]) % 2**32 <= 20):
                wrong.append(f"a client was told {octets!r}")
            if octets and denied:
                wrong.append("a client that is denied was answered")
        if result.signal:
            wrong.append(f"died of signal {result.signal}")
            return
        if result.status not in DOCUMENTED:
            wrong.append(f"status {result.status}")
        if goes_on_without(result, fault):
            wrong.append("goes on without")
        if denied:
            return
        if limited:
            return
        if self.kind in ("stream", "dgram") and result.status and fault.call not in self.START and \
                not (fault.call == "poll" and fault.occurrence == 1):
            wrong.append(f"status {result.status}: it does not go on")
        answered = [octets is not None and len(octets) == 4 for octets in result.heard]
        gone = fault is not None and fault.action[1:] in map(str, (errno.ENOTCONN, errno.EPIPE, errno.ECONNRESET))
        missing = len(answered) > 1 or gone
        # A table that could not be read denies the client until in.timed looks again; a slow machine asks twice by then.
        if len(answered) > 2 and any(" is denied" in line for line in result.logged):
            missing = len(answered) - 1
        if result.status == 0 and answered.count(False) > missing:
            wrong.append("status 0, and not answered")
        if not all(answered) and not gone and not [line for line in result.logged if ": answered " not in line] and not logs:
            wrong.append("what went wrong is not in the log")
        if result.status and all(answered):
            wrong.append("everybody was answered, and the status is not 0")
        if result.status and not result.logged and not logs:
            wrong.append("the failure is not in the log")


# ---------------------------------------------------------------------------------------------------- guestclock

class Host:
    """guestclock sync, and the state that its end leaves in the guest: a guestclock-set, started as sshd would start
    it.
    """
    static = True
    SSH = """#!/bin/sh
echo $$ >%s
export SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22' SSH_ORIGINAL_COMMAND=exchange FAKE_CLOCK=%s LD_PRELOAD=%s
exec %s
"""

    def __init__(self, name):
        self.name = name
        self.right = Set("exchange").right

    def run(self, room, fault=None, tracing=False, options=(), fresh=True, extra=()):
        if fresh:
            room.set_clock()
            shutil.rmtree(room.directory + "/state", ignore_errors=True)
        else:
            room.set_clock(**room.get_clock() | {"steps": 0, "slews": 0})
        room.logged()
        guest = room.directory + "/guest"
        if os.path.exists(guest):
            os.unlink(guest)
        bin_directory = room.directory + "/bin"
        if not os.path.exists(bin_directory):
            os.mkdir(bin_directory)
            with open(bin_directory + "/ssh", "w", encoding="ascii") as script:
                script.write(self.SSH % (guest, room.clock, FAKE, os.environ["GUESTCLOCK_SET"]))
                os.chmod(script.fileno(), 0o755)
        before = room.get_clock()
        process = room.start([TOP + "/build/guestclock", "sync", "--state", room.directory + "/state", "--ssh-config", "/dev/null", "guest"],
                             fault=fault, tracing=True, options=["-1", *options], fake=False, environment={"PATH": bin_directory + ":/bin"},
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = process.communicate()[1].decode("latin-1")
        result = room.result()
        begun = any(NAME.get(call[1]) in SPAWN for call in result.trace)
        for _ in range(500):
            if not begun or self.ended(guest):
                break
            time.sleep(0.01)
        else:
            result.problems.append("the guest's side goes on without its host")
        result.errors, result.before, result.clock, result.lock, result.logged = errors, before, room.get_clock(), room.lock_free(), room.logged()
        return result

    @staticmethod
    def ended(guest):
        """True if the guest's guestclock-set has started and ended."""
        try:
            with open(guest, encoding="ascii") as pid, open(f"/proc/{int(pid.read())}/stat", encoding="latin-1") as stat:
                return stat.read().rpartition(")")[2].split()[0] == "Z"
        except ValueError:
            return False
        except (FileNotFoundError, ProcessLookupError):
            # Its parent has reaped it before the open or the read.
            return os.path.exists(guest)

    def check(self, result, _fault, _clean):
        if not self.right(result.clock) or result.clock["steps"] != 1:
            result.problems.append("not set right")

    check_killed = Set.check_killed

    def check_next(self, again):
        if again.status or again.errors or not self.right(again.clock):
            again.problems.append(f"the next sync: status {again.status}, {again.errors!r}")


SPAWN = ("clone", "clone3", "vfork", "fork")


# ------------------------------------------------------------------------------------------- the faults to inject

def shape(call):
    """Calls of one shape count as equal: the same process, number and first two arguments; of prctl only the first
    argument, because each capability would be another shape.
    """
    process, number, first, second, *_ = call
    return process, number, first, second if NAME.get(number) != "prctl" else 0


def faults_of(clean):
    """Every call of a clean run with everything that can happen to it; of many calls of one shape, only the first and
    last.
    """
    seen = collections.Counter()
    unknown = set()
    faults = []
    rows = collections.Counter(map(shape, clean.trace))
    done = collections.Counter()
    for traced in clean.trace:
        process, number, *arguments, _ = traced
        call = NAME.get(number, str(number))
        seen[process, call] += 1
        if call not in ERRORS:
            unknown.add(call)
            continue
        done[shape(traced)] += 1
        if rows[shape(traced)] > 10 and 4 < done[shape(traced)] < rows[shape(traced)] - 1:
            continue
        for what in ERRORS[call].split():
            # A missing table is an empty one: that lets everybody in, and is no fault.
            if denied and what == "ENOENT" and call.startswith("open"):
                continue
            actions = [f"e{getattr(errno, what)}"] if what[0] == "E" else ["a0"] if what == "nothing" else \
                [f"l{count}" for count in sorted({1, arguments[2] - 1}) if 0 < count < arguments[2]]
            faults += [Fault(process, call, seen[process, call], action, tuple(arguments)) for action in actions]
    if unknown:
        raise SystemExit("calls that ERRORS in tests/confinement/system_call_faults.py does not know: " + ", ".join(sorted(unknown)))
    return faults


def kills_of(clean, scenario):
    seen = collections.Counter()
    faults = []
    # Before guestclock starts a session, no guest is affected.
    begun = scenario.name not in ("host", "silent")
    for process, number, *arguments, _ in clean.trace:
        call = NAME.get(number, str(number))
        seen[process, call] += 1
        if not begun:
            begun = call in SPAWN
            continue
        # A kill after a call is a kill before the next call, except where the call has a lasting effect.
        for action in "kK" if call in ("clock_adjtime", "clock_settime", "pwrite64", "flock", "write") else "k":
            faults.append(Fault(process, call, seen[process, call], action, tuple(arguments)))
    return faults


# The numbers of setrlimit(2).  Root is exempt from NPROC: clone's EAGAIN above has the same effect.
LIMITS = {"FSIZE": (1, [0, 1, 50]), "DATA": (2, [0, 65536]), "STACK": (3, [0, 65536]), "NPROC": (6, [0]), "NOFILE": (7, range(0, 9)),
          "AS": (9, [0, *range(1 << 20, 1 << 21, 1 << 15)]), "SIGPENDING": (11, [0]), "MEMLOCK": (8, [0])}


def limits_of(scenario):
    """Resource limits; and, in wait mode, calls that keep failing."""
    faults = [Fault(0, name, 1, f"L{number}={value}", ()) for name, (number, values) in LIMITS.items() for value in values]
    lasting = {"timed-stream": ("accept4", "EMFILE ENFILE ENOBUFS ENOMEM"), "timed-dgram": ("recvmmsg", "ENOMEM ENOBUFS")}
    call, errors = lasting.get(scenario.name, ("", ""))
    return faults + [Fault(0, call, "1+", f"e{getattr(errno, what)}", ()) for what in errors.split()]


# The program's name (None: its own), and strings added to the environment that it needs.
SURROUNDINGS = {
    "no name": ("", ()), "a path that is none": ("/", ()), "a long name": ("x" * 5000, ()), "a name that is an option": ("-l", ()),
    "a name of control characters": ("\x1b[2J\n%s%n", ()),
    "many variables": (None, [f"VARIABLE_{number}={'x' * 50}" for number in range(5000)]), "a long variable": (None, ["LONG=" + "x" * 120000]),
    "a long name of a variable": (None, ["x" * 120000 + "=1"]),
    "strings that are no variables": (None, ["", "=", "=x", "TZ", "SSH_CONNECTION", "SSH_USER_AUTH", "no equals sign", "\udcff\udcfe=\x01"]),
    "variables given twice": (None, ["SSH_CONNECTION=10.0.0.1 1 10.0.0.2 22", "SSH_ORIGINAL_COMMAND=status", "TZ=UTC", "TZ=:/dev/zero"]),
    "variables of the C library": (None, [
        "TZ=/dev/zero", "TZDIR=/dev", "LOCALDOMAIN=x", "RES_OPTIONS=debug attempts:99 timeout:99", "HOSTALIASES=/dev/zero", "LC_ALL=xx_YY",
        "LANGUAGE=../../..", "NLSPATH=/dev/zero", "POSIXLY_CORRECT=1", "GCONV_PATH=/", "GETCONF_DIR=/", "MALLOC_CHECK_=3", "MALLOC_TRACE=/trace",
        "GLIBC_TUNABLES=glibc.malloc.check=3:glibc.malloc.perturb=165", "LIBC_FATAL_STDERR_=1", "RESOLV_HOST_CONF=/etc/passwd"]),
    "variables of superservers": (None, ["LISTEN_PID=99999999999999999999", "LISTEN_FDS=-1", "SYSTEMD_EXEC_PID=x", "NOTIFY_SOCKET=@x", "REMOTE_HOST=%s"]),
    "SSH_USER_AUTH that is endless": (None, ["SSH_USER_AUTH=/dev/zero"]), "SSH_USER_AUTH that is a terminal": (None, ["SSH_USER_AUTH=/dev/tty"]),
}


def describe(fault):
    kind, number = fault.action[0], fault.action[1:]
    what = {"e": lambda: errno.errorcode[int(number)], "l": lambda: f"at most {number}", "a": lambda: "nothing",
            "k": lambda: "killed before", "K": lambda: "killed after", "L": lambda: number.split("=")[1], "S": str}[kind]()
    if kind == "S":
        return fault.call
    if kind == "L":
        return f"limit {fault.call} {what}"
    return f"process {fault.process} {fault.call}#{fault.occurrence}({', '.join(map(str, fault.arguments))}) {what}"


class Trial:
    def __init__(self, jobs, show, etc=""):
        self.rooms = [Room(number, etc) for number in range(jobs)]
        self.free = list(self.rooms)
        self.lock = threading.Lock()
        self.pool = concurrent.futures.ThreadPoolExecutor(jobs)
        self.show = show
        self.failed = 0

    def in_room(self, work, *arguments):
        with self.lock:
            room = self.free.pop()
        try:
            return work(room, *arguments)
        finally:
            with self.lock:
                self.free.append(room)

    def one(self, room, scenario, fault, clean, mode):
        if mode == "kill":
            result = scenario.run(room, fault=fault)
            scenario.check_killed(result)
            # The killed process is the one with the network: the other process continues and reports.
            if fault.process > 0:
                scenario.check(result, fault, None)
            # If the source never answers, the only question is whether the asking process stays behind.
            if scenario.name != "silent":
                again = scenario.run(room, fresh=False)
                scenario.check_next(again)
                result.problems += again.problems
        elif mode == "surroundings":
            name, extra = SURROUNDINGS[fault.call]
            result = scenario.run(room, tracing=True, options=["-0", name] if name is not None else (), extra=extra)
            result.hit = 1
            scenario.check(result, None, clean)
        elif mode == "limits":
            limit = fault.action[0] == "L"
            result = scenario.run(room, fault=None if limit else fault, tracing=True, options=["-r", fault.action[1:]] if limit else ())
            result.hit = 1
            # Before main the C library decides what happens.
            if any(NAME.get(call[1]) == "poll" for call in result.trace) or not scenario.static:
                scenario.check_limited(result)
        else:
            result = scenario.run(room, fault=fault, tracing=fault.call == "seccomp")
            scenario.check(result, fault, clean)
        if result.timeout:
            result.problems.append("hangs")
        if result.left:
            result.problems.append("leaves a process behind")
        if result.calls > 3 * clean.calls + 400:
            result.problems.append(f"spins: {result.calls} calls")
        return fault, result

    def scenario(self, scenario, mode):
        clean = self.in_room(scenario.run, None, True)
        scenario.check(clean, None, None)
        waiting = scenario.name.startswith(("timed-stream", "timed-dgram"))
        expected = 111 if scenario.name == "silent" else 1 if denied and not waiting else 0
        if clean.status != expected or clean.problems:
            print(f"{scenario.name}: the clean run: status {clean.status} signal {clean.signal}: {'; '.join(clean.problems)}: {clean.errors}")
            self.failed += 1
            return
        faults = [Fault(0, name, 1, "S", ()) for name in SURROUNDINGS] if mode == "surroundings" else limits_of(scenario) if mode == "limits" else kills_of(clean, scenario) if mode == "kill" else faults_of(clean)
        if denied:
            # Whatever ends a child: its parent decides.
            faults += [fault for fault in kills_of(clean, scenario) if fault.process > 0]
        missed = failed = 0
        for fault, result in self.pool.map(lambda fault: self.in_room(self.one, scenario, fault, clean, mode), faults):
            missed += not result.hit
            if result.problems or self.show:
                failed += bool(result.problems)
                print(f"{scenario.name}: {describe(fault)}: {'; '.join(result.problems) or 'well'}\n    status {result.status} signal {result.signal} "
                      f"{result.notes} stderr {result.errors!r} log {result.logged}")
        print(f"{scenario.name}: {len(faults)} faults in {len(clean.trace)} calls of {max(call[0] for call in clean.trace) + 1} processes, "
              f"{missed} of them not reached, {failed} failed", flush=True)
        # The calls of a run can vary, above all where seconds are counted; but a fault that was not reached was not
        # tested.
        if missed > len(faults) // (4 if scenario.name == "host" else 10 if scenario.name.startswith("timed-") else 50) + 2:
            print(f"{scenario.name}: too many were not reached")
            self.failed += 1
        self.failed += failed


def main(words):
    global denied
    jobs, show, etc = 4, False, ""
    while words[0].startswith("--"):
        if words[0] == "--jobs":
            jobs = int(words.pop(1))
        elif words[0] == "--denied":
            etc = words.pop(1)
            denied = True
        elif words[0] == "--show":
            show = True
        words.pop(0)
    mode, *names = words
    # in.timed reads new tables again and again: wait until they are old enough, so that runs are alike.
    while any(name.startswith("timed-") for name in names) and time.time() - os.stat((etc or "/etc") + "/hosts.deny").st_ctime < 3:
        time.sleep(0.1)
    trial = Trial(jobs, show, etc)
    try:
        for name in names:
            trial.scenario(Timed(name) if name.startswith("timed-") else Host(name) if name == "host" else Set(name), mode)
    finally:
        for room in trial.rooms:
            room.close()
    return 1 if trial.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
