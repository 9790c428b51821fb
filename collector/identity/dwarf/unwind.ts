/**
 * User stacks of `perf record --call-graph dwarf`: registers and the top of the stack of a sample, unwound by the call
 * frame information of the programs.
 */
import type { Binary } from "../binary.ts";
import type { Caller } from "./call-frames.ts";

export interface StackSample {
	/** e_machine of the traced program: EM_PPC64 = 21, EM_X86_64 = 62. */
	readonly machine: number;
	readonly littleEndian: boolean;
	/** By DWARF number, as `dwarfRegisters` gives them. */
	readonly registers: ReadonlyMap<number, bigint>;
	readonly pc: bigint;
	/** Memory that was recorded: `length` bytes from `offset` of the view are the program's from address `base`. */
	readonly stack: {
		readonly base: bigint;
		readonly view: DataView;
		readonly offset: number;
		readonly length: number;
	};
	/** Program or library that is mapped at an address, and the address in its file. */
	locate(address: bigint): { readonly binary: Binary; readonly address: number } | null;
}

export interface UserStack {
	/** Leaf first: the program counter, then return addresses as they stand in memory. Never empty. */
	readonly addresses: bigint[];
	/** The outermost frame was reached. */
	readonly complete: boolean;
	/** Why it was not. */
	readonly reason: string | null;
}

const EM_PPC64 = 21;
const stackPointers: Readonly<Record<number, number>> = { [EM_PPC64]: 1, 62: 7 };
const LINK_REGISTER = 65;
/** As perf's default (kernel.perf_event_max_stack is 127). */
const maxFrames = 128;

/** Does not throw; what is missing ends the stack. */
export function unwind(sample: StackSample): UserStack {
	return new Unwinder(sample).run();
}

class Unwinder {
	readonly #sample: StackSample;
	readonly #stackPointer: number;
	readonly #addresses: bigint[];
	#registers: ReadonlyMap<number, bigint>;
	#pc: bigint;
	/** The program counter is the instruction itself, not one behind a call. */
	#exact = true;
	/** What a read of memory that was not recorded met. */
	#missing: string | null = null;

	constructor(sample: StackSample) {
		this.#sample = sample;
		this.#stackPointer = stackPointers[sample.machine] ?? -1;
		this.#registers = sample.registers;
		this.#pc = sample.pc;
		this.#addresses = [sample.pc];
	}

	run(): UserStack {
		let cfa = this.#registers.get(this.#stackPointer);
		if (cfa === undefined) return this.#stop("the stack pointer was not recorded");
		// a leaf function may have no frame of its own, others do
		let risen = true;
		while (this.#addresses.length < maxFrames) {
			const found = this.#caller();
			if (typeof found === "string") return this.#stop(found);
			if (found.returnAddress === 0n) return { addresses: this.#addresses, complete: true, reason: null };
			// a handler may run on a stack of its own
			const signal = found.signal === true;
			if (!signal && (found.cfa < cfa || (found.cfa === cfa && !risen)))
				return this.#stop("the frames do not rise");
			risen = signal;
			cfa = found.cfa;
			this.#registers = found.registers;
			this.#pc = found.returnAddress;
			this.#exact = signal;
			this.#addresses.push(found.returnAddress);
		}
		return this.#stop(`more than ${maxFrames} frames`);
	}

	#stop(reason: string): UserStack {
		return { addresses: this.#addresses, complete: false, reason };
	}

	/** The caller, or why it is not known. */
	#caller(): Caller | string {
		// a call may be the last instruction of its function
		const address = this.#exact ? this.#pc : this.#pc - 1n;
		const place = address < 0n ? null : this.#sample.locate(address);
		if (!place) {
			// what has made a call has a frame, whatever program it is of; of a leaf nothing is known
			if (this.#sample.machine === EM_PPC64 && !this.#exact) return this.#followBackChain(null);
			return `0x${this.#pc.toString(16)} lies in no known program or library`;
		}
		const { frames } = place.binary;
		this.#missing = null;
		const caller: Caller | null = frames?.step(place.address, this.#registers, this.#read) ?? null;
		if (caller) return caller;
		if (this.#missing) return this.#missing;
		if (this.#sample.machine === EM_PPC64) return this.#followBackChain(place);
		return frames?.stateAt(place.address)
			? "a register that the call frame information needs is not known"
			: `no call frame information for 0x${this.#pc.toString(16)}`;
	}

	readonly #read = (address: bigint): bigint | null => {
		const { base, view, offset, length } = this.#sample.stack;
		const end = base + BigInt(length);
		const at = offset + Number(address - base);
		if (address >= base && address + 8n <= end && at + 8 <= view.byteLength)
			return view.getBigUint64(at, this.#sample.littleEndian);
		this.#missing ??=
			address < base
				? `memory at 0x${address.toString(16)}, below the dump, is needed`
				: `the dump of ${length} bytes ends here`;
		return null;
	};

	/**
	 * Without call frame information, or without the program (null). What every function of POWER keeps to: the word at r1 points to the caller's frame, where the return address is
	 * saved at 16 (64-Bit ELF V2 ABI, section 2.2.2).
	 */
	#followBackChain(place: { readonly binary: Binary; readonly address: number } | null): Caller | string {
		const r1 = this.#registers.get(1);
		if (r1 === undefined) return "r1 is not known";
		const link = this.#registers.get(LINK_REGISTER);
		const chain = this.#read(r1);
		const saved = chain === null || chain === 0n ? null : this.#read(chain + 16n);
		if (
			this.#exact &&
			place &&
			link !== undefined &&
			link !== saved &&
			this.#isUntouched(link, place.binary, place.address)
		)
			return { registers: new Map(this.#registers), returnAddress: link, cfa: r1 };
		if (chain === null) return this.#missing!;
		const registers = new Map([...this.#registers].filter(([number]) => number < 14));
		registers.set(1, chain);
		if (chain === 0n) return { registers, returnAddress: 0n, cfa: r1 };
		if (chain <= r1 || chain % 16n !== 0n) return "the back chain is broken";
		if (saved === null) return this.#missing!;
		registers.set(LINK_REGISTER, saved);
		return { registers, returnAddress: saved, cfa: chain };
	}

	/**
	 * Whether the link register holds the return address of the running function: it holds an address inside the function
	 * once that has called another. Linker stubs are no functions, and call none.
	 */
	#isUntouched(link: bigint, binary: Binary, address: number): boolean {
		const target = this.#sample.locate(link - 1n);
		if (!target) return false;
		const running = binary.function(address);
		const caller = target.binary.function(target.address);
		if (!running) return caller !== null;
		return target.binary !== binary || target.address < running.start || target.address >= running.end;
	}
}
