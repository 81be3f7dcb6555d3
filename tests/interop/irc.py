"""Real IRC daemons on the loopback address, and people who use IRC with nothing but a socket."""

import asyncio
import shutil
import ssl
import subprocess
from pathlib import Path

from rialto import PASSWORD, Process, check, free_port, wait_for_port

PATIENCE = 20.0
NAME = "irc.test.example"


class Daemon:
    """A daemon in a folder of its own; `with` ends it. `settings` is what a bridge must know of it."""

    def __init__(self, folder):
        self.folder = Path(folder) / type(self).__name__.lower()
        self.folder.mkdir()
        self.port, self.tls_port, self.link_port = free_port(), free_port(), free_port()
        self.processes = []
        self.account = None

    def __enter__(self):
        self.certificates()
        self.start()
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop(5)

    def certificates(self):
        """An authority of its own, and a certificate for the daemon."""
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)

        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=an authority for tests", "-keyout", "ca.key", "-out", "ca.pem")
        openssl("req", *key, "-subj", f"/CN={NAME}", "-keyout", "key.pem", "-out", "cert.csr")
        (self.folder / "san").write_text(f"subjectAltName=DNS:{NAME}\nbasicConstraints=critical,CA:FALSE\n")
        openssl("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "san", "-out", "cert.pem")

    def run(self, program, *arguments, name=None):
        """Starts a program; a copy of it, as profiles confine the original to its own configuration."""
        copy = self.folder / program
        shutil.copy(next(p for p in map(Path, ("/usr/sbin", "/usr/bin")) if (p / program).exists()) / program, copy)
        self.processes.append(Process(self.folder, name or program, [str(copy), *map(str, arguments)]))
        return self.processes[-1].process

    @property
    def settings(self):
        sasl = ""
        if self.account:
            (self.folder / "sasl").write_text(PASSWORD + "\n")
            (self.folder / "sasl").chmod(0o600)
            sasl = f"sasl = {{ user = \"{self.account}\", password_file = \"{self.folder}/sasl\" }}"
        return f"""
[bridge.far]
kind = "irc"
server = "127.0.0.1"
port = {self.tls_port}
tls_name = "{NAME}"
ca_file = "{self.folder}/ca.pem"
nick = "rialto"
{sasl}
[[link]]
room = "lounge@rooms.localhost"
to = ["far:#lounge"]
"""


class Ngircd(Daemon):
    """Debian's ngircd."""

    def start(self):
        config = self.folder / "ngircd.conf"
        config.write_text(f"""
[Global]
Name = {NAME}
Info = tests
AdminInfo1 = tests
AdminEMail = admin@test.example
Listen = 127.0.0.1
Ports = {self.port}
MotdPhrase = "good night"
[Limits]
MaxPenaltyTime = 0
[Options]
Ident = no
DNS = no
PAM = no
[SSL]
CertFile = {self.folder}/cert.pem
KeyFile = {self.folder}/key.pem
Ports = {self.tls_port}
""")
        process = self.run("ngircd", "-n", "-f", config)
        wait_for_port(self.tls_port, process)


class Inspircd(Daemon):
    """Debian's InspIRCd, with Atheme for accounts: the bridge proves one with SASL PLAIN."""

    def start(self):
        modules = ("cap", "ssl_gnutls", "spanningtree", "services_account", "sasl", "ircv3", "ircv3_msgid",
                   "ircv3_ctctags", "ircv3_servertime", "ircv3_capnotify", "namesx", "svshold")
        loaded = "\n".join(f'<module name="{module}">' for module in modules)
        config = self.folder / "inspircd.conf"
        config.write_text(f"""
<server name="{NAME}" description="tests" network="Test">
<admin name="t" nick="t" email="t@test.example">
<bind address="127.0.0.1" port="{self.port}" type="clients">
<bind address="127.0.0.1" port="{self.tls_port}" type="clients" sslprofile="tls">
<bind address="127.0.0.1" port="{self.link_port}" type="servers">
<sslprofile name="tls" provider="gnutls" certfile="{self.folder}/cert.pem" keyfile="{self.folder}/key.pem">
<connect name="all" allow="*" timeout="30" localmax="100" globalmax="100" useident="no" resolvehostnames="no"
 fakelag="no" commandrate="100000" threshold="1000">
<link name="services.test.example" ipaddr="127.0.0.1" port="1" allowmask="127.0.0.1" sendpass="link" recvpass="link">
<uline server="services.test.example" silent="yes">
<sasl target="services.test.example">
{loaded}
<options defaultmodes="not" prefixquit="Quit: ">
<pid file="{self.folder}/pid">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{self.folder}/log">
""")
        process = self.run("inspircd", "--nofork", "--runasroot", "--config", config)
        wait_for_port(self.tls_port, process)
        wait_for_port(self.link_port, process)
        self.services()

    def services(self):
        modules = ("protocol/inspircd", "backend/opensex", "crypto/pbkdf2v2", "nickserv/main", "nickserv/register",
                   "saslserv/main", "saslserv/plain")
        loaded = "\n".join(f'loadmodule "modules/{module}";' for module in modules)
        config = self.folder / "atheme.conf"
        config.write_text(f"""
{loaded}
serverinfo {{
  name = "services.test.example"; desc = "tests"; numeric = "00A"; recontime = 1; netname = "Test";
  hidehostsuffix = "users.test"; adminname = "t"; adminemail = "t@test.example"; registeremail = "no@test.example";
  mta = "/bin/true"; loglevel = {{ info; }}; maxlogins = 5; maxusers = 0; mdlimit = 30; emaillimit = 10;
  emailtime = 300; auth = none; casemapping = rfc1459;
}};
uplink "{NAME}" {{ host = "127.0.0.1"; port = {self.link_port}; send_password = "link"; receive_password = "link"; }};
nickserv {{ nick = "NickServ"; user = "NickServ"; host = "services.test"; real = "Nicks"; }};
saslserv {{ nick = "SaslServ"; user = "SaslServ"; host = "services.test"; real = "SASL"; }};
database {{ }};
general {{ helpchan = "#help"; helpurl = "x"; flood_msgs = 0; ratelimit_uses = 0; commit_interval = 5; }};
""")
        self.run("atheme-services", "-n", "-c", config, "-D", self.folder, "-l", self.folder / "atheme.log",
                 "-p", self.folder / "atheme.pid", name="atheme")

    async def register(self, account):
        """Makes the account that the bridge proves."""
        person = await Irc(self, account).come()
        made = None
        for _ in range(40):  # until the services have linked
            person.send(f"PRIVMSG NickServ :REGISTER {PASSWORD} t@test.example")
            made = await person.until("", lambda line: ":NickServ" in line and "registered" in line, patience=0.5)
            if made:
                break
        check(made, "an account is made" if made else f"an account is made; the services say {person.seen[-5:]}")
        await person.go()
        self.account = account


class Irc:
    """Somebody on IRC, over TLS."""

    def __init__(self, daemon, nick):
        self.daemon, self.nick = daemon, nick
        self.seen = []

    async def come(self, channel=None):
        context = ssl.create_default_context(cafile=str(self.daemon.folder / "ca.pem"))
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.daemon.tls_port, ssl=context, server_hostname=NAME)
        self.send(f"NICK {self.nick}")
        self.send(f"USER {self.nick.lower()} 0 * :{self.nick}")
        await self.hear(f"{self.nick} is on IRC", lambda line: f" 001 {self.nick} " in line)
        if channel:
            self.send(f"JOIN {channel}")
            await self.hear(f"{self.nick} is in {channel}", lambda line: f" 366 {self.nick} {channel}" in line)
        return self

    def send(self, line):
        self.writer.write(f"{line}\r\n".encode())

    def say(self, to, words):
        self.send(f"PRIVMSG {to} :{words}")

    async def line(self, patience):
        """The next line, pings answered; None where none comes."""
        while True:
            try:
                line = (await asyncio.wait_for(self.reader.readline(), patience)).decode(errors="replace").rstrip("\r\n")
            except (asyncio.TimeoutError, TimeoutError):
                return None
            if not line:
                return None
            if line.startswith("PING"):
                self.send("PONG" + line[4:])
                continue
            self.seen.append(line)
            return line

    async def until(self, _, fits, patience=PATIENCE):
        """The next line that fits, or one that has come already."""
        for at, line in enumerate(self.seen):
            if fits(line):
                del self.seen[at]
                return line
        until = asyncio.get_running_loop().time() + patience
        while (left := until - asyncio.get_running_loop().time()) > 0:
            line = await self.line(left)
            if line is None:
                return None
            if fits(line):
                self.seen.remove(line)
                return line
        return None

    async def hear(self, says, fits):
        """A line that fits must come."""
        line = await self.until(says, fits)
        check(line is not None, f"{says}" if line else f"{says}; {self.nick} saw only {self.seen[-10:]}")
        return line

    async def go(self, words="good night"):
        self.send(f"QUIT :{words}")
        await asyncio.sleep(0.2)
        self.writer.close()
