#!/usr/bin/env python3
"""A /dev/log for tests: logsink.py SOCKET FILE ACK

Appends each message, as received, to FILE, one a line.  For the message "mark" with the tag "mark" it writes a line to
the named pipe ACK instead.  Datagrams keep their order, so by then FILE has all messages that were sent before.
"""
import os
import _socket as socket  # without the classes that the full module takes long to load
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
