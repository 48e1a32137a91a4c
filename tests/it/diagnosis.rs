//! What a training says of itself when something goes wrong, and its silence when nothing does.

use serde_json::json;

use crate::util::Place;

#[test]
fn a_healthy_training_warns_of_nothing() {
    let place = Place::new();
    let ran = place.train("--epochs 60 --eval-every 0 --json --out run").ok();
    assert!(!ran.stderr.contains("warning:"), "{}", ran.stderr);
    assert_eq!(ran.object()["findings"], json!([]));
    let rows = place.rows("run");
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert!(row["finding"].is_null(), "{row}");
    }
}
