"""Write small MaxMind DB files (format 2.0) for tests."""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

METADATA_MARKER = b"\xab\xcd\xefMaxMind.com"
DATA_SEPARATOR = b"\x00" * 16
STRING, DOUBLE, UINT16, UINT32, MAP, UINT64, ARRAY, BOOLEAN = 2, 3, 5, 6, 7, 9, 11, 14
EXTENDED_FROM = 8
Tree = list[list[Any]]


def write_mmdb(
    path: Path,
    networks: Mapping[str, dict[str, Any]],
    *,
    database_type: str,
    build_epoch: int = 1_750_000_000,
    ip_version: int = 6,
) -> None:
    """Write a database that maps each network to its record; longer prefixes win."""
    tree: Tree = [[None, None]]
    for network in sorted(map(ipaddress.ip_network, networks), key=lambda found: found.prefixlen):
        _insert(tree, _bits(network, ip_version), networks[str(network)])
    nodes, section = _lay_out(tree)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": build_epoch,
        "database_type": database_type,
        "description": {"en": "test"},
        "ip_version": ip_version,
        "languages": ["en"],
        "node_count": len(tree),
        "record_size": 32,
    }
    path.write_bytes(nodes + DATA_SEPARATOR + section + METADATA_MARKER + _encode(metadata))


def _bits(network: ipaddress.IPv4Network | ipaddress.IPv6Network, ip_version: int) -> list[int]:
    # An IPv4 address lives under ::/96 in a tree of IPv6.
    padding = 96 if ip_version == 6 and network.version == 4 else 0
    number = int(network.network_address)
    size = network.max_prefixlen
    return [0] * padding + [number >> (size - 1 - place) & 1 for place in range(network.prefixlen)]


def _insert(tree: Tree, bits: list[int], record: dict[str, Any]) -> None:
    node = 0
    for bit in bits[:-1]:
        child = tree[node][bit]
        if not isinstance(child, int):
            # Split a leaf: both halves inherit what the wider network said.
            tree.append([child, child])
            child = tree[node][bit] = len(tree) - 1
        node = child
    tree[node][bits[-1]] = record


def _lay_out(tree: Tree) -> tuple[bytes, bytes]:
    section, places, nodes = b"", {}, b""
    for node in tree:
        for child in node:
            if isinstance(child, dict) and id(child) not in places:
                places[id(child)] = len(section)
                section += _encode(child)
    for node in tree:
        nodes += struct.pack(">II", *(_pointer(child, places, len(tree)) for child in node))
    return nodes, section


def _pointer(child: Any, places: dict[int, int], node_count: int) -> int:
    if child is None:
        return node_count
    return child if isinstance(child, int) else node_count + len(DATA_SEPARATOR) + places[id(child)]


def _encode(value: Any) -> bytes:
    if isinstance(value, bool):
        return _head(BOOLEAN, int(value))
    if isinstance(value, str):
        return _head(STRING, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _head(DOUBLE, 8) + struct.pack(">d", value)
    if isinstance(value, dict):
        return _head(MAP, len(value)) + b"".join(
            _encode(key) + _encode_item(key, item) for key, item in value.items()
        )
    if isinstance(value, list):
        return _head(ARRAY, len(value)) + b"".join(map(_encode, value))
    return _encode_number(value, UINT32)


def _encode_item(key: str, value: Any) -> bytes:
    # Readers insist on the integer type that the format gives each field of the metadata.
    kinds = {"build_epoch": UINT64, "node_count": UINT32}
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return _encode_number(value, kinds.get(key, UINT16)) if is_number else _encode(value)


def _encode_number(value: int, kind: int) -> bytes:
    body = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return _head(kind, len(body)) + body


def _head(kind: int, size: int) -> bytes:
    extra = b""
    if size >= 29:
        size, extra = 29, bytes([size - 29])
    if kind < EXTENDED_FROM:
        return bytes([kind << 5 | size]) + extra
    return bytes([size, kind - 7]) + extra
