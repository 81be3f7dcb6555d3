"""Every plug-in of slixmpp is used by a script here, or it is said below why not. What `server/xeps.toml` lists has no excuse but
that slixmpp itself is at fault.

A script uses a plug-in that it names and of which it takes the interface (`plugin["xep_0191"]`), a part of a stanza
(`message["receipt"]`) or an event.

needs: slixmpp
"""

import ast
import pkgutil
import re
import tomllib
from pathlib import Path

import slixmpp.plugins

from rialto import Failed, check

HERE = Path(__file__).resolve().parent
XEPS = HERE.parent.parent / "server" / "xeps.toml"
PLUGIN = re.compile(r"xep_\d{4}")

# Supported, and yet not played with the plug-in: why.
EXCUSED = {}

# Names of parts that are those of others as well: they show nothing.
COMMON = {"body", "subject", "item", "items", "store", "received"}

# Not supported, and nothing that a server would carry between clients as it is.
ELSEWHERE = {
    "other things came in its place": "0016 0020 0027 0078 0079 0086 0091 0095 0096 0186 0422",
    "nobody here offers it": "0009 0033 0055 0070 0100 0257 0258 0279 0356 0437 0463 0494",
    "the server has other rooms": "0369 0403 0404 0405",
    "things and their values, HTTP inside of XMPP": "0235 0323 0325 0332",
    "a list of others, with nothing of its own": "0242 0270 0302",
    "parts of forms and of other payloads, which those who carry them show": "0122 0221 0234 0264 0372 0449 0454",
    "slixmpp 1.17 takes an answer for its future, and sends no presence any more": "0256",
}


def about(name):
    """What of a plug-in shows that it is used: parts of stanzas and events, and whether it has any."""
    place = Path(slixmpp.plugins.__path__[0]) / name
    files = sorted(place.glob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    text = "\n".join(file.read_text() for file in files)
    parts = re.findall(r"plugin_attrib\s*=\s*(?:name\s*=\s*)?[\"']([\w-]+)[\"']", text)
    parts += re.findall(r"^    name = plugin_attrib = [\"']([\w-]+)[\"']", text, re.M)
    parts += re.findall(r"^    plugin_multi_attrib = [\"']([\w-]+)[\"']", text, re.M)
    events = re.findall(r"\bevent\(\s*[\"'](\w+)[\"']", text)
    return {*parts, *events} - COMMON


def read(script):
    """The plug-ins that a script names, those whose interface it takes, and all else that it writes as text."""
    named, taken, words = set(), set(), set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            (named if PLUGIN.fullmatch(node.value) else words).add(node.value)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            if PLUGIN.fullmatch(str(node.slice.value)):
                taken.add(node.slice.value)
    return named, taken, words


def used():
    """Each plug-in of slixmpp, and the scripts that use it."""
    names = [module.name for module in pkgutil.iter_modules(slixmpp.plugins.__path__) if PLUGIN.fullmatch(module.name)]
    scripts = {script.stem: read(script) for script in sorted(HERE.glob("*.py")) if script != Path(__file__).resolve()}
    found = {}
    for name in sorted(names):
        signs = about(name)
        found[name] = [script for script, (named, taken, words) in scripts.items() if name in taken
                       or name in named and (signs & words or not signs)]
    return found


def main():
    rows = {f"xep_{row['number']:04}": row["title"] for row in tomllib.loads(XEPS.read_text())["xep"]}
    found = used()
    elsewhere = {f"xep_{number}": why for why, numbers in ELSEWHERE.items() for number in numbers.split()}
    for name, scripts in found.items():
        how = ", ".join(scripts) or EXCUSED.get(name) or elsewhere.get(name) or "nowhere"
        print(f"{'supported' if name in rows else '         '}  {name}  {how}")
    missing = [name for name in found if name in rows and not found[name] and name not in EXCUSED]
    check(not missing, f"every supported XEP that has a plug-in is played with it: {missing or sum(n in rows for n in found)}")
    unknown = [name for name in found if not found[name] and name not in rows and name not in elsewhere]
    check(not unknown, f"it is known why others are not: {unknown or len(elsewhere)}")
    stale = [name for name in (*EXCUSED, *elsewhere) if found.get(name) or name not in found]
    stale += [name for name in EXCUSED if name not in rows] + [name for name in elsewhere if name in rows]
    check(not stale, f"and no excuse has become untrue: {stale}")


try:
    main()
except Failed as failed:
    raise SystemExit(f"FAILED: {failed}") from None
print("done", flush=True)
