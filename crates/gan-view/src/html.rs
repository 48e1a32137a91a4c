//! HTML: escaping, embedded images, table headers.

use std::fmt::{self, Write};

use base64::prelude::{BASE64_STANDARD, Engine};

/// Appends formatted text to a page; writing to a string cannot fail.
macro_rules! put {
    ($page:expr, $($part:tt)*) => { let _ = write!($page, $($part)*); };
}
pub(crate) use put;

/// Escaped text, valid between tags and in quoted attributes.
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Not allowed in HTML.
                letter if letter.is_control() && letter != '\n' => f.write_str("\u{fffd}")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// A `data:` URL of a PNG.
pub fn png_url(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes))
}

/// The start of a table that scrolls sideways, up to its first row; [`TABLE_END`] closes it.
pub fn table_start(page: &mut String, label: &str, heads: &[&str]) {
    put!(
        page,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{label}\">\n\
         <table>\n<thead><tr>"
    );
    for head in heads {
        put!(page, "<th scope=\"col\">{}</th>", Escaped(head));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
}

/// The end of a table.
pub const TABLE_END: &str = "</tbody>\n</table>\n</div>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped() {
        let text = Escaped("<script>alert(\"1\" & '2')</script>\u{1b}").to_string();
        let expected =
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\u{fffd}";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_image_is_embedded_in_its_url() {
        assert_eq!(png_url(b"abc"), "data:image/png;base64,YWJj");
    }
}
