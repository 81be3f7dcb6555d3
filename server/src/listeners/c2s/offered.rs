//! RFC 6120 §4.3.2: what a stream is offered before its login, put together and written once for all that get the same.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use rialto_xmpp::limits::Limits;
use rialto_xmpp::stream;

use super::sasl::offer::{Offer, Shape};
use super::{C2s, features, sasl2};
use crate::listeners::settings::Settings;

/// Features, as they go over the wire.
pub struct Offered {
    /// `<stream:features/>`
    pub bytes: Bytes,
    /// XEP-0509: stands for all of them; `None`: XEP-0388 is not among them.
    pub version: Option<String>,
}

/// Features that were put together before. At most [`KINDS`]; overflow: all are forgotten, and put together anew.
#[derive(Default)]
pub struct Shelf(ArcSwap<Vec<Kept>>);

struct Kept {
    settings: Arc<Settings>,
    shape: Shape,
    is_private: bool,
    offered: Arc<Offered>,
}

/// There are two versions of TLS, two of PLAIN, and few accounts that lack keys.
const KINDS: usize = 16;

impl C2s {
    /// What a stream with this offer gets. Nothing else may be in it than what follows from the offer, from the settings
    /// as they are, and from what never changes.
    pub fn offered(&self, offer: &Offer, is_private: bool) -> Arc<Offered> {
        let (settings, shape) = (self.settings.load_full(), offer.shape());
        let kept = self.shelf.0.load();
        let same = |kept: &&Kept| {
            Arc::ptr_eq(&kept.settings, &settings) && kept.is_private == is_private && kept.shape == shape
        };
        if let Some(kept) = kept.iter().find(same) {
            return kept.offered.clone();
        }
        let offered = Arc::new(self.put_together(offer, is_private));
        let new = || Kept {
            settings: settings.clone(),
            shape: shape.clone(),
            is_private,
            offered: offered.clone(),
        };
        self.shelf.0.rcu(|kept| {
            let current = kept.iter().filter(|kept| Arc::ptr_eq(&kept.settings, &settings));
            let mut kept: Vec<Kept> = current.map(Kept::again).collect();
            if kept.len() >= KINDS {
                kept.clear();
            }
            kept.push(new());
            kept
        });
        offered
    }

    fn put_together(&self, offer: &Offer, is_private: bool) -> Offered {
        let mut offered = offer.features();
        // XEP-0388 §3: a proof of a token could be used again by whoever hears it.
        offered.extend(is_private.then(|| sasl2::feature(self, offer)));
        let registration = self.registration.iter().filter(|_| is_private);
        offered.extend(registration.flat_map(|registration| registration.features()));
        offered.push(features::limits(Limits::UNAUTHENTICATED.bytes, self.settings().c2s.login_timeout));
        let version = is_private.then(|| sasl2::version(&offered));
        offered.extend(version.as_deref().map(sasl2::config_version));
        Offered { bytes: stream::features(&offered).into(), version }
    }
}

impl Kept {
    fn again(&self) -> Kept {
        let Kept { settings, shape, is_private, offered } = self;
        let (settings, shape, offered) = (settings.clone(), shape.clone(), offered.clone());
        Kept { settings, shape, is_private: *is_private, offered }
    }
}
