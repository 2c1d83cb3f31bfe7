"""Serve the champion in a process of its own, and send it real HTTP requests."""

import http.client
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from jobs.demo.mailbox import free_port
from jobs.demo.traffic import Traffic
from monitor.window import start_of

START_SECONDS = 40.0


class Api:
    """Hold the running service and its port."""

    def __init__(self, folder: Path, seed: int, slowness: float) -> None:
        """Start the service; `ready` waits for it."""
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobs.demo.api", str(folder), str(self.port), str(seed), str(slowness)]
        )

    def ready(self) -> None:
        """Wait until it answers; raises RuntimeError when it does not within 40 seconds."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the demonstration's API did not start")

    def stop(self) -> None:
        """End the service and wait for its last lines."""
        self.process.terminate()
        self.process.wait(10)


def send(port: int, body: dict[str, object]) -> int:
    """Send one request and return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/predict", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def catch_up(traffic: Traffic, hour: int, now_second: float, port: int) -> int:
    """Send the requests this hour has brought so far, one after the other; returns how many."""
    due = [one for one in traffic.hour(hour) if one.second <= now_second]
    for number, one in enumerate(due):
        identity = f"live-{hour}-{number:05d}"
        send(port, {"text": one.text, "fields": one.fields, "caller": one.caller, "request_id": identity})
    return len(due)


class Client(threading.Thread):
    """Go on sending requests at the traffic's own rate until told to stop."""

    def __init__(self, traffic: Traffic, port: int) -> None:
        """Keep what is needed; `start` begins."""
        super().__init__(name="client", daemon=True)
        self.traffic, self.port, self.over = traffic, port, threading.Event()

    def run(self) -> None:
        """Walk through the coming hours."""
        hour = int(time.time() // 3600)
        while not self.over.is_set():
            for number, one in enumerate(self.traffic.hour(hour)):
                wait = start_of(hour).timestamp() + one.second - time.time()
                if wait < -1:
                    continue
                if self.over.wait(max(wait, 0)):
                    return
                send(
                    self.port,
                    {
                        "text": one.text,
                        "fields": one.fields,
                        "caller": one.caller,
                        "request_id": f"live-{hour}-{number:05d}",
                    },
                )
            hour += 1
            if self.over.wait(max(start_of(hour).timestamp() - time.time(), 0)):
                return
