#!/usr/bin/env python3
"""Every kind of result that a look-up can have, in each mode: lookups.py IN_TIMED GUESTCLOCK_SET NAMES LOG PORT
[CASE...]

For the tests' sandbox: it writes to the sandbox's /etc.  A name server at 127.0.0.1, ::1 and fe80::1%lo answers from
NAMES (see resolver.py), programs log to LOG, and a time source answers at TCP port PORT.

In each case, clients whose names a rule needs ask in.timed (one process for one connection, for many connections, and
for datagrams) and guestclock-set, and a request names a time source.  Every process must end with a documented status,
and then the next client, whose address is allowed, must be served.  No filter may lack a call.

Prints what is wrong; exit status 1 if anything is.  Each line of CASES has its name; whether the clients that need a
name are served (True, False, or None: whatever the C library does) and the source is found; and files of /etc (None:
missing).  NAMES is the name server's table.
"""
import os
import re
import socket
import subprocess
import sys
import threading
import time

IN_TIMED, SET, NAMES, LOG, PORT = sys.argv[1:6]
NAMED = ["127.0.0.2", "fd00::1"]	# clients that need a name; NEXT does not
NEXT = "127.0.0.1"
NAME = "c.case.test"
PATIENCE = 12		# seconds: two requests to two servers, two attempts of 1 s each, on a busy machine

PTR = "".join("ptr %s %s\n" % (address, NAME) for address in NAMED)
A = "".join("a %s %s\n" % (NAME, address) for address in NAMED)
HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
SERVER = "nameserver 127.0.0.1\n"


def names(more="", data=PTR + A):
    return {"NAMES": data + more}


def resolv(text):
    return {"resolv.conf": text}


def option(text, more=""):
    return ("resolv.conf: options " + text, True, {**resolv(SERVER + "options " + text + "\n"), **names(more)})


def many(count):
    return "many %s %d\n" % (NAME, count)


def chain(length, last):
    links = [NAME] + ["c%d.case.test" % at for at in range(1, length)] + [last]
    return "".join("cname %s %s\n" % pair for pair in zip(links, links[1:]))


def hosts(text):
    return {"hosts": HOSTS + text, "NAMES": ""}


# For hosts files: the names of the clients.
OURS = "".join("%s %s\n" % (address, NAME) for address in NAMED)

