/**
 * Block I/O: from the bio that a thread queues, by the request that it becomes, to the completion.
 * Tracepoints: include/trace/events/block.h; who calls them: block/blk-core.c, blk-mq.c, blk-merge.c, blk-flush.c
 * (Linux 6.1 to 7.2; what is read here has the same names in all of them).
 *
 * How events find their I/O: by device, sector and operation; the oldest where several match, but a thread's own bio
 * first. Flushes have no sector: they pair by device and order.
 *
 * What is seen only in part:
 * - A completion without anything before it: the row starts where the window began, or after the last loss.
 * - After lost events an open I/O may have completed unseen. If the same device, sector and operation is queued or
 *   issued again, the older one ends where events were first lost, with open_right.
 * - Merges that were not recorded show when the request is inserted or issued: queued bios that continue it are its.
 */
import type { Row } from "../../lib/schema/column.ts";
import { blockIo } from "../../lib/schema/derived.ts";
import { grown } from "../grown.ts";
import { SlotIndex } from "./block-io-index.ts";
import { FLUSH, Operations } from "./block-io-ops.ts";
import { PendingRemaps } from "./block-io-remaps.ts";
import type { Derivation, DeriveContext, EventHandler, Subscription, TableWriter } from "./derivation.ts";

const SECTOR_BYTES = 512;
/** Open I/Os at which old bios are given up. */
const OPEN_LIMIT = 262_144;
/** Sector of a request that has none (kernel: (sector_t)-1). As a double it is 2^64. */
const NO_SECTOR = 2 ** 64;

enum State {
	free = 0,
	/** A bio that is no request yet */
	bio = 1,
	/** A request that waits */
	request = 2,
	/** With the driver */
	issued = 3,
	/** Part of another request */
	merged = 4,
}

const number = (name: string) => ({ name, form: "number" }) as const;
const string = (name: string) => ({ name, form: "string" }) as const;
const bioFields = [number("dev"), number("sector"), number("nr_sector"), string("rwbs")] as const;

/** Events whose stack shows who queued. */
const queueing: ReadonlySet<string> = new Set(["block_bio_queue", "block_getrq", "block_rq_insert"]);

export class BlockIos implements Derivation {
	readonly events: Readonly<Record<string, Subscription>>;

	readonly #context: DeriveContext;
	readonly #out: TableWriter<typeof blockIo>;
	readonly #ops: Operations;
	readonly #timed: boolean;
	readonly #issues: boolean;
	readonly #completions: boolean;
	/** block_bio_complete was seen: it tells when a bio of a stacked device (dm, md) is done; without it, its parts do */
	#bioCompletes = false;

	#windowStart = Number.NaN;
	#lossEnd = Number.NaN;
	#lastIo = -1;

	// by slot: one open I/O each
	#capacity = 256;
	#used = 0;
	readonly #free: number[] = [];
	#state = new Uint8Array(256);
	#io = new Int32Array(256);
	#dev = new Float64Array(256);
	/** First sector of the I/O */
	#sector = new Float64Array(256);
	/** First sector that has not completed: what the next completion shows */
	#at = new Float64Array(256);
	/** Sectors that have not completed */
	#left = new Float64Array(256);
	#bytes = new Float64Array(256);
	#op = new Uint8Array(256);
	#rwbs = new Int32Array(256);
	#utid = new Float64Array(256);
	#issuer = new Float64Array(256);
	#cpu = new Int32Array(256);
	#queued = new Float64Array(256);
	#issued = new Float64Array(256);
	/** NaN: the completion does not tell */
	#error = new Float64Array(256);
	#merges = new Int32Array(256);
	#requeues = new Int32Array(256);
	#stack = new Int32Array(256);
	/** The stack is that of block_rq_issue */
	#issueStack = new Uint8Array(256);
	#lossFrom = new Float64Array(256);
	/** Slot and io of the I/O on the upper device */
	#parent = new Int32Array(256);
	#parentIo = new Int32Array(256);
	/** On an upper device: parts that are open, bytes of those that are done */
	#parts = new Int32Array(256);
	#doneBytes = new Float64Array(256);
	/** Merged bios: the next one of the same request; of a request: the first and the last */
	#nextMerged = new Int32Array(256);
	#firstMerged = new Int32Array(256);
	#lastMerged = new Int32Array(256);
	#mergedInto = new Int32Array(256);

	readonly #byStart = new SlotIndex(256);
	/** By the sector behind the last: where a bio can be merged at the back. Waiting bios and requests only. */
	readonly #byEnd = new SlotIndex(256);

	/** Flushes by device: those whose bio has not had its own (empty) completion yet */
	readonly #owed = new Map<number, number>();

