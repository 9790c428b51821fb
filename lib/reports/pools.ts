/** How flame graphs name processes and threads, so that alike ones make one box. */
import type { ThreadRef } from "../dataset/thread-ref.ts";
import { processName, threadName } from "./subject.ts";

export interface Pool {
	readonly process: string;
	readonly thread: string;
}

/** Processes of one name, and threads of a pool by the name without its digits: "order-w* (6 threads)". */
export function poolNames(stacks: readonly ThreadRef[]): ReadonlyMap<number | null, Pool> {
	const members = new Map<string, Set<number | null>>();
	const add = (key: string, id: number | null) =>
		members.set(key, (members.get(key) ?? new Set<number | null>()).add(id));
	const processKey = (s: ThreadRef) => `process ${s.process}`;
	const stem = (s: ThreadRef) => (s.name ?? "unknown").replace(/\d+/g, "*");
	const threadKey = (s: ThreadRef) => `thread ${s.process} ${stem(s)}`;
	for (const s of stacks) {
		add(processKey(s), s.tgid ?? s.utid);
		add(threadKey(s), s.utid);
	}
	return new Map(
		stacks.map((s) => {
			const processes = members.get(processKey(s))?.size ?? 1;
			const threads = members.get(threadKey(s))?.size ?? 1;
			return [
				s.utid,
				{
					process: processes === 1 ? processName(s) : `${s.process ?? "unknown"} (${processes} processes)`,
					thread: threads === 1 ? threadName(s) : `${stem(s)} (${threads} threads)`,
				},
			];
		}),
	);
}
