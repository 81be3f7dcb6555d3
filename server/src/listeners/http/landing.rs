//! The page at `/`, for people who look at the address with a browser.

use hyper::StatusCode;
use hyper::header::{self, HeaderValue};

use super::html::{self, escaped};
use super::site::{Answer, Request, Site, carrying, reads, says};
use crate::config::Config;
use crate::public_url::PublicUrl;

/// What this server is, and how to connect.
pub struct Landing {
    domains: Vec<String>,
    rooms: String,
    contact: Vec<String>,
    url: PublicUrl,
    policy: HeaderValue,
}

impl Landing {
    /// As the operator named things.
    pub fn new(config: &Config, url: &PublicUrl) -> Landing {
        let contact = &config.contact;
        let contact =
            [&contact.support, &contact.admin, &contact.abuse].into_iter().flatten().cloned().collect();
        Landing {
            domains: config.domains.clone(),
            rooms: config.rooms.domain.clone(),
            contact,
            url: url.clone(),
            policy: html::policy("'none'"),
        }
    }

    fn page(&self) -> String {
        let title = self.domains.first().map_or("localhost", String::as_str);
        let domain = escaped(title);
        let domains: Vec<String> = self.domains.iter().map(|domain| escaped(domain)).collect();
        let rooms = escaped(&self.rooms);
        let web = self.url.web_socket_at("/xmpp-websocket").map_or_else(String::new, |address| {
            format!("<p>Web clients find <code>{}</code> by themselves.</p>", escaped(&address))
        });
        let contact = match self.contact.first() {
            Some(address) => {
                let address = escaped(address);
                format!("<p>Questions go to <a href=\"{address}\">{address}</a>.</p>")
            }
            None => String::new(),
        };
        let body = format!(
            "<h1>{}</h1>\
             <p>This is a chat server. It speaks XMPP, so you choose the program to chat with: Conversations or Cheogram \
             on Android, Monal or Siskin on iOS, Gajim or Dino on a computer, and many more.</p>\
             <p>Your address looks like <code>you@{domain}</code>; type it and your password, and the program finds the \
             rest. Rooms have addresses like <code>room@{rooms}</code>.</p>{web}{contact}",
            domains.join(", ")
        );
        html::page(title, &body)
    }
}

impl Site for Landing {
    fn paths(&self) -> &[&'static str] {
        &["/"]
    }

    fn answer(&self, request: Request) -> Answer<'_> {
        Box::pin(async move {
            if !reads(&request.head.method) {
                return says(StatusCode::METHOD_NOT_ALLOWED, "This page can only be read.");
            }
            let mut page = carrying(StatusCode::OK, "text/html; charset=utf-8", self.page());
            page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
            page
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_how_to_connect_and_has_no_scripts() {
        let mut config = Config::default();
        config.contact.admin = vec!["mailto:\"a\"@example.org".to_owned()];
        let url = PublicUrl::chosen("https://localhost");
        let page = Landing::new(&config, &url).page();
        for part in
            ["you@localhost", "room@rooms.localhost", "wss://localhost/xmpp-websocket", "&quot;a&quot;"]
        {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("<script"));
    }
}
