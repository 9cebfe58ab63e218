# One image, three commands: web (the default), worker, scheduler. The lock's hashes are checked.
FROM python:3.13-slim AS libraries
COPY config/requirements.lock /requirements.lock
RUN python -m venv /venv \
    && /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r /requirements.lock

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /home/junction junction \
    && install -d -o junction -g junction -m 0700 /data
COPY --from=libraries /venv /venv
WORKDIR /junction
COPY manage.py pyproject.toml LICENSE README.md ./
COPY config config
COPY templates templates
COPY apps apps
RUN /venv/bin/python -m compileall -q apps config
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 JUNCTION_DATA=/data
USER junction
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8000/readyz', timeout=4)"]
CMD ["python", "manage.py", "web"]
