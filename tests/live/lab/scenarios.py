"""The call scenarios: each is a coroutine that takes a `Lab`; its docstring describes it.

A scenario makes calls with the lab's phones and carriers and marks, with `lab.cp`, the
moments at which what Asterisk says is worth comparing.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from tests.live.lab.lab import Lab, scenario
from tests.live.lab.sip import Call

sleep = asyncio.sleep


def did(ph: str) -> str:
    return f"31{ph[1:3]}0{ph[4:]}"


def ext(ph: str) -> str:
    return ph[4:]


async def caller_of(lab: Lab, number: str, cust: str = "17", kind: str | None = None) -> Call:
    """A caller into customer `cust` at short number `number`: a phone or a carrier."""
    kind = kind or lab.p.get("from") or lab.rng.choice(["phone", "carrier-a", "carrier-b"])
    if kind == "phone":
        return lab.ua.invite(f"c{cust}-106" if cust == "17" else f"c{cust}-104", number)
    return lab.ua.invite(kind, f"31{cust}0{number}", num=lab.number())


# plain calls
@scenario()
async def inbound_answered(lab: Lab) -> None:
    """A call from a carrier to a customer's phone: rings, answered, hung up by the callee."""
    (ph,) = lab.phones(1)
    a = lab.ua.invite("carrier-a", did(ph), name="Jan de Vries", num=lab.number())
    b = await lab.ua.wait(ph)
    await lab.cp("ringing", f"one call from carrier-a to {ph}, ringing")
    b.answer()
    await a.until("up")
    await lab.cp("answered", f"one call between carrier-a and {ph}, talking")
    await sleep(lab.rng.uniform(0.5, 2))
    (a if lab.p.get("caller_hangs_up") else b).bye()
    await lab.cp("ended", "no calls")


@scenario()
async def inbound_cancelled(lab: Lab) -> None:
    """Inbound calls nobody answers: one cancelled by the caller, one timed out by the PBX."""
    x, y = lab.phones(2)
    a = lab.ua.invite("carrier-b", did(x), num=lab.number())
    await lab.ua.wait(x)
    await lab.cp("ringing", f"one call to {x}, ringing")
    a.cancel()
    await a.until("ended")
    await lab.cp("cancelled", "no calls")
    await lab.act(Action="Setvar", Variable="CUSTRING", Value="3")
    a = lab.ua.invite("carrier-a", did(y), num=lab.number())
    b = await lab.ua.wait(y)
    await lab.cp("ringing again", f"one call to {y}, ringing")
    await b.until("ended")
    await a.until("ended")
    await lab.cp("timed out", "no calls")


@scenario()
async def busy(lab: Lab) -> None:
    """The called phone is busy (486): first from a carrier, then from a colleague."""
    x, y = lab.phones(2)
    a = lab.ua.invite("carrier-a", did(x), num=lab.number())
    b = await lab.ua.wait(x)
    b.reject(486, "Busy Here")
    await lab.cp(
        "after busy", "the caller's channel may hear busy tone for 3 s; nobody talks", settle=False
    )
    await a.until("ended")
    await lab.cp("ended", "no calls")
    a = lab.ua.invite(y, ext(x))
    b = await lab.ua.wait(x)
    await lab.cp("ringing", f"{y} rings {x}")
    b.reject(486, "Busy Here")
    await a.until("ended")
    await lab.cp("ended 2", "no calls")


@scenario()
async def internal(lab: Lab) -> None:
    """Phone to phone inside one customer; hung up by either side."""
    x, y = lab.phones(2)
    a = lab.ua.invite(x, ext(y))
    b = await lab.ua.wait(y)
    await lab.cp("ringing", f"{x} rings {y}")
    await sleep(lab.rng.uniform(0, 1))
    b.answer()
    await a.until("up")
    await lab.cp("answered", f"{x} talks to {y}")
    lab.rng.choice([a, b]).bye()
    await lab.cp("ended", "no calls")


@scenario()
async def outbound(lab: Lab) -> None:
    """Phone to an outside number over a carrier: 183 with early media, then answered."""
    (x,) = lab.phones(1)
    n = "0" + lab.number()
    a = lab.ua.invite(x, n)
    b = await lab.ua.wait("carrier-a")
    await lab.cp("ringing", f"{x} calls {n[1:]} over carrier-a, ringing")
    b.ring(183)
    await lab.cp("early media", f"{x} calls {n[1:]} over carrier-a, not answered yet")
    b.answer()
    await a.until("up")
    await lab.cp("answered", f"{x} talks to {n[1:]} over carrier-a")
    await sleep(lab.rng.uniform(0.3, 1.5))
    lab.rng.choice([a, b]).bye()
    await lab.cp("ended", "no calls")


@scenario()
async def failed(lab: Lab) -> None:
    """Calls that fail: carrier-a congested so carrier-b is tried, both refuse, unallocated, congestion tone."""
    (x,) = lab.phones(1)
    n = "0" + lab.number()
    lab.ua.auto["carrier-a"] = lambda c: c.reject(503, "Service Unavailable")
    a = lab.ua.invite(x, n)
    b = await lab.ua.wait("carrier-b")
    await lab.cp("second carrier rings", f"{x} calls {n[1:]}, now over carrier-b, ringing")
    b.answer()
    await a.until("up")
    await lab.cp("answered", f"{x} talks to {n[1:]} over carrier-b")
    a.bye()
    await lab.cp("ended", "no calls")
    lab.ua.auto["carrier-b"] = lambda c: c.reject(404, "Not Found")
    a = lab.ua.invite(x, n)
    await a.until("ended")
    await lab.cp("both refused", "no calls")
    for e in ("182", "181"):
        a = lab.ua.invite(x, e)
        await a.until("ended")
    await lab.cp("refused by the dialplan", "no calls")
    a = lab.ua.invite(x, "183")
    await a.until("ringing")
    await lab.cp("rings to nobody", f"one call from {x}, ringing, one channel only")
    a.cancel()
    await a.until("ended")
    a = lab.ua.invite(x, "999")
    await a.until("ended")
    await lab.cp("no such number", "no calls")


