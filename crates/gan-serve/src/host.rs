//! Validation of the `Host` header, against DNS rebinding: a foreign page whose name resolves to
//! this machine could otherwise read what is served here.

use std::net::IpAddr;

use hyper::Request;
use hyper::header::HOST;

/// Whether a request names this machine by a loopback name or address. Any port is accepted, because
/// of tunnels.
pub(crate) fn names_loopback<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    // An absolute request URI takes precedence over the header.
    let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
    host.to_str().is_ok_and(is_loopback) && authority.is_none_or(is_loopback)
}

fn is_loopback(host: &str) -> bool {
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
    fn only_loopback_names_are_accepted() {
        for own in ["localhost", "LocalHost:8787", "127.0.0.1:1", "127.9.9.9", "[::1]", "[::1]:80"]
        {
            assert!(is_loopback(own), "{own}");
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
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn a_request_has_exactly_one_host() {
        let request = |uri: &str, hosts: &[&str]| {
            let builder = Request::builder().uri(uri);
            hosts
                .iter()
                .fold(builder, |request, host| request.header(HOST, *host))
                .body(())
                .unwrap()
        };
        assert!(names_loopback(&request("/", &["localhost"])));
        assert!(names_loopback(&request("http://localhost:80/", &["localhost"])));
        assert!(!names_loopback(&request("/", &[])));
        assert!(!names_loopback(&request("/", &["localhost", "evil.example"])));
        assert!(!names_loopback(&request("http://evil.example/", &["localhost"])));
    }
}