	readonly #remaps = new PendingRemaps();
	/** The upper I/O of the last remap: it may be split over several lower ones */
	#lastParent = -1;
	#lastParentIo = -1;

	/** By CPU: slot and io of the last event, for its stack */
	#lastSlot = new Int32Array(64).fill(-1);
	#lastSlotIo = new Int32Array(64);

	readonly #row: Row<typeof blockIo>;

	constructor(context: DeriveContext) {
		this.#context = context;
		this.#out = context.table(blockIo);
		this.#ops = new Operations(context.strings);
		this.#timed = context.timed;
		const recorded = context.recorded;
		this.#issues = recorded.size === 0 || recorded.has("block_rq_issue");
		this.#completions = recorded.size === 0 || recorded.has("block_rq_complete");
		const bio = (on: EventHandler): Subscription => ({ fields: bioFields, on });
		const request = (on: EventHandler): Subscription => ({ fields: [...bioFields, number("bytes")], on });
		this.events = {
			block_bio_queue: bio((ts, cpu, utid, _f, dev, sector, nr, rwbs) =>
				this.#queueBio(ts, cpu, utid, dev!, sector!, nr!, rwbs!),
			),
			block_split: {
				fields: [number("dev"), number("sector"), number("new_sector"), string("rwbs")],
				on: (_ts, _cpu, utid, _f, dev, sector, newSector, rwbs) =>
					this.#split(utid, dev!, sector!, newSector!, rwbs!),
			},
			block_getrq: bio((ts, cpu, utid, _f, dev, sector, nr, rwbs) =>
				this.#getRequest(ts, cpu, utid, dev!, sector!, nr!, rwbs!),
			),
			block_bio_backmerge: bio((ts, cpu, utid, _f, dev, sector, nr, rwbs) =>
				this.#mergeBio(ts, cpu, utid, dev!, sector!, nr!, rwbs!, false),
			),
			block_bio_frontmerge: bio((ts, cpu, utid, _f, dev, sector, nr, rwbs) =>
				this.#mergeBio(ts, cpu, utid, dev!, sector!, nr!, rwbs!, true),
			),
			block_rq_merge: bio((_ts, _cpu, _utid, _f, dev, sector, nr, rwbs) =>
				this.#mergeRequests(dev!, sector!, nr!, rwbs!),
			),
			block_rq_insert: request((ts, cpu, utid, _f, dev, sector, nr, rwbs, bytes) =>
				this.#insert(ts, cpu, utid, dev!, sector!, nr!, rwbs!, bytes!),
			),
			block_rq_issue: request((ts, cpu, utid, _f, dev, sector, nr, rwbs, bytes) =>
				this.#issue(ts, cpu, utid, dev!, sector!, nr!, rwbs!, bytes!),
			),
			block_rq_requeue: bio((_ts, _cpu, _utid, _f, dev, sector, nr, rwbs) =>
				this.#requeue(dev!, sector!, nr!, rwbs!),
			),
			block_rq_complete: {
				fields: [...bioFields, number("error")],
				on: (ts, cpu, _utid, _f, dev, sector, nr, rwbs, error) =>
					this.#completeRequest(ts, cpu, dev!, sector!, nr!, rwbs!, error!),
			},
			block_bio_complete: {
				fields: [...bioFields, number("error")],
				on: (ts, _cpu, _utid, _f, dev, sector, nr, rwbs, error) =>
					this.#completeBio(ts, dev!, sector!, nr!, rwbs!, error!),
			},
			block_bio_remap: {
				fields: [...bioFields, number("old_dev"), number("old_sector")],
				on: (_ts, _cpu, _utid, _f, dev, sector, nr, rwbs, oldDev, oldSector) =>
					this.#remap(dev!, sector!, nr!, rwbs!, oldDev!, oldSector!),
			},
			block_rq_remap: {
				fields: [...bioFields, number("old_dev"), number("old_sector")],
				on: (_ts, _cpu, _utid, _f, dev, sector, nr, rwbs, oldDev, oldSector) =>
					this.#remap(dev!, sector!, nr!, rwbs!, oldDev!, oldSector!),
			},
		};
		this.#row = {
			ts: 0,
			dur: 0,
			io: 0,
			dev: 0,
			sector: 0,
			bytes: 0,
			op: -1,
			rwbs: -1,
			utid: 0,
			issuer_utid: 0,
			cpu: 0,
			queued_ts: 0,
			issued_ts: 0,
			completed_ts: 0,
			queue_ns: 0,
			service_ns: 0,
			total_ns: 0,
			error: 0,
			merges: 0,
			merged_into: 0,
			parent_io: 0,
			requeues: 0,
			stack_id: 0,
			open_left: 0,
			open_right: 0,
		};
	}

	cpuStart(_cpu: number, ts: number): void {
		if (Number.isNaN(this.#windowStart)) this.#windowStart = ts;
	}

	lost(_cpu: number, from: number, to: number): void {
		if (!(to <= this.#lossEnd)) this.#lossEnd = to;
		this.#owed.clear();
		for (let slot = 0; slot < this.#used; slot++) {
			if (this.#state[slot] === State.free || !Number.isNaN(this.#lossFrom[slot]!)) continue;
			this.#lossFrom[slot] = Math.max(from, this.#firstSight(slot));
		}
	}

	stack(cpu: number, event: string, _utid: number, stackId: number): void {
		if (stackId < 0) return;
		const slot = cpu < this.#lastSlot.length ? this.#lastSlot[cpu]! : -1;
		if (slot < 0 || this.#state[slot] === State.free || this.#io[slot] !== this.#lastSlotIo[cpu]) return;
		if (event === "block_rq_issue") {
			this.#stack[slot] = stackId;
			this.#issueStack[slot] = 1;
		} else if (queueing.has(event) && this.#issueStack[slot] === 0 && this.#stack[slot]! < 0) {
			this.#stack[slot] = stackId;
		}
	}

	finish(end: number): void {
		for (let slot = 0; slot < this.#used; slot++) {
			const state = this.#state[slot]!;
			if (state === State.free || state === State.merged) continue;
			this.#leaveOpen(slot, this.#completions ? end : Number.NaN);
		}
	}

	#queueBio(
		ts: number,
		cpu: number,
		utid: number,
		dev: number,
		sector: number,
		nr: number,
		rwbs: number,
	): void {
		const op = this.#ops.of(rwbs, nr);
		this.#dropDoubtful(dev, sector, op);
		if (this.#used - this.#free.length >= OPEN_LIMIT) this.#giveUpOldest(ts);
		const slot = this.#create(State.bio, cpu, utid, dev, sector, nr, op, rwbs);
		this.#queued[slot] = ts;
		this.#adopt(slot);
		this.#remember(cpu, slot);
	}

	/** The front part keeps the bio; the rest is queued again without another block_bio_queue (submit_bio_noacct). */
	#split(utid: number, dev: number, sector: number, newSector: number, rwbs: number): void {
		const op = this.#ops.of(rwbs, 1);
		const slot = this.#find(dev, sector, op, State.bio, utid);
		const front = newSector - sector;
		if (slot < 0 || !(front > 0 && front < this.#left[slot]!)) return;
		const rest = this.#left[slot]! - front;
		this.#resize(slot, sector, front);
		this.#bytes[slot] = front * SECTOR_BYTES;
		const part = this.#create(
			State.bio,
			this.#cpu[slot]!,
			this.#utid[slot]!,
			dev,
			newSector,
			rest,
			op,
			this.#rwbs[slot]!,
		);
		this.#queued[part] = this.#queued[slot]!;
		this.#stack[part] = this.#stack[slot]!;
		if (this.#parent[slot]! >= 0) this.#link(part, this.#parent[slot]!, this.#parentIo[slot]!);
	}

	#getRequest(
		ts: number,
		cpu: number,
		utid: number,
		dev: number,
		sector: number,
		nr: number,
		rwbs: number,
	): void {
		const op = this.#ops.of(rwbs, nr);
		let slot = this.#find(dev, sector, op, State.bio, utid);
		if (slot < 0) {
			this.#dropDoubtful(dev, sector, op);
			slot = this.#create(State.request, cpu, utid, dev, sector, nr, op, rwbs);
			this.#queued[slot] = ts;
			this.#adopt(slot);
		} else {
			this.#state[slot] = State.request;
			if (this.#left[slot] !== nr) {
				this.#resize(slot, sector, nr);
				this.#bytes[slot] = nr * SECTOR_BYTES;
			}
		}
		this.#remember(cpu, slot);
	}

	#mergeBio(
		ts: number,
		cpu: number,
		utid: number,
		dev: number,
		sector: number,
		nr: number,
		rwbs: number,
		front: boolean,
	): void {
		const op = this.#ops.of(rwbs, nr);
		let slot = this.#find(dev, sector, op, State.bio, utid);
		if (slot < 0) {
			slot = this.#create(State.bio, cpu, utid, dev, sector, nr, op, rwbs);
			this.#queued[slot] = ts;
			this.#adopt(slot);
		}
		this.#remember(cpu, slot);
		const into = front
			? this.#waiting(this.#byStart, dev, sector + nr, op, slot)
			: this.#waiting(this.#byEnd, dev, sector, op, slot);
		// The request was there before the window: its issue will gather the bio.
		if (into >= 0) this.#merge(slot, into);
	}

	/** The event shows the request that vanishes: the one behind another. */
	#mergeRequests(dev: number, sector: number, nr: number, rwbs: number): void {
		const op = this.#ops.of(rwbs, nr);
		const slot = this.#find(dev, sector, op, State.request, -1);
		if (slot < 0) return;
		const into = this.#waiting(this.#byEnd, dev, sector, op, slot);
		if (into >= 0) this.#merge(slot, into);
	}

	#insert(
		ts: number,
		cpu: number,
		utid: number,
		dev: number,
		sectorShown: number,
		nr: number,
		rwbs: number,
		bytes: number,
	): void {
		const op = this.#ops.of(rwbs, nr);
		const sector = this.#sectorOf(sectorShown);
		let slot = this.#gather(dev, sector, nr, op);
		if (slot < 0) {
			this.#dropDoubtful(dev, sector, op);
			slot = this.#create(State.request, cpu, utid, dev, sector, nr, op, rwbs);
			this.#queued[slot] = ts;
			this.#adopt(slot);
			this.#gatherFront(slot);
		}
		this.#state[slot] = State.request;
		this.#sized(slot, sector, nr, bytes);
		this.#remember(cpu, slot);
	}

	#issue(
		ts: number,
		cpu: number,
		utid: number,
		dev: number,
		sectorShown: number,
		nr: number,
		rwbs: number,
		bytes: number,
	): void {
		const op = this.#ops.of(rwbs, nr);
		const sector = this.#sectorOf(sectorShown);
		// There is one flush at a time with the driver (block/blk-flush.c): another that saw a loss is over.
		if (op === FLUSH) this.#dropDoubtful(dev, 0, op);
		let slot = this.#gather(dev, sector, nr, op);
		if (slot < 0) {
			this.#dropDoubtful(dev, sector, op);
			slot = this.#create(State.request, cpu, Number.NaN, dev, sector, nr, op, rwbs);
			this.#adopt(slot);
			this.#gatherFront(slot);
		}
		this.#sized(slot, sector, nr, bytes);
		if (op !== FLUSH) this.#byEnd.remove(slot);
		this.#state[slot] = State.issued;
		this.#issued[slot] = ts;
		this.#issuer[slot] = utid;
		this.#remember(cpu, slot);
	}

	/** Size of a request as its own event tells it: whatever merged into it is inside. */
	#sized(slot: number, sector: number, nr: number, bytes: number): void {
		if (this.#left[slot] !== nr) {
			this.#resize(slot, sector, nr);
			this.#bytes[slot] = nr * SECTOR_BYTES;
		}
		if (bytes > 0) this.#bytes[slot] = bytes;
	}

	#requeue(dev: number, sectorShown: number, nr: number, rwbs: number): void {
		const op = this.#ops.of(rwbs, nr);
		const slot = this.#find(dev, this.#sectorOf(sectorShown), op, State.issued, -1);
		if (slot < 0) return;
		this.#state[slot] = State.request;
		this.#requeues[slot]!++;
		if (op !== FLUSH) this.#byEnd.add(slot, dev, this.#at[slot]! + this.#left[slot]!, op);
	}

	#completeRequest(
		ts: number,
		cpu: number,
		dev: number,
		sectorShown: number,
		nr: number,
		rwbs: number,
		error: number,
	): void {
		const op = this.#ops.of(rwbs, nr);
		const sector = this.#sectorOf(sectorShown);
		if (nr === 0 && op !== FLUSH) {
			this.#completeEmpty(ts, dev, sector, op, error);
			return;
		}
		let slot = this.#find(dev, sector, op, State.issued, -1);
		// Where the issue was lost or is not recorded the queueing must do.
		if (slot < 0) slot = this.#find(dev, sector, op, State.request, -1);
		if (slot < 0) slot = this.#find(dev, sector, op, State.bio, -1);
		if (slot < 0) {
			this.#completeUnknown(ts, cpu, dev, sector, nr, op, rwbs, error);
			return;
		}
		if (op === FLUSH && !Number.isNaN(this.#queued[slot]!))
			this.#owed.set(dev, (this.#owed.get(dev) ?? 0) + 1);
		if (error !== 0) this.#error[slot] = error;
		if (nr < this.#left[slot]!) this.#advance(slot, nr);
		else this.#close(slot, ts);
	}

	/**
	 * A completion of no sectors: the second one of a write with FUA, or the end of a bio that was a flush only
	 * (block/blk-flush.c ends the request after the flush that was sent for it), or a command without data.
	 */
	#completeEmpty(ts: number, dev: number, sector: number, op: number, error: number): void {
		for (let slot = this.#byStart.first(dev, sector, op); slot >= 0; slot = this.#byStart.after(slot)) {
			if (this.#state[slot] === State.issued && this.#left[slot] === 0) {
				this.#error[slot] = error;
				this.#close(slot, ts);
				return;
			}
		}
		if (sector !== 0) return;
		const owed = this.#owed.get(dev) ?? 0;
		if (owed > 0) {
			this.#owed.set(dev, owed - 1);
			return;
		}
		// Two flushes were served by one.
		let slot = this.#find(dev, 0, FLUSH, State.request, -1);
		if (slot < 0) slot = this.#find(dev, 0, FLUSH, State.bio, -1);
		if (slot >= 0) this.#close(slot, ts);
	}

	/** Nothing of this I/O was seen before its completion. */
	#completeUnknown(
		ts: number,
		cpu: number,
		dev: number,
		sector: number,
		nr: number,
		op: number,
		rwbs: number,
		error: number,
	): void {
		const slot = this.#create(State.issued, cpu, Number.NaN, dev, sector, nr, op, rwbs);
		this.#error[slot] = error;
		this.#close(slot, ts);
	}

	/** End of a bio of a stacked device. (For bios that became requests the kernel fires no such event.) */
	#completeBio(ts: number, dev: number, sector: number, nr: number, rwbs: number, error: number): void {
		this.#bioCompletes = true;
		const op = this.#ops.of(rwbs, nr);
		const slot = this.#find(dev, this.#sectorOf(sector), op, State.bio, -1);
		if (slot < 0) return;
		this.#error[slot] = error;
		this.#close(slot, ts);
	}

	/**
	 * An I/O on `oldDev` goes on as one on `dev`. Partitions are remapped so too, but nothing is queued on them; where
	 * a remap to a partition is followed by that of the partition, both lead to the same upper I/O.
	 */
	#remap(dev: number, sector: number, nr: number, rwbs: number, oldDev: number, oldSector: number): void {
		const op = this.#ops.of(rwbs, nr);
		const at = op === FLUSH ? 0 : sector;
		const oldAt = op === FLUSH ? 0 : oldSector;
		const parent = this.#upper(oldDev, oldAt, op);
		if (parent >= 0) {
			this.#lastParent = parent;
			this.#lastParentIo = this.#io[parent]!;
			this.#remaps.put(dev, at, op, parent, this.#io[parent]!);
		} else if (this.#remaps.take(dev, oldAt, op)) {
			this.#remaps.put(dev, at, op, this.#remaps.parent, this.#remaps.io);
		}
	}

	/** The open I/O of which a remap tells: a bio of a stacked device, or a request of one (multipath). */
	#upper(dev: number, sector: number, op: number): number {
		const bio = this.#find(dev, sector, op, State.bio, -1);
		if (bio >= 0) return bio;
		const request = this.#find(dev, sector, op, State.issued, -1);
		if (request >= 0) return request;
		// An upper bio may be cut into several lower ones: the others begin inside it.
		const last = this.#lastParent;
		if (!this.#isOpen(last, this.#lastParentIo) || this.#dev[last] !== dev || this.#op[last] !== op)
			return -1;
		const start = this.#sector[last]!;
		return sector >= start && sector < start + this.#left[last]! ? last : -1;
	}

	/** Links a new I/O to the upper one of which a remap has told. */
	#adopt(slot: number): void {
		if (!this.#remaps.take(this.#dev[slot]!, this.#sector[slot]!, this.#op[slot]!)) return;
		this.#link(slot, this.#remaps.parent, this.#remaps.io);
	}

	#link(slot: number, parent: number, io: number): void {
		this.#parent[slot] = parent;
		this.#parentIo[slot] = io;
		if (this.#isOpen(parent, io)) this.#parts[parent]!++;
	}

	#isOpen(slot: number, io: number): boolean {
		return slot >= 0 && this.#state[slot] !== State.free && this.#io[slot] === io;
	}

	#sectorOf(shown: number): number {
		return shown >= NO_SECTOR || shown < 0 ? 0 : shown;
	}

	#firstSight(slot: number): number {
		return Number.isNaN(this.#queued[slot]!) ? this.#issued[slot]! : this.#queued[slot]!;
	}

	/** The oldest I/O with the key in a state; one that this thread queued is preferred (utid -1 = no matter who). */
	#find(dev: number, sector: number, op: number, state: State, utid: number): number {
		let best = -1;
		const at = op === FLUSH ? 0 : sector;
		for (let slot = this.#byStart.first(dev, at, op); slot >= 0; slot = this.#byStart.after(slot)) {
			if (this.#state[slot] !== state) continue;
			if (best >= 0) {
				const own = this.#utid[slot] === utid;
				const bestOwn = this.#utid[best] === utid;
				if (own === bestOwn ? this.#io[slot]! > this.#io[best]! : bestOwn) continue;
			}
			best = slot;
		}
		return best;
	}

	/** A request that waits, else a bio that waits (where getrq is not recorded), other than `self`. */
	#waiting(index: SlotIndex, dev: number, sector: number, op: number, self: number): number {
		let best = -1;
		for (let slot = index.first(dev, sector, op); slot >= 0; slot = index.after(slot)) {
			const state = this.#state[slot]!;
			if (slot === self || (state !== State.request && state !== State.bio)) continue;
			// The newest: a request that could still be merged with.
			const better =
				best < 0 ||
				state > this.#state[best]! ||
				(state === this.#state[best] && this.#io[slot]! > this.#io[best]!);
			if (better) best = slot;
		}
		return best;
	}

	/**
	 * The waiting request of [sector, sector + nr), with what merged into it unseen: bios (and requests) that follow
	 * each other from its first sector on. The one that got a request is the one that stays.
	 */
	#gather(dev: number, sector: number, nr: number, op: number): number {
		let first = this.#find(dev, sector, op, State.request, -1);
		if (first < 0) first = this.#find(dev, sector, op, State.bio, -1);
		if (first < 0 || op === FLUSH) return first;
		const end = sector + nr;
		let stays = first;
		let at = sector + this.#left[first]!;
		while (at < end) {
			const next = this.#follower(dev, at, op, stays);
			if (next < 0 || at + this.#left[next]! > end) break;
			at += this.#left[next]!;
			if (this.#state[stays] === State.bio && this.#state[next] === State.request) {
				this.#merge(stays, next);
				stays = next;
			} else this.#merge(next, stays);
		}
		return stays;
	}

	#follower(dev: number, sector: number, op: number, self: number): number {
		return this.#waiting(this.#byStart, dev, sector, op, self);
	}

	/** For a request of which nothing was seen before: bios at its end that were merged into it. */
	#gatherFront(slot: number): void {
		const op = this.#op[slot]!;
		if (op === FLUSH) return;
		const first = this.#at[slot]!;
		let end = first + this.#left[slot]!;
		while (end > first) {
			let found = -1;
			for (let s = this.#byEnd.first(this.#dev[slot]!, end, op); s >= 0; s = this.#byEnd.after(s)) {
				if (s !== slot && this.#state[s] === State.bio && this.#at[s]! > first) found = s;
			}
			if (found < 0) return;
			end = this.#at[found]!;
			this.#takeIn(found, slot);
		}
	}

	/** Merges an I/O into a waiting request that it continues at either end. */
	#merge(slot: number, into: number): void {
		const nr = this.#left[slot]!;
		const front = this.#at[slot]! + nr === this.#at[into];
		const start = front ? this.#at[slot]! : this.#at[into]!;
		this.#resize(into, start, this.#left[into]! + nr);
		this.#bytes[into]! += this.#bytes[slot]!;
		this.#takeIn(slot, into);
	}

	/** Makes an I/O part of another, whose size tells it already. */
	#takeIn(slot: number, into: number): void {
		this.#unindex(slot);
		this.#state[slot] = State.merged;
		this.#mergedInto[slot] = this.#io[into]!;
		this.#merges[into]! += 1 + this.#merges[slot]!;
		this.#append(into, slot);
		for (let m = this.#firstMerged[slot]!; m >= 0; ) {
			const next = this.#nextMerged[m]!;
			this.#append(into, m);
			m = next;
		}
		this.#firstMerged[slot] = -1;
	}

	#append(into: number, slot: number): void {
		this.#nextMerged[slot] = -1;
		if (this.#firstMerged[into]! < 0) this.#firstMerged[into] = slot;
		else this.#nextMerged[this.#lastMerged[into]!] = slot;
		this.#lastMerged[into] = slot;
	}

	/** An open I/O that saw a loss, now that its key is used again: it must have completed unseen. */
	#dropDoubtful(dev: number, sector: number, op: number): void {
		if (Number.isNaN(this.#lossEnd)) return;
		for (let slot = this.#byStart.first(dev, sector, op); slot >= 0; ) {
			const next = this.#byStart.after(slot);
			const waits = op === FLUSH && this.#state[slot] !== State.issued;
			if (!waits && !Number.isNaN(this.#lossFrom[slot]!)) this.#leaveOpen(slot, this.#lossFrom[slot]!);
			slot = next;
		}
	}

	/** Bios of devices whose completions are not recorded stay open for ever: memory is bounded, so the older half goes. */
	#giveUpOldest(ts: number): void {
		const newest = this.#lastIo - OPEN_LIMIT / 2;
		for (let slot = 0; slot < this.#used; slot++) {
			if (this.#state[slot] !== State.bio || this.#io[slot]! > newest) continue;
			this.#context.note(
				"info",
				"block-io-unfinished",
				"a bio whose completion the recorded events do not show was given up",
				this.#cpu[slot]!,
			);
			this.#leaveOpen(slot, ts);
		}
	}

	#remember(cpu: number, slot: number): void {
		if (cpu >= this.#lastSlot.length) {
			const had = this.#lastSlot.length;
			this.#lastSlot = grown(this.#lastSlot, Math.max(cpu + 1, had * 2));
			this.#lastSlot.fill(-1, had);
			this.#lastSlotIo = grown(this.#lastSlotIo, this.#lastSlot.length);
		}
		if (!this.#completions) this.#endUnknown(cpu, slot);
		this.#lastSlot[cpu] = slot;
		this.#lastSlotIo[cpu] = this.#io[slot]!;
	}

	/** Where completions are not recorded, an issued request is over for us once its stack cannot come any more. */
	#endUnknown(cpu: number, slot: number): void {
		const last = this.#lastSlot[cpu]!;
		if (last !== slot && this.#isOpen(last, this.#lastSlotIo[cpu]!) && this.#state[last] === State.issued) {
			this.#leaveOpen(last, Number.NaN);
		}
	}

	#create(
		state: State,
		cpu: number,
		utid: number,
		dev: number,
		sector: number,
		nr: number,
		op: number,
		rwbs: number,
	): number {
		const slot = this.#free.length > 0 ? this.#free.pop()! : this.#newSlot();
		const at = op === FLUSH ? 0 : sector;
		this.#state[slot] = state;
		this.#io[slot] = ++this.#lastIo;
		this.#dev[slot] = dev;
		this.#sector[slot] = at;
		this.#at[slot] = at;
		this.#left[slot] = nr;
		this.#bytes[slot] = nr * SECTOR_BYTES;
		this.#op[slot] = op;
		this.#rwbs[slot] = rwbs;
		this.#utid[slot] = utid;
		this.#issuer[slot] = Number.NaN;
		this.#cpu[slot] = cpu;
		this.#queued[slot] = Number.NaN;
		this.#issued[slot] = Number.NaN;
		this.#error[slot] = 0;
		this.#merges[slot] = 0;
		this.#requeues[slot] = 0;
		this.#stack[slot] = -1;
		this.#issueStack[slot] = 0;
		this.#lossFrom[slot] = Number.NaN;
		this.#parent[slot] = -1;
		this.#parentIo[slot] = -1;
		this.#parts[slot] = 0;
		this.#doneBytes[slot] = 0;
		this.#nextMerged[slot] = -1;
		this.#firstMerged[slot] = -1;
		this.#mergedInto[slot] = -1;
		this.#byStart.add(slot, dev, at, op);
		if (op !== FLUSH && state !== State.issued) this.#byEnd.add(slot, dev, at + nr, op);
		return slot;
	}

	#unindex(slot: number): void {
		this.#byStart.remove(slot);
		if (this.#op[slot] !== FLUSH && this.#state[slot] !== State.issued) this.#byEnd.remove(slot);
	}

	/** Another place or size of a waiting I/O. */
	#resize(slot: number, sector: number, nr: number): void {
		this.#unindex(slot);
		this.#sector[slot] = sector;
		this.#at[slot] = sector;
		this.#left[slot] = nr;
		const dev = this.#dev[slot]!;
		const op = this.#op[slot]!;
		this.#byStart.add(slot, dev, sector, op);
		if (op !== FLUSH && this.#state[slot] !== State.issued) this.#byEnd.add(slot, dev, sector + nr, op);
	}

	/** A part has completed: the next completion shows the sector behind it. */
	#advance(slot: number, nr: number): void {
		this.#unindex(slot);
		this.#at[slot]! += nr;
		this.#left[slot]! -= nr;
		const dev = this.#dev[slot]!;
		const op = this.#op[slot]!;
		this.#byStart.add(slot, dev, this.#at[slot]!, op);
		if (op !== FLUSH && this.#state[slot] !== State.issued) {
			this.#byEnd.add(slot, dev, this.#at[slot]! + this.#left[slot]!, op);
		}
	}

	#leaveOpen(slot: number, end: number): void {
		this.#unindex(slot);
		this.#emitWithMerged(slot, end, false);
	}

	#close(slot: number, ts: number): void {
		this.#unindex(slot);
		this.#emitWithMerged(slot, ts, true);
	}

	/** Writes the row of an I/O and of all that merged into it, and frees them. */
	#emitWithMerged(slot: number, end: number, completed: boolean): void {
		const issued = this.#issued[slot]!;
		const issuer = this.#issuer[slot]!;
		const error = this.#error[slot]!;
		let next = this.#firstMerged[slot]!;
		this.#emit(slot, end, completed);
		while (next >= 0) {
			const merged = next;
			next = this.#nextMerged[merged]!;
			this.#issued[merged] = issued;
			this.#issuer[merged] = issuer;
			this.#error[merged] = error;
			this.#emit(merged, end, completed);
		}
	}

	#emit(slot: number, end: number, completed: boolean): void {
		const row = this.#row;
		const timed = this.#timed;
		const queued = this.#queued[slot]!;
		const issued = this.#issued[slot]!;
		const seen = Number.isNaN(queued) ? issued : queued;
		const unseen = Number.isNaN(seen);
		row.ts = unseen ? this.#startOfSight(end) : seen;
		row.dur = timed && !(unseen && !this.#issues) ? end - row.ts : Number.NaN;
		row.io = this.#io[slot]!;
		row.dev = this.#dev[slot]!;
		row.sector = this.#op[slot] === FLUSH ? Number.NaN : this.#sector[slot]!;
		row.bytes = this.#bytes[slot]!;
		row.op = this.#ops.code(this.#op[slot]!);
		row.rwbs = this.#rwbs[slot]!;
		row.utid = this.#utid[slot]!;
		row.issuer_utid = this.#issuer[slot]!;
		row.cpu = this.#cpu[slot]!;
		row.queued_ts = queued;
		row.issued_ts = issued;
		row.completed_ts = completed ? end : Number.NaN;
		row.queue_ns = timed ? issued - queued : Number.NaN;
		row.service_ns = timed && completed ? end - issued : Number.NaN;
		row.total_ns = timed && completed ? end - queued : Number.NaN;
		row.error = completed ? this.#error[slot]! : Number.NaN;
		row.merges = this.#merges[slot]!;
		row.merged_into = this.#mergedInto[slot]! < 0 ? Number.NaN : this.#mergedInto[slot]!;
		row.parent_io = this.#parentIo[slot]! < 0 ? Number.NaN : this.#parentIo[slot]!;
		row.requeues = this.#requeues[slot]!;
		row.stack_id = this.#stack[slot]! < 0 ? Number.NaN : this.#stack[slot]!;
		row.open_left = unseen ? 1 : 0;
		row.open_right = completed ? 0 : 1;
		this.#out.append(row);
		this.#state[slot] = State.free;
		this.#free.push(slot);
		if (completed) this.#partDone(slot, end);
	}

	#startOfSight(ts: number): number {
		const start = Number.isNaN(this.#lossEnd) ? this.#windowStart : this.#lossEnd;
		return this.#issues && start <= ts ? start : ts;
	}

	/** Without block_bio_complete an upper I/O is done when all its parts are. */
	#partDone(slot: number, ts: number): void {
		const parent = this.#parent[slot]!;
		if (!this.#isOpen(parent, this.#parentIo[slot]!)) return;
		this.#parts[parent]!--;
		this.#doneBytes[parent]! += this.#bytes[slot]!;
		if (this.#error[slot] !== 0) this.#error[parent] = this.#error[slot]!;
		const bioOnly = this.#state[parent] === State.bio;
		if (this.#bioCompletes || !bioOnly) return;
		if (this.#parts[parent] === 0 && this.#doneBytes[parent]! >= this.#bytes[parent]!)
			this.#close(parent, ts);
	}

	#newSlot(): number {
		if (this.#used === this.#capacity) this.#grow();
		return this.#used++;
	}

	#grow(): void {
		this.#capacity *= 2;
		const n = this.#capacity;
		this.#state = grown(this.#state, n);
		this.#io = grown(this.#io, n);
		this.#dev = grown(this.#dev, n);
		this.#sector = grown(this.#sector, n);
		this.#at = grown(this.#at, n);
		this.#left = grown(this.#left, n);
		this.#bytes = grown(this.#bytes, n);
		this.#op = grown(this.#op, n);
		this.#rwbs = grown(this.#rwbs, n);
		this.#utid = grown(this.#utid, n);
		this.#issuer = grown(this.#issuer, n);
		this.#cpu = grown(this.#cpu, n);
		this.#queued = grown(this.#queued, n);
		this.#issued = grown(this.#issued, n);
		this.#error = grown(this.#error, n);
		this.#merges = grown(this.#merges, n);
		this.#requeues = grown(this.#requeues, n);
		this.#stack = grown(this.#stack, n);
		this.#issueStack = grown(this.#issueStack, n);
		this.#lossFrom = grown(this.#lossFrom, n);
		this.#parent = grown(this.#parent, n);
		this.#parentIo = grown(this.#parentIo, n);
		this.#parts = grown(this.#parts, n);
		this.#doneBytes = grown(this.#doneBytes, n);
		this.#nextMerged = grown(this.#nextMerged, n);
		this.#firstMerged = grown(this.#firstMerged, n);
		this.#lastMerged = grown(this.#lastMerged, n);
		this.#mergedInto = grown(this.#mergedInto, n);
	}
}
