#!/usr/bin/env python3
"""Runs a program with a socket on file descriptor 0, as a superserver does.

socket.py tcp|udp COMMAND...       a listening stream or a datagram socket on 127.0.0.1 port 37
socket.py connected COMMAND...     one end of a connection, whose other end reads to the end of the stream
"""
import os
import socket
import sys

kind, *command = sys.argv[1:]
if kind == "connected":
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    child = os.fork()
    if child == 0:
        listener.close()
        client.close()
        os.dup2(server.fileno(), 0)
        os.execvp(command[0], command)
    server.close()
    client.settimeout(30)
    while client.recv(64):
        pass
    client.close()
    os.waitpid(child, 0)
else:
    own = socket.socket(type=socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    own.bind(("127.0.0.1", 37))
    if kind == "tcp":
        own.listen(1024)
    os.dup2(own.fileno(), 0)
    os.execvp(command[0], command)
