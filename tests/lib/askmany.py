#!/usr/bin/env python3
"""Asks many RFC 868 services at once, from every address of this host, and checks who is answered.

askmany.py [--link] --services NAME:tcp|udp:PORT,... [ADDRESS...]

--link: from every link-local address, instead of the global ones.

Of this host's addresses the ADDRESSes, and no others, must be answered with the right time.  The services are at this
host's neighbour, whose address ends in 1 (the last octet or word).  The addresses that must not be answered ask first:
a service that answers in the order of the requests has refused them by the time that it answers the last request.
Prints what is wrong; exit status 1 if anything is.
"""
import ipaddress
import select
import socket
import struct
import subprocess
import sys
import time

PATIENCE = 6		# seconds to wait for answers that must come
GRACE = 0.25		# seconds to wait for answers that must not come


def own_addresses(scope):
    """Each address with its network, and the interface that has it."""
    out = subprocess.run(["ip", "-o", "address", "show", "scope", scope], capture_output=True, text=True, check=True)
    return [(ipaddress.ip_interface(line.split()[3]), line.split()[1]) for line in out.stdout.splitlines()]


class Question:
    def __init__(self, name, protocol, port, interface, device, wanted):
        scope = socket.if_nametoindex(device) if interface.ip.is_link_local else 0
        more = (0, scope) if interface.version == 6 else ()
        self.name, self.protocol, self.wanted = name, protocol, wanted
        self.source = (str(interface.ip), 0, *more)
        self.target = (str(interface.network.network_address + 1), port, *more)
        self.family = socket.AF_INET if interface.version == 4 else socket.AF_INET6
        self.got = b""
        self.done = False
        self.socket = None

    def ask(self):
        self.socket = socket.socket(self.family, socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(self.source)
        self.before = int(time.clock_gettime(time.CLOCK_REALTIME))
        error = self.socket.connect_ex(self.target)
        if self.protocol == "udp":
            self.socket.send(b"")
        elif error not in (0, 115):
            self.end()

    def end(self):
        self.done = True
        self.socket.close()

    def hear(self):
        try:
            part = self.socket.recv(64)
        except OSError as e:
            self.got += b"" if isinstance(e, ConnectionResetError) else ("<%s>" % e.strerror).encode()
            part = b""
        self.got += part
        if self.protocol == "udp" or not part:
            self.after = int(time.clock_gettime(time.CLOCK_REALTIME))
            self.end()

    def wrong(self):
        if not self.got:
            return "no answer" if self.wanted else None
        if len(self.got) != 4:
            return "answered %r" % self.got
        told = struct.unpack("!I", self.got)[0] - 2208988800
        if not self.wanted:
            return "answered"
        return None if self.before <= told <= self.after else "told %d" % told


def main():
    arguments = sys.argv[1:]
    scope = "link" if arguments[0] == "--link" else "global"
    _, services, *allowed = arguments[scope == "link":]
    allowed = {ipaddress.ip_address(text) for text in allowed}
    questions = [Question(name, protocol, int(port), interface, device, interface.ip in allowed)
                 for interface, device in own_addresses(scope)
                 for name, protocol, port in (service.split(":") for service in services.split(","))]
    questions.sort(key=lambda question: question.wanted)
    poll = select.poll()
    by_fd = {}
    for question in questions:
        question.ask()
        if not question.done:
            by_fd[question.socket.fileno()] = question
            poll.register(question.socket.fileno(), select.POLLIN)
    start = time.monotonic()
    while by_fd:
        # A denied connection is closed; a denied datagram gets no answer.
        if all(not q.wanted and q.protocol == "udp" for q in by_fd.values()):
            left = start + GRACE - time.monotonic()
        else:
            left = start + PATIENCE - time.monotonic()
        if left <= 0:
            break
        for fd, _ in poll.poll(max(1, min(50, int(left * 1000)))):
            question = by_fd[fd]
            question.hear()
            if question.done:
                del by_fd[fd]
                poll.unregister(fd)
    wrong = [(q, q.wrong() or ("not closed" if not q.done and q.protocol == "tcp" else None)) for q in questions]
    wrong = [(q, what) for q, what in wrong if what]
    for q, what in wrong:
        print("%s from %s: %s, expected %s" % (q.name, q.source[0], what, "the time" if q.wanted else "nothing"))
    return 1 if wrong else 0


sys.exit(main())
