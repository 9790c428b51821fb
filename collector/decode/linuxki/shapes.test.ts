import { describe, expect, test } from "vitest";
import { PrevClass, PrevStates } from "../../derive/prev-state.ts";
import { Strings } from "../../write/string-pool.ts";
import { CPU_AT, FLAGS_AT, PID_AT, SCRATCH_AT, TEXT_AT } from "./shape.ts";
import { eventOf, eventsOfMask, type Facts, shapesOf, versions } from "./shapes.ts";
import { type BuiltRecord, fieldsOf, record } from "./testing.ts";

const x86: Facts = { arch: "x86_64", kernel: "6.1.0-56-amd64", hz: 250 };
const NO_SECTOR = 0xffff_ffff_ffff_ffffn;

/** Fields of a record of version 9, written from offset 40 on. */
const read = (id: number, built: ReturnType<typeof record>, version = 9, facts = x86) => {
	const shape = shapesOf(version, facts).shapes[id]!;
	expect(built.end - built.p).toBeGreaterThanOrEqual(shape.bytes);
	return fieldsOf(shape, built);
};

describe("records of version 9", () => {
	test("sched_switch", () => {
		const built = record(
			144,
			[PID_AT, "i32", 211],
			[40, "u64", 7],
			[48, "text", "kimisc"],
			[64, "u64", 0x2001],
			[72, "u64", 16_000_000_000_000n],
			[80, "u64", 0],
			[88, "i32", 120],
			[92, "i32", 311],
			[96, "i32", 310],
			[100, "u32", 1],
			[104, "i32", 98],
			[112, "u64", 588],
			[120, "u64", 64],
			[128, "u64", 5],
			[136, "u64", 0],
		);
		expect(read(1, built)).toEqual({
			prev_comm: "kimisc",
			prev_pid: 211,
			prev_prio: 120,
			prev_state: 0x2001n,
			next_pid: 311,
			next_prio: 98,
			next_tgid: 310,
			next_policy: 1,
			syscallno: 7n,
			// one tick of 4 ms
			irq_time: 4_000_000n,
			softirq_time: 0n,
			stealtime: 5n,
			total_vm: 588n,
			total_rss: 64n,
		});
		expect(shapesOf(9, x86).shapes[1]!.stack).toEqual({ at: 136, form: "counted" });
	});

	test("sched_wakeup, sched_migrate_task", () => {
		const four = [40, 44, 48, 52].map((at, k) => [at, "i32", k + 1] as const);
		expect(read(2, record(56, ...four))).toEqual({ pid: 1, prio: 2, target_cpu: 3, success: 4 });
		expect(read(14, record(64, ...four))).toEqual({ pid: 1, prio: 2, orig_cpu: 3, dest_cpu: 4 });
		expect(shapesOf(9, x86).shapes[14]!.stack).toEqual({ at: 56, form: "counted" });
	});

	test("requests: dev has 4 bytes, what is behind it is stale", () => {
		const dev = (254 << 20) | 2;
		const head = [
			[40, "u32", dev],
			[48, "u64", NO_SECTOR],
			[56, "u64", 0x4_0002],
		] as const;
		const flush = { dev, sector: NO_SECTOR, nr_sector: 0, bytes: 0, rwbs: "FF", cmd_flags: 0x4_0002n };
		expect(read(3, record(88, ...head, [64, "u32", 0], [68, "u32", 0]))).toEqual(flush);
		expect(read(4, record(96, ...head, [64, "u64", 7], [72, "u32", 0], [76, "u32", 0]))).toEqual({
			...flush,
			start_time_ns: 7n,
		});
		const sizes = [
			[64, "u64", 7],
			[72, "u64", 8],
			[80, "u32", 16],
			[84, "u32", 8192],
		] as const;
		const complete = { ...flush, nr_sector: 16, bytes: 8192, start_time_ns: 7n, io_start_time_ns: 8n };
		expect(read(5, record(104, ...head, ...sizes))).toEqual(complete);
		const { bytes: _bytes, ...requeue } = complete;
		expect(read(6, record(104, ...head, ...sizes))).toEqual(requeue);
		expect(read(7, record(104, ...head, ...sizes))).toEqual(requeue);
	});

	test("sys_enter and sys_exit", () => {
		const args = [48, 56, 64, 72, 80, 88].map((at, k) => [at, "u64", k - 1] as const);
		const built = record(96, [TEXT_AT, "u32", 0], [40, "i32", 202], [44, "i32", 0], ...args);
		expect(read(9, built)).toEqual({
			id: 202,
			args: [NO_SECTOR, 0n, 1n, 2n, 3n, 4n],
			path: null,
			is32bit: 0,
		});
		expect(read(10, record(56, [40, "i32", 0], [44, "i32", 1], [48, "u64", -11]))).toEqual({
			id: 0,
			ret: -11n,
			is32bit: 1,
		});
	});

	test("power: idle states are cpu_idle, in one format", () => {
		const { shapes } = shapesOf(9, x86);
		expect(shapes[11]!.format).toBe(shapes[12]!.format);
		expect(read(11, record(56, [CPU_AT, "i32", 3], [40, "u64", 0], [48, "u64", 2]))).toEqual({
			state: 2,
			cpu_id: 3,
		});
		expect(read(12, record(40, [CPU_AT, "i32", 3]))).toEqual({ state: 4_294_967_295, cpu_id: 3 });
		expect(read(13, record(64, [40, "u64", 1], [48, "u64", 3_400_000], [56, "u64", 5]))).toEqual({
			state: 3_400_000n,
			cpu_id: 5n,
		});
	});

	test("interrupts", () => {
		expect(read(15, record(64, [40, "i32", 26], [44, "text", "virtio2-req.1"]))).toEqual({
			irq: 26,
			name: "virtio2-req.1",
		});
		// 16 characters: no NUL behind
		expect(read(15, record(64, [40, "i32", 26], [44, "text", "virtio2-request-queue"])).name).toBe(
			"virtio2-request-",
		);
		expect(read(16, record(48, [40, "i32", 26], [44, "i32", 1]))).toEqual({ irq: 26, ret: 1 });
		for (const id of [17, 18]) expect(read(id, record(48, [40, "i32", 7]))).toEqual({ vec: 7 });
		expect(read(19, record(64, [40, "i32", 1], [44, "text", "TIMER"]))).toEqual({ vec: 1, name: "TIMER" });
		for (const id of [24, 25, 34, 35])
			expect(read(id, record(48, [40, "i32", 251]))).toEqual({ vector: 251 });
		expect(read(29, record(64, [40, "u64", 1], [48, "u64", 2], [56, "u64", 3]))).toEqual({
			hi: 1n,
			function: 2n,
			arg: 3n,
		});
	});

	test("scsi commands", () => {
		const words = [40, 44, 48, 52, 56, 60, 64, 68];
		const command = [0x28, 0, 0, 0, 0x2c, 0xd8, 0, 0, 8, 0];
		const values = [1, 0, 2, 3, 0x28, 10, 4, 5];
		const start = words.map((at, k) => [at, "u32", values[k]] as const);
		expect(read(20, record(96, ...start, [72, "u8", 6], [73, "bytes", command]))).toEqual({
			host_no: 1,
			channel: 0,
			id: 2,
			lun: 3,
			opcode: 0x28,
			cmd_len: 10,
			data_sglen: 4,
			prot_sglen: 5,
			prot_op: 6,
			cmnd: "280000002cd800000800",
		});
		const doneValues = [1, 0, 2, 3, -5, 0x28, 10, 4, 5];
		const done = [...words, 72].map((at, k) => [at, "i32", doneValues[k]] as const);
		expect(read(21, record(96, ...done, [76, "u8", 6], [77, "bytes", command]))).toMatchObject({
			result: -5,
			opcode: 0x28,
			cmd_len: 10,
			prot_op: 6,
			cmnd: "280000002cd800000800",
		});
		// a length beyond the record, beyond a locator, or none
		for (const length of [24, 0x1_0010, 0xffff_ffff, 0])
			expect(read(20, record(96, ...start, [60, "u32", length])).cmnd).toBeNull();
		expect(read(20, record(96, ...start, [60, "u32", 23])).cmnd).toHaveLength(46);
	});

	test("memory, page cache, workqueues, sockets", () => {
		expect(read(27, record(56, [40, "u64", 5], [48, "i32", -1]))).toEqual({ function: 5n, cpu: -1 });
		expect(read(28, record(48, [40, "u64", 5]))).toEqual({ function: 5n });
		expect(read(22, record(48, [40, "u64", 9]))).toEqual({ sk_flags: 9n });
		expect(read(26, record(56, [40, "u64", 1], [48, "u64", 2]))).toEqual({ mm: 1n, address: 2n });
		const cached = [
			[40, "u64", 1],
			[48, "u32", 0x80_0001],
			[56, "u64", 3],
			[64, "u64", 4],
		] as const;
		const page = { page: 1n, i_ino: 3n, index: 4n, s_dev: 0x80_0001 };
		expect(read(30, record(72, ...cached))).toEqual(page);
		expect(read(31, record(80, ...cached))).toEqual(page);
		const alloc = [
			[40, "u64", 1],
			[48, "u32", 2],
			[52, "u32", 3],
			[56, "i32", 4],
		] as const;
		expect(read(32, record(72, ...alloc))).toEqual({ pfn: 1n, order: 2, gfp_flags: 3, migratetype: 4 });
		expect(read(33, record(64, ...alloc))).toEqual({ pfn: 1n, order: 2 });
		const { shapes } = shapesOf(9, x86);
		expect([30, 31, 32, 33].map((id) => shapes[id]!.stack?.at)).toEqual([undefined, 72, 64, 56]);
	});

	test("hardclock and unknown ids have no shape", () => {
		const { shapes, hardclock } = shapesOf(9, x86);
		for (const id of [0, 8, 36, 37, 63]) expect(shapes[id]).toBeUndefined();
		expect(hardclock).toEqual({ preemptCountAt: 40, stack: { at: 48, form: "counted" } });
	});
});

