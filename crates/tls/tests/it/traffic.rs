//! Bytes through an established connection: all of them, in order, in as few calls as promised.

use std::io::{self, IoSlice};
use std::sync::Arc;

use adit_tls::{ClientProfile, Error, Stream, Version};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

use crate::support::sockets::{Calls, Choppy, Counted};
use crate::support::{NAME, Site, noise, pair, shake, site};

fn client(site: &Site, version: Version) -> ClientProfile {
    ClientProfile::builder(site.ca.roots())
        .max_version(version)
        .build()
        .unwrap()
}

type Side = (Stream<Counted<DuplexStream>>, Arc<Calls>);

async fn counted(site: &Site, version: Version) -> (Side, Side) {
    let (a, b) = tokio::io::duplex(256 * 1024);
    let (a, server_calls) = Counted::new(a);
    let (b, client_calls) = Counted::new(b);
    let client = client(site, version);
    let (server, client) = shake(a, &site.server, b, &client, NAME).await;
    server_calls.take();
    client_calls.take();
    ((server.unwrap(), server_calls), (client.unwrap(), client_calls))
}

#[tokio::test]
async fn a_small_exchange_is_one_read_and_one_write_each() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let ((mut server, server_calls), (mut client, client_calls)) = counted(&site, version).await;
        for _ in 0..3 {
            let mut buf = vec![0; 16 * 1024];
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            client.flush().await.unwrap();
            let n = server.read(&mut buf).await.unwrap();
            assert_eq!(n, 18);
            let parts = [IoSlice::new(b"HTTP/1.1 200 OK\r\n\r\n"), IoSlice::new(b"body")];
            let n = server.write_vectored(&parts).await.unwrap();
            assert_eq!(n, 23);
            server.flush().await.unwrap();
            let n = client.read(&mut buf).await.unwrap();
            assert_eq!(&buf[..n], b"HTTP/1.1 200 OK\r\n\r\nbody");
            assert_eq!(server_calls.take(), (1, 1), "{version:?}");
            assert_eq!(client_calls.take(), (1, 1), "{version:?}");
        }
        assert_eq!((server.buffered(), client.buffered()), (0, 0));
    }
}

#[tokio::test]
async fn sixty_four_kib_are_one_write_and_one_read() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let ((mut server, server_calls), (mut client, client_calls)) = counted(&site, version).await;
        let data = noise(200_000);
        let n = server.write(&data).await.unwrap();
        assert_eq!(n, 64 * 1024, "a turn");
        assert_eq!(server_calls.take(), (0, 1));
        let mut buf = vec![0; 100_000];
        let n = client.read(&mut buf).await.unwrap();
        assert_eq!(n, 64 * 1024, "all that was there");
        assert_eq!(client_calls.take(), (1, 0));
        assert_eq!(buf[..n], data[..n]);
        assert_eq!((server.buffered(), client.buffered()), (0, 0));
    }
}

#[tokio::test]
async fn memory_that_is_not_initialised_is_filled_as_well() {
    let site = site();
    let ((mut server, _), (mut client, calls)) = counted(&site, Version::Tls13).await;
    let data = noise(64 * 1024);
    server.write_all(&data).await.unwrap();
    let mut buf = bytes::BytesMut::with_capacity(128 * 1024);
    client.read_buf(&mut buf).await.unwrap();
    assert_eq!(buf, data);
    assert_eq!(calls.take(), (1, 0));
}

#[tokio::test]
async fn a_small_buffer_gets_everything_piece_by_piece() {
    let site = site();
    let ((mut server, _), (mut client, calls)) = counted(&site, Version::Tls13).await;
    let data = noise(40_000);
    server.write_all(&data).await.unwrap();
    let mut got = Vec::new();
    let mut buf = [0; 999];
    while got.len() < data.len() {
        let n = client.read(&mut buf).await.unwrap();
        assert!(n > 0, "the end came early");
        got.extend_from_slice(&buf[..n]);
    }
    assert_eq!(got, data);
    // A reader that wants little is not handed the whole of the socket's buffer at once.
    assert_eq!(calls.take().0, 3);
    client.release_buffers();
    assert_eq!(client.buffered(), 0);
    assert_eq!(client.read(&mut []).await.unwrap(), 0);
}

