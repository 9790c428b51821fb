import { describe, expect, test } from "vitest";
import { Interrupts } from "./irq.ts";
import { DeriveTest, type TestOptions } from "./testing.ts";

function interrupts(feed: (t: DeriveTest) => void, options: TestOptions = {}, end?: number) {
	const t = new DeriveTest(options);
	feed(t);
	return t.run((context) => [new Interrupts(context)], end);
}

describe("nesting", () => {
	test("an external interrupt with its handler inside, and a timer interrupt in a softirq", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "irq_entry");
			t.event(110, 0, 7, "irq_handler_entry", { irq: 20, name: "virtio1" });
			t.event(140, 0, 7, "irq_handler_exit", { irq: 20, ret: 1 });
			t.event(150, 0, 7, "irq_exit");
			t.event(160, 0, 7, "softirq_entry", { vec: 4 });
			t.event(170, 0, 7, "timer_interrupt_entry");
			t.event(190, 0, 7, "timer_interrupt_exit");
			t.event(200, 0, 7, "softirq_exit", { vec: 4 });
		});
		expect(t.rows("irq", "ts", "dur", "self_ns", "kind", "irq", "name", "depth", "ret", "utid")).toEqual([
			{
				ts: 100,
				dur: 50,
				self_ns: 20,
				kind: "entry",
				irq: null,
				name: "entry",
				depth: 0,
				ret: null,
				utid: 1,
			},
			{ ts: 110, dur: 30, self_ns: 30, kind: "handler", irq: 20, name: "virtio1", depth: 1, ret: 1, utid: 1 },
			{
				ts: 170,
				dur: 20,
				self_ns: 20,
				kind: "timer",
				irq: null,
				name: "timer",
				depth: 1,
				ret: null,
				utid: 1,
			},
		]);
		expect(t.rows("softirq", "ts", "dur", "self_ns", "vec", "name")).toEqual([
			{ ts: 160, dur: 40, self_ns: 20, vec: 4, name: "BLOCK" },
		]);
	});

	test("CPUs do not mix", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "doorbell_entry");
			t.event(105, 90, 8, "doorbell_entry");
			t.event(110, 0, 7, "doorbell_exit");
			t.event(125, 90, 8, "doorbell_exit");
		});
		expect(t.rows("irq", "cpu", "dur", "kind", "depth")).toEqual([
			{ cpu: 0, dur: 10, kind: "doorbell", depth: 0 },
			{ cpu: 90, dur: 20, kind: "doorbell", depth: 0 },
		]);
	});
});

describe("raise to entry", () => {
	test("counts from the first raise since the last run, of the same CPU", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "softirq_raise", { vec: 9 });
			t.event(110, 0, 7, "softirq_raise", { vec: 9 });
			t.event(115, 1, 8, "softirq_raise", { vec: 9 });
			t.event(130, 0, 7, "softirq_entry", { vec: 9 });
			t.event(135, 0, 7, "softirq_raise", { vec: 9 });
			t.event(140, 0, 7, "softirq_exit", { vec: 9 });
			t.event(150, 0, 7, "softirq_entry", { vec: 9 });
			t.event(160, 0, 7, "softirq_exit", { vec: 9 });
			t.event(170, 0, 7, "softirq_entry", { vec: 9 });
			t.event(180, 0, 7, "softirq_exit", { vec: 9 });
		});
		expect(t.rows("softirq", "raise_ts", "latency_ns")).toEqual([
			{ raise_ts: 100, latency_ns: 30 },
			{ raise_ts: 135, latency_ns: 15 },
			{ raise_ts: null, latency_ns: null },
		]);
	});

	test("is unknown after a loss", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "softirq_raise", { vec: 1 });
			t.lost(0, 110, 120);
			t.event(130, 0, 7, "softirq_entry", { vec: 1 });
			t.event(140, 0, 7, "softirq_exit", { vec: 1 });
		});
		expect(t.rows("softirq", "latency_ns")).toEqual([{ latency_ns: null }]);
	});
});

