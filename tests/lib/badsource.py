#!/usr/bin/env python3
"""Time sources that misbehave, for tests: badsource.py [--ready FILE] SPEC...

SPEC is KIND:PORT:MODE[=ARGUMENT], on all addresses of this host, IPv4 and IPv6.  Each source runs until it is killed,
for five minutes at most.  "Now" is this machine's time; WIRE is the number in the packet, decimal or 0x….

tcp, udp (RFC 868):
    good[=SECONDS]      now plus SECONDS
    fixed=WIRE          always this number
    silent              reads the request and never answers
    octets=N            N octets; TCP then closes (0: closes at once)
    delay=SECONDS       waits, then as good
    exec=PROGRAM,ARG,…  starts PROGRAM with the socket as descriptors 0, 1 and 2 (wait mode)
tcp alone:
    reset[=N]           N octets, then a reset
    dribble[=SECONDS]   one octet every SECONDS (1)
    open                four octets, and does not close
udp alone:
    lost=N              ignores N requests, then as good
    queued=SECONDS[,N]  ignores the first request, sends the time plus SECONDS, N times (1), to every other socket that is
                        connected to this port; then as good

sntp (RFC 4330; times are "now" unless stated otherwise):
    good[=SECONDS]      fixed=WIRE          silent              lost=N              delay=SECONDS
    origin              an originate time that differs from the request's transmit time
    kiss=CODE           kiss-o'-death       stratum0            stratum 0 and no code
    stratum=N           unsync              leap indicator 3
    zero                transmit time zero  zero-receive        receive time zero
    short=N             N octets            backwards           transmit a second before receive
    mode=N              another mode        version=N           another version
    dispersion=SECONDS  root dispersion     held=SECONDS        as if it had held the request for SECONDS
    forged              first an answer with a wrong originate time, then at once a good one
    early=SECONDS       received SECONDS before it was sent: contradicts the client's own clock
"""
import os
import socket
import struct
import sys
import threading
import time

SINCE_1900 = 2208988800


def now(offset=0.0):
    return time.clock_gettime(time.CLOCK_REALTIME) + offset


def four(seconds):
    return struct.pack("!I", (int(seconds) + SINCE_1900) % 2**32)


def stamp(seconds):
    """NTP's 64 bits"""
    whole = int(seconds // 1)
    return struct.pack("!II", (whole + SINCE_1900) % 2**32, int((seconds - whole) * 2**32))


def rfc868(mode, argument):
    if mode == "fixed":
        return struct.pack("!I", int(argument, 0))
    return four(now(float(argument or 0) if mode == "good" else 0))


def some(count):
    return (four(now()) * 8)[:count]


# ---- TCP

def serve_tcp(connection, mode, argument):
    if mode == "silent":
        time.sleep(300)
    elif mode == "octets":
        connection.sendall(some(int(argument)))
    elif mode == "reset":
        connection.sendall(some(int(argument or 0)))
        time.sleep(0.05 if argument else 0)     # so that the reset does not discard the octets
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif mode == "dribble":
        for octet in some(4):
            time.sleep(float(argument or 1))
            connection.sendall(bytes([octet]))
    elif mode == "open":
        connection.sendall(some(4))
        time.sleep(300)
    elif mode == "delay":
        time.sleep(float(argument))
        connection.sendall(four(now()))
    else:
        connection.sendall(rfc868(mode, argument))
    if mode != "reset":
        # Read all input first: closing with unread input would send a reset.
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1)
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass


def one_connection(connection, mode, argument):
    with connection:
        try:
            serve_tcp(connection, mode, argument)
        except OSError:
            pass        # the client has gone


def tcp(listener, mode, argument):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=one_connection, args=(connection, mode, argument), daemon=True).start()


# ---- UDP

def connected(port):
    """The ports of this host's sockets that are connected to PORT."""
    for table in "/proc/net/udp", "/proc/net/udp6":
        with open(table, encoding="ascii") as lines:
            for line in list(lines)[1:]:
                words = line.split()
                if int(words[2].split(":")[1], 16) == port:
                    yield int(words[1].split(":")[1], 16)


