#!/bin/sh
# Runs once, when the volume is empty: one role owns the tables, another one is the application's.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
CREATE ROLE console_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE console_app LOGIN PASSWORD :'app_password';
CREATE DATABASE console OWNER console_owner;
REVOKE ALL ON DATABASE console FROM PUBLIC;
GRANT CONNECT ON DATABASE console TO console_app;
\connect console
CREATE EXTENSION citext;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
SQL
