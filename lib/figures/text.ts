/** Text from traces for people: names may hold anything, and be wider or narrower than their number of characters. */

/**
 * Makes characters visible that would act instead of being read: control characters (a terminal obeys them), and those
 * that turn the direction of text or take no room (they make one name look like another). What the importer has
 * escaped as \xNN stays as it is.
 */
export function printable(text: string): string {
	return text.replace(
		/[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]/gu,
		(ch) => {
			const code = ch.codePointAt(0)!;
			return code < 0x100
				? `\\x${code.toString(16).padStart(2, "0")}`
				: `\\u${code.toString(16).padStart(4, "0")}`;
		},
	);
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** First and last code points that fill two columns (Unicode's EastAsianWidth W and F, in large blocks). */
const wide: readonly (readonly [number, number])[] = [
	[0x1100, 0x115f],
	[0x231a, 0x231b],
	[0x2329, 0x232a],
	[0x23e9, 0x23ec],
	[0x2e80, 0x303e],
	[0x3041, 0x33ff],
	[0x3400, 0x4dbf],
	[0x4e00, 0x9fff],
	[0xa000, 0xa4cf],
	[0xa960, 0xa97f],
	[0xac00, 0xd7a3],
	[0xf900, 0xfaff],
	[0xfe30, 0xfe6f],
	[0xff01, 0xff60],
	[0xffe0, 0xffe6],
	[0x1f300, 0x1f64f],
	[0x1f680, 0x1f6ff],
	[0x1f900, 0x1f9ff],
	[0x20000, 0x3fffd],
];

function graphemeWidth(grapheme: string): number {
	const code = grapheme.codePointAt(0)!;
	if (code < 0x300) return 1;
	if (/^\p{M}/u.test(grapheme)) return 0;
	// U+FE0F asks for the emoji form of a character.
	return grapheme.includes("\ufe0f") || wide.some(([a, b]) => code >= a && code <= b) ? 2 : 1;
}

/** Columns that a terminal needs for the text. */
export function displayWidth(text: string): number {
	if (/^[\x20-\x7e]*$/.test(text)) return text.length;
	let width = 0;
	for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
	return width;
}

/** The text in at most `width` columns, cut with an ellipsis at the end, or at the start if `keep` is "tail". */
export function ellipsis(text: string, width: number, keep: "head" | "tail" = "head"): string {
	if (displayWidth(text) <= width) return text;
	if (width < 1) return "";
	const parts = [...graphemes.segment(text)].map((s) => s.segment);
	if (keep === "tail") parts.reverse();
	let used = 1;
	const kept: string[] = [];
	for (const part of parts) {
		used += graphemeWidth(part);
		if (used > width) break;
		kept.push(part);
	}
	return keep === "tail" ? `…${kept.reverse().join("")}` : `${kept.join("")}…`;
}

export function padEnd(text: string, width: number): string {
	return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
	return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}

/** The graphemes that fit in `width` columns, and at least one. */
function start(text: string, width: number): string {
	let used = 0;
	let end = 0;
	for (const { segment } of graphemes.segment(text)) {
		used += graphemeWidth(segment);
		if (used > width && end > 0) break;
		end += segment.length;
	}
	return text.slice(0, end);
}

/** Lines of at most `width` columns, broken at spaces; a longer word has a line of its own and is broken there. */
export function wrap(text: string, width: number): string[] {
	const lines: string[] = [];
	for (const paragraph of text.split("\n")) {
		let line = "";
		for (let word of paragraph.split(" ")) {
			while (displayWidth(word) > width) {
				if (line !== "") lines.push(line);
				line = "";
				const head = start(word, width);
				lines.push(head);
				word = word.slice(head.length);
			}
			if (line !== "" && displayWidth(line) + 1 + displayWidth(word) > width) {
				lines.push(line);
				line = word;
			} else line = line === "" ? word : `${line} ${word}`;
		}
		lines.push(line);
	}
	return lines;
}
