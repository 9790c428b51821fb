/** Samples: of tracepoints to their event's table, of everything else to cpu_sample; with their stacks. */
import type { Row } from "../../../lib/schema/column.ts";
import type { cpuSample } from "../../../lib/schema/events.ts";
import type { AddressSpaces } from "../../identity/address-space.ts";
import type { Binaries } from "../../identity/binary.ts";
import { Callchains } from "../../identity/callchain.ts";
import { dwarfRegisters, unwind } from "../../identity/dwarf/index.ts";
import type { KernelSymbols } from "../../identity/kallsyms.ts";
import type { Pipeline } from "../../pipeline.ts";
import type { EventTable } from "../tracepoint/event-table.ts";
import type { EventFormat } from "../tracepoint/format.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import { readBit, sampleBit } from "./attr.ts";
import { type EventIndex, type PerfEvent, shortName } from "./events.ts";
import { misc as miscBit } from "./record-types.ts";
import { findParts, noParts, valueBytes } from "./sample-parts.ts";

export interface SampleOptions {
	readonly pipeline: Pipeline;
	readonly memory: RecordMemory;
	readonly events: readonly PerfEvent[];
	readonly index: EventIndex;
	/** As uname -m tells it. */
	readonly arch: string;
	readonly spaces: AddressSpaces;
	readonly binaries: Binaries;
	readonly kernelSymbols: () => KernelSymbols;
	/** Counts a note of import_note, by its text. */
	readonly note: (severity: "info" | "warning", kind: string, text: string) => void;
	/** An event was recorded on a CPU; false where its CPU is not known. */
	readonly onCpu: (cpu: number, ts: number, tid: number) => boolean;
}

const EM_PPC64 = 21;
const EM_X86_64 = 62;

const modes: readonly (string | null)[] = [
	null,
	"kernel",
	"user",
	"hypervisor",
	"guest kernel",
	"guest user",
	null,
	null,
];

