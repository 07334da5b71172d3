#!/usr/bin/env python3
"""Datagrams with a forged source, and what they cause.

forged.py FLOOD [-n COUNT] SOURCE PORT DESTINATION PORT LEAST OCTETS...

For each of OCTETS in turn, sends COUNT (default 1) datagrams with so many octets of data, at most 4,000 a second, by the
program FLOOD (tests/helpers/flood.c), and prints "IN OUT": how many datagrams the programs of this network namespace
have received and sent since.  It counts when at least one is received, LEAST are sent, none is unread, and nothing has
changed for 60 ms; or after two seconds.  Needs CAP_NET_RAW.
"""
import subprocess
import sys
import time


def counters():
    with open("/proc/net/snmp") as f:
        names, values = [line.split() for line in f if line.startswith("Udp:")]
    at = dict(zip(names, values))
    return int(at["InDatagrams"]), int(at["OutDatagrams"])


def unread():
    with open("/proc/net/udp") as f:
        return any(line.split()[4].split(":")[1] != "00000000" for line in list(f)[1:])


def caused(before, least):
    """Datagrams received and sent since BEFORE"""
    end = time.monotonic() + 2
    last, since = None, 0
    while time.monotonic() < end:
        now = counters()
        if now != last or unread():
            last, since = now, time.monotonic()
        elif now[0] > before[0] and now[1] >= before[1] + least and time.monotonic() > since + 0.06:
            break
        time.sleep(0.01)
    return last[0] - before[0], last[1] - before[1]


def main(flood, *words):
    count = "1"
    if words[0] == "-n":
        count, words = words[1], words[2:]
    *path, least = words[:5]
    for octets in words[5:]:
        before = counters()
        subprocess.run([flood, "-l", octets, "-n", count, "-r", "4000", "-s", "5", *path], stdout=subprocess.DEVNULL, check=True)
        print(*caused(before, int(least)))


main(*sys.argv[1:])
