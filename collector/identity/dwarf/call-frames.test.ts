import { expect, test } from "vitest";
import { openCallFrames } from "./call-frames.ts";
import {
	bytes,
	commonEntry,
	EM_PPC64,
	elfOf,
	frameEntry,
	sized,
	sleb,
	text,
	u8,
	u16,
	u32,
	u64,
	uleb,
} from "./testing.ts";

/** Begin of .eh_frame of a program for ppc64le (gcc 12, address 0x2f40): a common entry and four functions. */
const ehFrame = Buffer.from(
	[
		"1000000000000000017a5200047841011b0c010014000000180000003cfaffff9000000000420941",
		"004206411000000030000000ace4ffff64000000000000001c0000004400000008e5ffff38000000",
		"00450e2011417e420e004306410000001c0000006400000028e5ffff3800000000450e2011417e42",
		"0e00430641000000",
	].join(""),
	"hex",
);
const power = openCallFrames(elfOf({ ".eh_frame": { bytes: ehFrame, address: 0x2f40 } }, EM_PPC64))!;

/** Memory where each word holds its own address + 1. */
const memory = (address: bigint) => address + 1n;
const registers = (values: Record<number, bigint>) =>
	new Map(Object.entries(values).map(([number, value]) => [Number(number), value]));

test("a function of POWER saves the return address and makes its frame at the instructions that gcc states", () => {
	// as readelf --debug-dump=frames-interp prints the rows of 14d0..1508
	const row = (address: number) => power.stateAt(address);
	expect(row(0x14d0)).toEqual({ saved: false, frame: false });
	expect(row(0x14e0)).toEqual({ saved: false, frame: false });
	expect(row(0x14e4)).toEqual({ saved: true, frame: true });
	expect(row(0x14ec)).toEqual({ saved: true, frame: false });
	expect(row(0x14f8)).toEqual({ saved: false, frame: false });
});

test("addresses outside of the entries have no state", () => {
	expect(power.stateAt(0x1508)).toBeNull();
	expect(power.stateAt(0)).toBeNull();
	expect(power.step(0x1508, registers({ 1: 0x1000n, 65: 5n }), memory)).toBeNull();
});

test("with a frame, the caller of a POWER function comes from 16 above its r1", () => {
	const caller = power.step(0x14e4, registers({ 1: 0x1000n, 31: 7n, 65: 5n }), memory)!;
	expect(caller.cfa).toBe(0x1020n);
	expect(caller.returnAddress).toBe(0x1031n);
	expect(caller.registers.get(1)).toBe(0x1020n);
	expect(caller.registers.get(65)).toBe(0x1031n);
	expect(caller.registers.get(31)).toBe(7n);
});

test("a leaf function returns by its link register; r0 holds it where the entry says so", () => {
	expect(power.step(0x14d0, registers({ 1: 0x1000n, 65: 5n }), memory)!.returnAddress).toBe(5n);
	// mflr r0 between 29a0 and 29a8
	expect(power.step(0x29a0, registers({ 0: 9n, 1: 0x1000n, 65: 5n }), memory)!.returnAddress).toBe(9n);
});

const x86 = (...entries: Buffer[]) =>
	openCallFrames(elfOf({ ".debug_frame": bytes(commonEntry(62), ...entries) }))!;

test("x86_64: the frame pointer, saved registers, and the state before an early return", () => {
	const frames = x86(
		frameEntry(
			0x1000,
			0x40,
			u8(0x41, 0x0e, 16, 0x86, 2), // push rbp: advance 1, def_cfa_offset 16, rbp at cfa-16
			u8(0x43, 0x0d, 6), // mov rsp, rbp: advance 3, def_cfa_register rbp
			u8(0x4c, 0x0a), // remember_state
			u8(0xc6, 0x0c, 7, 8), // restore rbp, def_cfa rsp 8
			u8(0x41, 0x0b), // restore_state
		),
	);
	const step = (address: number) =>
		frames.step(address, registers({ 3: 33n, 6: 0x2000n, 7: 0x1000n }), memory)!;
	expect(step(0x1000).cfa).toBe(0x1008n);
	expect(step(0x1001).registers.get(6)).toBe(0x1001n);
	expect(step(0x1004).cfa).toBe(0x2010n);
	expect(step(0x1004).returnAddress).toBe(0x2009n);
	expect(step(0x1004).registers.get(3)).toBe(33n);
	expect(step(0x1004).registers.get(7)).toBe(0x2010n);
	expect(step(0x1010).cfa).toBe(0x1008n);
	expect(step(0x1010).registers.get(6)).toBe(0x2000n);
	expect(step(0x1011).cfa).toBe(0x2010n);
	expect(step(0x103f).cfa).toBe(0x2010n);
});

