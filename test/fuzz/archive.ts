/**
 * Whole archives of LinuxKI that are wrong, collected as a user does: the dataset is what it was, or complete; nothing is
 * written elsewhere; time and memory are bounded.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expand } from "../../collector/archive/expand.ts";
import { quoteIdentifier } from "../../lib/schema/layout.ts";
import { powerki, type Run } from "../support/cli.ts";
import { openDataset } from "../support/dataset.ts";
import { random } from "../support/random.ts";
import { digests, filesUnder } from "../support/scratch.ts";
import { linuxkiOldVersion, linuxkiTrace } from "../support/traces.ts";
import { type Packed, packedOf, wrongArchive } from "./archive-mutations.ts";
import { choicesOf } from "./linuxki-mutations.ts";
import type { Finding } from "./mutate.ts";

/** The small ones: of each mode and machine. */
const archives = [
	"x86-liki-futex",
	"x86-liki-runq",
	"ppc64le-ftrace-64k-damaged",
	"ppc64le-liki-mixed",
	"x86-ftrace-mixed",
	"x86-liki-mixed",
	"x86-liki-sock",
];

const packed = new Map<string, Promise<Packed>>();

function archiveOf(name: string, folder: string): Promise<Packed> {
	let known = packed.get(name);
	if (known === undefined) {
		known = (async () => {
			const { path } = linuxkiTrace(name);
			const unpacked = join(folder, `archive-${process.pid}-${name}`);
			mkdirSync(unpacked, { recursive: true });
			await expand(path, { compression: "gzip", tar: true }, unpacked);
			return packedOf(path, unpacked);
		})();
		packed.set(name, known);
	}
	return known;
}

/** A dataset that another trace is in. */
async function datasetBefore(folder: string): Promise<string> {
	const path = join(folder, `before-${process.pid}`);
	if (!existsSync(path)) {
		const run = await powerki(["collect", linuxkiOldVersion(1).path, "--out", path]);
		if (run.code !== 0) throw new Error(run.stderr);
	}
	return path;
}

const TIMEOUT = 50_000;
/** MiB. */
const MEMORY = 1024;

/** Writes the most memory that the process held, kB, when it ends. */
function memoryHook(folder: string): string {
	const path = join(folder, `memory-${process.pid}.cjs`);
	if (!existsSync(path))
		writeFileSync(
			path,
			`if (require("worker_threads").isMainThread) process.on("exit", () => require("fs").writeFileSync(process.env.POWERKI_FUZZ_MEMORY, String(process.resourceUsage().maxRSS)));`,
		);
	return path;
}

/** One archive; memory in MiB. */
export async function tryArchive(
	folder: string,
	seed: number,
): Promise<{ finding: Finding | null; refused: boolean; memory: number }> {
	const next = random(seed);
	const c = choicesOf(next);
	const name = archives[seed % archives.length]!;
	const own = join(folder, `archive-${seed}`);
	mkdirSync(join(own, "tmp"), { recursive: true });
	const archived = await archiveOf(name, folder);
	const { how, bytes } = await wrongArchive(archived, name, folder, own, c, next);
	const path = join(own, `${name}.tgz`);
	writeFileSync(path, bytes);
	const out = join(own, "out");
	if (c.chance(0.5)) cpSync(await datasetBefore(folder), out, { recursive: true });
	const before = existsSync(out) ? digests(out) : {};
	const memory = join(own, "memory");
	let run: Run | null = null;
	let what: string | null = null;
	try {
		const env = {
			...process.env,
			TMPDIR: join(own, "tmp"),
			NODE_OPTIONS: `--require ${memoryHook(folder)}`,
			POWERKI_FUZZ_MEMORY: memory,
		};
		run = await powerki(["collect", path, "--out", out], { timeout: TIMEOUT, env });
		what = await judged(run, own, path, out, before);
	} catch (error) {
		what = (error as Error).stack ?? String(error);
	}
	const held = existsSync(memory) ? Number(readFileSync(memory, "utf8")) / 1024 : 0;
	if (held > MEMORY) what ??= `held ${held.toFixed(0)} MiB`;
	if (what === null) rmSync(own, { recursive: true });
	return {
		finding: what === null ? null : { seed, trace: `${name}, ${how}`, what },
		refused: run?.code === 3,
		memory: held,
	};
}

async function judged(
	run: Run,
	own: string,
	path: string,
	out: string,
	before: Readonly<Record<string, string>>,
): Promise<string | null> {
	if (run.code === null || ![0, 3, 4].includes(run.code))
		return `ended with ${run.code ?? run.signal}: ${run.stderr.slice(0, 800)}`;
	const allowed = new Set(["memory", "out", "tmp", path.slice(own.length + 1)]);
	const strange = readdirSync(own).filter((n) => !allowed.has(n));
	if (strange.length > 0) return `wrote beside the dataset: ${strange.join(", ")}`;
	if (filesUnder(join(own, "tmp")).length > 0) return "left temporary files";
	if (existsSync("/tmp/evil")) return "wrote to /tmp";
	const now = existsSync(out) ? digests(out) : {};
	if (run.code === 3) {
		if (!run.stderr.startsWith("error: ")) return `refused without a reason: ${run.stderr}`;
		return JSON.stringify(now) === JSON.stringify(before) ? null : "refused, but the dataset is another";
	}
	const hidden = Object.keys(now).filter((f) => f.startsWith("."));
	if (hidden.length > 0) return `left ${hidden.slice(0, 3).join(", ")}`;
	for (const [f, digest] of Object.entries(before))
		if (f !== "open.sql" && now[f] !== digest) return `changed ${f} of another trace`;
	return incomplete(out);
}

/** Every table answers, and has the rows that its manifests say. */
async function incomplete(out: string): Promise<string | null> {
	const d = await openDataset(out);
	try {
		const told = new Map<string, Map<string, number>>();
		for (const m of d.manifests)
			for (const [table, { rows }] of Object.entries(m.tables))
				told.set(table, (told.get(table) ?? new Map()).set(m.trace, rows));
		for (const [table, traces] of told) {
			const rows = await d.rows(`SELECT trace, count(*) AS n FROM ${quoteIdentifier(table)} GROUP BY trace`);
			const found = new Map(rows.map((r) => [String(r.trace), Number(r.n)]));
			for (const [trace, n] of traces)
				if ((found.get(trace) ?? 0) !== n) return `${table}: ${found.get(trace)} rows of ${n}`;
		}
		for (const { view_name } of await d.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal"))
			await d.rows(`SELECT count(*) AS n FROM ${quoteIdentifier(String(view_name))}`);
		return null;
	} finally {
		d.close();
	}
}
