#!/usr/bin/env python3
"""A client that repeats its requests: patient.py [--udp] [--source ADDRESS] COUNT TRIES SECONDS ADDRESS PORT

Sends COUNT requests, one after the other, and repeats each, TRIES times in all, if no answer comes within SECONDS.
Prints "ANSWERED AT-ONCE WORST": how many were answered with the right time, how many at the first try, and the longest
time from first try to answer in milliseconds.
"""
import socket
import struct
import sys
import time


def ask(kind, source, target, seconds):
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.settimeout(seconds)
        if source:
            s.bind((source, 0))
        before = int(time.clock_gettime(time.CLOCK_REALTIME))
        try:
            s.connect(target)
            if kind == socket.SOCK_DGRAM:
                s.send(b"")
            got = s.recv(64)
        except OSError:
            return False
        after = int(time.clock_gettime(time.CLOCK_REALTIME))
        return len(got) == 4 and before <= struct.unpack("!I", got)[0] - 2208988800 <= after


def main(words):
    kind, source = socket.SOCK_STREAM, None
    if words[0] == "--udp":
        kind, words = socket.SOCK_DGRAM, words[1:]
    if words[0] == "--source":
        source, words = words[1], words[2:]
    count, tries, seconds, address, port = words
    # Keep the scope of a link-local address: connect() by itself would drop it.
    target = socket.getaddrinfo(address, int(port), type=kind)[0][4]
    answered = at_once = worst = 0
    for _ in range(int(count)):
        start = time.monotonic()
        for attempt in range(int(tries)):
            if ask(kind, source, target, float(seconds)):
                answered += 1
                at_once += attempt == 0
                worst = max(worst, time.monotonic() - start)
                break
    print(answered, at_once, round(worst * 1000))


main(sys.argv[1:])
