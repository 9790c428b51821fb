import { isNotRecorded, type NotRecorded } from "../dataset/needs.ts";

/** The rows of a query whose needs the report has checked before. */
export function recorded<T>(answer: T | NotRecorded): T {
	if (isNotRecorded(answer)) throw new Error(`${answer.what}: the report did not check that it was recorded`);
	return answer;
}