export class Samples {
	/** Samples that became rows, by event. */
	readonly counts: Float64Array;
	readonly #o: SampleOptions;
	readonly #parts = noParts();
	readonly #chains: Callchains;
	readonly #tables: (EventTable | undefined)[] = [];
	readonly #texts: readonly string[];
	readonly #names: readonly number[];
	readonly #modes: readonly number[];
	/** Counts so far of the counters that samples read, by id. */
	readonly #before = new Map<number, number>();
	readonly #row: Row<typeof cpuSample> = {
		ts: 0,
		cpu: 0,
		utid: 0,
		event: 0,
		period: 0,
		ns: 0,
		mode: 0,
		ip_lo: 0,
		ip_hi: 0,
		data_address_lo: 0,
		data_address_hi: 0,
		stack_id: 0,
		user_stack_id: 0,
	};

	constructor(options: SampleOptions) {
		this.#o = options;
		const { pipeline, memory, events } = options;
		this.counts = new Float64Array(events.length);
		this.#texts = events.map(shortName);
		this.#names = this.#texts.map((name) => pipeline.strings.code(name));
		this.#modes = modes.map((m) => (m === null ? -1 : pipeline.strings.code(m)));
		this.#chains = new Callchains({
			memory,
			arch: options.arch,
			stacks: pipeline.stacks,
			kernelSymbols: options.kernelSymbols,
			spaces: options.spaces,
			binaries: options.binaries,
		});
	}

	/** The SAMPLE record at `p`. */
	on(p: number, end: number, misc: number, ts: number): void {
		const { memory, events, index } = this.#o;
		const { view, littleEndian: le } = memory;
		const k = index.ofSample(view, p, end);
		if (k < 0) {
			this.#o.note("warning", "event-unknown", "Samples with an id that the file does not explain");
			return;
		}
		const event = events[k]!;
		const { layout, attr } = event;
		const parts = this.#parts;
		if (p + layout.variable > end || !findParts(attr, view, le, p + layout.variable, end, parts)) {
			this.#o.note("warning", "record-damaged", `${event.name}: a sample is shorter than it says`);
			return;
		}
		const pid = layout.pid < 0 ? -1 : view.getInt32(p + layout.pid, le);
		let tid = layout.pid < 0 ? -1 : view.getInt32(p + layout.pid + 4, le);
		// a thread that is being released has no id any more for perf; the event itself still has it
		if (tid < 0 && parts.raw >= 0 && event.format) tid = this.#commonPid(event.format, end);
		const cpuWord = layout.cpu < 0 ? -1 : view.getUint32(p + layout.cpu, le);
		const cpu = cpuWord < 65_536 ? cpuWord : -1;
		const { threads } = this.#o.pipeline;
		let utid = 0;
		if (tid !== 0) {
			utid = (tid > 0 && tid < 4_194_304 ? threads.byTid[tid]! : 0) || threads.appear(tid, ts);
			threads.lastTs[utid] = ts;
			if (pid > 0 && threads.tgidOf(utid) !== pid) threads.inProcess(utid, pid);
		}
		if (parts.cgroup >= 0) {
			const [first, second] = [view.getUint32(parts.cgroup, le), view.getUint32(parts.cgroup + 4, le)];
			this.#o.pipeline.inCgroup(
				utid,
				le ? second * 4_294_967_296 + first : first * 4_294_967_296 + second,
				ts,
			);
		}
		this.#stacks(event, pid);
		if (attr.sampleType & sampleBit.read) this.#readValues(k, p, end, misc, ts, cpu, utid);
		else if (attr.type === TRACEPOINT) this.#tracepoint(k, event, end, ts, cpu, tid, utid);
		else this.#sample(k, event, p, misc, ts, cpu, utid, this.#period(event, p));
	}

	#commonPid({ common }: EventFormat, end: number): number {
		const { view, littleEndian } = this.#o.memory;
		const at = common.find((f) => f.name === "common_pid")?.offset;
		const p = this.#parts.raw + (at ?? 0);
		return at === undefined || p + 4 > end ? -1 : view.getInt32(p, littleEndian);
	}

	#period({ layout, attr }: PerfEvent, p: number): number {
		const { view, littleEndian: le } = this.#o.memory;
		if (layout.period < 0) return attr.freq ? Number.NaN : attr.period;
		const at = p + layout.period;
		return view.getUint32(le ? at + 4 : at, le) * 4_294_967_296 + view.getUint32(le ? at : at + 4, le);
	}

	#tracepoint(
		k: number,
		event: PerfEvent,
		end: number,
		ts: number,
		cpu: number,
		tid: number,
		utid: number,
	): void {
		const { pipeline, note, onCpu } = this.#o;
		const { raw, rawBytes } = this.#parts;
		if (!event.format) {
			note("warning", "event-unknown", `${event.name}: the file has no format for it`);
			return;
		}
		if (raw < 0 || raw % 4 !== 0 || raw + rawBytes > end) {
			note("warning", "record-damaged", `${event.name}: a sample without its fields`);
			return;
		}
		if (!onCpu(cpu, ts, tid)) {
			note(
				"warning",
				"event-without-cpu",
				`${event.name}: samples do not tell their CPU; record with --sample-cpu`,
			);
			return;
		}
		this.counts[k]!++;
		let table = this.#tables[k];
		if (!table) {
			table = pipeline.table(event.format, event.complete);
			this.#tables[k] = table;
		}
		const rows = table.rows;
		pipeline.record(table, raw, raw + rawBytes, ts, cpu);
		if (table.rows > rows) pipeline.ownStacks(table, cpu, utid, this.#chains.kernelId, this.#chains.userId);
	}

	/** Each counter that has counted since it was read last is a sample (perf script does the same). */
	#readValues(k: number, p: number, end: number, misc: number, ts: number, cpu: number, utid: number): void {
		const { memory, events, index } = this.#o;
		const { view, littleEndian: le } = memory;
		const { attr } = events[k]!;
		const bytes = valueBytes(attr);
		const { values, valueCount } = this.#parts;
		const group = (attr.readFormat & readBit.group) !== 0;
		const between =
			(group ? 0 : 8) *
			((attr.readFormat & readBit.enabled ? 1 : 0) + (attr.readFormat & readBit.running ? 1 : 0));
		for (let v = 0; v < valueCount; v++) {
			const at = values + v * bytes;
			const idAt = at + 8 + between;
			if (idAt + 8 > end) return;
			const value =
				view.getUint32(le ? at + 4 : at, le) * 4_294_967_296 + view.getUint32(le ? at : at + 4, le);
			const [first, second] = [view.getUint32(idAt, le), view.getUint32(idAt + 4, le)];
			const id = attr.readFormat & readBit.id ? index.byId(first, second) : k;
			if (id < 0) {
				this.#o.note(
					"warning",
					"event-unknown",
					"Values of counters with an id that the file does not explain",
				);
				continue;
			}
			const key = attr.readFormat & readBit.id ? first + second * 4_294_967_296 : k;
			const period = value - (this.#before.get(key) ?? 0);
			this.#before.set(key, value);
			if (period > 0) this.#sample(id, events[id]!, p, misc, ts, cpu, utid, period);
		}
	}

	#sample(
		k: number,
		event: PerfEvent,
		p: number,
		misc: number,
		ts: number,
		cpu: number,
		utid: number,
		period: number,
	): void {
		const { memory, pipeline, onCpu } = this.#o;
		const { view, littleEndian: le } = memory;
		const { layout } = event;
		if (cpu >= 0) onCpu(cpu, ts, utid === 0 ? 0 : pipeline.threads.tidOf(utid));
		this.counts[k]!++;
		const row = this.#row;
		row.ts = ts;
		row.cpu = cpu < 0 ? Number.NaN : cpu;
		row.utid = utid;
		row.event = this.#names[k]!;
		row.period = period;
		row.ns = event.timed ? period : Number.NaN;
		row.mode = this.#modes[misc & miscBit.cpuMode]!;
		const low = le ? 0 : 4;
		row.ip_lo = layout.ip < 0 ? 0 : view.getInt32(p + layout.ip + low, le);
		row.ip_hi = layout.ip < 0 ? Number.NaN : view.getInt32(p + layout.ip + 4 - low, le);
		row.data_address_lo = layout.addr < 0 ? 0 : view.getInt32(p + layout.addr + low, le);
		row.data_address_hi = layout.addr < 0 ? Number.NaN : view.getInt32(p + layout.addr + 4 - low, le);
		row.stack_id = this.#chains.kernelId < 0 ? Number.NaN : this.#chains.kernelId;
		row.user_stack_id = this.#chains.userId < 0 ? Number.NaN : this.#chains.userId;
		pipeline.sample(row, this.#texts[k]!);
	}

	/** Stacks of the sample whose parts were found: kernelId and userId of the callchains. */
	#stacks(event: PerfEvent, tgid: number): void {
		const { chain, chainWords, registers, stack } = this.#parts;
		const chains = this.#chains;
		if (chain >= 0 && chainWords > 0) chains.read(chain, chainWords, tgid);
		else chains.kernelId = chains.userId = -1;
		if (stack >= 0 && registers >= 0) {
			const addresses = this.#unwind(event, tgid);
			if (addresses) chains.userId = chains.exact(addresses, tgid, "user");
		}
	}

	/** The user stack by the call frame information of the programs; null where the registers do not suffice. */
	#unwind({ attr }: PerfEvent, tgid: number): readonly bigint[] | null {
		const { memory, arch, spaces, binaries, note } = this.#o;
		const { view, littleEndian: le } = memory;
		const { registers, registerCount, stack, stackBytes } = this.#parts;
		const values = Array.from({ length: registerCount }, (_, i) => view.getBigUint64(registers + 8 * i, le));
		const known = dwarfRegisters(arch, attr.regsUser[0], attr.regsUser[1], values);
		const machine = arch === "x86_64" ? EM_X86_64 : EM_PPC64;
		const base = known?.registers.get(arch === "x86_64" ? 7 : 1);
		if (!known || base === undefined) {
			note(
				"warning",
				"stack-not-unwound",
				`User stacks of ${arch || "an unknown machine"} cannot be unwound`,
			);
			return null;
		}
		const space = spaces.of(tgid);
		const found = unwind({
			machine,
			littleEndian: le,
			registers: known.registers,
			pc: known.pc,
			stack: { base, view, offset: stack, length: stackBytes },
			locate: (address) => {
				const area = space.find(
					Number(BigInt.asIntN(32, address)),
					Number(BigInt.asIntN(32, address >> 32n)),
				);
				if (!area) return null;
				const binary = binaries.find(area.name, area.buildId);
				const place = binary?.addressOf(Number(BigInt.asUintN(64, address) - area.bias)) ?? null;
				return binary === null || place === null ? null : { binary, address: place };
			},
		});
		if (!found.complete)
			note(
				"info",
				"stack-cut",
				// one note for all addresses
				`User stacks that end before their outermost function: ${(found.reason ?? "unknown reason").replace(/0x[0-9a-f]+/, "an address")}`,
			);
		return found.addresses;
	}
}

/** attr.type of tracepoints. */
const TRACEPOINT = 2;
