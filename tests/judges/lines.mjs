// Judges every line of files: node lines.mjs SCHEMAS NAME=FILE…
// Prints {lines, refused, first} a file, one JSON object a line; `first` has the first refusal.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { outsiders } from "./outsiders.mjs";
import { parseLine } from "./compiled/records.js";

const [schemas, ...files] = process.argv.slice(2);
const ajv = outsiders(schemas, { rules: true });

for (const [name, file] of files.map((argument) => argument.split(/=(.*)/s))) {
  const validate = ajv.get(name);
  const found = { name, file, lines: 0, refused: 0 };
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    found.lines += 1;
    const parsed = parseLine(name, line);
    const ok = parsed.ok && validate(parsed.value);
    found.refused += ok ? 0 : 1;
    if (!ok) found.first ??= { line: found.lines, ajv: validate.errors, ts: parsed.refusals };
  }
  console.log(JSON.stringify(found));
}
