//! Starting the daemons, each with its own configuration in its own folder.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The group ffdhe2048 of RFC 7919, so that no daemon has to think for seconds.
const DH: &str = "-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
";

/// A running daemon. It ends when it is dropped.
pub struct Daemon {
    child: Child,
    folder: TempDir,
    pub plain: u16,
    pub tls: u16,
    /// Where services connect, if they may.
    pub services: u16,
}

impl Daemon {
    pub fn ngircd() -> Option<Daemon> {
        start("ngircd", &ngircd_conf, &["-n", "-f"])
    }

    pub fn inspircd() -> Option<Daemon> {
        start("inspircd", &|folder, ports| inspircd_conf("irc", folder, ports), INSPIRCD)
    }

    /// Another InspIRCd, `irc2.test.example`, linked to this one.
    pub fn leaf(&self) -> Option<Daemon> {
        let hub = self.services;
        let conf = move |folder: &Path, ports| {
            let link = format!(
                "<link name=\"irc.test.example\" ipaddr=\"127.0.0.1\" port=\"{hub}\" allowmask=\"127.0.0.1\" sendpass=\"link\" recvpass=\"link\">
<autoconnect period=\"1\" server=\"irc.test.example\">
"
            );
            inspircd_conf("irc2", folder, ports) + &link
        };
        start("inspircd", &conf, INSPIRCD)
    }

    /// What a bridge must know to speak TLS with it.
    pub fn tls_settings(&self) -> String {
        format!("tls_name = 'irc.test.example'\nca_file = '{}'", self.folder.path().join("ca.pem").display())
    }

