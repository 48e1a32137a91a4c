//! From a request to its answer.

use std::fs;
use std::num::IntErrorKind;

use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use tokio::task::spawn_blocking;

use crate::body::Content;
use crate::host::is_own;
use crate::news::{Shared, open, tell};

/// So many runs can be followed at once; the page shows six.
const MOST_FOLLOWED: usize = 16;

/// The page loads nothing that does not come from here, and runs no script that stands in it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";

/// What the page is made of.
const FILES: [(&str, &str, &str); 7] = [
    ("", HTML, include_str!("../page/index.html")),
    ("page.css", "text/css; charset=utf-8", include_str!("../page/page.css")),
    ("page.js", SCRIPT, include_str!("../page/page.js")),
    ("data.js", SCRIPT, include_str!("../page/data.js")),
    ("chart.js", SCRIPT, include_str!("../page/chart.js")),
    ("panels.js", SCRIPT, include_str!("../page/panels.js")),
    ("icon.svg", "image/svg+xml", include_str!("../page/icon.svg")),
];

/// What a request asks for.
#[derive(Debug, PartialEq)]
enum Asked {
    /// A part of the page itself: its type, its text.
    File(&'static str, &'static str),
    List,
    Run(usize),
    /// The rows after an epoch.
    Rows(usize, u64),
    /// The row of digits of an epoch.
    Sample(usize, u64),
    Reals(usize),
    News(Vec<usize>),
}

/// Answers. `own_names` is whether the server must be asked for by a name of this machine.
pub(crate) async fn answer<B>(
    request: &Request<B>,
    shelf: &Shared,
    own_names: bool,
) -> Response<Content> {
    let mut response = if own_names && !is_own(request) {
        refusal(StatusCode::FORBIDDEN, "ask for localhost or 127.0.0.1; other names are not served")
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = refusal(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        refused
    } else {
        match parse(request.uri().path(), request.uri().query().unwrap_or_default()) {
            None => refusal(StatusCode::NOT_FOUND, "there is no such page"),
            Some(Asked::News(_)) if request.method() == Method::HEAD => {
                content("text/event-stream", "no-store", Content::Whole(Bytes::new()))
            }
            Some(Asked::News(ids)) => {
                content("text/event-stream", "no-store", Content::News(tell(shelf, ids)))
            }
            Some(asked) => {
                let shelf = shelf.clone();
                // Disks may be slow, and there is one thread for all connections.
                let found = spawn_blocking(move || look_up(&asked, &shelf)).await;
                match found.ok().flatten() {
                    Some((kind, keep, bytes)) => content(kind, keep, Content::Whole(bytes)),
                    None => refusal(StatusCode::NOT_FOUND, "there is no such run or picture"),
                }
            }
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

/// The type of what was asked for, how long it may be kept, and itself.
fn look_up(asked: &Asked, shelf: &Shared) -> Option<(&'static str, &'static str, Bytes)> {
    let json = |text: String| Some((JSON, "no-store", Bytes::from(text)));
    let picture = |id, epoch| {
        // Not while the shelf is held.
        let path = open(shelf).picture(id, epoch)?;
        Some(("image/png", "private, max-age=60", fs::read(path).ok()?.into()))
    };
    match *asked {
        Asked::File(kind, text) => Some((kind, "no-cache", Bytes::from_static(text.as_bytes()))),
        Asked::List => json(open(shelf).list().to_string()),
        Asked::Run(id) => open(shelf).run(id).and_then(json),
        Asked::Rows(id, after) => open(shelf).rows(id, after).and_then(json),
        Asked::Sample(id, epoch) => picture(id, Some(epoch)),
        Asked::Reals(id) => picture(id, None),
        Asked::News(_) => None,
    }
}

/// Reads a path and what stands behind its `?`. Nothing is decoded: all that we serve can be
/// said without.
fn parse(path: &str, query: &str) -> Option<Asked> {
    let parts: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    match *parts {
        ["api", "runs"] => Some(Asked::List),
        ["api", "runs", id] => Some(Asked::Run(number(id)? as usize)),
        ["api", "runs", id, "rows"] => {
            let after = query.strip_prefix("after=").map_or(Some(0), number)?;
            Some(Asked::Rows(number(id)? as usize, after))
        }
        ["api", "runs", id, "samples", epoch] => {
            Some(Asked::Sample(number(id)? as usize, number(epoch)?))
        }
        ["api", "runs", id, "reals"] => Some(Asked::Reals(number(id)? as usize)),
        ["api", "events"] => {
            let ids = query.strip_prefix("runs=")?.split(',').filter(|id| !id.is_empty());
            let ids = ids.map(|id| number(id).map(|id| id as usize)).collect::<Option<Vec<_>>>()?;
            (ids.len() <= MOST_FOLLOWED).then_some(Asked::News(ids))
        }
        [name] => FILES
            .iter()
            .find(|(known, ..)| *known == name)
            .map(|(_, kind, text)| Asked::File(kind, text)),
        _ => None,
    }
}

/// A number of digits alone.
fn number(text: &str) -> Option<u64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match text.parse::<u64>() {
        // No run and no epoch has so large a number, but it is one.
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Some(u64::MAX),
        parsed => parsed.ok(),
    }
}

fn content(kind: &'static str, keep: &'static str, content: Content) -> Response<Content> {
    let mut response = Response::new(content);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}

fn refusal(status: StatusCode, words: &'static str) -> Response<Content> {
    let whole = Content::Whole(Bytes::from_static(words.as_bytes()));
    let mut response = content("text/plain; charset=utf-8", "no-store", whole);
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_is_a_short_list() {
        let api = |path: &str, query: &str| parse(&format!("/api/{path}"), query);
        assert_eq!(api("runs", ""), Some(Asked::List));
        assert_eq!(api("runs/3", ""), Some(Asked::Run(3)));
        assert_eq!(api("runs/3/rows", ""), Some(Asked::Rows(3, 0)));
        assert_eq!(api("runs/3/rows", "after=40"), Some(Asked::Rows(3, 40)));
        assert_eq!(api("runs/3/samples/1000", ""), Some(Asked::Sample(3, 1000)));
        assert_eq!(api("runs/3/reals", ""), Some(Asked::Reals(3)));
        assert_eq!(api("events", "runs=0,2"), Some(Asked::News(vec![0, 2])));
        assert_eq!(api("events", "runs="), Some(Asked::News(vec![])));
        for (_, _, text) in FILES {
            assert!(!text.is_empty());
        }
    }

    #[test]
    fn nothing_else_is() {
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
        assert_eq!(parse(&huge, ""), Some(Asked::Run(u64::MAX as usize)), "no such run");
    }

    #[test]
    fn the_page_names_no_address_outside() {
        for (name, _, text) in FILES {
            // The one that names a drawing's language; nothing is loaded from it.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for outside in ["http:", "https:", "//cdn", "url(//", "@import"] {
                assert!(!text.contains(outside), "{outside} in {name:?}");
            }
        }
    }
}