CASES = [
    ("no address of the name", False, names(data=PTR)),
    *[("%d addresses" % count, True, names(many(count))) for count in (1, 127, 128, 4000)],
    *[("%d addresses in the other order" % count, True, names(data=PTR + many(count) + A)) for count in (127, 128)],
    ("128 names of an address", True, names("".join("ptr 127.0.0.2 n%d.case.test\n" % at for at in range(128)))),
    # libwrap treats a client whose name is an alias as unknown.
    ("an alias", None, names(data=PTR + chain(1, "d.test") + A.replace(NAME, "d.test"))),
    ("16 aliases", None, names(data=PTR + chain(16, "d.test") + A.replace(NAME, "d.test"))),
    ("an alias of itself", False, names(data=PTR + chain(1, NAME))),
    ("aliases in a ring", False, names(data=PTR + chain(5, NAME))),
    *[("a name like %s" % name, False, {"NAMES": "".join("ptr %s %s\n" % (address, name) for address in NAMED)})
      for name in ("fe80::1%lo", "127.0.0.1", "::1", "xn--bcher-kva.test", "%s%n%m", "a" * 63 + ".test", "-")],
    ("another's name", False, names(data=PTR + "a %s 192.0.2.1\n" % NAME)),
    ("truncated, then over TCP", True, names("truncated\n")),
    ("truncated, and no TCP", None, names("truncated\nno-tcp\n")),
    ("truncated, and TCP is stuck", None, names("truncated\nstuck-tcp\n")),
    *[("broken: " + how, None, names("broken %s\n" % how))
      for how in ("garbage", "short", "wrong-id", "wrong-question", "counts", "loop", "length")],
    *[("broken over TCP: " + how, None, {**names("broken %s\n" % how), **resolv(SERVER + "options use-vc\n")})
      for how in ("garbage", "short", "counts", "length")],
    ("EDNS, with a record of its own", True, {**names("edns\n" + many(100)), **resolv(SERVER + "options edns0\n")}),
    ("EDNS is a format error", None, {**names("formerr-edns\n"), **resolv(SERVER + "options edns0\n")}),
    ("TCP alone", True, {**names("no-udp\n" + many(4000)), **resolv(SERVER + "options use-vc\n")}),
    ("no answer", False, names("silent\n")),
    *[("code %d" % code, False, names("rcode %d\n" % code, "")) for code in (1, 2, 4, 5, 15)],
    ("no server there", False, {**names(), **resolv("nameserver 127.0.0.9\n")}),
    *[option(text) for text in (
        "ndots:0", "ndots:15", "timeout:1", "timeout:30 attempts:1", "attempts:5", "rotate", "no-check-names", "inet6",
        "ip6-bytestring", "ip6-dotint", "edns0", "single-request", "single-request-reopen", "no-tld-query", "use-vc",
        "no-reload", "trust-ad", "debug")],
    ("resolv.conf: options no-aaaa", None, {**names(), **resolv(SERVER + "options no-aaaa\n")}),
    ("resolv.conf: options out of range", None, {**names(), **resolv(SERVER + "options ndots:99999999999 timeout:-1 attempts:x y :\n")}),
    option("edns0 use-vc rotate single-request-reopen trust-ad", many(200)),
    ("no-check-names, and a name with a scope", False, {
        **names(data="ptr 127.0.0.2 fe80::1%lo\nptr fd00::1 fe80::1%lo\n"), **resolv(SERVER + "options no-check-names\n")}),
    ("a search list", True, {**names(), **resolv(SERVER + "search case.test test %s\noptions ndots:5\n" % ("x." * 60 + "test"))}),
    ("three servers", True, {**names(), **resolv(SERVER + "nameserver ::1\n" + SERVER + "nameserver 127.0.0.9\noptions rotate\n")}),
    ("a server of IPv6", True, {**names(many(300)), **resolv("nameserver ::1\n")}),
    *[("a server at " + address, True, {**names(), **resolv("nameserver %s\n" % address)})
      for address in ("fe80::1%lo", "fe80::1%1", "::ffff:127.0.0.1")],
    ("a server on no interface", None, {**names(), **resolv("nameserver fe80::1%gone\n" + SERVER)}),
    ("sortlist, domain", True, {**names(many(200)), **resolv(SERVER + "domain test\nsortlist 127.0.0.0/255.0.0.0 10.0.0.0\n")}),
    ("no resolv.conf", True, {**names(), "resolv.conf": None}),
    ("an empty resolv.conf", True, {**names(), **resolv("")}),
    ("a resolv.conf of garbage", None, {**names(), **resolv("\xff\0nameserver\nnameserver x\n" + "options %s\n" % ("z" * 70000))}),
    ("a resolv.conf of 1 MB", True, {**names(), **resolv(SERVER + "nameserver 127.0.0.1\nsearch a.test b.test\n" * 25000)}),
    ("100,000 lines of hosts", True, hosts("".join("10.%d.%d.%d h%d.test\n" % (at >> 16, at >> 8 & 255, at & 255, at)
                                                   for at in range(100000)) + OURS)),
    ("lines of hosts of 64 KiB", True, hosts("192.0.2.1 " + "name.test " * 6554 + "\n" + OURS)),
    ("5,000 addresses in hosts", True, hosts("".join("10.9.%d.%d %s\n" % (at >> 8, at & 255, NAME) for at in range(5000)) + OURS)),
    ("5,000 names in hosts", True, hosts("127.0.0.2 %s %s\nfd00::1 %s\n" % (NAME, " ".join("n%d.test" % at for at in range(5000)), NAME))),
    ("hosts of garbage", None, hosts("\xff\0 a\n127.0.0.2\nfe80::1%lo c.case.test\n::g x\n" + OURS)),
    ("hosts missing", True, {**names(), "hosts": None}),
    ("host.conf: multi, reorder", True, {**hosts(OURS + OURS), "host.conf": "multi on\nreorder on\nspoofalert\n"}),
    ("host.conf: trim", None, {**hosts(OURS), "host.conf": "trim .test\n"}),
    ("host.conf of garbage", True, {**hosts(OURS), "host.conf": "multi maybe\n\xff\norder hosts\n"}),
    ("gai.conf: labels and scopes", True, {**names(many(200)), "gai.conf": "reload yes\n" + "".join(
        "%s %s 5\n" % (what, net) for what in ("label", "precedence") for net in ("::/0", "fd00::/8", "::ffff:0:0/96")) +
        "scopev4 ::ffff:127.0.0.0/104 2\n"}),
    ("gai.conf of garbage", True, {**names(many(200)), "gai.conf": "label x y\nprecedence ::/999 -1\n\xff\n" + "label ::/0 1\n" * 5000}),
    ("nsswitch.conf: modules", True, {**names(), "nsswitch.conf": "hosts: mymachines resolve [!UNAVAIL=return] mdns4 ldap\npasswd: ldap\n"}),
    ("nsswitch.conf of garbage", True, {**names(), "nsswitch.conf": "hosts files\nhosts: [\n\xff\n" + "x: y\n" * 10000}),
    ("nsswitch.conf missing", True, {**names(), "nsswitch.conf": None}),
    ("services, protocols, networks missing", True, {**names(), "services": None, "protocols": None, "networks": None}),
]


