/** What lies beside the captures of perf: the kernel's symbols of the guests, and what their own perf printed. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ZSTDDecoder } from "zstddec";
import { cacheFolder } from "../../support/cache.ts";
import { bundledRoot, perfTraces, type TestTrace } from "../../support/traces.ts";

/** Name of a capture without the folder of all of them. */
export const short = (trace: TestTrace): string => basename(trace.name);

/** The captures in order of their names. */
export const captures: readonly TestTrace[] = await perfTraces();

const decoder = new ZSTDDecoder();
await decoder.init();

const unpacked = (file: string): Buffer => Buffer.from(decoder.decode(readFileSync(file)));

/** A text beside a capture, packed or not; null where there is none. */
export function besideText(trace: TestTrace, file: string): string | null {
	const path = join(trace.folder, file);
	if (existsSync(path)) return readFileSync(path, "latin1");
	return existsSync(`${path}.zst`) ? unpacked(`${path}.zst`).toString("latin1") : null;
}

/** Lines of truth.jsonl, what the workloads counted themselves. */
export function truths<T>(trace: TestTrace): readonly T[] {
	return (besideText(trace, "truth.jsonl") ?? "")
		.split("\n")
		.filter((l) => l !== "")
		.map((l) => JSON.parse(l) as T);
}

/** /proc/kallsyms of a capture's kernel, as a trace of the same guest carries it; null where none does. */
export function kallsyms(trace: TestTrace): string | null {
	const guest = { "6.12": "6.12-4k-mixed", "7.2-": "7.x-mixed" }[short(trace).slice(0, 4)];
	if (guest === undefined) return null;
	const packed = join(bundledRoot, guest, "side", "kallsyms.zst");
	if (!existsSync(packed)) return null;
	const path = join(cacheFolder(), "kallsyms", guest, "kallsyms");
	if (!existsSync(path)) {
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(`${path}.${process.pid}`, unpacked(packed));
		renameSync(`${path}.${process.pid}`, path);
	}
	return path;
}

/** pk_chains and pk_chains_dyn of the POWER guests, by the names under which the captures map them. */
export function program(name: "pk_chains" | "pk_chains_dyn"): string {
	const path = join(cacheFolder(), "perf-programs", name);
	if (!existsSync(path)) {
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(
			`${path}.${process.pid}`,
			unpacked(join(bundledRoot, "perf", "bin", `${name}.ppc64le.zst`)),
		);
		renameSync(`${path}.${process.pid}`, path);
	}
	return path;
}

/**
 * Options of collect that bring all symbols there are: some captures have no build-ids, their programs are found by
 * name alone.
 */
export function withSymbols(trace: TestTrace): readonly string[] {
	program("pk_chains_dyn");
	const kernel = kallsyms(trace);
	return ["--symbols", dirname(program("pk_chains")), ...(kernel === null ? [] : ["--side", kernel])];
}