# forwards and groups
@scenario()
async def forward(lab: Lab) -> None:
    """A call forwarded through Local channels (optimised away or /n), to a phone or outside."""
    n = lab.p.get("number", "110")
    cust = lab.p.get("cust", "17")
    a = await caller_of(lab, n, cust)
    who = "carrier-a" if n == "112" else f"c{cust}-102"
    b = await lab.ua.wait(who)
    await lab.cp("ringing", f"one call to {n}, forwarded to {who}, ringing through Local channels")
    await sleep(lab.rng.uniform(0, 1))
    b.answer()
    await a.until("up")
    await lab.cp(
        "answered", "one call, talking; Local channels gone when optimised, still there with /n"
    )
    await sleep(1)
    await lab.cp("a second later", "the same")
    (b if lab.p.get("callee_hangs_up") else a).bye()
    await lab.cp("ended", "no calls")


@scenario()
async def forward_302(lab: Lab) -> None:
    """The called phone answers 302: Asterisk makes a Local channel to the new number by itself."""
    x, y = lab.phones(2)
    a = lab.ua.invite("carrier-a", did(x), num=lab.number())
    lab.ua.auto[x] = lambda c: c.redirect(
        f"sip:{did(y) if lab.p.get('did') else ext(y)}@127.0.0.1:{lab.server.sip_port}"
    )
    try:
        b = await lab.ua.wait(y, 4)
    except TimeoutError:
        await lab.cp("not followed", "the redirect led nowhere")
        a.hangup()
        await lab.cp("ended", "no calls")
        return
    await lab.cp("ringing", f"one call for {x}, sent on to {y}, ringing")
    b.answer()
    await a.until("up")
    await lab.cp("answered", f"one call between carrier-a and {y}")
    b.bye()
    await lab.cp("ended", "no calls")


@scenario()
async def ring_group(lab: Lab) -> None:
    """Several phones ring, one answers, the others are cancelled (120 direct, 121 through Local, 122 hunt)."""
    n, cust = lab.p.get("number", "120"), lab.p.get("cust", "17")
    a = await caller_of(lab, n, cust)
    ph = [f"c{cust}-{x}" for x in (101, 102, 103)]
    if n == "122":
        await lab.ua.wait(ph[0])
        await lab.cp("first rings", f"one call, {ph[0]} rings")
        win = await lab.ua.wait(ph[1])
        await lab.cp("second rings", f"one call, {ph[1]} rings, {ph[0]} no longer")
        who = ph[1]
    else:
        bs = {p: await lab.ua.wait(p) for p in ph}
        await lab.cp("all ring", "one call, three phones ring")
        if lab.p.get("one_busy"):
            bs[ph[0]].reject(486)
            await lab.cp("one busy", f"one call, {ph[1]} and {ph[2]} ring")
        who = lab.p.get("winner") or lab.rng.choice(ph[1:])
        win = bs[who]
    win.answer()
    await a.until("up")
    await lab.cp("answered", f"one call between the caller and {who}; nobody else rings")
    await sleep(0.5)
    win.bye() if lab.rng.random() < 0.5 else a.bye()
    await lab.cp("ended", "no calls")


# queues
@scenario()
async def queue_call(lab: Lab) -> None:
    """A caller waits in a queue, agents ring (130 SIP members, 131 Local /n members, 132 optimised Local, one after another)."""
    n = lab.p.get("number", "131")
    a = await caller_of(lab, n)
    await a.until("up")
    ph = ["c17-103", "c17-104"]
    b3 = await lab.ua.wait(ph[0])
    if n == "132":
        await lab.cp("first agent rings", f"one caller in the queue, {ph[0]} rings")
        b3.reject(486) if lab.p.get("refuse") else None
        win = await lab.ua.wait(ph[1])
        who = ph[1]
        await lab.cp("second agent rings", f"one caller in the queue, {ph[1]} rings")
    else:
        b4 = await lab.ua.wait(ph[1])
        await lab.cp("agents ring", "one caller in the queue hearing music, two agents ring")
        win, who = (b4, ph[1]) if lab.p.get("winner", 104) == 104 else (b3, ph[0])
        if lab.p.get("abandon"):
            a.bye()
            await lab.cp("abandoned", "no calls")
            return
    win.answer()
    await lab.cp("answered", f"the caller talks to {who}; nobody else rings")
    await sleep(1.2)
    if lab.p.get("second_caller"):
        a2 = await caller_of(lab, n, kind="carrier-b")
        other = ph[0] if who == ph[1] else ph[1]
        await a2.until("up")
        b2 = await lab.ua.wait(other)
        await lab.cp(
            "second caller", f"one talking with {who}; a second caller waits, {other} rings"
        )
        await lab.act(
            Action="QueuePause",
            Interface=lab.p.get("pause", "PJSIP/" + other),
            Paused="true",
            Queue="",
        )
        b2.answer()
        await lab.cp("two talk", "two calls talking")
        a2.bye()
        await lab.cp("one left", f"one call, with {who}")
    (win if lab.p.get("agent_hangs_up", True) else a).bye()
    await lab.cp("ended", "no calls")


