/** Inputs that are no trace, and places that are no dataset. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { exitCode } from "../../lib/schema/errors.ts";
import { powerki, type Run } from "../support/cli.ts";
import { random } from "../support/random.ts";
import { digests, filesUnder, scratch } from "../support/scratch.ts";
import { bundledTrace } from "../support/traces.ts";

const folder = scratch();
const small = bundledTrace("variants/v7-zlib").path;
const large = bundledTrace("6.12-4k-mixed").path;

function file(name: string, content: string | Uint8Array): string {
	const path = join(folder, name);
	writeFileSync(path, content);
	return path;
}

/** An error as users see it: what happened, on standard error, no stack trace of ours. */
function expectError(run: Run, code: number): void {
	expect([run.code, run.stderr]).toEqual([code, expect.stringMatching(/^error: .+/)]);
	expect(run.stderr).not.toMatch(/internal|\n\s+at /);
	expect(run.stdout).toBe("");
}

describe("collect and info refuse what is no trace with exit 3", () => {
	const bytes = new Uint8Array(10_000);
	const next = random(1);
	for (let i = 0; i < bytes.length; i++) bytes[i] = next() * 256;
	const inputs: Record<string, () => string> = {
		"a missing file": () => join(folder, "missing.dat"),
		"a file without bytes": () => file("empty.dat", ""),
		"a text": () => file("notes.txt", "trace.dat is on the other machine\n"),
		"unknown bytes": () => file("unknown.bin", bytes),
		"only the magic of trace.dat": () =>
			file("magic.dat", Uint8Array.of(0x17, 0x08, 0x44, ...Buffer.from("tracing"))),
		"a folder without traces": () => {
			mkdirSync(join(folder, "empty"), { recursive: true });
			return join(folder, "empty");
		},
	};
	for (const [what, input] of Object.entries(inputs)) {
		it(`collect: ${what}`, async () => {
			const out = join(folder, "refused");
			expectError(await powerki(["collect", input(), "--out", out]), exitCode.unreadable);
			expect(existsSync(out) ? filesUnder(out) : []).toEqual([]);
		});
		it(`info: ${what}`, async () => {
			expectError(await powerki(["info", input()]), exitCode.unreadable);
		});
	}
});

describe("collect says with exit 5 where it cannot write", () => {
	it("the dataset is a file", async () => {
		expectError(await powerki(["collect", small, "--out", file("occupied", "x")]), exitCode.environment);
	});

	const mounts: string[] = [];
	afterAll(() => {
		for (const m of mounts) spawnSync("umount", [m]);
	});
	function mount(name: string, options: string): string | null {
		const path = join(folder, name);
		mkdirSync(path, { recursive: true });
		const done = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
		if (done.status !== 0) return null;
		mounts.push(path);
		return path;
	}

	it("the disk is full: nothing is left behind, the dataset is as it was", async (context) => {
		const disk = mount("full", "size=400k");
		if (disk === null) return context.skip("needs the right to mount");
		const out = join(disk, "dataset");
		expect((await powerki(["collect", small, "--out", out])).code).toBe(0);
		const before = digests(out);
		expectError(await powerki(["collect", large, "--out", out]), exitCode.environment);
		expect(digests(out)).toEqual(before);
	});

	it("no permission", async (context) => {
		const root = process.getuid?.() === 0;
		const place = root ? mount("readonly", "ro") : join(folder, "closed");
		if (place === null) return context.skip("needs the right to mount");
		if (!root) {
			mkdirSync(place);
			chmodSync(place, 0o555);
		}
		expectError(await powerki(["collect", small, "--out", join(place, "dataset")]), exitCode.environment);
	});
});

it("--strict keeps nothing of a damaged trace", async () => {
	const { readFileSync } = await import("node:fs");
	const bytes = readFileSync(bundledTrace("variants/v6").path);
	const cut = file("cut.dat", bytes.subarray(0, bytes.length - 20_000));
	const out = join(folder, "strict");
	expectError(await powerki(["collect", cut, "--out", out, "--strict"]), exitCode.damaged);
	expect(existsSync(out) ? filesUnder(out) : []).toEqual([]);
});
