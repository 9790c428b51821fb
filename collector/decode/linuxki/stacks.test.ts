import { describe, expect, it } from "vitest";
import { AddressSpaces } from "../../identity/address-space.ts";
import { KernelSymbols } from "../../identity/kallsyms.ts";
import { StackTable } from "../../identity/stacks.ts";
import { RecordMemory } from "../tracepoint/memory.ts";
import { LikiStacks, mapProcesses } from "./stacks.ts";

const KERNEL = 0xffff_ffff_ffff_ff80n;
const USER = 0xffff_ffff_ffff_fe00n;
const END = 0xffff_ffff_ffff_ffffn;

const kernelNames = [
	"__schedule",
	"schedule",
	"do_nanosleep",
	"__run_timers",
	"run_timer_softirq",
	"handle_softirqs",
	"irq_exit",
	"timer_interrupt",
	"decrementer_common_virt",
	"data_access_common_virt",
	"vfs_read",
	"ksys_read",
	"end_of_text",
];
/** Address behind a call in a kernel function. */
const at = (name: string) => 0xc000_0000_0000_0010n + 0x1000n * BigInt(kernelNames.indexOf(name) + 1);
const probe = 0xc008_0000_0000_0040n;
/** Where no function is. */
const kernelData = 0xc000_0000_1234_5678n;
const kallsyms = KernelSymbols.parse(
	Buffer.from(
		`${kernelNames
			.map((name) => `${(at(name) - 0x10n).toString(16)} T ${name}\n`)
			.join("")}c008000000000000 t sched_switch_trace\t[likit]\nc008000000001000 t cpu_buf_read\t[likit]\n`,
	),
);

const [leaf, mid, outer, main] = [0x1000_1100n, 0x1000_1200n, 0x1000_1300n, 0x1000_1400n];
const data = 0x1010_0000n;
const stackWord = 0x7fff_df5b_0b90n;

/** A program with code at leaf, mid, outer and main. */
function mapWork(spaces: AddressSpaces): void {
	const file = { length: 0x10_0000n, buildId: null, name: "/bin/work" };
	spaces.map(7, { ...file, start: 0x1000_0000n, fileOffset: 0n, executable: true });
	spaces.map(7, { ...file, start: 0x1010_0000n, fileOffset: 0x10_0000n, executable: false });
}

function setup({ arch = "ppc64le", symbols = kallsyms, mapped = true, littleEndian = true } = {}) {
	const memory = new RecordMemory(new ArrayBuffer(8192), littleEndian);
	const stacks = new StackTable(memory);
	const spaces = new AddressSpaces();
	if (mapped) mapWork(spaces);
	const liki = new LikiStacks({ memory, arch, stacks, spaces, kernelSymbols: () => symbols });
	const frames = (id: number) => {
		if (id < 0) return null;
		const rows = stacks.rows({ kernel: null, binaries: null });
		const own = rows.stack.find((s) => s.stack_id === id)!.frames as number[];
		return own.map((f) => BigInt.asUintN(64, rows.frame.find((r) => r.frame_id === f)!.address as bigint));
	};
	const put = (words: readonly bigint[]) => {
		for (const [k, word] of words.entries())
			memory.view.setBigUint64(16 + 8 * k, BigInt.asUintN(64, word), littleEndian);
	};
	const result = () => ({ kernel: frames(liki.kernelId), user: frames(liki.userId) });
	return {
		liki,
		stacks,
		spaces,
		/** A counted stack at byte 16 of the record at 8, which ends behind it. */
		counted(words: readonly bigint[], { count = words.length, bytes = 8 * words.length + 8 } = {}) {
			put([BigInt(count), ...words]);
			liki.read(8, { at: 8, form: "counted" }, 16 + bytes, 7);
			return result();
		},
		sample(words: readonly bigint[]) {
			put([BigInt(words.length), ...words]);
			liki.readSample(8, { at: 8, form: "counted" }, 24 + 8 * words.length, 7);
			return { ...result(), inKernel: liki.inKernel };
		},
		slots(words: readonly bigint[], user: boolean) {
			put([...words, ...Array<bigint>(16 - words.length).fill(END)]);
			liki.read(8, { at: 8, form: "slots" }, 16 + 128, 7, user);
			return result();
		},
	};
}

