/**
 * The folded form that flame graph tools read: "process;thread;frame;… weight" per line, root first. A semicolon in a
 * name becomes a colon; what would break a line or act on a terminal is written as \xNN.
 * Format: https://github.com/brendangregg/FlameGraph, section "Fold stacks".
 */
import type { ThreadRef } from "../dataset/thread-ref.ts";
import { printable } from "../figures/text.ts";
import { CallTree } from "../stacks/call-tree.ts";
import { NO_STACK, type StackFrame } from "../stacks/frames.ts";
import type { ProfileStack } from "../stacks/profile.ts";
import type { WeightedFrames } from "../stacks/stream.ts";
import type { WaitStack } from "../stacks/waits.ts";

/** Gathers stacks; equal ones are merged. */
export class Folded {
	private readonly tree = new CallTree();
	/** As written, by their numbers in the tree. */
	private readonly names: string[] = [];
	/** Frames are shared by the stacks of a trace. */
	private readonly numbers = new Map<StackFrame, number>();

	add({ thread, frames, weight }: WeightedFrames): void {
		const path = [
			this.number(thread.process ?? "unknown"),
			this.number(`${thread.name ?? "unknown"} (${thread.tid ?? "?"})`),
		];
		if (frames.length === 0) path.push(this.number(NO_STACK));
		for (const frame of frames) path.push(this.frameNumber(frame));
		this.tree.add(path, weight);
	}

	/** With their line ends, sorted by frame. Weights are whole numbers below 2^53, or rounded. */
	*lines(): Generator<string, void, void> {
		for (const { path, weight } of this.tree.paths())
			yield `${path.map((n) => this.names[n]).join(";")} ${BigInt(Math.round(weight))}\n`;
	}

	private number(name: string): number {
		const written = printable(name).replaceAll(";", ":");
		const number = this.tree.number(written);
		this.names[number] = written;
		return number;
	}

	private frameNumber(frame: StackFrame): number {
		let number = this.numbers.get(frame);
		if (number === undefined) {
			number = this.number(frame.name);
			this.numbers.set(frame, number);
		}
		return number;
	}
}

/** Folded lines of waits; the numbers sum to their time, ns. */
export function foldWaits(waits: readonly WaitStack[]): string {
	return folded(waits.map((w) => ({ thread: w, frames: w.frames, weight: w.ns })));
}

/** Folded lines of an on-CPU profile; the numbers sum to the weight of its samples. */
export function foldProfile(stacks: readonly ProfileStack[]): string {
	return folded(stacks.map((s) => ({ thread: s as ThreadRef, frames: s.frames, weight: s.weight })));
}

function folded(stacks: readonly WeightedFrames[]): string {
	const all = new Folded();
	for (const stack of stacks) all.add(stack);
	return [...all.lines()].join("");
}
