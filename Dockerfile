# Pin the base by digest when you build for production: python:3.12-slim@sha256:<digest from `docker buildx imagetools inspect`>.
FROM python:3.12-slim AS build

ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/venv
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-default-groups --extra observability
COPY . .
# The values of check.env only let the settings load; none of them stays in the image.
RUN set -a && . .ci/check.env && export STATIC_ROOT=/opt/static \
    && /opt/venv/bin/python manage.py collectstatic --noinput -v0 \
    && /opt/venv/bin/python manage.py compress --force -v0 \
    && rm -rf .ci tests


FROM python:3.12-slim

RUN groupadd --gid 10001 console && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin console
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/static /opt/static
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CONSOLE_PROFILE=production \
    STATIC_ROOT=/opt/static \
    VAR=/tmp/console \
    HOST=0.0.0.0 \
    PORT=8000
WORKDIR /app
# Only /tmp is written to, so the root file system may be read-only with a tmpfs there.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "deploy/healthcheck.py"]
CMD ["gunicorn", "console.wsgi:application", "-c", "console/stack/gunicorn.py"]
