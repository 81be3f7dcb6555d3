"""XEP-0363 with slixmpp's plug-in for slots and HTTP as the standard library speaks it: uploads, downloads, and all that
can go wrong with them, also while the server is killed.

needs: slixmpp
"""

import asyncio
import io
import json
import os
import subprocess
import time

from slixmpp.exceptions import IqError

from people import Person, play
from rialto import check
from web import Web

SETTINGS = """
[upload]
max_size = "3 MiB"
per_day = "20 MiB"
slot_timeout = "4s"
keep_free = "0B"
"""
ROSE = bytes(range(256)) * 4096


async def slot(person, name, size, kind="image/jpeg", purpose=None):
    """Where to PUT and where to GET."""
    answer = await person.plugin["xep_0363"].request_slot("upload.localhost", name, size, kind, purpose=purpose)
    given = answer["http_upload_slot"]
    return given["put"]["url"], given["get"]["url"]


async def refused(person, size):
    """The error that a request gets."""
    try:
        await slot(person, "rose.jpg", size)
    except IqError as error:
        return str(error.iq)
    check(False, f"{size} bytes are refused")


def files(rialto):
    """Everything in the folder of uploads."""
    return [file for file in (rialto.folder / "data" / "uploads").rglob("*") if file.is_file()]


async def until(says, true, patience=10):
    end = time.monotonic() + patience
    while not true() and time.monotonic() < end:
        await asyncio.sleep(0.05)
    check(true(), says)


async def up_and_down(web, romeo):
    found = await romeo.plugin["xep_0363"].find_upload_service(domain="localhost", timeout=10)
    check(found["from"] == "upload.localhost", "the service is found")
    put, get = await slot(romeo, "très cool.jpg", len(ROSE))
    check((await web.ask("GET", get))[0] == 404, "nothing is there yet")
    status, headers, _ = await web.ask("PUT", put, ROSE, Content_Type="image/jpeg")
    check((status, headers["Location"]) == (201, get), "a file is uploaded")
    status, headers, body = await web.ask("GET", get)
    check(status == 200 and body == ROSE, "and downloaded")
    check(headers["Content-Type"] == "image/jpeg", "with its type")
    check(headers["X-Content-Type-Options"] == "nosniff", "nobody guesses another")
    check("sandbox" in headers["Content-Security-Policy"], "nothing in it runs")
    check("UTF-8''tr%C3%A8s%20cool.jpg" in headers["Content-Disposition"], "with its name")
    status, headers, body = await web.ask("HEAD", get)
    check((status, headers["Content-Length"], body) == (200, str(len(ROSE)), b""), "HEAD tells how long it is")
    status, headers, body = await web.ask("GET", get, Range="bytes=1000-1999")
    check(status == 206 and body == ROSE[1000:2000], "a part is downloaded")
    check(headers["Content-Range"] == f"bytes 1000-1999/{len(ROSE)}", "and named")
    check((await web.ask("GET", get, Range=f"bytes={len(ROSE)}-"))[0] == 416, "beyond the end is nothing")
    status, _, body = await web.ask("GET", get, Range="bytes=0-1,5-6")
    check(status == 200 and body == ROSE, "many parts at once are the whole")
    status, headers, _ = await web.ask("OPTIONS", put, Origin="https://example.org")
    check(status == 204 and "PUT" in headers["Access-Control-Allow-Methods"], "pages of other sites may upload")
    check(headers["Access-Control-Allow-Origin"] == "*", "and download")
    check((await web.ask("DELETE", get))[0] == 405, "nobody deletes over HTTP")
    url = await romeo.plugin["xep_0363"].upload_file("rose.png", input_file=io.BytesIO(ROSE), purpose="profile", timeout=20)
    check((await web.ask("GET", url))[2] == ROSE, "the plug-in's own way works, with a purpose")
    return get


async def what_goes_wrong(rialto, web, romeo):
    left = len(files(rialto))
    put, get = await slot(romeo, "rose.jpg", 1000)
    check((await web.ask("PUT", put, b"x" * 1001, Content_Type="image/jpeg"))[0] == 413, "one byte too many")
    check((await web.ask("PUT", put, b"x" * 999, Content_Type="image/jpeg"))[0] == 400, "one byte too few")
    check((await web.ask("PUT", put, b"x" * 1000, Content_Type="text/html"))[0] == 415, "another type")
    check((await web.ask("PUT", put, iter([b"x" * 1000])))[0] == 411, "without a length")
    begun = web.begin(put, 1000, b"half")
    await until("an upload has begun", lambda: len(files(rialto)) == left + 1)
    check((await web.ask("PUT", put, b"x" * 1000))[0] == 409, "nobody uploads there meanwhile")
    begun.close()
    await until("cut off, it leaves nothing behind", lambda: len(files(rialto)) == left)
    check((await web.ask("GET", get))[0] == 404, "and nothing can be downloaded")
    check((await web.ask("PUT", put, b"y" * 1000))[0] == 201, "it can be uploaded again")
    check((await web.ask("PUT", put, b"z" * 1000))[0] == 404, "once")
    check((await web.ask("GET", get))[2] == b"y" * 1000, "and stays as it is")
    for name in ("../../../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a%2f..%2fb", "x" * 9000, "a\u202egpj.exe"):
        put, get = await slot(romeo, name, 1)
        check("/.." not in get and len(get) < 500 and "%2F" not in get, f"{name[:20]!r} is no path")
        check((await web.ask("PUT", put, b"x"))[0] == 201, "and can be uploaded")
    base = get.split("/upload/")[0]
    for path in ("/upload/../../etc/passwd", "/upload/..%2f..%2fetc%2fpasswd", "/upload/arriving/", "/upload//etc/passwd",
                 "/upload/%00"):
        check((await web.ask("GET", base + path))[0] == 404, f"{path} is nothing")
    put, _ = await slot(romeo, "late.jpg", 10)
    await asyncio.sleep(4.2)
    check((await web.ask("PUT", put, b"x" * 10))[0] == 404, "a slot that nobody used in time is gone")