describe("older versions", () => {
	test("7: cmd_flags has 32 bits, all else is version 9", () => {
		const built = record(
			96,
			[40, "u32", 3],
			[48, "u64", 64],
			[56, "u32", 8],
			[60, "u32", 4096],
			[64, "u32", 0],
			[68, "u32", 0x801],
			[72, "u64", 5],
			[80, "u64", 6],
			[88, "i32", 1],
			[92, "i32", 2],
		);
		const expected = {
			dev: 3,
			sector: 64n,
			nr_sector: 8,
			bytes: 4096,
			rwbs: "WS",
			cmd_flags: 0x801,
			start_time_ns: 5n,
			io_start_time_ns: 6n,
		};
		for (const version of [5, 7]) expect(read(5, built, version)).toEqual(expected);
		expect(read(5, built, 7, { ...x86, kernel: "4.4.0" })).toMatchObject({
			cmd_type: 0,
			async_in_flight: 1,
			sync_in_flight: 2,
		});
		const issue = read(4, record(88, [80, "i32", 1], [84, "i32", 2]), 7, { ...x86, kernel: "4.4.0" });
		expect(issue).toMatchObject({ async_in_flight: 1, sync_in_flight: 2 });
		expect(shapesOf(7, x86).shapes[1]).toMatchObject({ bytes: 144, stack: { at: 136 } });
		expect(shapesOf(7, x86).shapes[3]!.bytes).toBe(80);
	});

	test("5: no stealtime", () => {
		const shape = shapesOf(5, x86).shapes[1]!;
		expect(shape.format.fields.map((f) => f.name)).not.toContain("stealtime");
		expect(shape.stack).toEqual({ at: 128, form: "counted" });
		expect(shape.bytes).toBe(136);
	});

	test("3: header of 32 bytes, stacks of 16 words", () => {
		const layout = shapesOf(3, x86);
		expect(layout).toMatchObject({ headerBytes: 32, tgidAt: -1 });
		expect(layout.hardclock).toEqual({ preemptCountAt: 32, stack: { at: 40, form: "slots" } });
		const built = record(
			248,
			[PID_AT, "i32", 9],
			[32, "u64", -1],
			[40, "text", "kworker"],
			[56, "u64", 0x402],
			[64, "u64", 8_000_000],
			[72, "u64", 4_000_000],
			[80, "i32", 120],
			[84, "i32", 10],
			[88, "i32", 11],
			[92, "u32", 0],
			[96, "i32", 100],
			[232, "u64", 588],
			[240, "u64", 64],
		);
		expect(read(1, built, 3)).toEqual({
			prev_comm: "kworker",
			prev_pid: 9,
			prev_prio: 120,
			prev_state: 0x402n,
			next_pid: 10,
			next_prio: 100,
			next_tgid: 11,
			next_policy: 0,
			syscallno: -1n,
			irq_time: 2n,
			softirq_time: 1n,
			total_vm: 588n,
			total_rss: 64n,
		});
		expect(layout.shapes[1]!.stack).toEqual({ at: 104, form: "slots" });
		expect(layout.shapes[14]).toMatchObject({ bytes: 176, stack: { at: 48, form: "slots" } });
		expect(read(14, record(176, [32, "i32", 1], [44, "i32", 4]), 3)).toMatchObject({ pid: 1, dest_cpu: 4 });
		expect(read(11, record(48, [CPU_AT, "i32", 2], [40, "u64", 1]), 3)).toEqual({ state: 1, cpu_id: 2 });
		expect(read(13, record(56, [40, "u64", 800_000], [48, "u64", 3]), 3)).toEqual({
			state: 800_000n,
			cpu_id: 3n,
		});
		expect(
			read(9, record(88, [TEXT_AT, "u32", 0], [32, "i32", 1], [36, "i32", 0], [40, "u64", 3]), 3),
		).toMatchObject({
			id: 1,
			is32bit: 0,
		});
		expect(read(4, record(80, [60, "u32", 0x800], [64, "u64", 5]), 3)).toMatchObject({
			rwbs: "RS",
			start_time_ns: 5n,
		});
		for (const id of [24, 25, 30, 31, 32, 33, 34, 35]) expect(layout.shapes[id]).toBeUndefined();
	});

	test("1: what it lacks has no column", () => {
		const layout = shapesOf(1, { ...x86, kernel: "4.4.0" });
		const built = record(
			216,
			[PID_AT, "i32", 9],
			[32, "u64", 230],
			[40, "text", "a"],
			[56, "u64", 1],
			[64, "i32", 120],
			[68, "i32", 10],
			[72, "i32", 11],
			[76, "u32", 1],
			[80, "i32", 100],
		);
		expect(fieldsOf(layout.shapes[1]!, built)).toEqual({
			prev_comm: "a",
			prev_pid: 9,
			prev_prio: 120,
			prev_state: 1n,
			next_pid: 10,
			next_prio: 100,
			next_tgid: 11,
			next_policy: 1,
			syscallno: 230n,
		});
		const names = (id: number) => layout.shapes[id]!.format.fields.map((f) => f.name);
		expect(names(9)).toEqual(["id", "args", "path"]);
		expect(names(10)).toEqual(["id", "ret"]);
		expect(names(13)).toEqual(["state"]);
		expect(names(3)).toEqual(["dev", "sector", "nr_sector", "bytes", "rwbs", "cmd_flags", "cmd_type"]);
		expect([3, 4, 5, 9, 10, 13, 15].map((id) => layout.shapes[id]!.bytes)).toEqual([
			64, 72, 80, 88, 48, 48, 72,
		]);
		expect(layout.shapes[1]!.stack).toEqual({ at: 88, form: "slots" });
		expect(layout.shapes[14]).toBeUndefined();
		const irq = record(72, [32, "i32", 5], [36, "text", "a-long-name-of-a-handler"]);
		expect(read(15, irq, 1)).toEqual({ irq: 5, name: "a-long-name-of-a-handler" });
	});
});