describe("edges and losses", () => {
	test("open at the CPU's first record, less what was nested in it", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "irq_handler_entry", { irq: 20, name: "virtio1" });
			t.event(110, 0, 7, "irq_handler_exit", { irq: 20, ret: 1 });
			t.event(130, 0, 7, "irq_exit");
		});
		expect(t.rows("irq", "ts", "dur", "self_ns", "kind", "open_left")).toEqual([
			{ ts: 100, dur: 10, self_ns: 10, kind: "handler", open_left: false },
			{ ts: 100, dur: 30, self_ns: 20, kind: "entry", open_left: true },
		]);
	});

	test("after a context switch nothing can have been open", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "sched_switch");
			t.event(130, 0, 7, "irq_exit");
		});
		expect(t.rows("irq")).toEqual([]);
		expect(t.notes.map((n) => n.kind)).toEqual(["interrupt-entry-missing"]);
	});

	test("a loss ends what is open, and what goes on after it begins again", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "softirq_entry", { vec: 3 });
			t.event(150, 0, 7, "sched_waking");
			t.lost(0, 150, 200);
			t.event(220, 0, 7, "softirq_exit", { vec: 3 });
		});
		expect(t.rows("softirq", "ts", "dur", "open_left", "open_right")).toEqual([
			{ ts: 100, dur: 50, open_left: false, open_right: true },
			{ ts: 200, dur: 20, open_left: true, open_right: false },
		]);
	});

	test("the last record of a CPU ends what is open", () => {
		const t = interrupts(
			(t) => {
				t.event(100, 0, 7, "timer_interrupt_entry");
				t.event(120, 0, 7, "sched_waking");
			},
			{},
			900,
		);
		expect(t.rows("irq", "dur", "open_right")).toEqual([{ dur: 20, open_right: true }]);
	});

	test("an exit of the outer one ends an inner one whose exit is missing", () => {
		const t = interrupts((t) => {
			t.event(100, 0, 7, "irq_entry");
			t.event(110, 0, 7, "irq_handler_entry", { irq: 20, name: "virtio1" });
			t.event(150, 0, 7, "irq_exit");
		});
		expect(t.rows("irq", "kind", "dur", "open_right")).toEqual([
			{ kind: "entry", dur: 50, open_right: false },
			{ kind: "handler", dur: 40, open_right: true },
		]);
	});

	test("no durations without a clock that counts time", () => {
		const t = interrupts(
			(t) => {
				t.event(1, 0, 7, "irq_entry");
				t.event(2, 0, 7, "irq_exit");
			},
			{ timed: false },
		);
		expect(t.rows("irq", "dur", "self_ns")).toEqual([{ dur: null, self_ns: null }]);
	});
});

test("others can ask what is open on a CPU", () => {
	const t = new DeriveTest();
	const names: (string | null)[] = [];
	const ask = () => t.event(0, 0, 7, "sched_waking");
	ask();
	t.event(1, 0, 7, "irq_entry");
	ask();
	t.event(2, 0, 7, "irq_handler_entry", { irq: 20, name: "virtio1" });
	ask();
	t.event(3, 0, 7, "irq_handler_exit", { irq: 20, ret: 1 });
	t.event(4, 0, 7, "irq_exit");
	t.event(5, 0, 7, "softirq_entry", { vec: 1 });
	ask();
	t.run((context) => {
		const interrupts = new Interrupts(context);
		const on = (_ts: number, cpu: number) => {
			const code = interrupts.current(cpu);
			names.push(code < 0 ? null : context.strings.text(code));
		};
		return [interrupts, { events: { sched_waking: { fields: [], on } }, finish() {} }];
	});
	expect(names).toEqual([null, "irq", "irq 20 virtio1", "softirq TIMER"]);
});
