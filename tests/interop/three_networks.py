"""One room on XMPP, IRC and Discord: everything that is done on one side is on the others, once and in order.

Connections are cut, held up and torn at random, Discord fails as it does, and the server is killed and started again. An
act may be missing in one case alone: where its author has been shown that it did not arrive, or may not have.

    three_networks.py [ACTS] [SEED] [ACTS A SECOND]       (slixmpp, ngircd and fake-discord must be there)

It is no test of `tests/run` as long as it fails: what people on Discord do to messages around the kill is lost or comes twice.
"""

import asyncio
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

from acts import Act, Verdict, marked
from cuts import Proxy
from discord import FakeDiscord, said_at
from irc import Ngircd
from rialto import Failed, Rialto, check
from three_people import ROOM, Plain, Speaker, archive

EMOJI = "🌹🙂👍🎉🌙⭐🍇🎭"
WORDS = "but soft what light through yonder window breaks it is the east and juliet is the sun".split()
HINT = "<store xmlns='urn:xmpp:hints'/>"


class Scene:
    """Everybody, and what they have done."""

    def __init__(self, count, seed, rate, folder):
        self.random, self.count, self.rate, self.folder = random.Random(seed), count, rate, folder
        self.acts, self.free, self.by_id, self.seats = [], [], {}, []
        self.returned, self.many_returned, self.passed = {}, 0, b""
        self.again = self.kills = 0
        self.seen, self.notes = {}, []
        self.guests, self.left, self.nicks = [], [], {"alice": "alice", "bob": "bob"}
        self.nick_of_abe, self.abe_is_in = "abe", True
        self.ended = False

    def note(self, text):
        self.notes.append(f"{time.time() - self.began:7.1f} {text}")

    async def listening(self):
        """Waits until somebody listens at the server's door."""
        while True:
            try:
                _, door = await asyncio.open_connection("127.0.0.1", self.rialto.port)
                return door.close()
            except OSError:
                await asyncio.sleep(0.1)

    # --- what is heard

    def hears(self, seat, stanza):
        ident, body = stanza["id"], stanza["body"]
        if stanza["type"] == "error":
            text = stanza["error"]["text"] or stanza["error"]["condition"]
            act = self.by_id.get(ident)
            if act and ("was not delivered to" in text or "may not have arrived in" in text):
                self.returned[act.number] = self.returned.get(act.number, "") + text
            elif act:
                act.undone = text
                self.note(f"the room refuses {act.kind} {act.mark}: {text}")
                self._echo(ident, None)
            return
        if stanza["type"] != "groupchat":
            if body.startswith("About what you said"):
                self._returned_later(body)
            return
        name = stanza["stanza_id"]["id"] if stanza.get_plugin("stanza_id", check=True) else None
        number = marked(body) if body else marked(ident)
        if number is None or name is None or number >= len(self.acts):
            return
        seat.live.append(name)
        self.seen.setdefault(("x", number), time.time())
        act = self.acts[number]
        if act.side != "x" and not act.room_name:
            act.room_name = name
        self._echo(ident, name)

    def _returned_later(self, body):
        quoted, _, why = body.rpartition("”")
        number = marked(quoted)
        many = why.strip().startswith("and ")
        if many or number is None:
            self.many_returned += 1
            self.note(f"returned together: {body}")
        if number is not None:
            self.returned[number] = self.returned.get(number, "") + why

    def _echo(self, ident, name):
        for speaker in self.speakers:
            echo = speaker.echoes.pop(ident, None)
            if echo and not echo.done():
                echo.set_result(name)

    # --- what is done

    def text(self, act):
        words = " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(1, 8)))
        if self.random.random() < 0.04:
            words = " ".join(self.random.choice(WORDS) for _ in range(160))
        return f"{words} {act.mark}"

    def take(self, fits):
        """Something that was said and that nobody has done anything to yet."""
        for at in range(len(self.free) - 1, max(len(self.free) - 40, -1), -1):
            if fits(self.free[at]) and time.time() - self.free[at].begun > 1.0:
                return self.free.pop(at)
        return None

    def new(self, kind, side, who, of=None):
        act = Act(len(self.acts), kind, side, who, of, begun=time.time())
        self.acts.append(act)
        return act

    async def act_on_xmpp(self, speaker):
        kind = self.random.choices(("say", "reply", "edit", "retract", "react", "file", "action", "topic"),
                                   (50, 10, 9, 5, 8, 4, 3, 1))[0]
        known = lambda act: act.room_name and not act.undone
        own = lambda act: known(act) and act.who == speaker.name and act.kind == "say"
        of = None
        if kind in ("reply", "react"):
            of = self.take(known)
        elif kind in ("edit", "retract"):
            of = self.take(own)
        if kind in ("reply", "react", "edit", "retract") and of is None:
            kind = "say"
        act = self.new(kind, "x", speaker.name, of)
        text = self.text(act)
        if kind == "reply":
            quote = f"&gt; {of.mark}\n"
            stanza = (f"<body>{quote}{text}</body><reply xmlns='urn:xmpp:reply:0' id='{of.room_name}'/>"
                      f"<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='{len(of.mark) + 3}'/></fallback>")
        elif kind == "edit":
            stanza = f"<body>{text}</body><replace xmlns='urn:xmpp:message-correct:0' id='{of.id}'/>"
        elif kind == "retract":
            stanza = f"<retract xmlns='urn:xmpp:message-retract:1' id='{of.room_name}'/>{HINT}"
        elif kind == "react":
            act.emoji = self.random.choice(EMOJI)
            stanza = (f"<reactions xmlns='urn:xmpp:reactions:0' id='{of.room_name}'><reaction>{act.emoji}</reaction>"
                      f"</reactions>{HINT}")
        elif kind == "file":
            url = f"https://files.example/{act.mark}.png"
            stanza = f"<body>{url}</body><x xmlns='jabber:x:oob'><url>{url}</url></x>"
        elif kind == "action":
            stanza = f"<body>/me {text}</body>"
        elif kind == "topic":
            stanza = f"<subject>{text}</subject>"
        else:
            stanza = f"<body>{text}</body>"
        if kind == "topic" and speaker.name != "romeo":
            speaker = self.speakers[0]
        async with self.turns[speaker.name]:
            act.begun = time.time()
            await speaker.do(act, stanza)
        sent = [ident for ident, of_it in self.by_id.items() if of_it is act] if act.kind == "say" else []
        act.id = sent[-1] if sent else None
        self.finished(act)

    async def act_on_irc(self, who):
        await self.ann.present.wait()
        kind = self.random.choices(("say", "action", "topic", "rename", "come"), (80, 8, 1, 4, 4))[0]
        irc = self.ann if who == "ann" else self.abe
        if kind in ("rename", "come"):
            act = self.new(kind, "i", who)
            if kind == "rename" and self.abe_is_in:
                self.nick_of_abe = "abe" if self.nick_of_abe != "abe" else f"abe{act.number}"
                self.abe.send(f"NICK {self.nick_of_abe}")
            else:
                self.abe.send("PART #lounge :away" if self.abe_is_in else "JOIN #lounge")
                self.abe_is_in = not self.abe_is_in
                act.kind = "come" if self.abe_is_in else "go"
            return self.finished(act)
        if who == "abe" and not self.abe_is_in:
            return await self.act_on_irc("ann")
        act = self.new(kind, "i", who)
        text = " ".join(self.text(act).split()[-40:])
        if kind == "topic":
            irc.send(f"TOPIC #lounge :{text}")
        else:
            irc.say("#lounge", f"\x01ACTION {text}\x01" if kind == "action" else text)
        self.finished(act)

    async def act_on_discord(self, who):
        kind = self.random.choices(("say", "reply", "edit", "retract", "react", "file", "topic", "rename", "come"),
                                   (50, 10, 9, 5, 8, 4, 1, 2, 3))[0]
        own = lambda act: act.who == who and act.kind == "say" and act.room_name
        there = lambda act: act.id and act.side == "d" or act.number in self.ids
        of = None
        if kind in ("reply", "react"):
            of = self.take(there)
        elif kind in ("edit", "retract"):
            of = self.take(own)
        if kind in ("reply", "react", "edit", "retract") and of is None:
            kind = "say"
        act = self.new(kind, "d", who, of)
        text = self.text(act)
        name = of and (of.id if of.side == "d" else self.ids[of.number])
        try:
            if kind == "reply":
                act.id = self.far.act("reply", who=who, message=name, text=text)["id"]
            elif kind == "edit":
                self.far.act("edit", who=who, message=name, text=text)
            elif kind == "retract":
                self.far.act("delete", who=who, message=name)
            elif kind == "react":
                act.emoji = self.random.choice(EMOJI)
                self.far.act("react", who=who, message=name, emoji=act.emoji)
            elif kind == "file":
                files = [{"name": f"{act.mark}.txt", "text": "roses"}]
                act.id = self.far.act("upload", who=who, channel="general", text="", files=files)["id"]
            elif kind == "topic":
                self.far.act("set_channel", channel="general", topic=text)
            elif kind == "rename":
                self.far.act("rename", who=who, nick=f"{who}{act.number}")
                self.nicks[who] = f"{who}{act.number}"
            elif kind == "come":
                if self.guests and self.random.random() < 0.5:
                    act.kind = "go"
                    self.left.append(self.guests.pop())
                    self.far.act("leave", who=self.left[-1])
                else:
                    self.guests.append(f"guest{act.number}")
                    self.far.act("join", who=self.guests[-1])
            else:
                act.id = self.far.act("say", who=who, channel="general", text=text)["id"]
        except Failed as failed:
            act.undone = str(failed)
            self.note(f"Discord refuses: {failed}")
        self.finished(act)

    def finished(self, act):
        act.done = time.time()
        if act.words and not act.undone:
            self.free.append(act)

    async def play(self):
        """All acts, each when its time has come; nobody waits for another."""
        self.turns = {speaker.name: asyncio.Lock() for speaker in self.speakers}
        running, began = set(), time.time()
        while len(self.acts) < self.count:
            side = self.random.choices("xid", (4, 3, 4))[0]
            if side == "x":
                doing = self.act_on_xmpp(self.random.choice(self.speakers))
            elif side == "i":
                doing = self.act_on_irc(self.random.choice(("ann", "abe")))
            else:
                doing = self.act_on_discord(self.random.choice(("alice", "bob")))
            running.add(asyncio.ensure_future(doing))
            # Nobody runs away from the others.
            while len([one for one in running if not one.done()]) > 40:
                await asyncio.sleep(0.02)
            for one in [one for one in running if one.done()]:
                running.discard(one)
                one.result()
            await asyncio.sleep(max(0, began + len(self.acts) / self.rate - time.time()) if self.random.random() < 0.9 else 0)
        for one in running:
            await one

    # --- what goes wrong

    async def trouble(self):
        """Cuts and faults until the acts are done; in the middle the server is killed."""
        proxies = [self.to_xmpp, self.to_irc, self.to_discord]
        while not self.ended:
            await asyncio.sleep(self.random.uniform(0.6, 2.4))
            what = self.random.choice(("cut", "cut", "stall", "gateway", "fault", "fault"))
            if what == "cut":
                self.random.choice(proxies).cut()
            elif what == "stall":
                asyncio.ensure_future(self.random.choice(proxies).stall(self.random.uniform(0.1, 1.0)))
            elif what == "gateway":
                self.far.act(self.random.choice(("cut", "reconnect")))
            else:
                operation = self.random.choice(("execute_webhook", "execute_webhook", "update_webhook_message", "*"))
                fault = self.random.choice(("cut_after", "cut_before", "fail_after", "fail_before", "limited", "slow_after"))
                self.far.act("fault", operation=operation, what=fault, retry_after=0.3, ms=300, status=502)
            self.troubles = getattr(self, "troubles", 0) + 1

    async def kill(self, rialto, after):
        while len(self.acts) < after:
            await asyncio.sleep(0.05)
        self.note("the server is killed")
        rialto.server.process.kill()
        rialto.server.process.wait()
        self.kills += 1
        await asyncio.sleep(0.5)
        await asyncio.get_running_loop().run_in_executor(None, rialto.start)
        self.note("the server is there again")

    async def watch_discord(self):
        """What stands in the channel, for those there who answer."""
        self.ids, self.there = {}, []
        while not self.ended:
            self.look()
            await asyncio.sleep(0.3 + len(self.acts) / 3000)

    def look(self):
        self.there = self.far.messages()
        for message in self.there:
            number = marked(message["content"])
            if number is not None and message["webhook"]:
                self.ids.setdefault(number, message["id"])
                self.seen.setdefault(("d", number), said_at(message))

    async def settles(self, patience):
        """Waits until nothing has come anywhere for some time."""
        last, since = None, time.time()
        until = time.time() + patience
        while time.time() < until:
            self.look()
            state = (len(self.ann.bridge_lines), len(self.seen), [(m["content"], m["reactions"]) for m in self.there[-50:]])
            if state != last:
                last, since = state, time.time()
            if time.time() - since > 5:
                return
            await asyncio.sleep(0.5)

    async def story(self, rialto, ngircd, far):
        self.began, self.far, self.rialto = time.time(), far, rialto
        self.door = SimpleNamespace(port=self.to_xmpp.port, ca=rialto.ca, password=rialto.password, domain=rialto.domain)
        self.speakers = [Speaker(self, "romeo"), Speaker(self, "juliet")]
        self.ann = await Plain(ngircd, "ann").come("#lounge")
        self.abe = await Plain(ngircd, "abe").come("#lounge")
        for speaker in self.speakers:
            await speaker.sit()
        await asyncio.wait_for(self.ann.present.wait(), 30)
        while not self.far.act("status")["connected"]:
            await asyncio.sleep(0.05)
        watching = asyncio.ensure_future(self.watch_discord())
        trouble = asyncio.ensure_future(self.trouble())
        at = self.count * self.random.uniform(0.4, 0.6)
        kill = asyncio.ensure_future(self.kill(rialto, at))
        played = time.time()
        await self.play()
        await kill
        self.ended = True
        await asyncio.gather(watching, trouble)
        self.far.act("no_faults")
        self.played = time.time() - played
        for speaker in self.speakers:
            await speaker.sit()
        # The last word on what the room is about is one everywhere.
        self.last = self.new("topic", "x", "romeo")
        await self.speakers[0].do(self.last, f"<subject>the end {self.last.mark}</subject>")
        await self.settles(60 + self.count / 50)


