/** The lines of truth.json beside an archive: what each part of the workload did, counted around its own calls. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestTrace } from "../../support/traces.ts";

export type Actor =
	| {
			actor: "misc";
			pid: number;
			tid: number;
			nanosleep_alpha: number;
			open_ENOENT: number;
			close_EBADF: number;
			recv_EAGAIN: number;
			poll_timeout: number;
			epoll_timeout: number;
			fork_exec: number;
	  }
	| {
			actor: "log";
			tid: number;
			file: string;
			fd: number;
			write: number;
			bytes: number;
			fdatasync: number;
			fdatasync_ns: number;
			fdatasync_max_ns: number;
	  }
	| { actor: "dread"; tid: number; dev: string; fd: number; pread: number; bytes: number }
	| {
			actor: "convoy";
			tid: number;
			comm: string;
			uaddr: string;
			wait_calls: number;
			wait_eagain: number;
			wake_calls: number;
			woken: number;
			max_wait_ns: number;
	  }
	| {
			actor: "tcp" | "udp" | "unix";
			w_tid: number;
			r_tid: number;
			w_fd: number;
			r_fd: number;
			w_port: number;
			r_port: number;
			sends: number;
			sent: number;
			recvs: number;
			recvd: number;
	  }
	| { actor: "spin"; tid: number; comm: string; cpu_ns: number }
	| { actor: "fifo"; tid: number; nanosleeps: number }
	| { actor: "convoy_total" | "end"; pid: number };

/** The kind of line that has this name. */
export type Named<K extends string> = Actor extends infer A
	? A extends { actor: infer N }
		? K extends N
			? A
			: never
		: never
	: never;

export function truthOf(trace: TestTrace): Actor[] {
	return readFileSync(join(trace.folder, "truth.json"), "utf8")
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => JSON.parse(line) as Actor);
}
