import { describe, expect, test } from "vitest";
import { BlockIos } from "./block-io.ts";
import { DeriveTest, type TestOptions, type TestValue } from "./testing.ts";

const VDA = 254 << 20;
const DM = 253 << 20;
const NO_SECTOR = 18_446_744_073_709_551_615n;
type Fields = Record<string, TestValue>;

const io = (sector: number | bigint, nr_sector: number, rwbs = "R", more: Fields = {}): Fields => ({
	dev: VDA,
	sector,
	nr_sector,
	rwbs,
	...more,
});
const done = (sector: number | bigint, nr_sector: number, rwbs = "R", error = 0) =>
	io(sector, nr_sector, rwbs, { error });

function ios(feed: (t: DeriveTest) => void, options: TestOptions = {}, end?: number) {
	const t = new DeriveTest(options);
	feed(t);
	return t.run((context) => [new BlockIos(context)], end);
}

describe("a request", () => {
	test("from its bio to its completion, by another thread's hands", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_bio_queue", io(64480, 32, "RA"));
			t.event(105, 0, 7, "block_getrq", io(64480, 32, "RA"));
			t.event(110, 0, 7, "block_rq_insert", io(64480, 32, "RA", { bytes: 16384 }));
			t.event(150, 1, 53, "block_rq_issue", io(64480, 32, "RA", { bytes: 16384 }));
			t.stack(1, 4);
			t.event(400, 1, 0, "block_rq_complete", done(64480, 32, "RA"));
		});
		expect(t.rows("block_io")).toEqual([
			{
				ts: 100,
				dur: 300,
				io: 0,
				dev: VDA,
				sector: 64480,
				bytes: 16384,
				op: "R",
				rwbs: "RA",
				utid: 1,
				issuer_utid: 2,
				cpu: 0,
				queued_ts: 100,
				issued_ts: 150,
				completed_ts: 400,
				queue_ns: 50,
				service_ns: 250,
				total_ns: 300,
				error: 0,
				merges: 0,
				merged_into: null,
				parent_io: null,
				requeues: 0,
				stack_id: 4,
				open_left: false,
				open_right: false,
			},
		]);
	});

	test("of which only issue and completion are recorded has no submitter", () => {
		const t = ios((t) => {
			t.event(150, 1, 53, "block_rq_issue", io(8, 16, "WS", { bytes: 8192 }));
			t.event(400, 1, 0, "block_rq_complete", done(8, 16, "WS", -5));
		});
		expect(t.rows("block_io", "ts", "utid", "queue_ns", "service_ns", "total_ns", "error")).toEqual([
			{ ts: 150, utid: null, queue_ns: null, service_ns: 250, total_ns: null, error: -5 },
		]);
	});

	test("two of the same place: the first that was issued completes first; each thread's bio is its own", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_bio_queue", io(8, 8));
			t.event(101, 1, 8, "block_bio_queue", io(8, 8));
			t.event(102, 1, 8, "block_getrq", io(8, 8));
			t.event(103, 0, 7, "block_getrq", io(8, 8));
			t.event(110, 0, 7, "block_rq_issue", io(8, 8));
			t.event(120, 1, 8, "block_rq_issue", io(8, 8));
			t.event(200, 0, 0, "block_rq_complete", done(8, 8));
			t.event(300, 0, 0, "block_rq_complete", done(8, 8));
		});
		expect(t.rows("block_io", "utid", "issued_ts", "completed_ts")).toEqual([
			{ utid: 1, issued_ts: 110, completed_ts: 200 },
			{ utid: 2, issued_ts: 120, completed_ts: 300 },
		]);
	});

	test("sectors beyond 2^32 and operations at one place do not mix", () => {
		const far = 2 ** 33 + 8;
		const t = ios((t) => {
			t.event(100, 0, 7, "block_rq_issue", io(8, 8, "R"));
			t.event(110, 0, 7, "block_rq_issue", io(far, 8, "R"));
			t.event(120, 0, 7, "block_rq_issue", io(8, 8, "W"));
			t.event(200, 0, 0, "block_rq_complete", done(far, 8, "R"));
			t.event(210, 0, 0, "block_rq_complete", done(8, 8, "W"));
			t.event(220, 0, 0, "block_rq_complete", done(8, 8, "R"));
		});
		expect(t.rows("block_io", "sector", "op", "service_ns")).toEqual([
			{ sector: 8, op: "R", service_ns: 120 },
			{ sector: far, op: "R", service_ns: 90 },
			{ sector: 8, op: "W", service_ns: 90 },
		]);
	});

	test("requeued: the last issue counts", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_rq_insert", io(8, 8));
			t.event(110, 0, 7, "block_rq_issue", io(8, 8));
			t.event(120, 0, 7, "block_rq_requeue", io(8, 8));
			t.event(150, 0, 7, "block_rq_issue", io(8, 8));
			t.event(200, 0, 0, "block_rq_complete", done(8, 8));
		});
		expect(t.rows("block_io", "requeues", "queue_ns", "service_ns", "total_ns")).toEqual([
			{ requeues: 1, queue_ns: 50, service_ns: 50, total_ns: 100 },
		]);
	});

	test("that completes in parts ends with the last", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_rq_issue", io(8, 24, "R", { bytes: 12288 }));
			t.event(200, 0, 0, "block_rq_complete", done(8, 8));
			t.event(300, 0, 0, "block_rq_complete", done(16, 16));
		});
		expect(t.rows("block_io", "sector", "bytes", "completed_ts")).toEqual([
			{ sector: 8, bytes: 12288, completed_ts: 300 },
		]);
	});

	test("has the kernel's stack; a user stack alone is none", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_rq_issue", io(8, 8));
			t.stack(0, 3, 5);
			t.stack(0, -1, 6);
			t.event(200, 0, 0, "block_rq_complete", done(8, 8));
		});
		expect(t.rows("block_io", "stack_id")).toEqual([{ stack_id: 3 }]);
	});

	test("whose completion is not recorded has no duration, but its stack", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_rq_issue", io(8, 8));
			t.stack(0, 3);
			t.event(150, 0, 7, "block_rq_issue", io(8, 8));
			t.stack(0, 4);
			t.event(900, 0, 7, "sched_switch");
		});
		expect(t.rows("block_io", "ts", "dur", "stack_id", "open_right")).toEqual([
			{ ts: 100, dur: null, stack_id: 3, open_right: true },
			{ ts: 150, dur: null, stack_id: 4, open_right: true },
		]);
	});

	test("no durations where the clock does not count time", () => {
		const t = ios(
			(t) => {
				t.event(1, 0, 7, "block_rq_issue", io(8, 8));
				t.event(2, 0, 0, "block_rq_complete", done(8, 8));
			},
			{ timed: false },
		);
		expect(t.rows("block_io", "dur", "service_ns", "completed_ts")).toEqual([
			{ dur: null, service_ns: null, completed_ts: 2 },
		]);
	});
});

