//! A cable between the bridge and a server, which can be cut.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub struct Proxy {
    port: u16,
    whole: Arc<AtomicBool>,
    cuts: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A cable to this port; the server sees it come from `source`, where one is said.
    pub async fn to(target: u16, source: Option<IpAddr>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let whole = Arc::new(AtomicBool::new(true));
        let cuts = Arc::new(Notify::new());
        let (is_whole, is_cut) = (whole.clone(), cuts.clone());
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                if !is_whole.load(Ordering::SeqCst) {
                    continue;
                }
                let cut = is_cut.clone();
                tokio::spawn(async move {
                    let socket = TcpSocket::new_v4().unwrap();
                    if let Some(source) = source {
                        socket.bind(SocketAddr::new(source, 0)).unwrap();
                    }
                    let Ok(mut far) = socket.connect(([127, 0, 0, 1], target).into()).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.notified() => {}
                    }
                });
            }
        });
        Proxy { port, whole, cuts, task }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn cut(&self) {
        self.whole.store(false, Ordering::SeqCst);
        self.cuts.notify_waiters();
    }

    pub fn heal(&self) {
        self.whole.store(true, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}
