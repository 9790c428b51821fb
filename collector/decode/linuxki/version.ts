/** The version word of a chunk: whose records it holds, and how they are laid out. */
import { exitCode, PowerkiError } from "../../../lib/schema/errors.ts";
import { type VersionLayout, versions } from "./record-layouts.ts";
import type { Recording } from "./recording.ts";

const INVALID = 0xffff_ffff;
const WINDOWS = 0xffff_0000;

/** undefined for a version word that is none of LiKI's. */
export function layoutOf(version: number): VersionLayout | undefined {
	return Object.hasOwn(versions, version) ? versions[version] : undefined;
}

/** @throws PowerkiError where the version word is none of LiKI's on a little-endian machine */
export function checkedLayout({ version, files, tag, buffer }: Recording, name: string): VersionLayout {
	const layout = layoutOf(version);
	if (layout) return layout;
	const { what, advice } = problemOf(version);
	throw new PowerkiError(exitCode.unreadable, `${name}: ${what}`, [
		...(version < 0 ? [] : [`version word of its chunks: 0x${version.toString(16)}`]),
		`ki.bin files${tag === "" ? "" : ` with tag ${tag}`}: ${files.length}`,
		...(advice ? [advice] : []),
		...(buffer === "" ? [] : ["take its files out of the folder to read the other recordings"]),
		"nothing was written",
	]);
}

function problemOf(version: number): { what: string; advice?: string } {
	if (version < 0)
		return {
			what: "a LinuxKI recording without records: its ki.bin files are empty",
			advice: "its ki.err tells what went wrong",
		};
	if ((version & 0xff_ffff) === 0 && layoutOf(version >>> 24))
		return { what: "a LinuxKI recording of a big-endian machine, which powerki does not read" };
	if (version === INVALID) return { what: "a LinuxKI recording that its recorder marked as invalid" };
	if ((version & WINDOWS) !== 0)
		return { what: "a LinuxKI recording of Windows (WinKI), which powerki does not read" };
	return {
		what: "a LinuxKI recording of an unknown version",
		advice: "known: 1, 3, 5, 7, 9 (LiKI), and 0 (ftrace mode)",
	};
}
