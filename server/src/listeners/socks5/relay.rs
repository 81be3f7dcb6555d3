//! XEP-0065 §8.1: passes on what two say to each other, no faster than either reads.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

/// Bytes that are on their way in one direction.
const BUFFER: usize = 16 << 10;

/// Passes on in both directions until both have ended, or nothing moved for as long as `idle`. Returns how many bytes
/// went each way.
///
/// # Errors
/// A side broke off, or was silent for too long; both connections are for dropping.
pub async fn relay<A, B>(one: A, other: B, idle: Duration) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Send,
    B: AsyncRead + AsyncWrite + Send,
{
    let (mut one_reads, mut one_writes) = tokio::io::split(one);
    let (mut other_reads, mut other_writes) = tokio::io::split(other);
    let moved = Moved { since: Instant::now(), last: AtomicU64::new(0), idle };
    tokio::try_join!(
        pass(&mut one_reads, &mut other_writes, &moved),
        pass(&mut other_reads, &mut one_writes, &moved)
    )
}

/// When something moved last, in either direction.
struct Moved {
    since: Instant,
    last: AtomicU64,
    idle: Duration,
}

impl Moved {
    fn now(&self) {
        self.last.store(self.elapsed(), Ordering::Relaxed);
    }

    /// How much longer nothing may move; `None`: it is over.
    fn left(&self) -> Option<Duration> {
        let silent =
            Duration::from_millis(self.elapsed() - self.last.load(Ordering::Relaxed).min(self.elapsed()));
        self.idle.checked_sub(silent).filter(|left| !left.is_zero())
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// One direction. The end of one side is passed on as well.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    moved: &Moved,
) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut passed = 0;
    loop {
        let read = loop {
            let left = moved.left().ok_or(io::ErrorKind::TimedOut)?;
            // Silent here may be busy there.
            if let Ok(read) = timeout(left, from.read(&mut buffer)).await {
                break read?;
            }
        };
        moved.now();
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            timeout(moved.idle, to.shutdown()).await??;
            return Ok(passed);
        }
        // A side that takes nothing for so long is gone.
        timeout(moved.idle, to.write_all(bytes)).await??;
        moved.now();
        passed += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    #[tokio::test]
    async fn both_directions_pass_and_each_ends_by_itself() {
        let ((mut romeo, one), (mut juliet, other)) = (duplex(64), duplex(64));
        let relayed = tokio::spawn(relay(one, other, Duration::from_secs(5)));
        let long = vec![7u8; 100_000];
        let (sent, mut heard) = (long.clone(), Vec::new());
        let saying = tokio::spawn(async move {
            romeo.write_all(&sent).await.unwrap();
            romeo.shutdown().await.unwrap();
            let mut answer = String::new();
            romeo.read_to_string(&mut answer).await.unwrap();
            answer
        });
        juliet.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, long);
        juliet.write_all(b"got it").await.unwrap();
        juliet.shutdown().await.unwrap();
        assert_eq!(saying.await.unwrap(), "got it");
        assert_eq!(relayed.await.unwrap().unwrap(), (100_000, 6));
    }

    #[tokio::test]
    async fn a_slow_reader_holds_the_writer_back() {
        let ((mut romeo, one), (juliet, other)) = (duplex(64), duplex(64));
        let relayed = tokio::spawn(relay(one, other, Duration::from_millis(300)));
        let much = vec![0u8; 1 << 20];
        let written = timeout(Duration::from_millis(100), romeo.write_all(&much)).await;
        assert!(written.is_err(), "a megabyte went nowhere");
        drop(juliet);
        assert!(relayed.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn silence_ends_it_but_not_while_one_side_speaks() {
        let ((mut romeo, one), (mut juliet, other)) = (duplex(64), duplex(64));
        let relayed = tokio::spawn(relay(one, other, Duration::from_millis(200)));
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            romeo.write_all(b"still here").await.unwrap();
            juliet.read_exact(&mut [0; 10]).await.unwrap();
        }
        let ended = timeout(Duration::from_secs(5), relayed).await.unwrap().unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
