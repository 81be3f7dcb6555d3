//! Changing and taking back what was said.

use super::{Lane, told};
use crate::discord::snowflake::Place;
use crate::discord::transport::Failure;
use crate::model::{Event, Message};
use crate::network::{NetworkError, RemoteId};

impl Lane {
    pub(super) async fn edit(
        &mut self,
        event: &Event<RemoteId>,
        place: Place,
        now: &Message<RemoteId>,
    ) -> Result<Vec<RemoteId>, NetworkError> {
        let mut pieces = self.pieces(now, now.reply.as_ref());
        if pieces.is_empty() {
            return Ok(Vec::new());
        }
        let rest = pieces.split_off(1);
        if let Some(first) = pieces.first() {
            self.patch(place, &first.body(), &event.author.nick).await.map_err(told)?;
        }
        let mut names = Vec::new();
        for piece in rest {
            // What has no room in the first message follows it.
            names.push(self.follow(&event.author, piece, place).await?);
        }
        Ok(names)
    }

    async fn patch(&mut self, place: Place, body: &serde_json::Value, nick: &str) -> Result<(), Failure> {
        let thread = Some(place.channel).filter(|channel| *channel != self.room);
        for _ in 0..3 {
            let failure = match self.webhook().await? {
                Some(hook) => match self.shared.rest.edit_hooked(&hook, thread, place.message, body).await {
                    Ok(()) => return Ok(()),
                    Err(failure) => failure,
                },
                None => Failure::Refused { status: 404, code: 10008, text: "no webhook".into() },
            };
            if self.is_gone(&failure) || self.awake(thread, &failure).await {
                continue;
            }
            // Not the webhook's: then perhaps the bot's, who says the name before the words.
            if failure.code() != 10008 {
                return Err(failure);
            }
            let mut own = body.clone();
            let content = own.get("content").and_then(serde_json::Value::as_str).unwrap_or_default();
            own["content"] = super::post::as_bot(&super::names::username(nick), content).into();
            return match self.shared.rest.edit(place, &own).await {
                Err(failure) if self.awake(thread, &failure).await => {
                    self.shared.rest.edit(place, &own).await
                }
                answer => answer,
            };
        }
        Err(Failure::Refused { status: 404, code: 10015, text: "the webhook that said it is gone".into() })
    }

    pub(super) async fn retract(&mut self, place: Place) -> Result<(), NetworkError> {
        let thread = Some(place.channel).filter(|channel| *channel != self.room);
        self.shared.state().deletes(place.message);
        if let Some(hook) = self.webhook().await.map_err(told)? {
            let mut answer = self.shared.rest.delete_hooked(&hook, thread, place.message).await;
            if let Err(failure) = &answer
                && self.awake(thread, failure).await
            {
                answer = self.shared.rest.delete_hooked(&hook, thread, place.message).await;
            }
            match answer {
                Ok(()) => return Ok(()),
                Err(failure) if self.is_gone(&failure) || failure.status() == 404 => {}
                Err(failure) => return Err(told(failure)),
            }
        }
        // Not said by our webhook of now: by an earlier one, by the bot, or by somebody there.
        let ours = match self.shared.rest.message(place).await {
            Ok(message) => {
                let state = self.shared.state();
                let hooked =
                    message.webhook_id.is_some() && message.application_id == Some(state.guild.application);
                hooked || message.author.is_some_and(|author| author.id == state.guild.me)
            }
            // It is gone already.
            Err(failure) if failure.status() == 404 => return Ok(()),
            Err(failure) => return Err(told(failure)),
        };
        if !ours && !self.shared.settings.delete {
            return Err(NetworkError::Forbidden(
                "deleting what people there said is not allowed; `delete = true` in the bridge's settings allows it".into(),
            ));
        }
        match self.shared.rest.delete(place).await {
            Err(failure) if failure.code() != 10008 => Err(told(failure)),
            _ => Ok(()),
        }
    }
}
