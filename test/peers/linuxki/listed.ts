/** Where kiinfo's print and our rows differ, and why: by archive, then event, then what differs, with its count. */
type Listed = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;

const differences: Listed = {};

/** Differences that are known of the lines of one event. */
export function listed(archive: string, event: string): Readonly<Record<string, number>> {
	return differences[archive]?.[event] ?? {};
}