#[tokio::test]
async fn what_a_full_socket_does_not_take_goes_first_next_time() {
    let site = site();
    let (a, b) = tokio::io::duplex(10_000);
    let (server, client) = shake(a, &site.server, b, &site.client, NAME).await;
    let (mut server, mut client) = (server.unwrap(), client.unwrap());
    let data = noise(64 * 1024);
    // All is accepted at once although the socket takes 10,000 bytes.
    assert_eq!(server.write(&data).await.unwrap(), data.len());
    assert!(server.buffered() > 50_000);
    let mut got = vec![0; data.len()];
    let (flushed, read) = tokio::join!(server.flush(), client.read_exact(&mut got));
    flushed.unwrap();
    read.unwrap();
    assert_eq!(got, data);
    assert_eq!(server.buffered(), 0);
}

/// Everything of `data` one way, then `close_notify`.
async fn send<IO: AsyncRead + AsyncWrite + Unpin>(io: &mut Stream<IO>, data: &[u8]) {
    io.write_all(data).await.unwrap();
    io.shutdown().await.unwrap();
}

async fn receive<IO: AsyncRead + AsyncWrite + Unpin>(io: &mut Stream<IO>) -> Vec<u8> {
    let mut got = Vec::new();
    io.read_to_end(&mut got).await.unwrap();
    got
}

#[tokio::test]
async fn bulk_both_ways_at_once() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let client = client(&site, version);
        let (server, client) = pair(&site.server, &client, NAME).await;
        let (server, client) = (server.unwrap(), client.unwrap());
        let (up, down) = (noise(3_000_001), noise(2_500_007));
        let (mut server_read, mut server_write) = tokio::io::split(server);
        let (mut client_read, mut client_write) = tokio::io::split(client);
        let (mut got_up, mut got_down) = (Vec::new(), Vec::new());
        let (a, b, c, d) = tokio::join!(
            async {
                client_write.write_all(&up).await?;
                client_write.shutdown().await
            },
            async {
                server_write.write_all(&down).await?;
                server_write.shutdown().await
            },
            server_read.read_to_end(&mut got_up),
            client_read.read_to_end(&mut got_down),
        );
        a.unwrap();
        b.unwrap();
        c.unwrap();
        d.unwrap();
        assert!(got_up == up && got_down == down, "{version:?}");
    }
}

#[tokio::test]
async fn the_end_is_told_from_a_cut() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let client = client(&site, version);
        // close_notify: a clean end, again and again; the other direction stays open.
        let (server, connected) = pair(&site.server, &client, NAME).await;
        let (mut server, mut connected) = (server.unwrap(), connected.unwrap());
        send(&mut server, b"all").await;
        assert_eq!(receive(&mut connected).await, b"all");
        assert_eq!(connected.read(&mut [0; 9]).await.unwrap(), 0);
        connected.write_all(b"later").await.unwrap();
        let mut later = [0; 5];
        server.read_exact(&mut later).await.unwrap();
        assert_eq!(&later, b"later");
        let error = server.write_all(b"more").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);

        // FIN without it: the data, then an error that stays.
        let (server, connected) = pair(&site.server, &client, NAME).await;
        let (mut server, mut connected) = (server.unwrap(), connected.unwrap());
        server.write_all(b"part").await.unwrap();
        drop(server);
        let mut got = [0; 64];
        assert_eq!(connected.read(&mut got).await.unwrap(), 4);
        let error = connected.read(&mut got).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(connected.read(&mut got).await.is_err());
    }
}

