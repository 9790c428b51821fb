/**
 * Imports go one way (ARCHITECTURE.md): a room may import any room to its left, and nothing to its right. The
 * collector and the rest of lib never import each other.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");

const topics = ["stacks", "scheduling", "io", "futex", "syscalls"];

/** Left to right. Rooms of one group may import each other only where `among` says so. */
const order: readonly { readonly rooms: readonly string[]; readonly among?: boolean }[] = [
	{ rooms: ["lib/schema", "lib/duckdb"], among: true },
	{ rooms: ["collector"] },
	{ rooms: ["lib/dataset"] },
	{ rooms: topics.map((t) => `lib/${t}`), among: true },
	{ rooms: ["lib/figures", "lib/findings"], among: true },
	{ rooms: ["lib/reports"] },
	{ rooms: ["lib/render", "lib/export", "lib/live"], among: true },
	{ rooms: ["lib/index.ts"] },
	{ rooms: ["kernel"] },
	{ rooms: ["notebooks"] },
	{ rooms: ["powerki.ts"] },
];

const sharedByAll = new Set(["lib/schema", "lib/duckdb"]);

function roomOf(path: string): { room: string; rank: number } | null {
	for (const [rank, { rooms }] of order.entries())
		for (const room of rooms) if (path === room || path.startsWith(`${room}/`)) return { room, rank };
	return null;
}

function sources(folder: string): string[] {
	return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
		.filter((e) => e.isFile() && e.name.endsWith(".ts") && !e.name.endsWith(".test.ts"))
		.map((e) => relative(root, join(e.parentPath, e.name)))
		.filter((p) => !p.includes("stubs/"));
}

const files = ["collector", "lib", "kernel"].flatMap(sources).concat("powerki.ts");

function importsOf(file: string): string[] {
	const text = readFileSync(join(root, file), "utf8");
	const found = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((m) => m[1]!);
	return found.map((f) => relative(root, resolve(root, dirname(file), f)));
}

function allowed(from: string, to: string): boolean {
	const a = roomOf(from);
	const b = roomOf(to);
	if (!a || !b) return false;
	if (a.room === b.room) return true;
	if (a.rank === b.rank) return order[a.rank]!.among === true;
	if (a.rank < b.rank) return false;
	// the collector stands beside lib, not under it
	if (b.room === "collector") return a.room === "kernel" || a.room === "powerki.ts";
	if (a.room === "collector") return sharedByAll.has(b.room);
	return true;
}

test("every source file lies in a room", () => {
	expect(files.filter((f) => roomOf(f) === null && f !== "lib/sql.d.ts")).toEqual([]);
	expect(files.length).toBeGreaterThan(50);
});

test("no import goes to the right", () => {
	const wrong = files.flatMap((file) =>
		importsOf(file)
			.filter((to) => !allowed(file, to))
			.map((to) => `${file} imports ${to}`),
	);
	expect(wrong).toEqual([]);
});

test("the rule refuses what it should", () => {
	expect(allowed("lib/dataset/x.ts", "collector/collect.ts")).toBe(false);
	expect(allowed("collector/collect.ts", "lib/dataset/x.ts")).toBe(false);
	expect(allowed("lib/schema/x.ts", "lib/render/y.ts")).toBe(false);
	expect(allowed("lib/render/x.ts", "lib/reports/y.ts")).toBe(true);
});
