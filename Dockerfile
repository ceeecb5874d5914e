# The gateway as an image: built in one stage, run in another that holds no build tools, as an ordinary user, on a root
# file system that may be read-only. docs/howto/deploy.md says how to run it; tests/test_packaging.py holds what it promises.

FROM python:3.13.9-slim-bookworm AS build
WORKDIR /src
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN ["python", "-m", "venv", "/opt/vestibule"]
# Only wheels, only with the hashes of the lock: nothing runs a set-up script, nothing is resolved here.
RUN ["/opt/vestibule/bin/python", "-m", "pip", "install", "--no-cache-dir", "--only-binary=:all:", "--require-hashes", "-r", "requirements/runtime.txt"]
RUN ["python", "-m", "pip", "install", "--no-cache-dir", "--only-binary=:all:", "--require-hashes", "-r", "requirements/build.txt"]
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY audit audit
COPY drivers drivers
COPY gateway gateway
RUN ["python", "-m", "hatchling", "build", "--target", "wheel", "--directory", "/wheel"]
RUN ["/opt/vestibule/bin/python", "-m", "pip", "install", "--no-deps", "--no-index", "--find-links", "/wheel", "vestibule"]
RUN ["/opt/vestibule/bin/python", "-m", "pip", "uninstall", "--yes", "--quiet", "pip"]
# Byte code is made here, because nothing can be written where the gateway runs.
RUN ["python", "-m", "compileall", "-q", "-j", "0", "/opt/vestibule/lib"]
RUN ["install", "-d", "-m", "0700", "/data"]

FROM python:3.13.9-slim-bookworm
LABEL org.opencontainers.image.title="vestibule" \
      org.opencontainers.image.description="Router remote-access gateway for internet providers" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/vestibule /opt/vestibule
COPY --from=build --chown=10001:10001 /data /var/lib/vestibule
ENV PATH=/opt/vestibule/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/var/lib/vestibule \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    VESTIBULE_CONFIG=/etc/vestibule/vestibule.toml
VOLUME ["/var/lib/vestibule"]
EXPOSE 2222 8080 8443
USER 10001:10001
WORKDIR /var/lib/vestibule
STOPSIGNAL SIGTERM
# The gateway is well when its front door answers: a greeting needs the event loop, the settings and the open journal.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["/opt/vestibule/bin/python", "-P", "-c", "import socket; from config.load import load; ssh = load().ssh; raise SystemExit(socket.create_connection((ssh.host, ssh.port), 3).recv(4) != b'SSH-')"]
ENTRYPOINT ["/opt/vestibule/bin/vestibule"]
CMD ["serve"]
