//! Our webhook of a room: adopted where one is ours, made where none is, made again when somebody deleted it.

use super::Lane;
use crate::discord::transport::{Failure, Hook};
use std::time::Duration;
use tokio::time::Instant;

/// How long the bot itself speaks where it may not have a webhook, until that is tried again.
const BOT: Duration = Duration::from_secs(600);

impl Lane {
    /// Our webhook; `None` where the bot itself must speak.
    pub(super) async fn webhook(&mut self) -> Result<Option<Hook>, Failure> {
        if !self.shared.settings.webhooks || self.bot_until.is_some_and(|until| until > Instant::now()) {
            return Ok(None);
        }
        if let Some(hook) = &self.hook {
            return Ok(Some(hook.clone()));
        }
        let failure = match self.have_one().await {
            Ok(hook) => {
                self.shared.state().hooks.insert(hook.id);
                self.hook = Some(hook.clone());
                return Ok(Some(hook));
            }
            Err(failure) => failure,
        };
        // No permission (50013, 50001), too many webhooks (30007, 30058), a kind of channel without them.
        if !matches!(failure, Failure::Refused { status: 400..=499, .. }) || failure.status() == 401 {
            return Err(failure);
        }
        self.bot_until = Some(Instant::now() + BOT);
        let text = format!(
            "the bot may not have a webhook here, so it speaks itself, with names before the words: {failure}. Give its \
             role the permission \"Manage Webhooks\", and let the channel have fewer than 15 webhooks"
        );
        self.shared.notice(Some(self.room), text).await;
        Ok(None)
    }

    async fn have_one(&self) -> Result<Hook, Failure> {
        let application = self.shared.state().guild.application;
        let rest = &self.shared.rest;
        for hook in rest.webhooks(self.room).await? {
            if hook.application_id == Some(application)
                && let Some(token) = hook.token
            {
                return Ok(Hook { id: hook.id, token });
            }
        }
        let made = rest.create_webhook(self.room, "Rialto").await?;
        let token = made.token.ok_or_else(|| Failure::Lost("the webhook has no token".into()))?;
        Ok(Hook { id: made.id, token })
    }

    /// The webhook is gone: it is not used again.
    pub(super) fn is_gone(&mut self, failure: &Failure) -> bool {
        let gone =
            matches!(failure.code(), 10015 | 50027) || (failure.status() == 404 && failure.code() == 0);
        if gone {
            self.hook = None;
        }
        gone
    }
}
