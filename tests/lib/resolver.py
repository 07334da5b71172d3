#!/usr/bin/env python3
"""A name server for tests: resolver.py --ready FILE ADDRESS[,ADDRESS...] TABLE

It answers on port 53 of each ADDRESS, over UDP and TCP, from the lines of TABLE, which it reads again for each request:

	ptr ADDRESS NAME	the name of an address
	a NAME ADDRESS		an address of a name, IPv4 or IPv6
	many NAME COUNT		COUNT more addresses of both kinds (or as many as fit in a message): 10.x.y.z, fd99::n
	cname NAME NAME		the first is an alias of the second

and, for all requests:

	silent			reads them and does not answer
	delay MILLISECONDS	delays every answer
	rcode NUMBER		answers with this code (RFC 1035: 1 FORMERR, 2 SERVFAIL, 5 REFUSED)
	no-udp, no-tcp		does not answer over UDP; over TCP, closes the connection
	stuck-tcp		over TCP, does not answer, and does not close the connection
	truncated		over UDP, answers only that the answer was truncated
	formerr-edns		answers a request with EDNS with FORMERR
	edns			adds an OPT record to answers
	broken HOW		garbage, short, wrong-id, wrong-question, counts, loop, length: answers wrongly

A name or address that is not in TABLE does not exist (NXDOMAIN).  Each request is printed, as "ptr 10.37.1.2".
"""
import ipaddress
import os
import socket
import struct
import sys
import threading
import time

TYPES = {1: "a", 12: "ptr", 28: "aaaa"}
NUMBERS = {"a": 1, "cname": 5, "ptr": 12, "aaaa": 28}
EDNS = b"\0" + struct.pack("!HHIH", 41, 4096, 0, 0)
LINKS = 20		# maximum length of a chain of aliases


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


def record(owner, kind, data):
    return owner + struct.pack("!HHIH", NUMBERS[kind], 1, 60, len(data)) + data


def answers(lines, labels, kind):
    """The records for a question, and whether the name exists."""
    name, owner, records, exists = ".".join(labels), b"\xc0\x0c", [], False
    aliases = {line[1]: line[2] for line in lines if line[0] == "cname"}
    for _ in range(LINKS):
        if name not in aliases:
            break
        name, exists = aliases[name], True
        records.append(record(owner, "cname", encode(name)))
        owner = encode(name)
    for line in lines:
        if line[0] == "ptr" and kind == "ptr" and ipaddress.ip_address(line[1]) == asked_address(labels):
            records.append(record(owner, kind, encode(line[2])))
        elif line[0] == "a" and line[1] == name:
            exists = True
            address = ipaddress.ip_address(line[2])
            if kind == ("a" if address.version == 4 else "aaaa"):
                records.append(record(owner, kind, address.packed))
        elif line[0] == "many" and line[1] == name:
            exists = True
            for at in range(1, int(line[2]) + 1):
                if kind == "a":
                    records.append(record(owner, kind, struct.pack("!I", 0x0a090000 + at)))
                elif kind == "aaaa":
                    records.append(record(owner, kind, struct.pack("!HHIQ", 0xfd99, 0, 0, at)))
    return records, exists or bool(records)


def broken(how, packet, message, echo):
    body = message[12 + len(echo):]
    return {
        "garbage": os.urandom(300),
        "short": message[:11],
        "wrong-id": bytes([packet[0] ^ 1]) + message[1:],
        "wrong-question": message[:12] + encode("other.test") + echo[-4:] + body,
        # the largest counts, and no records
        "counts": message[:6] + b"\xff\xff\xff\xff\xff\xff" + echo,
        # a name that points to itself
        "loop": message[:6] + b"\0\1\0\0\0\0" + echo + struct.pack("!H", 0xc000 + 12 + len(echo)) + b"\0\1\0\1\0\0\0\0\0\4aaaa",
        # a record that is longer than the message
        "length": message[:6] + b"\0\1\0\0\0\0" + echo + b"\xc0\x0c" + echo[-4:] + b"\0\0\0\0\xff\xff" + b"aaaa",
    }[how]


def answer(packet, table, tcp):
    """The message to send; empty for no answer, None for no answer and an open connection."""
    labels, kind, echo = question_of(packet)
    print(kind, asked_address(labels) or ".".join(labels), flush=True)
    with open(table) as file:
        lines = [line.split() for line in file if line.strip()]
    said = {line[0]: line[-1] for line in lines}
    if "silent" in said or (tcp and "no-tcp" in said) or (not tcp and "no-udp" in said):
        return b""
    if tcp and "stuck-tcp" in said:
        return None
    if "delay" in said:
        time.sleep(int(said["delay"]) / 1000)
    records, exists = answers(lines, labels, kind)
    code = int(said["rcode"]) if "rcode" in said else 0 if exists else 3
    if "formerr-edns" in said and packet[10:12] != b"\0\0":
        code, records = 1, []
    more = EDNS if "edns" in said else b""
    most = 65535 if tcp else 4096 if packet[10:12] != b"\0\0" else 512
    size, fit = 12 + len(echo) + len(more), 0
    while fit < len(records) and size + len(records[fit]) <= most:
        size += len(records[fit])
        fit += 1
    cut = not tcp and (fit < len(records) or "truncated" in said)
    records = [] if cut else records[:fit]
    message = packet[:2] + struct.pack("!HHHHH", 0x8180 | cut << 9 | code, 1, len(records), 0, bool(more)) + echo + \
        b"".join(records) + more
    return broken(said["broken"], packet, message, echo) if "broken" in said else message


def serve_udp(s, table):
    while True:
        packet, peer = s.recvfrom(4096)
        message = answer(packet, table, False)
        if message:
            s.sendto(message, peer)


def serve_connection(connection, table):
    with connection, connection.makefile("rb") as asked:
        while True:
            length = asked.read(2)
            if len(length) < 2:
                return
            message = answer(asked.read(struct.unpack("!H", length)[0]), table, True)
            if message is None:
                continue
            if not message:
                return
            connection.sendall(struct.pack("!H", len(message)) + message)


def serve_tcp(s, table):
    while True:
        threading.Thread(target=serve_connection, args=(s.accept()[0], table), daemon=True).start()


def main():
    _, _, ready, addresses, table = sys.argv
    for address in addresses.split(","):
        family, _, _, _, place = socket.getaddrinfo(address, 53, type=socket.SOCK_DGRAM)[0]
        for kind, serve in (socket.SOCK_DGRAM, serve_udp), (socket.SOCK_STREAM, serve_tcp):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(place)
            if kind == socket.SOCK_STREAM:
                s.listen(64)
            threading.Thread(target=serve, args=(s, table), daemon=True).start()
    open(ready, "w").close()
    # A time limit, in case nobody stops it.
    time.sleep(600)


main()
