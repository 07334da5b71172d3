#!/usr/bin/env python3
"""A name server for tests: resolver.py --ready FILE ADDRESS TABLE

It answers on port 53 of ADDRESS by the lines of TABLE, which is read anew for each question:

	ptr ADDRESS NAME	the name of an address
	a NAME ADDRESS		an address of a name, IPv4 or IPv6
	silent			every question is read and not answered
	delay MILLISECONDS	every answer comes so much later

What is not in it does not exist (NXDOMAIN).  Each question is printed, as "ptr 10.37.1.2".
"""
import ipaddress
import socket
import struct
import sys
import time

TYPES = {1: "a", 12: "ptr", 28: "aaaa"}


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question_of(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode().lower())
        at += 1 + packet[at]
    kind, = struct.unpack_from("!H", packet, at + 1)
    return labels, TYPES.get(kind, str(kind)), packet[12:at + 5]


def asked_address(labels):
    if labels[-2:] == ["in-addr", "arpa"]:
        return ipaddress.ip_address(".".join(reversed(labels[:-2])))
    if labels[-2:] == ["ip6", "arpa"]:
        return ipaddress.ip_address(int("".join(reversed(labels[:-2])), 16).to_bytes(16, "big"))
    return None


def answers(lines, labels, kind):
    """The resource data for a question, and whether the name exists."""
    data, exists = [], False
    for line in lines:
        if line[0] == "ptr" and kind == "ptr" and ipaddress.ip_address(line[1]) == asked_address(labels):
            data.append(encode(line[2]))
        elif line[0] == "a" and line[1] == ".".join(labels):
            exists = True
            address = ipaddress.ip_address(line[2])
            if kind == ("a" if address.version == 4 else "aaaa"):
                data.append(address.packed)
    return data, exists or bool(data)


def main():
    _, _, ready, address, table = sys.argv
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, 53))
    open(ready, "w").close()
    while True:
        packet, peer = s.recvfrom(2048)
        labels, kind, echo = question_of(packet)
        print(kind, asked_address(labels) or ".".join(labels), flush=True)
        with open(table) as file:
            lines = [line.split() for line in file if line.strip()]
        if ["silent"] in lines:
            continue
        for line in lines:
            if line[0] == "delay":
                time.sleep(int(line[1]) / 1000)
        data, exists = answers(lines, labels, kind)
        number = {"a": 1, "ptr": 12, "aaaa": 28}.get(kind, 1)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", number, 1, 60, len(part)) + part for part in data)
        head = packet[:2] + struct.pack("!HHHHH", 0x8180 | (0 if exists else 3), 1, len(data), 0, 0)
        s.sendto(head + echo + body, peer)


main()
