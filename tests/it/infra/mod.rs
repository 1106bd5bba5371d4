//! The manifests of `infra/`: what schemas can not say of them, and whether they say of the functions what the code does.
//!
//! `chart` has Helm render them, `code` asks the code, `rules` hold the one against the other. That the rules notice anything is shown
//! by `mistakes`.

mod chart;
mod code;
mod mistakes;
mod rules;
mod table;
mod yaml;

use chart::rendered;
use code::Code;

#[tokio::test]
async fn every_profile_and_overlay_keeps_every_rule() {
    let Some(all) = rendered() else { return };
    let code = Code::read().await;
    let mut wrong = Vec::new();
    for set in all {
        let of = format!("{}, {}", set.profile, set.overlay);
        wrong.extend(rules::wrong_with(set, &code).into_iter().map(|what| format!("{of}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
