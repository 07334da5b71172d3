#!/usr/bin/env python3
"""Raw RFC 868 client for tests: it shows what is on the wire, including what ordinary clients hide.

It prints "DELTA OCTETS": the received second minus the expected one (0 if it is any second in which the request was
under way), and the number of octets; with --burst, "DELTA ANSWERED" with the largest delta; with --times, the last of these
lines.  Exit status: 0 as expected, 1 not as expected (the reason on standard error), 2 usage.
"""
import argparse
import errno
import os
import select
import _socket as socket  # without the classes that the full module takes long to load
import struct
import sys
import time

SINCE_1900 = 2208988800


class Unexpected(Exception):
    pass


offset = 0


def second():
    """The current second of the clock that is asked.  This reads the precise clock; time(2) can be a tick late."""
    return int(time.clock_gettime(time.CLOCK_REALTIME)) + offset


def decode(octets, near):
    """The second since 1970 that is nearest to NEAR: the 32-bit count wraps every 136 years."""
    value = struct.unpack("!I", octets)[0] - SINCE_1900
    return value + round((near - value) / 2**32) * 2**32


def delta(octets, before, after):
    value = decode(octets, before)
    return 0 if before <= value <= after else value - before if value < before else value - after


def address_port(text):
    """ADDRESS, ADDRESS:PORT, [V6]:PORT"""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.lstrip(":")
    elif text.count(":") == 1:
        address, port = text.split(":")
    else:
        address, port = text, ""
    return address, int(port or 0)


def open_socket(o, kind):
    s = socket.socket(o.family, kind)
    if o.source:
        if kind == socket.SOCK_STREAM:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(o.source)
    return s


def same_address(o, peer):
    """Whether PEER is exactly the address and port that were asked."""
    return socket.inet_pton(o.family, peer[0].split("%")[0]) == socket.inet_pton(o.family, o.address) and \
        peer[1] == o.port


# ---- TCP

def tcp(o):
    s = open_socket(o, socket.SOCK_STREAM)
    s.settimeout(o.timeout)
    before = second()
    try:
        s.connect((o.address, o.port))
        if o.send_first:
            s.sendall(o.send_first)
        if o.hold_before:
            time.sleep(o.hold_before)
        got = read_to_end(s)
    except socket.timeout:
        raise Unexpected("no end of the stream within %g s" % o.timeout)
    after = second()
    if o.hold:
        # The server has closed its side.  A client that keeps its side open must not get a reset.
        time.sleep(o.hold)
        error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise Unexpected("after %g s: %s" % (o.hold, os.strerror(error)))
    s.close()
    if len(got) != o.expect:
        raise Unexpected("%d octets, expected %d: %s" % (len(got), o.expect, got.hex()))
    return (delta(got, before, after) if len(got) == 4 else 0), len(got)


def read_to_end(s):
    got = b""
    while len(got) < 65536:
        try:
            part = s.recv(4096)
        except ConnectionResetError:
            raise Unexpected("reset after %d octets" % len(got))
        if not part:
            break
        got += part
    return got


def tcp_burst(o):
    """Opens all connections at once, then reads them all."""
    poll = select.poll()
    sockets = {}
    got = {}
    before = second()
    for _ in range(o.burst):
        s = open_socket(o, socket.SOCK_STREAM)
        s.setblocking(False)
        error = s.connect_ex((o.address, o.port))
        if error not in (0, errno.EINPROGRESS):
            raise Unexpected("connect: " + os.strerror(error))
        sockets[s.fileno()] = s
        got[s.fileno()] = b""
        poll.register(s, select.POLLIN)
    end = time.monotonic() + o.timeout
    deltas = []
    failed = []
    while sockets and time.monotonic() < end:
        for fd, _ in poll.poll(max(1, int((end - time.monotonic()) * 1000))):
            try:
                part = sockets[fd].recv(4096)
            except OSError as e:
                failed.append(e.strerror)
                part = b""
            got[fd] += part
            if part:
                continue
            poll.unregister(fd)
            sockets.pop(fd).close()
            if len(got[fd]) == 4:
                deltas.append(delta(got[fd], before, second()))
    return finish_burst(o, deltas, failed)


# ---- UDP

def udp(o):
    s = open_socket(o, socket.SOCK_DGRAM)
    if o.connect:
        s.connect((o.address, o.port))
    before = second()
    if o.connect:
        s.send(o.send_first or b"")
    else:
        s.sendto(o.send_first or b"", (o.address, o.port))
    s.settimeout(o.timeout)
    try:
        got, peer = s.recvfrom(2048)
    except socket.timeout:
        if o.expect == 0:
            return 0, 0
        raise Unexpected("no answer within %g s" % o.timeout)
    except ConnectionRefusedError:
        raise Unexpected("connection refused")
    after = second()
    if not same_address(o, peer):
        raise Unexpected("asked %s, answered from %s port %d" % (o.address, peer[0], peer[1]))
    if len(got) != o.expect:
        raise Unexpected("%d octets, expected %d" % (len(got), o.expect))
    # A second answer would make an amplifier; it would have arrived by now.
    s.setblocking(False)
    try:
        s.recvfrom(2048)
    except BlockingIOError:
        pass
    else:
        raise Unexpected("a second answer")
    return (delta(got, before, after) if len(got) == 4 else 0), len(got)


