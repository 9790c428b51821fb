/**
 * All derivations, in the order in which they see each event: interrupts first, since they tell who wakes a thread;
 * then who runs, then what a thread waits for, then the calls in which it waits.
 */
import type { Cgroups } from "../identity/cgroups.ts";
import type { Files } from "../identity/files.ts";
import type { Sockets } from "../identity/sockets.ts";
import type { OpenFileFact, WorkingDirectoryFact } from "../side/index.ts";
import { BlockIos } from "./block-io.ts";
import { CgroupThreads } from "./cgroup-thread.ts";
import type { Derivation, DeriveContext } from "./derivation.ts";
import { Descriptors } from "./descriptors.ts";
import { Frequencies } from "./frequency.ts";
import { Futexes } from "./futex.ts";
import { IdleStates } from "./idle-state.ts";
import { Interrupts } from "./irq.ts";
import { Lost } from "./lost.ts";
import { Sched } from "./sched.ts";
import { Syscalls } from "./syscall.ts";
import { ThreadIdentity } from "./thread-identity.ts";
import { ThreadStates } from "./thread-state.ts";

/** What derivations add to, besides threads. */
export interface Identities {
	readonly cgroups: Cgroups;
	readonly files: Files;
	readonly sockets: Sockets;
	readonly openFiles: readonly OpenFileFact[];
	readonly workingDirectories: readonly WorkingDirectoryFact[];
}

/** Without `derived`: only what the event tables need (thread identity), and the gaps. */
export function createDerivations(
	context: DeriveContext,
	derived: boolean,
	identities: Identities,
): readonly Derivation[] {
	const identity = new ThreadIdentity(context);
	const lost = new Lost(context);
	if (!derived) return [identity, lost];
	const interrupts = new Interrupts(context);
	const states = new ThreadStates(context);
	const descriptors = new Descriptors(context, identities);
	const syscalls = new Syscalls(context, states, [new Futexes(context, states), descriptors]);
	states.connect(syscalls, interrupts);
	return [
		identity,
		lost,
		interrupts,
		new Sched(context),
		// before the states: a call that is open at the end takes their totals before they close
		syscalls,
		states,
		new BlockIos(context),
		new IdleStates(context),
		new Frequencies(context),
		new CgroupThreads(context, identities.cgroups),
		descriptors,
	];
}
