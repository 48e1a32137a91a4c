//! The warnings of a training: none if it is healthy.

use serde_json::json;

use crate::util::Place;

#[test]
fn a_healthy_training_has_no_warnings() {
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
