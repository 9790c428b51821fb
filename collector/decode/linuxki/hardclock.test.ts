import { describe, expect, it } from "vitest";
import { AddressSpaces } from "../../identity/address-space.ts";
import { KernelSymbols } from "../../identity/kallsyms.ts";
import { StackTable } from "../../identity/stacks.ts";
import type { Pipeline } from "../../pipeline.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import { Hardclocks } from "./hardclock.ts";
import { LikiStacks } from "./stacks.ts";

const KERNEL = 0xffff_ffff_ffff_ff80n;
const USER = 0xffff_ffff_ffff_fe00n;

const entryX86 = 0xffff_ffff_8100_1010n;
const decrementer = 0xc000_0000_0000_1010n;
const read = 0xffff_ffff_8100_2010n;
const kallsyms = KernelSymbols.parse(
	Buffer.from(`c000000000001000 T decrementer_common_virt
c000000000002000 T end
ffffffff81001000 T asm_sysvec_apic_timer_interrupt
ffffffff81002000 T vfs_read
ffffffff81003000 T end
`),
);
/** Above 2^31 in both halves' sense: the halves are signed. */
const leaf = 0x7f85_f069_51f5n;

interface Sampled {
	readonly ns: number | null;
	readonly period: number | null;
	readonly mode: string | null;
	readonly ip: bigint | null;
	readonly kernel: boolean;
	readonly user: boolean;
}

function setup({ arch = "x86_64", symbols = kallsyms } = {}) {
	const memory = new RecordMemory(new ArrayBuffer(4096), true);
	const texts: string[] = [];
	const rows: (Sampled & { event: string; cpu: number; ts: number; utid: number; of: string })[] = [];
	const known = (value: number) => (Number.isNaN(value) ? null : value);
	const pipeline = {
		strings: { code: (text: string) => texts.push(text) - 1 },
		sample(row: Parameters<Pipeline["sample"]>[0], of: string) {
			rows.push({
				of,
				ts: row.ts,
				cpu: row.cpu,
				utid: row.utid,
				event: texts[row.event]!,
				ns: known(row.ns),
				period: known(row.period),
				mode: texts[row.mode] ?? null,
				ip: Number.isNaN(row.ip_hi) ? null : (BigInt(row.ip_hi) << 32n) | BigInt(row.ip_lo >>> 0),
				kernel: !Number.isNaN(row.stack_id),
				user: !Number.isNaN(row.user_stack_id),
			});
		},
	} as unknown as Pipeline;
	const stacks = new LikiStacks({
		memory,
		arch,
		stacks: new StackTable(memory),
		spaces: new AddressSpaces(),
		kernelSymbols: () => symbols,
	});
	const place = { preemptCountAt: 0, stack: { at: 8, form: "counted" } } as const;
	const clocks = new Hardclocks({ pipeline, stacks, memory, place });
	return {
		clocks,
		rows,
		on(words: readonly bigint[], { preempt = 0, ts = 1000, cpu = 0, utid = 5 } = {}) {
			memory.view.setInt32(64, preempt, true);
			for (const [k, word] of [BigInt(words.length), ...words].entries())
				memory.view.setBigUint64(72 + 8 * k, word, true);
			clocks.on(64, 80 + 8 * words.length, ts, cpu, utid, 7);
			return rows.at(-1)!;
		},
	};
}

describe("a hardclock", () => {
	it("is a row of cpu_sample", () => {
		expect(setup().on([USER, leaf], { preempt: -1, ts: 1234, cpu: 3, utid: 9 })).toEqual({
			of: "hardclock",
			event: "hardclock",
			ts: 1234,
			cpu: 3,
			utid: 9,
			ns: null,
			period: null,
			mode: "user",
			ip: leaf,
			kernel: false,
			user: true,
		});
	});

	it("was in user code where an interrupt alone is its kernel part", () => {
		expect(setup().on([KERNEL, entryX86, USER, leaf])).toMatchObject({
			mode: "user",
			ip: leaf,
			kernel: false,
		});
		expect(setup({ arch: "ppc64le" }).on([KERNEL, decrementer, USER, leaf, 0n, leaf])).toMatchObject({
			mode: "user",
			// the link register is no instruction
			ip: null,
			user: true,
		});
	});

	it("was in the kernel where something is left below the interrupt", () => {
		expect(setup().on([KERNEL, entryX86, read, USER, leaf])).toMatchObject({
			mode: "kernel",
			ip: null,
			kernel: true,
			user: true,
		});
	});

	it("of the idle thread is kernel time, with or without a stack", () => {
		expect(setup().on([], { utid: 0 })).toMatchObject({ mode: "kernel", kernel: false, user: false });
		expect(setup().on([KERNEL, entryX86], { utid: 0 }).mode).toBe("kernel");
	});

	it("without any stack was in user code if the module says so, and is unknown otherwise", () => {
		expect(setup().on([], { preempt: -1 })).toMatchObject({ mode: "user", ip: null });
		expect(setup().on([], { preempt: 1 }).mode).toBeNull();
	});

	it("without kernel symbols is in the kernel for sure only where there is no user code below", () => {
		const { on } = setup({ symbols: KernelSymbols.parse(Buffer.alloc(0)) });
		expect(on([KERNEL, entryX86, USER, leaf]).mode).toBeNull();
		expect(on([KERNEL, read]).mode).toBe("kernel");
		expect(on([USER, leaf], { preempt: -1 }).mode).toBe("user");
	});
});

describe("what a hardclock stands for", () => {
	it("is the time since the one before on its CPU", () => {
		const { on } = setup();
		const ns = [
			on([], { ts: 1000, cpu: 0 }),
			on([], { ts: 1500, cpu: 200 }),
			on([], { ts: 17_000, cpu: 0 }),
			on([], { ts: 19_500, cpu: 200 }),
			on([], { ts: 25_000, cpu: 0 }),
		].map((row) => [row.ns, row.period]);
		expect(ns).toEqual([
			[null, null],
			[null, null],
			[16_000, 16_000],
			[18_000, 18_000],
			[8000, 8000],
		]);
	});

	it("is the time that was seen of the CPU, at its start and after a loss", () => {
		const { on, clocks } = setup();
		clocks.seenFrom(0, 400);
		clocks.seenFrom(-1, 400);
		clocks.seenFrom(99_999, 400);
		expect(on([], { ts: 1000, cpu: 0 }).ns).toBe(600);
		on([], { ts: 1000, cpu: 1 });
		clocks.seenFrom(0, 8500);
		expect(on([], { ts: 9000, cpu: 0 }).ns).toBe(500);
		expect(on([], { ts: 9000, cpu: 1 }).ns).toBe(8000);
		expect(on([], { ts: 12_000, cpu: 0 }).ns).toBe(3000);
	});

	it("is not known for times that step back, and for CPUs that no machine has", () => {
		const { on } = setup();
		on([], { ts: 9000 });
		expect(on([], { ts: 8000 }).ns).toBeNull();
		for (const cpu of [-1, 2_000_000_000]) {
			on([], { ts: 1, cpu });
			expect(on([], { ts: 2, cpu }).ns).toBeNull();
		}
	});
});