#[tokio::test]
async fn a_forged_record_ends_the_connection_with_an_alert() {
    let site = site();
    for version in [Version::Tls13, Version::Tls12] {
        let client = client(&site, version);
        let (server, client) = pair(&site.server, &client, NAME).await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        server.write_all(b"good").await.unwrap();
        let raw = server.get_mut();
        raw.write_all(&[23, 3, 3, 0, 30]).await.unwrap();
        raw.write_all(&[0; 30]).await.unwrap();
        let mut buf = [0; 64];
        // What came before is still good.
        assert_eq!(client.read(&mut buf).await.unwrap(), 4);
        let error = client.read(&mut buf).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(Error::from_io(&error).and_then(Error::alert), Some(20));
        assert!(client.write_all(b"x").await.is_err());
        // The peer learns why.
        let error = server.read(&mut buf).await.unwrap_err();
        assert!(
            matches!(Error::from_io(&error), Some(Error::AlertReceived { code: 20 })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn unprotected_records_are_refused() {
    let site = site();
    for (record, alert) in [
        (&[21, 3, 3, 0, 2, 1, 0][..], 10),
        (&[20, 3, 3, 0, 1, 1], 10),
        (&[22, 3, 3, 0, 4, 0, 0, 0, 0], 10),
        (&[23, 3, 3, 0xff, 0xff], 22),
        (&[23, 3, 3, 0, 1, 0], 20),
        (b"HTTP/", 10),
    ] {
        let (server, client) = pair(&site.server, &site.client, NAME).await;
        let (mut server, mut client) = (server.unwrap(), client.unwrap());
        server.get_mut().write_all(record).await.unwrap();
        let error = client.read(&mut [0; 64]).await.unwrap_err();
        assert_eq!(Error::from_io(&error).and_then(Error::alert), Some(alert));
    }
}

#[tokio::test]
async fn a_connection_moves_to_another_socket_type() {
    let site = site();
    let (server, client) = pair(&site.server, &site.client, NAME).await;
    let (server, mut client) = (server.unwrap(), client.unwrap());
    client.write_all(&noise(5000)).await.unwrap();
    let mut server = server;
    let mut head = [0; 10];
    server.read_exact(&mut head).await.unwrap();
    // Data that is decrypted already moves along.
    let server = Stream::from_parts(server.into_parts());
    let mut server = server.map_io(|io| Ok::<_, io::Error>(Counted::new(io).0)).unwrap();
    let mut rest = vec![0; 4990];
    server.read_exact(&mut rest).await.unwrap();
    assert_eq!([&head[..], &rest].concat(), noise(5000));
    assert!(server.map_io(|_| Err::<(), _>(())).is_err());
}

#[tokio::test]
async fn tls_inside_tls() {
    let site = site();
    let (outer_server, outer_client) = pair(&site.server, &site.client, NAME).await;
    let (server, client) = shake(
        outer_server.unwrap(),
        &site.server,
        outer_client.unwrap(),
        &site.client,
        NAME,
    )
    .await;
    let (mut server, mut client) = (server.unwrap(), client.unwrap());
    let data = noise(300_000);
    let ((), got) = tokio::join!(send(&mut server, &data), receive(&mut client));
    assert!(got == data);
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(
        prop_oneof![
            1 => Just(0usize),
            4 => 1usize..40,
            2 => 40usize..5000,
            1 => 5000usize..70_000
        ],
        1..12,
    )
    .prop_filter("some progress", |sizes| sizes.iter().any(|size| *size > 8))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the socket takes and gives, the whole handshake and every byte get through.
    #[test]
    fn any_chopping_delivers_everything(
        server_sizes in sizes(),
        client_sizes in sizes(),
        writes in prop::collection::vec(0usize..70_000, 1..5),
        read_size in 1usize..70_000,
        tls13 in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let site = site();
            let client = client(&site, if tls13 { Version::Tls13 } else { Version::Tls12 });
            let (a, b) = tokio::io::duplex(30_000);
            let (server, client) = shake(
                Choppy::new(a, server_sizes),
                &site.server,
                Choppy::new(b, client_sizes),
                &client,
                NAME,
            )
            .await;
            let (mut server, mut client) = (server.unwrap(), client.unwrap());
            let data = noise(writes.iter().sum());
            let write = async {
                let mut rest = &data[..];
                for len in writes {
                    let (now, later) = rest.split_at(len);
                    server.write_all(now).await.unwrap();
                    rest = later;
                }
                server.shutdown().await.unwrap();
            };
            let read = async {
                let mut got = Vec::new();
                let mut buf = vec![0; read_size];
                loop {
                    match client.read(&mut buf).await.unwrap() {
                        0 => break got,
                        n => got.extend_from_slice(&buf[..n]),
                    }
                }
            };
            let ((), got) = tokio::join!(write, read);
            prop_assert!(got == data);
            Ok(())
        })?;
    }
}
