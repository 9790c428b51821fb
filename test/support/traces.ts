/**
 * The traces that tests read: those of the project (test/traces), and for the slow suites every trace under
 * $POWERKI_TRACES, or under the folder `../shared/traces` beside the checkout, where either exists.
 */

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ZSTDDecoder } from "zstddec";
import { cacheFolder } from "./cache.ts";

export const repository = fileURLToPath(new URL("../..", import.meta.url));
export const bundledRoot = join(repository, "test", "traces");

export interface TestTrace {
	/** Folder (and file, where it is not trace.dat) relative to the root, such as variants/v6. */
	readonly name: string;
	/** Path of the trace file, unpacked. */
	readonly path: string;
	/** Folder of the files beside it: expected.json, truth.jsonl, side/. */
	readonly folder: string;
}

function files(folder: string): string[] {
	return readdirSync(folder, { withFileTypes: true })
		.sort((a, b) => (a.name < b.name ? -1 : 1))
		.flatMap((e) => (e.isDirectory() ? files(join(folder, e.name)) : [join(folder, e.name)]));
}

function nameOf(root: string, path: string): string {
	const folder = relative(root, dirname(path));
	const file = basename(path).replace(/\.zst$/, "");
	return file === "trace.dat" ? folder : join(folder, file);
}

/** The project's own traces: nothing else is needed to run the fast tests. */
export const bundled: readonly TestTrace[] = files(bundledRoot)
	.filter((f) => basename(f) === "trace.dat")
	.map((path) => ({ name: nameOf(bundledRoot, path), path, folder: dirname(path) }));

export function bundledTrace(name: string): TestTrace {
	const trace = bundled.find((t) => t.name === name);
	if (trace === undefined) throw new Error(`no trace ${name} in test/traces`);
	return trace;
}

/** Folder of more traces than the project carries; null where there is none. */
export const moreRoot: string | null =
	process.env.POWERKI_TRACES !== undefined && process.env.POWERKI_TRACES !== ""
		? process.env.POWERKI_TRACES
		: ([join(repository, "..", "shared", "traces")].find((p) => existsSync(p)) ?? null);

let more: TestTrace[] | null = null;

/** Every trace.dat under `moreRoot`, packed ones (.zst) unpacked into the cache; empty without the folder. */
export async function moreTraces(): Promise<readonly TestTrace[]> {
	if (more !== null) return more;
	more = [];
	if (moreRoot === null) return more;
	const decoder = new ZSTDDecoder();
	await decoder.init();
	for (const file of files(moreRoot)) {
		if (!/\.dat(\.zst)?$/.test(file) || /(^|\/)perf\.data/.test(file)) continue;
		const name = nameOf(moreRoot, file);
		if (name.includes("truncated")) continue;
		more.push({
			name,
			path: file.endsWith(".zst") ? unpacked(decoder, file, name) : file,
			folder: dirname(file),
		});
	}
	return more;
}

function unpacked(decoder: ZSTDDecoder, file: string, name: string): string {
	const packed = readFileSync(file);
	const id = createHash("sha256").update(packed).digest("hex").slice(0, 16);
	const folder = join(cacheFolder(), "unpacked", id, ...name.split("/"));
	const path = join(folder, "trace.dat");
	if (!existsSync(path)) {
		mkdirSync(folder, { recursive: true });
		const side = join(dirname(file), "side");
		if (existsSync(side)) cpSync(side, join(folder, "side"), { recursive: true });
		writeFileSync(`${path}.${process.pid}`, decoder.decode(packed));
		renameSync(`${path}.${process.pid}`, path);
	}
	return path;
}

/** Reads a JSON file beside a trace. */
export function besideJson<T>(trace: TestTrace, file: string): T {
	return JSON.parse(readFileSync(join(trace.folder, file), "utf8")) as T;
}

export function hasBeside(trace: TestTrace, file: string): boolean {
	return existsSync(join(trace.folder, file));
}