describe("a stack of LinuxKI's module", () => {
	const user = [USER, leaf, mid];

	it("has a kernel part and a user part, told by markers; either may be missing", () => {
		const x86 = () => setup({ arch: "x86_64" });
		const kernel = [KERNEL, at("schedule"), at("do_nanosleep")];
		expect(x86().counted([...kernel, ...user])).toEqual({ kernel: kernel.slice(1), user: [leaf, mid] });
		expect(x86().counted(kernel)).toEqual({ kernel: kernel.slice(1), user: null });
		expect(x86().counted(user)).toEqual({ kernel: null, user: [leaf, mid] });
		expect(x86().counted([])).toEqual({ kernel: null, user: null });
		expect(x86().counted([KERNEL, USER])).toEqual({ kernel: null, user: null });
	});

	it("is no longer than its record and than the module's arrays, whatever its count says", () => {
		const many = Array.from({ length: 200 }, (_, k) => 0x1000_0000n + BigInt(4 * k));
		const x86 = () => setup({ arch: "x86_64" });
		expect(x86().counted([USER, ...many], { count: 2 }).user).toEqual(many.slice(0, 1));
		expect(x86().counted([USER, ...many]).user).toEqual(many.slice(0, 126));
		expect(x86().counted([USER, ...many], { count: -1 }).user).toHaveLength(126);
		expect(x86().counted([USER, ...many], { bytes: 8 + 8 * 3 + 7 }).user).toEqual(many.slice(0, 2));
		expect(x86().counted([USER, ...many], { bytes: 7 })).toEqual({ kernel: null, user: null });
	});

	it("of versions 1 and 2 is 16 slots without markers, ended by all ones", () => {
		const kernel = [at("schedule"), at("do_nanosleep")];
		const x86 = () => setup({ arch: "x86_64" });
		expect(x86().slots(kernel, false)).toEqual({ kernel, user: null });
		expect(x86().slots([leaf, mid, main], true)).toEqual({ kernel: null, user: [leaf, mid, main] });
		expect(x86().slots(Array<bigint>(16).fill(leaf), true).user).toHaveLength(16);
	});

	it("ends its kernel part at all ones, as kernels before 5.2 put them there", () => {
		expect(
			setup({ arch: "x86_64" }).counted([KERNEL, at("schedule"), END, at("vfs_read"), USER, leaf]),
		).toEqual({ kernel: [at("schedule")], user: [leaf] });
	});

	it("is read in the byte order of the trace", () => {
		const kernel = [at("schedule"), at("do_nanosleep")];
		expect(setup({ littleEndian: false }).counted([KERNEL, ...kernel, USER, leaf])).toEqual({
			kernel,
			user: [leaf],
		});
	});

	it("is one stack, however often it comes", () => {
		const { counted, liki, stacks } = setup();
		const words = [KERNEL, probe, at("__schedule"), USER, leaf, 0n, mid, outer];
		counted(words);
		const { kernelId, userId } = liki;
		counted([KERNEL, at("__schedule"), USER, leaf, stackWord, mid, outer, 0n]);
		counted(words);
		expect([liki.kernelId, liki.userId, stacks.size]).toEqual([kernelId, userId, 2]);
	});

	it("has no frames of the probe that recorded it", () => {
		const { counted } = setup();
		expect(counted([KERNEL, probe, at("__schedule"), at("schedule")]).kernel).toEqual([
			at("__schedule"),
			at("schedule"),
		]);
		const waiting = 0xc008_0000_0000_1040n;
		expect(counted([KERNEL, waiting, at("vfs_read")]).kernel).toEqual([waiting, at("vfs_read")]);
	});
});

describe("a user part on POWER", () => {
	const power = (words: readonly bigint[], mapped = true) => setup({ mapped }).counted([USER, ...words]).user;

	// chains of the capture ppc64le-liki-mixed
	it("is the link register, a word that is never a frame, and the callers", () => {
		expect(power([leaf, 0n, mid, outer, main])).toEqual([leaf, mid, outer, main]);
		expect(power([leaf, stackWord, mid, outer, main, 0n])).toEqual([leaf, mid, outer, main]);
		expect(power([leaf, leaf, mid, outer, main])).toEqual([leaf, mid, outer, main]);
		expect(power([leaf])).toEqual([leaf]);
		expect(power([leaf, 0n])).toEqual([leaf]);
	});

	it("has the link register once, where it was saved already", () => {
		expect(power([mid, 0n, mid, outer, main])).toEqual([mid, outer, main]);
	});

	it("has no link register and no slot1 that lies outside executable memory", () => {
		expect(power([data, 0n, mid, outer])).toEqual([mid, outer]);
		expect(power([stackWord, 0n, mid, outer])).toEqual([mid, outer]);
		expect(power([stackWord, 0n, mid])).toEqual([mid]);
		expect(power([leaf, 0n, stackWord])).toEqual([leaf]);
		expect(power([0n, 0n, mid, outer])).toEqual([mid, outer]);
		expect(power([leaf, 0n, data, outer, main])).toEqual([leaf, outer, main]);
		expect(power([leaf, 0n, stackWord, outer, main])).toEqual([leaf, outer, main]);
		// deeper words are true
		expect(power([leaf, 0n, mid, stackWord, main])).toEqual([leaf, mid, stackWord, main]);
	});

	it("keeps both where nothing is known to be mapped", () => {
		expect(power([stackWord, 0n, mid, outer], false)).toEqual([stackWord, mid, outer]);
		expect(power([leaf, 0n, stackWord, outer], false)).toEqual([leaf, stackWord, outer]);
	});

	it("is judged by the mappings of its time", () => {
		const { counted, spaces } = setup({ mapped: false });
		const words = [USER, data, 0n, mid, outer];
		expect(counted(words).user).toEqual([data, mid, outer]);
		mapWork(spaces);
		expect(counted(words).user).toEqual([mid, outer]);
	});
});

