import type { Scope } from "../dataset/scope.ts";
import { sentence } from "../figures/numbers.ts";
import type { Block, NoticeBlock } from "./document.ts";
import type { Findings } from "./report.ts";

/** The notice where something was recorded and there is none: by the condition, in the window, or at all. */
export function noneNotice(scope: Scope, what: string): NoticeBlock {
	if (scope.where !== undefined)
		return {
			kind: "notice",
			reason: "filtered",
			title: `${what}: none that fulfil the condition`,
			text: "They were recorded; without the condition there may be some.",
			remedy: "leave out --where",
		};
	if (!scope.window.whole)
		return {
			kind: "notice",
			reason: "not-in-window",
			title: `${what}: none in this window`,
			text: `They were recorded; none lies in these ${sentence(scope.window.ns, "ns")}.`,
			remedy: "leave out --window",
		};
	return {
		kind: "notice",
		reason: "none",
		title: `${what}: none`,
		text: `They were recorded for ${sentence(scope.window.ns, "ns")} and did not happen.`,
	};
}

/** Findings where there is nothing to find: every section says so in its place. */
export function nothing(
	scope: Scope,
	sections: Readonly<Record<string, string>>,
	title: string,
	what: string,
): Findings {
	const notice = noneNotice(scope, what);
	return {
		// What there is none of under a condition may be elsewhere.
		title: notice.reason === "none" ? title : notice.title,
		lead: `${notice.title}. ${notice.text}`,
		keyNumbers: [],
		sections: Object.entries(sections).map(([id, heading]) => ({ id, title: heading, blocks: [notice] })),
	};
}

/** The blocks of a section, or the notice that there is nothing. */
export function present(blocks: readonly Block[], scope: Scope, what: string): readonly Block[] {
	return blocks.length > 0 ? blocks : [noneNotice(scope, what)];
}
