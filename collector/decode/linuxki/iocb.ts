/** What io_submit was given and io_getevents returned, as the module copies it: 32 blocks a call at most. */
import type { Row } from "../../../lib/schema/column.ts";
import { iocb, type iocb as iocbTable, ioEvent } from "../../../lib/schema/events.ts";
import type { Pipeline } from "../../pipeline.ts";
import type { RecordMemory } from "../tracepoint/memory.ts";
import { signed64, unsigned64 } from "./words.ts";

/** {u64 iocb; u16 opcode; i16 priority; u32 fd; i64 offset; u64 bytes} and struct io_event alike. */
const BLOCK_BYTES = 32;
const MAX_BLOCKS = 32;

/** IOCB_CMD_* of include/uapi/linux/aio_abi.h. */
const opcodes: Readonly<Record<number, string>> = {
	0: "PREAD",
	1: "PWRITE",
	2: "FSYNC",
	3: "FDSYNC",
	5: "POLL",
	6: "NOOP",
	7: "PREADV",
	8: "PWRITEV",
};

export class IoBlocks {
	readonly #pipeline: Pipeline;
	readonly #memory: RecordMemory;
	readonly #submitted: Row<typeof iocbTable> = {
		ts: 0,
		cpu: 0,
		utid: 0,
		iocb_lo: 0,
		iocb_hi: 0,
		opcode: -1,
		ioprio: 0,
		fd: 0,
		position: 0,
		nbytes: 0,
		stack_id: Number.NaN,
		user_stack_id: Number.NaN,
	};
	readonly #completed: Row<typeof ioEvent> = {
		ts: 0,
		cpu: 0,
		utid: 0,
		data_lo: 0,
		data_hi: 0,
		iocb_lo: 0,
		iocb_hi: 0,
		res: 0,
		res2: 0,
		stack_id: Number.NaN,
		user_stack_id: Number.NaN,
	};

	constructor(pipeline: Pipeline, memory: RecordMemory) {
		this.#pipeline = pipeline;
		this.#memory = memory;
	}

	/** `count`: blocks that the call was given. */
	submitted(at: number, end: number, count: number, ts: number, cpu: number, utid: number): void {
		const { view, littleEndian: le } = this.#memory;
		const row = this.#submitted;
		row.ts = ts;
		row.cpu = cpu;
		row.utid = utid;
		for (let p = at, n = blocks(at, end, count); n > 0; n--, p += BLOCK_BYTES) {
			row.iocb_lo = view.getInt32(p + (le ? 0 : 4), le);
			row.iocb_hi = view.getInt32(p + (le ? 4 : 0), le);
			const opcode = view.getUint16(p + 8, le);
			row.opcode = this.#pipeline.strings.code(opcodes[opcode] ?? String(opcode));
			row.ioprio = view.getInt16(p + 10, le);
			row.fd = view.getInt32(p + 12, le);
			row.position = signed64(view, p + 16, le);
			row.nbytes = unsigned64(view, p + 24, le);
			this.#pipeline.append(iocb, row);
		}
	}

	/** `count`: what the call returned. */
	completed(at: number, end: number, count: number, ts: number, cpu: number, utid: number): void {
		const { view, littleEndian: le } = this.#memory;
		const row = this.#completed;
		row.ts = ts;
		row.cpu = cpu;
		row.utid = utid;
		for (let p = at, n = blocks(at, end, count); n > 0; n--, p += BLOCK_BYTES) {
			row.data_lo = view.getInt32(p + (le ? 0 : 4), le);
			row.data_hi = view.getInt32(p + (le ? 4 : 0), le);
			row.iocb_lo = view.getInt32(p + 8 + (le ? 0 : 4), le);
			row.iocb_hi = view.getInt32(p + 8 + (le ? 4 : 0), le);
			row.res = signed64(view, p + 16, le);
			row.res2 = signed64(view, p + 24, le);
			this.#pipeline.append(ioEvent, row);
		}
	}
}

function blocks(at: number, end: number, count: number): number {
	return Math.max(0, Math.min(count, MAX_BLOCKS, Math.floor((end - at) / BLOCK_BYTES)));
}
