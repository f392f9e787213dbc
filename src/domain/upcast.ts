/**
 * Reading old events: a stored event is lifted, one version at a time, to the current schema, then decoded. Events of a
 * newer release (unknown type, or a version above ours) are not errors: they are reported as such, and readers skip and
 * count them.
 */
import { Schema } from 'effect'
import { CATALOGUE, DomainEvent, type EventType } from '#domain/events.ts'

/** Raw `data` column plus its type tag; the shape is whatever version `n` had. */
type Raw = { readonly [key: string]: unknown }
type Upcaster = (old: Raw) => Raw

/** `UPCASTERS[type][n]` lifts version n to n + 1. Every step has a stored example in test/fixtures/events/. */
export const UPCASTERS: { readonly [K in EventType]?: { readonly [version: number]: Upcaster } } = {
  PolicyChanged: {
    // There was one strategy, which scored nothing and moved no request away before a limit was reached.
    1: (old) => ({ ...old, policy: withMembers(old.policy, 'routing', ROUTING_BEFORE_SCORES) }),
  },
}

/** What the first version did, in the words of the second; not today's defaults, which may change. */
const ROUTING_BEFORE_SCORES = {
  weights: { headroom: 0.4, performance: 0.3, cost: 0.2, reliability: 0.1 },
  limitThreshold: 1,
  substitutes: 'last',
  explorationShare: 0,
}

const isObject = (value: unknown): value is Raw => typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object with these members in the object `key` of it. What is damaged stays as it is, for the decoder to complain of. */
const withMembers = (parent: unknown, key: string, members: Raw): unknown =>
  isObject(parent) && isObject(parent[key]) ? { ...parent, [key]: { ...members, ...parent[key] } } : parent

export type Upcast =
  | { readonly _tag: 'Known'; readonly event: DomainEvent }
  /** Written by a newer release. */
  | { readonly _tag: 'FromTheFuture'; readonly type: string; readonly schemaVersion: number }
  /** Does not fit the schema of its version: the log is damaged or was edited. */
  | { readonly _tag: 'Undecodable'; readonly type: string; readonly schemaVersion: number; readonly message: string }

const decode = Schema.decodeUnknownResult(DomainEvent)

/** Lifts one stored event. `data` is the parsed JSON of the data column, without the tag. */
export const upcast = (
  type: string,
  schemaVersion: number,
  data: Raw,
  upcasters: { readonly [type: string]: { readonly [version: number]: Upcaster } | undefined } = UPCASTERS,
): Upcast => {
  const entry = Object.hasOwn(CATALOGUE, type) ? CATALOGUE[type as EventType] : undefined
  if (entry === undefined || schemaVersion > entry.schemaVersion) {
    return { _tag: 'FromTheFuture', type, schemaVersion }
  }
  let raw = data
  for (let version = schemaVersion; version < entry.schemaVersion; version++) {
    const lift = upcasters[type]?.[version]
    if (lift === undefined) {
      return { _tag: 'Undecodable', type, schemaVersion, message: `no upcaster from version ${version}` }
    }
    raw = lift(raw)
  }
  const decoded = decode({ ...raw, _tag: type })
  return decoded._tag === 'Success'
    ? { _tag: 'Known', event: decoded.success }
    : { _tag: 'Undecodable', type, schemaVersion, message: String(decoded.failure) }
}
