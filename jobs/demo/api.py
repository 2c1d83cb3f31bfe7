"""
Serve the champion: a small ASGI app whose answers are logged by Vigie's own middleware.

Computing an answer takes microseconds here, so a service time is drawn (log-normal around 40 ms) as a real, loaded
service would need. Live it is really waited; in the history, which runs under a simulated clock, it is only logged.
"""

import asyncio
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from monitor.line import Lines, utc_now

MEDIAN_MS, SPREAD = 40.0, 0.35
Answer = Callable[[list[str]], list[list[tuple[str, float]]]]


class Service:
    """Hold what the endpoint needs; `answer` and `slowness` are exchanged when the story says so."""

    def __init__(self, answer: Answer, seed: int, *, is_live: bool) -> None:
        """Keep the model's function; live services really wait."""
        self.answer, self.is_live, self.slowness = answer, is_live, 1.0
        self.draw = random.Random(f"{seed}:latency")

    def latency_ms(self) -> float:
        """Draw the time one answer takes."""
        return MEDIAN_MS * self.slowness * math.exp(self.draw.gauss(0, SPREAD))

    async def predict(self, request: Request) -> JSONResponse:
        """Answer `{"text", "fields", "caller", "request_id"}` with its five best labels."""
        body = await request.json()
        if not isinstance(body.get("text"), str):
            return JSONResponse({"error": "text is missing"}, status_code=400)
        taken = self.latency_ms()
        if self.is_live:
            await asyncio.sleep(taken / 1000)
        else:
            request.scope["vigie_latency_ms"] = taken
        return JSONResponse({"topk": self.answer([body["text"]])[0]})


async def _alive(_request: Request) -> JSONResponse:
    return JSONResponse({"alive": True})


def read(request: dict[str, Any], response: Any) -> list[dict[str, Any]]:
    """Tell the middleware what of the two bodies belongs into the line."""
    known = {name: request.get(name) for name in ("text", "fields", "caller", "request_id")}
    return [{**known, "topk": (response or {}).get("topk")}]


def app(
    service: Service, log: Path, *, version: str, clock: Callable[[], Any] = utc_now, threaded: bool = True
) -> Lines:
    """Return the app with the logging middleware around it; the file is rotated at 4 MiB."""
    routes = [Route("/predict", service.predict, methods=["POST"]), Route("/healthz", _alive)]
    return Lines(Starlette(routes=routes), model="ape", text="full", where=log, read=read, model_version=version, clock=clock,
                 max_bytes=4 * 1024 * 1024, keep=60, threaded=threaded)  # fmt: skip


def main(directory: str, port: int, seed: int, slowness: float) -> None:
    """Serve the artefact of `directory`/models/champion on loopback until a signal."""
    import uvicorn

    from jobs.demo.answer import load

    folder = Path(directory)
    service = Service(load(folder / "models/champion").answer, seed, is_live=True)
    service.slowness = slowness
    uvicorn.run(
        app(service, folder / "logs/ape.jsonl", version="champion-1.1"),
        host="127.0.0.1",
        port=port,
        log_level="warning",
    )


if __name__ == "__main__":
    import sys

    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
