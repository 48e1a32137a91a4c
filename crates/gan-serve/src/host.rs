//! Whom a request asks for. A page of a stranger may give its own name this machine's address
//! and then read what is served here as if it were its own; but its requests still bear its name.

use std::net::IpAddr;

use hyper::Request;
use hyper::header::HOST;

/// Whether a request asks for this machine by a name that is this machine's alone. The port does
/// not matter: it may come through a tunnel.
pub(crate) fn is_own<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    // A request may repeat the name in its first line, where it counts more.
    let first_line = request.uri().authority().map(hyper::http::uri::Authority::as_str);
    host.to_str().is_ok_and(own_name) && first_line.is_none_or(own_name)
}

fn own_name(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let address = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inner) => inner.parse::<IpAddr>().ok().filter(IpAddr::is_ipv6),
        None => name.parse::<IpAddr>().ok().filter(IpAddr::is_ipv4),
    };
    port.bytes().all(|byte| byte.is_ascii_digit())
        && (name.eq_ignore_ascii_case("localhost") || address.is_some_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for own in ["localhost", "LocalHost:8787", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:80"]
        {
            assert!(own_name(own), "{own}");
        }
        for other in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example:8787",
            "192.168.0.1",
            "0.0.0.0:8787",
            "[::2]:80",
            "::1",
            "[127.0.0.1]",
            "localhost:80@evil.example",
            "localhost:evil",
            "user@localhost",
            "2130706433",
        ] {
            assert!(!own_name(other), "{other}");
        }
    }

    #[test]
    fn a_request_has_one_name() {
        let request = |uri: &str, hosts: &[&str]| {
            let begun = Request::builder().uri(uri);
            hosts.iter().fold(begun, |request, host| request.header(HOST, *host)).body(()).unwrap()
        };
        assert!(is_own(&request("/", &["localhost"])));
        assert!(is_own(&request("http://localhost:80/", &["localhost"])));
        assert!(!is_own(&request("/", &[])));
        assert!(!is_own(&request("/", &["localhost", "evil.example"])));
        assert!(!is_own(&request("http://evil.example/", &["localhost"])));
    }
}
