/** How adapters store snapshots in a database, whichever it is. */

/** Rungs that are looked at, from the newest on: with one a minute these are eight hours. Older ones have been thinned out by then. */
export const LOOKED_AT = 500

/** Above this share of what its base took, a snapshot is stored whole and is the next base: states have drifted apart. */
export const WORTH_SHARE = 0.25
