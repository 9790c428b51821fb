/** The tables `file_io` and `socket_io`: what descriptors of processes mean, call by call. */
import type { Derivation, DeriveContext, Subscription } from "./derivation.ts";
import type { Identities } from "./index.ts";
import type { CallListener, EndedCall } from "./syscall.ts";

export class Descriptors implements Derivation, CallListener {
	readonly events: Readonly<Record<string, Subscription>> = {};

	constructor(
		readonly context: DeriveContext,
		readonly identities: Identities,
	) {}

	ended(_call: EndedCall): void {}

	finish(): void {}
}
