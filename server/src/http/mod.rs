//! HTTP: one file with every URL ([`router`]), small handlers ([`api`]), what they share ([`error`], [`extract`]).

pub mod api;
pub mod error;
pub mod extract;
pub(crate) mod middleware;
pub mod router;
pub(crate) mod session;
mod web;
