"""connect.py HOST PORT: connects standard input and output to a TCP connection; a ProxyCommand for tests."""
import os
import selectors
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as peer:
    peer.settimeout(None)
    ways = {0: peer.sendall, peer.fileno(): lambda data: os.write(1, data)}
    with selectors.DefaultSelector() as selector:
        for fd in ways:
            selector.register(fd, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select(60):
                data = os.read(key.fd, 65536)
                if not data:
                    sys.exit()
                ways[key.fd](data)