describe("merges", () => {
	test("at the back and at the front; merged bios keep their submitter and go with the request", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_bio_queue", io(16, 8, "W"));
			t.event(101, 0, 7, "block_getrq", io(16, 8, "W"));
			t.event(110, 1, 8, "block_bio_queue", io(24, 8, "W"));
			t.event(111, 1, 8, "block_bio_backmerge", io(24, 8, "W"));
			t.event(120, 2, 9, "block_bio_queue", io(8, 8, "W"));
			t.event(121, 2, 9, "block_bio_frontmerge", io(8, 8, "W"));
			t.event(130, 0, 7, "block_rq_issue", io(8, 24, "W", { bytes: 12288 }));
			t.event(200, 0, 0, "block_rq_complete", done(8, 24, "W"));
		});
		expect(
			t.rows("block_io", "io", "utid", "sector", "bytes", "merges", "merged_into", "queue_ns", "total_ns"),
		).toEqual([
			{ io: 0, utid: 1, sector: 8, bytes: 12288, merges: 2, merged_into: null, queue_ns: 30, total_ns: 100 },
			{ io: 1, utid: 2, sector: 24, bytes: 4096, merges: 0, merged_into: 0, queue_ns: 20, total_ns: 90 },
			{ io: 2, utid: 3, sector: 8, bytes: 4096, merges: 0, merged_into: 0, queue_ns: 10, total_ns: 80 },
		]);
	});

	test("that were not recorded show at the issue", () => {
		const t = ios((t) => {
			for (const [i, sector] of [8, 16, 24, 32].entries()) {
				t.event(100 + i, 0, 7, "block_bio_queue", io(sector, 8, "W"));
				if (sector === 16) t.event(104, 0, 7, "block_getrq", io(sector, 8, "W"));
			}
			t.event(130, 0, 7, "block_rq_issue", io(8, 24, "W"));
			t.event(200, 0, 0, "block_rq_complete", done(8, 24, "W"));
		});
		expect(t.rows("block_io", "sector", "bytes", "merges", "merged_into", "open_right")).toEqual([
			{ sector: 8, bytes: 4096, merges: 0, merged_into: 1, open_right: false },
			{ sector: 8, bytes: 12288, merges: 2, merged_into: null, open_right: false },
			{ sector: 24, bytes: 4096, merges: 0, merged_into: 1, open_right: false },
			{ sector: 32, bytes: 4096, merges: 0, merged_into: null, open_right: true },
		]);
	});

	test("of two requests", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_getrq", io(8, 8, "W"));
			t.event(101, 0, 7, "block_getrq", io(16, 8, "W"));
			t.event(102, 0, 7, "block_bio_backmerge", io(24, 8, "W"));
			t.event(110, 0, 7, "block_rq_merge", io(16, 16, "W"));
			t.event(130, 0, 7, "block_rq_issue", io(8, 24, "W"));
			t.event(200, 0, 0, "block_rq_complete", done(8, 24, "W"));
		});
		expect(t.rows("block_io", "io", "bytes", "merges", "merged_into", "completed_ts")).toEqual([
			{ io: 0, bytes: 12288, merges: 2, merged_into: null, completed_ts: 200 },
			{ io: 1, bytes: 8192, merges: 1, merged_into: 0, completed_ts: 200 },
			{ io: 2, bytes: 4096, merges: 0, merged_into: 1, completed_ts: 200 },
		]);
	});

	test("into a request from before the window", () => {
		const t = ios((t) => {
			t.event(100, 0, 7, "block_bio_queue", io(24, 8, "W"));
			t.event(101, 0, 7, "block_bio_backmerge", io(24, 8, "W"));
			t.event(130, 0, 7, "block_rq_issue", io(8, 24, "W"));
			t.event(200, 0, 0, "block_rq_complete", done(8, 24, "W"));
		});
		expect(t.rows("block_io", "io", "bytes", "merges", "merged_into", "completed_ts")).toEqual([
			{ io: 0, bytes: 4096, merges: 0, merged_into: 1, completed_ts: 200 },
			{ io: 1, bytes: 12288, merges: 1, merged_into: null, completed_ts: 200 },
		]);
	});
});

