//! RFC 6266: whether a browser shows a file or saves it, and under which name.

use hyper::header::HeaderValue;

use crate::services::uploads::{encoded, is_shown};

/// The header's value for a file of this name and type.
pub fn of(name: &str, kind: &str) -> HeaderValue {
    let way = if is_shown(kind) { "inline" } else { "attachment" };
    let plain: String = name.chars().map(plain).collect();
    // RFC 5987 for those who read it, ASCII for those who do not.
    let text = format!("{way}; filename=\"{plain}\"; filename*=UTF-8''{}", encoded(name));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// What can stand between quotes without escapes, which not all browsers read alike.
fn plain(c: char) -> char {
    match c {
        '"' | '\\' | '%' => '_',
        ' '..='~' => c,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_shown_and_everything_else_is_saved() {
        let text = |name, kind| of(name, kind).to_str().unwrap().to_owned();
        assert_eq!(text("rose.png", "image/png"), "inline; filename=\"rose.png\"; filename*=UTF-8''rose.png");
        assert!(text("rose.svg", "image/svg+xml").starts_with("attachment; "));
        assert!(text("rose.html", "text/html").starts_with("attachment; "));
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let text = of("très \"cool\"\\100%.jpg\r\nX: y", "image/jpeg");
        assert_eq!(
            text.to_str().unwrap(),
            "inline; filename=\"tr_s _cool__100_.jpg__X: y\"; \
             filename*=UTF-8''tr%C3%A8s%20%22cool%22%5C100%25.jpg%0D%0AX%3A%20y"
        );
    }
}
