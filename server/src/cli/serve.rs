//! `rialto serve`: opens the server, says that it is open, reloads and closes it when it is told to.

use super::{Exit, Sorry, banner, check};
use crate::admin::desk::{FrontDesk, Wish};
use crate::admin::{AdminSocket, Answer};
use crate::certs;
use crate::config::Config;
use crate::files;
use crate::listeners::Door;
use crate::logs::{self, Logs};
use crate::server::Server;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::time::SystemTime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves until it is told to stop.
pub(super) fn run(config: Config) -> Result<Exit, Sorry> {
    if let Some(why) = check::first_mistake(&config) {
        let text = super::mistake(config.origin.file.as_deref(), &why);
        return Err(Sorry { exit: Exit::BadConfig, text });
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let logs = logs::begin(&config);
    let files = files::raise();
    if !files::suffice(files, config.c2s.connections) {
        tracing::warn!(
            files = files.unwrap_or_default(),
            connections = config.c2s.connections,
            "fewer files may be open than clients may connect: raise the limit (LimitNOFILE in systemd, ulimit -n)"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Sorry::failed)?;
    runtime.block_on(serve(config, &logs))
}

async fn serve(config: Config, logs: &Logs) -> Result<Exit, Sorry> {
    let mut signals = Signals::new().map_err(Sorry::failed)?;
    make_folder(&config).map_err(Sorry::failed)?;
    // First, because it is what tells that another server runs with this data.
    let socket = AdminSocket::bind(&config.admin_socket()).map_err(Sorry::failed)?;
    let server = tokio::select! {
        opened = Server::open(config) => opened.map_err(Sorry::failed)?,
        () = signals.stop() => return Ok(Exit::Done),
    };
    let desk = server.desk.clone();
    let mut wished = server.wishes().ok_or_else(|| Sorry::failed("somebody else runs this server"))?;
    say!("{}", ready(&server, &desk));
    let answering = tokio::spawn(socket.serve(desk));
    let again = loop {
        tokio::select! {
            heard = signals.next() => match heard {
                Heard::Stop => break false,
                Heard::Reload => match reload(&server, logs).await {
                    Ok(remark) => tracing::info!("{remark}"),
                    Err(why) => tracing::error!("nothing was reloaded: {why}"),
                },
            },
            wish = wished.recv() => match wish {
                Some(Wish::Reload(tell)) => { let _ = tell.send(reload(&server, logs).await); }
                Some(Wish::Restart) => break true,
                Some(Wish::Stop) | None => break false,
            },
        }
    };
    say!("Closing; once more Ctrl-C leaves at once.");
    tokio::select! {
        () = server.close() => {}
        () = signals.stop() => tracing::warn!("left at once"),
    }
    answering.abort();
    let _ = answering.await; // takes the socket away
    if again { Err(begin_anew()) } else { Ok(Exit::Done) }
}

/// XEP-0133 §4.30: the same program, with the same arguments, in place of this one. It returns only where that fails.
fn begin_anew() -> Sorry {
    use std::os::unix::process::CommandExt;
    let mut arguments = std::env::args_os();
    let Some(program) = arguments.next() else { return Sorry::failed("there is no program to begin anew") };
    let why = std::process::Command::new(program).args(arguments).exec();
    Sorry::failed(format!("the server has stopped and cannot be started again: {why}"))
}

/// Everything is kept in here, so it is for the server alone.
fn make_folder(config: &Config) -> Result<(), String> {
    let folder = &config.data;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|why| format!("the data folder {} cannot be made: {why}", folder.display()))
}

async fn reload(server: &Server, logs: &Logs) -> Result<String, String> {
    let config = match &server.config.origin.file {
        Some(file) => Config::load(file).map_err(|why| why.to_string())?,
        None => Config::default(),
    };
    server.reload_certificates().map_err(|why| why.to_string())?;
    logs.reload(&config);
    let told = server.reload(&config).await.map_err(|why| why.to_string())?;
    let told: String = told.iter().map(|told| format!("\n  {told}")).collect();
    let waits = server.config.waits_for_restart(&config);
    Ok(match waits.is_empty() {
        true => format!("The configuration and the certificates were read again.{told}"),
        false => format!("Read again; these wait for a restart: {}.{told}", waits.join(", ")),
    })
}

fn ready(server: &Server, desk: &FrontDesk) -> String {
    let config = &server.config;
    let wanted = certs::wanted(config, &[]);
    let now = SystemTime::now();
    let identities: Vec<_> =
        wanted.iter().filter_map(|wanted| certs::look(config, wanted, now).ok()).collect();
    let of = |wanted: Door| -> Vec<SocketAddr> {
        server.addresses().iter().filter(|(door, _)| *door == wanted).map(|(_, address)| *address).collect()
    };
    let accounts = match desk.users().list(|_| None) {
        Ok(Answer::Users(users)) => users.len(),
        _ => 0,
    };
    let program = std::env::args().next().unwrap_or_else(|| "rialto".to_owned());
    banner::text(&banner::Ready {
        config,
        identities: &identities,
        starttls: &of(Door::StartTls),
        tls: &of(Door::Direct),
        https: &of(Door::Https),
        shared: &of(Door::Shared),
        http: &of(Door::Http),
        accounts,
        program: &program,
    })
}

/// What a signal means.
enum Heard {
    /// Ctrl-C or SIGTERM.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The signals that an operator sends.
struct Signals {
    int: Signal,
    term: Signal,
    hup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.int.recv() => Heard::Stop,
            _ = self.term.recv() => Heard::Stop,
            _ = self.hup.recv() => Heard::Reload,
        }
    }

    /// Until it is to stop; a reload has nothing to reload meanwhile.
    async fn stop(&mut self) {
        while let Heard::Reload = self.next().await {}
    }
}
