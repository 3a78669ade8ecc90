"""A small scripted SIP user agent for the lab: UDP on loopback, standard library only.

One `Ua` plays all phones (127.0.0.1) and both carriers (127.0.1.1, 127.0.1.2) of one
Asterisk. With media on, each call sends silent A-law RTP, since Asterisk notices DTMF
and runs its features on time only while frames come in.
"""

import asyncio
import contextlib
import hashlib
import itertools
import random
import re
import socket
import struct
from collections.abc import Callable, Iterable
from typing import Any

_ids = itertools.count(1)


def _tok(n: int = 10) -> str:
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(n))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


class Msg:
    """One SIP message, taken apart."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = head.split("\r\n")
        self.first = lines[0]
        self.h: list[tuple[str, str]] = []
        for ln in lines[1:]:
            k, _, v = ln.partition(":")
            self.h.append((k.strip().lower(), v.strip()))
        self.status = int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0
        self.method = "" if self.status else self.first.split()[0]
        self.uri = "" if self.status else self.first.split()[1]

    def get(self, k: str, d: str = "") -> str:
        for a, b in self.h:
            if a == k:
                return b
        return d

    def all(self, k: str) -> list[str]:
        return [b for a, b in self.h if a == k]


class _Proto(asyncio.DatagramProtocol):
    def __init__(self, ua: "Ua", key: str, ip: str) -> None:
        self.ua, self.key, self.ip = ua, key, ip

    def connection_made(self, tr: Any) -> None:
        self.tr = tr

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if len(data) > 4:
            self.ua._rx(self, Msg(data))


class Call:
    """One dialogue. state: new, trying, ringing, up, ended."""

    def __init__(self, ua: "Ua", proto: _Proto, who: str, callid: str | None = None) -> None:
        self.ua, self.proto, self.who = ua, proto, who
        self.callid = callid or f"{_tok()}-{next(_ids)}@lab"
        self.ltag, self.rtag = _tok(8), ""
        self.cseq = random.randint(1, 2000)
        self.state, self.code, self.incoming = "new", 0, False
        self.local, self.remote, self.target = "", "", ""
        self.invite: Msg | None = None
        self.inv_cseq = 0
        self.last = self.called = ""
        self.ev = asyncio.Event()
        self.password = ""
        self.sdp_ver = 1
        self.reinvites = 0
        self.pending: dict[
            int, tuple[Any, ...]
        ] = {}  # cseq -> (method, uri, extra, body, tries, via-branch)
        self.rport = 40000 + random.randint(0, 4000) * 2
        self.rtp: socket.socket | None = None
        if ua.media:
            self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.rtp.setblocking(False)
            self.rtp.bind((proto.ip, 0))
            self.rport = self.rtp.getsockname()[1]
        self.rtp_to: tuple[str, int] | None = None
        self.seq, self.ssrc = 0, random.getrandbits(32)

    # -- waiting
    def _set(self, st: str) -> None:
        if self.state != "ended":
            self.state = st
        if st == "ended" and self.rtp:
            self.rtp.close()
            self.rtp = None
        self.ev.set()

    def _remote_sdp(self, body: str) -> None:
        ip, port = re.search(r"c=IN IP4 (\S+)", body), re.search(r"m=audio (\d+)", body)
        if ip and port and int(port[1]):
            self.rtp_to = (ip[1], int(port[1]))

    def _tick(self) -> None:
        if self.rtp and self.rtp_to and self.state == "up":
            self.seq += 1
            try:
                self.rtp.sendto(
                    struct.pack("!BBHII", 0x80, 8, self.seq & 0xFFFF, self.seq * 160, self.ssrc)
                    + b"\xd5" * 160,
                    self.rtp_to,
                )
                while True:
                    self.rtp.recv(2048)
            except OSError:
                pass

    async def until(self, *states: str, timeout: float = 15) -> "Call":
        end = asyncio.get_running_loop().time() + timeout
        while self.state not in states:
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                raise TimeoutError(f"{self.who}: {self.state} (code {self.code}), wanted {states}")
            self.ev.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ev.wait(), left)
        return self

    # -- building
    def _sdp(self, direction: str = "sendrecv") -> str:
        self.sdp_ver += 1
        ip = self.proto.ip
        return (
            f"v=0\r\no=- 1 {self.sdp_ver} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n"
            f"m=audio {self.rport} RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
            f"a={direction}\r\n"
        )

    def _request(
        self,
        method: str,
        uri: str | None = None,
        extra: Iterable[str] = (),
        body: str = "",
        ctype: str = "application/sdp",
        cseq: int | None = None,
        branch: str | None = None,
        tries: int = 0,
    ) -> int:
        uri = uri or self.target
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or "z9hG4bK" + _tok(14)
        to = self.remote + (f";tag={self.rtag}" if self.rtag else "")
        L = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.proto.ip}:{self.ua.port};branch={branch};rport",
            "Max-Forwards: 70",
            f"From: {self.local};tag={self.ltag}",
            f"To: {to}",
            f"Call-ID: {self.callid}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:{self.who}@{self.proto.ip}:{self.ua.port}>",
            "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, INFO, REFER, NOTIFY, OPTIONS",
            "Supported: replaces",
            "User-Agent: labphone",
            *extra,
        ]
        if body:
            L.append(f"Content-Type: {ctype}")
        L.append(f"Content-Length: {len(body.encode())}")
        if method not in ("ACK", "CANCEL"):
            self.pending[cseq] = (method, uri, list(extra), body, ctype, tries, branch)
        self.ua._tx(self.proto, "\r\n".join(L) + "\r\n\r\n" + body)
        return cseq

    def _reply(
        self, req: Msg | None, code: int, reason: str, extra: Iterable[str] = (), body: str = ""
    ) -> str:
        assert req is not None, "an answer needs a question"
        L = [f"SIP/2.0 {code} {reason}"]
        L += [f"Via: {v}" for v in req.all("via")]
        L += [f"Record-Route: {v}" for v in req.all("record-route")]
        to = req.get("to")
        if code > 100 and "tag=" not in to:
            to += f";tag={self.ltag}"
        L += [
            f"From: {req.get('from')}",
            f"To: {to}",
            f"Call-ID: {req.get('call-id')}",
            f"CSeq: {req.get('cseq')}",
            "Allow: INVITE, ACK, CANCEL, BYE, UPDATE, INFO, REFER, NOTIFY, OPTIONS",
            "Supported: replaces",
        ]
        L += list(extra)
        if not any(e.startswith("Contact:") for e in extra):
            L.append(f"Contact: <sip:{self.who}@{self.proto.ip}:{self.ua.port}>")
        if body:
            L.append("Content-Type: application/sdp")
        L.append(f"Content-Length: {len(body.encode())}")
        out = "\r\n".join(L) + "\r\n\r\n" + body
        self.ua._tx(self.proto, out)
        return out

    # -- what a phone does
    def ring(self, code: int = 180) -> None:
        self._reply(
            self.invite,
            code,
            "Ringing" if code == 180 else "Session Progress",
            body=self._sdp() if code == 183 else "",
        )
        self._set("ringing")

    def answer(self, extra: Iterable[str] = ()) -> None:
        self.last = self._reply(self.invite, 200, "OK", extra, self._sdp())
        self._set("up")

    def reject(self, code: int = 486, reason: str = "Busy Here", extra: Iterable[str] = ()) -> None:
        self._reply(self.invite, code, reason, extra)
        self._set("ended")

    def redirect(self, uri: str) -> None:
        self.reject(302, "Moved Temporarily", [f"Contact: <{uri}>"])

    def bye(self) -> None:
        if self.state == "up":
            self._request("BYE")
            self._set("ended")

    def cancel(self) -> None:
        m, uri, extra, body, ct, tries, branch = self.pending[self.inv_cseq]
        rtag, self.rtag = self.rtag, ""
        self._request("CANCEL", uri, cseq=self.inv_cseq, branch=branch)
        self.rtag = rtag

    def hangup(self) -> None:
        if self.state == "up":
            self.bye()
        elif self.state in ("new", "trying", "ringing"):
            self.reject(480, "Gone") if self.incoming else self.cancel()

    def hold(self) -> None:
        self._request("INVITE", body=self._sdp("sendonly"))

    def unhold(self) -> None:
        self._request("INVITE", body=self._sdp("sendrecv"))

    def dtmf(self, digit: str) -> None:
        self._request(
            "INFO", body=f"Signal={digit}\r\nDuration=160\r\n", ctype="application/dtmf-relay"
        )

    def refer(self, to: str) -> None:
        self._request(
            "REFER",
            extra=[
                f"Refer-To: <sip:{to}@127.0.0.1:{self.ua.sip}>",
                f"Referred-By: <sip:{self.who}@127.0.0.1>",
            ],
        )

    def refer_replaces(self, other: "Call") -> None:
        """Attended transfer: join our peer with `other`'s peer."""
        a, b = (other.rtag, other.ltag)
        rep = f"{other.callid};to-tag={a};from-tag={b}"
        rep = rep.replace("@", "%40").replace(";", "%3B").replace("=", "%3D")
        uri = re.sub(r"[;>].*", "", other.target)
        self._request(
            "REFER",
            extra=[f"Refer-To: <{uri}?Replaces={rep}>", f"Referred-By: <sip:{self.who}@127.0.0.1>"],
        )


