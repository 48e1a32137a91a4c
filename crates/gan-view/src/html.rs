//! Text and pictures as parts of a page.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};

/// Text that is shown as it is, whatever it holds; good between tags and in quoted attributes.
pub struct Text<T>(pub T);

impl<T: fmt::Display> fmt::Display for Text<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for letter in self.0.to_string().chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Not allowed in a page.
                letter if letter.is_control() && letter != '\n' => f.write_str("\u{fffd}")?,
                letter => write!(f, "{letter}")?,
            }
        }
        Ok(())
    }
}

/// A PNG as an address that holds it.
#[must_use]
pub fn png(bytes: &[u8]) -> String {
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let text = Text("<script>alert(\"1\" & '2')</script>\u{1b}").to_string();
        let expected =
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\u{fffd}";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_picture_is_in_its_address() {
        assert_eq!(png(b"abc"), "data:image/png;base64,YWJj");
    }
}
