//! HTML pages: one look, no scripts, and nothing from elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use sha2::{Digest, Sha256};

const STYLE: &str = "body{max-width:38em;margin:4em auto;padding:0 1em;font:1.1em/1.5 sans-serif;color:#222;\
background:#fff}h1{font-weight:500}code{background:#f2f2ee;padding:.1em .3em;border-radius:.2em}\
label{display:block;margin:.6em 0}input,button{font:inherit;padding:.2em .4em}.wrong{color:#a00}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1c1c1a}a{color:#9cf}code{background:#333}\
.wrong{color:#f99}}";

/// A whole page. `title` is text, `body` is HTML.
pub fn page(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>{body}</body></html>\n"
    )
}

/// Content Security Policy of a [`page`]: no scripts, nothing from elsewhere, and of styles only this one. `forms` says
/// where forms may go, such as `'none'`.
pub fn policy(forms: &str) -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'; form-action {forms}"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// HTML §13.1.2: for text and for values in double quotes.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
