#!/usr/bin/env python3
"""Datagrams with a forged source, and what they cause.

forged.py [-n COUNT] SOURCE PORT DESTINATION PORT LEAST OCTETS...

For each of OCTETS in turn, sends COUNT (default 1) datagrams with so many octets of data, at most 4,000 a second, and
prints "IN OUT": how many datagrams the programs of this network namespace have received and sent since.  It counts when
at least one is received, LEAST are sent, none is unread, and nothing has changed for 60 ms; or after two seconds.  Needs
CAP_NET_RAW.
"""
import socket
import struct
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


def send(s, source, source_port, destination, port, octets):
    # The kernel fills in the length and the checksum of the IP header; UDP's own may be 0: none.
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_UDP, 0, socket.inet_aton(source),
                     socket.inet_aton(destination))
    udp = struct.pack("!HHHH", source_port, port, 8 + octets, 0)
    s.sendto(ip + udp + bytes(octets), (destination, 0))


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


def main(words):
    count = 1
    if words[0] == "-n":
        count, words = int(words[1]), words[2:]
    source, source_port, destination, port, least, *sizes = words
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        for octets in sizes:
            before = counters()
            for _ in range(count):
                send(s, source, int(source_port), destination, int(port), int(octets))
                if count > 1:
                    time.sleep(1 / 4000)
            print(*caused(before, int(least)))


main(sys.argv[1:])