test("x86_64: the expression of the linker's call stubs", () => {
	// rsp + 8 + ((rip & 15) >= 11) * 8
	const plt = u8(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22);
	const frames = x86(frameEntry(0x1020, 0x100, u8(0x0f), uleb(plt.length), plt));
	const cfa = (pc: bigint) => frames.step(0x1030, registers({ 7: 0x5000n, 16: pc }), memory)?.cfa;
	expect(cfa(0x103an)).toBe(0x5008n);
	expect(cfa(0x103bn)).toBe(0x5010n);
});

test("values of registers by offset and by expression, in memory and themselves", () => {
	const frames = x86(
		frameEntry(
			0x1000,
			0x10,
			u8(0x14, 3, 2), // val_offset rbx: cfa - 16
			u8(0x10, 12, 2, 0x77, 0x10), // expression r12: [rsp + 16]
			u8(0x16, 13, 2, 0x08, 77), // val_expression r13: 77
			u8(0x09, 14, 0), // register r14: in rax
			u8(0x07, 15), // undefined r15
			u8(0x2f, 6, 1), // GNU_negative_offset_extended rbp
			u8(0x2e, 32), // GNU_args_size
		),
	);
	const { registers: caller } = frames.step(0x1000, registers({ 0: 5n, 7: 0x1000n, 15: 1n }), memory)!;
	expect(caller.get(3)).toBe(0xff8n);
	expect(caller.get(12)).toBe(0x1011n);
	expect(caller.get(13)).toBe(77n);
	expect(caller.get(14)).toBe(5n);
	expect(caller.has(15)).toBe(false);
	expect(caller.get(6)).toBe(0x1011n);
});

test("the outermost frame has no return address", () => {
	const frames = x86(frameEntry(0x1000, 0x10, u8(0x07, 16)));
	expect(frames.step(0x1000, registers({ 7: 0x1000n }), memory)?.returnAddress).toBe(0n);
});

test("unknown memory and unknown registers give no caller", () => {
	const frames = x86(frameEntry(0x1000, 0x10, u8(0x0d, 6)));
	expect(frames.step(0x1000, registers({ 7: 0x1000n }), memory)).toBeNull();
	expect(frames.step(0x1000, registers({ 6: 0x1000n }), () => null)).toBeNull();
	expect(frames.step(0x1000, registers({ 6: 0x1000n }), memory)).not.toBeNull();
});

/** .eh_frame at 0x2000: augmentation zRS with 32-bit addresses relative to their place, one function at 0x1000. */
function signalFrame(): Buffer {
	const common = sized(
		u32(0),
		u8(1),
		text("zRS"),
		uleb(1),
		sleb(-8),
		u8(16),
		uleb(1),
		u8(0x1b),
		u8(0x0c, 7, 8, 0x90, 1),
	);
	const at = common.length + 8;
	return bytes(
		common,
		sized(u32(common.length + 4), u32(0x1000 - (0x2000 + at)), u32(0x20), uleb(0)),
		u32(0),
	);
}

test("signal frames are told", () => {
	const frames = openCallFrames(elfOf({ ".eh_frame": { bytes: signalFrame(), address: 0x2000 } }))!;
	expect(frames.step(0x1010, registers({ 7: 0x1000n }), memory)).toMatchObject({
		signal: true,
		cfa: 0x1008n,
	});
	expect(x86(frameEntry(0, 4)).step(0, registers({ 7: 8n }), memory)).toMatchObject({ signal: false });
});

