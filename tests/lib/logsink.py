#!/usr/bin/env python3
"""A /dev/log for tests: logsink.py SOCKET FILE ACK

Appends each message, as it came, to FILE, one a line.  A message that says "mark" is not written; instead a line
goes to the named pipe ACK: datagrams keep their order, so all that was sent before is in FILE by then.
"""
import os
import socket
import sys

path, out, ack_path = sys.argv[1:]
file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
ack = os.open(ack_path, os.O_RDWR)
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(path)
os.chmod(path, 0o666)
while True:
    message = listener.recv(65536).rstrip(b"\0\n")
    if message.endswith(b" mark: mark"):
        os.write(ack, b"mark\n")
    else:
        os.write(file, message + b"\n")
