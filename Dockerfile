# The image of every role: docker run petrosa-cio run --role gate
# It holds no servers: say where they are with CIO_NATS_URL, CIO_REDIS_URL and CIO_MONGO_URL.

ARG PYTHON=3.11
ARG DEBIAN=bookworm

FROM python:${PYTHON}-${DEBIAN} AS build
WORKDIR /build
# Every wheel is made from what the lock file's hashes vouch for; of these, only what the package
# itself needs is installed, without a look at any index.
COPY requirements.txt ./
RUN pip wheel --require-hashes --wheel-dir wheels --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-index --find-links wheels hatchling \
 && pip wheel --no-index --find-links wheels --no-build-isolation --no-deps --wheel-dir wheels .
RUN python -m venv --without-pip /opt/petrosa-cio \
 && pip --python /opt/petrosa-cio/bin/python install --no-index --find-links wheels petrosa-cio

FROM python:${PYTHON}-slim-${DEBIAN}
LABEL org.opencontainers.image.title="petrosa-cio" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 1000 cio \
 && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /var/lib/petrosa-cio cio \
 && install --directory --owner cio --group cio /var/lib/petrosa-cio \
 && pip uninstall --yes --root-user-action ignore setuptools wheel pip
COPY --from=build /opt/petrosa-cio /opt/petrosa-cio
ENV PATH=/opt/petrosa-cio/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CIO_HTTP_HOST=0.0.0.0 \
    CIO_DATA_DIR=/var/lib/petrosa-cio
USER 1000:1000
WORKDIR /var/lib/petrosa-cio
EXPOSE 8000
STOPSIGNAL SIGTERM
# Who runs a role without HTTP switches this off: --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ.get('CIO_HTTP_PORT', '8000')}/health/readiness\", timeout=4)"]
ENTRYPOINT ["cio"]
CMD ["run"]
