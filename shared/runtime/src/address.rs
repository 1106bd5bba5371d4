//! From which address of the network a request comes.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Once,
};

use axum::{
    extract::{FromRequestParts, Request},
    http::{HeaderMap, request::Parts},
};

use crate::invocation::{CallerAddress, Peer};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of the caller, where it is known: an extractor that never fails.
///
/// That is the other end of the connection, unless that is one of `TRUSTED_PROXIES`: then it is the last address in `X-Forwarded-For` that
/// is none of them, for what stands before it is the caller's own word. Without `TRUSTED_PROXIES` nobody is known who comes from a
/// private address, since that is what a proxy has that passes on what everybody sends. A proxy that is not named is else taken for the
/// caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub Option<IpAddr>);

impl ClientAddress {
    /// Gives the network that stands for one caller: the address itself, or the /64 of IPv6, all of whose addresses whoever has one of
    /// them has.
    pub fn network(self) -> Option<IpAddr> {
        const PREFIX: u128 = !0 << 64;
        self.0.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & PREFIX)),
            address => address,
        })
    }
}

/// Tells whether the host of an address or URL is this machine by itself: `localhost`, or a loopback address; that of IPv6 with its
/// brackets or without.
pub fn is_local(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<ClientAddress, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(ClientAddress(None)))
    }
}

/// `TRUSTED_PROXIES`: addresses, and networks such as `10.0.0.0/8`, with commas between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// A text that is no list of addresses and networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoNetworks;

impl FromStr for TrustedProxies {
    type Err = NoNetworks;

    fn from_str(text: &str) -> Result<TrustedProxies, NoNetworks> {
        text.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(TrustedProxies)
    }
}

impl TrustedProxies {
    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }

    /// Says whether a request comes through what may be a proxy that is not named.
    pub(crate) fn may_lack_the_proxy_of(&self, request: &Request) -> bool {
        let Some(Peer(peer)) = request.extensions().get() else { return false };
        request.headers().contains_key(FORWARDED_FOR) && !self.has(peer.to_canonical())
    }

    /// Gives the address that a request comes from.
    pub(crate) fn client_of(&self, request: &Request) -> ClientAddress {
        // A front door of AWS says it itself.
        if let Some(CallerAddress(address)) = request.extensions().get() {
            return ClientAddress(*address);
        }
        let Some(Peer(peer)) = request.extensions().get() else { return ClientAddress(None) };
        let peer = peer.to_canonical();
        if self.has(peer) {
            return ClientAddress(self.forwarded(request.headers()));
        }
        let is_known = !self.0.is_empty() || !is_private(peer);
        ClientAddress(is_known.then_some(peer))
    }

    /// Reads from the end, which the proxies wrote, and no further than to the first that is none of them: what stands before it, in
    /// whatever bytes, is the caller's own word. Where somebody wrote what is no address, the last of ours before it is all that is
    /// known.
    fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
        let mut nearest = None;
        for value in values.into_iter().rev() {
            for part in value.as_bytes().rsplit(|byte| *byte == b',') {
                let Some(address) = forwarded_address(part) else {
                    // Once: a proxy that passes on what callers write lets them write as much as they like into the log.
                    static TOLD: Once = Once::new();
                    TOLD.call_once(|| {
                        tracing::warn!(
                            "X-Forwarded-For from one of TRUSTED_PROXIES has something else where it should have an address"
                        );
                    });
                    return nearest;
                };
                nearest = Some(address);
                if !self.has(address) {
                    return nearest;
                }
            }
        }
        nearest
    }
}

/// Reads an address as proxies write it: alone, with a port, or in brackets.
fn forwarded_address(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).or_else(bracketed).map(|address: IpAddr| address.to_canonical())
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            let is_shared = a == 100 && (64..128).contains(&b);
            address.is_loopback() || address.is_private() || address.is_link_local() || is_shared
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl FromStr for Network {
    type Err = NoNetworks;

    fn from_str(text: &str) -> Result<Network, NoNetworks> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NoNetworks)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| NoNetworks))?;
        if bits <= most { Ok(Network { address, bits }) } else { Err(NoNetworks) }
    }
}

impl Network {
    fn has(&self, other: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (u128::from(ours.to_bits()), u128::from(theirs.to_bits()), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits(), theirs.to_bits(), 128),
            _ => return false,
        };
        self.bits == 0 || (ours ^ theirs) >> (width - self.bits) == 0
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::HeaderValue};

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> Option<String> {
        let trusted =
            if trusted.is_empty() { TrustedProxies::default() } else { trusted.parse().expect("networks") };
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(Peer(peer.parse().expect("an address")));
        for value in forwarded {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
            request.headers_mut().append(FORWARDED_FOR, value);
        }
        trusted.client_of(&request).0.map(|address| address.to_string())
    }

    #[test]
    fn s11_only_a_trusted_proxy_says_for_whom_it_speaks() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(client("", "203.0.113.9", &["198.51.100.1"]), some("203.0.113.9"));
        assert_eq!(client("10.0.0.0/8", "203.0.113.9", &["198.51.100.1"]), some("203.0.113.9"));
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["198.51.100.1"]), some("198.51.100.1"));
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["192.0.2.7, 198.51.100.1"]), some("198.51.100.1"));
        assert_eq!(
            client("10.0.0.0/8", "10.1.2.3", &["192.0.2.7", "198.51.100.1, 10.9.9.9"]),
            some("198.51.100.1")
        );
        assert_eq!(client("10.0.0.0/8", "::ffff:10.1.2.3", &["198.51.100.1"]), some("198.51.100.1"));
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["198.51.100.1, nonsense"]), None);
        for hidden in ["é, 198.51.100.1", "nonsense, 198.51.100.1:4431", ",198.51.100.1 , 10.9.9.9:80"] {
            assert_eq!(client("10.0.0.0/8", "10.1.2.3", &[hidden]), some("198.51.100.1"), "{hidden}");
        }
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["[2001:db8::1]"]), some("2001:db8::1"));
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["[2001:db8::1]:443"]), some("2001:db8::1"));
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &[]), None);
        assert_eq!(client("10.0.0.0/8", "192.168.0.7", &["198.51.100.1"]), some("192.168.0.7"));
    }

    #[test]
    fn all_addresses_of_a_network_of_ipv6_are_one_caller() {
        let network = |text: &str| ClientAddress(text.parse().ok()).network().map(|one| one.to_string());
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!(network("::ffff:203.0.113.9"), network("203.0.113.9"));
        assert_eq!(ClientAddress(None).network(), None);
    }

    #[test]
    fn whoever_a_private_address_stands_for_is_not_known_without_proxies() {
        for peer in
            ["127.0.0.1", "10.0.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00::1", "::ffff:127.0.0.1"]
        {
            assert_eq!(client("", peer, &["198.51.100.1"]), None, "{peer}");
        }
        assert!(client("", "2001:db8::1", &[]).is_some());
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        for text in ["10.0.0.0/8", "10.0.0.1, fd00::/8", "0.0.0.0/0", "::1/128"] {
            assert!(text.parse::<TrustedProxies>().is_ok(), "{text}");
        }
        for text in ["", "10.0.0.0/33", "proxy", "10.0.0.1,", "::1/129", "10.0.0.0/x"] {
            assert_eq!(text.parse::<TrustedProxies>(), Err(NoNetworks), "{text}");
        }
    }
}
