/** Mutated traces: whatever the bytes are, collect ends with 0, 3 or 4, says why, and does not hang. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { powerki } from "../support/cli.ts";
import { random } from "../support/random.ts";
import { bundledTrace } from "../support/traces.ts";

const seeds = [
	"variants/v6",
	"variants/v7-none",
	"variants/v7-zlib",
	"variants/instance",
	"variants/proc-map",
];

/** Values that length and offset fields do not expect. */
const nasty = [0, 1, 0x7f, 0x80, 0xff];

/** A copy of the bytes with a few of them changed; the same for the same seed. */
export function mutated(bytes: Buffer, seed: number): Buffer {
	const next = random(seed);
	let out = Buffer.from(bytes);
	const edits = 1 + Math.floor(next() * 8);
	for (let i = 0; i < edits; i++) {
		// half of the edits in the first part, where headers, formats and options are
		const at = Math.floor(next() * (next() < 0.5 ? Math.min(out.length, 20_000) : out.length));
		switch (Math.floor(next() * 5)) {
			case 0:
				out[at] = nasty[Math.floor(next() * nasty.length)]!;
				break;
			case 1:
				out[at] ^= 1 << Math.floor(next() * 8);
				break;
			case 2:
				for (let k = 0; k < 8 && at + k < out.length; k++) out[at + k] = next() < 0.5 ? 0xff : 0;
				break;
			case 3: {
				const n = 1 + Math.floor(next() * 64);
				out = Buffer.concat([out.subarray(0, at), out.subarray(at + n)]);
				break;
			}
			default: {
				const n = 1 + Math.floor(next() * 64);
				out = Buffer.concat([out.subarray(0, at), out.subarray(at, at + n), out.subarray(at)]);
			}
		}
	}
	return out;
}

export interface Finding {
	readonly seed: number;
	readonly trace: string;
	readonly what: string;
}

/** One mutation; null where powerki behaved. */
export async function tryMutation(folder: string, seed: number): Promise<Finding | null> {
	const trace = seeds[seed % seeds.length]!;
	const path = join(folder, `mutated-${seed}.dat`);
	const out = join(folder, `out-${seed}`);
	writeFileSync(path, mutated(readFileSync(bundledTrace(trace).path), seed));
	let what: string | null = null;
	try {
		const run = await powerki(["collect", path, "--out", out], { timeout: 60_000 });
		if (run.code === null || ![0, 3, 4].includes(run.code))
			what = `ended with ${run.code ?? run.signal}: ${run.stderr.slice(0, 600)}`;
		else if (run.code === 3 && !run.stderr.startsWith("error: "))
			what = `refused without a reason: ${run.stderr}`;
	} catch (error) {
		what = (error as Error).message;
	}
	if (what === null) rmSync(path);
	rmSync(out, { recursive: true, force: true });
	return what === null ? null : { seed, trace, what };
}