async def run(scene, rialto, ngircd, far):
    scene.to_xmpp = await Proxy(rialto.port, scene.random).start()
    await scene.story(rialto, ngircd, far)
    seat = scene.speakers[0].seat
    everything = await archive(seat)
    names = rialto.run("link", "list")
    scene.occupants = set(seat.plugin["xep_0045"].get_roster(ROOM))
    for _, one in scene.seats:
        one.abort()
    for proxy in (scene.to_xmpp, scene.to_irc, scene.to_discord):
        await proxy.stop()
    return everything, names


def told(scene, everything, links):
    """The counts, and what is wrong."""
    passed = {int(number) for number in re.findall(rb"PRIVMSG #lounge :[^\n]*?kq(\d+)q", bytes(scene.passed))}
    lost_by_irc = {act.number for act in scene.acts if act.side == "i" and act.words and act.number not in passed}
    verdict = Verdict(scene.acts, scene.returned, lost_by_irc)
    verdict.room(everything)
    lines = scene.ann.bridge_lines
    verdict.irc([line for _, line in lines])
    scene.on_irc = [line for _, line in lines]
    verdict.discord(scene.there)
    for at, line in lines:
        number = marked(line)
        if number is not None:
            scene.seen.setdefault(("i", number), at)
    waits = []
    for (side, number), at in scene.seen.items():
        act = scene.acts[number] if number < len(scene.acts) else None
        if act and act.side != side and act.words and act.room_name:
            waits.append(max(0.0, at - act.begun))
    waits.sort()
    kinds = {}
    for act in scene.acts:
        kinds[act.kind] = kinds.get(act.kind, 0) + 1
    share = lambda part: waits[int(len(waits) * part)] if waits else float("nan")
    proxies = (scene.to_xmpp, scene.to_irc, scene.to_discord)
    print(f"acts: {len(scene.acts)} in {scene.played:.0f} s: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    print(f"trouble: {sum(proxy.cuts for proxy in proxies)} cuts (XMPP, IRC, Discord: {[proxy.cuts for proxy in proxies]}), "
          f"{sum(proxy.stalls for proxy in proxies)} stalls, {getattr(scene, 'troubles', 0)} troubles in all, {scene.kills} kill; "
          f"{scene.again} stanzas whose echo did not come")
    print(f"present: room {verdict.present['x']}, IRC {verdict.present['i']}, Discord {verdict.present['d']}")
    print(f"returned to their authors: {len(scene.returned)}; in bundles: {scene.many_returned}; not done, and said so: "
          f"{sum(bool(act.undone) for act in scene.acts)}")
    print(f"said on IRC while the connection there broke, never carried to the bridge: {len(lost_by_irc)}")
    print(f"lost: {len(verdict.lost)}, doubled: {len(verdict.doubled)}, out of order: {len(verdict.disordered)}")
    print(f"delay from one side to another: median {share(0.5) * 1000:.0f} ms, p99 {share(0.99) * 1000:.0f} ms, most {share(0.9999) * 1000:.0f} ms")
    print(links, flush=True)
    return verdict


