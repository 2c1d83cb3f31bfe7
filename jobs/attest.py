"""The service will tell systemd, where that started it, that it is ready, works, and ends."""

import logging
import socket

log = logging.getLogger("vigie")
SEND_SECONDS = 1.0


class Manager:
    """
    Tell the service manager over the datagram socket it named (`NOTIFY_SOCKET`; one that begins with @ is abstract).

    Without an address nothing is told. See sd_notify(3).
    """

    def __init__(self, address: str) -> None:
        """Remember where to send; nothing is sent yet."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._is_ready = False
        self._is_deaf = False

    def ticked(self) -> None:
        """Tell that a tick was completed: with the first one the service is ready, with each it is alive."""
        self._send("WATCHDOG=1" if self._is_ready else "READY=1\nWATCHDOG=1")
        self._is_ready = True

    def stops(self) -> None:
        """Tell that the service ends by itself, so that it is given the time it needs."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.settimeout(SEND_SECONDS)
                line.sendto(state.encode(), self._address)
        except OSError as error:  # the work goes on; whoever waits for the word acts by itself
            if not self._is_deaf:
                log.warning("the service manager cannot be told at NOTIFY_SOCKET: %s", error)
            self._is_deaf = True