describe("every shape of every version", () => {
	const kernels = ["2.6.32", "3.10.0", "4.9.0", "4.17.0", "6.12.0", null];
	const all = Object.keys(versions).flatMap((version) =>
		kernels.flatMap((kernel) =>
			shapesOf(Number(version), { ...x86, kernel }).shapes.flatMap((shape, id) =>
				shape ? [{ version: Number(version), kernel, id, shape }] : [],
			),
		),
	);

	test("has its fields within the least record, none over another", () => {
		const wrong: string[] = [];
		for (const { version, id, shape } of all) {
			const used = new Set<number>();
			const header = version < 5 ? 32 : 40;
			for (const { name, offset, size } of shape.format.fields) {
				const places = Array.from({ length: size }, (_, k) => offset + k);
				if (offset + size > shape.bytes) wrong.push(`${version}, ${id}: ${name} is outside`);
				if (places.some((k) => used.has(k))) wrong.push(`${version}, ${id}: ${name} is over another`);
				for (const k of places) used.add(k);
				if (offset < header && ![TEXT_AT, PID_AT, CPU_AT, SCRATCH_AT].includes(offset))
					wrong.push(`${version}, ${id}: ${name} is in the header`);
			}
			if (shape.bytes % 8 !== 0) wrong.push(`${version}, ${id}: not rounded`);
			const { at = 0, form } = shape.stack ?? {};
			if (at + (form === "slots" ? 128 : 8) > shape.bytes) wrong.push(`${version}, ${id}: stack`);
		}
		expect(all.length).toBeGreaterThan(800);
		expect(wrong).toEqual([]);
	});

	test("tells who was current and in which context", () => {
		const common = [
			["common_pid", PID_AT, 4, true],
			["common_flags", FLAGS_AT, 1, false],
		];
		const other = all.filter(
			({ shape }) =>
				JSON.stringify(shape.format.common.map((f) => [f.name, f.offset, f.size, f.signed])) !==
				JSON.stringify(common),
		);
		expect(other).toEqual([]);
	});

	test("fixes stale content without leaving the record", () => {
		const outside = ({ memory, p, end }: BuiltRecord) =>
			Buffer.concat([memory.u8.subarray(0, p), memory.u8.subarray(end)]);
		for (const { shape } of all) {
			const built = record(shape.bytes);
			const before = outside(built);
			fieldsOf(shape, built);
			if (!outside(built).equals(before)) expect.fail(`${shape.format.name} is written beyond its record`);
		}
	});
});

