"""New connections that resume their TLS session, one after the other: no tool of Debian's does that over
TLS 1.3 and keeps going. What is measured is the gateway's CPU time, so that this client's does not count.

resume.py PORT SECONDS PATH: prints `BENCH requests microseconds p50 p99 p99.9 failed`, as wrk's script does.
"""

import socket
import ssl
import sys
import time

port, seconds, path = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = ssl.TLSVersion.TLSv1_3
request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def ask(session):
    """One connection with one answer; gives whether it resumed, and the session that it was given."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(plain, session=session) as tls:
            tls.sendall(request)
            answer = b""
            while piece := tls.recv(65536):
                answer += piece
            good = answer.startswith(b"HTTP/1.1 200") and b'"ok":1}' in answer
            return good, tls.session_reused, tls.session


good, _, session = ask(None)
start, times, failed = time.monotonic(), [], 0
while time.monotonic() - start < seconds:
    before = time.monotonic()
    good, resumed, session = ask(session)
    times.append(time.monotonic() - before)
    failed += not (good and resumed)
took = time.monotonic() - start
times.sort()
at = lambda share: int(times[int(len(times) * share)] * 1e6)
print("BENCH", len(times), int(took * 1e6), at(0.5), at(0.99), at(0.999), failed)