# transfers
@scenario()
async def blind_transfer(lab: Lab) -> None:
    """A blind transfer by SIP REFER, by DTMF or by the AMI action BlindTransfer."""
    how = lab.p.get("how", "refer")
    x, y = lab.phones(2, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("talking", f"carrier-a talks to {x}")
    if how == "refer":
        b.refer(ext(y))
    elif how == "dtmf":
        for d in "#1":
            b.dtmf(d)
            await sleep(0.15)
        await sleep(1.2)
        await lab.cp(
            "asked for the number",
            f"one call; carrier-a hears music, {x} is asked where to send it",
            settle=False,
        )
        for d in ext(y):
            b.dtmf(d)
            await sleep(0.3)
    else:
        await lab.act(
            Action="BlindTransfer",
            Channel=await lab.chan(f"PJSIP/{x}"),
            Exten=ext(y),
            Context="cust",
        )
    c = await lab.ua.wait(y)
    await lab.cp("target rings", f"one call: carrier-a, {y} rings; {x} is out of it")
    if lab.p.get("no_answer"):
        c.reject(486)
        await a.until("ended")
        await lab.cp("refused", "no calls")
        return
    c.answer()
    await lab.cp("transferred", f"one call: carrier-a talks to {y}")
    c.bye()
    await lab.cp("ended", "no calls")
    b.hangup()
    await lab.quiet()


@scenario()
async def attended_transfer(lab: Lab) -> None:
    """An attended transfer: AMI Atxfer, DTMF *2, or two SIP calls and REFER with Replaces; also before the target answers."""
    how = lab.p.get("how", "ami")
    early = lab.p.get("early")
    cust = lab.p.get("cust", "17")
    x, y = lab.phones(2, cust)
    if lab.p.get("from") == "phone":
        z = next(p for p in (f"c{cust}-{n}" for n in (101, 102, 103, 104)) if p not in (x, y))
        a, b = await lab.pair(z, ext(x), x)
    else:
        z = "carrier-a"
        a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("talking", f"{z} talks to {x}")
    if how == "refer":
        b.hold()
        await lab.cp("held", f"{z} is on hold by {x}")
        d = lab.ua.invite(x, ext(y))
        c = await lab.ua.wait(y)
        await lab.cp("target rings", f"{z} on hold; {x} rings {y}")
        if not early:
            c.answer()
            await d.until("up")
            await lab.cp("consulting", f"{z} on hold; {x} talks to {y}")
        else:
            await d.until("ringing")
        b.refer_replaces(d)
        await sleep(0.6)
        await lab.cp("after REFER", f"{z} {'rings' if early else 'talks to'} {y}; {x} is out")
        if early:
            c.answer()
            await lab.cp("target answered", f"{z} talks to {y}")
        b.hangup()
        d.hangup()
    else:
        if how == "ami":
            await lab.act(
                Action="Atxfer", Channel=await lab.chan(f"PJSIP/{x}"), Exten=ext(y), Context="cust"
            )
        else:
            for ch in "*2":
                b.dtmf(ch)
                await sleep(0.15)
            await sleep(1.2)
            for ch in ext(y):
                b.dtmf(ch)
                await sleep(0.3)
        c = await lab.ua.wait(y, 12)
        await lab.cp("target rings", f"{z} on hold; {x} rings {y}")
        if lab.p.get("give_up"):
            c.reject(486)
            await sleep(1)
            await lab.cp(
                "target refused",
                f"{x} hears busy tone from a Local channel; {z} still on hold",
                tries=8,
            )
            if lab.p.get("give_up") == "hangup":
                b.bye()  # during the tone: the target is called back for z
                await sleep(1)
                await lab.cp(
                    "transferrer gone", f"{z} waits on hold for the transfer that failed", tries=8
                )
                a.bye()
            else:
                await sleep(4.5)
                await lab.cp("back together", f"{z} and {x} talk again", tries=8)
                b.bye()
            await sleep(1)
            await lab.cp("ended", "no calls", tries=8)
            return
        if not early:
            c.answer()
            await lab.cp("consulting", f"{z} on hold; {x} talks to {y}")
            if lab.p.get("swap"):
                for ch in "*1":
                    b.dtmf(ch)
                    await sleep(0.15)
                await sleep(1)
                await lab.cp("three-way or swapped", "see the bridges")
        b.bye()
        await lab.cp(
            "transferrer hung up",
            f"{z} {'is still waiting, ' + y + ' rings' if early else 'talks to ' + y}",
            tries=8,
        )
        if early:
            c.answer()
            await lab.cp("target answered", f"{z} talks to {y}")
    await sleep(0.5)
    (c if lab.p.get("target_hangs_up", True) else a).bye()
    await lab.cp("ended", "no calls")


# parking, pickup
@scenario()
async def parking(lab: Lab) -> None:
    """A talking call is parked (AMI Park, DTMF or the parking extension) and fetched or times out."""
    x, y = lab.phones(2, "17")
    how = lab.p.get("how", "ami")
    if how == "exten":
        a = lab.ua.invite(x, "170")
        await a.until("up")
        b = None
    else:
        a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
        await lab.cp("talking", f"carrier-a talks to {x}")
        if how == "ami":
            await lab.act(
                Action="Park",
                Channel=await lab.chan("PJSIP/carrier-a"),
                TimeoutChannel=await lab.chan(f"PJSIP/{x}"),
                Timeout=str(lab.p.get("timeout", 45000)),
            )
        elif how == "refer":
            b.refer("700")
        else:
            for d in "#72":
                b.dtmf(d)
                await sleep(0.15)
    await sleep(1)
    await lab.cp("parked", "one call parked at 701, nobody talks", tries=8)
    if lab.p.get("timeout_comes_back"):
        c = await lab.ua.wait(x, 12)
        await lab.cp("parking timed out", f"the parked caller rings {x} again")
        c.answer()
        await lab.cp("answered again", f"carrier-a talks to {x}")
    else:
        c = lab.ua.invite(y, "701")
        await c.until("up")
        await sleep(1.5)
        await lab.cp("fetched", f"the parked caller talks to {y}", tries=8)
    await sleep(0.5)
    c.bye()
    await lab.cp("hung up", "no calls, or a phone left behind alone in a bridge", tries=8)
    a.hangup()
    if b:
        b.hangup()
    await lab.cp("ended", "no calls", tries=8)


@scenario()
async def pickup(lab: Lab) -> None:
    """A third phone picks up a ringing call: *8, Pickup(exten@context) or PickupChan."""
    x, y = lab.phones(2, "17")
    code = {"group": "*8", "exten": f"*8{ext(x)}", "chan": f"*88{ext(x)}"}[
        lab.p.get("how", "exten")
    ]
    a = lab.ua.invite("carrier-a", did(x), num=lab.number())
    b = await lab.ua.wait(x)
    await lab.cp("ringing", f"one call, {x} rings")
    c = lab.ua.invite(y, code)
    await c.until("up")
    await lab.cp("picked up", f"one call between carrier-a and {y}; {x} no longer rings")
    await b.until("ended")
    await sleep(0.5)
    lab.rng.choice([a, c]).bye()
    await lab.cp("ended", "no calls")


# conference, recording, hold
@scenario()
async def conference(lab: Lab) -> None:
    """ConfBridge with three parties joining and leaving, one muted and one kicked over AMI."""
    x, y = lab.phones(2, "17")
    a = lab.ua.invite(x, "150")
    await a.until("up")
    await lab.cp("one in", f"{x} alone in conference 150")
    b = lab.ua.invite(y, "151")
    await b.until("up")
    await lab.cp("two in", "two in the conference")
    c = lab.ua.invite("carrier-a", "31170150", num=lab.number())
    await c.until("up")
    await lab.cp("three in", "three in the conference: one call or three, but one bridge")
    await lab.act(
        Action="ConfbridgeMute", Conference="conf-17", Channel=await lab.chan(f"PJSIP/{y}")
    )
    await lab.act(Action="ConfbridgeStartRecord", Conference="conf-17")
    await lab.cp("muted, recorded", "as before; the conference is being recorded")
    a.bye()
    await lab.cp("first left", "two in the conference")
    await lab.act(Action="ConfbridgeStopRecord", Conference="conf-17")
    await lab.act(
        Action="ConfbridgeKick", Conference="conf-17", Channel=await lab.chan("PJSIP/carrier-a")
    )
    await lab.cp("one kicked", f"{y} alone")
    b.bye()
    await lab.cp("ended", "no calls")


@scenario()
async def recording(lab: Lab) -> None:
    """MixMonitor: from the dialplan, started/stopped/muted over AMI mid-call, and by DTMF one-touch *3."""
    x, y = lab.phones(2, "17")
    how = lab.p.get("how", "ami")
    if how == "dialplan":
        a, b = await lab.pair(x, "1551" + ext(y)[-1], y)
        await lab.cp(
            "recorded from the start", f"{x} talks to {y}, recorded (MixMonitor ran before Dial)"
        )
    else:
        a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
        await lab.cp("talking", f"carrier-a talks to {x}, not recorded")
    if how == "dtmf":
        for d in "*3":
            b.dtmf(d)
            await sleep(0.15)
        await sleep(1.5)
        await lab.cp("one-touch on", "recorded", tries=8)
        for d in "*3":
            b.dtmf(d)
            await sleep(0.15)
        await sleep(1.5)
        await lab.cp("one-touch off", "not recorded", tries=8)
    if how in ("ami", "dialplan"):
        ch = await lab.chan("PJSIP/carrier-a" if how == "ami" else f"PJSIP/{x}")
        r, _ = await lab.act(Action="MixMonitor", Channel=ch, File="call-one.wav", options="b")
        await lab.cp("recording started", "recorded to call-one.wav")
        await lab.act(Action="MixMonitorMute", Channel=ch, Direction="both", State="1")
        await lab.cp("recording muted", "recorded, muted")
        await lab.act(Action="MixMonitorMute", Channel=ch, Direction="both", State="0")
        await lab.act(Action="MixMonitor", Channel=ch, File="call-two.wav", options="i(SECONDID)")
        await lab.cp("second recording", "recorded twice")
        await lab.act(Action="StopMixMonitor", Channel=ch)
        await lab.cp(
            "one stopped", "still recorded once: StopMixMonitor without an id stops one of them"
        )
        await lab.act(Action="StopMixMonitor", Channel=ch)
        await lab.cp("both stopped", "not recorded (dialplan variant: one left)")
        await lab.act(Action="MixMonitor", Channel=ch, File="call-three.wav")
        await lab.cp("third recording", "recorded; it ends with the call")
    b.bye()
    await lab.cp("ended", "no calls")


@scenario()
async def hold(lab: Lab) -> None:
    """Hold and resume by SIP re-INVITE from either side, both at once, and music on hold as an application."""
    x, y = lab.phones(2)
    a, b = await lab.pair(x, ext(y), y)
    await lab.cp("talking", f"{x} talks to {y}")
    b.hold()
    await lab.cp("held by callee", f"{x} on hold")
    b.unhold()
    await lab.cp("resumed", f"{x} talks to {y}")
    a.hold()
    await lab.cp("held by caller", f"{y} on hold")
    b.hold()
    await lab.cp("both hold", "both on hold")
    a.unhold()
    b.unhold()
    await lab.cp("resumed again", "talking")
    a.hold()
    await lab.quiet()
    b.bye()
    await lab.cp("hung up while held", "no calls")
    c = lab.ua.invite(x, "143")
    await c.until("up")
    await lab.cp("music", f"{x} alone, hearing music")
    c.bye()
    await lab.cp("ended", "no calls")


@scenario()
async def caller_id(lab: Lab) -> None:
    """Caller ids with UTF-8 names, quotes, long and empty names, anonymous and prohibited presentation, odd numbers."""
    (x,) = lab.phones(1)
    cases: list[dict[str, Any]] = [
        dict(name="Zoë Müller-Đặng 株式会社", num="+31205550101"),
        dict(name='Dee "Quick" O\'Hara, Jr.', num="0031205550102"),
        dict(
            name="Anonymous",
            num="anonymous",
            extra=[
                "Privacy: id",
                'P-Asserted-Identity: "Secret Sam" <sip:0031205550103@127.0.1.1>',
            ],
        ),
        dict(name="<script>&amp;", num="0031205550104"),
        dict(name="x" * 200, num="0031205550105"),
        dict(name="back\\slash: colon", num="*31#0205550106"),
        dict(num="0031205550107"),
    ]
    for i, k in enumerate(cases):
        a = lab.ua.invite("carrier-a", did(x), **k)
        b = await lab.ua.wait(x)
        await lab.cp(f"ringing {i}", f"one call with caller id {k.get('name', '')!r} <{k['num']}>")
        b.answer()
        await a.until("up")
        await lab.cp(f"talking {i}", "the same, talking")
        ch = await lab.chan("PJSIP/carrier-a")
        if i == 3:
            await lab.act(
                Action="Setvar", Channel=ch, Variable="CALLERID(name)", Value="Renamed mid-call"
            )
            await lab.act(Action="Setvar", Channel=ch, Variable="CALLERID(num)", Value="0031999")
            await lab.act(
                Action="Setvar", Channel=ch, Variable="CONNECTEDLINE(name,i)", Value="Nieuwe naam"
            )
            await lab.cp(
                "changed mid-call", "one call; caller id and connected line changed by the server"
            )
        (a, b)[i % 2].bye()
        await lab.cp(f"ended {i}", "no calls")


# originate, redirect
@scenario()
async def click_to_call(lab: Lab) -> None:
    """Originate: the user's phone rings first, then the number is called (Channel direct, or Local; also refused and unanswered)."""
    x, y = lab.phones(2, "17")
    how = lab.p.get("how", "direct")
    target = lab.p.get("target", "phone")
    num = ext(y) if target == "phone" else "0" + lab.number()
    ch = (
        f"PJSIP/{x}"
        if how == "direct"
        else f"Local/{ext(x)}@click" + ("/n" if how == "local-n" else "")
    )
    v = [
        ("Variable", "__CUSTOMER=17"),
        ("Variable", "cs_stype=click"),
        ("Variable", f"cs_snumber={ext(x)}"),
        ("Variable", "__cs_callid=click-1"),
    ]
    await lab.act(
        ("Action", "Originate"),
        ("Channel", ch),
        ("Context", "cust"),
        ("Exten", num),
        ("Priority", "1"),
        ("CallerID", f'"Click {ext(x)}" <{ext(x)}>'),
        ("Timeout", "15000"),
        ("Async", "true"),
        ("ChannelId", "click-chan-1"),
        *v,
    )
    a = await lab.ua.wait(x)
    await lab.cp("first leg rings", f"{x} rings, nothing else")
    if lab.p.get("refuse"):
        a.reject(486)
        await lab.cp("refused", "no calls")
        return
    a.answer()
    b = await lab.ua.wait(y if target == "phone" else "carrier-a")
    await lab.cp("second leg rings", f"{x} has answered and calls {num}")
    b.answer()
    await lab.cp("talking", f"{x} talks to {num}")
    await sleep(0.7)
    b.bye()
    await lab.cp("ended", "no calls")
    # to an application instead of an extension, and one that nobody answers
    await lab.act(
        ("Action", "Originate"),
        ("Channel", f"PJSIP/{x}"),
        ("Application", "MusicOnHold"),
        ("Data", "default"),
        ("Timeout", "15000"),
        ("Async", "true"),
        *v,
    )
    a = await lab.ua.wait(x)
    a.answer()
    await lab.cp("single leg", f"{x} hears music, one channel")
    a.bye()
    await lab.cp("ended 2", "no calls")
    await lab.act(
        ("Action", "Originate"),
        ("Channel", f"PJSIP/{y}"),
        ("Context", "cust"),
        ("Exten", ext(x)),
        ("Priority", "1"),
        ("Timeout", "2000"),
        ("Async", "true"),
        *v,
    )
    await lab.ua.wait(y)
    await lab.cp("rings unanswered", f"{y} rings")
    await sleep(2.2)
    await lab.cp("gave up", "no calls")


@scenario()
async def redirect(lab: Lab) -> None:
    """AMI Redirect of one leg, of both legs (ExtraChannel), and the AMI Bridge action."""
    x, y = lab.phones(2, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("talking", f"carrier-a talks to {x}")
    ca, cb = await lab.chan("PJSIP/carrier-a"), await lab.chan(f"PJSIP/{x}")
    how = lab.p.get("how", "dual")
    if how == "dual":
        await lab.act(
            Action="Redirect",
            Channel=ca,
            Context="moved",
            Exten="3",
            Priority="1",
            ExtraChannel=cb,
            ExtraContext="moved",
            ExtraExten="3",
            ExtraPriority="1",
        )
        await lab.cp("both moved", "both in a conference room now", tries=8)
        ca, cb = await lab.chan("PJSIP/carrier-a"), await lab.chan(f"PJSIP/{x}")
        await lab.act(Action="Bridge", Channel1=ca, Channel2=cb, Tone="no")
        await lab.cp(
            "bridge asked for",
            "as before: AMI Bridge refuses a channel that is in a conference",
            tries=8,
        )
        b.bye()
        await lab.cp("one hung up", "see the channels", tries=8)
        a.bye()
    elif how == "callee":
        await lab.act(Action="Redirect", Channel=cb, Context="moved", Exten="1", Priority="1")
        await lab.cp("callee moved", f"{x} is alone in Wait; carrier-a hung up or alone", tries=8)
        b.bye()
        a.hangup()
    else:
        await lab.act(Action="Redirect", Channel=ca, Context="moved", Exten=ext(y), Priority="1")
        c = await lab.ua.wait(y)
        await lab.cp("caller moved, target rings", f"carrier-a rings {y}; {x} is out", tries=8)
        c.answer()
        await lab.cp("target answered", f"carrier-a talks to {y}")
        b.hangup()
        c.bye()
    await lab.cp("ended", "no calls", tries=8)


@scenario()
async def two_bridge_swap(lab: Lab) -> None:
    """Two talking calls are crossed with the AMI Bridge action, so that members change bridges."""
    w, x, y = lab.phones(3, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    c, d = await lab.pair(w, ext(y), y)
    await lab.cp("two calls", f"carrier-a/{x} and {w}/{y}")
    await lab.act(
        Action="Bridge",
        Channel1=await lab.chan("PJSIP/carrier-a"),
        Channel2=await lab.chan(f"PJSIP/{y}"),
        Tone="channel1",
    )
    await sleep(0.8)
    await lab.cp("crossed", f"carrier-a talks to {y}; the others hung up or wait", tries=8)
    for k in (a, b, c, d):
        k.hangup()
    await lab.cp("ended", "no calls", tries=8)


@scenario()
async def masquerade(lab: Lab) -> None:
    """Masquerades and renames: AMI Bridge pulls channels out of applications (Surrogate), INVITE with Replaces takes a call over, attended transfer into an application."""
    x, y = lab.phones(2, "17")
    a, b = lab.ua.invite(x, "145"), lab.ua.invite(y, "141")
    await a.until("up")
    await b.until("up")
    await lab.cp("two in applications", f"{x} in Wait, {y} in Echo: two calls of one channel")
    await lab.act(
        Action="Bridge",
        Channel1=await lab.chan(f"PJSIP/{x}"),
        Channel2=await lab.chan(f"PJSIP/{y}"),
        Tone="no",
    )
    await sleep(1)
    await lab.cp("pulled together", f"{x} talks to {y}", tries=8)
    a.bye()
    await sleep(1)
    await lab.cp("hung up", "no calls, or the other one going on alone", tries=8)
    b.hangup()
    await lab.cp("ended", "no calls", tries=8)
    # a call is taken over by a third phone with INVITE and Replaces
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("talking", f"carrier-a talks to {x}")
    c = lab.ua.invite(
        y,
        ext(x),
        extra=[f"Replaces: {b.callid};to-tag={b.rtag};from-tag={b.ltag}", "Require: replaces"],
    )
    await c.until("up", "ended")
    await sleep(0.7)
    await lab.cp("taken over", f"carrier-a talks to {y}; {x} is out", tries=8)
    for k in (a, b, c):
        k.hangup()
    await lab.cp("ended 2", "no calls", tries=8)
    # attended transfer whose second call is to an application
    a, b = await lab.pair("carrier-b", did(x), x, num=lab.number())
    b.hold()
    d = lab.ua.invite(x, "143")
    await d.until("up")
    await lab.cp(
        "held, second call in an application",
        f"carrier-b on hold by {x}; {x} hears music in a second call",
    )
    b.refer_replaces(d)
    await sleep(1)
    await lab.cp("transferred into the application", "carrier-b hears the music", tries=8)
    for k in (a, b, d):
        k.hangup()
    await lab.cp("ended 3", "no calls", tries=8)


@scenario()
async def chanspy(lab: Lab) -> None:
    """A supervisor listens in on a talking call (ChanSpy), then the call ends under the spy."""
    x, y = lab.phones(2, "17")
    z = "c17-105"
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    s = lab.ua.invite(z, f"*9{ext(x)}")
    await s.until("up")
    await sleep(1)
    await lab.cp(
        "spied upon",
        f"carrier-a talks to {x}; {z} listens (a channel of its own, in no bridge)",
        tries=8,
    )
    a.bye()
    await sleep(1)
    await lab.cp("call ended", "the call is over; the spy too, or waiting", tries=8)
    s.hangup()
    await lab.cp("ended", "no calls")


@scenario()
async def ivr(lab: Lab) -> None:
    """Single-leg calls: IVR with WaitExten and a choice leading to a phone, Echo, AsyncAGI driven over AMI, Hangup action."""
    (x,) = lab.phones(1, "17")
    a = lab.ua.invite("carrier-a", "31170140", num=lab.number())
    await a.until("up")
    await lab.cp("in the ivr", "one call in the IVR, one channel", tries=8)
    a.dtmf("1")
    b = await lab.ua.wait("c17-102")
    await lab.cp("chosen", "the caller rings c17-102")
    b.answer()
    await lab.cp("talking", "the caller talks to c17-102")
    b.bye()
    await lab.cp("ended", "no calls")
    e = lab.ua.invite(x, "141")
    await e.until("up")
    await lab.cp("echo", f"{x} alone in Echo")
    await lab.act(Action="Hangup", Channel=await lab.chan(f"PJSIP/{x}"), Cause="16")
    await e.until("ended")
    await lab.cp("hung up over AMI", "no calls")
    g = lab.ua.invite(x, "160")
    await g.until("up")
    ch = await lab.chan(f"PJSIP/{x}")
    await lab.cp("async agi", f"{x} alone in AsyncAGI")
    for c in (
        "SET VARIABLE cs_dnumber 160",
        "GET VARIABLE CUSTOMER",
        "EXEC Wait 1",
        "EXEC UserEvent Lab,Hello: wörld",
    ):
        await lab.act(Action="AGI", Channel=ch, Command=c, CommandID="x1")
        await sleep(1.3 if "Wait" in c else 0.2)
    await lab.cp("agi ran", "the same", tries=8)
    await lab.act(Action="AGI", Channel=ch, Command="ASYNCAGI BREAK")
    await g.until("ended")
    await lab.cp("ended 2", "no calls")


@scenario()
async def callee_sub(lab: Lab) -> None:
    """Dial with U(): the callee answered and runs a subroutine, so Up comes seconds before the bridge."""
    x = "c17-103"
    a = lab.ua.invite(x, "191")
    b = await lab.ua.wait("c17-102")
    b.answer()
    await sleep(0.5)
    await lab.cp(
        "callee in subroutine",
        "callee channel Up, caller still hears ringing, no bridge",
        settle=False,
    )
    await a.until("up")
    await lab.cp("talking", f"{x} talks to c17-102")
    a.bye()
    await lab.cp("ended", "no calls")


# variables
@scenario()
async def variables_midcall(lab: Lab) -> None:
    """Variables change during the call: AMI Setvar on a channel, odd values, a global, one cleared; LocalOptimizeAway."""
    x, y = lab.phones(2, "17")
    a = lab.ua.invite("carrier-a", "31170111", num=lab.number())
    b = await lab.ua.wait("c17-102")
    b.answer()
    await a.until("up")
    await lab.cp("talking through Local /n", "one call, four channels")
    ch = await lab.chan("PJSIP/carrier-a")
    for k, v in (
        ("cs_dcustomer", "23"),
        ("cs_peer", "carrier-b"),
        ("cs_outgroup", 'a: b = c; "q" é'),
        ("cs_overmax", "1"),
        ("_cs_ingroup", "one-level"),
        ("cs_snumber", ""),
    ):
        await lab.act(Action="Setvar", Channel=ch, Variable=k, Value=v)
    await lab.act(Action="Setvar", Variable="LABGLOBAL", Value="g1")
    await lab.cp("variables changed", "the same call, variables changed")
    loc = await lab.chan("Local/102@cust")
    await lab.act(Action="LocalOptimizeAway", Channel=loc)
    await sleep(1)
    await lab.cp("asked to optimise", "Local channels may go now", tries=8)
    a.bye()
    await lab.cp("ended", "no calls", tries=8)


# many at once
@scenario(media=False)
async def short_calls(lab: Lab) -> None:
    """Many short calls one upon another, some answered, some cancelled, some busy."""
    n = lab.p.get("calls", 40)
    ph = [f"c{c}-{e}" for c in ("17", "23") for e in (101, 102, 103)]

    async def callee(c: Call) -> None:
        r = lab.rng
        await sleep(r.uniform(0.02, 0.3))
        if r.random() < 0.15:
            c.reject(486)
            return
        c.ring()
        await sleep(r.uniform(0.02, 0.4))
        if c.state == "ended":
            return
        c.answer()
        await sleep(r.uniform(0.05, 0.8))
        if r.random() < 0.5:
            c.bye()

    for p in ph:
        lab.ua.auto[p] = callee

    async def caller() -> None:
        tgt = lab.rng.choice(ph)
        if lab.rng.random() < 0.6:
            a = lab.ua.invite(
                lab.rng.choice(["carrier-a", "carrier-b"]), did(tgt), num=lab.number()
            )
        else:
            a = lab.ua.invite(f"{tgt[:3]}-104", ext(tgt))
        await sleep(lab.rng.uniform(0.2, 1.6))
        a.hangup()

    tasks = []
    for _ in range(n):
        tasks.append(asyncio.ensure_future(caller()))
        await sleep(lab.rng.uniform(0.02, 0.15))
    await lab.cp("storm", "calls come and go while this is asked", settle=False, tries=1)
    await asyncio.gather(*tasks)
    await sleep(1.5)
    await lab.cp("ended", "no calls", tries=8)


class Gate:
    """Random traffic whose every move can be held still for a checkpoint."""

    def __init__(
        self, lab: Lab, hold: tuple[float, ...] = (8, 20), mix: list[str] | None = None
    ) -> None:
        self.lab, self.open, self.hold = lab, asyncio.Event(), hold
        self.tasks: set[asyncio.Future[None]] = set()
        self.open.set()
        self.live = 0
        self.mix = mix
        for c in ("17", "23"):
            for e in (101, 102, 103, 104):
                lab.ua.auto[f"c{c}-{e}"] = self.callee
        lab.ua.auto["carrier-a"] = lab.ua.auto["carrier-b"] = self.callee

    async def pause(self, s: float) -> None:
        # sleeps, and then waits for the gate
        await sleep(s)
        await self.open.wait()

    async def callee(self, c: Call) -> None:
        r = self.lab.rng
        await self.pause(r.uniform(0.02, 0.2))
        if c.state == "ended":
            return
        if r.random() < 0.06:
            c.reject(486)
            return
        c.ring()
        await self.pause(r.uniform(0.1, 2.5))
        if c.state == "ended":
            return
        c.answer()
        await self.pause(r.uniform(*self.hold) * 1.2)
        c.bye()

    async def caller(self) -> None:
        r, lab = self.lab.rng, self.lab
        cust = r.choice(["17", "23"])
        kind = r.choice(
            self.mix or ["in", "in", "in", "int", "int", "out", "fwd", "fwdn", "group", "ivr"]
        )
        e = {
            "in": str(r.choice([101, 102, 103, 104])),
            "int": str(r.choice([101, 102, 103, 104])),
            "out": "0" + lab.number(),
            "fwd": "110",
            "fwdn": "111",
            "group": r.choice(["120", "121"]),
            "ivr": "145",
            "queue": "131",
            "conf": "150",
        }[kind]
        if kind in ("int", "out") or (kind != "in" and r.random() < 0.4):
            a = lab.ua.invite(f"c{cust}-{r.choice([101, 102, 103, 104])}", e)
        else:
            a = lab.ua.invite(
                r.choice(["carrier-a", "carrier-b"]), f"31{cust}0{e}", num=lab.number()
            )
        self.live += 1
        if r.random() < 0.08:
            await self.pause(r.uniform(0.1, 1.0))
        else:
            await self.pause(r.uniform(*self.hold))
        if r.random() < 0.2 and a.state == "up":
            a.hold()
            await self.pause(r.uniform(0.2, 3))
            if a.state == "up":
                a.unhold()
                await self.pause(r.uniform(0.2, 3))
        a.hangup()
        self.live -= 1

    async def traffic(self, rate: float, seconds: float, marks: Iterable[float] = ()) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        marks = list(marks)
        held = 0.0
        while True:
            now = loop.time() - start - held
            if now >= seconds:
                break
            if marks and now >= marks[0]:
                marks.pop(0)
                t = loop.time()
                await self.still()
                held += loop.time() - t
            tk = asyncio.ensure_future(self.caller())
            self.tasks.add(tk)
            tk.add_done_callback(self.tasks.discard)
            await sleep(self.lab.rng.expovariate(rate))

    async def still(self, label: str | None = None) -> None:
        lab = self.lab
        self.open.clear()
        await lab.quiet(0.4, 8)
        await lab.cp(
            label or f"{lab.watched.received} bytes in",
            "see the channels; traffic was held still for this",
            tries=5,
        )
        self.open.set()

    async def drain(self) -> None:
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=60)
        for c in list(self.lab.ua.calls.values()):
            if c.state != "ended":
                c.hangup()
        await sleep(2)


@scenario(media=False)
async def mixed_traffic(lab: Lab) -> None:
    """Random mixed traffic of two customers (calls, forwards, groups, outbound, holds), held still at checkpoints."""
    g = Gate(lab, tuple(lab.p.get("hold", (3, 9))), lab.p.get("mix"))
    s = lab.p.get("seconds", 40)
    await g.traffic(lab.p.get("rate", 2), s, [s * k / 5 for k in range(1, 5)])
    await g.drain()
    await lab.cp("ended", "no calls", tries=8)


@scenario(media=False)
async def load_sip(lab: Lab) -> None:
    """Load: SIP calls at a fixed rate with hundreds of channels up, mixed kinds, held still at checkpoints."""
    g = Gate(
        lab,
        tuple(lab.p.get("hold", (8, 16))),
        lab.p.get("mix") or ["in", "in", "in", "int", "out", "ivr"],
    )
    s = lab.p.get("seconds", 62)
    await g.traffic(lab.p.get("rate", 20), s, [s * 0.3, s * 0.6, s * 0.9])
    await g.drain()
    await lab.cp("ended", "no calls", tries=8)


@scenario(media=False)
async def load_local(lab: Lab) -> None:
    """Load: Local channels originated over AMI at a fixed rate, each up for some seconds, hundreds at once."""
    rate, s = lab.p.get("rate", 20), lab.p.get("seconds", 62)
    o = await lab.new_ctl()
    loop = asyncio.get_running_loop()

    async def burst(seconds: float) -> int:
        end, n = loop.time() + seconds, 0
        nxt = loop.time()
        while nxt < end:
            ms = lab.rng.randint(*lab.p.get("ms", (9000, 20000)))
            await o.action(
                [
                    ("Action", "Originate"),
                    ("Channel", f"Local/{ms}@load" + lab.p.get("suffix", "/n")),
                    ("Context", "loadapp"),
                    ("Exten", "s"),
                    ("Priority", "1"),
                    ("Async", "true"),
                    ("CallerID", f"Load <{lab.number()}>"),
                    ("Variable", f"__cs_callid=load-{ms}"),
                ]
            )
            n += 1
            nxt += 1 / rate
            await sleep(max(0, nxt - loop.time()))
        return n

    n = 0
    for _ in range(3):
        n += await burst(s / 3)
        await sleep(0.5)
        await lab.cp(
            f"after {n} calls",
            "hundreds of Local calls up; calls end while this is asked",
            settle=False,
            tries=3,
        )
    await sleep(22)
    await lab.cp("ended", "no calls", tries=8)
    o.close()


# joining, reconnecting, restarting
async def join_actions(lab: Lab, n: str = "") -> None:
    for a, x in (
        ("CoreShowChannels", []),
        ("Status", [("AllVariables", "true")]),
        ("BridgeList", []),
        ("DeviceStateList", []),
        ("QueueStatus", []),
        ("ParkedCalls", []),
    ):
        lab.watched.send([("Action", a), ("ActionID", f"join{n}-{a}"), *x])
    br = await lab.ctl.list(("Action", "BridgeList"))
    for i, b in enumerate(br):
        lab.watched.send(
            [
                ("Action", "BridgeInfo"),
                ("ActionID", f"join{n}-info-{i}"),
                ("BridgeUniqueid", str(b["BridgeUniqueid"])),
            ]
        )


@scenario(late=True)
async def join_midcall(lab: Lab) -> None:
    """The recorder logs in while calls are up, asks for all there is, and events keep coming in between."""
    w, x, y = lab.phones(3, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    b.hold()
    c = lab.ua.invite(w, ext(y))
    d = await lab.ua.wait(y)
    e = lab.ua.invite("carrier-b", "31230111", num=lab.number())
    f = await lab.ua.wait("c23-102")
    f.answer()
    q = lab.ua.invite("carrier-b", "31170145", num=lab.number())
    await q.until("up")
    await sleep(1)
    await lab.act(
        Action="MixMonitor", Channel=await lab.chan("PJSIP/carrier-a"), File="before-join.wav"
    )
    await lab.connect()
    await asyncio.sleep(0.05)
    await join_actions(lab)
    g = lab.ua.invite("c17-105", "145")  # while the answers are under way
    d.answer()
    await lab.cp(
        "joined",
        f"carrier-a holding with {x} (recorded); {w} talks to {y}; carrier-b with c23-102 over Local /n; one in Wait; one more in Wait",
    )
    b.unhold()
    await lab.quiet()
    c.bye()
    await lab.cp("one ended", f"as before without {w}/{y}")
    for k in (a, e, q, g):
        k.bye()
    await lab.cp("ended", "no calls")


@scenario(late=True, media=False)
async def join_under_load(lab: Lab) -> None:
    """The recorder logs in while mixed traffic runs and asks for all there is; the answers are full of live events."""
    g = Gate(lab, (4, 9), lab.p.get("mix"))
    rate = lab.p.get("rate", 10)
    t = asyncio.ensure_future(g.traffic(rate, 26))
    await sleep(10)
    await lab.connect()
    await join_actions(lab)
    await sleep(5)
    await g.still("five seconds after joining")
    await sleep(1.5)
    await join_actions(lab, "2")
    await sleep(1.5)
    await g.still("after asking again")
    await t
    await g.still("end of traffic")
    await g.drain()
    await lab.cp("ended", "no calls", tries=8)


@scenario()
async def reconnect(lab: Lab) -> None:
    """The AMI connection drops mid-call; while it is down calls end, start, change; then it comes back and asks for all."""
    w, x, y = lab.phones(3, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    c, d = await lab.pair(w, ext(y), y)
    e = lab.ua.invite("carrier-b", "31230101", num=lab.number())
    f = await lab.ua.wait("c23-101")
    await lab.cp("before", f"carrier-a/{x} talking, {w}/{y} talking, carrier-b rings c23-101")
    if lab.p.get("logoff"):
        lab.watched.send([("Action", "Logoff"), ("ActionID", "bye")])
        await lab.watched.closed.wait()
    else:
        lab.watched.abort()
    await sleep(0.3)
    b.bye()  # ends unseen
    f.answer()  # answered unseen
    d.hold()  # held unseen
    g = lab.ua.invite("c23-103", "145")  # begins unseen
    h = lab.ua.invite("c23-102", "145")  # begins and ends unseen
    await g.until("up")
    await h.until("up")
    h.bye()
    if lab.p.get("transfer"):
        d.refer("105")
        z = await lab.ua.wait("c17-105")
        z.answer()
        await sleep(1)
    await sleep(1.2)
    await lab.cp("while away", "no connection; Asterisk's account only")
    await lab.connect()
    await join_actions(lab)
    await lab.cp(
        "back",
        "carrier-b talks to c23-101; w/y held (or transferred); c23-103 in Wait; carrier-a/x gone",
        tries=8,
    )
    e.bye()
    await lab.cp("one ended", "the rest")
    for k in (c, g):
        k.hangup()
    await lab.cp("ended", "no calls", tries=8)


@scenario()
async def restart(lab: Lab) -> None:
    """core restart now amid calls (Shutdown, the connection closes, unique ids begin anew), or the server killed and started again."""
    x, y = lab.phones(2, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    c = lab.ua.invite(y, "145")
    await c.until("up")
    await lab.cp("before", f"carrier-a talks to {x}; {y} in Wait")
    if lab.p.get("crash"):
        lab.note("shell", [("kill -9", "the server")])
        lab.server.kill()
    else:
        # It may go down before it answers.
        with contextlib.suppress(TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            command = lab.p.get("command", "core restart now")
            await asyncio.wait_for(lab.act(Action="Command", Command=command), 5)
    await asyncio.wait_for(lab.watched.closed.wait(), 15)
    lab.ctl.close()
    if lab.p.get("crash"):
        await sleep(1)
        await asyncio.to_thread(lab.server.start)
    await sleep(0.05)
    await lab.connect()  # as soon as the port answers again
    lab.ctl = await lab.new_ctl()
    await join_actions(lab)
    for k in (a, b, c):
        k.state = "ended"
    await lab.cp("after", "no calls", tries=8)
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("a new call", f"carrier-a talks to {x}")
    b.bye()
    await lab.cp("ended", "no calls")


@scenario()
async def reload(lab: Lab) -> None:
    """core reload and a module reload while calls are up: events of their own, the calls live on."""
    x, y = lab.phones(2, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.act(Action="Reload")
    await sleep(2)
    await lab.cp("after reload", f"carrier-a talks to {x}", tries=8)
    await lab.act(Action="Reload", Module="app_queue.so")
    await lab.cp("after module reload", "the same", tries=8)
    b.bye()
    await lab.cp("ended", "no calls")


@scenario()
async def event_filter(lab: Lab) -> None:
    """The recorded connection narrows its events (EventMask, Filter) in mid-call, misses some, and widens again."""
    x, y = lab.phones(2, "17")
    a, b = await lab.pair("carrier-a", did(x), x, num=lab.number())
    await lab.cp("talking", f"carrier-a talks to {x}")
    lab.watched.send([("Action", "Events"), ("ActionID", "mask-off"), ("EventMask", "off")])
    await sleep(0.3)
    b.bye()
    await sleep(0.5)
    await lab.cp("events off", "no calls, but the connection was told nothing")
    lab.watched.send([("Action", "Events"), ("ActionID", "mask-on"), ("EventMask", "call,system")])
    await sleep(0.3)
    await join_actions(lab)
    a, b = await lab.pair("carrier-a", did(y), y, num=lab.number())
    await lab.cp(
        "call class only",
        f"carrier-a talks to {y}; no dialplan class, so no VarSet and no Newexten",
    )
    b.bye()
    await lab.cp("ended", "no calls")