describe("flushes", () => {
	test("a write with preflush and FUA: two flushes by the kernel, one write, its empty second completion ignored", () => {
		const t = ios((t) => {
			t.event(473, 1, 7, "block_bio_queue", io(32788, 2, "FWFSM"));
			t.event(480, 1, 7, "block_getrq", io(32788, 2, "FWFSM"));
			t.event(547, 1, 65, "block_rq_issue", io(0, 0, "FF", { bytes: 0 }));
			t.event(658, 1, 0, "block_rq_complete", done(NO_SECTOR, 0, "FF"));
			t.event(723, 1, 65, "block_rq_insert", io(32788, 2, "WSM", { bytes: 1024 }));
			t.event(733, 1, 65, "block_rq_issue", io(32788, 2, "WSM", { bytes: 1024 }));
			t.event(818, 1, 0, "block_rq_complete", done(32788, 2, "WSM"));
			t.event(890, 1, 65, "block_rq_issue", io(0, 0, "FF", { bytes: 0 }));
			t.event(969, 1, 0, "block_rq_complete", done(NO_SECTOR, 0, "FF"));
			t.event(978, 1, 0, "block_rq_complete", done(32788, 0, "WSM"));
		});
		expect(t.rows("block_io", "op", "sector", "bytes", "utid", "queue_ns", "service_ns")).toEqual([
			{ op: "W", sector: 32788, bytes: 1024, utid: 1, queue_ns: 260, service_ns: 85 },
			{ op: "F", sector: null, bytes: 0, utid: null, queue_ns: null, service_ns: 111 },
			{ op: "F", sector: null, bytes: 0, utid: null, queue_ns: null, service_ns: 79 },
		]);
	});

	test("a bio that is a flush only has the thread that asked for it", () => {
		const t = ios((t) => {
			t.event(657, 3, 7, "block_bio_queue", io(0, 0, "FWS"));
			t.event(665, 3, 7, "block_getrq", io(0, 0, "FWS"));
			t.event(737, 3, 36, "block_rq_issue", io(0, 0, "FF"));
			t.event(767, 3, 0, "block_rq_complete", done(NO_SECTOR, 0, "FF"));
			t.event(777, 3, 0, "block_rq_complete", done(0, 0, "WS"));
		});
		expect(t.rows("block_io", "op", "utid", "queue_ns", "service_ns")).toEqual([
			{ op: "F", utid: 1, queue_ns: 80, service_ns: 30 },
		]);
	});

	test("two bios that one flush serves", () => {
		const t = ios((t) => {
			t.event(10, 0, 7, "block_bio_queue", io(0, 0, "FWS"));
			t.event(20, 1, 8, "block_bio_queue", io(0, 0, "FWS"));
			t.event(30, 0, 36, "block_rq_issue", io(0, 0, "FF"));
			t.event(60, 0, 0, "block_rq_complete", done(NO_SECTOR, 0, "FF"));
			t.event(70, 0, 0, "block_rq_complete", done(0, 0, "WS"));
			t.event(71, 0, 0, "block_rq_complete", done(0, 0, "WS"));
		});
		expect(t.rows("block_io", "utid", "issued_ts", "completed_ts", "total_ns")).toEqual([
			{ utid: 1, issued_ts: 30, completed_ts: 60, total_ns: 50 },
			{ utid: 2, issued_ts: null, completed_ts: 71, total_ns: 51 },
		]);
	});
});

