/** Writes docs/data-dictionary.md from the schema: `npm run docs`. A test holds the file to the schema. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dataDictionary } from "./data-dictionary.ts";

writeFileSync(fileURLToPath(new URL("./data-dictionary.md", import.meta.url)), dataDictionary());
