# callbackd alone: no Asterisk in it. docker-compose.yml says how it is run.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY callbackd callbackd
RUN python3 -m venv /opt/callbackd && /opt/callbackd/bin/pip install --no-cache-dir .

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 780 --home-dir /var/lib/callbackd --shell /usr/sbin/nologin callbackd \
    && install -d -o callbackd -g callbackd -m 750 /var/lib/callbackd
COPY --from=build /opt/callbackd /opt/callbackd
ENV PATH=/opt/callbackd/bin:$PATH PYTHONUNBUFFERED=1
USER callbackd
CMD ["callbackd", "run"]