def write(name, text):
    path = NAMES if name == "NAMES" else "/etc/" + name
    if text is None:
        if os.path.exists(path):
            os.unlink(path)
        return
    with open(path + ".new", "w", encoding="latin-1") as file:
        file.write(text)
    os.rename(path + ".new", path)


def address_of(client):
    """The address, of the client's own family, that the client asks."""
    return "127.0.0.1" if "." in client else "::1"


def connection(client, port):
    s = socket.socket(socket.AF_INET if "." in client else socket.AF_INET6)
    s.settimeout(PATIENCE)
    s.bind((client, 0))
    s.connect((address_of(client), port))
    return s


def heard(s):
    """Whether the service answers with four octets; it closes the connection of a denied client."""
    got = b""
    try:
        while True:
            part = s.recv(64)
            got += part
            if not part:
                return len(got) == 4
    except ConnectionResetError:
        return False


def server(kind):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", 0))
    if kind == socket.SOCK_STREAM:
        s.listen(16)
    return s, s.getsockname()[1]


def in_timed(s):
    return subprocess.Popen([IN_TIMED, "-i", "60"], stdin=s, stdout=s, stderr=subprocess.DEVNULL, env={})


def nowait(client):
    """One process for one connection: its exit status, and whether the client was served."""
    listener, port = server(socket.SOCK_STREAM)
    s = connection(client, port)
    accepted, _ = listener.accept()
    process = in_timed(accepted)
    accepted.close()
    listener.close()
    served = heard(s)
    s.close()
    status = process.wait(PATIENCE)
    return served, None if status == (0 if served else 1) else "ended with %d" % status


def wait_tcp(port, client):
    with connection(client, port) as c:
        return heard(c)


def wait_udp(port, client):
    with socket.socket(socket.AF_INET if "." in client else socket.AF_INET6, socket.SOCK_DGRAM) as c:
        c.bind((client, 0))
        c.connect((address_of(client), port))
        # A denied client gets no answer.  The next client's answer shows that the process has handled this one.
        c.settimeout(PATIENCE if client == NEXT else 0.1)
        try:
            c.send(b"")
            if client != NEXT:
                wait_udp(port, NEXT)
            return len(c.recv(64)) == 4
        except (socket.timeout, ConnectionRefusedError):
            return False