async def limits(rialto, web, romeo):
    error = await refused(romeo, (3 << 20) + 1)
    check("file-too-large" in error and ">3145728<" in error, "too large is refused with the limit")
    for _ in range(5):
        put, _ = await slot(romeo, "big.bin", 3 << 20, "application/octet-stream")
        check((await web.ask("PUT", put, bytes(3 << 20)))[0] == 201, "three more megabytes")
    error = await refused(romeo, 3 << 20)
    check("resource-constraint" in error and "<retry" in error, "the day's quota is reached, and says when to come again")


async def killed(rialto, web, romeo, get):
    before = len(files(rialto))
    juliet = await Person(rialto, "juliet", "balcony", ("xep_0363",)).come()
    put, never = await slot(juliet, "rose.jpg", len(ROSE))
    begun = web.begin(put, len(ROSE), ROSE[:300_000])
    await until("an upload is under way", lambda: len(files(rialto)) == before + 1)
    rialto.server.process.kill()
    rialto.server.process.wait()
    check(len(files(rialto)) == before + 1, "a killed server leaves half a file")
    rialto.start()
    begun.close()
    check(len(files(rialto)) == before, "which is gone when it starts again")
    check((await web.ask("GET", never))[0] == 404, "and cannot be downloaded")
    check((await web.ask("PUT", put, ROSE))[0] == 404, "its slot is gone, too")
    check((await web.ask("GET", get))[2] == ROSE, "what was whole is whole")


async def operator(rialto, web, get):
    listed = json.loads(rialto.run("upload", "list", "--of", "romeo@localhost", "--json"))
    check(get in [file["url"] for file in listed], "the operator sees a file")
    rialto.run("upload", "remove", get)
    check((await web.ask("GET", get))[0] == 404, "and removes it")
    rialto.run("user", "remove", "romeo@localhost", "--yes")
    check((await web.ask("GET", listed[-1]["url"]))[0] == 404, "files go with the account")
    check(files(rialto) == [], "all of them")
    check("uploads     0 files" in rialto.run("status"), "the status says so")


async def full_disk(rialto, web):
    rialto.stop()
    folder = rialto.folder / "data" / "uploads"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        print("skipped: a small disk (no right to mount one)", flush=True)
        return rialto.start()
    try:
        rialto.start()
        juliet = await Person(rialto, "juliet", "balcony", ("xep_0363",)).come()
        check("resource-constraint" in await refused(juliet, 3 << 20), "what the disk has no room for gets no slot")
        half = bytes(3 << 19)
        (first, kept), (second, never) = [await slot(juliet, "big.bin", len(half), None) for _ in range(2)]
        check((await web.ask("PUT", first, half))[0] == 201, "what it has room for is kept")
        check((await web.ask("PUT", second, half))[0] == 507, "what does not fit any more is refused")
        await until("and leaves nothing behind", lambda: len(files(rialto)) == 1)
        check((await web.ask("GET", never))[0] == 404, "not even an address")
        check((await web.ask("GET", kept))[2] == half, "nor is anything else disturbed")
        rialto.stop()
    finally:
        subprocess.run(["umount", str(folder)], check=False)
    rialto.start()


async def story(rialto):
    # The plug-in trusts what the system trusts.
    os.environ["SSL_CERT_FILE"] = str(rialto.ca)
    web = Web(rialto)
    romeo = await Person(rialto, "romeo", "orchard", ("xep_0363",)).come()
    get = await up_and_down(web, romeo)
    await what_goes_wrong(rialto, web, romeo)
    await limits(rialto, web, romeo)
    rialto.stop()
    rialto.start()
    check((await web.ask("GET", get))[2] == ROSE, "a restart loses nothing")
    romeo = await Person(rialto, "romeo", "orchard", ("xep_0363",)).come()
    check("<retry" in await refused(romeo, 3 << 20), "and no quota")
    await killed(rialto, web, romeo, get)
    await operator(rialto, web, get)
    await full_disk(rialto, web)


play(story, settings=SETTINGS)