def main(count=400, seed=None, rate=14.0):
    seed = seed if seed is not None else int(time.time())
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="three-") as folder:
        scene = Scene(count, seed, rate, Path(folder))
        try:
            with Ngircd(folder) as ngircd, FakeDiscord(folder) as far:
                scene.to_irc = Proxy(ngircd.port, scene.random, watch=lambda data: scene.carried(data))
                scene.to_discord = Proxy(far.port, scene.random)
                settings = far.settings(scene.to_discord.port) + f"""
[bridge.far]
kind = "irc"
server = "127.0.0.1"
port = {scene.to_irc.port}
tls = false
nick = "rialto"
burst = 1000
interval = 0.001
backoff_min = 0.2
backoff_max = 1.0
[[link]]
room = "{ROOM}"
to = ["far:#lounge", "guild:general"]
"""
                play(scene, settings, ngircd, far)
        except Failed as failed:
            raise SystemExit(f"FAILED (seed {seed}): {failed}") from None
    print("done", flush=True)


def play(scene, settings, ngircd, far):
    async def whole(rialto):
        await scene.to_irc.start()
        await scene.to_discord.start()
        await asyncio.get_running_loop().run_in_executor(None, rialto.start)
        return await run(scene, rialto, ngircd, far)

    scene.passed = bytearray()
    scene.carried = scene.passed.extend
    rialto = Rialto(settings, people=("romeo", "juliet"), level=os.environ.get("RIALTO_LEVEL", "info"), admins=["romeo@localhost"])
    start, rialto.start = rialto.start, lambda: None
    with rialto:
        rialto.start = start
        patience = 120 + scene.count / scene.rate * 3
        # Not asyncio.run: it would wait for clients that do not let themselves be ended.
        loop = asyncio.new_event_loop()
        everything, links = loop.run_until_complete(asyncio.wait_for(whole(rialto), patience))
        verdict = told(scene, everything, links)
        judge(scene, verdict)


