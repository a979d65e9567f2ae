"""Name the embedded servers in one place."""

from console.stack.postgres import PostgresServer
from console.stack.process import StartError
from console.stack.server import ServerInUseError
from console.stack.stripe import StripeServer
from console.stack.valkey import ValkeyServer

__all__ = ["PostgresServer", "ServerInUseError", "StartError", "StripeServer", "ValkeyServer"]
