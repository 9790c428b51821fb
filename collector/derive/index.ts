/** All derivations, in the order in which they see each event: later ones read what earlier ones know. */
import type { Derivation, DeriveContext } from "./derivation.ts";
import { ThreadIdentity } from "./thread-identity.ts";

export function createDerivations(context: DeriveContext, derived: boolean): readonly Derivation[] {
	const identity = new ThreadIdentity(context);
	if (!derived) return [identity];
	return [identity];
}