describe("layers", () => {
	const dm = (sector: number, nr: number) => ({ ...io(sector, nr, "W"), dev: DM });
	const remap = (sector: number, nr: number, oldDev: number, oldSector: number) =>
		io(sector, nr, "W", { old_dev: oldDev, old_sector: oldSector });

	test("a device-mapper bio over a partition, cut in two: it is done with its parts", () => {
		const t = ios((t) => {
			t.event(10, 0, 7, "block_bio_queue", dm(0, 16));
			t.event(11, 0, 7, "block_bio_remap", remap(100, 8, DM, 0));
			t.event(12, 0, 7, "block_bio_remap", remap(2148, 8, VDA + 1, 100));
			t.event(13, 0, 7, "block_bio_queue", io(2148, 8, "W"));
			t.event(14, 0, 7, "block_bio_remap", remap(900, 8, DM, 8));
			t.event(15, 0, 7, "block_bio_remap", remap(2948, 8, VDA + 1, 900));
			t.event(16, 0, 7, "block_bio_queue", io(2948, 8, "W"));
			t.event(20, 0, 7, "block_rq_issue", io(2148, 8, "W"));
			t.event(21, 0, 7, "block_rq_issue", io(2948, 8, "W"));
			t.event(40, 0, 0, "block_rq_complete", done(2148, 8, "W"));
			t.event(50, 0, 0, "block_rq_complete", done(2948, 8, "W"));
		});
		expect(t.rows("block_io", "io", "dev", "sector", "parent_io", "total_ns", "open_right")).toEqual([
			{ io: 0, dev: DM, sector: 0, parent_io: null, total_ns: 40, open_right: false },
			{ io: 1, dev: VDA, sector: 2148, parent_io: 0, total_ns: 27, open_right: false },
			{ io: 2, dev: VDA, sector: 2948, parent_io: 0, total_ns: 34, open_right: false },
		]);
	});

	test("block_bio_complete ends the upper bio where it is recorded", () => {
		const t = ios((t) => {
			t.event(5, 0, 7, "block_bio_complete", { ...dm(999, 8), error: 0 });
			t.event(10, 0, 7, "block_bio_queue", dm(0, 8));
			t.event(11, 0, 7, "block_bio_remap", remap(100, 8, DM, 0));
			t.event(13, 0, 9, "block_bio_queue", io(100, 8, "W"));
			t.event(20, 0, 9, "block_rq_issue", io(100, 8, "W"));
			t.event(40, 0, 0, "block_rq_complete", done(100, 8, "W"));
			t.event(47, 0, 0, "block_bio_complete", { ...dm(0, 8), error: -5 });
		});
		expect(t.rows("block_io", "dev", "utid", "completed_ts", "error")).toEqual([
			{ dev: DM, utid: 1, completed_ts: 47, error: -5 },
			{ dev: VDA, utid: 2, completed_ts: 40, error: 0 },
		]);
	});

	test("a bio that is split becomes two requests of the thread that queued it", () => {
		const t = ios((t) => {
			t.event(10, 0, 7, "block_bio_queue", io(0, 24));
			t.event(11, 0, 7, "block_split", { dev: VDA, sector: 0, new_sector: 16, rwbs: "R" });
			t.event(12, 0, 7, "block_getrq", io(0, 16));
			t.event(13, 0, 7, "block_getrq", io(16, 8));
			t.event(20, 0, 9, "block_rq_issue", io(0, 16));
			t.event(21, 0, 9, "block_rq_issue", io(16, 8));
			t.event(40, 0, 0, "block_rq_complete", done(0, 16));
			t.event(41, 0, 0, "block_rq_complete", done(16, 8));
		});
		expect(t.rows("block_io", "sector", "bytes", "utid", "queued_ts", "total_ns")).toEqual([
			{ sector: 0, bytes: 8192, utid: 1, queued_ts: 10, total_ns: 30 },
			{ sector: 16, bytes: 4096, utid: 1, queued_ts: 10, total_ns: 31 },
		]);
	});
});

