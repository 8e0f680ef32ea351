"""What Python runs before a program: ask libnss-wrapper once, which breaks where two threads ask it first."""

import socket

socket.getaddrinfo("localhost", None)
