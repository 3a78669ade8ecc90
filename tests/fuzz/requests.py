"""Requests made wrong, and the ways in which a client can send them.

Whatever is sent, and how, follows from one `Random`.
"""

import json
from collections.abc import Sequence
from random import Random
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from callstate.web.app import LIST_PATH, PANEL_PATH
from callstate.web.params import MATCHES, PARAMS, SORTS

# fmt: off
PATHS = (
    PANEL_PATH.encode(), LIST_PATH.encode() + b"/", b"/healthz",
    b"/readyz", b"/metrics", b"/openapi.json", b"/", b"*", b"//", b"/%2e%2e/", b"/\xff", b"",
    b"http://x" + LIST_PATH.encode(), b"/" + b"a" * 9000, LIST_PATH.encode() + b"#x",
)
METHODS = (
    b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE",
    b"CONNECT", b"PATCH", b"PRI", b"get", b"X" * 300, b"G\x00T", b"",
)
VERSIONS = (
    b"HTTP/1.0", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9",
    b"HTTP/1.1 ", b"HTTP/11", b"http/1.1", b"HTP/1.1", b"",
)
VALUES = (
    b"", b"0", b"1", b"-1", b"all", b"system", b"17", b"1,2", b"9" * 400, b"\x00", b"\xff",
    b"\xc0\xaf", b"\xed\xa0\x80", b"%", b"%zz", b"+", b"a;b", b"a&b", b"=", b"'", b'"', b"<",
    "\u0661".encode(), "\U0001f600".encode(), b"in_out", b"contains", b"desc", b"a" * 5000,
    *(each.encode() for each in (*MATCHES, *SORTS)),
)
HEADERS = (
    b"X-Forwarded-For: 192.0.2.1", b"X-Forwarded-For: " + b"1.1.1.1, " * 500, b"Forwarded: for=_x",
    b"Origin: http://x", b"Origin: null", b"Cookie: " + b"a=b; " * 200, b"Authorization: Basic x",
    b"Accept-Encoding: gzip, br", b"Content-Encoding: gzip", b"Content-Encoding: identity",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x", b"Upgrade: h2c",
    b"HTTP2-Settings: AAAA", b"Expect: 100-continue", b"Expect: x", b"Range: bytes=0-", b"TE: x",
    b"Connection: close", b"Connection: keep-alive", b"Host: y", b"Host:", b"Transfer-Encoding: x",
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: -1",
    b"Content-Length: " + b"9" * 40,
    b"Content-Length: +5", b"Content-Length: 0x5", b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: gzip, chunked", b"X: " + b"a" * 20_000, b"X" * 20_000 + b": 1", b"X:\x00",
    b" folded", b"no colon", b": no name", b"\xff: \xff", b"X : 1", b"X: 1\r", b"X: 1\n", b"\r",
    b"Access-Control-Request-Method: GET", b"If-None-Match: *", b"Content-Type: \xff;=",
)
TYPES = (
    b"application/x-www-form-urlencoded", b"application/json", b"multipart/form-data; boundary=x",
    b"application/json; charset=utf-7", b"text/plain", b"", b"application/x-www-form-urlencoded;",
)
JSONS = (
    b"{}", b"[]", b"null", b"{", b"[" * 10_000, b'{"limit":1e999}',
    b'{"limit":' + b"9" * 5000 + b"}",
    b'{"a":{"a":[1]}}', b'"\\ud800"', b'{"\\ud800":"\\udfff"}', b"\xef\xbb\xbf{}", b"NaN",
    b'{"limit":true,"limit":1}', b"\xff\xfe{\x00}\x00", b'{"names":null}',
)
NO_HTTP = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00",
    bytes.fromhex("16030100c8010000c40303") + b"\xab" * 194, bytes.fromhex("160301000201"),
    b"\x00" * 1000, b"\xff" * 100, b"\r\n" * 500, b"\n", b"SSH-2.0-x\r\n", b"EHLO x\r\n",
    b"Asterisk Call Manager/11.0.0\r\n", b"{}", b"\x80\x2e\x01\x03\x01",
    b"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
)
# fmt: on

ENDS = ("end", "end", "abort", "read then close", "read then end")


class Attack(NamedTuple):
    """The pieces that are sent, one after another, and how the connection is ended."""

    pieces: list[bytes]
    end: str


def attack(seed: int, username: str, password: str) -> Attack:
    """Return what a client does whose credentials are right, when it gives them."""
    dice = Random(seed)
    requests = [_request(dice, username, password) for _ in range(dice.choice((1, 1, 1, 2, 5)))]
    data = b"".join(requests)
    if dice.random() < 0.1:
        data = dice.choice(NO_HTTP) + (data if dice.random() < 0.3 else b"")
    if dice.random() < 0.25:
        data = _damaged(dice, data)
    return Attack(_pieces(dice, data), dice.choice(ENDS))


