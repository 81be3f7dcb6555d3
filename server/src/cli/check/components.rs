//! Components: the secrets that they prove themselves with. A server without one of them does not start.

use super::Finding;
use crate::config::Config;

/// One finding for each.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let finding = |component: &crate::config::Component| {
        let about = format!("component {}", component.domain);
        match component.secret(&config.origin.folder) {
            Ok(_) => Finding::ok(&about, "its secret is there"),
            Err(why) => {
                Finding::error(&about, why, "write a long random word there, and give it to the component")
            }
        }
    };
    config.components.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn a_component_without_its_secret_is_an_error_that_names_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rialto.toml");
        std::fs::write(&file, "[[component]]\ndomain = \"echo.localhost\"\nsecret_file = \"secret\"\n")
            .unwrap();
        let config = Config::load(&file).unwrap();
        let missing = look(&config).remove(0);
        assert_eq!(missing.level, Level::Error);
        assert!(
            missing.says.contains("echo.localhost") && missing.says.contains("secret"),
            "{}",
            missing.says
        );
        std::fs::write(folder.path().join("secret"), "a rose\n").unwrap();
        assert_eq!(look(&config).remove(0).level, Level::Ok);
    }
}