def udp(s, mode, argument):
    asked = 0
    while True:
        _, client = s.recvfrom(2048)
        asked += 1
        if mode == "queued" and asked == 1:
            seconds, _, count = argument.partition(",")
            for port in set(connected(s.getsockname()[1])) - {client[1]}:
                for _ in range(int(count or 1)):
                    s.sendto(four(now(float(seconds))), (client[0], port, 0, 0))
        if mode == "silent" or mode == "lost" and asked <= int(argument) or mode == "queued" and asked == 1:
            continue
        if mode == "delay":
            time.sleep(float(argument))
        s.sendto(some(int(argument)) if mode == "octets" else rfc868(mode, argument), client)


# ---- SNTP

def sntp_answer(question, mode, argument):
    leap, version, answer_mode, stratum, reference = 0, 4, 4, 2, b"TEST"
    delay, dispersion = 0.0, 0.001
    origin = question[40:48]
    received = sent = now(float(argument or 0) if mode == "good" else 0)
    if mode == "origin":
        origin = bytes(b ^ 1 for b in origin)
    elif mode == "kiss":
        stratum, reference = 0, argument.encode()
    elif mode == "stratum0":
        stratum, reference = 0, bytes(4)
    elif mode == "stratum":
        stratum = int(argument)
    elif mode == "unsync":
        leap = 3
    elif mode == "backwards":
        sent = received - 1
    elif mode == "mode":
        answer_mode = int(argument)
    elif mode == "version":
        version = int(argument)
    elif mode == "dispersion":
        dispersion = float(argument)
    elif mode == "early":
        received -= float(argument)
    elif mode == "held":
        time.sleep(float(argument))
        sent = now()
    receive, transmit = stamp(received), stamp(sent)
    if mode == "fixed":
        receive = transmit = struct.pack("!II", int(argument, 0), 0x40000000)
    elif mode == "zero":
        transmit = bytes(8)
    elif mode == "zero-receive":
        receive = bytes(8)
    packet = struct.pack("!BBbbII4s", leap << 6 | version << 3 | answer_mode, stratum, 6, -20, int(delay * 65536),
                         int(dispersion * 65536), reference)
    packet += stamp(received) + origin + receive + transmit
    return packet[:int(argument)] if mode == "short" else packet


def sntp(s, mode, argument):
    asked = 0
    while True:
        question, client = s.recvfrom(2048)
        asked += 1
        if mode == "silent" or mode == "lost" and asked <= int(argument):
            continue
        if mode == "delay":
            # Take both timestamps before the wait, so that it looks like the delay of the way back.
            answer = sntp_answer(question, "good", None)
            time.sleep(float(argument))
        else:
            if mode == "forged":
                s.sendto(sntp_answer(question, "origin", None), client)
            answer = sntp_answer(question, mode, argument)
        s.sendto(answer, client)


# ---- start

SERVERS = {"tcp": tcp, "udp": udp, "sntp": sntp}
MODES = {
    "tcp": "good fixed silent octets delay exec reset dribble open",
    "udp": "good fixed silent octets delay exec lost queued",
    "sntp": "good fixed silent lost delay origin kiss stratum0 stratum unsync zero zero-receive short backwards mode "
            "version dispersion held early forged",
}


def start(spec):
    kind, port, what = spec.split(":", 2)
    mode, _, argument = what.partition("=")
    if mode not in MODES[kind].split():
        sys.exit(f"badsource.py: no mode {mode} for {kind}")
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", int(port)))
    if kind == "tcp":
        s.listen(64)
    if mode == "exec":
        words = argument.split(",")
        if os.fork() == 0:
            for fd in range(3):
                os.dup2(s.fileno(), fd)
            os.execv(words[0], words)
        s.close()
    else:
        threading.Thread(target=SERVERS[kind], args=(s, mode, argument), daemon=True).start()


def main(words):
    ready = None
    if words[0] == "--ready":
        ready, words = words[1], words[2:]
    for spec in words:
        start(spec)
    if ready:
        open(ready, "w").close()
    time.sleep(300)


main(sys.argv[1:])