    /// Atheme, linked to this InspIRCd.
    pub fn with_services(&self) -> Option<Services> {
        let binary = found("atheme-services")?;
        let folder = tempfile::tempdir().unwrap();
        let conf = folder.path().join("atheme.conf");
        fs::write(&conf, atheme_conf(self.services)).unwrap();
        let mut command = Command::new(binary);
        command.arg("-n").arg("-c").arg(&conf).arg("-D").arg(folder.path());
        command.arg("-l").arg(folder.path().join("log")).arg("-p").arg(folder.path().join("pid"));
        let child = quiet(&mut command, &folder.path().join("out"));
        Some(Services { child, _folder: folder })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Running services. They end when they are dropped.
pub struct Services {
    child: Child,
    _folder: TempDir,
}

impl Drop for Services {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    child.kill().ok();
    child.wait().ok();
}

/// The program, or a loud word about its absence; with `CI=true` a failure.
fn found(program: &str) -> Option<PathBuf> {
    let places = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let found = places.iter().map(|place| Path::new(place).join(program)).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{program} is not installed, and CI=true");
        eprintln!("SKIPPED: {program} is not installed (apt-get install ngircd inspircd atheme-services)");
    }
    found
}

fn start(program: &str, conf: &dyn Fn(&Path, [u16; 3]) -> String, args: &[&str]) -> Option<Daemon> {
    let binary = found(program)?;
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    fs::write(folder.path().join("dh.pem"), DH).unwrap();
    // A copy, for profiles that confine the original to its own configuration.
    let copy = folder.path().join(program);
    let binary = fs::copy(&binary, &copy).map(|_| copy).unwrap_or(binary);
    for _ in 0..3 {
        let ports = [free_port(), free_port(), free_port()];
        let path = folder.path().join("daemon.conf");
        fs::write(&path, conf(folder.path(), ports)).unwrap();
        let out = folder.path().join("out");
        let mut child = quiet(Command::new(&binary).args(args).arg(&path), &out);
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            if ports[..2].iter().all(|port| std::net::TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
                let [plain, tls, services] = ports;
                return Some(Daemon { child, folder, plain, tls, services });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        end(&mut child);
        eprintln!("{program} did not start: {}", fs::read_to_string(&out).unwrap_or_default());
    }
    panic!("{program} does not start");
}

fn quiet(command: &mut Command, out: &Path) -> Child {
    let file = fs::File::create(out).unwrap();
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let (told, complained) = (file.try_clone().unwrap(), file.try_clone().unwrap());
        match command.stdin(Stdio::null()).stdout(told).stderr(complained).spawn() {
            Ok(child) => return child,
            // A neighbour that forks while the program is copied holds the copy open for writing until it has begun its own.
            Err(busy) if busy.kind() == ErrorKind::ExecutableFileBusy && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => panic!("{command:?} does not start: {error}"),
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A private authority, and the server's certificate for `irc.test.example`.
fn certificates(folder: &Path) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    fs::write(folder.join("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["irc.test.example".into()]).unwrap();
    fs::write(folder.join("cert.pem"), leaf.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
}

fn ngircd_conf(folder: &Path, [plain, tls, _]: [u16; 3]) -> String {
    let folder = folder.display();
    format!(
        "[Global]
Name = irc.test.example
Info = A server for tests
AdminInfo1 = tests
AdminEMail = admin@test.example
Listen = 127.0.0.1
Ports = {plain}
MotdPhrase = \"good night\"
[Limits]
MaxPenaltyTime = 0
MaxConnectionsIP = 0
[Options]
Ident = no
DNS = no
PAM = no
[SSL]
CertFile = {folder}/cert.pem
KeyFile = {folder}/key.pem
DHFile = {folder}/dh.pem
Ports = {tls}
"
    )
}

const INSPIRCD: &[&str] = &["--nofork", "--runasroot", "--config"];

fn inspircd_conf(name: &str, folder: &Path, [plain, tls, services]: [u16; 3]) -> String {
    let modules = [
        "cap",
        "ssl_gnutls",
        "spanningtree",
        "services_account",
        "sasl",
        "ircv3",
        "ircv3_capnotify",
        "ircv3_accounttag",
        "ircv3_servertime",
        "ircv3_msgid",
        "ircv3_ctctags",
        "ircv3_chghost",
        "namesx",
        "setname",
        "customprefix",
        "svshold",
    ];
    let modules: String = modules.iter().map(|name| format!("<module name=\"{name}\">\n")).collect();
    let folder = folder.display();
    format!(
        "<server name=\"{name}.test.example\" description=\"A server for tests\" network=\"Test\">
<admin name=\"t\" nick=\"t\" email=\"t@test.example\">
<bind address=\"127.0.0.1\" port=\"{plain}\" type=\"clients\">
<bind address=\"127.0.0.1\" port=\"{tls}\" type=\"clients\" sslprofile=\"tls\">
<bind address=\"127.0.0.1\" port=\"{services}\" type=\"servers\">
<sslprofile name=\"tls\" provider=\"gnutls\" certfile=\"{folder}/cert.pem\" keyfile=\"{folder}/key.pem\">
<connect name=\"main\" allow=\"*\" timeout=\"30\" localmax=\"100\" globalmax=\"100\" useident=\"no\" resolvehostnames=\"no\"
 fakelag=\"no\" commandrate=\"100000\" threshold=\"1000\" maxconnwarn=\"no\" modes=\"\">
<badip ipmask=\"127.0.0.2\" reason=\"an open proxy\">
<link name=\"services.test.example\" ipaddr=\"127.0.0.1\" port=\"1\" allowmask=\"127.0.0.1\" sendpass=\"link\" recvpass=\"link\">
<link name=\"irc2.test.example\" ipaddr=\"127.0.0.1\" port=\"1\" allowmask=\"127.0.0.1\" sendpass=\"link\" recvpass=\"link\">
<uline server=\"services.test.example\" silent=\"yes\">
<sasl target=\"services.test.example\">
{modules}<customprefix name=\"halfop\" letter=\"h\" prefix=\"%\" rank=\"20000\" ranktoset=\"30000\">
<options defaultmodes=\"not\" prefixquit=\"Quit: \" maxtargets=\"20\">
<pid file=\"{folder}/pid\">
<log method=\"file\" type=\"* -USERINPUT -USEROUTPUT\" level=\"default\" target=\"{folder}/log\">
"
    )
}

fn atheme_conf(port: u16) -> String {
    let modules = [
        "protocol/inspircd",
        "backend/opensex",
        "crypto/pbkdf2v2",
        "nickserv/main",
        "nickserv/register",
        "nickserv/identify",
        "nickserv/set_core",
        "saslserv/main",
        "saslserv/plain",
    ];
    let modules: String = modules.iter().map(|name| format!("loadmodule \"modules/{name}\";\n")).collect();
    format!(
        "{modules}
serverinfo {{
  name = \"services.test.example\"; desc = \"Services for tests\"; numeric = \"00A\"; recontime = 1; netname = \"Test\";
  hidehostsuffix = \"users.test\"; adminname = \"t\"; adminemail = \"t@test.example\"; registeremail = \"no@test.example\";
  mta = \"/usr/sbin/sendmail\"; loglevel = {{ info; }}; maxlogins = 5; maxusers = 0; mdlimit = 30; emaillimit = 10;
  emailtime = 300; auth = none; casemapping = rfc1459;
}};
uplink \"irc.test.example\" {{ host = \"127.0.0.1\"; port = {port}; send_password = \"link\"; receive_password = \"link\"; }};
nickserv {{ nick = \"NickServ\"; user = \"NickServ\"; host = \"services.test\"; real = \"Nicks\"; no_nick_ownership; }};
saslserv {{ nick = \"SaslServ\"; user = \"SaslServ\"; host = \"services.test\"; real = \"SASL\"; }};
database {{ }};
general {{ helpchan = \"#help\"; helpurl = \"x\"; flood_msgs = 0; ratelimit_uses = 0; commit_interval = 5; }};
"
    )
}
