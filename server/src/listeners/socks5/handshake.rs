//! RFC 1928, as XEP-0065 §8.2 uses it: what a client says before it is in a stream.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::services::bytestreams::Address;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;
const CONNECT: u8 = 1;
const DOMAIN_NAME: u8 = 3;

/// RFC 1928 §6: what a request is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It waits now.
    Succeeded = 0,
    /// Not for this one: no name of a stream, or both ends are there.
    NotAllowed = 2,
    /// Only connecting is supported.
    CommandNotSupported = 7,
    /// Only names are.
    AddressTypeNotSupported = 8,
}

/// A request that was read, and what it must be answered with.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// As it was written, for the answer (XEP-0065 §6.3.2).
    name: Vec<u8>,
    port: [u8; 2],
    /// The stream that is meant.
    pub asked: Result<Address, Reply>,
}

/// Reads greeting and request, of at most 520 bytes. `None`: the client is told that it is none of ours, or is none.
///
/// # Errors
/// The connection ends.
pub async fn read<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<Option<Request>> {
    if stream.read_u8().await? != VERSION {
        return Ok(None);
    }
    let mut methods = [0; 255];
    let count = usize::from(stream.read_u8().await?);
    let methods = methods.get_mut(..count).unwrap_or_default();
    stream.read_exact(methods).await?;
    if !methods.contains(&NO_AUTHENTICATION) {
        stream.write_all(&[VERSION, NO_ACCEPTABLE_METHOD]).await?;
        return Ok(None);
    }
    stream.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let [version, command, _, kind] = {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        head
    };
    if version != VERSION {
        return Ok(None);
    }
    if kind != DOMAIN_NAME {
        let asked = Err(Reply::AddressTypeNotSupported);
        return Ok(Some(Request { name: Vec::new(), port: [0; 2], asked }));
    }
    let mut name = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut name).await?;
    let mut port = [0; 2];
    stream.read_exact(&mut port).await?;
    let asked = match command {
        CONNECT => parse(&name).ok_or(Reply::NotAllowed),
        _ => Err(Reply::CommandNotSupported),
    };
    Ok(Some(Request { name, port, asked }))
}

impl Request {
    /// Answers it; address and port come back as they were (XEP-0065 §6.3.2).
    ///
    /// # Errors
    /// The connection ends.
    pub async fn answer<S: AsyncWrite + Unpin>(&self, stream: &mut S, reply: Reply) -> io::Result<()> {
        let length = u8::try_from(self.name.len()).unwrap_or(0);
        let mut answer = vec![VERSION, reply as u8, 0, DOMAIN_NAME, length];
        answer.extend_from_slice(&self.name);
        answer.extend_from_slice(&self.port);
        stream.write_all(&answer).await
    }
}

/// A SHA-1 hash in hexadecimal.
fn parse(name: &[u8]) -> Option<Address> {
    let mut address = Address::default();
    if name.len() != 2 * address.len() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, two) in address.iter_mut().zip(name.chunks_exact(2)) {
        let [high, low] = two else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "972b7bf47291ca609517f67f86b5081086052dad";

    async fn asks(bytes: &[u8]) -> (io::Result<Option<Request>>, Vec<u8>) {
        let (mut client, mut server) = tokio::io::duplex(4096);
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let read = read(&mut server).await;
        drop(server);
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        (read, answer)
    }

    fn request(command: u8, kind: u8, name: &str) -> Vec<u8> {
        let mut bytes = vec![5, 2, 0, 2, 5, command, 0, kind, u8::try_from(name.len()).unwrap()];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes
    }

    #[tokio::test]
    async fn a_request_names_a_stream() {
        let (read, answer) = asks(&request(1, 3, HASH)).await;
        let request = read.unwrap().unwrap();
        assert_eq!(request.asked.unwrap()[..3], [0x97, 0x2b, 0x7b]);
        assert_eq!(answer, [5, 0]);
        let mut out = Vec::new();
        request.answer(&mut out, Reply::Succeeded).await.unwrap();
        assert_eq!(out, [&[5, 0, 0, 3, 40][..], HASH.as_bytes(), &[0, 0]].concat());
    }

    #[tokio::test]
    async fn whatever_is_no_stream_is_refused() {
        for (bytes, reply) in [
            (request(1, 3, "example.org"), Reply::NotAllowed),
            (request(1, 3, ""), Reply::NotAllowed),
            (request(1, 3, &HASH.replace('9', "g")), Reply::NotAllowed),
            (request(2, 3, HASH), Reply::CommandNotSupported),
            (request(3, 3, HASH), Reply::CommandNotSupported),
            (vec![5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80], Reply::AddressTypeNotSupported),
        ] {
            assert_eq!(asks(&bytes).await.0.unwrap().unwrap().asked, Err(reply));
        }
    }

    #[tokio::test]
    async fn whoever_speaks_something_else_is_none_of_ours() {
        for (bytes, answer) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], &[][..]),
            (&[4, 1, 0, 80, 127, 0, 0, 1, 0], &[]),
            (&[5, 1, 2], &[5, 0xff]),
            (&[5, 0], &[5, 0xff]),
        ] {
            let (read, said) = asks(bytes).await;
            assert_eq!((read.unwrap(), &said[..]), (None, answer));
        }
        assert!(asks(&[5]).await.0.is_err());
        assert!(asks(&request(1, 3, HASH)[..30]).await.0.is_err());
    }
}