describe("what the kernel does not give has no column", () => {
	const names = (kernel: string | null, hz: number | null, id: number, version = 9) =>
		shapesOf(version, { arch: "x86_64", kernel, hz }).shapes[id]!.format.fields.map((f) => f.name);

	test("times of interrupts without HZ, or before 4.11", () => {
		expect(names("6.1.0", 250, 1)).toContain("irq_time");
		expect(names("6.1.0", null, 1)).not.toContain("irq_time");
		expect(names("6.1.0", 0, 1)).not.toContain("softirq_time");
		expect(names("6.1.0", null, 1)).toContain("stealtime");
		expect(names("3.10.0", 1000, 1)).not.toContain("softirq_time");
		expect(names("3.10.0", 1000, 1)).not.toContain("stealtime");
		expect(names(null, 250, 1)).not.toContain("irq_time");
	});

	test("requests in flight since 4.18, cmd_type since 4.11", () => {
		expect(names("4.17.0", 250, 5)).toContain("async_in_flight");
		expect(names("4.18.0", 250, 5)).not.toContain("sync_in_flight");
		expect(names("4.10.0", 250, 5)).toContain("cmd_type");
		expect(names("4.11.0", 250, 5)).not.toContain("cmd_type");
		expect(names(null, 250, 5)).not.toContain("async_in_flight");
	});

	test("letters of 4.9 where cmd_flags has 32 bits", () => {
		expect(names("4.9.0", 250, 5)).toContain("rwbs");
		expect(names("4.9.0", 250, 5, 7)).not.toContain("rwbs");
		expect(names("4.9.0", 250, 5, 7)).toContain("cmd_flags");
	});
});

