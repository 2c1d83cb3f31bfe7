# One image for scheduler and dashboard. /config/config.yaml holds the settings; let its data_dir be /data.
# docs/operations.md says how to run it. It has been read, not built: there is no container engine where this is tested.
FROM python:3.11-slim-bookworm

# The pictures in mails need letters of all scripts the texts come in.
RUN apt-get update \
    && apt-get install -y --no-install-recommends fonts-dejavu-core fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 10001 --create-home vigie \
    && mkdir /app /config /data \
    && chown vigie:vigie /app /data \
    && chmod 700 /data
USER vigie
WORKDIR /app

COPY --chown=vigie:vigie . .
# The same script as on any machine: torch's CPU build from its own index, everything else by hash, into /app/.venv.
RUN ./install && rm -rf "$HOME/.cache"

ENV PATH="/app/.venv/bin:$PATH" VIGIE_CONFIG=/config/config.yaml
VOLUME /data
EXPOSE 8501

# The scheduler's own answer: 200 while its last tick is younger than a minute. Keep health.port at 8502.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8502/healthz', timeout=5)"]

ENTRYPOINT ["vigie"]
CMD ["up"]
