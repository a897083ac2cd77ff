# callbackd alone: no Asterisk in it. docker-compose.yml and docs/docker.md say how it is run.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/callbackd
WORKDIR /src
# What it needs, before what it is: a change of the source does not fetch all of it again.
COPY setup.cfg ./
RUN python3 -c "import configparser as c; s = c.ConfigParser(); s.read('setup.cfg'); print(s['options']['install_requires'])" \
      >requirements.txt \
    && /opt/callbackd/bin/pip install --no-cache-dir -r requirements.txt 'setuptools>=77'
COPY pyproject.toml README.md LICENSE ./
COPY callbackd callbackd
COPY config config
COPY dialplan dialplan
COPY packaging packaging
RUN /opt/callbackd/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends python3 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 780 callbackd \
    && useradd --system --uid 780 --gid callbackd --home-dir /var/lib/callbackd --no-create-home \
               --shell /usr/sbin/nologin callbackd \
    && install -d -o callbackd -g callbackd -m 750 /var/lib/callbackd /var/lib/callbackd-token \
    && install -d -o callbackd -g callbackd -m 2770 /run/keys
COPY --from=build /opt/callbackd /opt/callbackd
ENV PATH=/opt/callbackd/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER callbackd
CMD ["callbackd", "run"]
