/**
 * The traces that tests read: those of the project (test/traces), and for the slow suites every trace under
 * $POWERKI_TRACES, or under the folder `../shared/traces` beside the checkout, where either exists.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { decompress } from "fzstd";
import { ZSTDDecoder } from "zstddec";
import { cacheFolder } from "./cache.ts";

export const repository = fileURLToPath(new URL("../..", import.meta.url));
export const bundledRoot = join(repository, "test", "traces");

export interface TestTrace {
	/** Folder (and file, where it is not trace.dat) relative to the root, such as variants/v6. */
	readonly name: string;
	/** Path of the trace, unpacked: a file, or the folder that perf record --threads writes. */
	readonly path: string;
	/** The files of a recording that comes as a series, in the order of time; `path` alone otherwise. */
	readonly paths: readonly string[];
	/** Folder of the files beside it: expected.json, truth.jsonl, side/. */
	readonly folder: string;
	/** Options that collecting it needs, such as where its programs are. */
	readonly options: readonly string[];
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

/** A trace that is one file. */
const single = (name: string, path: string, folder: string): TestTrace => ({
	name,
	path,
	paths: [path],
	folder,
	options: [],
});

/** The project's own trace.dat files: nothing else is needed to run the fast tests. */
export const bundled: readonly TestTrace[] = files(bundledRoot)
	.filter((f) => basename(f) === "trace.dat")
	.map((path) => single(nameOf(bundledRoot, path), path, dirname(path)));

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
	const decoder = await zstd();
	for (const file of files(moreRoot)) {
		if (!/\.dat(\.zst)?$/.test(file) || /(^|\/)perf\.data/.test(file)) continue;
		const name = nameOf(moreRoot, file);
		if (name.includes("truncated")) continue;
		more.push(single(name, file.endsWith(".zst") ? unpacked(decoder, file, name) : file, dirname(file)));
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

async function zstd(): Promise<ZSTDDecoder> {
	const decoder = new ZSTDDecoder();
	await decoder.init();
	return decoder;
}

const perfRoot = join(bundledRoot, "perf");

let perf: Promise<readonly TestTrace[]> | null = null;

/** The project's own captures by perf (perf/<name>), unpacked into the cache when first asked for. */
export function perfTraces(): Promise<readonly TestTrace[]> {
	perf ??= unpackPerf();
	return perf;
}

export async function perfTrace(name: string): Promise<TestTrace> {
	const trace = (await perfTraces()).find((t) => t.name === `perf/${name}`);
	if (trace === undefined) throw new Error(`no trace ${name} in test/traces/perf`);
	return trace;
}

/** Files that stand beside a packed capture but are no part of it: they stay packed. */
const prints = /\.txt\.zst$/;

/** Everything below test/traces/perf unpacked, in a folder of the cache that is named after what is in it. */
async function unpackPerf(): Promise<readonly TestTrace[]> {
	const sources = files(perfRoot).filter(
		(f) => (f.endsWith(".zst") && !prints.test(f)) || /^perf-\d+\.map$/.test(basename(f)),
	);
	const hash = createHash("sha256").update("2");
	for (const file of sources) hash.update(`${relative(perfRoot, file)}\0`).update(readFileSync(file));
	const root = join(cacheFolder(), "unpacked", hash.digest("hex").slice(0, 16));
	if (!existsSync(root)) {
		const decoder = await zstd();
		const making = `${root}.${process.pid}`;
		for (const file of sources) {
			const to = join(making, relative(perfRoot, file));
			mkdirSync(dirname(to), { recursive: true });
			const bytes = readFileSync(file);
			// programs under the names that the captures map
			if (file.endsWith(".zst")) writeFileSync(to.replace(/(\.ppc64le)?\.zst$/, ""), decoder.decode(bytes));
			else writeFileSync(to, bytes);
		}
		try {
			renameSync(making, root);
		} catch {
			// another test process was faster
			rmSync(making, { recursive: true });
		}
	}
	const programs = join(root, "bin");
	return readdirSync(root)
		.filter((name) => name !== basename(programs))
		.sort()
		.map((name) => {
			const paths = readdirSync(join(root, name))
				.filter((f) => !f.endsWith(".map"))
				.sort()
				.map((f) => join(root, name, f));
			return {
				name: `perf/${name}`,
				path: paths[0]!,
				paths,
				folder: join(perfRoot, name),
				options: ["--symbols", programs],
			};
		});
}

const linuxkiRoot = join(bundledRoot, "linuxki");

/** The archives of LinuxKI (linuxki/<name>), as runki packed them but for shorter kallsyms. */
export const linuxkiTraces: readonly TestTrace[] = files(linuxkiRoot)
	.filter((f) => f.endsWith(".tgz"))
	.map((path) => single(relative(bundledRoot, dirname(path)), path, dirname(path)));

export function linuxkiTrace(name: string): TestTrace {
	const trace = linuxkiTraces.find((t) => t.name === `linuxki/${name}`);
	if (trace === undefined) throw new Error(`no trace ${name} in test/traces/linuxki`);
	return trace;
}

/** What kiinfo was given of x86-liki-mixed for the rewrites in older layouts, and dmesg, which tells the timer's rate. */
const oldVersionMembers = [
	"uname-a",
	"kallsyms",
	"ps-eLf",
	"cpuinfo",
	"lscpu",
	"lsof",
	"ll_R_dev_all",
	"devices",
	"dmesg",
];

/** x86-liki-mixed in layout V1 to V4: one merged ki.bin with the side files, in a folder of the cache. */
export function linuxkiOldVersion(version: 1 | 2 | 3 | 4): TestTrace {
	const archive = linuxkiTrace("x86-liki-mixed").path;
	const tag = /\.(\d{4}_\d{4})\.tgz$/.exec(archive)![1]!;
	const folder = join(linuxkiRoot, "old-versions", `V${version}`);
	const packed = readFileSync(join(folder, `ki.bin.${tag}.zst`));
	const id = createHash("sha256").update(packed).update(readFileSync(archive)).digest("hex").slice(0, 16);
	const path = join(cacheFolder(), "unpacked", `${id}-V${version}`);
	if (!existsSync(path)) {
		const making = `${path}.${process.pid}`;
		mkdirSync(making, { recursive: true });
		execFileSync("tar", ["-xzf", archive, "-C", making, ...oldVersionMembers.map((m) => `${m}.${tag}`)]);
		writeFileSync(join(making, `ki.bin.${tag}`), decompress(packed));
		try {
			renameSync(making, path);
		} catch {
			// another test process was faster
			rmSync(making, { recursive: true });
		}
	}
	return single(`linuxki/old-versions/V${version}`, path, folder);
}

/** Reads a JSON file beside a trace. */
export function besideJson<T>(trace: TestTrace, file: string): T {
	return JSON.parse(readFileSync(join(trace.folder, file), "utf8")) as T;
}

export function hasBeside(trace: TestTrace, file: string): boolean {
	return existsSync(join(trace.folder, file));
}
