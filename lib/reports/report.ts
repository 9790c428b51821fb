import type { Dataset } from "../dataset/dataset.ts";
import type { Needs } from "../dataset/needs.ts";
import type { QueryParameters, Scope } from "../dataset/scope.ts";
import type { WhereField } from "../dataset/where.ts";
import type { DefinitionName } from "./definitions.ts";
import type { KeyNumber, Report, Section } from "./document.ts";

/** What a report finds out: the frame around it (what was recorded, limits, statement) is the same for all. */
export interface Findings {
	/** The answer in one sentence, with the subject by name. */
	readonly title: string;
	/** The number behind the title, its base, the next step. */
	readonly lead: string;
	/** At most five. */
	readonly keyNumbers: readonly KeyNumber[];
	/** Always the same sections in the same order, with a notice in place of what is not there. */
	readonly sections: readonly Section[];
}

export interface ReportDefinition {
	/** Name on the command line. */
	readonly name: string;
	/** The question that it answers. */
	readonly question: string;
	/** LinuxKI's report for this question. */
	readonly linuxki: string;
	/** Without these there is no answer. */
	readonly needs: Needs;
	/** Events that it uses, the needed first. */
	readonly events: readonly string[];
	/** What to record for the whole answer. */
	readonly record: readonly string[];
	/** What its conditions may speak of. */
	readonly where: readonly WhereField[];
	/** It has the parameter `event`: what was sampled. */
	readonly takesEvent?: boolean;
	/** Definitions that its numbers rest on. */
	readonly definitions: readonly DefinitionName[];
	/** Titles of its sections by id: they exist also where nothing was recorded. */
	readonly sections: Readonly<Record<string, string>>;
	/** `parameters` as given, with a number of rows where the user named none. */
	find(ds: Dataset, scope: Scope, parameters: QueryParameters): Promise<Findings>;
}

export interface ReportModule extends Omit<ReportDefinition, "find" | "takesEvent"> {
	/** Names of the parameters that it takes. */
	readonly parameters: readonly string[];
	/** @throws PowerkiError (usage) for a wrong parameter, and with a list where several traces could be meant */
	build(ds: Dataset, parameters?: QueryParameters): Promise<Report>;
}
