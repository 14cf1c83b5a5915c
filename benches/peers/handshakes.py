"""New connections with a full handshake of TLS 1.3 each, from eight threads: wrk resumes the session of the
connection before. What is measured is the gateway's CPU time, so that this client's does not count.

handshakes.py PORT SECONDS PATH: prints `BENCH requests microseconds p50 p99 p99.9 failed`, as wrk's script
does.
"""

import concurrent.futures
import socket
import ssl
import sys
import time

THREADS = 8
port, seconds, path = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.minimum_version = ssl.TLSVersion.TLSv1_3
request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


def ask():
    """One connection with one answer; whether that was right, after a full handshake."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(plain) as tls:
            tls.sendall(request)
            answer = b""
            while piece := tls.recv(65536):
                answer += piece
            good = answer.startswith(b"HTTP/1.1 200") and b'"ok":1}' in answer
            return good and not tls.session_reused


def client(_):
    times, failed = [], 0
    while time.monotonic() - start < seconds:
        before = time.monotonic()
        failed += not ask()
        times.append(time.monotonic() - before)
    return times, failed


start = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
    clients = list(pool.map(client, range(THREADS)))
took = time.monotonic() - start
times = sorted(one for times, _ in clients for one in times)
failed = sum(failed for _, failed in clients)
at = lambda share: int(times[int(len(times) * share)] * 1e6)
print("BENCH", len(times), int(took * 1e6), at(0.5), at(0.99), at(0.999), failed)