class Ua:
    """All phones and carriers of one Asterisk, which listens on port `sip`; they do on `port`."""

    def __init__(self, sip: int, port: int, media: bool = True) -> None:
        self.sip, self.port = sip, port
        self.calls: dict[str, Call] = {}
        self.queues: dict[str, asyncio.Queue[Call]] = {}
        self.protos: dict[str, _Proto] = {}
        # who -> what answers his calls by itself: a coroutine function or a plain one
        self.auto: dict[str, Callable[[Call], Any]] = {}
        self.tasks: set[asyncio.Future[Any]] = set()
        self.mtask: asyncio.Future[None] | None = None
        self.trace: Any = None
        self.media = media

    async def _media(self) -> None:
        loop = asyncio.get_running_loop()
        nxt = loop.time()
        while True:
            for c in list(self.calls.values()):
                c._tick()
            nxt += 0.02
            await asyncio.sleep(max(0.001, nxt - loop.time()))

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        for key, ip in (
            ("phone", "127.0.0.1"),
            ("carrier-a", "127.0.1.1"),
            ("carrier-b", "127.0.1.2"),
        ):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.bind((ip, self.port))
            s.setblocking(False)
            proto = _Proto(self, key, ip)
            await loop.create_datagram_endpoint(lambda proto=proto: proto, sock=s)  # type: ignore[misc]  # mypy cannot see through a default
            self.protos[key] = proto
        self.mtask = asyncio.ensure_future(self._media()) if self.media else None

    def stop(self) -> None:
        for task in (self.mtask, *self.tasks):
            if task:
                task.cancel()
        for call in self.calls.values():
            call._set("ended")
        for p in self.protos.values():
            p.tr.close()

    def _tx(self, proto: _Proto, text: str) -> None:
        if self.trace:
            self.trace.write(f"--- {proto.key} >>>\n{text}\n")
        proto.tr.sendto(text.encode(), ("127.0.0.1", self.sip))

    def invite(
        self,
        who: str,
        number: str,
        name: str | None = None,
        num: str | None = None,
        extra: Iterable[str] = (),
    ) -> Call:
        """A call from phone or carrier `who` to `number`."""
        carrier = who.startswith("carrier")
        proto = self.protos[who if carrier else "phone"]
        c = Call(self, proto, who)
        c.password = "lab-" + who.rpartition("-")[2]
        user = num if num is not None else who
        if not carrier:
            user = who
        disp = ""
        if name is not None:
            disp = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '" '
        c.local = f"{disp}<sip:{user}@{proto.ip}>"
        c.remote = f"<sip:{number}@127.0.0.1>"
        c.target = f"sip:{number}@127.0.0.1:{self.sip}"
        self.calls[c.callid] = c
        c._set("trying")
        c.inv_cseq = c._request("INVITE", extra=extra, body=c._sdp())
        return c

    async def wait(self, who: str, timeout: float = 10) -> Call:
        """The next call offered to phone or carrier `who` (already ringing)."""
        q = self.queues.setdefault(who, asyncio.Queue())
        return await asyncio.wait_for(q.get(), timeout)

    def _rx(self, proto: _Proto, m: Msg) -> None:
        if self.trace:
            self.trace.write(
                f"--- {proto.key} <<<\n{m.first}\n"
                + "\n".join(f"{a}: {b}" for a, b in m.h)
                + "\n\n"
                + m.body
                + "\n"
            )
        cid = m.get("call-id")
        c = self.calls.get(cid)
        if m.status:
            if c:
                self._response(c, m)
            return
        if m.method == "INVITE" and not c:
            called = re.sub(r"^sip:|[@;].*", "", m.uri)
            who = proto.key if proto.key != "phone" else called
            c = Call(self, proto, who, cid)
            c.incoming, c.invite = True, m
            c.called = called
            c.local = re.sub(r";tag=.*", "", m.get("to"))
            c.remote = re.sub(r";tag=.*", "", m.get("from"))
            c.rtag = m.get("from").partition("tag=")[2].partition(";")[0]
            c.target = re.sub(r".*<([^>]+)>.*", r"\1", m.get("contact"))
            c.password = "lab-" + who.rpartition("-")[2]
            self.calls[cid] = c
            c._remote_sdp(m.body)
            c._reply(m, 100, "Trying")
            auto = self.auto.get(who)
            if auto:
                r = auto(c)
                if asyncio.iscoroutine(r):
                    task = asyncio.ensure_future(r)
                    self.tasks.add(task)
                    task.add_done_callback(self.tasks.discard)
            else:
                c.ring()
                self.queues.setdefault(who, asyncio.Queue()).put_nowait(c)
            return
        if not c:
            if m.method != "ACK":
                stray = Call(self, proto, "x", cid)
                stray._reply(m, 200 if m.method == "OPTIONS" else 481, "x")
                stray._set("ended")  # which closes its socket for media
            return
        if m.method == "INVITE":
            if m.get("cseq") == c.invite.get("cseq") if c.invite else False:
                if c.state == "up":
                    self._tx(proto, c.last)  # a repeat: our answer got lost
                return
            c.reinvites += 1
            c._remote_sdp(m.body)
            c._reply(m, 200, "OK", body=c._sdp())
        elif m.method == "CANCEL":
            c._reply(m, 200, "OK")
            if c.state in ("new", "ringing"):
                c._reply(c.invite, 487, "Request Terminated")
            c._set("ended")
        elif m.method == "BYE":
            c._reply(m, 200, "OK")
            c._set("ended")
        elif m.method == "UPDATE":
            c._reply(m, 200, "OK", body=c._sdp() if m.body else "")
        elif m.method != "ACK":
            c._reply(m, 200, "OK")

    def _response(self, c: Call, m: Msg) -> None:
        cseq, method = m.get("cseq").split()
        num = int(cseq)
        p = c.pending.get(num)
        if method == "CANCEL":
            return
        tag = re.search(r"tag=([^;]+)", m.get("to"))
        if method == "INVITE" and m.status >= 200:
            first = num == c.inv_cseq
            if m.status < 300:
                if tag:
                    c.rtag = tag[1]
                if m.get("contact"):
                    c.target = re.sub(r".*<([^>]+)>.*", r"\1", m.get("contact"))
                c._request("ACK", cseq=num)
                c._remote_sdp(m.body)
                if first and c.state != "ended":
                    c.code = m.status
                    c._set("up")
                c.pending.pop(num, None)
                return
            keep, c.rtag = c.rtag, tag[1] if tag else ""
            uri = p[1] if p else c.target
            c._request("ACK", uri, cseq=num, branch=p[6] if p else None)
            c.rtag = keep
            if m.status == 401 and p and p[5] == 0:
                c.pending.pop(num)
                n = c._request(
                    "INVITE", p[1], p[2] + [self._auth(c, m, "INVITE", p[1])], p[3], p[4], tries=1
                )
                if first:
                    c.inv_cseq = n
                return
            if first:
                c.code = m.status
                c._set("ended")
            return
        if method == "INVITE":
            if tag:
                c.rtag = tag[1]
            c.code = m.status
            if m.status >= 180 and c.state == "trying":
                c._set("ringing")
            return
        if m.status == 401 and p and p[5] == 0:
            c.pending.pop(num)
            c._request(method, p[1], p[2] + [self._auth(c, m, method, p[1])], p[3], p[4], tries=1)
        elif m.status >= 200:
            c.pending.pop(num, None)

    @staticmethod
    def _auth(c: Call, m: Msg, method: str, uri: str) -> str:
        ch = m.get("www-authenticate")
        v = dict(re.findall(r'(\w+)="?([^",]+)"?', ch))
        ha1 = _md5(f"{c.who}:{v['realm']}:{c.password}")
        ha2 = _md5(f"{method}:{uri}")
        cn, nc = _tok(8), "00000001"
        resp = _md5(f"{ha1}:{v['nonce']}:{nc}:{cn}:auth:{ha2}")
        extra = f', opaque="{v["opaque"]}"' if "opaque" in v else ""
        return (
            f'Authorization: Digest username="{c.who}", realm="{v["realm"]}", nonce="{v["nonce"]}", '
            f'uri="{uri}", response="{resp}", algorithm=MD5, cnonce="{cn}", qop=auth, nc={nc}{extra}'
        )
