/** Views of all topics, in the order in which they use each other: what a query of a user can name. */
import type { View } from "../dataset/view.ts";
import { futexViews } from "../futex/views.ts";
import { ioViews } from "../io/views.ts";
import { schedulingViews } from "../scheduling/views.ts";
import { stackViews } from "../stacks/views.ts";
import { syscallViews } from "../syscalls/views.ts";

export const topicViews: readonly View[] = [
	...schedulingViews,
	...stackViews,
	...ioViews,
	...futexViews,
	...syscallViews,
];