def wait_mode(kind, ask, expected):
    """One process for many clients; each client's result, and the problems of the process."""
    s, port = server(kind)
    process = in_timed(s)
    results = []
    for client in NAMED + [NEXT]:
        end = time.monotonic() + PATIENCE / 2
        served = ask(port, client)
        # After a slow lookup, on a busy machine, the next client that needs a lookup may have to ask again.
        while expected and not served and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
            served = ask(port, client)
        results.append((client, served))
    ended = process.poll()
    if ended is None:
        process.kill()
    process.wait()
    s.close()
    return results, None if ended is None else "ended with %d" % ended


def guestclock_set(client, request, *options):
    environment = {"SSH_CONNECTION": "%s 40022 192.0.2.22 22" % client, "SSH_ORIGINAL_COMMAND": request}
    done = subprocess.run([SET, *options], env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=2 * PATIENCE)
    return done.returncode, done.stderr.decode(errors="replace").strip()


class Case:
    def __init__(self, served):
        self.expected, self.wrong = served, []

    def judge(self, mode, client, served, trouble=None):
        expected = True if client == NEXT else self.expected
        if trouble:
            self.wrong.append("%s, client %s: %s" % (mode, client, trouble))
        elif expected is not None and served != expected:
            self.wrong.append("%s, client %s: %s" % (mode, client, "served" if served else "not served"))

    def in_nowait(self, client):
        self.judge("TCP nowait", client, *nowait(client))

    def in_wait(self, mode, kind, ask):
        results, trouble = wait_mode(kind, ask, self.expected)
        for client, served in results:
            self.judge(mode, client, served, trouble)

    def in_set(self, client):
        status, said = guestclock_set(client, "status")
        self.judge("guestclock-set", client, status == 0, None if status in (0, 1) else "status %d: %s" % (status, said))

    def in_asker(self):
        status, said = guestclock_set(NEXT, "rdate -p -o %s -t 2500 %s" % (PORT, NAME), "--host", NAME, "--any-port")
        good = re.search("no address: |no answer in time|cannot connect: ", said)
        self.judge("rdate", "NAME", status == 0, None if status == 0 or (status == 111 and good) else
                   "status %d: %s" % (status, said))

    def run(self):
        modes = [(self.in_wait, "TCP wait", socket.SOCK_STREAM, wait_tcp),
                 (self.in_wait, "UDP wait", socket.SOCK_DGRAM, wait_udp), (self.in_asker,)]
        modes += [(mode, client) for client in NAMED + [NEXT] for mode in (self.in_nowait, self.in_set)]
        threads = [threading.Thread(target=self.guarded, args=mode) for mode in modes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.wrong

    def guarded(self, mode, *arguments):
        try:
            mode(*arguments)
        except (OSError, subprocess.TimeoutExpired) as e:
            self.wrong.append("%s: %s: %s" % (mode.__name__, arguments[:1], e))


def logged(since):
    with open(LOG, errors="replace") as log:
        log.seek(since)
        return log.read()


def main():
    kept = {}
    for name in {name for _, _, files in CASES for name in files} - {"NAMES"}:
        path = "/etc/" + name
        kept[name] = open(path, encoding="latin-1").read() if os.path.exists(path) else None
    kept.update({"hosts": HOSTS, "resolv.conf": SERVER, "hosts.allow": "ALL: 127.0.0.1 .case.test\n", "hosts.deny": "ALL: ALL\n"})
    failed, only = 0, sys.argv[6:]
    for what, served, files in CASES:
        if only and what not in only:
            continue
        for name, text in {**kept, **files}.items():
            write(name, text)
        start, before = time.monotonic(), os.stat(LOG).st_size
        wrong = Case(served).run() + re.findall(".*not in the filter.*", logged(before))
        print("%5.2f s  %s" % (time.monotonic() - start, what))
        for line in wrong:
            print("wrong: %s: %s" % (what, line))
        failed += bool(wrong)
    print("%d of %d cases failed" % (failed, len(only or CASES)))
    return 1 if failed else 0


sys.exit(main())
