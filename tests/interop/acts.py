"""Acts of a conversation on three networks, and whether each is everywhere once, in order, in the form that a network has.

Networks are `x` (the room), `i` (IRC) and `d` (Discord). Each act bears a mark of its own, and the last mark in a text is
the act's: what it quotes comes before.
"""

import re
from dataclasses import dataclass, field

MARK = re.compile(r"kq(\d+)q")

# What an answer quotes on IRC is nobody's act: a long answer may end in another line.
QUOTED = re.compile(r"^(<[^>]*> (?:\* )?)[^“]*: “.*?” — ")


def marked(text):
    """The number of the act that this text is, or None."""
    found = MARK.findall(text or "")
    return int(found[-1]) if found else None


@dataclass
class Act:
    number: int
    kind: str          # say, reply, action, file, edit, retract, react, topic, come, go, rename
    side: str
    who: str
    of: "Act" = None   # what it is about
    begun: float = 0.0  # time.time()
    done: float = 0.0   # its own side has it
    id: str = None     # what its own side calls it
    emoji: str = ""
    undone: str = ""   # it was not done, and why
    room_name: str = None  # what the room calls it
    seen: dict = field(default_factory=dict)  # side: when

    @property
    def mark(self):
        return f"kq{self.number}q"

    @property
    def words(self):
        return self.kind in ("say", "reply", "action", "file")


class Verdict:
    """What became of all acts."""

    def __init__(self, acts, returned, never_passed):
        self.acts = {act.number: act for act in acts if not act.undone}
        self.returned = returned            # number: text of the error
        self.never_passed = never_passed    # numbers that IRC itself lost: the bridge's connection never carried them
        self.lost, self.doubled, self.disordered = [], [], []
        self.present = {"x": 0, "i": 0, "d": 0}
        self.after = {act.of.number: act for act in self.acts.values() if act.of}

    def _count(self, act, side, there):
        if act.number in self.never_passed:
            return
        if there == 1:
            self.present[side] += 1
        elif there > 1:
            self.present[side] += 1
            self.doubled.append((act, side, there))
        else:
            back = self.returned.get(act.number, "")
            if {"i": "far:", "d": "guild:", "x": "\0"}[side] not in back:
                self.lost.append((act, side))

    def _after(self, act, kind):
        after = self.after.get(act.number)
        return after if after and after.kind == kind else None

    def room(self, archive):
        """The archive of the room, in its order: things with id, stanza_id, nick, body, retracts, reacts, emoji."""
        bodies, retracts, reactions, ids = {}, {}, {}, {}
        self.place = {}
        for at, kept in enumerate(archive):
            number = marked(kept.body) if kept.body else marked(kept.id)
            if kept.retracts:
                retracts[kept.retracts] = retracts.get(kept.retracts, 0) + 1
            elif kept.reacts:
                key = (kept.reacts, kept.nick)
                reactions.setdefault(key, []).append(kept.emoji)
            elif number is not None:
                bodies[number] = bodies.get(number, 0) + 1
                self.place.setdefault(number, at)
                if number in self.acts and not self.acts[number].room_name:
                    self.acts[number].room_name = kept.stanza_id
        for act in self.acts.values():
            if act.words and self._after(act, "retract"):
                continue  # a tombstone; that it is one is counted with what has taken it back
            if act.words or act.kind == "edit":
                self._count(act, "x", bodies.get(act.number, 0))
            elif act.kind == "retract":
                self._count(act, "x", retracts.get(act.of.room_name, 0))
            elif act.kind == "react":
                all_of = [emoji for (of, _), many in reactions.items() if of == act.of.room_name for emoji in many]
                self._count(act, "x", sum(act.emoji in emoji for emoji in all_of))
        for side in "id":
            for who in {act.who for act in self.acts.values() if act.side == side}:
                own = [act for act in self.acts.values() if act.who == who and act.side == side and act.words]
                own.sort(key=lambda act: act.begun)
                self._order(f"{who} in the room", [act.number for act in own])

    def irc(self, lines):
        """What somebody on IRC has read from the bridge, in its order."""
        numbers = [marked(QUOTED.sub(r"\1", line)) for line in lines]
        numbers = [number for number in numbers if number is not None]
        for act in self.acts.values():
            if act.side != "i" and (act.words or act.kind == "edit"):
                self._count(act, "i", numbers.count(act.number) if len(numbers) < 500 else self._often(numbers, act))
        self._order("IRC", numbers)

    def _often(self, numbers, act):
        if getattr(self, "_counted", None) is not numbers:
            self._counts, self._counted = {}, numbers
            for number in numbers:
                self._counts[number] = self._counts.get(number, 0) + 1
        return self._counts.get(act.number, 0)

    def discord(self, messages):
        """What somebody on Discord sees at the end."""
        there = {}
        for message in messages:
            number = marked(message["content"])
            if number is not None and message["webhook"]:
                there.setdefault(number, []).append(message)
        for act in self.acts.values():
            edited, gone = self._after(act, "edit"), self._after(act, "retract")
            if act.side != "d" and act.words:
                if edited or gone:
                    if act.number in there and not self.returned.get((edited or gone).number):
                        self.doubled.append((act, "d", f"is still there after it was {(edited or gone).kind}ed"))
                else:
                    self._count(act, "d", len(there.get(act.number, [])))
            elif act.side != "d" and act.kind == "edit":
                self._count(act, "d", len(there.get(act.number, [])))
            elif act.side != "d" and act.kind == "retract":
                self._count(act, "d", int(act.of.number not in there))
            elif act.side != "d" and act.kind == "react":
                found = [m for m in messages if marked(m["content"]) == act.of.number or m["id"] == act.of.id]
                self._count(act, "d", sum("bridge" in m["reactions"].get(act.emoji, []) for m in found))
        # An edit stands where the words stood.
        stands = {edit.number: edit.of.number for edit in self.acts.values() if edit.kind == "edit"}
        self._order("Discord", [stands.get(number, number) for number in there])

    def _order(self, where, numbers):
        places = [(self.place[number], number) for number in numbers if number in self.place]
        for (one, _), (other, number) in zip(places, places[1:]):
            if other < one:
                self.disordered.append((where, f"kq{number}q comes after what was said later in the room"))