def judge(scene, verdict):
    """Nothing may be missing, twice, or out of order."""
    for act, side in verdict.lost[:40]:
        print(f"LOST on {side}: {act.kind} {act.mark} by {act.who} ({act.side}) at {act.begun - scene.began:.1f}"
              f" of {act.of and act.of.mark}; heard in the room: {act.room_name}")
    for act, side, count in verdict.doubled[:40]:
        print(f"DOUBLED on {side}: {act.kind} {act.mark} by {act.who} ({act.side}) at {act.begun - scene.began:.1f}: {count}")
    for where, number in verdict.disordered[:40]:
        print(f"OUT OF ORDER: {where}, {number}")
    for mark in {act.mark for act, *_ in verdict.doubled[:10]} | {number for where, number in verdict.disordered[:10] if where == "IRC"}:
        places = [at for at, line in enumerate(scene.on_irc) if mark in line]
        print(f"IRC about {mark}:", *(f"  {at}: {scene.on_irc[at]}" for at in places), sep="\n")
    wrong = verdict.lost or verdict.doubled or verdict.disordered
    if wrong:
        print(*scene.notes[-60:], sep="\n")
    violations = scene.far.act("violations")
    check(not violations, f"Discord was asked nothing that its description does not know {violations[:3]}")
    topics = (scene.ann.topic, marked(scene.ann.topic))
    check(topics[1] == scene.last.number, f"the last topic is that of IRC, too: {topics[0]}")
    topic = scene.far.topic()
    check(marked(topic) == scene.last.number, f"and of Discord: {topic}")
    here = {"Romeo", "Juliet", "ann", *scene.nicks.values(), *scene.guests, *([scene.nick_of_abe] if scene.abe_is_in else [])}
    gone = set(scene.left) | ({scene.nick_of_abe} if not scene.abe_is_in else set())
    wrong = (here - scene.occupants) | (gone & scene.occupants)
    check(not wrong, f"whoever is there sits in the room, and nobody else {sorted(wrong)}")
    check(not verdict.lost, "nothing is lost")
    check(not verdict.doubled, "nothing is there twice")
    check(not verdict.disordered, "nothing is out of order")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*[kind(value) for kind, value in zip((int, int, float), given)])
