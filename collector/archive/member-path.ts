/** Names of members as paths below a folder: plain components only, whatever an archive says. */
import { isUtf8 } from "node:buffer";

/** Folders within folders. */
export const MAX_DEPTH = 8;
/** NAME_MAX of Linux's file systems, bytes. */
const MAX_COMPONENT = 255;

/** Text of a name; bytes that are not UTF-8 are escaped as \xNN, as everywhere in a dataset. */
export function nameText(name: Buffer): string {
	if (isUtf8(name)) return name.toString("utf8");
	return name
		.toString("latin1")
		.replace(/[\x80-\xff]/g, (c) => `\\x${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** For messages: control characters escaped, long ones cut. */
export function shownName(text: string): string {
	const plain = text
		.slice(0, 200)
		.replace(
			/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
			(c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`,
		);
	return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain;
}

/** The components of a member's name, or why it has no place: a kind of note. "./" and "//" mean nothing. */
export function memberPath(name: Buffer | null): readonly string[] | "name" | "depth" {
	if (name === null || name.includes(0)) return "name";
	const text = nameText(name);
	if (text.startsWith("/")) return "name";
	const components = text.split("/").filter((c) => c !== "" && c !== ".");
	if (components.some((c) => c === ".." || Buffer.byteLength(c) > MAX_COMPONENT)) return "name";
	return components.length > MAX_DEPTH ? "depth" : components;
}
