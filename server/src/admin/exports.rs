//! What an operator takes away of accounts (XEP-0227). The server writes it in its own folder; the asker fetches it, who
//! may write where the server may not.

use super::desk::FrontDesk;
use super::protocol::{Answer, Exported, Refusal, Why};
use super::users::Users;
use crate::export::{ExportError, OwnExport, Whose, to_folder};
use crate::features::command::Command;
use crate::services::uploads::Uploads;
use rialto_store::Store;
use std::path::PathBuf;
use std::sync::Arc;

/// Where exports wait, below the data folder.
pub(super) const FOLDER: &str = "exports";

/// Writes an export of one account, or of all.
///
/// # Errors
/// [`Refusal`]; nothing is written then.
pub(super) async fn write(
    store: &Store,
    users: &Users,
    folder: PathBuf,
    address: Option<&str>,
) -> Result<Answer, Refusal> {
    let whose = address.map(|address| users.known(address)).transpose()?.map_or(Whose::All, Whose::One);
    store.caught_up().await;
    let store = store.clone();
    let written = tokio::task::spawn_blocking(move || to_folder(&store, &whose, &folder)).await;
    let written = written.map_err(|why| Refusal::new(Why::Failed, why.to_string()))?;
    let (file, accounts) = written.map_err(|why| refusal(&why))?;
    // Whoever asks may stand in another folder.
    let file = std::path::absolute(&file).unwrap_or(file);
    Ok(Answer::Exported(Exported { file, accounts }))
}

fn refusal(why: &ExportError) -> Refusal {
    let kind = if matches!(why, ExportError::Unknown(_)) { Why::NotFound } else { Why::Failed };
    Refusal::new(kind, why.to_string())
}

impl FrontDesk {
    /// What everybody may take away of himself.
    pub(super) fn own_export(&self, uploads: &Arc<Uploads>) -> Arc<dyn Command> {
        Arc::new(OwnExport::new(&self.router().store, uploads, self.users().domains()))
    }
}
