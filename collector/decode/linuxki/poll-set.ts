/** What poll, ppoll, select and pselect6 asked for and were answered. */
import type { Row } from "../../../lib/schema/column.ts";
import { pollFd } from "../../../lib/schema/events.ts";
import type { Pipeline } from "../../pipeline.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";

export type PollCall = "poll" | "ppoll" | "select" | "pselect6";

/** struct pollfd: i32 fd, i16 events, i16 revents. */
const POLLFD_BYTES = 8;
/** struct timespec (select: struct timeval), before the sets of all but poll. */
const TIME_BYTES = 16;
/** The module copies nothing that is longer. */
const MAX_BYTES = 1024;
/** Records are rounded up to it. */
const ROUND = 8;

const POLLIN = 1;
const POLLPRI = 2;
const POLLOUT = 4;

export class PollSets {
	readonly #pipeline: Pipeline;
	readonly #memory: RecordMemory;
	/** Descriptors that the call which a thread is in has asked for, by utid: an exit does not tell their number. */
	readonly #asked = new Map<number, number>();
	readonly #row: Row<typeof pollFd> = {
		ts: 0,
		cpu: 0,
		utid: 0,
		syscall: -1,
		answer: 0,
		fd: 0,
		events: 0,
		revents: 0,
		stack_id: Number.NaN,
		user_stack_id: Number.NaN,
	};

	constructor(pipeline: Pipeline, memory: RecordMemory) {
		this.#pipeline = pipeline;
		this.#memory = memory;
	}

	/** `count`: nfds of the call. */
	asked(call: PollCall, count: number, at: number, end: number, ts: number, cpu: number, utid: number): void {
		if (!(count > 0)) return;
		const from = call === "poll" ? at : at + TIME_BYTES;
		const bytes = setBytes(call, count);
		if (bytes > MAX_BYTES || from + bytes > end) return;
		this.#asked.set(utid, count);
		this.#rows(call, count, from, false, ts, cpu, utid);
	}

	/** The thread enters another call. */
	forget(utid: number): void {
		if (this.#asked.size > 0) this.#asked.delete(utid);
	}

	/** `ret`: what the call returned. */
	answered(
		call: PollCall,
		ret: number,
		at: number,
		end: number,
		ts: number,
		cpu: number,
		utid: number,
	): void {
		const asked = this.#asked.get(utid);
		this.#asked.delete(utid);
		// nothing but the descriptors is in the answer of poll
		const count = call === "poll" ? Math.floor((end - at) / POLLFD_BYTES) : asked;
		if (count === undefined || !(ret >= 0)) return;
		const bytes = setBytes(call, count);
		// with or without the time, as the length tells
		const spare = end - at - bytes;
		const time = spare >= TIME_BYTES ? TIME_BYTES : 0;
		if (bytes > MAX_BYTES || spare < 0 || spare - time >= ROUND) return;
		this.#rows(call, count, at + time, true, ts, cpu, utid);
	}

	#rows(
		call: PollCall,
		count: number,
		at: number,
		answer: boolean,
		ts: number,
		cpu: number,
		utid: number,
	): void {
		const row = this.#row;
		row.ts = ts;
		row.cpu = cpu;
		row.utid = utid;
		row.syscall = this.#pipeline.strings.code(call);
		row.answer = answer ? 1 : 0;
		if (call === "poll" || call === "ppoll") this.#pollfds(count, at, answer);
		else this.#bits(count, at, answer);
	}

	#pollfds(count: number, at: number, answer: boolean): void {
		const { view, littleEndian } = this.#memory;
		const row = this.#row;
		for (let k = 0, p = at; k < count; k++, p += POLLFD_BYTES) {
			row.fd = view.getInt32(p, littleEndian);
			row.events = view.getUint16(p + 4, littleEndian);
			row.revents = answer ? view.getUint16(p + 6, littleEndian) : Number.NaN;
			this.#pipeline.append(pollFd, row);
		}
	}

	/** A row for each descriptor that is in one of the three sets: to read, to write, exceptions. */
	#bits(count: number, at: number, answer: boolean): void {
		const { u8 } = this.#memory;
		const row = this.#row;
		const bytes = Math.ceil(count / 8);
		for (let fd = 0; fd < count; fd++) {
			const p = at + (fd >> 3);
			const bit = 1 << (fd & 7);
			const events =
				(u8[p]! & bit ? POLLIN : 0) |
				(u8[p + bytes]! & bit ? POLLOUT : 0) |
				(u8[p + 2 * bytes]! & bit ? POLLPRI : 0);
			if (events === 0) continue;
			row.fd = fd;
			row.events = answer ? Number.NaN : events;
			row.revents = answer ? events : Number.NaN;
			this.#pipeline.append(pollFd, row);
		}
	}
}

/** Bytes of the descriptors without the time. */
function setBytes(call: PollCall, count: number): number {
	return call === "poll" || call === "ppoll" ? count * POLLFD_BYTES : 3 * Math.ceil(count / 8);
}