test("the trampoline of powerpc has the interrupted address in column 67", () => {
	const common = sized(
		u32(0xffffffff),
		u8(3),
		text(""),
		uleb(4),
		sleb(-8),
		uleb(67),
		// r1, and the CFA, as saved at 8; the interrupted address at 16, its link register at 24
		u8(0x0f, 3, 0x71, 8, 0x06),
		u8(0x10, 1, 2, 0x71, 8),
		u8(0x10, 65, 2, 0x71, 24),
		u8(0x10, 67, 2, 0x71, 16),
	);
	const frames = openCallFrames(elfOf({ ".debug_frame": bytes(common, frameEntry(0x1000, 16)) }, EM_PPC64))!;
	const caller = frames.step(0x1004, registers({ 1: 0x7000n, 65: 5n }), memory)!;
	expect(caller.cfa).toBe(0x7009n);
	expect(caller.returnAddress).toBe(0x7011n);
	expect(caller.registers.get(1)).toBe(0x7009n);
	expect(caller.registers.get(65)).toBe(0x7019n);
});

test("a search table finds the entry, and a wrong one does not hide it", () => {
	const section = signalFrame();
	const entry = section.readUInt32LE(0) + 4;
	const table = (place: number) =>
		bytes(u8(1, 0x1b, 0x03, 0x3b), u32(0), u32(1), u32(0x1000 - 0x3000), u32(0x2000 + place - 0x3000));
	for (const place of [entry, entry + 2, 0x7fffffff]) {
		const frames = openCallFrames(
			elfOf({
				".eh_frame": { bytes: section, address: 0x2000 },
				".eh_frame_hdr": { bytes: table(place), address: 0x3000 },
			}),
		)!;
		expect(frames.stateAt(0x1000)).toEqual({ saved: true, frame: false });
	}
});

test("version 4 states the size of addresses, the 64-bit format has wide offsets", () => {
	const common = bytes(
		u32(0xffffffff),
		u64(24),
		u64(-1n),
		u8(4),
		text(""),
		u8(8, 0),
		uleb(1),
		sleb(-8),
		uleb(16),
		u8(0x0c, 7, 8, 0x90, 1),
		u8(0, 0, 0, 0),
	);
	const entry = bytes(u32(0xffffffff), u64(24), u64(0), u64(0x1000), u64(0x10));
	common.writeUInt32LE(common.length - 12, 4);
	const frames = openCallFrames(elfOf({ ".debug_frame": bytes(common, entry) }))!;
	expect(frames.stateAt(0x100f)).toEqual({ saved: true, frame: false });
	expect(frames.stateAt(0x1010)).toBeNull();
});

test("wide advances and unknown instructions", () => {
	const frames = x86(
		frameEntry(
			0x1000,
			0x20000,
			u8(0x02, 0x80, 0x0e, 16),
			u8(0x03),
			u16(0x1000),
			u8(0x0e, 24),
			u8(0x04),
			u32(0x10000),
			u8(0x3e),
		),
	);
	const cfa = (address: number) => frames.step(address, registers({ 7: 0n }), memory)?.cfa;
	expect([cfa(0x107f), cfa(0x1080), cfa(0x2080), cfa(0x1207f)]).toEqual([8n, 16n, 24n, 24n]);
	expect(cfa(0x12080)).toBeUndefined();
});

test("files for other machines, and without the sections, have no call frames", () => {
	expect(openCallFrames(elfOf({ ".eh_frame": ehFrame }, 3))).toBeNull();
	expect(openCallFrames(elfOf({}))).toBeNull();
});

test("damage gives null, whatever byte it hits", () => {
	for (let at = 0; at < ehFrame.length; at++)
		for (const value of [0, 0x7f, 0x80, 0xff]) {
			const damaged = Buffer.from(ehFrame);
			damaged[at] = value;
			const frames = openCallFrames(elfOf({ ".eh_frame": { bytes: damaged, address: 0x2f40 } }, EM_PPC64))!;
			for (const address of [0x14e4, 0x1510, 0x29a0]) {
				frames.stateAt(address);
				frames.step(address, registers({ 0: 9n, 1: 0x1000n, 65: 5n }), memory);
			}
		}
	for (let length = 0; length < ehFrame.length; length++)
		openCallFrames(
			elfOf({ ".eh_frame": { bytes: ehFrame.subarray(0, length), address: 0x2f40 } }, EM_PPC64),
		)?.stateAt(0x14e4);
});
