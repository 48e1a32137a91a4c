//! Routing and responses.

use std::num::IntErrorKind;

use gan_run::read_limited;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio::task::spawn_blocking;

use crate::body::ResponseBody;
use crate::cache::{MAX_IMAGE, Picture};
use crate::events::{SharedCache, lock, subscribe};
use crate::host::names_loopback;

/// The largest number of runs in a subscription; the page shows six.
const MAX_SUBSCRIBED: usize = 16;

/// The page loads nothing from other origins and runs no inline script.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const SCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";

/// The files of the page: path, type, content.
const FILES: [(&str, &str, &str); 7] = [
    ("", "text/html; charset=utf-8", include_str!("../page/index.html")),
    ("page.css", "text/css; charset=utf-8", include_str!("../page/page.css")),
    ("page.js", SCRIPT, include_str!("../page/page.js")),
    ("data.js", SCRIPT, include_str!("../page/data.js")),
    ("chart.js", SCRIPT, include_str!("../page/chart.js")),
    ("panels.js", SCRIPT, include_str!("../page/panels.js")),
    ("icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
];

/// A valid request.
#[derive(Debug, PartialEq)]
enum Route {
    /// A file of the page: type, content.
    File(&'static str, &'static str),
    List,
    Run(usize),
    /// The rows after an epoch.
    Rows(usize, u64),
    Image(usize, Picture),
    Events(Vec<usize>),
}

/// Handles a request. With `loopback_only` the host must be a name of this machine.
pub(crate) async fn handle<B>(
    request: &Request<B>,
    cache: &SharedCache,
    loopback_only: bool,
) -> Response<ResponseBody> {
    let mut response = if loopback_only && !names_loopback(request) {
        error(StatusCode::FORBIDDEN, "use localhost or 127.0.0.1; other host names are not served")
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = error(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        refused
    } else {
        match parse(request.uri().path(), request.uri().query().unwrap_or_default()) {
            None => error(StatusCode::NOT_FOUND, "no such page"),
            Some(Route::Events(ids)) => {
                let body = match *request.method() {
                    Method::HEAD => ResponseBody::Full(Bytes::new()),
                    _ => ResponseBody::Events(subscribe(cache, ids)),
                };
                content("text/event-stream", "no-store", body)
            }
            Some(route) => {
                let cache = cache.clone();
                // Disks may be slow, and one thread serves all connections.
                let found = spawn_blocking(move || look_up(&route, &cache)).await;
                found.ok().flatten().map_or_else(
                    || error(StatusCode::NOT_FOUND, "no such run or image"),
                    |(kind, caching, bytes)| content(kind, caching, ResponseBody::Full(bytes)),
                )
            }
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The content type, the caching policy and the content.
fn look_up(route: &Route, cache: &SharedCache) -> Option<(&'static str, &'static str, Bytes)> {
    let json = |text: String| Some((JSON, "no-store", Bytes::from(text)));
    let image = |id, which| {
        // The file is read after the lock is released.
        let path = lock(cache).image(id, which)?;
        Some(("image/png", "private, max-age=60", read_limited(&path, MAX_IMAGE).ok()?.into()))
    };
    match *route {
        Route::File(kind, text) => Some((kind, "no-cache", Bytes::from_static(text.as_bytes()))),
        Route::List => json(lock(cache).list().to_string()),
        Route::Run(id) => lock(cache).run(id).and_then(json),
        Route::Rows(id, after) => lock(cache).rows(id, after).and_then(json),
        Route::Image(id, which) => image(id, which),
        Route::Events(_) => None,
    }
}

/// Parses a path and a query. No percent-decoding: no valid path needs it.
fn parse(path: &str, query: &str) -> Option<Route> {
    let index = |id| number(id).map(|id| id as usize);
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    match *parts {
        ["api", "runs"] => Some(Route::List),
        ["api", "runs", id] => Some(Route::Run(index(id)?)),
        ["api", "runs", id, "rows"] => {
            let after = query.strip_prefix("after=").map_or(Some(0), number)?;
            Some(Route::Rows(index(id)?, after))
        }
        ["api", "runs", id, "samples", epoch] => {
            Some(Route::Image(index(id)?, Picture::Sample(number(epoch)?)))
        }
        ["api", "runs", id, "reals"] => Some(Route::Image(index(id)?, Picture::Reals)),
        ["api", "runs", id, "classes"] => Some(Route::Image(index(id)?, Picture::Classes)),
        ["api", "events"] => {
            let ids = query.strip_prefix("runs=")?.split(',').filter(|id| !id.is_empty());
            let ids = ids.map(index).collect::<Option<Vec<_>>>()?;
            (ids.len() <= MAX_SUBSCRIBED).then_some(Route::Events(ids))
        }
        [name] => {
            let (_, kind, text) = FILES.iter().find(|(known, ..)| *known == name)?;
            Some(Route::File(kind, text))
        }
        _ => None,
    }
}

/// Parses a number without a sign.
fn number(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.parse::<u64>() {
        // A valid number, though no run or epoch has it.
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Some(u64::MAX),
        parsed => parsed.ok(),
    }
}

fn content(
    kind: &'static str,
    caching: &'static str,
    body: ResponseBody,
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

fn error(status: StatusCode, message: &'static str) -> Response<ResponseBody> {
    let body = ResponseBody::Full(Bytes::from_static(message.as_bytes()));
    let mut response = content("text/plain; charset=utf-8", "no-store", body);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_paths_are_parsed() {
        let api = |path: &str, query: &str| parse(&format!("/api/{path}"), query);
        assert_eq!(api("runs", ""), Some(Route::List));
        assert_eq!(api("runs/3", ""), Some(Route::Run(3)));
        assert_eq!(api("runs/3/rows", ""), Some(Route::Rows(3, 0)));
        assert_eq!(api("runs/3/rows", "after=40"), Some(Route::Rows(3, 40)));
        assert_eq!(api("runs/3/samples/1000", ""), Some(Route::Image(3, Picture::Sample(1000))));
        assert_eq!(api("runs/3/reals", ""), Some(Route::Image(3, Picture::Reals)));
        assert_eq!(api("runs/3/classes", ""), Some(Route::Image(3, Picture::Classes)));
        assert_eq!(api("events", "runs=0,2"), Some(Route::Events(vec![0, 2])));
        assert_eq!(api("events", "runs="), Some(Route::Events(vec![])));
        for (_, _, text) in FILES {
            assert!(!text.is_empty());
        }
    }

    #[test]
    fn other_paths_are_rejected() {
        for path in [
            "",
            "//",
            "/..",
            "/../page.js",
            "/page.js/",
            "/./page.js",
            "/%2e%2e/page.js",
            "/..%2fpage.js",
            "/page/page.js",
            "/api",
            "/api/runs/",
            "/api/runs/..",
            "/api/runs/%2e%2e",
            "/api/runs/-1",
            "/api/runs/+1",
            "/api/runs/1x",
            "/api/runs/ 1",
            "/api/runs/0/samples",
            "/api/runs/0/samples/../config.json",
            "/api/runs/0/samples/..%2f..%2fckpt.mpk",
            "/api/runs/0/samples/1.png",
            "/api/runs/0/samples/",
            "/api/runs/0/ckpt.mpk",
            "/api/runs/0/reals/..",
            "/api/runs/0/samples/0/..",
            "/api/events",
            "\\..\\page.js",
        ] {
            assert_eq!(parse(path, ""), None, "{path}");
        }
        assert_eq!(parse("/api/events", "runs=0,.."), None);
        assert_eq!(parse("/api/events", &format!("runs=0{}", ",1".repeat(16))), None, "too many");
        assert_eq!(parse("/api/runs/0/rows", "after=-1"), None);
        let huge = format!("/api/runs/{}", "9".repeat(40));
        assert_eq!(parse(&huge, ""), Some(Route::Run(u64::MAX as usize)), "no such run");
    }

    #[test]
    fn the_page_loads_nothing_external() {
        for (name, _, text) in FILES {
            // The namespace of SVG; nothing is loaded from it.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for external in ["http:", "https:", "//cdn", "url(//", "@import"] {
                assert!(!text.contains(external), "{external} in {name:?}");
            }
        }
    }
}