describe("edges and losses", () => {
	test("a completion of what was issued before the window", () => {
		const t = ios((t) => {
			t.event(50, 1, 7, "block_rq_issue", io(800, 8));
			t.event(70, 0, 0, "block_rq_complete", done(8, 8));
		});
		expect(t.rows("block_io", "io", "ts", "dur", "service_ns", "open_left", "open_right")).toEqual([
			{ io: 1, ts: 50, dur: 20, service_ns: null, open_left: true, open_right: false },
			{ io: 0, ts: 50, dur: 20, service_ns: null, open_left: false, open_right: true },
		]);
	});

	test("after a loss a new request at the same place shows that the old one has ended", () => {
		const t = ios((t) => {
			t.event(50, 0, 7, "block_rq_issue", io(8, 8));
			t.lost(0, 60, 80);
			t.event(90, 0, 7, "block_rq_issue", io(8, 8));
			t.event(120, 0, 0, "block_rq_complete", done(8, 8));
		});
		expect(t.rows("block_io", "ts", "dur", "service_ns", "open_right")).toEqual([
			{ ts: 50, dur: 10, service_ns: null, open_right: true },
			{ ts: 90, dur: 30, service_ns: 30, open_right: false },
		]);
	});

	test("a completion whose issue was lost began where the recording went on", () => {
		const t = ios((t) => {
			t.event(50, 0, 7, "block_rq_issue", io(800, 8));
			t.event(55, 0, 7, "block_rq_complete", done(800, 8));
			t.lost(0, 60, 80);
			t.event(120, 0, 0, "block_rq_complete", done(8, 8));
		});
		expect(t.rows("block_io", "ts", "dur", "open_left")[1]).toEqual({ ts: 80, dur: 40, open_left: true });
	});

	test("many I/Os at once find each other again", () => {
		const n = 3000;
		const t = ios((t) => {
			for (let i = 0; i < n; i++) t.event(i, 0, 7, "block_rq_issue", io(i * 16, 8));
			for (let i = 0; i < n; i++) t.event(n + i, 0, 0, "block_rq_complete", done((n - 1 - i) * 16, 8));
		});
		const rows = t.rows("block_io", "sector", "service_ns", "open_right");
		expect(rows).toHaveLength(n);
		for (const row of rows) {
			expect(row).toEqual({
				sector: row.sector,
				service_ns: 2 * n - 1 - 2 * (Number(row.sector) / 16),
				open_right: false,
			});
		}
	});
});
