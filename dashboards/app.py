"""Serve the dashboard: Streamlit with fixed settings behind the door, and the archive of reports."""

import argparse
import os
from pathlib import Path
from typing import Any

from monitor.config import Config, load

SETTINGS: dict[str, Any] = {
    "server.headless": True,
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.maxUploadSize": 1,
    "server.enableStaticServing": False,
    "server.runOnSave": False,
    "server.fileWatcherType": "none",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "viewer",
    "runner.magicEnabled": False,
    "browser.gatherUsageStats": False,
    "logger.level": "warning",
    "theme.light.primaryColor": "#0072B2",
    "theme.dark.primaryColor": "#56B4E9",
}
SANDBOX = [
    (
        b"content-security-policy",
        b"sandbox allow-scripts; default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'none'",
    )
]


def application(config: Config) -> Any:
    """Return the ASGI application: the door before everything."""
    os.environ["VIGIE_CONFIG"] = str(config.path)
    from starlette.routing import Route
    from streamlit import App
    from streamlit import config as settings

    from dashboards.door import Door

    for name, value in SETTINGS.items():
        settings.set_option(name, value)
    app = App(Path(__file__).parent / "frame/frame.py", routes=[Route("/archive/{name}", _archive(config))])
    return Door(app, config.dashboard)


def _archive(config: Config) -> Any:
    from starlette.responses import FileResponse, PlainTextResponse

    folder = (config.data_dir / "reports").resolve()

    async def report(request: Any) -> Any:
        file = (folder / request.path_params["name"]).resolve()
        if file.parent != folder or file.suffix != ".html" or not file.is_file():
            return PlainTextResponse("no such report", status_code=404)
        return FileResponse(file, headers={key.decode(): value.decode() for key, value in SANDBOX})

    return report


def serve(config: Config) -> None:
    """Listen on the configured address until a signal."""
    import uvicorn

    from monitor.store import schema
    from monitor.store.store import Store

    schema.upgrade(Store.open(config.database))
    uvicorn.run(
        application(config),
        host=config.dashboard.address,
        port=config.dashboard.port,
        log_level="warning",
        ws_max_size=8 * 1024 * 1024,
    )


if __name__ == "__main__":
    words = argparse.ArgumentParser(description="Serve the dashboard.")
    words.add_argument("--config", type=Path, required=True)
    serve(load(words.parse_args().config))