describe("times of interrupts", () => {
	const times = (irq: bigint, hz: number) =>
		read(1, record(144, [72, "u64", irq], [80, "u64", 0]), 9, { ...x86, hz }).irq_time;

	test("are ns, exactly", () => {
		expect(times(16_000_000_000_000n, 250)).toBe(4_000_000n);
		expect(times(3_333_333n * 123_456_789n, 300)).toBe(123_456_789n);
		// beyond 2^53
		expect(times(10_000_000n * 1_800_000_000_001n, 100)).toBe(1_800_000_000_001n);
		expect(times(1_000_000n * 9_000_000_001n, 1000)).toBe(9_000_000_001n);
	});
});

describe("arguments of system calls", () => {
	const args = (arch: string, nr: number, is32bit = 0, version = 9) => {
		const header = version < 5 ? 32 : 40;
		const puts = [0, 1, 2, 3, 4, 5].map((k) => [header + 8 + 8 * k, "u64", k + 1] as const);
		const built = record(header + 56, [header, "i32", nr], [header + 4, "i32", is32bit], ...puts);
		return (read(9, built, version, { ...x86, arch }).args as bigint[]).map(Number);
	};

	test("that were not written are zero, not what an older record left", () => {
		expect(args("x86_64", 2)).toEqual([1, 2, 3, 0, 0, 0]);
		expect(args("x86_64", 257)).toEqual([1, 2, 3, 4, 0, 0]);
		expect(args("x86_64", 23)).toEqual([1, 2, 3, 4, 5, 0]);
		expect(args("x86_64", 270)).toEqual([1, 2, 3, 4, 5, 6]);
		expect(args("x86_64", 202)).toEqual([1, 2, 3, 4, 5, 6]);
	});

	test("by the numbers of the traced machine", () => {
		expect(args("ppc64le", 257)).toEqual([1, 2, 3, 4, 5, 6]);
		expect(args("ppc64le", 286)).toEqual([1, 2, 3, 4, 0, 0]);
		expect(args("", 257)).toEqual([1, 2, 3, 4, 5, 6]);
	});

	test("of 32-bit tasks are all written; version 1 does not tell these", () => {
		expect(args("x86_64", 2, 1)).toEqual([1, 2, 3, 4, 5, 6]);
		expect(args("x86_64", 2, 88, 1)).toEqual([1, 2, 3, 0, 0, 0]);
		expect(args("x86_64", 2, 0, 3)).toEqual([1, 2, 3, 0, 0, 0]);
	});
});