it("a user part elsewhere is taken as it is", () => {
	const words = [leaf, data, stackWord, leaf];
	expect(setup({ arch: "x86_64" }).counted([USER, ...words, 0n]).user).toEqual(words);
});

describe("the kernel part of a hardclock", () => {
	const timer = ["__run_timers", "run_timer_softirq", "handle_softirqs", "irq_exit"].map(at);
	const interrupt = [...timer, at("timer_interrupt"), at("decrementer_common_virt")];

	it("is what the interrupt came upon", () => {
		expect(setup().sample([KERNEL, ...interrupt, USER, leaf, 0n, mid])).toEqual({
			kernel: null,
			user: [leaf, mid],
			inKernel: false,
		});
		expect(setup().sample([KERNEL, ...timer, at("vfs_read"), at("ksys_read")])).toEqual({
			kernel: [at("vfs_read"), at("ksys_read")],
			user: null,
			inKernel: true,
		});
		expect(setup().sample([USER, leaf])).toMatchObject({ kernel: null, inKernel: false });
	});

	it("has on POWER neither slot0 of the interrupted function nor a slot1 that is no function", () => {
		const behind = (...words: bigint[]) => setup().sample([KERNEL, ...interrupt, ...words]);
		expect(behind(0n, at("vfs_read"), at("ksys_read")).kernel).toEqual([at("vfs_read"), at("ksys_read")]);
		expect(behind(at("schedule"), at("vfs_read")).kernel).toEqual([at("vfs_read")]);
		expect(behind(0n, kernelData, at("ksys_read")).kernel).toEqual([at("ksys_read")]);
		expect(behind(0n, 0x50003n, at("ksys_read")).kernel).toEqual([at("ksys_read")]);
		// kernel code was interrupted, though its callers are not known
		expect(behind(at("schedule"))).toEqual({ kernel: null, user: null, inKernel: true });
	});

	it("tells nothing without symbols", () => {
		const { sample } = setup({ symbols: KernelSymbols.parse(Buffer.alloc(0)) });
		expect(sample([KERNEL, ...interrupt, USER, leaf])).toMatchObject({ kernel: interrupt, inKernel: null });
	});

	it("is cut in samples alone: the same words are another stack of an event", () => {
		const { sample, counted } = setup();
		const words = [KERNEL, ...timer, at("vfs_read")];
		expect(sample(words).kernel).toEqual([at("vfs_read")]);
		expect(counted(words).kernel).toEqual(words.slice(1));
		expect(sample(words).kernel).toEqual([at("vfs_read")]);
	});
});

it("a kernel part on POWER has no slot0 behind an exception on the way", () => {
	const chain = [at("__schedule"), at("data_access_common_virt")];
	expect(setup().counted([KERNEL, ...chain, kernelData, at("vfs_read")]).kernel).toEqual([
		...chain,
		at("vfs_read"),
	]);
	expect(setup({ arch: "x86_64" }).counted([KERNEL, ...chain, kernelData, at("vfs_read")]).kernel).toEqual([
		...chain,
		kernelData,
		at("vfs_read"),
	]);
});

it("of several snapshots of a process's mappings the last one counts", () => {
	const spaces = new AddressSpaces();
	const mapping = (name: string) => ({
		start: 0x1000n,
		length: 0x1000n,
		fileOffset: 0n,
		name,
		buildId: null,
		executable: true,
	});
	mapProcesses(
		[
			{ tgid: 7, mapping: mapping("/after"), when: "after" },
			{ tgid: 7, mapping: mapping("/before"), when: "before" },
			{ tgid: 8, mapping: mapping("/before"), when: "before" },
			{ tgid: 9, mapping: mapping("/unknown"), when: "unknown" },
		],
		spaces,
	);
	expect([7, 8, 9, 10].map((tgid) => spaces.of(tgid).find(0x1800, 0)?.name)).toEqual([
		"/after",
		"/before",
		"/unknown",
		undefined,
	]);
});