def udp_burst(o):
    """Sends all datagrams at once, each from its own socket, so that each answer can be matched to a request."""
    poll = select.poll()
    sockets = {}
    before = second()
    for _ in range(o.burst):
        s = open_socket(o, socket.SOCK_DGRAM)
        sockets[s.fileno()] = s
        poll.register(s, select.POLLIN)
    for s in sockets.values():
        s.sendto(b"", (o.address, o.port))
    end = time.monotonic() + o.timeout
    deltas = []
    failed = []
    while sockets and time.monotonic() < end:
        for fd, _ in poll.poll(max(1, int((end - time.monotonic()) * 1000))):
            poll.unregister(fd)
            s = sockets.pop(fd)
            try:
                got, peer = s.recvfrom(2048)
            except OSError as e:
                failed.append(e.strerror)
                continue
            if len(got) == 4 and same_address(o, peer):
                deltas.append(delta(got, before, second()))
            else:
                failed.append("%d octets from %s" % (len(got), peer[0]))
    return finish_burst(o, deltas, failed)


def finish_burst(o, deltas, failed):
    want = o.burst if o.expect else 0
    if len(deltas) != want:
        raise Unexpected("%d of %d answered, expected %d; %s" % (len(deltas), o.burst, want, sorted(set(failed))))
    return max(deltas, key=abs, default=0), len(deltas)


# ---- a datagram with a source that is not ours (raw socket: root of the network namespace)

def forge(o):
    """Sends from any address and port, as an attacker does to make two services answer each other."""
    source, port = o.source
    payload = o.send_first or b""
    length = 8 + len(payload)
    # A UDP checksum of zero means "none" in IPv4; the kernel fills in the header's own checksum and length.
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0,
                         socket.inet_aton(source), socket.inet_aton(o.address))
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for _ in range(o.burst or 1):
        s.sendto(header + struct.pack("!HHHH", port, o.port, length, 0) + payload, (o.address, 0))
    return 0, 0


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--udp", action="store_true", help="UDP instead of TCP")
    p.add_argument("--source", type=address_port, metavar="ADDR[:PORT]", help="ask from there")
    p.add_argument("--connect", action="store_true", help="UDP: connected, so the kernel drops other addresses' answers")
    p.add_argument("--expect", type=int, default=4, metavar="N", help="octets to receive; 0: none, and a clean end")
    p.add_argument("--burst", type=int, default=0, metavar="N", help="N questions at once; all must be answered")
    p.add_argument("--send-first", type=lambda t: t.encode().decode("unicode_escape").encode("latin-1"),
                   metavar="BYTES", help="TCP: sent before anything is read; UDP: the datagram's text")
    p.add_argument("--hold", type=float, default=0, metavar="SECONDS", help="TCP: keep our side open after the answer")
    p.add_argument("--hold-before", type=float, default=0, metavar="SECONDS", help="TCP: wait before reading")
    p.add_argument("--timeout", type=float, default=5, metavar="SECONDS")
    p.add_argument("--for", type=float, default=0, metavar="SECONDS", dest="repeat",
                   help="one question after the other for so long; prints how many were answered and how many not")
    p.add_argument("--times", type=int, default=1, metavar="N", help="N questions, one after the other")
    p.add_argument("--forge", action="store_true", help="UDP: send only, from --source, be it ours or not")
    p.add_argument("--offset", type=int, default=0, metavar="SECONDS", help="the clock that is asked, minus this one")
    p.add_argument("address")
    p.add_argument("port", type=int)
    o = p.parse_args()
    global offset
    offset = o.offset
    o.family = socket.AF_INET6 if ":" in o.address else socket.AF_INET
    ask = forge if o.forge else {(False, False): tcp, (False, True): tcp_burst,
                                 (True, False): udp, (True, True): udp_burst}[o.udp, o.burst > 0]
    if o.repeat:
        good, bad, end = 0, 0, time.monotonic() + o.repeat
        while time.monotonic() < end:
            try:
                ask(o)
                good += 1
            except (Unexpected, OSError):
                bad += 1
            # Make a load, not a flood: the machine has other work, and loses ports to TIME_WAIT.
            time.sleep(0.002)
        print(good, bad)
        return 0
    try:
        for _ in range(o.times):
            result = ask(o)
        print(*result)
    except (Unexpected, OSError) as e:
        print("timeclient: %s port %d: %s" % (o.address, o.port, e), file=sys.stderr)
        return 1
    return 0


sys.exit(main())
