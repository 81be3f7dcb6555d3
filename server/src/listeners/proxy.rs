//! The PROXY protocol (HAProxy's proxy-protocol.txt, versions 1 and 2): who stands behind the proxy that connects.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// §2.2: how a binary header begins.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// §2.1: the longest text header, with its end.
const LONGEST_TEXT: usize = 107;
/// Bytes of a binary header after its first 16: addresses, and a few things we do not read.
const LONGEST_BINARY: usize = 2048;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Somebody at this address.
    Address(SocketAddr),
    /// The proxy itself (a health check), or somebody it cannot name.
    Nobody,
}

/// Why there is no header.
#[derive(Debug, thiserror::Error)]
pub enum BadHeader {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Gone(#[from] io::Error),
    /// It begins with something else, or is not as it must be.
    #[error("no PROXY header")]
    NoHeader,
}

/// Reads a header, and not one byte more.
///
/// # Errors
/// [`BadHeader`]: the connection must be closed, because nobody knows whose it is.
pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Behind, BadHeader> {
    let mut begin = [0; 12];
    from.read_exact(&mut begin).await?;
    if begin == *SIGNATURE {
        return binary(from).await;
    }
    if !begin.starts_with(b"PROXY ") {
        return Err(BadHeader::NoHeader);
    }
    let mut line = begin.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= LONGEST_TEXT {
            return Err(BadHeader::NoHeader);
        }
        line.push(from.read_u8().await?);
    }
    text(&line).ok_or(BadHeader::NoHeader)
}

/// §2.1: `PROXY TCP4 192.0.2.1 192.0.2.2 4711 443`
fn text(line: &[u8]) -> Option<Behind> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let mut words = line.split(' ').skip(1);
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Behind::Nobody);
    }
    let address: IpAddr = words.next()?.parse().ok()?;
    if (family, address.is_ipv4()) != ("TCP4", true) && (family, address.is_ipv6()) != ("TCP6", true) {
        return None;
    }
    let port = words.nth(1)?.parse().ok()?;
    Some(Behind::Address(SocketAddr::new(address, port)))
}

/// §2.2: version and command, family, length, addresses, more.
async fn binary(from: &mut (impl AsyncRead + Unpin)) -> Result<Behind, BadHeader> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let [version_command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if version_command >> 4 != 2 || length > LONGEST_BINARY {
        return Err(BadHeader::NoHeader);
    }
    let mut rest = vec![0; length];
    from.read_exact(&mut rest).await?;
    match version_command & 0xf {
        // LOCAL
        0 => Ok(Behind::Nobody),
        // PROXY
        1 => addresses(family, &rest).ok_or(BadHeader::NoHeader),
        _ => Err(BadHeader::NoHeader),
    }
}

fn addresses(family: u8, bytes: &[u8]) -> Option<Behind> {
    let port = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let (address, port) = match family {
        // TCP over IPv4: source, destination, their ports.
        0x11 => (IpAddr::V4(Ipv4Addr::from(*bytes.first_chunk::<4>()?)), port(8)?),
        0x21 => (IpAddr::V6(Ipv6Addr::from(*bytes.first_chunk::<16>()?)), port(32)?),
        // Unspecified, UDP, Unix sockets.
        _ => return Some(Behind::Nobody),
    };
    Some(Behind::Address(SocketAddr::new(address, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(bytes: &[u8]) -> (Option<Behind>, Vec<u8>) {
        let mut from = bytes;
        (read(&mut from).await.ok(), from.to_vec())
    }

    fn header(version_command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[version_command, family][..], &length, addresses].concat()
    }

    #[tokio::test]
    async fn a_binary_header_names_the_client_and_nothing_after_it_is_read() {
        let four = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x67, 1, 187, /* a TLV */ 4, 0, 1, 0];
        let bytes = [header(0x21, 0x11, &four), b"<stream".to_vec()].concat();
        let (behind, rest) = read_all(&bytes).await;
        assert_eq!(behind, Some(Behind::Address("192.0.2.1:4711".parse().unwrap())));
        assert_eq!(rest, b"<stream");
        let six = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0; 16], &[0x12, 0x67, 1, 187]].concat();
        let (behind, _) = read_all(&header(0x21, 0x21, &six)).await;
        assert_eq!(behind, Some(Behind::Address("[2001:db8::1]:4711".parse().unwrap())));
    }

    #[tokio::test]
    async fn a_text_header_does_the_same() {
        let (behind, rest) = read_all(b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\nGET").await;
        assert_eq!(behind, Some(Behind::Address("192.0.2.1:4711".parse().unwrap())));
        assert_eq!(rest, b"GET");
        assert_eq!(read_all(b"PROXY UNKNOWN\r\n").await.0, Some(Behind::Nobody));
    }

    #[tokio::test]
    async fn a_health_check_is_the_proxy_itself() {
        assert_eq!(read_all(&header(0x20, 0, &[])).await.0, Some(Behind::Nobody));
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let long = [b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat();
        let cases: [&[u8]; 8] = [
            b"<stream:stream xmlns",
            b"GET / HTTP/1.1\r\n\r\n",
            b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
            b"PROXY TCP4 here there 1 2\r\n",
            &long,
            &header(0x11, 0x11, &[0; 12]),
            &header(0x21, 0x11, &[0; 3]),
            b"PROXY",
        ];
        for bytes in cases {
            assert_eq!(read_all(bytes).await.0, None, "{bytes:?}");
        }
    }
}
