"""Disks and power: what was acknowledged is there after a kill, a full disk is survived, a damaged store is not opened.

needs: python
"""

import base64
import os
import re
import resource
import shutil
import subprocess
import threading
import time

from rialto import Failed, Process, Rialto, check, wait_for_port
from wire import ROOM, Wire

SM = "urn:xmpp:sm:3"


def noise(length):
    """Text that no engine makes smaller."""
    return base64.b64encode(os.urandom(length * 3 // 4)).decode()


def archived(rialto, name, address, number):
    """The bodies in an archive, oldest first."""
    wire = Wire(rialto, direct=True).login(name, f"reader{number}", presence=False)
    to, after, bodies = f"to='{address}'" if address else "", "", []
    while True:
        wire.say(f"<iq type='set' id='q' {to}><query xmlns='urn:xmpp:mam:2'><set xmlns='http://jabber.org/protocol/rsm'>"
                 f"<max>250</max>{after}</set></query></iq>")
        heard = wire.hear_until("</fin></iq>|type=.error")
        bodies += re.findall(r"<body>([^<]*)</body>", heard)
        last = re.search("<last>(.*?)</last>", heard)
        if "complete='true'" in heard or "type='error'" in heard or not last:
            wire.say("</stream:stream>").close()
            return bodies
        after = f"<after>{last.group(1)}</after>"


def talk_until_cut(rialto, kill_after):
    """Says as much as it can until the server is killed; gives what the server has acknowledged and reflected."""
    wire = Wire(rialto, direct=True).login("romeo", "orchard").enter(ROOM, "romeo")
    wire.say(f"<enable xmlns='{SM}'/>").hear("<enabled[^>]*>")
    killer = threading.Timer(kill_after, rialto.server.process.kill)
    killer.start()
    said, begun = [], int(time.monotonic() * 1000)
    heard = ""
    try:
        while True:
            for _ in range(10):
                word = f"{begun}-{len(said)}"
                said.append(word)
                if len(said) % 2:
                    wire.say(f"<message type='chat' to='juliet@localhost'><body>{word}</body></message>")
                else:
                    wire.say(f"<message type='groupchat' to='{ROOM}'><body>{word}</body></message>")
            wire.say(f"<r xmlns='{SM}'/>")
            wire.listen(0.001)
            if wire.ended:
                break
    except OSError:
        pass
    while wire.listen(1) and not wire.ended:
        pass
    heard = wire.heard
    wire.close()
    rialto.server.process.wait(10)
    acknowledged = max([int(h) for h in re.findall(rf"<a xmlns='{SM}' h='(\d+)'", heard)] or [0])
    reflected = re.findall(rf"<body>({begun}-\d+)</body>", heard)
    return said[:acknowledged], reflected, said


def killed_in_the_middle_of_traffic(rialto):
    """Twice; what was acknowledged or shown to the room is in the archives, once, in order."""
    wire = Wire(rialto, direct=True).login("romeo", "first").enter(ROOM, "romeo")
    wire.ask(f"<iq type='set' id='own' to='{ROOM}'><query xmlns='http://jabber.org/protocol/muc#owner'>"
             "<x xmlns='jabber:x:data' type='submit'/></query></iq>", "own")
    wire.say("</stream:stream>").close()
    private, reflections = [], []
    for turn in range(2):
        acknowledged, reflected, said = talk_until_cut(rialto, 0.3 + turn / 5)
        check(len(acknowledged) > 20 and len(reflected) > 5 and len(acknowledged) < len(said),
              f"{len(acknowledged)} of {len(said)} were acknowledged, {len(reflected)} were shown in the room")
        rialto.start()
        private += [word for word in acknowledged if int(word.split("-")[1]) % 2 == 0]
        reflections += reflected
        for who, address, words in (("romeo", "", private), ("juliet", "", private), ("romeo", ROOM, reflections)):
            found = archived(rialto, who, address, turn)
            missing = sorted(set(words) - set(found))
            check(not missing, f"all that was acknowledged is in the archive of {address or who}: {missing[:5]}")
            check(len(found) == len(set(found)), "and nothing twice")
            order = [tuple(map(int, word.split("-"))) for word in found]
            check(order == sorted(order), "and in order")
    wire = Wire(rialto, direct=True).login("juliet", "balcony", presence=False)
    wire.say("<presence/>").hears_no("nothing", 1)
    offline = set(re.findall(r"<body>([^<]*)</body>", wire.heard))
    check(not set(private[:50]) - offline, "who was away gets it")
    wire.close()


def a_disk_that_fills_up(rialto):
    """The journal may not grow: who writes is told, who only talks is not disturbed, and it heals by itself."""
    rialto.stop()
    data = rialto.folder / "small"
    mounted = small_disk(data)
    before = rialto.config.read_text()
    if mounted:
        shutil.copytree(rialto.folder / "data", data, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock*"))
        rialto.config.write_text(before.replace(f'data = "{rialto.folder}/data"', f'data = "{data}"'))
    try:
        if not mounted:
            print("skipped: a small disk (no right to mount one)", flush=True)
            return rialto.start()
        rialto.start()
        romeo = Wire(rialto, direct=True).login("romeo", "orchard")
        juliet = Wire(rialto, direct=True).login("juliet", "balcony")
        romeo.say(f"<enable xmlns='{SM}'/>").hear("<enabled[^>]*>")
        ballast = data / "ballast"
        with ballast.open("wb") as file:
            free = os.statvfs(data).f_bavail * os.statvfs(data).f_bsize
            file.write(b"\0" * max(0, free - 8_000_000))
        romeo.say("<message type='chat' id='full' to='juliet@localhost'><body>not to be kept</body></message>")
        romeo.say(f"<r xmlns='{SM}'/>")
        romeo.hear("<message[^>]*type=.error.*?(resource-constraint|internal-server-error).*?</message>|<stream:error>.*")
        check(True, "who writes to a full disk is told")
        romeo.close()
        for wire in (juliet, Wire(rialto, direct=True).login("nurse", "ward")):
            wire.ask("<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", "p")
        check(True, "others go on, and one may still log in")
        answer = juliet.ask("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>", "v")
        check("type='error'" in answer, "what cannot be kept is refused")
        ballast.unlink()
        time.sleep(1.2)
        answer = juliet.ask("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>", "v")
        check("type='result'" in answer, "when there is room again, it is kept")
        juliet.close()
        check(rialto.server.process.poll() is None, "and the server never ended")
    finally:
        if mounted:
            rialto.server.stop()
            subprocess.run(["umount", str(data)], check=False)
            rialto.config.write_text(before)
    rialto.start()


def small_disk(folder):
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "none", str(folder)], capture_output=True)
    return done.returncode == 0


def a_limit_on_files(rialto):
    """A limit of the system on the size of files is a full disk that no look at the free space foretells."""
    rialto.stop()
    largest = max(path.stat().st_size for path in (rialto.folder / "data").rglob("*") if path.is_file())
    limit = largest + 300_000
    # Python ignores SIGXFSZ, and so does what it starts: writing fails instead.
    rialto.server = Process(rialto.folder, "limited", rialto.command("serve"), restore_signals=False,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    wait_for_port(rialto.port, rialto.server.process)
    romeo = Wire(rialto, direct=True).login("romeo", "orchard")
    romeo.say(f"<enable xmlns='{SM}'/>").hear("<enabled[^>]*>")
    said = 0
    try:
        while said < 1500 and "error" not in romeo.heard:
            romeo.say(f"<message type='chat' to='juliet@localhost'><body>limit-{said}-{noise(20_000)}</body></message>")
            said += 1
            if said % 20 == 0:
                romeo.say(f"<r xmlns='{SM}'/>")
            romeo.listen(0.001)
    except OSError:
        pass
    romeo.try_to_say(f"<r xmlns='{SM}'/>")
    romeo.listen(2), romeo.listen(0.5)
    acknowledged = max([int(h) for h in re.findall(r"<a [^>]*h='(\d+)'", romeo.heard)] or [0])
    refused = romeo.heard.count("type='error'")
    check("internal-server-error" in romeo.heard or refused,
          f"who writes is told ({said} said, {acknowledged} acknowledged)")
    check(rialto.server.process.poll() is None, "the server does not end")
    rialto.server.stop()
    check("the store does not take what is written" in rialto.server.log.read_text(), "the operator is told")
    rialto.start()
    found = {word.split("-")[1] for word in archived(rialto, "romeo", "", "limit") if word.startswith("limit-")}
    missing = {str(n) for n in range(acknowledged)} - found
    check(len(missing) <= refused, "all that was acknowledged is there without the limit")


HARMS = (("cut off", lambda file, size: file.truncate(size // 2)),
         ("emptied", lambda file, size: file.truncate(0)),
         ("overwritten at the beginning", lambda file, size: file.write(b"\xa5" * min(64, size))),
         ("overwritten in the middle", lambda file, size: (file.seek(size // 2), file.write(b"\xa5" * 64))))


def a_damaged_store_is_not_opened(rialto):
    """Each file, after a kill and in several ways; the damage is named, and nothing is made anew."""
    wire = Wire(rialto, direct=True).login("romeo", "orchard")
    wire.say(f"<enable xmlns='{SM}'/>")
    for number in range(50):
        # Acknowledged one by one: each has a record of its own in the journal, and the last is the only one of which
        # nobody could say whether it was damaged or never whole.
        wire.say(f"<message type='chat' to='juliet@localhost'><body>kept {number}</body></message><r xmlns='{SM}'/>")
        wire.hear(f"<a [^>]*h=.{number + 1}['\"]")
    rialto.server.process.kill()
    rialto.server.process.wait()
    store, whole = rialto.folder / "data" / "store", rialto.folder / "whole"
    shutil.copytree(store, whole)
    for path in sorted(path.relative_to(store) for path in store.rglob("*") if path.is_file()):
        size = (whole / path).stat().st_size
        if path.parent.name == "blobs":
            continue
        if path.name == "journal":
            size = len((whole / path).read_bytes().rstrip(b"\0"))
        for what, harm in HARMS:
            if size == 0:
                continue
            shutil.rmtree(store)
            shutil.copytree(whole, store)
            with (store / path).open("r+b") as file:
                harm(file, size)
            refused_or_whole(rialto, f"{path} {what}")
    shutil.rmtree(store)
    shutil.copytree(whole, store)
    rialto.start()


def refused_or_whole(rialto, what):
    """An engine may not need the very bytes that were harmed; then everything must be there."""
    done = Process(rialto.folder, what.replace("/", " "), rialto.command("serve"))
    try:
        wait_for_port(rialto.port, done.process, 20)
    except Failed:
        said = done.log.read_text()
        check(done.process.wait(5) == 1 and "is damaged" in said and "backup" in said and "panicked" not in said,
              f"{what}: refused, and said so")
        return
    try:
        look_through(rialto, what)
    finally:
        done.process.kill()
        done.process.wait()


def look_through(rialto, what):
    found = archived(rialto, "romeo", "", "whole")
    kept = [word for word in found if word.startswith("kept")]
    check(kept == [f"kept {number}" for number in range(50)], f"{what}: nothing is missing")
    check("nurse" in rialto.run("user", "list"), "nor any account")


def play():
    try:
        for engine in ("sled", "redb"):
            with Rialto(f'[store]\nengine = "{engine}"\n[archive]\noffline = 1000000\n[guard]\nwithin = "0s"\n') as rialto:
                for story in (killed_in_the_middle_of_traffic, a_disk_that_fills_up,
                              a_damaged_store_is_not_opened, a_limit_on_files):
                    try:
                        story(rialto)
                        check(True, f"{story.__name__.replace('_', ' ')} ({engine})")
                    except (Failed, OSError) as failed:
                        raise Failed(f"{story.__name__} ({engine}): {failed}") from failed
    except Failed as failed:
        raise SystemExit(f"FAILED: {failed}") from None
    print("done", flush=True)


play()
