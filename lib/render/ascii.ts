/** Text for terminals whose encoding is not UTF-8. */
import { states } from "../figures/palette.ts";

const signs: Readonly<Record<string, string>> = {
	...Object.fromEntries(Object.values(states).map((s) => [s.glyph, s.ascii])),
	"·": ".",
	"…": "~",
	"–": "-",
	"—": "-",
	"−": "-",
	"≥": ">=",
	"≤": "<=",
	"×": "x",
	µ: "u",
	"✓": "+",
	"○": "o",
	"✕": "x",
	"▲": "!",
	"◆": "*",
	"●": "o",
	"▼": "v",
	"→": "->",
	"←": "<-",
	"‘": "'",
	"’": "'",
	"“": '"',
	"”": '"',
	"\u202f": " ",
	"\u00a0": " ",
	"─": "-",
	"│": "|",
	"▏": "|",
};

/** Signs of powerki become what stands for them; other characters their number, as \u00e9. */
export function toAscii(text: string): string {
	return text.replace(/[^\x00-\x7f]/gu, (ch) => {
		const code = ch.codePointAt(0)!.toString(16);
		return signs[ch] ?? (code.length <= 4 ? `\\u${code.padStart(4, "0")}` : `\\u{${code}}`);
	});
}
