//! What a host knows about a request that the request itself does not say; it travels in the request's extensions.

use std::{net::IpAddr, time::Duration};

/// The address of whoever called a host that stands between them and us; `None` when it does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallerAddress(pub(crate) Option<IpAddr>);

/// The other end of a connection to a host that has connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// How long the host still waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLeft(pub(crate) Duration);

/// Says that the host brought the request by itself, in memory, and that who may have it bring one is for the host to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BroughtByHost;
