/** What a page of the log may hold, and which types of events are rare enough for an index of their own, in every database. */

/** The port's limit. */
export const MOST_ROWS = 10_000

/** The types that make up nearly all rows: a question for them finds some on every page and needs no index. */
const COMMON_TYPES = ['RequestAdmitted', 'RouteChosen', 'AttemptStarted', 'AttemptSucceeded'] as const

export const isCommonType = (type: string): boolean => (COMMON_TYPES as readonly string[]).includes(type)

/** The condition of the index on rare types; databases use that index only for queries that repeat it word for word. */
export const RARE = `type NOT IN (${COMMON_TYPES.map((type) => `'${type}'`).join(', ')})`