def _request(dice: Random, username: str, password: str) -> bytes:
    query = _query(dice, username, password)
    body, headers = b"", [b"Host: x"]
    method = _mostly(dice, dice.choice((b"GET", b"POST")), METHODS)
    target = _mostly(dice, LIST_PATH.encode(), PATHS)
    version = _mostly(dice, b"HTTP/1.1", VERSIONS)
    if method == b"POST" and dice.random() < 0.8:
        body, kind = _body(dice, query)
        headers.append(b"Content-Type: " + kind)
        if dice.random() < 0.3:
            headers.append(b"Transfer-Encoding: chunked")
            body = _chunked(dice, body)
        else:
            headers.append(b"Content-Length: %d" % len(body))
    elif query:
        target += b"?" + query
    if dice.random() < 0.2:
        headers += dice.choices(HEADERS, k=dice.choice((1, 1, 2, 6)))
    if dice.random() < 0.02:
        headers += [b"X-%d: 1" % number for number in range(dice.choice((50, 200, 5000)))]
    if dice.random() < 0.1:
        dice.shuffle(headers)
    line = b" ".join((method, target, version))
    return b"\r\n".join((line, *headers, b"", b"")) + body


def _mostly(dice: Random, usual: bytes, odd: Sequence[bytes]) -> bytes:
    return usual if dice.random() < 0.9 else dice.choice(odd)


def _query(dice: Random, username: str, password: str) -> bytes:
    pairs: list[tuple[bytes, bytes]] = []
    if dice.random() < 0.8:
        right = password if dice.random() < 0.97 else "wrong"
        pairs = [(b"auth_username", username.encode()), (b"auth_password", right.encode())]
    for param in dice.sample(PARAMS, dice.randrange(5)):
        value = param.default.encode() or b"1" if dice.random() < 0.5 else dice.choice(VALUES)
        pairs.append((param.name.encode(), value))
    if dice.random() < 0.02:
        pairs += [(b"x", b"y")] * dice.choice((900, 1100, 5000))
    if dice.random() < 0.15:
        return b"&".join(name + b"=" + value.replace(b" ", b"+") for name, value in pairs)
    coded = (f"{quote_from_bytes(name)}={quote_from_bytes(value)}" for name, value in pairs)
    return dice.choice("&;").join(coded).encode()


def _body(dice: Random, query: bytes) -> tuple[bytes, bytes]:
    kind = dice.choice(TYPES) if dice.random() < 0.3 else dice.choice(TYPES[:2])
    if kind.startswith(b"application/json"):
        if dice.random() < 0.4:
            return dice.choice(JSONS), kind
        text = dict(part.partition("=")[::2] for part in query.decode("latin-1").split("&"))
        return json.dumps(text).encode(), kind
    roll = dice.random()
    return (dice.randbytes(100_000) if roll < 0.02 else query), kind


def _chunked(dice: Random, body: bytes) -> bytes:
    """Return `body` in chunks, now and then in wrong ones."""
    parts, at = [], 0
    while at < len(body):
        size = dice.randint(1, 400)
        part = body[at : at + size]
        parts.append(b"%x\r\n%b\r\n" % (len(part), part))
        at += size
    parts.append(b"0\r\n\r\n")
    if dice.random() < 0.4:
        # fmt: off
        wrong = (
            b"-5\r\nabcde\r\n", b"fffffffffffffffff\r\n", b"5;" + b"x" * 9000 + b"\r\nabcde\r\n",
            b"5\r\nabc\r\n", b"5\nabcde\n", b"0x5\r\nabcde\r\n", b"\r\n",
            b"0\r\nTrailer: x\r\n\r\n",
            b"0\r\n" + b"T: x\r\n" * 3000 + b"\r\n", b"5 \r\nabcde\r\n", b"zz\r\n",
        )
        # fmt: on
        parts.insert(dice.randrange(len(parts) + 1), dice.choice(wrong))
    return b"".join(parts)


def _damaged(dice: Random, data: bytes) -> bytes:
    whole = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(whole) + 1)
        match dice.randrange(5):
            case 0:
                whole[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                del whole[at : at + dice.randint(1, 50)]
            case 2:
                whole[at:at] = dice.choice((b"\r\n", b"\r\n\r\n", b"\n", b"\x00", b" ", b":"))
            case 3:
                del whole[at:]
            case _:
                whole[at:at] = dice.randbytes(dice.randint(1, 60))
    return bytes(whole)


def _pieces(dice: Random, data: bytes) -> list[bytes]:
    """Return `data` whole, in some pieces, or byte by byte."""
    most = dice.choice((1, 100, len(data) or 1, len(data) or 1))
    if most == 1 and len(data) > 2000:
        most = 100
    cuts, at = [], 0
    while at < len(data):
        size = dice.randint(1, most) if most < len(data) else most
        cuts.append(data[at : at + size])
        at += size
    return cuts
