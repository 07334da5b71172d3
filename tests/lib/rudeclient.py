#!/usr/bin/env python3
"""Clients that misbehave: rudeclient.py --ready FILE MANNER COUNT SECONDS ADDRESS PORT

MANNER, each for SECONDS at most, with COUNT connections:
	wait	connect, and do nothing, with the smallest possible receive buffer
	send	connect, and send without end, as fast as possible
	reset	connect and reset, again and again
	mixed	connect from another address of 127.0.0.0/8 each (IPv4) and, in turn: reset; do nothing; send 64 KiB of
		anything; send urgent data; end the sending side; close
FILE is made when all have connected (reset: when the first have).  Prints how many connections were made.
"""
import resource
import select
import socket
import struct
import sys
import time


def connect(target, source=None):
    # If the server's queue is full, the kernel would try again only after a second.
    for _ in range(100):
        s = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET)
        s.settimeout(0.2)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        try:
            if source:
                s.bind((source, 0))
            s.connect(target)
            return s
        except OSError:
            s.close()
    sys.exit("cannot connect")


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def mixed(target, count, held):
    for n in range(count):
        # 7919 is a prime: the first connections come from all parts of the network.
        number = n * 7919 * 257 % 0xfffffd + 1
        source = None if ":" in target[0] else "127.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255)
        s = connect(target, source)
        s.setblocking(False)
        try:
            manner = n % 6
            if manner == 0:
                reset(s)
            elif manner == 1:
                held.append(s)
            elif manner == 2:
                s.send(bytes(range(256)) * 256)
                held.append(s)
            elif manner == 3:
                s.send(b"!", socket.MSG_OOB)
                held.append(s)
            elif manner == 4:
                s.shutdown(socket.SHUT_WR)
                held.append(s)
            else:
                s.close()
        except OSError:
            # The server refused and closed the connection before that.
            s.close()


def main():
    _, _, ready, manner, count, seconds, address, port = sys.argv
    count, end, target = int(count), time.monotonic() + float(seconds), (address, int(port))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    made = 0
    if manner == "reset":
        while time.monotonic() < end:
            for _ in range(count):
                reset(connect(target))
                made += 1
            open(ready, "w").close()
        print(made)
        return
    held = []
    if manner == "mixed":
        mixed(target, count, held)
    else:
        held = [connect(target) for _ in range(count)]
    open(ready, "w").close()
    print(len(held), flush=True)
    if manner in ("wait", "mixed"):
        time.sleep(max(0, end - time.monotonic()))
        return
    for s in held:
        s.setblocking(False)
    while time.monotonic() < end:
        # Replace each connection that was reset.
        _, writable, _ = select.select([], held, [], 0.1)
        for s in writable:
            try:
                s.send(b"x" * 65536)
            except BlockingIOError:
                pass
            except OSError:
                held.remove(s)
                s.close()
                s = connect(target)
                s.setblocking(False)
                held.append(s)


main()