describe("states of threads", () => {
	const classOf = (kernel: string | null, raw: number) =>
		new PrevStates(shapesOf(9, { ...x86, kernel }).prevState, new Strings()).classOf(raw);

	test.each([
		[0, PrevClass.runnable],
		[1, PrevClass.sleeping],
		[0x2001, PrevClass.sleeping],
		[2, PrevClass.disk],
		[0x102, PrevClass.disk],
		[0x402, PrevClass.idle],
		[0x104, PrevClass.stopped],
		[0x108, PrevClass.traced],
		[0x40, PrevClass.parked],
		[0x80, PrevClass.dead],
		[0x1000, PrevClass.disk],
		[0x8000, PrevClass.disk],
		// TASK_WAKING: a waker was faster than the record
		[0x200, PrevClass.unknown],
	])("since 4.14 %i", (raw, expected) => {
		expect(classOf("6.12.0", raw)).toBe(expected);
		expect(classOf("4.14.0", raw)).toBe(expected);
		expect(classOf(null, raw)).toBe(expected);
	});

	test.each([
		[1, PrevClass.sleeping],
		[0x82, PrevClass.disk],
		[0x84, PrevClass.stopped],
		[0x402, PrevClass.idle],
		[0x201, PrevClass.parked],
		[0x40, PrevClass.dead],
		[0x100, PrevClass.unknown],
	])("before 4.14 %i", (raw, expected) => {
		expect(classOf("4.13.0", raw)).toBe(expected);
		expect(classOf("3.10.0-1160.el7.x86_64", raw)).toBe(expected);
	});
});

describe("the mask of the startup record", () => {
	test("names events by the kernel's names", () => {
		expect(eventsOfMask(0xc_0387_a7fen)).toEqual([
			"sched_switch",
			"sched_wakeup",
			"block_rq_insert",
			"block_rq_issue",
			"block_rq_complete",
			"block_rq_abort",
			"block_rq_requeue",
			"hardclock",
			"sys_enter",
			"sys_exit",
			"cpu_frequency",
			"irq_handler_entry",
			"irq_handler_exit",
			"softirq_entry",
			"softirq_exit",
			"startup",
			"call_function_entry",
			"call_function_exit",
		]);
		expect(eventsOfMask(1n << 11n)).toEqual(["cpu_idle"]);
		expect(eventsOfMask((1n << 34n) | (1n << 63n) | 1n)).toEqual(["call_function_entry"]);
	});

	test("an id has at most one name", () => {
		expect(eventOf(8)).toBe("hardclock");
		expect(eventOf(12)).toBe("cpu_idle");
		expect(eventOf(23)).toBe("startup");
		expect(eventOf(-1)).toBeNull();
		expect(eventOf(64)).toBeNull();
	});
});
