//! The live page in a browser during a training.

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::chromium::{Browser, find};
use crate::util::{Place, read_image};

const LOSS: &str = "document.querySelector('#chart-loss .plot .curve')?.getAttribute('d')";
/// Whether the marker of the lowest value, with its stroke, is inside the clip path of its chart.
const LOWEST_MARK_IS_VISIBLE: &str = "(async () => {
    const { Chart } = await import('/chart.js');
    const lines = [{ name: 'value', of: (row) => row.value }];
    const spec = { id: 'test', title: '', unit: '', log: true, sparse: true, lines };
    const chart = new Chart(spec, () => {}, () => {});
    document.body.append(chart.figure);
    const rows = [40, 36, 38].map((value, at) => ({ epoch: 10 * (at + 1), value }));
    chart.draw([{ rows, slot: 0, name: 'run' }], 30, 0);
    const [mark, clip] = ['.best', 'clipPath rect'].map((name) => chart.figure.querySelector(name));
    chart.figure.remove();
    const number = (element, name) => Number(element.getAttribute(name));
    return number(mark, 'cy') + number(mark, 'r') + 1 <= number(clip, 'y') + number(clip, 'height');
})()";
const EPOCH: &str = "document.querySelector('#shown progress').value";

#[test]
fn the_page_follows_a_training_and_compares_runs() {
    let Some(program) = find() else {
        // Not eprintln!: the output of a passing test is captured.
        let message =
            "SKIPPED: no browser for the live page; install chromium, or name one by GAN_CHROMIUM";
        let _ = writeln!(io::stderr(), "{message}");
        return;
    };
    let place = Place::new();
    place.train("--epochs 400 --sample-every 100 --seed 1 --quiet --out runs/0001-first").ok();
    let mut training = place.start(
        "--epochs 1000000 --sample-every 100 --checkpoint-every 1000000 --seed 2 \
         --serve 127.0.0.1:0 --out runs/0002-second",
    );
    let address = training.logs("http://");
    let address = address.split_whitespace().last().unwrap();

    let mut browser = Browser::start(&program);
    browser.resize(1280, 900, false);
    browser.open(address);
    browser.until(&format!("({LOSS} ?? '').length > 20"));
    assert_eq!(browser.evaluate("document.querySelector('#shown b').textContent"), "0002-second");
    browser.until("document.querySelector('.state').textContent === 'running'");
    browser.until("document.getElementById('live').textContent === 'live'");

    assert_eq!(browser.evaluate(LOWEST_MARK_IS_VISIBLE), true, "the lowest point is cut off");

    // The curves are updated.
    let (curve, epoch) = (browser.evaluate(LOSS), browser.evaluate(EPOCH).as_f64().unwrap());
    browser.until(&format!("{EPOCH} > {epoch} + 300"));
    assert!(browser.evaluate(LOSS) != curve, "the curve is unchanged");

    // The slider selects the first samples and keeps its position during the training.
    browser.until("Number(document.getElementById('epoch').max) >= 4");
    browser.evaluate("document.getElementById('epoch').focus()");
    let shown = |browser: &mut Browser, epoch: &str| {
        browser.until(&format!(
            "document.getElementById('epoch-value').textContent === 'epoch {epoch}' && \
             document.querySelector('.strip img').src.endsWith('/samples/{epoch}') && \
             document.querySelector('.strip img').naturalWidth === 280"
        ));
    };
    browser.press("Home", 36);
    shown(&mut browser, "0");
    browser.press("ArrowRight", 39);
    shown(&mut browser, "100");
    let before = browser.evaluate("Number(document.getElementById('epoch').max)");
    browser.until(&format!("Number(document.getElementById('epoch').max) > {before}"));
    shown(&mut browser, "100");

    // The pointer and the keys select values.
    browser.point_at("#chart-probability .plot");
    browser.until("document.querySelector('#chart-loss .at').textContent.startsWith('epoch ')");
    browser.evaluate("document.querySelector('#chart-loss .plot').focus()");
    browser.press("Home", 36);
    let value = "document.querySelector('#chart-loss .plot').getAttribute('aria-valuetext')";
    browser.until(&format!("{value}.startsWith('epoch 20: discriminator ')"));
    browser.press("ArrowRight", 39);
    browser.until(&format!("{value}.startsWith('epoch 40: discriminator ')"));

    // All runs are in a table; a second one is shown next to the first.
    browser.evaluate("document.getElementById('others').open = true");
    browser.until("document.querySelectorAll('#choices tr').length === 2");
    browser.until("document.getElementById('choices').textContent.includes('0001-firstdone400')");
    browser.evaluate("document.querySelector('#choices input:not(:checked)').click()");
    browser.until("document.querySelectorAll('#shown li').length === 2");
    browser.until("document.querySelectorAll('#chart-loss .plot .curve.dashed').length === 2");
    browser.until("document.querySelectorAll('#strips img').length === 2");
    browser.until("document.getElementById('differ').textContent.includes('seed 2 / 1')");
    browser.evaluate("document.getElementById('only-box').click()");
    browser.until("document.querySelectorAll('#table tbody tr:not(.differs)').length === 0");
    assert_eq!(browser.evaluate("location.hash"), "#0002-second&0001-first");

    // The page fits in the light and the dark scheme, and on a phone.
    for (name, width, height, dark) in
        [("light", 1280, 900, false), ("dark", 1280, 900, true), ("phone", 390, 844, false)]
    {
        browser.resize(width, height, dark);
        browser.until(&format!("innerWidth === {width}"));
        let across = browser.evaluate("document.documentElement.scrollWidth");
        assert!(across.as_u64().unwrap() <= u64::from(width), "{name} is {across} wide");
        let folder = env::var_os("GAN_SCREENSHOTS").map_or_else(|| place.path(""), PathBuf::from);
        let path = folder.join(format!("page-{name}.png"));
        browser.screenshot(&path);
        let screenshot = read_image(&path);
        assert_eq!(screenshot.dimensions(), (width, height));
        let corner = screenshot.get_pixel(0, height - 1).0[0];
        assert_eq!(corner < 128, dark, "the background of {name} is {corner}");
    }
    let none: [&str; 0] = [];
    assert_eq!(browser.errors(), none);

    // After the server has stopped, the page shows that the connection is lost.
    drop(training);
    browser.until("document.getElementById('live').className.includes('lost')");
}
